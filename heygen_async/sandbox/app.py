"""The sandbox itself: an ASGI app that can also serve itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, Unpack

import anyio
import anyio.to_thread
from attrs import fields
from starlette.types import Receive, Scope, Send

from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.core import Account, Charge
from heygen_async.sandbox.durations import span
from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.fast import Padding
from heygen_async.sandbox.faults.action import Action
from heygen_async.sandbox.faults.engine import ActiveRule, Faults
from heygen_async.sandbox.faults.parser import RuleOptions, rule_of
from heygen_async.sandbox.files import Signer
from heygen_async.sandbox.gate import HostCheck, Switches
from heygen_async.sandbox.idempotency import IdempotencyRecords
from heygen_async.sandbox.journal import Journal
from heygen_async.sandbox.keeping import Keeper
from heygen_async.sandbox.modes import Mode, padding_of, renderer_factory, set_padding
from heygen_async.sandbox.progress import Progress
from heygen_async.sandbox.render.pool import Renderer, WorkerRenderer
from heygen_async.sandbox.routing import application
from heygen_async.sandbox.server import ThreadServer
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.views import Jobs
from heygen_async.sandbox.webhooks.engine import Webhooks

URL_LIFETIME: Final = 7 * 24 * 3600.0
PLAY_MONEY: Final = 10_000.0
# No word of any message: clients cut their key out of what they report.
API_KEY: Final = "sandbox-key"


class Sandbox:
    """A local HeyGen: `async with Sandbox() as sandbox` serves it at `sandbox.url`, on 127.0.0.1 only.

    It is an ASGI app too: `httpx.ASGITransport(sandbox)` calls it in process, `app.mount("/heygen", sandbox)` makes
    it a part of another app; end it with `stop()` then as well, because that ends the render process.

    `port` 0 takes a free one. `progress` moves jobs: `immediate`, `after 5s` (virtual), `polls=3` (looks),
    `uniform 60s..720s` or `lognormal 5m sigma 0.5` (each its own time, by the seed). `speed` is virtual seconds per
    real second, `start_time` the first virtual unix time. `concurrency` is the number of jobs at
    a time (None: no limit), `wallet` play money in USD. Equal `seed`s make equal video ids. `keys` are the accepted
    API keys (None: any). `lenient` lets unknown fields pass on v3, `deprecation` marks v1/v2 answers, `v2_gone` (410,
    404 or 405) retires them. `known_ids` refuses avatars, voices and assets that the account does not have, `old_plan`
    lets v3 jobs above the limit wait instead of refusing them. `max_video_seconds` fails longer videos with code
    40119. `url_lifetime` is in virtual seconds. `hosts` are further names to answer to besides loopback's,
    `webhook_hosts` such to deliver webhooks to. `renderer` replaces the real renderer.

    `mode` `real` renders videos, `fast` has all of them ready at once, with a card for a picture and no sound; `auto`
    is `real` if PyAV and Pillow are installed, else `fast`. In fast mode `file_size` makes new videos that many bytes
    large, `file_pattern` (a seed) fills them with bytes of which no two blocks are alike, instead of zeros.

    `state` is a folder that keeps jobs, money, uploads, webhooks, the clock's reading and the rendered files; a `start`
    goes on from it, with the settings that are given here. Served sandboxes only.

    Raise `ModuleNotFoundError` for `real` if the extra `sandbox` is not installed.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        progress: Progress | str = "immediate",
        speed: float = 1.0,
        start_time: float | None = None,
        concurrency: int | None = 10,
        wallet: float = PLAY_MONEY,
        seed: int = 0,
        keys: Collection[str] | None = None,
        lenient: bool = False,
        deprecation: bool = True,
        v2_gone: int | None = None,
        known_ids: bool = False,
        old_plan: bool = False,
        max_video_seconds: float | None = None,
        url_lifetime: float = URL_LIFETIME,
        hosts: Sequence[str] = (),
        webhook_hosts: Collection[str] = (),
        renderer: Renderer | None = None,
        mode: Mode = "auto",
        file_size: int | None = None,
        file_pattern: int | None = None,
        state: str | Path | None = None,
    ) -> None:
        rule = Progress.parse(progress) if isinstance(progress, str) else progress
        clock = VirtualClock(start=start_time, rate=speed)
        self._port = port
        self._hosts = hosts
        self._first_padding = Padding(size=file_size, pattern=file_pattern)
        self._new_renderer = renderer_factory(mode, given=renderer, clock=clock, padding=self._first_padding)
        self._new_account: Callable[[], Account] = partial(
            Account, seed=seed, concurrency=concurrency, wallet=wallet, progress=rule, max_seconds=max_video_seconds
        )
        self._first_switches = Switches(
            keys=keys,
            lenient=lenient,
            deprecation=deprecation,
            v2_gone=v2_gone,
            known_ids=known_ids,
            old_plan=old_plan,
        )
        self._service = Service(
            clock=clock,
            renderer=self._new_renderer(),
            signer=Signer(now=clock.now, lifetime=url_lifetime),
            switches=copy(self._first_switches),
            account=self._new_account(),
            webhook_hosts=webhook_hosts,
        )
        self._app = application(self._service, self.reset)
        self._keeper = Keeper(state, self._service)
        self._server: ThreadServer | None = None
        self._stopped = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        # Mounted in another app, its router and root path are in the scope: links must be built from our own.
        own = {key: value for key, value in scope.items() if key != "router"}
        own["app_root_path"] = scope.get("root_path", "")
        await self._app(own, receive, send)

    def start(self) -> Self:
        """Serve on 127.0.0.1 in a thread of its own; after a `stop`, begin empty, or with what `state` kept.

        Raise `OSError` on a taken port, `StateError` if the state cannot be used.
        """
        if self._server is None:
            if self._stopped:
                self._service.renderer = self._new_renderer()
                self.reset()
            self._service.closing = False
            self._keeper.start()
            try:
                server = ThreadServer(HostCheck(self, also=self._hosts), port=self._port)
                server.start()
            except BaseException:
                self._keeper.stop()
                raise
            self._server = server
        return self

    def warm(self) -> None:
        """Start what renders real videos now: the first video need not wait for it. Returns at once."""
        renderer = self._service.renderer
        if isinstance(renderer, WorkerRenderer):
            renderer.warm()

    def stop(self) -> None:
        """End the server and the render process and remove the files, unless `state` keeps them; idempotent."""
        server, self._server = self._server, None
        self._service.closing = True
        if server is not None:
            server.stop()
        self._service.webhooks.stop()
        self._keeper.stop()
        self._service.assets.close()
        self._service.renderer.close()
        self._stopped = True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)

    @property
    def url(self) -> str:
        """Return the base URL of the running server; raise `RuntimeError` before `start`."""
        if self._server is None:
            raise RuntimeError("the sandbox is not serving: call start(), or use it in process")
        return self._server.url

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the SDK and the command line at this sandbox."""
        return {"HEYGEN_API_BASE": self.url, "HEYGEN_API_KEY": API_KEY}

    @property
    def jobs(self) -> Jobs:
        """Return all jobs since the start or the last `reset`."""
        return Jobs(self._settled)

    @property
    def charges(self) -> list[Charge]:
        """Return what was paid, one charge per job; failed videos are marked as refunded."""
        with self._service.open() as (account, now):
            account.settle(now)
            return [copy(charge) for charge in account.charges.values()]

    @property
    def requests(self) -> Journal:
        """Return the calls since the start or the last `reset`, in order of arrival."""
        return self._service.journal

    @property
    def webhooks(self) -> Webhooks:
        """Return events, endpoints and deliveries: `wait` for one, `trigger` one."""
        return self._service.webhooks

    @property
    def clock(self) -> VirtualClock:
        """Return the virtual clock; its `rate` can be set."""
        return self._service.clock

    @property
    def switches(self) -> Switches:
        """Return what can be turned while the sandbox runs."""
        return self._service.switches

    @property
    def wallet(self) -> float:
        """Return what is left, in USD; can be set."""
        return self._service.account.wallet

    @wallet.setter
    def wallet(self, usd: float) -> None:
        with self._service.open() as (account, _):
            account.wallet = usd

    @property
    def concurrency(self) -> int | None:
        """Return how many jobs may run at a time; can be set."""
        return self._service.account.concurrency

    @concurrency.setter
    def concurrency(self, limit: int | None) -> None:
        with self._service.open() as (account, now):
            account.settle(now)
            account.concurrency = limit

    @property
    def file_size(self) -> int | None:
        """Return how many bytes new videos are made large, None for as few as they need; can be set in fast mode."""
        return padding_of(self._service.renderer).size

    @file_size.setter
    def file_size(self, size: int | None) -> None:
        seed = padding_of(self._service.renderer).pattern if size is not None else None
        set_padding(self._service.renderer, Padding(size=size, pattern=seed))

    @property
    def v2_gone(self) -> int | None:
        """Return the status with which v1 and v2 answer as retired, None while they work; can be set."""
        return self.switches.v2_gone

    @v2_gone.setter
    def v2_gone(self, status: int | None) -> None:
        self.switches.v2_gone = status

    def progress(self, rule: Progress | str | None = None, *, after: float = 0.0, polls: int = 0) -> None:
        """Change how all unfinished jobs move: `progress("immediate")`, `progress(after=5)`, `progress(polls=3)`.

        `progress("uniform 60s..720s")` and `progress("lognormal 5m sigma 0.5")` have each job draw its own time, which
        is the same in every sandbox with that `seed`.
        """
        if rule is None:
            rule = Progress(after=after, polls=polls)
        with self._service.open() as (account, now):
            account.settle(now)
            account.progress = Progress.parse(rule) if isinstance(rule, str) else rule

    def advance(
        self,
        seconds: float | str = 0.0,
        *,
        minutes: float = 0.0,
        hours: float = 0.0,
        days: float = 0.0,
        weeks: float = 0.0,
    ) -> None:
        """Let virtual time pass at once: jobs, links, idempotency records all follow.

        `advance(90)`, `advance(days=7)`, `advance("1h30m")`; several parts add up. Raise `ValueError` for less than 0.
        """
        self.clock.advance(span(seconds, minutes=minutes, hours=hours, days=days, weeks=weeks))

    def fail_next(
        self,
        code: int | str = "rendering_failed",
        message: str | None = None,
        *,
        detail: str | None = None,
        times: int = 1,
    ) -> None:
        """Let the next jobs fail when they would have been completed; known codes of either wire bring their text."""
        with self._service.open() as (account, _):
            account.planned_failures.extend([Failure.of(code, message, detail)] * times)

    def fault(self, match: str, action: Action | str | None = None, **options: Unpack[RuleOptions]) -> ActiveRule:
        """Misbehave: `fault("POST /v3/videos", then_status(503), times=1)`, or the action or all of it as a text.

        Return the rule in force, with its counts; raise `ValueError` if it is none.
        """
        return self.faults.add(rule_of(match, action, **options))

    @property
    def faults(self) -> Faults:
        """Return the rules in force; `clear()` ends all of them."""
        return self._service.faults

    @property
    def unfired_faults(self) -> list[str]:
        """Return the texts of the rules that never took effect: a test that waits for one of them tests nothing."""
        return self.faults.unfired

    def wait_rendered(self, timeout: float = 60.0) -> None:
        """Block until no render is under way; raise `TimeoutError` after `timeout` real seconds."""
        deadline = time.monotonic() + timeout
        while True:
            with self._service.open() as (account, _):
                if all(job.rendering.done_at is not None for job in account.jobs.values()):
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"renders still under way after {timeout} seconds")
            time.sleep(0.01)

    def reset(self) -> None:
        """Forget jobs, charges, keys and calls, and go back to the settings of the start; the clock keeps its time."""
        self.clock.restore_rate()
        with self._service.open():
            self._service.account = self._new_account()
            self._service.idempotency = IdempotencyRecords()
            self._service.assets.clear()
            self._service.journal.clear()
            self._service.faults.clear()
            self._service.webhooks.reset()
            set_padding(self._service.renderer, self._first_padding)
            for switch in fields(Switches):
                setattr(self._service.switches, switch.name, getattr(self._first_switches, switch.name))

    @contextmanager
    def _settled(self) -> Generator[tuple[Account, float]]:
        with self._service.open() as (account, now):
            account.settle(now)
            yield account, now
