"""A sandbox from its start to its stop: the server, the folder of its state, and the renderer."""

from __future__ import annotations

from pathlib import Path

from starlette.types import ASGIApp

from heygen_async.sandbox.beginning import Beginning
from heygen_async.sandbox.keeping import Keeper
from heygen_async.sandbox.render.pool import WorkerRenderer
from heygen_async.sandbox.server import ThreadServer
from heygen_async.sandbox.service import Service


class Serving:
    """Serves an app on loopback as often as it is told to; `state` is the folder that outlives it."""

    def __init__(
        self, app: ASGIApp, service: Service, beginning: Beginning, *, port: int, state: str | Path | None
    ) -> None:
        self._app = app
        self._service = service
        self._beginning = beginning
        self._port = port
        self._keeper = Keeper(state, service)
        self._server: ThreadServer | None = None
        self._stopped = False

    @property
    def url(self) -> str:
        """Return the base URL; raise `RuntimeError` while it is not serving."""
        if self._server is None:
            raise RuntimeError("the sandbox is not serving: call start(), or use it in process")
        return self._server.url

    def start(self) -> None:
        """Serve in a thread, unless it does; after a `stop`, begin empty, or with what the folder kept."""
        if self._server is not None:
            return
        if self._stopped:
            self._service.renderer = self._beginning.renderer()
            self._beginning.again(self._service)
        self._service.closing = False
        self._keeper.start()
        try:
            server = ThreadServer(self._app, port=self._port)
            server.start()
        except BaseException:
            self._keeper.stop()
            raise
        self._server = server

    def warm(self) -> None:
        """Start what renders real videos; returns at once."""
        renderer = self._service.renderer
        if isinstance(renderer, WorkerRenderer):
            renderer.warm()

    def stop(self) -> None:
        """End the server, then whatever it used; idempotent."""
        server, self._server = self._server, None
        self._service.closing = True
        if server is not None:
            server.stop()
        self._service.webhooks.stop()
        self._keeper.stop()
        self._service.assets.close()
        self._service.renderer.close()
        self._stopped = True
