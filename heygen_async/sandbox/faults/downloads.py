"""Faults of the file host: links that die, bodies that end early, ranges and tags that lie."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Send

from heygen_async.sandbox.faults import checks
from heygen_async.sandbox.faults.action import OnCall, action
from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.faults.exchange import Exchange, with_headers
from heygen_async.sandbox.faults.lasting import Lasting, link
from heygen_async.sandbox.faults.partial import in_pieces, send_part
from heygen_async.sandbox.faults.waiting import pause
from heygen_async.sandbox.problems import Problem

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_TICK: Final = 0.05


def _has_body(call: CallFacts, _lasting: Lasting) -> bool:
    return call.method != "HEAD"


def _is_file(call: CallFacts, _lasting: Lasting) -> bool:
    return call.is_file


def _is_range(call: CallFacts, _lasting: Lasting) -> bool:
    return call.ranged


@action
def expire_now() -> OnCall:
    """Let the link of this call be expired from now on; a fresh link works."""

    async def perform(exchange: Exchange) -> None:
        exchange.service.faults.lasting.links.add(link(exchange.call))
        await exchange.refuse(Problem(403, "AccessDenied", "Request has expired"))

    return OnCall(perform, _is_file)


@action
def expire_after(n: int) -> OnCall:
    """Break off after `n` bytes and let the link be expired from then on. Needs a socket."""
    checks.count("n", n)

    async def perform(exchange: Exchange) -> None:
        try:
            await send_part(exchange, n)
        finally:
            exchange.service.faults.lasting.links.add(link(exchange.call))

    return OnCall(perform, lambda call, _lasting: call.is_file and call.method != "HEAD")


@action
def cut(n: int, *, chunked: bool = False) -> OnCall:
    """Promise the whole body and break off after `n` bytes, with a length or in chunks. Needs a socket."""
    checks.count("n", n)

    async def perform(exchange: Exchange) -> None:
        await send_part(exchange, n, chunked=chunked)

    return OnCall(perform, _has_body)


@action
def short(n: int) -> OnCall:
    """Send `n` bytes in chunks and end properly: nothing on the wire tells that the rest is missing."""
    checks.count("n", n)

    async def perform(exchange: Exchange) -> None:
        await send_part(exchange, n, ended=True)

    return OnCall(perform, _has_body)


@action
def throttle(bytes_per_second: float) -> OnCall:
    """Send the body no faster than this, in real time."""
    per_tick = max(1, math.floor(checks.above_zero("bytes_per_second", bytes_per_second) * _TICK))
    wait = per_tick / bytes_per_second

    async def perform(exchange: Exchange) -> None:
        async def write(send: Send, body: bytes) -> None:
            for start in range(0, len(body), per_tick):
                await send({"type": "http.response.body", "body": body[start : start + per_tick], "more_body": True})
                await pause(exchange, wait)

        await exchange.work(in_pieces(exchange.send, write))

    return OnCall(perform, _has_body)


@action
def stall(n: int, seconds: float) -> OnCall:
    """Send `n` bytes of the body, then nothing for so many real seconds, then the rest."""
    checks.count("n", n)
    checks.seconds("seconds", seconds)

    async def perform(exchange: Exchange) -> None:
        left: int | None = n

        async def write(send: Send, body: bytes) -> None:
            nonlocal left
            if left is not None and len(body) > left:
                await send({"type": "http.response.body", "body": body[:left], "more_body": True})
                await pause(exchange, seconds)
                body, left = body[left:], None
            elif left is not None:
                left -= len(body)
            await send({"type": "http.response.body", "body": body, "more_body": True})

        await exchange.work(in_pieces(exchange.send, write))

    return OnCall(perform, _has_body)


@action
def ignore_range() -> OnCall:
    """Answer 200 with the whole file to a call with `Range`."""

    async def perform(exchange: Exchange) -> None:
        exchange.without_headers("range")
        await exchange.work()

    return OnCall(perform, _is_range)


@action
def range_416() -> OnCall:
    """Answer 416 with the true size to a call with `Range`."""

    async def perform(exchange: Exchange) -> None:
        exchange.without_headers("range")
        exchange.scope["method"] = "HEAD"
        whole = await exchange.collect()
        size = whole.headers.get("content-length", "*")
        await exchange.answer(Response(b"", 416, headers={"Content-Range": f"bytes */{size}"}))

    return OnCall(perform, _is_range)


@action
def wrong_range() -> OnCall:
    """Claim in `Content-Range` that the bytes begin one byte later than they do."""

    def shifted(_message: Message, headers: MutableHeaders) -> None:
        claim = _RANGE.fullmatch(headers.get("content-range", ""))
        if claim is not None:
            first, last, size = map(int, claim.groups())
            headers["Content-Range"] = f"bytes {first + 1}-{last + 1}/{size + 1}"

    return _headed(shifted, _is_range)


@action
def change_etag(n: int = 0) -> OnCall:
    """Let the file have another ETag from now on; with `n`, only after a break-off behind that many bytes."""
    checks.count("n", n)

    async def perform(exchange: Exchange) -> None:
        tags = exchange.service.faults.lasting.tags
        if n == 0:
            tags[exchange.call.path] += 1
            await exchange.work()
            return
        try:
            await send_part(exchange, n)
        finally:
            tags[exchange.call.path] += 1

    return OnCall(perform, _is_file)


@action
def weak_etag() -> OnCall:
    """Send a weak ETag, with which no download may be resumed."""

    def weaken(_message: Message, headers: MutableHeaders) -> None:
        if (etag := headers.get("etag")) is not None:
            headers["ETag"] = f"W/{etag}"

    return _headed(weaken, _is_file)


@action
def no_length() -> OnCall:
    """Send the whole body in chunks, without `Content-Length`."""

    def drop(_message: Message, headers: MutableHeaders) -> None:
        del headers["Content-Length"]

    return _headed(drop, _has_body)


@action
def zero() -> OnCall:
    """Answer 200 with an empty file."""
    return _instead(lambda: Response(b"", media_type="video/mp4"))


@action
def html_200() -> OnCall:
    """Answer 200 with a web page in place of the file."""
    return _instead(lambda: HTMLResponse("<html><body>Please sign in to continue.</body></html>"))


@action
def gzip_file() -> OnCall:
    """Send the whole file compressed, asked for or not."""

    async def perform(exchange: Exchange) -> None:
        exchange.without_headers("range")
        answer = await exchange.collect()
        if answer.status != 200:
            await exchange.resend(answer, answer.body)
            return
        answer.headers["Content-Encoding"] = "gzip"
        await exchange.resend(answer, gzip.compress(answer.body, 1))

    return OnCall(perform, _has_body)


@action
def corrupt(n: int) -> OnCall:
    """Change the byte at position `n` of the file, in whatever part of it is sent."""
    checks.count("n", n)

    async def perform(exchange: Exchange) -> None:
        position = 0

        def begin(_message: Message, headers: MutableHeaders) -> None:
            nonlocal position
            found = _RANGE.fullmatch(headers.get("content-range", ""))
            position = int(found[1]) if found else 0

        async def write(send: Send, body: bytes) -> None:
            nonlocal position
            place = n - position
            if 0 <= place < len(body):
                body = body[:place] + bytes([body[place] ^ 0xFF]) + body[place + 1 :]
            position += len(body)
            await send({"type": "http.response.body", "body": body, "more_body": True})

        await exchange.work(with_headers(in_pieces(exchange.send, write), begin))

    return OnCall(perform, _has_body)


def _headed(
    change: Callable[[Message, MutableHeaders], None], concerns: Callable[[CallFacts, Lasting], bool]
) -> OnCall:
    async def perform(exchange: Exchange) -> None:
        await exchange.work(with_headers(exchange.send, change))

    return OnCall(perform, concerns)


def _instead(make: Callable[[], Response]) -> OnCall:
    async def perform(exchange: Exchange) -> None:
        await exchange.answer(make())

    return OnCall(perform)
