"""Waiting in real time that ends when the server stops, so that nobody has to wait for a fault."""

from __future__ import annotations

from typing import Final

import anyio

from heygen_async.sandbox.faults.exchange import Exchange

_TICK: Final = 0.05


async def pause(exchange: Exchange, seconds: float) -> None:
    """Wait so many seconds."""
    deadline = anyio.current_time() + seconds
    while (left := deadline - anyio.current_time()) > 0 and not exchange.service.closing:  # noqa: ASYNC110 - another thread sets it
        await anyio.sleep(min(left, _TICK))


async def client_left(exchange: Exchange) -> None:
    """Wait until the client has closed its connection."""
    while not exchange.service.closing:
        with anyio.move_on_after(_TICK):
            if (await exchange.receive())["type"] == "http.disconnect":
                return
