"""Which blocks of a file are brought by whom, and how many connections that takes."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol.segments import MIB, REMEMBERED, Block, Blocks, HostLines, Pacer, SegmentRules

RULES = SegmentRules()


@given(st.integers(0, 2**64))
def test_blocks_cover_the_rest_exactly_once_whatever_breaks(seed: int) -> None:
    """Blocks are taken, finished in any order, given back in part; bytes without a gap only ever grow to the total."""
    rng = random.Random(seed)
    total = rng.randint(1, 5_000)
    bound = rng.randint(0, total)
    blocks = Blocks(total, bound=bound, sound=bound)
    taken: list[Block] = []
    written: list[Block] = []
    while True:
        block = blocks.take(rng.randint(1, 2_000))
        if block is not None:
            taken.append(block)
        if not taken:
            break
        if block is None or rng.random() < 0.5:
            brought = taken.pop(rng.randrange(len(taken)))
            end = rng.randint(brought.start, brought.end)
            sound = blocks.sound
            if end < brought.end:
                blocks.give_back(Block(end, brought.end))
            if end > brought.start:
                moved = blocks.finish(brought.start, end)
                written.append(Block(brought.start, end))
                assert moved == (blocks.sound > sound)
        assert blocks.unassigned == total - bound - sum(b.end - b.start for b in [*taken, *written])
    assert blocks.sound == total
    assert [b.start for b in sorted(written)] == [bound, *(b.end for b in sorted(written))][:-1] or bound == total


@given(st.integers(0, 100), st.integers(1, 100))
def test_a_returned_block_goes_first(bound: int, size: int) -> None:
    blocks = Blocks(1_000, bound=bound, sound=0)
    first, second = blocks.take(size), blocks.take(size)
    assert first is not None
    assert second is not None
    blocks.give_back(second)
    blocks.give_back(first)
    assert (blocks.take(1), blocks.take(1)) == (first, second)


def lines_over_time(pace: Callable[[int], float], total: int = 1000 * MIB, rules: SegmentRules = RULES) -> list[int]:
    """Return the numbers of connections while a file comes in; `pace` says how fast so many bring it."""
    pacer, done, now, seen = Pacer(rules), 0.0, 0.0, [1]
    while done < total and now < 10_000:
        lines = pacer.note(int(done), total, now)
        if lines != seen[-1]:
            seen.append(lines)
        now += 0.1
        done += 0.1 * pace(lines)
    return seen


def test_a_host_that_paces_each_connection_gets_four() -> None:
    assert lines_over_time(lambda lines: lines * 20e6) == [1, 2, 4]


class Arriving:
    """Connections that take a while to begin, and whose bytes are counted in pieces."""

    def __init__(self, each: float, together: float, connect: float) -> None:
        self.each, self.together, self.connect = each, together, connect
        self.began: list[float] = []
        self.buffered: list[float] = []
        self.flushed: list[float] = []

    def step(self, lines: int, now: float, span: float) -> float:
        """Return how many bytes are counted in the `span` seconds from `now` on."""
        while len(self.began) < lines:
            self.began.append(now + (self.connect if self.began else 0.0))
            self.buffered.append(0.0)
            self.flushed.append(self.began[-1])
        busy = [number for number in range(lines) if self.began[number] <= now]
        counted = 0.0
        for number in busy:
            self.buffered[number] += span * min(self.each, self.together / len(busy))
            if self.buffered[number] >= MIB or now - self.flushed[number] >= 0.25:
                counted += self.buffered[number]
                self.buffered[number], self.flushed[number] = 0.0, now
        return counted


def lines_of(arriving: Arriving, offset: float) -> list[int]:
    """Return the numbers of connections while a large file is looked at ten times a second."""
    pacer, done, seen, lines = Pacer(RULES), 0.0, [1], 1
    for tick in range(1500):
        done += arriving.step(lines, tick / 100, 0.01)
        if tick % 10 == int(offset * 100):
            lines = pacer.note(int(done), 4000 * MIB, tick / 100)
            seen += [lines] if lines != seen[-1] else []
    return seen


arrivals = given(
    pace=st.floats(0.5e6, 40e6), connect=st.floats(0.0, 0.4), offset=st.integers(0, 9).map(lambda n: n / 100)
)


@arrivals
def test_connections_are_judged_by_what_they_bring_once_they_have_begun(
    pace: float, connect: float, offset: float
) -> None:
    assert lines_of(Arriving(pace, math.inf, connect), offset) == [1, 2, 4]


@arrivals
def test_connections_that_share_a_full_line_are_not_taken_for_a_help(
    pace: float, connect: float, offset: float
) -> None:
    assert lines_of(Arriving(math.inf, pace, connect), offset) == [1, 2, 1]


def test_a_line_that_is_full_with_one_keeps_one() -> None:
    """The second connection is tried, brings nothing, and goes."""
    assert lines_over_time(lambda _: 20e6) == [1, 2, 1]


def test_a_line_that_is_full_with_two_keeps_two() -> None:
    assert lines_over_time(lambda lines: min(lines, 2) * 20e6) == [1, 2, 4, 2]


def test_a_fast_host_is_left_alone() -> None:
    assert lines_over_time(lambda lines: lines * 150e6, total=100_000 * MIB) == [1]


def test_a_small_file_is_left_alone() -> None:
    assert lines_over_time(lambda lines: lines * 1e6, total=15 * MIB) == [1]


def test_a_rest_that_is_nearly_there_is_left_alone() -> None:
    assert lines_over_time(lambda lines: lines * 50e6, total=100 * MIB) == [1]


def test_one_connection_is_all_that_may_be() -> None:
    assert lines_over_time(lambda lines: lines * 1e6, rules=SegmentRules(most=1)) == [1]


def test_three_connections_are_three() -> None:
    assert lines_over_time(lambda lines: lines * 1e6, rules=SegmentRules(most=3)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("pace", "beside", "lines"), [(60e6, 0, 2), (60e6, 1, 1), (40e6, 1, 2), (40e6, 3, 1), (20e6, 3, 2)]
)
def test_a_file_whose_host_is_fast_with_all_its_files_together_gets_one_connection(
    pace: float, beside: int, lines: int
) -> None:
    """More connections would only compete with the files beside it."""
    pacer = Pacer(RULES)
    tried = max(pacer.note(int(tick * pace / 10), 1000 * MIB, tick / 10, beside=beside) for tick in range(10))
    assert tried == lines


def test_the_files_beside_one_of_the_same_host_are_counted() -> None:
    hosts = HostLines()
    assert hosts.beside("a") == 0
    with hosts.coming("a"):
        assert hosts.beside("a") == 0
        with hosts.coming("b"), hosts.coming("a"):
            assert (hosts.beside("a"), hosts.beside("b")) == (1, 0)
        with contextlib.suppress(KeyError), hosts.coming("a"):
            raise KeyError
        assert hosts.beside("a") == 0


def test_nothing_is_concluded_from_silence() -> None:
    """A stalled file is not a slow one: its connection will be given up."""
    pacer = Pacer(RULES)
    assert [pacer.note(MIB, 1000 * MIB, now) for now in range(100)] == [1] * 100
    assert not pacer.is_settled


def test_a_file_that_is_too_small_needs_no_second_look() -> None:
    """As do the others whose number of connections is known."""
    small, only, known = Pacer(RULES), Pacer(SegmentRules(most=1)), Pacer(RULES, 1)
    small.note(0, 15 * MIB, 0.0)
    assert small.is_for_one
    assert only.is_for_one
    assert known.is_for_one
    assert small.found is only.found is known.found is None


@pytest.mark.parametrize(("known", "lines"), [(4, 4), (2, 2), (9, 4)])
def test_what_helped_with_another_file_of_the_host_is_done_at_once(known: int, lines: int) -> None:
    pacer = Pacer(RULES, known)
    assert [pacer.note(done, 1000 * MIB, done / 1e7) for done in (10**6, 2 * 10**6)] == [1, lines]
    assert pacer.is_settled
    assert pacer.found is None


def test_a_rest_that_is_not_worth_it_gets_one_connection_whatever_helped_before() -> None:
    pacer = Pacer(RULES, 4)
    assert [pacer.note(n * 2 * MIB, 19 * MIB, n / 10) for n in range(4)] == [1] * 4


@pytest.mark.parametrize(("pace", "found"), [(lambda lines: lines * 20e6, 4), (lambda _: 20e6, 1)])
def test_what_was_found_out_is_told(pace: Callable[[int], float], found: int) -> None:
    pacer, done = Pacer(RULES), 0.0
    for tick in range(100):
        assert pacer.found is None or pacer.is_settled
        done += 0.1 * pace(pacer.note(int(done), 1000 * MIB, tick / 10))
    assert pacer.found == pacer.lines == found


def test_hosts_are_remembered_for_five_minutes() -> None:
    hosts = HostLines()
    hosts.note("https://one", 4, 0.0)
    hosts.note("https://two", 1, 200.0)
    assert (hosts.get("https://one", 299.0), hosts.get("https://two", 299.0)) == (4, 1)
    assert (hosts.get("https://one", 300.0), hosts.get("https://two", 300.0)) == (None, 1)
    assert hosts.get("https://three", 0.0) is None


def test_hosts_are_not_collected() -> None:
    """A client that lives for months meets many of them."""
    hosts = HostLines()
    for number in range(10_000):
        hosts.note(f"https://{number}", 4, number)
    assert len(hosts._found) <= REMEMBERED


def test_one_connection_takes_no_blocks_but_those_that_were_given_back() -> None:
    """They are the gaps; the rest comes in one piece."""
    blocks, pacer = Blocks(100, bound=50, sound=50), Pacer(SegmentRules(most=1))
    blocks.give_back(Block(40, 50))
    assert pacer.block_size(100) == 0
    assert [blocks.take(0), blocks.take(0), blocks.take(7)] == [Block(40, 50), None, Block(50, 57)]


@given(st.floats(1, 1e9), st.integers(0, 10**12))
def test_blocks_keep_within_their_bounds(pace: float, unassigned: int) -> None:
    pacer = Pacer(RULES)
    pacer.note(0, 10**12, 0)
    pacer.note(int(pace * 10) + 1, 10**12, 10)
    assert RULES.smallest_block <= pacer.block_size(unassigned) <= RULES.largest_block


def test_blocks_get_smaller_towards_the_end() -> None:
    """So that no connection is left alone with a large one."""
    pacer = Pacer(SegmentRules(fast=math.inf))
    pacer.note(0, 1000 * MIB, 0)
    pacer.note(20 * MIB, 1000 * MIB, 1)
    assert pacer.block_size(1000 * MIB) > pacer.block_size(40 * MIB) > pacer.block_size(MIB) == RULES.smallest_block
