"""Run simulations on all processors: on a virtual clock the counts are the same, however long they take."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def side_by_side(cases: Sequence[Callable[[], T]]) -> list[T]:
    """Return what each case gives, in their order; cases and results are sent to processes and back."""
    # A fork would take the threads of this process along, half alive.
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawned) as pool:
        return [future.result() for future in [pool.submit(case) for case in cases]]
