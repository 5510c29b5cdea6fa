"""A TCP relay that breaks connections in ways no ASGI server can: resets, empty answers, garbage, refusals.

Put it between the client and a loopback server. Modes are set for the next connections (`times`), then it is a plain
relay again.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Mode:
    """How the next `times` connections end, after `after` bytes of the answer where that makes sense."""

    kind: str
    after: int = 0
    forward: bool = True
    times: int = 1


class Relay:
    """Forward bytes to `target`, one pair of threads per connection, and misbehave on request.

    Modes: `rst` and `fin` forward `after` bytes of the answer and end; `empty` reads the request and closes;
    `rst_before` reads the request, forwards it unless told not to, and resets before any byte of the answer;
    `close_delimited` replaces the answer's head by one without a length and closes after `after` bytes of body;
    `garbage` answers with bytes that are no HTTP; `silent` never answers.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.connections = 0
        self._modes: list[Mode] = []
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(self._accept)

    def break_next(self, kind: str, after: int = 0, *, forward: bool = True, times: int = 1) -> None:
        """Break the next `times` connections."""
        with self._lock:
            self._modes.append(Mode(kind, after, forward, times))

    def refuse(self) -> None:
        """Stop listening: connections are refused from now on."""
        self._stop_listening()

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _next_mode(self) -> Mode | None:
        with self._lock:
            while self._modes:
                mode = self._modes[0]
                if mode.times > 0:
                    mode.times -= 1
                    return mode
                self._modes.pop(0)
            return None

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closing.is_set():
                connection.close()
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), self._tracked(client):
            mode = self._next_mode()
            if mode is None:
                self._plain(client)
            else:
                self._broken(client, mode)

    @contextlib.contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[socket.socket]:
        with self._lock:
            self._open.add(connection)
        try:
            with connection:
                yield connection
        finally:
            with self._lock:
                self._open.discard(connection)

    def _plain(self, client: socket.socket) -> None:
        with self._tracked(socket.create_connection(self.target)) as server:
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()

    def _broken(self, client: socket.socket, mode: Mode) -> None:
        request = read_message(client)
        if mode.kind == "garbage":
            client.sendall(b"\x00\x01\x02 this is no HTTP at all\r\n\r\n")
        elif mode.kind == "silent":
            self._closing.wait()
        elif mode.kind == "rst_before":
            if mode.forward:
                self._ask(request)
            reset(client)
        elif mode.kind in {"rst", "fin"}:
            client.sendall(self._ask(request)[: mode.after])
            if mode.kind == "rst":
                # A reset drops what is still in the send buffer: give the bytes time to leave.
                time.sleep(0.05)
                reset(client)
        elif mode.kind == "close_delimited":
            body = self._ask(request).split(b"\r\n\r\n", 1)[1][: mode.after]
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n\r\n" + body)

    def _ask(self, request: bytes) -> bytes:
        with self._tracked(socket.create_connection(self.target)) as server:
            server.sendall(request)
            return read_message(server)

    def _stop_listening(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        self._closing.set()
        self._stop_listening()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)


def reset(connection: socket.socket) -> None:
    """Close with a reset instead of a clean end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_message(connection: socket.socket) -> bytes:
    """Read one HTTP message: the head and as many bytes of body as it declares."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (block := connection.recv(65536)):
            return data
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < (lengths or [0])[0]:
        if not (block := connection.recv(65536)):
            break
        body += block
    return head + b"\r\n\r\n" + body


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay_to(port: int) -> Iterator[Relay]:
    """Run a relay in front of a loopback port until the block is left."""
    relay = Relay(("127.0.0.1", port))
    try:
        yield relay
    finally:
        relay.close()
