"""What waiting costs: counted requests and delays on the virtual clock, against fixed intervals."""

from __future__ import annotations

import pytest

from benchmarks.polling import (
    INTERVAL,
    PATIENT,
    Frontier,
    alone,
    fixed,
    frontier,
    looks_alone,
    mean,
    measured,
    omniscient,
    renders,
)
from heygen_async._policies import PollPolicy

SCRIPTED = renders("by script, known")
EVEN = renders("even")
EVEN_SCRIPTED = renders("even, script known")


def test_a_thousand_ends_are_seen_within_five_seconds_for_three_hundred_looks() -> None:
    """Uniform renders of 1 to 12 minutes, submitted at once, each 5 to 10 times as long as its script."""
    got = measured(EVEN_SCRIPTED, "at once", PollPolicy(first_after=30, request_worth=12), with_urls=False)
    assert got.looks <= 300
    assert mean(got.seen) <= 5
    assert len(got.seen) == len(got.held) == 1000


@pytest.mark.parametrize("policy", [PollPolicy(), PATIENT[0], PATIENT[2]], ids=["default", "eager", "thrifty"])
def test_looks_are_fewer_than_those_of_a_fixed_interval(policy: PollPolicy) -> None:
    """At each of three mean delays, though nothing but the looks tells how long renders take."""
    some = EVEN[:500]
    got = measured(some, "at once", policy, with_urls=False)
    assert got.looks * 1.05 < frontier(some, "at once", with_urls=False).requests_at(mean(got.seen))


def test_known_scripts_halve_the_looks() -> None:
    """With render times that follow the script, for the same mean delay, with the default policy."""
    got = measured(SCRIPTED, "at once", PollPolicy(), with_urls=False)
    assert got.looks * 1.8 < frontier(SCRIPTED, "at once", with_urls=False).requests_at(mean(got.seen))


def test_with_urls_in_the_list_all_requests_are_fewer() -> None:
    """No look at a single video is needed; a fixed interval pays more for the same delay until the URL is there."""
    some = EVEN[:500]
    got = measured(some, "at once", PollPolicy(), with_urls=True)
    assert got.fetches < 20
    assert got.requests * 1.2 < frontier(some, "at once", with_urls=True).requests_at(mean(got.held))
    assert alone(some).requests > 50 * got.requests


def test_without_urls_in_the_list_each_video_costs_one_more_request() -> None:
    """That cannot be helped, and the list is not asked for what it does not have."""
    got = measured(EVEN[:300], "over 10 minutes", PollPolicy(), with_urls=False)
    assert got.fetches == 300
    assert got.requests * 20 < alone(EVEN[:300]).requests


@pytest.mark.parametrize("with_urls", [True, False])
def test_through_ten_slots_too(with_urls: bool) -> None:
    """Videos that come one after the other, as through an account that renders ten at a time."""
    some = SCRIPTED[:100]
    got = measured(some, "through 10 slots", PATIENT[0], with_urls=with_urls)
    delay = mean(got.held if with_urls else got.seen)
    peer = frontier(some, "through 10 slots", with_urls=with_urls).requests_at(delay)
    assert (got.requests if with_urls else got.looks) < peer


def test_the_counts_are_repeatable() -> None:
    """The same plan, the same dice: the same requests to the last one."""
    runs = [measured(EVEN[:100], "over 10 minutes", PollPolicy(), with_urls=True) for _ in range(2)]
    assert runs[0] == runs[1]


# The peers


def test_a_fixed_interval_costs_what_it_must() -> None:
    """By hand: 1,000 videos every 10 s for 12 minutes, ids in hundreds; delays of half the interval and the latency."""
    got = fixed(EVEN, "at once", 10, with_urls=False)
    running = [sum(1 for render in EVEN if render.seconds > 10 * n) for n in range(72)]
    assert got.looks == sum(-(-number // 100) for number in running)
    assert got.fetches == 1000
    assert mean(got.seen) == pytest.approx(5.3, abs=0.2)
    assert fixed(EVEN, "at once", 10, with_urls=True).fetches < 660


def test_a_frontier_lies_between_its_points() -> None:
    """On a logarithmic scale, as intervals and counts are."""
    line = Frontier([(1.0, 1000.0), (10.0, 100.0), (100.0, 10.0)])
    assert [line.requests_at(delay) for delay in (1.0, 2.0, 50.0)] == pytest.approx([1000, 500, 20])


def test_even_who_knows_all_cannot_have_a_thousand_urls_sooner() -> None:
    """With 300 pages for renders that end at any time: more than 4 s; with one look per end: nothing."""
    assert 4 < omniscient(EVEN, 300) < 5
    assert omniscient(EVEN[:20], 20) == pytest.approx(0)


def test_one_loop_per_video_looks_every_ten_seconds() -> None:
    """A render of 61 s is seen by the seventh look."""
    assert INTERVAL == 10
    assert [looks_alone(seconds) for seconds in (0.5, 10, 61)] == [1, 1, 7]
