"""Calls of the API with retries, decoded answers and deprecation warnings."""

from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
from attrs import define, field

from heygen_async._policies import RetryPolicy, Timeouts
from heygen_async._protocol.deprecation import announcement_of
from heygen_async._protocol.envelopes import Answer, RawAnswer, decode
from heygen_async._protocol.retrying import Patience, Refusal, Repeatable, pause_after, refusal_of
from heygen_async._transport.api_lane import ApiCall, ApiLane
from heygen_async.errors import APIError, ApiRetiredError, HeyGenDeprecationWarning
from heygen_async.events import Event, RequestRetried

logger: Final = logging.getLogger("heygen_async")
_NO_PATIENCE: Final = Patience()


@define(eq=False)
class Announcements:
    """Warn once per client and endpoint."""

    _seen: set[str] = field(factory=set[str], init=False)

    def report(self, endpoint: str, text: str) -> None:
        """Raise a `HeyGenDeprecationWarning` in the warnings machinery and log it, the first time.

        Where warnings are errors it is only logged: the answer it came with may be a paid video.
        """
        if endpoint in self._seen:
            return
        self._seen.add(endpoint)
        message = f"{endpoint}: {text}"
        logger.warning("%s", message)
        try:
            warnings.warn(message, HeyGenDeprecationWarning, stacklevel=2)
        except HeyGenDeprecationWarning:
            logger.debug("warnings are errors here; the deprecation of %s was logged instead", endpoint)


@define(eq=False)
class Api:
    """Make calls under one set of time-outs and retry rules; copies share the lane below."""

    lane: ApiLane
    timeouts: Timeouts
    retries: RetryPolicy
    emit: Callable[[Event], None]
    announcements: Announcements
    rng: random.Random = field(factory=random.Random)

    async def call(
        self,
        call: ApiCall,
        *,
        repeatable: Repeatable = "always",
        patience: Patience = _NO_PATIENCE,
        data_may_be_missing: bool = False,
        on_retry: Callable[[APIError], None] | None = None,
    ) -> Answer:
        """Make a call until it succeeds or fails for good, and return its data.

        `on_retry` hears of each attempt that will be repeated. Raise the `APIError` of the last attempt. Cancelling
        ends the attempt under way.
        """
        attempts, counted = 0, 0
        first_met: dict[Refusal | None, float] = {}
        while True:
            attempts += 1
            try:
                return await self.once(call, data_may_be_missing=data_may_be_missing)
            except APIError as error:
                now = anyio.current_time()
                pause = pause_after(
                    error,
                    policy=self.retries,
                    repeatable=repeatable,
                    patience=patience,
                    attempts=attempts,
                    counted=counted,
                    waited=now - first_met.setdefault(refusal_of(error, repeatable), now),
                    chance=self.rng.random(),
                )
                if pause is None:
                    raise
                counted += pause.counts
                self._report_retry(call, attempts, pause.delay, error)
                if on_retry is not None:
                    on_retry(error)
            await anyio.sleep(pause.delay)

    async def once(self, call: ApiCall, *, data_may_be_missing: bool = False) -> Answer:
        """Make a single attempt and return its data; raise the `APIError` it ended in."""
        raw = await self.lane.send(call, self.timeouts)
        try:
            answer = decode(raw, data_may_be_missing=data_may_be_missing)
        except ApiRetiredError:
            # The end itself is told by the error, or once by whoever takes the request to v3.
            raise
        except APIError:
            self._announce(call, raw, None)
            raise
        self._announce(call, raw, answer.body)
        return answer

    def _announce(self, call: ApiCall, raw: RawAnswer, body: Mapping[str, Any] | None) -> None:
        announcement = announcement_of(raw.headers, body)
        if announcement is not None:
            self.announcements.report(call.endpoint, raw.redacted(announcement))

    def _report_retry(self, call: ApiCall, attempt: int, delay: float, error: APIError) -> None:
        logger.info("attempt %d failed, again in %.1f s: %s", attempt, delay, error)
        self.emit(
            RequestRetried(
                method=call.method,
                path=call.path,
                attempt=attempt,
                delay=delay,
                reason=str(error),
                idempotency_key=call.idempotency_key,
            )
        )
