"""The items of a batch while they are under way, and what they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from pathlib import Path

from attrs import define, field

from heygen_async import errors
from heygen_async._admission import Slot
from heygen_async._api import logger
from heygen_async._batch_flow import Halt, Meter, Shields
from heygen_async._journal import Journal
from heygen_async._protocol.batching import Budget
from heygen_async._protocol.encoding import Prepared
from heygen_async._protocol.journal import Entry
from heygen_async._services import Services
from heygen_async._threads import Threads
from heygen_async.events import Event, WaitingForSlot
from heygen_async.models.video import VideoStatus


@define(eq=False, kw_only=True)
class Item:
    """What a batch keeps of an item while it is under way.

    `placed` says that it counts among those in flight, `in_doubt` that an attempt of it may have been accepted
    unseen, `changed_at` when its video changed its status last, and `nag_at` when that, or a stall, was reported.
    """

    position: int
    key: Hashable
    prepared: Prepared
    digest: str
    target: Path | None
    usd: float | None
    entry: Entry | None = None
    slot: Slot | None = None
    placed: bool = False
    in_doubt: bool = False
    job_id: str | None = None
    status: VideoStatus | None = None
    changed_at: float = 0.0
    nag_at: float = 0.0

    @property
    def name(self) -> str:
        """Return the key under which the journal knows the item."""
        return str(self.key)


@define(eq=False, kw_only=True)
class Shared:
    """What all items of one batch work with.

    `places` counts the items in flight, `backlog` those that are pulled and neither in flight nor handed out.
    """

    services: Services
    journal: Journal | None
    budget: Budget
    halt: Halt
    places: Meter
    backlog: Meter
    emit: Callable[[Event], None]
    timeout: float | None
    overwrite: bool
    shields: Shields = field(factory=Shields)
    threads: Threads = field(factory=Threads)
    waited_for: dict[Item, None] = field(factory=dict[Item, None])

    async def note(self, item: Item, write: Callable[[Journal], Awaitable[object]]) -> None:
        """Write to the journal, if there is one; if that fails, nothing more is submitted, but what is paid goes on."""
        if self.journal is None:
            return
        try:
            await write(self.journal)
        except errors.JournalError as error:
            logger.warning("the journal misses a step of %r: %s", item.key, error)
            self.halt.stop(f"the journal cannot be written: {error}")

    async def slot_for(self, item: Item, *, urgent: bool = False) -> str | None:
        """Wait for a slot and give it to the item, or return why admission has stopped."""
        with self.halt.unless_stopped():
            item.slot = await self.services.admission.slot(urgent=urgent, on_wait=partial(self._report_place, item))
        return self.halt.reason

    def _report_place(self, item: Item, position: int) -> None:
        self.emit(WaitingForSlot(key=item.key, position=position))

    def place(self, item: Item) -> None:
        """Count an item among those in flight."""
        item.placed = True
        self.places.enter()

    def settle(self, item: Item) -> None:
        """Free what the item holds, if it still holds it: from here on it is in nobody's way."""
        if item.slot is not None:
            item.slot.release()
            item.slot = None
        if item.placed:
            item.placed = False
            self.places.leave()
            self.backlog.enter()

    def refund(self, item: Item) -> None:
        """Take back what was counted for a submission that surely came to nothing."""
        if item.usd is not None:
            self.budget.refund(item.usd)

    async def size_of(self, path: Path) -> int | None:
        """Return the size of a file, None if there is none."""

        def measure() -> int | None:
            try:
                return path.stat().st_size if path.is_file() else None
            except OSError:
                return None

        return await self.threads.run(measure)
