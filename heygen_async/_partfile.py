"""The part file beside a target: opened, locked, written, and at last renamed into place.

Everything here blocks and belongs in a worker thread. Whoever holds the lock owns the part file and its memo; the
lock ends with the file descriptor, so a killed process leaves nothing locked.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field

from heygen_async._protocol.resuming import Memo, dump_memo, load_memo
from heygen_async._protocol.targets import Digest, memo_path, part_path
from heygen_async._write_back import write_back

_HASH_BLOCK: Final = 1024 * 1024
# How much may wait in memory for the disk before the system is asked to begin with it.
_WRITE_BACK: Final = 16 * 1024 * 1024
_MAX_MEMO: Final = 64 * 1024
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})
_FLAGS: Final = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


class PartBusyError(Exception):
    """Somebody else, here or in another process, is writing to the same target."""


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise the `OSError` that saving under `target` would end in, as far as it can be seen without writing.

    `IsADirectoryError` for a folder, `FileExistsError` for what may not be replaced, `NotADirectoryError` when a
    parent is a file, `PermissionError` when the folder, or the one it would be made in, cannot be written to.
    """
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "The target is a folder", str(target))
    if os.path.lexists(target):
        if not overwrite:
            raise FileExistsError(errno.EEXIST, "The target exists (pass overwrite=True to replace it)", str(target))
        if target.exists() and not target.is_file():
            raise FileExistsError(errno.EEXIST, "The target is not a regular file", str(target))
    folder = target.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "A parent of the target is not a folder", str(folder))
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, "The folder of the target cannot be written to", str(folder))


@define(eq=False)
class PartFile:
    """An open and locked part file; `position` is its length, and where the next bytes go."""

    target: Path
    path: Path
    _descriptor: int
    position: int = field(init=False)
    _sent_off: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.position = os.fstat(self._descriptor).st_size

    @classmethod
    def open(cls, target: Path, *, overwrite: bool) -> PartFile:
        """Make missing folders, then open and lock the part file of a target.

        Raise what `check_target` raises, `PartBusyError`, or another `OSError`.
        """
        check_target(target, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        path = part_path(target)
        while True:
            descriptor = _opened(path)
            try:
                _lock(descriptor)
                if _is_ours(descriptor, path):
                    return cls(target, path, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            # Somebody renamed or removed it between our opening and our locking.
            os.close(descriptor)

    @property
    def is_open(self) -> bool:
        """Say whether the part file is still open and locked."""
        return self._descriptor >= 0

    def read_memo(self) -> Memo | None:
        """Return what is written down about the part file, or None if that is missing or unreadable."""
        try:
            with memo_path(self.path).open("rb") as file:
                return load_memo(file.read(_MAX_MEMO))
        except OSError:
            return None

    def write_memo(self, memo: Memo | None) -> None:
        """Write down what the part file is a part of; None removes it.

        Half a memo, from a full disk or a kill, reads as none: then the file is fetched from its start again.
        """
        path = memo_path(self.path)
        path.unlink(missing_ok=True)
        if memo is not None:
            with suppress(OSError):
                path.write_bytes(dump_memo(memo))

    def update_memo(self, memo: Memo) -> None:
        """Change a memo that exists in one step: a kill leaves the old one or the new one, never half of one.

        What it tells about the part file is on the disk before, and it is itself when this returns: with gaps in the
        part file, a loss of power must not leave one without the other. Raise `OSError`.
        """
        data = dump_memo(memo)
        self.flush()
        with memo_path(self.path).open("r+b", buffering=0) as file:
            file.write(data.ljust(os.fstat(file.fileno()).st_size))
            os.fsync(file.fileno())

    def cut_to(self, length: int) -> None:
        """Throw away what is behind `length` bytes, and go on there."""
        os.ftruncate(self._descriptor, length)
        os.lseek(self._descriptor, length, os.SEEK_SET)
        self.position = self._sent_off = length

    def write(self, block: memoryview) -> None:
        """Write all of a block; an `OSError` in the middle leaves `position` at what was written."""
        while block:
            written = os.write(self._descriptor, block)
            self.position += written
            block = block[written:]
        if self.position - self._sent_off >= _WRITE_BACK:
            write_back(self._descriptor, self._sent_off, self.position - self._sent_off)
            self._sent_off = self.position

    def write_at(self, offset: int, block: memoryview) -> None:
        """Write all of a block anywhere, from any thread; where the next `write` goes does not change."""
        begin = offset
        while block:
            written = os.pwrite(self._descriptor, block, offset)
            offset += written
            block = block[written:]
        write_back(self._descriptor, begin, offset - begin)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes from anywhere, fewer only at the end; the next write goes where it would have gone."""
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        try:
            return os.read(self._descriptor, length)
        finally:
            os.lseek(self._descriptor, self.position, os.SEEK_SET)

    def hash_into(self, digest: Digest, *, offset: int = 0, goes_on: Callable[[], bool]) -> None:
        """Feed everything from `offset` up to `position` to a hash, as long as `goes_on()`."""
        while offset < self.position and goes_on():
            block = self.read_at(offset, min(_HASH_BLOCK, self.position - offset))
            if not block:
                return
            digest.update(block)
            offset += len(block)

    def flush(self) -> None:
        """Return when the bytes are on the disk."""
        os.fsync(self._descriptor)

    def publish(self, *, overwrite: bool) -> None:
        """Give the file its real name, then forget part and memo.

        Raise `FileExistsError` if the target has appeared meanwhile and may not be replaced.
        """
        if os.name == "nt":  # pragma: no cover - an open file cannot be renamed there, and rename never replaces
            self._close()
            (self.path.replace if overwrite else self.path.rename)(self.target)
        elif overwrite:
            self.path.replace(self.target)
        else:
            _rename_without_replacing(self.path, self.target)
        with suppress(OSError):
            self.write_memo(None)
        with suppress(OSError):
            _flush_folder(self.target.parent)
        self._close()

    def release(self, *, keep: bool) -> None:
        """Close and unlock; without `keep`, remove part and memo first."""
        if not self.is_open:
            return
        try:
            if not keep:
                with suppress(OSError):
                    self.path.unlink(missing_ok=True)
                with suppress(OSError):
                    self.write_memo(None)
        finally:
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, _FLAGS, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileExistsError(errno.EEXIST, "A symbolic link is in the way", str(path)) from error
        raise


def clear_leftovers(target: Path) -> None:
    """Remove what a save that was killed right after it published `target` has left beside it.

    That is a second name of the target, and a memo without a part file. A part file that is another file is somebody's
    unfinished download, and stays.
    """
    part = part_path(target)
    with suppress(OSError):
        if not os.path.lexists(part) or part.samefile(target):
            part.unlink(missing_ok=True)
            memo_path(part).unlink(missing_ok=True)


def _is_ours(descriptor: int, path: Path) -> bool:
    """Say whether a locked descriptor is still what the path names, and nothing else.

    A part file with a second name is the finished target of somebody who was killed between link and unlink: writing
    to it would destroy the target, so the name of the part goes.
    """
    ours = os.fstat(descriptor)
    if not stat.S_ISREG(ours.st_mode):
        raise FileExistsError(errno.EEXIST, "Something that is not a file is in the way", str(path))
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino):
        return False
    if ours.st_nlink > 1:
        path.unlink()
        return False
    return True


def _rename_without_replacing(part: Path, target: Path) -> None:
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here (FAT, some network shares): a check and a rename is the best there is.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "The target has appeared meanwhile", str(target)) from error
        part.rename(target)
    else:
        part.unlink()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        # Far behind the last byte of any file, because a locked range cannot be written to through other handles.
        os.lseek(descriptor, 2**62, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise PartBusyError from error
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PartBusyError from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
