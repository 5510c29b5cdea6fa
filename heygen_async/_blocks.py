"""One block of a file that several connections bring together: a sink that writes where the block belongs."""

from __future__ import annotations

from attrs import define, field

from heygen_async._protocol.file_answers import FileAnswer
from heygen_async._protocol.resuming import Ask, Later, Renew, Take, Verdict, judge
from heygen_async._protocol.segments import Block
from heygen_async._sharing import EnoughError, Sharing
from heygen_async._transfer import Transfer


@define(eq=False)
class BlockSink:
    """Take the bytes of one block; everything here blocks, in the thread of its connection."""

    _transfer: Transfer
    _sharing: Sharing
    _block: Block
    _position: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._position = self._block.start

    @property
    def ask(self) -> Ask:
        """Return the request for what is missing of the block, of the same object only."""
        return Ask(offset=self._position, memo=self._transfer.memo, end=self._block.end)

    @property
    def received(self) -> int:
        """Return how many bytes of the block are there."""
        return self._position - self._block.start

    @property
    def rest(self) -> Block | None:
        """Return what is missing of the block, None if it is whole."""
        return Block(self._position, self._block.end) if self._position < self._block.end else None

    def begin(self, answer: FileAnswer) -> Verdict:
        """Decide about an answer: nothing but these very bytes will do, and nothing else is spoiled by what comes."""
        verdict = judge(answer, self.ask, self._transfer.expected)
        if isinstance(verdict, Renew | Later):
            return verdict
        if not isinstance(verdict, Take) or verdict.offset != self._position or answer.status != 206:
            return Later("the host did not send the part that was asked for")
        with self._transfer.disk():
            self._sharing.begin_block()
        return verdict

    def write(self, block: memoryview) -> None:
        """Write the next bytes; raise `EnoughError` when the block is whole."""
        piece = block[: self._block.end - self._position]
        with self._transfer.disk():
            self._sharing.write_at(self._position, piece)
        self._position += len(piece)
        if self.rest is None:
            raise EnoughError

    def count_wire_bytes(self, received: int) -> None:
        """Ignore what only compressed bodies have: they are never taken in blocks."""

    def settle(self) -> None:
        """Add what is there to the file, and let others bring the rest."""
        self._sharing.settle(self._block.start, self._position, self.rest)
