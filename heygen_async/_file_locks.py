"""Locks on files that end with the process that holds them, however it ends.

Everything here blocks for a moment and belongs in a worker thread.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from weakref import WeakSet

from attrs import define, field

_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
# The holder writes its pid right after it got the lock; who meets the moment in between asks again.
_READS: Final = 20
_PAUSE: Final = 0.005


class HeldError(Exception):
    """Somebody else, in this process or another one, holds the lock; `pid` is 0 if that is not known."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


@define(eq=False)
class PidLock:
    """A lock file that holds its holder's pid; it is removed when released, and left behind unlocked by a kill."""

    path: Path
    _descriptor: int = field(default=-1, init=False)

    def acquire(self) -> None:
        """Take the lock at once, or raise `HeldError`; `OSError` if the file cannot be made or locked."""
        while self._descriptor < 0:
            descriptor = os.open(self.path, _FLAGS, 0o666)
            try:
                if not _try_lock(descriptor):
                    raise HeldError(self._holder())
                if _is_at(descriptor, self.path):
                    self._write_pid(descriptor)
                    self._descriptor = descriptor
                    _held.add(self)
            finally:
                # Not ours: somebody removed the file between our opening and our locking it.
                if self._descriptor != descriptor:
                    os.close(descriptor)

    def release(self) -> None:
        """Give the lock back and remove the file; without the lock, do nothing."""
        if self._descriptor >= 0:
            with suppress(OSError):  # Windows removes no open file; an unlocked one is as good as none.
                self.path.unlink()
            self.let_go()

    def let_go(self) -> None:
        """Close the file without removing it: in a forked child, the lock stays with the parent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write_pid(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{os.getpid()}\n".encode())

    def _holder(self) -> int:
        for _ in range(_READS):
            with suppress(OSError, ValueError):
                return int(self.path.read_text("ascii"))
            time.sleep(_PAUSE)
        return 0


_held: Final[WeakSet[PidLock]] = WeakSet()


def _forget_all() -> None:
    # A forked child that lives on would keep a dead parent's lock.
    for lock in list(_held):
        lock.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _is_at(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        # Far behind the pid, because a locked range cannot be read through other handles.
        os.lseek(descriptor, 2**30, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
