"""uvicorn in a thread of its own: it serves any event loop's client and never touches the caller's signals."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Final

import uvicorn
from starlette.types import ASGIApp

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 1
"""How long calls in progress may take to end when the server stops."""

TICK_SECONDS: Final = 0.1
"""uvicorn renews its Date header every ten ticks."""

_LOOP_TURNS_TO_CLOSE: Final = 5
"""After so many turns of the loop the connections without a call are gone."""


class _Server(uvicorn.Server):
    """Ends when told to; uvicorn's own looks for the end every 100 ms and then sleeps another 100."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    def end(self) -> None:
        """Begin to stop; callable from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(_LOOP_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)


class ThreadServer:
    """Serves an app on a loopback port until `stop`."""

    def __init__(self, app: ASGIApp, *, port: int = 0) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="heygen-sandbox-server", daemon=True)

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start serving; return when calls are answered."""
        self._thread.start()
        if not self._server.ready.wait(START_SECONDS):
            self.stop()
            raise RuntimeError("the sandbox server did not start")

    def stop(self) -> None:
        """Stop serving and wait for the thread."""
        self._server.end()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
