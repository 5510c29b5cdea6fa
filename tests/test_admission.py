"""The window of videos in flight, decision by decision."""

from __future__ import annotations

import math
from typing import Any

import anyio
import pytest

from heygen_async import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InsufficientCreditError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    Video,
    VideoFailedError,
    VideoFailure,
    VideoStatus,
)
from heygen_async._admission import Admission, Slot
from heygen_async._protocol.admission import PUBLISHED_LIMIT, Ticket, Window, stops_admission
from heygen_async._protocol.batching import Budget, was_never_sent, was_refused
from tests.clock import virtual_time

POLICY = RetryPolicy()


def full(ceiling: int | None = None, *, now: float = 0.0) -> tuple[Window, list[Ticket]]:
    window = Window(POLICY, ceiling)
    return window, [window.take(now) for _ in range(window.limit)]


def refuse(window: Window, ticket: Ticket, now: float, retry_after: float | None = 5) -> float | None:
    return window.refused(ticket, retry_after=retry_after, now=now, chance=0.0)


def test_unknown_account_begins_at_the_published_limit() -> None:
    """And is full when that many are held."""
    window, _ = full()
    assert window.held == PUBLISHED_LIMIT == 10
    assert window.opens_at() == 30


def test_window_shrinks_to_what_really_runs() -> None:
    """Six of ten refused at the same time: four run."""
    window, tickets = full()
    for ticket in tickets[4:]:
        refuse(window, ticket, 1.0)
    assert window.limit == window.held == 4
    assert window.closed_until == 6


def test_window_never_shrinks_to_nothing() -> None:
    """Others may hold all slots; one submission at a time asks again."""
    window, tickets = full(ceiling=1)
    refuse(window, tickets[0], 1.0, retry_after=20)
    assert (window.held, window.limit) == (0, 1)
    assert window.opens_at() == 21


def test_refused_probes_come_at_doubling_intervals() -> None:
    """The account's limit is asked for ever more rarely, but never not at all."""
    window, _ = full()
    now, pauses = 0.0, []
    for _ in range(8):
        at = window.opens_at()
        pauses.append(round(at - now))
        now = at
        refuse(window, window.take(now), now, retry_after=1)
        assert (window.held, window.limit) == (10, 10)
    assert pauses == [30, 60, 120, 240, 480, 600, 600, 600]


def test_accepted_probes_come_faster() -> None:
    """A larger account is filled within minutes."""
    window, _ = full()
    now, pauses = 0.0, []
    for _ in range(6):
        at = window.opens_at()
        pauses.append(at - now)
        now = at
        window.accepted(window.take(now), now)
    assert pauses == [30, 15, 7.5, 5, 5, 5]
    assert window.limit == 16


def test_only_one_probe_at_a_time() -> None:
    """As long as nobody knows how it ended, the next one waits."""
    window, _ = full()
    window.take(30)
    assert window.opens_at() == math.inf


def test_given_ceiling_is_not_probed_but_may_shrink() -> None:
    """And is come back to."""
    window, tickets = full(ceiling=3)
    assert window.opens_at() == math.inf
    refuse(window, tickets[2], 1.0)
    assert window.limit == 2
    window.accepted(window.take(window.opens_at()), 31)
    assert window.limit == 3
    assert window.opens_at() == math.inf


def test_videos_that_run_already_count() -> None:
    """Picked up from a journal, they may be more than the limit: nothing is submitted until that has passed."""
    window, _ = full(ceiling=2)
    window.take_over()
    window.release()
    assert window.opens_at() == math.inf
    window.release()
    assert window.opens_at() < 0


def test_expectation_of_the_caller_yields_to_what_was_refused() -> None:
    """Who says 20 is believed until HeyGen says otherwise."""
    window = Window(POLICY)
    window.expect(20)
    assert window.limit == 20
    refuse(window, window.take(0), 0.0)
    window.expect(30)
    assert window.limit == 1


def test_absurd_retry_after_is_not_waited_for() -> None:
    """None says so (12d)."""
    window, tickets = full()
    assert refuse(window, tickets[0], 0.0, retry_after=86_400) is None
    assert window.closed_until == -math.inf


def test_missing_and_zero_retry_after_grow_from_round_to_round() -> None:
    """Refusals of submissions that went out together are one round (12c, 12e)."""
    for retry_after in (None, 0.0):
        window, now, delays = Window(POLICY, 2), 0.0, []
        for _ in range(6):
            tickets = [window.take(now), window.take(now)]
            asked = [refuse(window, ticket, now + 0.1, retry_after=retry_after) for ticket in tickets]
            delays.append(asked[-1])
            now += 100
            window.limit = 2
        assert delays == sorted(delays)
        assert delays[0] < 1 < delays[-1] <= POLICY.max_delay


class _Said:
    @staticmethod
    def status(cls: Any, status: int, code: str | None = None) -> Exception:
        return cls("no", status_code=status, code=code)

    @staticmethod
    def failure(code: str) -> Exception:
        video = Video(id="v", status=VideoStatus.FAILED, failure=VideoFailure(code=code))
        return VideoFailedError("failed", job_id="v", video=video)


@pytest.mark.parametrize(
    "error",
    [
        _Said.status(AuthenticationError, 401),
        _Said.status(InsufficientCreditError, 402),
        _Said.status(InsufficientCreditError, 402, "tts_paid_voice_err"),
        _Said.status(PermissionDeniedError, 403),
        _Said.status(PermissionDeniedError, 403, "user_blocked"),
        _Said.status(RateLimitError, 429, "quota_exceeded"),
        _Said.status(BadRequestError, 400, "trial_limit_exceeded"),
        _Said.failure("400140"),
        _Said.failure("MOVIO_PAYMENT_INSUFFICIENT_CREDIT"),
        JournalError("The disk is full."),
    ],
)
def test_trouble_of_the_account_stops_admission(error: Exception) -> None:
    """The key, the credit, an allowance, the journal (11, 12f, 25)."""
    assert str(error) in (stops_admission(error) or "")


@pytest.mark.parametrize(
    "error",
    [
        _Said.status(PermissionDeniedError, 403, "voice_not_usable"),
        _Said.status(NotFoundError, 404, "avatar_not_found"),
        _Said.status(BadRequestError, 400),
        _Said.failure("no_face_error"),
        _Said.failure("tts_paid_voice_err"),
        APIConnectionError("reset"),
        ValueError("script"),
        OSError("disk"),
    ],
)
def test_trouble_of_one_item_does_not(error: Exception) -> None:
    """One bad item never sinks the others."""
    assert stops_admission(error) is None


def test_refusal_proves_nothing_after_a_doubt_unless_it_is_about_the_request() -> None:
    """HeyGen may look at the credit before it looks at the key."""
    no_credit, bad = _Said.status(InsufficientCreditError, 402), _Said.status(NotFoundError, 404, "avatar_not_found")
    assert was_refused(no_credit, in_doubt=False)
    assert not was_refused(no_credit, in_doubt=True)
    assert was_refused(bad, in_doubt=True)
    assert not was_refused(APIConnectionError("reset"), in_doubt=False)
    assert was_never_sent(ConfigurationError("closed"))
    assert not was_never_sent(ValueError("a hook of the caller's client, when the answer was there"))
    assert not was_never_sent(bad)


def test_budget_of_cents_adds_up() -> None:
    """Three times ten cents are thirty cents."""
    budget = Budget(0.3)
    for _ in range(3):
        assert budget.fits(0.1)
        budget.spend(0.1)
    assert not budget.fits(0.01)


@virtual_time
@pytest.mark.anyio
async def test_slots_go_to_the_urgent_first_and_to_the_others_in_order() -> None:
    """And a waiter that gives up is no hole in the queue."""
    gate, served = Admission(1, POLICY, lambda event: None), list[str]()
    held = await gate.slot()

    async def want(name: str, *, urgent: bool = False, patience: float = math.inf) -> None:
        slot: Slot | None = None
        with anyio.move_on_after(patience):
            slot = await gate.slot(urgent=urgent)
        if slot is not None:
            served.append(name)
            await anyio.sleep(1)
            slot.release()

    async with anyio.create_task_group() as group:
        for name, urgent, patience in [("a", False, 5.0), ("b", False, math.inf), ("c", True, math.inf)]:
            group.start_soon(lambda n=name, u=urgent, p=patience: want(n, urgent=u, patience=p))
            await anyio.sleep(0.1)
        await anyio.sleep(10)
        assert not served
        held.release()
        held.release()
    assert served == ["c", "b"]
    assert gate.window.held == 0
