"""Answers that end too early: cut on the wire, or short but well-formed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from heygen_async.sandbox.faults.exchange import Exchange, with_headers

_BROKEN_OFF: Final = ContextVar("broken_off", default=False)


class _EnoughSentError(Exception):
    """Unwinds the app when no further byte shall be sent."""


def _unless_on_purpose(_record: logging.LogRecord) -> bool:
    """Drop the line uvicorn writes when an answer breaks off on purpose; lines about other calls pass."""
    return not _BROKEN_OFF.get()


async def send_part(exchange: Exchange, n: int, *, chunked: bool = False, ended: bool = False) -> None:
    """Send `n` bytes of the body; then break off, or end properly if `ended`. A shorter body is sent whole.

    Breaking off is returning early: uvicorn closes the connection, after the sent bytes have left.
    """
    send = with_headers(exchange.send, _drop_length) if chunked or ended else exchange.send
    stopped = False
    try:
        await exchange.work(_limited(send, n))
    except* _EnoughSentError:
        stopped = True
    if stopped and ended:
        await send({"type": "http.response.body", "body": b""})
    elif stopped:
        break_off()


def break_off() -> None:
    """Let the server say nothing about an answer that is about to end too early."""
    logging.getLogger("uvicorn.error").addFilter(_unless_on_purpose)
    _BROKEN_OFF.set(True)


def in_pieces(send: Send, write: Callable[[Send, bytes], Awaitable[None]]) -> Send:
    """Return a `send` whose body bytes go through `write`, which may take its time."""

    async def sending(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await write(send, message.get("body", b""))
        await send({**message, "body": b""})

    return sending


def _limited(send: Send, n: int) -> Send:
    left = n

    async def sending(message: Message) -> None:
        nonlocal left
        body: bytes = message.get("body", b"")
        if len(body) <= left:
            left -= len(body)
            await send(message)
            return
        await send({**message, "body": body[:left], "more_body": True})
        raise _EnoughSentError

    return sending


def _drop_length(_message: Message, headers: MutableHeaders) -> None:
    del headers["Content-Length"]
