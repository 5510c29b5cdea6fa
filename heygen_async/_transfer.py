"""One file on its way to the disk: the pure decisions applied to the part file.

Everything here blocks and belongs in a worker thread, one call at a time. Neither HTTP nor the event loop is known:
a lane shows the head of each answer to `begin`, hands over the body block by block, and says how it ended.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import Final

from attrs import define, evolve, field

from heygen_async import errors
from heygen_async._partfile import PartFile
from heygen_async._protocol.file_answers import FileAnswer
from heygen_async._protocol.resuming import (
    Ask,
    Memo,
    Refuse,
    StartOver,
    Take,
    Verdict,
    Whole,
    excess,
    judge,
    resume_point,
)
from heygen_async._protocol.segments import Blocks
from heygen_async._protocol.signatures import HEAD_LENGTH, refusal_of_body
from heygen_async._protocol.structure import Ending, ending_of
from heygen_async._protocol.targets import Digest, Expectation, new_digest
from heygen_async._sharing import EnoughError, Sharing

_TARGET_ERRORS: Final = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


class RefusedError(Exception):
    """The body cannot be the file; `error` is the public class that says so."""

    def __init__(self, error: type[errors.DownloadError], reason: str) -> None:
        super().__init__(reason)
        self.error = error
        self.reason = reason


class DiskError(Exception):
    """The disk refused; `cause` is what the system said."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Completeness(Enum):
    """What is known about the end of a body."""

    WHOLE = auto()
    CUT = auto()
    UNPROVEN = auto()


@define(eq=False)
class Transfer:
    """Grow a part file until it is the file that was expected.

    `position` bytes are there, `total` are to come in all if that is known, `resumed_from` were there before. All
    three may be read from another thread.
    """

    target: Path
    expected: Expectation
    source: str
    digest_name: str | None = None
    max_bytes: int | None = None
    resumed_from: int = field(default=0, init=False)
    sharing: Sharing | None = field(default=None, init=False)
    _part: PartFile | None = field(default=None, init=False)
    _memo: Memo = field(init=False)
    _digest: Digest | None = field(default=None, init=False)
    _answer: FileAnswer | None = field(default=None, init=False)
    _wire_bytes: int = field(default=0, init=False)
    _hashed: int = field(default=0, init=False)
    _split_after: int | None = field(default=None, init=False)
    _garbage: bool = field(default=False, init=False)
    _disk_failed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._memo = Memo(source=self.source)

    @property
    def position(self) -> int:
        """Return how many bytes are in the part file."""
        return self._part.position if self._part else 0

    @property
    def received(self) -> int:
        """Return how many bytes are there in all, with those behind a gap."""
        sharing = self.sharing
        return self.position if sharing is None else sharing.received

    @property
    def memo(self) -> Memo:
        """Return what is known about the object."""
        return self._memo

    @property
    def total(self) -> int | None:
        """Return how many bytes the file has in all, if that is known."""
        return self._memo.total

    @property
    def hexdigest(self) -> str | None:
        """Return the digest of everything written, if one was asked for."""
        return self._digest.hexdigest() if self._digest else None

    @property
    def is_open(self) -> bool:
        """Say whether there is a part file to close."""
        return self._part is not None and self._part.is_open

    @property
    def is_resumable(self) -> bool:
        """Say whether what is there is worth keeping for a later attempt."""
        return self.position > 0 and self._memo.etag is not None and not self._garbage

    @property
    def is_kept(self) -> bool:
        """Say whether closing leaves the part file: for the next save, or because it was the disk that failed."""
        return self.is_resumable or (self._disk_failed and self.position > 0)

    @property
    def ask(self) -> Ask:
        """Return what the next attempt has to ask for."""
        return Ask(offset=self.position if self.is_resumable else 0, memo=self._memo)

    def open(self, *, overwrite: bool, goes_on: Callable[[], bool]) -> None:
        """Open and lock the part file and find out from where it can be continued.

        Raise `PartBusyError`, `PermissionError` and its like for the target, or `DiskError`. A part that continues is
        hashed first, as long as `goes_on()`.
        """
        with self.disk(plain=True):
            part = self._part = PartFile.open(self.target, overwrite=overwrite)
            if self.digest_name is not None:
                self._digest = new_digest(self.digest_name)
            memo = part.read_memo()
            if memo is None or not resume_point(memo, source=self.source, size=part.position):
                self._restart(self._memo)
                return
            self._memo = memo
            part.cut_to(resume_point(memo, source=self.source, size=part.position))
            if memo.sound is not None:
                self._memo = evolve(memo, sound=None)
                with suppress(OSError):
                    part.update_memo(self._memo)
            self.resumed_from = part.position
            self._hash(goes_on)

    def begin(self, answer: FileAnswer) -> Verdict:
        """Decide about an answer and make the part file ready for its body, if that is wanted."""
        verdict = judge(answer, self.ask, self.expected, max_bytes=self.max_bytes)
        if isinstance(verdict, Refuse):
            raise RefusedError(verdict.error, verdict.reason)
        with self.disk():
            if isinstance(verdict, Take):
                self._answer, self._wire_bytes, self._split_after = answer, 0, None
                if verdict.offset == 0:
                    self._restart(verdict.memo)
                elif verdict.memo != self._memo:
                    self._remember(verdict.memo)
            elif isinstance(verdict, StartOver):
                self._restart(Memo(source=self.source))
            elif isinstance(verdict, Whole):
                self._memo = evolve(self._memo, total=verdict.total)
        return verdict

    def write(self, block: memoryview) -> None:
        """Write the next block of the body; refuse it if it cannot be the file, or makes it too large."""
        if self.position == 0:
            reason = refusal_of_body(bytes(block[:HEAD_LENGTH]), self.expected, whole=False)
            self._refuse(errors.DownloadCorruptError, reason)
        self._refuse(errors.DownloadTooLargeError, excess(self.position + len(block), self.max_bytes))
        if self._split_after is not None and self.sharing is None:
            self._split(self._split_after)
        begin, bound = self.position, None if self.sharing is None else self.sharing.bound
        piece = block if bound is None else block[: bound - begin]
        with self.disk():
            self._open_part.write(piece)
        # What others brought before is hashed at the end, and so is everything behind it.
        if self._digest is not None and self._hashed == begin:
            self._digest.update(piece)
            self._hashed += len(piece)
        if self.position == bound:
            raise EnoughError

    def count_wire_bytes(self, received: int) -> None:
        """Take note of bytes as they came, for bodies that are compressed on the wire."""
        self._wire_bytes += received

    def end(self) -> Completeness:
        """Say what is known about a body that has just ended without an error."""
        if self.total is not None or self.position == 0:
            return self._compared(self.total or 0)
        answer = self._answer
        if answer is not None and answer.length is not None:
            return Completeness.WHOLE if self._wire_bytes == answer.length else Completeness.CUT
        return Completeness.WHOLE if self._ending() is Ending.WHOLE else Completeness.UNPROVEN

    def settle(self, total: int | None) -> Completeness:
        """Decide about a body of unknown length with the length that the host gave when it was asked, if it did."""
        if total is not None:
            if self.position <= total:
                self._remember(evolve(self._memo, total=total))
            return self._compared(total)
        if self._ending() is Ending.CUT:
            return Completeness.CUT
        # Text has no structure to check; where its end was marked on the wire, that has to do.
        framed = self._answer is not None and self._answer.framed
        return Completeness.WHOLE if framed and self.expected.kind in {"text", "any"} else Completeness.UNPROVEN

    def ask_to_split(self, size: int) -> None:
        """Have whoever writes the body leave what lies more than `size` bytes ahead to others. Does not block."""
        self._split_after = size

    def rejoin(self) -> None:
        """End the sharing: from here on the part file grows from its end again."""
        sharing, self.sharing = self.sharing, None
        if sharing is not None:
            with self.disk():
                sharing.end()

    def check(self, *, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Refuse a whole file that is not what it must be, then wait until it is on the disk.

        What several connections brought is hashed now, as long as `goes_on()`.
        """
        part = self._open_part
        with self.disk():
            self._hash(goes_on)
        with self.disk():
            head = part.read_at(0, HEAD_LENGTH)
        reason = refusal_of_body(head, self.expected, whole=part.position <= HEAD_LENGTH)
        self._refuse(errors.DownloadCorruptError, reason)
        try:
            with self.disk():
                part.flush()
        except DiskError:
            # What of it the disk took is not known, so nothing can be built on it.
            self._garbage = True
            part.write_memo(None)
            raise

    def publish(self, *, overwrite: bool) -> None:
        """Give the checked file its real name; raise `FileExistsError` if that is taken and may not be replaced."""
        with self.disk(plain=True):
            self._open_part.publish(overwrite=overwrite)

    def close(self) -> None:
        """Unlock the part file, and remove it unless it is kept."""
        if self._part is not None:
            try:
                # Where the disk refuses even that, the memo tells how far the part file can be trusted.
                with suppress(DiskError):
                    self.rejoin()
            finally:
                self._part.release(keep=self.is_kept)

    def _split(self, size: int) -> None:
        self._split_after = None
        answer, total, bound = self._answer, self.total, self.position + size
        plain = answer is not None and answer.encoding is None
        if plain and self.is_resumable and total is not None and bound < total:
            self.sharing = Sharing(self._open_part, self._memo, Blocks(total, bound=bound, sound=self.position))

    def _hash(self, goes_on: Callable[[], bool]) -> None:
        part = self._open_part
        if self._digest is not None and self._hashed < part.position:
            part.hash_into(self._digest, offset=self._hashed, goes_on=goes_on)
            self._hashed = part.position

    def _compared(self, total: int) -> Completeness:
        if self.position > total:
            with self.disk():
                self._restart(Memo(source=self.source))
            return Completeness.CUT
        return Completeness.WHOLE if self.position == total else Completeness.CUT

    def _ending(self) -> Ending:
        with self.disk():
            return ending_of(self.position, self._open_part.read_at)

    def _refuse(self, error: type[errors.DownloadError], reason: str | None) -> None:
        if reason is not None:
            self._garbage = error is errors.DownloadCorruptError
            raise RefusedError(error, reason)

    def _restart(self, memo: Memo) -> None:
        part = self._open_part
        self.resumed_from = 0
        part.write_memo(None)
        part.cut_to(0)
        self._hashed = 0
        if self.digest_name is not None:
            self._digest = new_digest(self.digest_name)
        self._remember(memo)

    def _remember(self, memo: Memo) -> None:
        self._memo = memo
        if memo.etag is not None:
            self._open_part.write_memo(memo)

    @contextmanager
    def disk(self, *, plain: bool = False) -> Generator[None]:
        """Tell a disk that refuses from a connection that does; `plain` leaves the errors for an impossible target."""
        try:
            yield
        except OSError as error:
            if plain and error.errno == errno.EROFS:
                raise PermissionError(error.errno, error.strerror, error.filename) from error
            if plain and isinstance(error, _TARGET_ERRORS):
                raise
            self._disk_failed = True
            raise DiskError(error) from error

    @property
    def _open_part(self) -> PartFile:
        assert self._part is not None  # noqa: S101 - narrows for the type checker
        return self._part
