"""The bookkeeping under several connections: what is counted, what is noted down and when, what a kill leaves."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._partfile import PartFile
from heygen_async._protocol.file_answers import FileAnswer, read_answer
from heygen_async._protocol.resuming import Memo, Take, dump_memo, load_memo, resume_point
from heygen_async._protocol.segments import Block, Blocks, Pacer, SegmentRules
from heygen_async._protocol.targets import expectation_for, memo_path
from heygen_async._sharing import EnoughError, Sharing
from heygen_async._transfer import Transfer
from tests.downloads import quick_folder
from tests.file_server import mp4

FILM = mp4(4000)
MEMO = Memo(source="film", etag='"one"', total=4000)


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


class WatchedPart:
    """A part file that has somebody look whenever it moves on."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._position, self._look = 100, look

    @property
    def position(self) -> int:
        return self._position

    @position.setter
    def position(self, value: int) -> None:
        self._look()
        self._position = value
        self._look()

    def write_at(self, offset: int, piece: memoryview) -> None:
        pass

    def update_memo(self, memo: Memo) -> None:
        pass


def test_what_was_received_never_shrinks_while_the_part_moves_on() -> None:
    """Progress is read from the event loop in the middle of it."""
    seen: list[int] = []
    part: Any = WatchedPart(lambda: seen.append(sharing.received))
    sharing = Sharing(part, MEMO, Blocks(400, bound=200, sound=100))
    sharing.begin_block()
    sharing.write_at(200, memoryview(bytes(100)))
    sharing.settle(200, 300, None)
    part.position = 150
    sharing.end_first()
    block = sharing.take(Pacer(SegmentRules()))
    assert block == Block(150, 200)
    sharing.write_at(150, memoryview(bytes(50)))
    sharing.settle(150, 200, None)
    assert seen == sorted(seen)
    assert seen[-1] == sharing.received == part.position == 300


def answer(first: int = 0) -> FileAnswer:
    headers = {"content-type": "video/mp4", "etag": '"one"', "content-length": str(len(FILM) - first)}
    if first:
        headers["content-range"] = f"bytes {first}-{len(FILM) - 1}/{len(FILM)}"
    return read_answer(206 if first else 200, headers, wall_clock=0.0)


def begun(folder: Path) -> Transfer:
    target = folder / "film.mp4"
    transfer = Transfer(target=target, expected=expectation_for("video", target), source="film")
    transfer.open(overwrite=False, goes_on=lambda: True)
    assert isinstance(transfer.begin(answer()), Take)
    transfer.write(memoryview(FILM)[:1000])
    transfer.ask_to_split(500)
    transfer.write(memoryview(FILM)[1000:1100])
    assert transfer.sharing is not None
    return transfer


def test_the_first_connection_ends_where_the_blocks_of_others_begin(folder: Path) -> None:
    """At the last byte of its own, not at the first of theirs: that one may be long in coming."""
    transfer = begun(folder)
    with pytest.raises(EnoughError):
        transfer.write(memoryview(FILM)[1100:1500])
    assert transfer.position == transfer.received == 1500
    transfer.close()


def test_a_split_that_came_too_late_does_not_split_the_next_attempt(folder: Path) -> None:
    """The event loop asks for it while a thread is about to split."""
    transfer = begun(folder)
    transfer.ask_to_split(500)
    transfer.rejoin()
    assert isinstance(transfer.begin(answer(1100)), Take)
    transfer.write(memoryview(FILM)[1100:])
    assert transfer.sharing is None
    assert transfer.position == len(FILM)
    transfer.close()


def test_a_part_that_cannot_be_cut_is_left_to_its_memo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not fail, and who comes next goes on where there is no gap."""
    transfer = begun(folder)
    assert transfer.sharing is not None
    transfer.sharing.begin_block()
    transfer.sharing.write_at(2000, memoryview(FILM)[2000:])
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", lambda *_: os.read(-1, 1))
        transfer.close()
    part = folder / "film.mp4.part"
    memo = load_memo(memo_path(part).read_bytes())
    assert part.stat().st_size == len(FILM)
    assert resume_point(memo, source="film", size=len(FILM)) == 1100


def test_a_loss_of_power_leaves_no_memo_that_promises_more_than_the_disk_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are flushed before the memo changes, and the memo before anything is written behind a gap."""
    transfer = begun(folder)
    memo, inodes = memo_path(folder / "film.mp4.part"), {}
    for path in (folder / "film.mp4.part", memo):
        inodes[path.stat().st_ino] = path
    log: list[tuple[str, int | None]] = []

    def fsync(descriptor: int) -> None:
        there = os.fstat(descriptor)
        assert stat.S_ISREG(there.st_mode)
        known = load_memo(memo.read_bytes())
        assert known is not None
        log.append((inodes[there.st_ino].suffix, known.sound))

    monkeypatch.setattr(os, "fsync", fsync)
    assert transfer.sharing is not None
    transfer.sharing.begin_block()
    assert log == [(".part", None), (".json", 1100)]
    transfer.close()
    assert log[2:] == [(".part", 1100), (".json", None)]


@given(st.integers(3900, 4200), st.one_of(st.none(), st.integers(0, 10**9)), st.integers(0, 10**9), st.booleans())
def test_a_memo_torn_between_two_pages_promises_nothing_wrong(
    length: int, before: int | None, after: int, padded: bool
) -> None:
    """A kill can end a write after any 4096 bytes of it; what matters stands in the first ones."""
    known = Memo(source="s" * length, etag='"one"', total=10**9)
    old = dump_memo(evolve(known, sound=before))
    new = dump_memo(evolve(known, sound=after))
    torn = new[:4096] + (old.ljust(len(new)) if padded else old)[4096:]
    found = load_memo(torn)
    if found is not None and (found.source, found.etag) == (known.source, known.etag):
        assert found.sound == after


def test_an_open_part_is_cut_to_what_has_no_gap_before_its_memo_says_so(folder: Path) -> None:
    transfer = begun(folder)
    assert transfer.sharing is not None
    transfer.sharing.begin_block()
    transfer.sharing.write_at(2000, memoryview(FILM)[2000:])
    # As a kill leaves it: nothing is ended, the lock is gone.
    part: PartFile = transfer._open_part
    part.release(keep=True)
    again = Transfer(target=transfer.target, expected=transfer.expected, source="film", digest_name="sha256")
    again.open(overwrite=False, goes_on=lambda: True)
    assert again.resumed_from == again.position == 1100
    assert again.memo.sound is None
    assert (folder / "film.mp4.part").read_bytes() == FILM[:1100]
    again.close()
