"""A sandbox that outlives its process: what belongs into its folder, and when something of it has changed."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

from heygen_async.sandbox.kept import stores_of
from heygen_async.sandbox.render.pool import WorkerRenderer
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.state import StateFolder


class Keeper:
    """Keeps a service in a folder from `start` to `stop`; without a folder it does nothing."""

    def __init__(self, folder: str | Path | None, service: Service) -> None:
        self._service = service
        self._state: StateFolder | None = None
        if folder is not None:
            self._state = StateFolder(
                Path(folder),
                lambda: stores_of(service),
                lock=service.open,
                stamp=self._stamp,
            )

    def start(self) -> None:
        """Go on from the folder, which the service must come to empty; raise `StateError` if that is impossible."""
        if self._state is None:
            return
        self._state.open()
        self._service.assets.keep_in(self._state.folder / "assets")
        if isinstance(self._service.renderer, WorkerRenderer):
            self._service.renderer.keep_in(self._state.folder / "videos")
        self._state.load()

    def stop(self) -> None:
        """Save a last time; renders must not have been ended yet, for they would have failed."""
        if self._state is not None:
            self._state.close()

    def _stamp(self) -> Hashable:
        """Return what differs whenever a call was answered, a job ended, an event went out, or money was set."""
        service = self._service
        with service.open() as (account, now):
            account.settle(now)
            deliveries = tuple((one.number, one.state, len(one.attempts)) for one in service.webhooks.deliveries)
            ended = sum(job.finished_at is not None for job in account.jobs.values())
            return service.journal.changes, service.clock.moves, account.wallet, len(account.jobs), ended, deliveries
