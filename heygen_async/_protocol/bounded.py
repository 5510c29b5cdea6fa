"""A dictionary that forgets its oldest entries."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_CAPACITY: Final = 10_000


class BoundedDict(OrderedDict[K, V]):
    """Keep the newest 10,000 entries: what a client remembers must not grow with the work it did."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > _CAPACITY:
            self.popitem(last=False)
