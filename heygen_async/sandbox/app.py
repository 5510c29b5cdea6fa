"""The sandbox itself: an ASGI app that can also serve itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import anyio
import anyio.to_thread
from starlette.types import Receive, Scope, Send

from heygen_async.sandbox.beginning import Beginning
from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.core import Account
from heygen_async.sandbox.fast import Padding
from heygen_async.sandbox.gate import HostCheck, Switches
from heygen_async.sandbox.modes import Mode, renderer_factory
from heygen_async.sandbox.progress import Progress
from heygen_async.sandbox.render.pool import Renderer
from heygen_async.sandbox.routing import application
from heygen_async.sandbox.serving import Serving
from heygen_async.sandbox.steered import Steered

URL_LIFETIME: Final = 7 * 24 * 3600.0
PLAY_MONEY: Final = 10_000.0
# No word of any message: clients cut their key out of what they report.
API_KEY: Final = "sandbox-key"


class Sandbox(Steered):
    """A local HeyGen: `async with Sandbox() as sandbox` serves it at `sandbox.url`, on 127.0.0.1 only.

    It is an ASGI app too: `httpx.ASGITransport(sandbox)` calls it in process, `app.mount("/heygen", sandbox)` makes
    it a part of another app; end it with `stop()` then as well, because that ends the render process.

    `port` 0 takes a free one. `progress` moves jobs: `immediate`, `after 5s` (virtual), `polls=3` (looks),
    `uniform 60s..720s` or `lognormal 5m sigma 0.5` (each its own time, by the seed). `speed` is virtual seconds per
    real second, `start_time` the first virtual unix time. `concurrency` is the number of jobs at
    a time (None: no limit), `wallet` play money in USD. Equal `seed`s make equal video ids. `keys` are the accepted
    API keys (None: any). `lenient` lets unknown fields pass on v3, `deprecation` marks v1/v2 answers, `v2_gone` (410,
    404 or 405) retires them. `retry_after` is what a 429 above the limit says: seconds, None for nothing, or `auto`,
    the time until a slot is free. `known_ids` refuses avatars, voices and assets that the account does not have,
    `old_plan` lets v3 jobs above the limit wait instead of refusing them. `max_video_seconds` fails longer videos with
    code 40119. `url_lifetime` is in virtual seconds. `hosts` are further names to answer to besides loopback's,
    `webhook_hosts` such to deliver webhooks to. `renderer` replaces the real renderer.

    Its page and the calls under `/_sandbox/` are for clients of this machine, also where it is a part of another app.
    `public_control` lets clients of other machines see everything and steer it too.

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
        retry_after: int | Literal["auto"] | None = "auto",
        known_ids: bool = False,
        old_plan: bool = False,
        max_video_seconds: float | None = None,
        url_lifetime: float = URL_LIFETIME,
        hosts: Sequence[str] = (),
        webhook_hosts: Collection[str] = (),
        public_control: bool = False,
        renderer: Renderer | None = None,
        mode: Mode = "auto",
        file_size: int | None = None,
        file_pattern: int | None = None,
        state: str | Path | None = None,
    ) -> None:
        rule = Progress.parse(progress) if isinstance(progress, str) else progress
        clock = VirtualClock(start=start_time, rate=speed)
        padding = Padding(size=file_size, pattern=file_pattern)
        beginning = Beginning(
            account=partial(
                Account, seed=seed, concurrency=concurrency, wallet=wallet, progress=rule, max_seconds=max_video_seconds
            ),
            renderer=renderer_factory(mode, given=renderer, clock=clock, padding=padding),
            switches=Switches(
                keys=keys,
                lenient=lenient,
                deprecation=deprecation,
                v2_gone=v2_gone,
                retry_after=retry_after,
                known_ids=known_ids,
                old_plan=old_plan,
            ),
            padding=padding,
        )
        service = beginning.service(clock, url_lifetime=url_lifetime, webhook_hosts=webhook_hosts)
        super().__init__(service, beginning)
        self._app = application(service, self.reset, public_control=public_control)
        self._serving = Serving(HostCheck(self, also=hosts), service, beginning, port=port, state=state)

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
        self._serving.start()
        return self

    def warm(self) -> None:
        """Start what renders real videos now: the first video need not wait for it. Returns at once."""
        self._serving.warm()

    def stop(self) -> None:
        """End the server and the render process and remove the files, unless `state` keeps them; idempotent."""
        self._serving.stop()

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
        return self._serving.url

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the SDK and the command line at this sandbox."""
        return {"HEYGEN_API_BASE": self.url, "HEYGEN_API_KEY": API_KEY}
