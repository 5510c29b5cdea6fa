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
    ahead: int = field(default=0, init=False)
    _is_noted: bool = field(default=False, init=False)
    _is_first_over: bool = field(default=False, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def bound(self) -> int:
        """Return where the connection that began the file has to stop."""
        return self._blocks.bound

    def take(self, pacer: Pacer) -> Block | None:
        """Return the next block that nobody brings yet, None if there is none."""
        with self._lock:
            return self._blocks.take(pacer.block_size(self._blocks.unassigned))

    def end_first(self) -> None:
        """Take note that the body that began the file has ended; others bring what is missing up to `bound`."""
        with self._lock:
            if self._is_first_over:
                return
            self._is_first_over = True
            if self._part.position < self.bound:
                self._blocks.give_back(Block(self._part.position, self.bound))
            self._blocks.finish(self._blocks.sound, self._part.position)
            self._follow()

    def begin_block(self) -> None:
        """Note down how far there is no gap; raise `OSError` if that cannot be written."""
        with self._lock:
            if not self._is_noted:
                # Without a memo nobody goes on with the part file anyway.
                with suppress(FileNotFoundError):
                    self._part.update_memo(evolve(self._memo, sound=self._part.position))
                self._is_noted = True

    def write_at(self, offset: int, piece: memoryview) -> None:
        """Write bytes of a block."""
        self._part.write_at(offset, piece)
        with self._lock:
            self.ahead += len(piece)

    def settle(self, start: int, end: int, rest: Block | None) -> None:
        """Add the bytes of a block to the file, and let others have the rest of it."""
        with self._lock:
            if rest is not None:
                self._blocks.give_back(rest)
            if end > start and self._blocks.finish(start, end):
                self._follow()

    def end(self) -> None:
        """Throw away what lies behind a gap: from here on the part file grows from its end again."""
        self.end_first()
        self._part.cut_to(self._part.position)
        with suppress(OSError):  # the old note is still right, if too modest
            self._part.update_memo(self._memo)

    def _follow(self) -> None:
        """Move the part on to where there is no gap, once nobody writes there."""
        if not self._is_first_over:
            return
        self.ahead -= self._blocks.sound - self._part.position
        self._part.position = self._blocks.sound
        if self._is_noted:
            with suppress(OSError):  # as above
                self._part.update_memo(evolve(self._memo, sound=self._part.position))
