"""Run simulations on all processors: on a virtual clock the counts are the same, however long they take."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")


@functools.cache
def _pool() -> ProcessPoolExecutor:
    # A fork would take the threads of this process along, half alive.
    spawned = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(os.cpu_count(), mp_context=spawned)


def side_by_side(cases: Sequence[Callable[[], T]]) -> list[T]:
    """Return what each case gives, in their order; cases and results are sent to processes and back."""
    return [future.result() for future in [_pool().submit(case) for case in cases]]
