"""When a video is looked at again: pure arithmetic."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._policies import PollPolicy
from heygen_async._protocol.schedule import (
    Agenda,
    Breaker,
    RateBound,
    detail_delay,
    first_look,
    next_delay,
    pause_after_429,
    url_look_delays,
)

seconds = st.floats(min_value=0, max_value=1e6)
policies = st.builds(
    PollPolicy,
    first_after=st.floats(min_value=0, max_value=1e4),
    growth=st.floats(min_value=1, max_value=10),
    max_interval=st.floats(min_value=0.01, max_value=1e4),
    jitter=st.floats(min_value=0, max_value=1),
    url_grace=st.floats(min_value=0, max_value=1e4),
)
STEADY = PollPolicy(jitter=0)


def test_first_look_comes_first_after_submission() -> None:
    """A fresh submission is looked at after `first_after`, a late wait and a bare id at once."""
    assert first_look(STEADY, submitted_at=100, now=101) == 110
    assert first_look(STEADY, submitted_at=100, now=500) == 500
    assert first_look(STEADY, submitted_at=None, now=500) == 500


def test_delays_grow_geometrically_up_to_the_longest() -> None:
    """With the default policy the pauses are 10, 14, 19.6, 27.44 and then 30 seconds."""
    age, pauses = 0.0, []
    for _ in range(7):
        pauses.append(next_delay(STEADY, age=age, rng=random.Random(0)))
        age += pauses[-1]
    assert pauses == pytest.approx([10, 14, 19.6, 27.44, 30, 30, 30])


def test_a_late_wait_starts_with_the_pause_of_its_age() -> None:
    """Waiting on an old job does not begin with the quick looks of a young one."""
    assert next_delay(STEADY, age=10_000, rng=random.Random(0)) == 30


def test_first_after_zero_still_pauses_between_looks() -> None:
    """`first_after=0` looks at once and must not become a busy loop."""
    assert next_delay(PollPolicy(first_after=0, jitter=0), age=0, rng=random.Random(0)) == 1


@given(policies, seconds, st.integers())
def test_every_pause_is_positive_and_within_the_longest(policy: PollPolicy, age: float, seed: int) -> None:
    """Whatever the policy says, a pause never stops the clock and never exceeds `max_interval`."""
    pause = next_delay(policy, age=age, rng=random.Random(seed))
    assert 0 < pause <= policy.max_interval


@given(seconds, seconds, st.integers())
def test_pauses_never_shrink_with_age(age: float, older: float, seed: int) -> None:
    """An older job is looked at no more often than a younger one."""
    younger, elder = sorted((age, older))
    pauses = [next_delay(PollPolicy(), age=a, rng=random.Random(seed)) for a in (younger, elder)]
    assert pauses[0] <= pauses[1]


def test_jitter_spreads_pauses_by_its_share() -> None:
    """Twenty per cent of jitter spread a pause of 30 s over 24 to 30 s."""
    rng = random.Random(1)
    pauses = [next_delay(PollPolicy(), age=1e4, rng=rng) for _ in range(500)]
    assert min(pauses) < 24.2
    assert max(pauses) > 29.8
    assert min(pauses) >= 24


@given(policies, st.integers(min_value=1, max_value=10_000))
def test_detail_pauses_are_positive_and_bounded(policy: PollPolicy, tries: int) -> None:
    """Looks for missing details never come in a busy loop and never wait longer than ordinary ones."""
    assert 0 < detail_delay(policy, tries) <= policy.max_interval


@given(st.floats(min_value=0, max_value=500))
def test_url_looks_end_exactly_when_the_grace_ends(grace: float) -> None:
    """The pauses between looks for a URL add up to `url_grace`."""
    pauses = list(url_look_delays(PollPolicy(url_grace=grace)))
    assert sum(pauses) == pytest.approx(grace)
    assert all(pause > 0 for pause in pauses)


@pytest.mark.parametrize(
    ("retry_after", "in_a_row", "pause"),
    [(7, 1, 7), (0, 1, 0), (-3, 1, 0), (86_400, 1, 120), (None, 1, 1), (None, 4, 8), (None, 99, 30)],
)
def test_28_pause_after_429(retry_after: float | None, in_a_row: int, pause: float) -> None:
    """Retry-After is obeyed within the cap; without one the pauses double up to 30 s."""
    assert pause_after_429(retry_after, in_a_row=in_a_row, cap=120) == pause


def test_agenda_gives_what_is_due_in_order() -> None:
    """Nothing is given before something is due; then the due ids come in the order of their times."""
    agenda: Agenda[str] = Agenda()
    for key, due in (("c", 30), ("a", 10), ("b", 20)):
        agenda.put(key, now=due, due=due)
    assert agenda.next_due() == 10
    assert agenda.take(9) == []
    assert agenda.take(20, early=False) == ["a", "b"]
    assert len(agenda) == 1
    assert "c" in agenda
    assert "a" not in agenda


def test_agenda_adds_early_company_only_when_something_is_due() -> None:
    """Ids well into their interval go along with due ones; those that have hardly begun stay."""
    agenda: Agenda[str] = Agenda()
    agenda.put("half", now=0, due=40)
    agenda.put("fresh", now=18, due=48)
    assert agenda.take(20) == []
    agenda.put("due", now=0, due=20)
    assert agenda.take(20, early=False) == ["due"]
    agenda.put("due", now=0, due=20)
    assert agenda.take(20) == ["due", "half"]
    assert "fresh" in agenda
    assert agenda.next_due() == 48


def test_agenda_gives_company_for_empty_seats() -> None:
    """What has waited for long enough, and what is let in besides, the first due first and no more than fit."""
    agenda: Agenda[str] = Agenda()
    for key, now, due in (("fresh", 18, 30), ("half", 0, 40), ("other", 19, 44), ("late", 19, 50)):
        agenda.put(key, now=now, due=due)
    assert agenda.company(20, also=lambda key: key != "fresh", most=2) == ["half", "other"]
    assert sorted(agenda) == ["fresh", "late"]
    assert agenda.company(20) == []
    assert agenda.company(20, also=lambda key: True, most=0) == []
    assert agenda.next_due() == 30


def test_agenda_forgets_and_replaces() -> None:
    """A second note replaces the first; a dropped id does not come back."""
    agenda: Agenda[str] = Agenda()
    agenda.put("a", now=0, due=10)
    agenda.put("a", now=0, due=99)
    agenda.put("b", now=0, due=5)
    agenda.drop("b")
    agenda.drop("unknown")
    assert agenda.next_due() == 99
    assert agenda.take(50) == []
    assert agenda.take(99) == ["a"]
    assert agenda.next_due() == math.inf


def test_agenda_does_not_grow_with_replaced_notes() -> None:
    """Rescheduling one id for hours leaves no heap of stale notes behind."""
    agenda: Agenda[str] = Agenda()
    for turn in range(10_000):
        agenda.put("a", now=turn, due=turn + 30)
    assert len(agenda._heap) < 100


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100), st.integers(0, 60), st.booleans()), max_size=60))
def test_agenda_never_loses_or_invents_an_id(steps: list[tuple[int, int, int, bool]]) -> None:
    """Against a plain dictionary: everything due is given exactly once, and nothing that has just begun is."""
    agenda: Agenda[int] = Agenda()
    model: dict[int, tuple[float, float]] = {}
    now = 0.0
    for key, pause, step, drop in steps:
        if drop:
            agenda.drop(key)
            model.pop(key, None)
        else:
            agenda.put(key, now=now, due=now + pause)
            model[key] = (now, now + pause)
        now += step
        taken = agenda.take(now)
        assert len(set(taken)) == len(taken)
        due = {known for known, (_, at) in model.items() if at <= now}
        assert due <= set(taken) <= set(model)
        assert all(now >= model[known][0] + 0.4 * (model[known][1] - model[known][0]) for known in taken)
        for known in taken:
            del model[known]
        assert len(agenda) == len(model)
        assert agenda.next_due() == min((at for _, at in model.values()), default=math.inf)


@given(st.lists(st.floats(min_value=0, max_value=3), min_size=1, max_size=200))
def test_rate_bound_is_kept(gaps: list[float]) -> None:
    """No second sees more than the burst and its share of the rate, and nobody waits without need."""
    bound, now, starts = RateBound(16, 16), 0.0, []
    for gap in gaps:
        now += gap
        starts.append(bound.reserve(now))
        assert starts[-1] >= now
    for start in starts:
        assert sum(1 for other in starts if start <= other < start + 1) <= 32
    assert starts[: min(16, len(starts))] == pytest.approx([sum(gaps[: n + 1]) for n in range(min(16, len(starts)))])


def test_60_breaker_opens_after_failures_in_a_row_and_tries_again() -> None:
    """Three failures in a row close the way for a while; afterwards one more failure is enough."""
    breaker = Breaker(limit=3, rest=300)
    breaker.failed(0)
    breaker.failed(1)
    breaker.succeeded()
    breaker.failed(2)
    breaker.failed(3)
    assert breaker.allows(3)
    breaker.failed(4)
    assert not breaker.allows(303)
    assert breaker.allows(304)
    breaker.failed(304)
    assert not breaker.allows(305)
