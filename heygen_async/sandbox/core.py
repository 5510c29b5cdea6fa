"""Jobs, slots and money of one account: pure, asked with the time of the question, no timers and no I/O."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol

from attrs import define, field, frozen

from heygen_async.sandbox.batches import Batch
from heygen_async.sandbox.catalogue import Catalogue
from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.progress import Progress
from heygen_async.sandbox.quirks import NORMAL, Quirks
from heygen_async.sandbox.stock_catalogue import stock

Wire = Literal["v2", "v3"]
Status = Literal["waiting", "pending", "processing", "completed", "failed"]


class Rendering(Protocol):
    """What the core must know of a render: when it ended, how long the video is, and why it failed if it did."""

    @property
    def done_at(self) -> float | None:
        """Return the virtual time of the end, None while the render is running."""

    @property
    def error(self) -> str | None:
        """Return why the render failed, if it did."""

    @property
    def seconds(self) -> float | None:
        """Return the true length of a finished video, None if it is the planned one."""


class InsufficientCreditError(Exception):
    """Say that the wallet does not cover the video."""


class TooManyJobsError(Exception):
    """Say that all slots of the account are taken."""


@frozen(kw_only=True)
class Order:
    """A validated request: what to make, what it costs, and what the answers have to repeat.

    `asked_seconds` is the length before the plan was cut to what is rendered at most; `flat_price` says that the price
    does not depend on the length; `queues` that it waits for a free slot where others are refused; `failure` that it
    will fail, and how.
    """

    wire: Wire
    plan: Plan
    usd: float
    request: Mapping[str, Any]
    title: str | None = None
    callback_id: str | None = None
    folder_id: str | None = None
    subtitles: bool = False
    burned_in: bool = False
    flat_price: bool = False
    asked_seconds: float = 0.0
    idempotency_key: str | None = None
    queues: bool = False
    failure: Failure | None = None


@define(eq=False, kw_only=True)
class Job:
    """One video from acceptance to its end; times are virtual unix seconds."""

    id: str
    number: int
    order: Order
    created_at: float
    rendering: Rendering
    planned_failure: Failure | None
    admitted_at: float | None = None
    looks: int = 0
    finished_at: float | None = None
    failure: Failure | None = None
    deleted: bool = False
    quirks: Quirks = NORMAL

    @property
    def seconds(self) -> float:
        """Return the length of the video: planned at first, true when it is finished."""
        true = self.rendering.seconds
        return self.order.plan.seconds if true is None or self.finished_at is None else true

    @property
    def told_seconds(self) -> float:
        """Return the length that answers tell."""
        return self.seconds * self.quirks.told_length

    def is_hidden(self, now: float) -> bool:
        """Say whether a fault keeps the job from being found yet."""
        return now < self.created_at + self.quirks.hidden

    def has_links(self, now: float) -> bool:
        """Say whether a completed job shows its links: a fault may hold them back."""
        return self.finished_at is not None and now >= self.finished_at + self.quirks.urls_after


@define(kw_only=True)
class Charge:
    """Money taken for one video, settled by its true length at its end; `refunded` when it failed.

    Avatars and speech are charged too, under their own ids.
    """

    video_id: str
    seconds: float
    usd: float
    at: float
    refunded: bool = False


@define(eq=False, kw_only=True)
class Account:
    """Everything one HeyGen account holds.

    `concurrency` None means no limit; `wallet` is in USD; longer videos than `max_seconds` fail with 40119. A video
    holds a slot from admission to its end.
    """

    seed: int = 0
    concurrency: int | None = 10
    wallet: float = 0.0
    max_seconds: float | None = None
    progress: Progress = field(factory=Progress)
    jobs: dict[str, Job] = field(factory=dict[str, Job])
    charges: dict[str, Charge] = field(factory=dict[str, Charge])
    planned_failures: deque[Failure] = field(factory=deque[Failure])
    catalogue: Catalogue = field(factory=stock)
    batches: dict[str, Batch] = field(factory=dict[str, Batch])
    ended: deque[Job] = field(factory=deque[Job])
    """The jobs whose end nobody has told yet, in the order of their ends."""

    _made: Counter[str] = field(factory=Counter[str])
    _running: dict[str, Job] = field(factory=dict[str, Job])
    _waiting: deque[Job] = field(factory=deque[Job])
    _last_admission: float = 0.0

    @property
    def made(self) -> Mapping[str, int]:
        """Return how many ids of each kind were given to things that are not videos."""
        return dict(self._made)

    def restore(self, jobs: Mapping[str, Job], *, made: Mapping[str, int]) -> None:
        """Go on from the jobs of another account, which this one then holds, and from its ids."""
        self.jobs = dict(jobs)
        self._made = Counter(made)
        unfinished = [job for job in jobs.values() if job.finished_at is None and not job.deleted]
        running = sorted((job.admitted_at, job.number, job) for job in unfinished if job.admitted_at is not None)
        self._running = {job.id: job for *_, job in running}
        self._waiting = deque(job for job in unfinished if job.admitted_at is None)
        self._last_admission = max((job.admitted_at or 0.0 for job in jobs.values()), default=0.0)

    def refuse(self, order: Order, *, now: float) -> None:
        """Raise `InsufficientCreditError` or, on v3, `TooManyJobsError` if the order cannot be accepted now."""
        if order.usd > self.wallet:
            raise InsufficientCreditError
        self.settle(now)
        full = self.concurrency is not None and len(self._running) + len(self._waiting) >= self.concurrency
        if order.wire == "v3" and full and not order.queues:
            raise TooManyJobsError

    def slot_free_in(self, now: float) -> float | None:
        """Return after how many virtual seconds a further job may be accepted, None if only looks can tell."""
        # Whoever waits for a slot already gets the first ones.
        ahead = len(self._running) + len(self._waiting) - (self.concurrency or 0)
        dues = sorted(due for job in self._running.values() if (due := self._due(job, now)) is not None)
        return max(0.0, dues[ahead] - now) if 0 <= ahead < len(dues) else None

    def accept(
        self, order: Order, rendering: Rendering, *, now: float, quirks_of: Callable[[str], Quirks] = lambda _: NORMAL
    ) -> Job:
        """Create, charge and if possible admit a job; v2 orders above the limit wait. It is told what is laid on it."""
        number = len(self.jobs) + 1
        video_id = self._id("video", number)
        job = Job(
            id=video_id,
            number=number,
            order=order,
            created_at=now,
            rendering=rendering,
            planned_failure=self._planned_failure(order),
            quirks=quirks_of(video_id),
        )
        self.jobs[job.id] = job
        self._charge(job, now)
        self._waiting.append(job)
        self.settle(now)
        return job

    def pay(self, what: str, *, usd: float, seconds: float = 0.0, now: float) -> None:
        """Take money for something that is not a video; raise `InsufficientCreditError` if there is too little."""
        if usd > self.wallet:
            raise InsufficientCreditError
        self.wallet = round(self.wallet - usd, 6)
        self.charges[what] = Charge(video_id=what, seconds=seconds, usd=usd, at=now)

    def new_id(self, kind: str) -> str:
        """Return a new id for something that is not a video; equal seeds give equal ids."""
        self._made[kind] += 1
        return self._id(kind, self._made[kind])

    def look(self, video_id: str, *, now: float) -> Job | None:
        """Return the job as it is now, counting the look; None if it does not exist or was deleted."""
        job = self.jobs.get(video_id)
        if job is None or job.deleted or job.is_hidden(now):
            return None
        if job.admitted_at is not None and job.finished_at is None:
            job.looks += 1
        self.settle(now)
        return job

    def delete(self, video_id: str, *, now: float) -> bool:
        """Remove a job, freeing its slot; say whether there was one."""
        job = self.jobs.get(video_id)
        if job is None or job.deleted:
            return False
        job.deleted = True
        self._running.pop(job.id, None)
        if job in self._waiting:
            self._waiting.remove(job)
        self.settle(now)
        return True

    def newest(self, *, before: int | None = None, now: float = math.inf) -> Iterator[Job]:
        """Yield the jobs that can be found, newest first, from below a number."""
        for job in reversed(self.jobs.values()):
            if not job.deleted and not job.is_hidden(now) and (before is None or job.number < before):
                yield job

    def status(self, job: Job, *, now: float) -> Status:
        """Return the state of a settled job."""
        if job.finished_at is not None:
            return "failed" if job.failure else "completed"
        if (word := job.quirks.word(job.looks)) is not None:
            return word
        if job.admitted_at is None:
            return "waiting"
        started = self._progress_of(job).has_started(admitted_at=job.admitted_at, looks=job.looks, now=now)
        return "processing" if started else "pending"

    def settle(self, now: float) -> None:
        """Bring all jobs up to `now`: each end frees a slot, at its own time, for the job that waits longest."""
        self._admit(now)
        ends = list(self._ends(now))
        heapq.heapify(ends)
        while ends:
            end, _, job = heapq.heappop(ends)
            self._finish(job, end)
            for admitted in self._admit(end):
                if (next_end := self._end(admitted, now)) is not None:
                    heapq.heappush(ends, (next_end, admitted.number, admitted))

    def _admit(self, at: float) -> list[Job]:
        admitted: list[Job] = []
        while self._waiting and (self.concurrency is None or len(self._running) < self.concurrency):
            job = self._waiting.popleft()
            self._last_admission = job.admitted_at = max(at, job.created_at, self._last_admission)
            self._running[job.id] = job
            admitted.append(job)
        return admitted

    def _ends(self, now: float) -> Iterator[tuple[float, int, Job]]:
        for job in self._running.values():
            due = self._due(job, now)
            if due is not None and due > now:
                if job.quirks.keeps_order and not self.progress.spread:
                    return  # jobs run in the order of their admission: none behind this one is due either
                continue
            if (end := self._end(job, now)) is not None:
                yield end, job.number, job

    def _due(self, job: Job, now: float) -> float | None:
        assert job.admitted_at is not None  # noqa: S101 - running means admitted
        if job.quirks.holds(job.looks):
            return None
        return self._progress_of(job).due(admitted_at=job.admitted_at, looks=job.looks, now=now)

    def _progress_of(self, job: Job) -> Progress:
        return job.quirks.progress(self.progress.of(job.id))

    def _end(self, job: Job, now: float) -> float | None:
        """Return when a running job ended, None if it has not: its file must exist too."""
        due = self._due(job, now)
        if due is None or due > now:
            return None
        if job.quirks.failure or job.planned_failure:
            return due
        done_at = job.rendering.done_at
        # A clock that was set back may know a shared render from its future.
        return None if done_at is None else max(due, min(done_at, now))

    def _finish(self, job: Job, at: float) -> None:
        del self._running[job.id]
        job.finished_at = at
        self.ended.append(job)
        job.failure = job.quirks.failure or job.planned_failure
        if job.failure is None and job.rendering.error is not None:
            job.failure = Failure.of("rendering_failed", job.rendering.error)
        if job.failure is not None:
            self._refund(job)
        else:
            self._settle_charge(job)

    def _planned_failure(self, order: Order) -> Failure | None:
        if order.failure is not None:
            return order.failure
        if self.planned_failures:
            return self.planned_failures.popleft()
        if self.max_seconds is not None and order.asked_seconds > self.max_seconds:
            return Failure.too_long(self.max_seconds)
        return None

    def _charge(self, job: Job, now: float) -> None:
        if job.order.usd > 0:
            self.wallet = round(self.wallet - job.order.usd, 6)
            seconds = job.order.plan.seconds
            self.charges[job.id] = Charge(video_id=job.id, seconds=seconds, usd=job.order.usd, at=now)

    def _settle_charge(self, job: Job) -> None:
        """Take or give back what the true length makes the video dearer or cheaper; the wallet stops at zero."""
        charge, planned = self.charges.get(job.id), job.order.plan.seconds
        if charge is None or job.seconds == planned or job.order.flat_price:
            return
        more = min(job.order.usd * (job.seconds / planned - 1), max(0.0, self.wallet))
        charge.seconds, charge.usd = job.seconds, round(charge.usd + more, 6)
        self.wallet = round(self.wallet - more, 6)

    def _refund(self, job: Job) -> None:
        charge = self.charges.get(job.id)
        if charge is not None:
            charge.refunded = True
            self.wallet = round(self.wallet + charge.usd, 6)

    def _id(self, kind: str, number: int) -> str:
        return hashlib.sha256(f"{self.seed}:{kind}:{number}".encode()).hexdigest()[:32]
