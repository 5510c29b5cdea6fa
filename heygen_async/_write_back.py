"""Have the system send bytes off to the disk while more are coming, so that little is left for the flush at the end.

On a disk of 125 MB/s that saves a file of 200 MB more than a second. Linux has a call for this, which Python does not
offer by itself. Elsewhere the advice that the bytes will not be needed has the same effect, but takes the system far
longer (measured on Linux: four files at once took half as long again).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

_SYNC_FILE_RANGE_WRITE: Final = 2


def _found() -> Callable[[int, int, int], object]:
    if sys.platform == "linux":
        with suppress(ImportError, OSError, AttributeError):  # not every interpreter was built with it
            import ctypes  # noqa: PLC0415

            call = ctypes.CDLL(None).sync_file_range
            call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
            return partial(_ask, call)
    return _advise


def _ask(call: Callable[..., int], descriptor: int, offset: int, length: int) -> None:
    # Some file systems, and systems that only look like Linux, do not know the call.
    if call(descriptor, offset, length, _SYNC_FILE_RANGE_WRITE) < 0:
        _advise(descriptor, offset, length)


def _advise(descriptor: int, offset: int, length: int) -> None:
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


write_back: Final = _found()
"""Begin to write `length` bytes from `offset`. A hint: whether it was taken is not told, and no error raised."""
