"""Bodies that are taken straight from their sockets, in turns."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from attrs import define

from heygen_async import _write_back
from heygen_async._transport.file_socket import BodySocket, Processors
from heygen_async._write_back import write_back

PEM = Path(__file__).with_name("loopback.pem")


@define
class TlsHost:
    """The other end of a TLS connection; what it says is sent as far as a test wants."""

    _wire: socket.socket
    _tls: ssl.SSLObject
    _out: ssl.MemoryBIO

    def sealed(self, *records: bytes) -> bytes:
        """Return the records as they come over the wire."""
        for record in records:
            self._tls.write(record)
        return self._out.read()

    def farewell(self) -> bytes:
        """Return what says that nothing more will come."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._out.read()

    def send(self, data: bytes) -> None:
        """Send bytes over the wire."""
        self._wire.sendall(data)


@pytest.fixture
def plain() -> Generator[tuple[socket.socket, BodySocket]]:
    """Give a host's end of a connection, and the body at the other one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        yield theirs, BodySocket(ours)


@pytest.fixture
def tls() -> Generator[tuple[TlsHost, BodySocket]]:
    """Give the same over TLS, after the handshake."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(PEM)
    # Tickets would come after the handshake, and are no bytes of a body.
    server.num_tickets = 0
    client = ssl.create_default_context(cafile=str(PEM))
    ours, theirs = socket.socketpair()
    incoming, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    host = server.wrap_bio(incoming, out, server_side=True)

    def shake_hands() -> None:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                host.do_handshake()
                theirs.sendall(out.read())
                return
            theirs.sendall(out.read())
            incoming.write(theirs.recv(65536))

    thread = threading.Thread(target=shake_hands)
    thread.start()
    with client.wrap_socket(ours, server_hostname="localhost") as connection, theirs:
        thread.join()
        yield TlsHost(theirs, host, out), BodySocket(connection)


def room(size: int) -> memoryview:
    return memoryview(bytearray(size))


def test_nothing_is_there_until_it_comes(plain: tuple[socket.socket, BodySocket]) -> None:
    host, body = plain
    assert not body.wait(0)
    assert not body.wait(-1)
    assert body.take(room(10)) is None
    host.sendall(b"film")
    into = room(10)
    assert body.wait(5)
    assert body.take(into) == 4
    assert into[:4] == b"film"


def test_no_more_is_taken_than_there_is_room_for(plain: tuple[socket.socket, BodySocket]) -> None:
    """What comes after is not of this body."""
    host, body = plain
    host.sendall(b"film and more")
    assert body.wait(5)
    assert body.take(room(4)) == 4
    assert body.take(room(4)) == 4


def test_the_end_is_nothing_and_not_waited_for(plain: tuple[socket.socket, BodySocket]) -> None:
    host, body = plain
    host.sendall(b"film")
    host.close()
    assert body.wait(5)
    assert body.take(room(10)) == 4
    assert body.wait(5)
    assert body.take(room(10)) == 0


def test_the_end_of_a_tls_body_may_come_with_its_last_bytes(tls: tuple[TlsHost, BodySocket]) -> None:
    """Many hosts say that it is over, and then wait for the other side before they close the connection."""
    host, body = tls
    host.send(host.sealed(b"film") + host.farewell())
    assert body.wait(5)
    assert body.take(room(10)) == 4
    assert body.wait(0)
    assert body.take(room(10)) == 0


def test_a_connection_that_is_closed_meanwhile_is_not_waited_for(plain: tuple[socket.socket, BodySocket]) -> None:
    """As when the client is closed: the error is one of reading, which is what a download knows about."""
    _, body = plain
    body._connection.close()
    assert body.wait(5)
    with pytest.raises(OSError, match="Bad file descriptor"):
        body.take(room(10))


@pytest.mark.parametrize("seconds", [3e6, 1e12])
def test_however_long_a_stall_may_be(plain: tuple[socket.socket, BodySocket], seconds: float) -> None:
    """Longer than the system can count."""
    host, body = plain
    host.sendall(b"film")
    assert body.wait(seconds)


def test_a_reset_is_an_error(plain: tuple[socket.socket, BodySocket]) -> None:
    host, body = plain
    host.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    host.close()
    assert body.wait(5)
    with pytest.raises(ConnectionResetError):
        body.take(room(10))


def test_a_part_of_a_tls_record_is_no_bytes_yet(tls: tuple[TlsHost, BodySocket]) -> None:
    host, body = tls
    sealed = host.sealed(b"film")
    host.send(sealed[:-3])
    assert body.wait(5)
    assert body.take(room(10)) is None
    assert not body.wait(0)
    host.send(sealed[-3:])
    assert body.wait(5)
    assert body.take(room(10)) == 4


def test_all_tls_records_that_came_are_taken_at_once(tls: tuple[TlsHost, BodySocket]) -> None:
    host, body = tls
    host.send(host.sealed(b"one ", b"two ", b"three"))
    into = room(100)
    assert body.wait(5)
    assert body.take(into) == 13
    assert into[:13] == b"one two three"


def test_what_is_decrypted_already_is_not_waited_for(tls: tuple[TlsHost, BodySocket]) -> None:
    """The socket has nothing more to read then."""
    host, body = tls
    host.send(host.sealed(b"film"))
    assert body.wait(5)
    assert body.take(room(1)) == 1
    assert body.wait(0)
    assert body.take(room(10)) == 3


def test_what_came_before_a_broken_tls_record_is_taken_first(tls: tuple[TlsHost, BodySocket]) -> None:
    host, body = tls
    sealed, spoiled = host.sealed(b"film"), bytearray(host.sealed(b"spoiled"))
    spoiled[-1] ^= 1
    host.send(sealed + spoiled)
    assert body.wait(5)
    assert body.take(room(10)) == 4
    with pytest.raises(ssl.SSLError):
        body.take(room(10))


def test_no_more_threads_copy_than_there_are_processors() -> None:
    """Each of the others waits for a turn, but not for somebody who is stuck."""
    processors = Processors(2)
    with processors.turn(), processors.turn():
        assert processors.free == 0
        with processors.turn():
            assert processors.free == 0
        assert processors.free == 0
    assert processors.free == 2


def test_a_turn_ends_with_an_error() -> None:
    processors = Processors(1)
    with pytest.raises(OSError, match="full"), processors.turn():
        raise OSError("full")
    assert processors.free == 1


def test_there_is_a_turn_on_every_machine() -> None:
    assert Processors().free >= 1


def test_without_ctypes_the_system_is_only_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpreters can be built without it."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert _write_back._found() is _write_back._advise


def test_where_the_call_is_refused_the_system_is_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by file systems and sandboxes that only look like Linux."""
    advised: list[tuple[int, int, int]] = []
    monkeypatch.setattr(_write_back, "_advise", lambda *about: advised.append(about))
    for answer in (0, -1):
        _write_back._ask(lambda *_, answer=answer: answer, 3, answer + 10, 4096)
    assert advised == [(3, 9, 4096)]


def test_writing_back_is_a_hint_that_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "film.part"
    path.write_bytes(b"film" * 1000)
    descriptor = os.open(path, os.O_RDWR)
    write_back(descriptor, 0, 4000)
    os.close(descriptor)
    write_back(descriptor, 0, 4000)
    assert path.read_bytes() == b"film" * 1000
