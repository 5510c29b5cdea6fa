"""A file host on loopback that misbehaves on request, down to the byte.

Every request is answered by the next behaviour of the script, and when that is used up by a well-behaved host with
ranges, `If-Range` and HEAD. What came in is recorded.
"""

from __future__ import annotations

import contextlib
import gzip as gziplib
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import urlsplit

ETAG = '"one"'


def box(name: bytes, content: bytes) -> bytes:
    """Return one MP4 box."""
    return struct.pack(">I", 8 + len(content)) + name + content


def mp4(size: int = 300_000, seed: int = 1) -> bytes:
    """Return bytes with the structure of an MP4 film: ftyp, moov, mdat."""
    head = box(b"ftyp", b"isom\0\0\2\0isommp41") + box(b"moov", box(b"mvhd", bytes(100)))
    return head + box(b"mdat", random.Random(seed).randbytes(size - len(head) - 8))


@dataclass
class Seen:
    """One request as it came in; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass
class Exchange:
    """One request and the socket for its answer."""

    server: FileServer
    connection: socket.socket
    seen: Seen

    def head(self, status: int, headers: dict[str, Any]) -> None:
        """Send a head; None leaves a header out."""
        lines = [f"HTTP/1.1 {status} Whatever", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def reset(self) -> None:
        """Break the connection with RST, after what was sent has left."""
        time.sleep(0.02)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def hold(self) -> None:
        """Keep the connection open without a word, until the client or the test ends it."""
        self.server.holding.set()
        with contextlib.suppress(OSError):
            self.connection.settimeout(20)
            self.connection.recv(1)

    def asked_range(self) -> tuple[int, int] | None:
        """Return first and last byte asked for, or None for the whole file."""
        text, body = self.seen.range, self.server.body
        condition = self.seen.headers.get("if-range")
        if text is None or (condition is not None and condition != self.server.etag):
            return None
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), min(int(last) if last else len(body) - 1, len(body) - 1)

    def plan(self) -> tuple[int, dict[str, Any], bytes]:
        """Return what a well-behaved host would answer."""
        server = self.server
        headers: dict[str, Any] = {
            "Content-Type": server.content_type,
            "ETag": server.etag,
            "Accept-Ranges": "bytes",
            "Last-Modified": formatdate(1_700_000_000, usegmt=True),
        }
        asked = self.asked_range()
        if asked is None:
            return 200, {**headers, "Content-Length": len(server.body)}, server.body
        first, last = asked
        if first >= len(server.body):
            return 416, {**headers, "Content-Range": f"bytes */{len(server.body)}", "Content-Length": 0}, b""
        part = server.body[first : last + 1]
        headers |= {"Content-Range": f"bytes {first}-{last}/{len(server.body)}", "Content-Length": len(part)}
        return 206, headers, part


Behaviour = Callable[[Exchange], None]


def well(exchange: Exchange) -> None:
    """Answer as a good host does."""
    status, headers, body = exchange.plan()
    exchange.head(status, headers)
    if exchange.seen.method != "HEAD":
        exchange.send(body)


def changed(
    *, body: Callable[[bytes], bytes] = lambda body: body, status: int | None = None, **headers: Any
) -> Behaviour:
    """Answer well, but with other headers (`content_range=...`, None removes one), status or body bytes."""

    def behave(exchange: Exchange) -> None:
        planned, plan, content = exchange.plan()
        plan |= {name.replace("_", "-").title().replace("Etag", "ETag"): value for name, value in headers.items()}
        exchange.head(status or planned, plan)
        if exchange.seen.method != "HEAD":
            exchange.send(body(content))

    return behave


def cut(after: int) -> Behaviour:
    """Promise the whole length, close after `after` bytes of the body."""
    return changed(body=lambda body: body[:after])


def rst(after: int) -> Behaviour:
    """Promise the whole length, reset after `after` bytes of the body."""

    def behave(exchange: Exchange) -> None:
        cut(after)(exchange)
        exchange.reset()

    return behave


def stall(after: int) -> Behaviour:
    """Send `after` bytes of the body, then nothing more, without closing."""

    def behave(exchange: Exchange) -> None:
        cut(after)(exchange)
        exchange.hold()

    return behave


def drip(after: int, every: float = 0.01) -> Behaviour:
    """Send `after` bytes of the body, then one byte at a time for as long as somebody listens."""

    def behave(exchange: Exchange) -> None:
        status, headers, body = exchange.plan()
        exchange.head(status, headers)
        exchange.send(body[:after])
        for position in range(after, len(body)):
            time.sleep(every)
            exchange.send(body[position : position + 1])

    return behave


def throttled(piece: int, every: float) -> Behaviour:
    """Send the body in small pieces: slow, but alive."""

    def behave(exchange: Exchange) -> None:
        status, headers, body = exchange.plan()
        exchange.head(status, headers)
        for position in range(0, len(body), piece):
            exchange.send(body[position : position + piece])
            time.sleep(every)

    return behave


def silent(exchange: Exchange) -> None:
    """Never answer."""
    exchange.hold()


def dripping_head(exchange: Exchange) -> None:
    """Send a head that never ends, byte by byte."""
    exchange.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        time.sleep(0.02)
        exchange.send(b"x")


def close_delimited(after: int | None = None) -> Behaviour:
    """Answer without a length: the end of the connection is the end of the body, cut after `after` bytes."""
    return changed(body=lambda body: body[:after], content_length=None)


def chunked(after: int | None = None, *, ended: bool = True) -> Behaviour:
    """Answer in chunks, without a length; cut after `after` bytes, properly `ended` or not."""

    def behave(exchange: Exchange) -> None:
        status, headers, body = exchange.plan()
        exchange.head(status, {**headers, "Content-Length": None, "Transfer-Encoding": "chunked"})
        body = body[:after]
        for start in range(0, len(body), 65_536):
            piece = body[start : start + 65_536]
            exchange.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if ended:
            exchange.send(b"0\r\n\r\n")

    return behave


def gzipped(exchange: Exchange) -> None:
    """Compress although told not to."""
    _, headers, _ = exchange.plan()
    packed = gziplib.compress(exchange.server.body, 1)
    exchange.head(200, {**headers, "Content-Encoding": "gzip", "Content-Length": len(packed), "Content-Range": None})
    exchange.send(packed)


def gzipped_cut(exchange: Exchange) -> None:
    """Compress although told not to, and close in the middle."""
    _, headers, _ = exchange.plan()
    packed = gziplib.compress(exchange.server.body, 1)
    exchange.head(200, {**headers, "Content-Encoding": "gzip", "Content-Length": len(packed)})
    exchange.send(packed[: len(packed) // 2])


def ignore_range(exchange: Exchange) -> None:
    """Answer a range request with the whole file."""
    exchange.seen.headers = {**exchange.seen.headers, "if-range": '"nobody"'}
    well(exchange)


def answer(status: int, body: bytes = b"", **headers: Any) -> Behaviour:
    """Answer with exactly this."""

    def behave(exchange: Exchange) -> None:
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        exchange.head(status, {"Content-Length": len(body), **named})
        exchange.send(body)

    return behave


EXPIRED = answer(
    403,
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
    content_type="application/xml",
)


def redirect(to: str, status: int = 302) -> Behaviour:
    """Send the client elsewhere."""
    return answer(status, location=to)


def garbage(exchange: Exchange) -> None:
    """Answer with something that is no HTTP."""
    exchange.send(b"\0\1\2 this is not HTTP\r\n\r\n")


def hang_up(exchange: Exchange) -> None:
    """Close without a word."""


def new_object(body: bytes, etag: str, then: Behaviour = well) -> Behaviour:
    """Put another object in the file's place, then go on."""

    def behave(exchange: Exchange) -> None:
        exchange.server.body, exchange.server.etag = body, etag
        then(exchange)

    return behave


@dataclass
class FileServer:
    """Serve `body` under every path, from one thread per connection."""

    body: Any = field(default_factory=mp4)
    etag: str | None = ETAG
    content_type: str | None = "video/mp4"
    script: list[Behaviour] = field(default_factory=list)
    always: Behaviour = well
    seen: list[Seen] = field(default_factory=list)
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    holding: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._closed = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((self.host, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return a link that looks presigned."""
        return f"{self.origin}/files/film.mp4?Expires=1&Signature=s3cr3t"

    @property
    def ranges(self) -> list[str | None]:
        """Return the Range header of every GET so far."""
        return [seen.range for seen in self.seen if seen.method == "GET"]

    def close(self) -> None:
        """Stop listening, end every connection, and wait for the threads."""
        self._closed = True
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), 1).close()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closed:
                connection.close()
                return
            connection.settimeout(20)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            with contextlib.suppress(OSError), connection:
                if self.tls is None:
                    self._exchange(connection)
                else:
                    with self.tls.wrap_socket(connection, server_side=True) as secured:
                        self._exchange(secured)
        finally:
            with self._lock:
                self._open.discard(connection)

    def _exchange(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65_536)
            if not received:
                return
            data += received
        first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        seen = Seen(method, target, headers)
        with self._lock:
            self.seen.append(Seen(method, target, dict(headers)))
            behave = self.script.pop(0) if self.script else self.always
        behave(Exchange(self, connection, seen))
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)


def path_of(seen: Seen) -> str:
    """Return the path that was asked for, without its query."""
    return urlsplit(seen.target).path
