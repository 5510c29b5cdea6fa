"""What both wires stand on: one account, one clock, one lock."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import anyio
from attrs import define, evolve, field
from starlette.requests import Request

from heygen_async.sandbox.answers import Link, number_in
from heygen_async.sandbox.assets import AssetStore
from heygen_async.sandbox.bodies import decoded, is_json
from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.core import Account, InsufficientCreditError, Job, Order, Status, TooManyJobsError
from heygen_async.sandbox.faults.engine import Faults
from heygen_async.sandbox.files import Signer, file_name
from heygen_async.sandbox.gate import Switches
from heygen_async.sandbox.idempotency import IdempotencyRecords
from heygen_async.sandbox.journal import Journal
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.references import Checker
from heygen_async.sandbox.render.pool import Renderer
from heygen_async.sandbox.schema import Check
from heygen_async.sandbox.webhooks.engine import Webhooks

BULK_IDS: Final = 100


@define(eq=False, kw_only=True)
class Service:
    """The state behind the API; handlers run on the server's loop, tests call from other threads: use `open`."""

    clock: VirtualClock
    renderer: Renderer
    signer: Signer
    switches: Switches
    account: Account
    journal: Journal = field(factory=Journal)
    idempotency: IdempotencyRecords = field(factory=IdempotencyRecords)
    assets: AssetStore = field(init=False)
    closing: bool = False
    """True from the moment the server stops: streams that would go on for ever must end."""

    _lock: threading.RLock = field(factory=threading.RLock)
    faults: Faults = field(init=False)
    webhook_hosts: Collection[str] = ()
    webhooks: Webhooks = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.faults = Faults(
            now=self.clock.now, lock=self._lock, seed=self.account.seed, jobs=lambda: list(self.account.jobs.values())
        )
        self.webhooks = Webhooks(self, hosts=self.webhook_hosts)
        self.assets = AssetStore(now=self.clock.now)

    @contextmanager
    def open(self) -> Generator[tuple[Account, float]]:
        """Hold the account for a moment and tell the time; never await inside."""
        with self._lock:
            yield self.account, self.clock.now()

    async def accept(self, order: Order) -> Job:
        """Submit, and take as long as the switch says; a client that leaves meanwhile has a job all the same."""
        job = self.submit(order)
        with anyio.CancelScope(shield=True):
            await self.webhooks.tell_early(job)
            await anyio.sleep(self.switches.create_delay)
        return job

    def submit(self, order: Order) -> Job:
        """Create a job and start its render; raise the `Problem` that HeyGen would answer."""
        with self.open() as (account, now):
            order = self.checker().order(order)
            if self.switches.old_plan:
                order = evolve(order, queues=True)
            try:
                account.refuse(order, now=now)
            except InsufficientCreditError:
                status = 402 if order.wire == "v3" else 400
                raise Problem(status, "insufficient_credit", "Insufficient credit: top up your wallet.") from None
            except TooManyJobsError:
                raise self._too_many_jobs(now) from None
            rendering = self.renderer.submit(order.plan)
            job = account.accept(order, rendering, now=now, quirks_of=self.faults.for_new_job)
            self.webhooks.submitted(job)
            return job

    def checker(self) -> Checker:
        """Return what checks the ids of a request at this moment; call it while the service is open."""
        return Checker(
            account=self.account,
            assets=self.assets,
            now=self.clock.now(),
            known_only=self.switches.known_ids,
            lag=self.switches.asset_lag,
        )

    def look(self, video_id: str) -> tuple[Job, Status]:
        """Return a job and its state, counting the look; raise the 404 if there is none."""
        with self.open() as (account, now):
            job = account.look(video_id, now=now)
            if job is None:
                raise Problem.no_video(video_id)
            return job, account.status(job, now=now)

    def look_at_all(self, video_ids: Sequence[str]) -> list[tuple[str, Job | None, Status | None]]:
        """Return the state of many jobs at one moment; both are None for ids that do not exist."""
        with self.open() as (account, now):
            looks = [(video_id, account.look(video_id, now=now)) for video_id in video_ids]
            return [(video_id, job, account.status(job, now=now) if job else None) for video_id, job in looks]

    def page(
        self, *, before: int | None, limit: int, title: str | None, folder_id: str | None
    ) -> tuple[list[tuple[Job, Status]], bool]:
        """Return the newest jobs from below a number, and whether there are more; each that is shown was looked at."""
        with self.open() as (account, now):
            account.settle(now)
            found: list[Job] = []
            more = False
            for job in account.newest(now=now, before=before):
                if job.admitted_at is None and job.order.queues and not self.switches.old_plan:
                    continue  # an item of a batch that waits for a slot is no video yet
                if title is not None and title not in (job.order.title or ""):
                    continue
                if folder_id is not None and folder_id != job.order.folder_id:
                    continue
                if len(found) == limit:
                    more = True
                    break
                found.append(job)
            for job in found:
                account.look(job.id, now=now)
            return [(job, account.status(job, now=now)) for job in found], more

    def delete(self, video_id: str) -> None:
        """Delete a job; raise the 404 if there is none."""
        with self.open() as (account, now):
            if not account.delete(video_id, now=now):
                raise Problem.no_video(video_id)

    def links(self, request: Request) -> Link:
        """Return a maker of presigned links that lead to where the request came from, mounted or not."""

        def link(job: Job, kind: str) -> str | None:
            if not job.has_links(self.clock.now()):
                return None
            name = file_name(kind, job)
            base = request.url_for("file", video_id=job.id, name=name)
            return str(base.include_query_params(**self.signer.query(job.id, name)))

        return link

    def _too_many_jobs(self, now: float) -> Problem:
        wait = self.switches.retry_after
        if wait == "auto":
            wait = real_wait(self.account.slot_free_in(now), rate=self.clock.rate)
        headers = {} if wait is None else {"Retry-After": str(wait)}
        text = f"Too many concurrent video jobs (limit {self.account.concurrency}). Please try again later."
        return Problem(429, "rate_limit_exceeded", text, headers=headers)


def real_wait(seconds: float | None, *, rate: float) -> int:
    """Return how long a client has to wait for so many virtual seconds to pass: whole seconds, at least one.

    It is one second too where nobody can say, because jobs wait for looks or the clock stands still.
    """
    return max(1, math.ceil(seconds / rate)) if seconds and rate else 1


async def read_json(request: Request, check: Check, *, lenient: bool) -> dict[str, Any]:
    """Return the checked body of a request; raise the 400 that names what is wrong with it."""
    if not lenient and not is_json(request.headers):
        raise Problem.invalid("Content-Type", "Content-Type should be application/json")
    try:
        body = decoded(await request.body())
    except ValueError:
        raise Problem.invalid("body", "Request body is not valid JSON") from None
    faults = [fault for fault in check(body, "") if not (lenient and fault.unknown)]
    if faults:
        raise Problem.from_faults(faults)
    checked: dict[str, Any] = body
    return checked


def read_limit(text: str | None, *, low: int, high: int, default: int) -> int:
    """Return the `limit` of a list call; raise the 400 if it is none."""
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise Problem.invalid("limit", f"limit should be an integer from {low} to {high}")
    return int(text)


def read_token(token: str | None) -> int | None:
    """Return the job number that a list's `token` continues below; raise the 400 if it is no token of ours."""
    if not token:
        return None
    try:
        return number_in(token)
    except ValueError:
        raise Problem.invalid("token", "token is not a token of this list") from None
