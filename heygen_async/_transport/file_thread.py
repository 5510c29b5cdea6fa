"""The default way to fetch a file: an attempt asks and receives in two calls that block, in a worker thread."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import httpx
from attrs import define, field

from heygen_async._protocol.file_answers import FileAnswer
from heygen_async._protocol.file_urls import REDIRECTS, redirect_target
from heygen_async._protocol.persistence import StallMeter
from heygen_async._protocol.resuming import Refuse, Take
from heygen_async._transport.failures import describe, kinds_of
from heygen_async._transport.file_line import Line
from heygen_async._transport.file_requests import (
    BLOCK,
    DRIPPING,
    FLUSH_AFTER,
    SILENT,
    BrokenError,
    Fetched,
    FileRules,
    Sink,
    file_request,
    head_of,
)
from heygen_async._transport.file_socket import BodySocket, Processors


def ask(client: httpx.Client, url: str, headers: Mapping[str, str], line: Line, rules: FileRules) -> httpx.Response:
    """Send a request, follow its redirects, and return the response with its body unread; `line` closes it.

    Raise `BrokenError` if the connection failed or the line was cut.
    """
    with _translated(client, line, rules):
        response = _answer(client, url, headers, line, rules)
    if not line.hand_over(response):
        raise BrokenError(str(line.cut_because))
    return response


def receive(response: httpx.Response, sink: Sink, line: Line, rules: FileRules, processors: Processors) -> Fetched:
    """Give an answer to the sink and return how the attempt ended; raise `BrokenError`, and what the sink raises.

    What came before a failure has been written.
    """
    answer = head_of(response)
    verdict = sink.begin(answer)
    assert not isinstance(verdict, Refuse)  # noqa: S101 - a refusal is raised by the sink
    if not isinstance(verdict, Take):
        return verdict
    with _translated(response, line, rules):
        _write_body(response, answer, _Attempt(sink, line, rules, processors))
    return None


def _answer(client: httpx.Client, url: str, headers: Mapping[str, str], line: Line, rules: FileRules) -> httpx.Response:
    hops = 0
    while True:
        request = file_request(client, "GET", url, headers=headers, rules=rules, trace=line.trace)
        response = client.send(request, stream=True, auth=None, follow_redirects=False)
        if response.status_code not in REDIRECTS:
            return response
        response.close()
        hops += 1
        location = response.headers.get("location")
        url = redirect_target(url, location, hops=hops, allow_insecure=rules.allow_insecure)


@define(eq=False)
class _Attempt:
    """The body of one answer on its way into blocks, with an eye on stalls and on the line."""

    _sink: Sink
    _line: Line
    _rules: FileRules
    processors: Processors
    _block: memoryview = field(factory=lambda: memoryview(bytearray(BLOCK)), init=False)
    _filled: int = field(default=0, init=False)
    _flushed_at: float = field(factory=time.monotonic, init=False)
    _meter: StallMeter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._meter = StallMeter(self._rules.stall, self._flushed_at)

    @property
    def stall(self) -> float:
        return self._rules.stall

    @property
    def room(self) -> memoryview:
        """Return the part of the block that is still empty; never nothing."""
        return self._block[self._filled :]

    def filled(self, received: int) -> None:
        """Take note of bytes that were put into `room`."""
        now = time.monotonic()
        self._filled += received
        if self._filled == BLOCK or now - self._flushed_at > FLUSH_AFTER:
            self.flush()
            self._flushed_at = now
        self.check(received, now)

    def take(self, chunk: bytes) -> None:
        """Copy a chunk into the block, as often as that gets full."""
        rest = memoryview(chunk)
        while rest:
            piece = rest[: BLOCK - self._filled]
            self._block[self._filled : self._filled + len(piece)] = piece
            self.filled(len(piece))
            rest = rest[len(piece) :]

    def flush(self) -> None:
        """Write what is there."""
        block, self._filled = self._block[: self._filled], 0
        if block:
            self._sink.write(block)

    def check(self, received: int, now: float) -> None:
        """Raise `BrokenError` if the line was cut or only drips."""
        if self._line.cut_because is not None:
            raise BrokenError(self._line.cut_because)
        if self._meter.stalled(received, now):
            raise BrokenError(DRIPPING.format(self.stall))

    def count_wire_bytes(self, received: int) -> None:
        """Take note of compressed bytes."""
        self._sink.count_wire_bytes(received)

    def body_socket(self, response: httpx.Response) -> socket.socket | None:
        """Return the socket to read the body from, if there is one."""
        return self._line.body_socket(response.extensions.get("network_stream"))


def _write_body(response: httpx.Response, answer: FileAnswer, attempt: _Attempt) -> None:
    connection = attempt.body_socket(response) if answer.encoding is None else None
    failures: tuple[type[Exception], ...] = (BrokenError, *kinds_of(response).any)
    try:
        if connection is not None and answer.length is not None:
            _read_directly(BodySocket(connection), answer.length, attempt)
        elif answer.encoding is None:
            # Test doubles give answers that are read already, and those cannot be read raw.
            for chunk in (response.content,) if response.is_stream_consumed else response.iter_raw():
                attempt.take(chunk)
        else:
            _read_decoded(response, attempt)
    except failures:
        attempt.flush()
        raise
    attempt.flush()


def _read_directly(body: BodySocket, length: int, attempt: _Attempt) -> None:
    missing = length
    while missing:
        if not body.wait(min(FLUSH_AFTER, attempt.stall)):
            # Nothing is coming just now: time to write what is there, before the long wait.
            attempt.flush()
            if not body.wait(attempt.stall - FLUSH_AFTER):
                raise TimeoutError
        with attempt.processors.turn():
            received = body.take(attempt.room[:missing])
            if received == 0:
                attempt.check(0, time.monotonic())
                raise BrokenError(f"the connection ended {missing:,} bytes early")
            missing -= received or 0
            attempt.filled(received or 0)


def _read_decoded(response: httpx.Response, attempt: _Attempt) -> None:
    counted = 0
    for chunk in response.iter_bytes():
        attempt.count_wire_bytes(response.num_bytes_downloaded - counted)
        counted = response.num_bytes_downloaded
        attempt.take(chunk)
    attempt.count_wire_bytes(response.num_bytes_downloaded - counted)


@contextmanager
def _translated(source: httpx.Client | httpx.Response, line: Line, rules: FileRules) -> Generator[None]:
    kinds = kinds_of(source)
    try:
        yield
    except kinds.any as error:
        if line.cut_because is not None:
            reason = line.cut_because
        elif isinstance(error, kinds.timeout) and not isinstance(error, kinds.before_sending):
            reason = SILENT.format(rules.stall)
        else:
            reason = describe(error)
        raise BrokenError(reason) from error
