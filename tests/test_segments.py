"""Which blocks of a file are brought by whom, and how many connections that takes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol.segments import MIB, Block, Blocks, Pacer, SegmentRules

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


def test_nothing_is_concluded_from_silence() -> None:
    """A stalled file is not a slow one: its connection will be given up."""
    pacer = Pacer(RULES)
    assert [pacer.note(MIB, 1000 * MIB, now) for now in range(100)] == [1] * 100
    assert not pacer.is_settled


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
