"""The act floor without the face: one lane, its calls and submissions over a scripted HeyGen."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx

from heygen_async import Event, Limits, RetryPolicy, Timeouts
from heygen_async._api import Announcements, Api
from heygen_async._protocol.settings import Settings
from heygen_async._protocol.submission import SubmittedKeys
from heygen_async._reconcile import Reconciler
from heygen_async._submission import SubmissionMemory, Submitter
from heygen_async._transport.api_lane import ApiCall, ApiLane
from heygen_async._transport.run_guard import RunGuard
from heygen_async._transport.tls import SharedTls
from tests.fake_heygen import KEY

GET = ApiCall(method="GET", path="/v3/videos/v", endpoint="GET /v3/videos/{video_id}")
POST = ApiCall(method="POST", path="/v3/videos", endpoint="POST /v3/videos", body={"a": 1}, idempotency_key="order-1")


class EvenDie(random.Random):
    """Throws the middle every time, so that jittered pauses are known."""

    def random(self) -> float:
        return 0.5


def settings(base_url: str = "https://api.heygen.com") -> Settings:
    return Settings(base_url=base_url, api_key=KEY, api_version="auto")


def lane_on(http: Any = None, *, base_url: str = "https://api.heygen.com", limits: Limits | None = None) -> ApiLane:
    return ApiLane(settings(base_url), limits or Limits(), SharedTls(), RunGuard(), http)


def lane_behind(handler: Callable[[httpx.Request], Any], *, limits: Limits | None = None, **options: Any) -> ApiLane:
    """Return a lane whose requests a function answers."""
    return lane_on(httpx.AsyncClient(transport=httpx.MockTransport(handler), **options), limits=limits)


class Floor:
    """The parts of one client, wired as the client wires them."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        choice: Any = "auto",
        retries: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.announcements = Announcements()
        self.api = Api(
            lane_on(http),
            timeouts or Timeouts(),
            retries or RetryPolicy(),
            self.events.append,
            self.announcements,
            EvenDie(),
        )
        self.reconciler = Reconciler(self.api, self.events.append)
        self.memory = SubmissionMemory(SubmittedKeys())
        self.submitter = Submitter(self.api, choice, self.memory, self.reconciler, self.events.append)

    async def submit(self, request: Any, key: str | None = None, **options: Any) -> Any:
        return await self.submitter.submit(request, idempotency_key=key, **options)

    def heard(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]
