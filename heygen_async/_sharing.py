"""The rest of one part file, shared out among several connections. Everything here blocks, in their threads."""

from __future__ import annotations

import threading
from contextlib import suppress

from attrs import define, evolve, field

from heygen_async._partfile import PartFile
from heygen_async._protocol.resuming import Memo
from heygen_async._protocol.segments import Block, Blocks, Pacer


class EnoughError(Exception):
    """The rest of this body is somebody else's: another connection brings it."""


@define(eq=False)
class Sharing:
    """Who brings which block, and how far the part file has no gap.

    The connection that began the file goes on up to `bound`, and only then its part moves on with the others. Before
    the first byte is written behind a gap it is noted down that the length of the part file says nothing any more: a
    process that is killed leaves a part file that the next one can trust up to there.
    """

    _part: PartFile
    _memo: Memo
    _blocks: Blocks
    _brought: int = field(default=0, init=False)
    _first_ended: int | None = field(default=None, init=False)
    _noted: int | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _noting: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def bound(self) -> int:
        """Return where the connection that began the file has to stop."""
        return self._blocks.bound

    @property
    def received(self) -> int:
        """Return how many bytes are there in all, with those behind a gap; does not block, and never shrinks."""
        # Read in this order: the part moves on only after it is known where the first connection ended.
        position, first_ended = self._part.position, self._first_ended
        return self._brought + (position if first_ended is None else first_ended)

    def take(self, pacer: Pacer) -> Block | None:
        """Return the next block that nobody brings yet, None if there is none."""
        with self._lock:
            block = self._blocks.take(pacer.block_size(self._blocks.unassigned))
        if block is not None and self._noted is not None:
            with suppress(OSError):  # the old note is still right, if too modest
                self._note()
        return block

    def end_first(self) -> None:
        """Take note that the body that began the file has ended; others bring what is missing up to `bound`."""
        with self._lock:
            if self._first_ended is not None:
                return
            self._first_ended = self._part.position
            if self._first_ended < self.bound:
                self._blocks.give_back(Block(self._first_ended, self.bound))
            self._blocks.finish(self._blocks.sound, self._first_ended)
            self._part.position = self._blocks.sound

    def begin_block(self) -> None:
        """Note down how far there is no gap; raise `OSError` if that cannot be written."""
        if self._noted is None:
            self._note()

    def write_at(self, offset: int, piece: memoryview) -> None:
        """Write bytes of a block."""
        self._part.write_at(offset, piece)
        with self._lock:
            self._brought += len(piece)

    def settle(self, start: int, end: int, rest: Block | None) -> None:
        """Add the bytes of a block to the file, and let others have the rest of it."""
        with self._lock:
            if rest is not None:
                self._blocks.give_back(rest)
            # Not before the first connection has ended: until then there is a gap in front of all blocks.
            if end > start and self._blocks.finish(start, end):
                self._part.position = self._blocks.sound

    def end(self) -> None:
        """Throw away what lies behind a gap: from here on the part file grows from its end again."""
        self.end_first()
        self._part.cut_to(self._part.position)
        if self._noted is not None:
            with suppress(OSError):  # as above
                self._part.update_memo(self._memo)

    def _note(self) -> None:
        with self._noting:
            sound = self._part.position
            if self._noted is not None and sound <= self._noted:
                return
            # Without a memo nobody goes on with the part file anyway.
            with suppress(FileNotFoundError):
                self._part.update_memo(evolve(self._memo, sound=sound))
            self._noted = sound
