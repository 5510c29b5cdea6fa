"""One TLS context for both lanes, built off the event loop."""

from __future__ import annotations

import ssl

import anyio
import anyio.to_thread
import httpx
from attrs import define, field


@define(eq=False)
class SharedTls:
    """Build the TLS context once, in a worker thread: that, and what it prepares, costs 70 ms of blocking work."""

    _context: ssl.SSLContext | None = field(default=None, init=False)
    _lock: anyio.Lock = field(factory=anyio.Lock, init=False)

    async def context(self) -> ssl.SSLContext:
        """Return the context; waits for a worker thread the first time."""
        async with self._lock:
            if self._context is None:
                self._context = await anyio.to_thread.run_sync(_prepared)
            return self._context


def _prepared() -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    # The first transport of a process imports what does the work, 50 ms that would hold up the event loop.
    httpx.HTTPTransport(verify=context).close()
    return context
