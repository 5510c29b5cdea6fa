"""Idle connections are asked whether they were closed by way of their sockets."""

from __future__ import annotations

import socket
from collections.abc import Generator
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import SocketAttribute, SocketStream
from attrs import define, field

from heygen_async._transport.idling import make_idling_cheap


@define(slots=False)
class Stream:
    """What httpcore calls a network stream, as far as it is asked here; `asked` keeps what for."""

    socket: Any
    asked: list[str] = field(factory=list)

    def get_extra_info(self, info: str) -> Any:
        self.asked.append(info)
        return self.socket if info == "socket" else f"the {info} of httpcore"


@define(slots=True)
class Slotted:
    """The same, of a class with slots."""

    socket: Any

    def get_extra_info(self, info: str) -> Any:
        return self.socket if info == "socket" else f"the {info} of httpcore"


@pytest.fixture
def ends() -> Generator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_the_socket_says_whether_there_is_anything_to_read(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    stream = Stream(ours)
    make_idling_cheap(stream)
    make_idling_cheap(stream)
    assert stream.get_extra_info("is_readable") is False
    theirs.close()
    assert stream.get_extra_info("is_readable") is True
    assert stream.asked == ["socket"]


def test_a_closed_socket_counts_as_readable(ends: tuple[socket.socket, socket.socket]) -> None:
    """Whoever got its number meanwhile is not asked."""
    ours, _ = ends
    stream = Stream(ours)
    make_idling_cheap(stream)
    ours.close()
    assert stream.get_extra_info("is_readable") is True


def test_all_other_questions_go_to_httpcore(ends: tuple[socket.socket, socket.socket]) -> None:
    stream = Stream(ends[0])
    make_idling_cheap(stream)
    assert stream.get_extra_info("server_addr") == "the server_addr of httpcore"


def test_what_has_no_open_socket_is_left_alone(ends: tuple[socket.socket, socket.socket]) -> None:
    """Such as a transport of the caller's own, or a connection that was closed with its answer."""
    ends[0].close()
    for found in (None, "no socket", ends[0]):
        stream = Stream(found)
        make_idling_cheap(stream)
        assert stream.get_extra_info("is_readable") == "the is_readable of httpcore"
    for strange in (None, object()):
        make_idling_cheap(strange)


def test_whatever_goes_wrong_the_answer_that_came_is_not_lost(ends: tuple[socket.socket, socket.socket]) -> None:
    """A transport of the caller's own may raise what it likes, or have a socket with strange numbers."""

    class Odd:
        def fileno(self) -> None:
            return None

    class Raises:
        def get_extra_info(self, info: str) -> Any:
            raise RuntimeError(info)

    make_idling_cheap(Raises())
    stream = Stream(Odd())
    make_idling_cheap(stream)
    assert stream.get_extra_info("is_readable") == "the is_readable of httpcore"


def test_a_stream_that_takes_no_other_answer_keeps_its_own(ends: tuple[socket.socket, socket.socket]) -> None:
    """Some other library's."""
    stream = Slotted(ends[0])
    make_idling_cheap(stream)
    assert stream.get_extra_info("is_readable") == "the is_readable of httpcore"


@pytest.mark.anyio
async def test_a_connection_that_the_server_closed_while_it_idled_is_not_used_again() -> None:
    """On every event loop, where sockets are of different kinds."""
    served: list[int] = []

    async def serve(stream: SocketStream) -> None:
        served.append(stream.extra(SocketAttribute.remote_port))
        async with stream:
            for _ in range(2):
                await stream.receive()
                await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        closed.set()

    closed = anyio.Event()
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/"
    async with listener, anyio.create_task_group() as group, httpx.AsyncClient(trust_env=False) as client:
        group.start_soon(listener.serve, serve)
        for number in range(1, 4):
            response = await client.get(url)
            make_idling_cheap(response.extensions["network_stream"])
            assert "get_extra_info" in vars(response.extensions["network_stream"])
            if number == 2:
                await closed.wait()
        group.cancel_scope.cancel()
    assert len(served) == 2
