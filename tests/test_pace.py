"""What looks teach about render times, and what is expected because of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol.pace import Pace

ages = st.floats(min_value=0, max_value=1e6)
lengths = st.none() | st.floats(min_value=0, max_value=1e4)


def taught(seconds: list[float], *, length: float | None = None, every: float = 10) -> Pace:
    """Return what looks at each of these renders, so many seconds apart, teach."""
    pace = Pace()
    for took in seconds:
        age = 0.0
        while age + every < took:
            pace.saw_running(age, age + every, length)
            age += every
        pace.saw_end(age, age + every, length)
    return pace


def uniform(number: int, low: float, high: float) -> list[float]:
    dice = random.Random(0)
    return [dice.uniform(low, high) for _ in range(number)]


def test_nothing_is_expected_before_anything_was_learnt() -> None:
    """A new client knows nothing, and running videos alone say nothing about ends."""
    pace = Pace()
    assert not pace.knows
    pace.saw_running(0, 500, None)
    assert not pace.knows
    assert pace.outlook(0, 100, None) == (0, 0, 0)


def test_ends_are_expected_at_the_ages_at_which_renders_ended() -> None:
    """Of renders that take 200 to 300 s: hardly any before, and all but certainly ended after."""
    pace = taught(uniform(200, 200, 300))
    assert pace.knows
    assert pace.outlook(50, 100, None).chance < 0.01
    assert pace.outlook(199, 250, None).chance == pytest.approx(0.5, abs=0.1)
    assert pace.outlook(0, 320, None).chance > 0.85


def test_what_is_lost_is_the_time_since_the_probable_end() -> None:
    """Ended for certain around 200 s ago by any guess: about that much; ended just now, or not yet: nothing."""
    pace = taught([100.0] * 50, every=1)
    assert pace.outlook(90, 300, None).lost == pytest.approx(200, rel=0.2)
    assert pace.outlook(20, 60, None).lost < 1
    assert pace.outlook(60, 60, None).lost == 0


def test_right_after_a_look_the_rate_of_ends_is_known() -> None:
    """The next look can be planned in the very moment of the last one."""
    outlook = taught(uniform(200, 200, 300)).outlook(250, 250, None)
    assert (outlook.chance, outlook.lost) == (0, 0)
    assert outlook.hazard == pytest.approx(1 / 50, rel=0.4)


def test_slow_renders_are_not_forgotten_because_quick_ones_end_first() -> None:
    """A hundred run at once and the first ten end: that is one in ten, not all."""
    pace = Pace()
    for n in range(100):
        if n < 10:
            pace.saw_end(60, 70, None)
        else:
            pace.saw_running(60, 70, None)
    assert pace.outlook(60, 70, None).chance < 0.3


def test_with_lengths_it_is_the_ratio_that_is_learnt() -> None:
    """Renders of ten times the length: a video three times as long is expected three times as late."""
    pace = taught(uniform(100, 95, 105), length=10, every=1)
    assert pace.outlook(0, 120, 10).chance > 0.8
    assert pace.outlook(0, 120, 30).chance < 0.05
    assert pace.outlook(0, 360, 30).chance > 0.8


def test_videos_with_and_without_a_length_do_not_teach_each_other() -> None:
    """Their ages are not measured on one scale."""
    pace = taught([100.0] * 20, length=10)
    assert pace.outlook(0, 1000, None) == (0, 0, 0)


def test_only_recent_renders_count() -> None:
    """When HeyGen has become faster, some hundred renders are enough to see it."""
    pace = taught(uniform(1000, 500, 600))
    before = pace.outlook(90, 120, None).chance
    for took in uniform(1000, 90, 120):
        pace.saw_running(0, took, None)
        pace.saw_end(took, took, None)
    assert before < 0.01
    assert pace.outlook(85, 125, None).chance > 0.5


@given(st.lists(st.tuples(ages, ages, lengths, st.booleans()), max_size=20), ages, ages, lengths)
def test_no_history_breaks_an_outlook(
    history: list[tuple[float, float, float | None, bool]], one: float, other: float, length: float | None
) -> None:
    """Whatever was seen: chances are chances, and nobody has lost more time than has passed."""
    pace = Pace()
    for start, stop, known, ended in history:
        learn = pace.saw_end if ended else pace.saw_running
        learn(min(start, stop), max(start, stop), known)
    earlier, age = sorted((one, other))
    outlook = pace.outlook(earlier, age, length)
    assert 0 <= outlook.chance <= 1
    assert 0 <= outlook.lost <= age - earlier + 1e-9
    assert outlook.hazard >= 0


@given(spans=st.lists(st.tuples(st.floats(0, 3e5), st.floats(0, 3e5)), max_size=20), length=st.none() | st.just(40.0))
def test_what_was_watched_is_the_same_in_parts_as_in_one(
    spans: list[tuple[float, float]], length: float | None
) -> None:
    """Many short looks at a running video teach what one long one does, however their ends fall on the steps."""
    whole, parts = Pace(), Pace()
    for first, second in spans:
        begin, end = sorted((first, second))
        whole.saw_running(begin, end, length)
        for part in range(4):
            parts.saw_running(begin + (end - begin) * part / 4, begin + (end - begin) * (part + 1) / 4, length)
    for pace in (whole, parts):
        pace.saw_end(100, 100, length)
    for age in (1.0, 60.0, 3000.0, 250_000.0):
        assert parts.outlook(age / 2, age, length) == pytest.approx(whole.outlook(age / 2, age, length), abs=1e-9)
