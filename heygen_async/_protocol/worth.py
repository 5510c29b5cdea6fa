"""Which look is worth its request by now, and when the next one will be. Pure: no clock, no I/O.

Two kinds of request tell of many videos at once. A bulk look takes any hundred ids, but has no URLs: each video it
finds ended costs another request, or shares one with its neighbours on a page. A page of the list holds a hundred
neighbours, ended or not, with URLs. A look is worth while once the waiting that it probably ends, counted in what one
request is worth, exceeds the requests that it costs.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import math
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from attrs import frozen

K = TypeVar("K", bound=Hashable)

NOWHERE: Final = "\0"
"""The page of a video that is not known to be on any: None is the newest page, and no token has a NUL in it."""

SEATS: Final = 100
"""How many videos a request of either kind can tell of."""


class Prospect(NamedTuple, Generic[K]):
    """What a look at one video promises.

    `chance` is the probability that it has ended. `lost` is the waiting since then to be expected, `rate` how fast that
    grows, per second, and `growth` how fast the rate does; these three in units of what a request is worth.
    """

    key: K
    page: str | None
    chance: float
    lost: float
    rate: float
    growth: float

    def after(self, seconds: float) -> float:
        """Return what will have been lost some seconds from now."""
        return self.lost + self.rate * seconds + self.growth * seconds * seconds / 2


@frozen
class Look(Generic[K]):
    """One request: a page, or a bulk look if `page` is `NOWHERE`."""

    page: str | None
    prospects: Sequence[Prospect[K]]
    cost: float

    @property
    def share(self) -> float:
        """Return how many of the videos supposed to be on a page can be there."""
        return min(1.0, SEATS / len(self.prospects))

    @property
    def worth(self) -> float:
        """Return what the look gains per request."""
        return self.share * sum(prospect.lost for prospect in self.prospects) / self.cost

    @property
    def worth_in(self) -> float:
        """Return in how many seconds the look is worth while."""
        lost = self.cost / self.share - sum(prospect.lost for prospect in self.prospects)
        rate = sum(prospect.rate for prospect in self.prospects)
        growth = sum(prospect.growth for prospect in self.prospects)
        if lost <= 0:
            return 0.0
        if growth <= 0:
            return lost / rate if rate > 0 else math.inf
        return (math.sqrt(rate * rate + 2 * growth * lost) - rate) / growth


def looks_at(prospects: Iterable[Prospect[K]], *, pages_pay: bool, ahead: float = 0.0) -> list[Look[K]]:
    """Return the looks to choose from: one in bulk, and with `pages_pay` one at each page.

    The bulk look takes those videos of which it would gain most `ahead` seconds from now.
    """
    known = list(prospects)
    if not known:
        return []
    best = heapq.nlargest(SEATS, known, key=lambda prospect: prospect.after(ahead)) if len(known) > SEATS else known
    if not pages_pay:
        return [Look(NOWHERE, best, 1.0)]
    pages = {page: group for page, group in _by_page(known).items() if page != NOWHERE}
    return [Look(NOWHERE, best, 1.0 + requests_after(best)), *(Look(page, group, 1.0) for page, group in pages.items())]


def requests_after(prospects: Sequence[Prospect[K]]) -> float:
    """Return how many requests for URLs follow a bulk look, on average, if each page is one."""
    return sum(
        sum(prospect.chance for prospect in group)
        if page == NOWHERE
        else 1 - math.prod(1 - prospect.chance for prospect in group)
        for page, group in _by_page(prospects).items()
    )


def worthwhile(prospects: Collection[Prospect[K]], *, pages_pay: bool) -> list[Look[K]]:
    """Return the looks that are worth their requests now, the best one first; none of them takes what others do."""
    left = _Left(prospects, pages_pay=pages_pay)
    chosen: list[Look[K]] = []
    while (best := left.best()) is not None and best.worth >= 1:
        chosen.append(best)
        left.take(best)
    return chosen


class _Left(Generic[K]):
    """What no look has been chosen for yet; ten thousand videos are sorted once, not for each of a hundred looks."""

    def __init__(self, prospects: Collection[Prospect[K]], *, pages_pay: bool) -> None:
        self._pages_pay = pages_pay
        self._taken: set[K] = set()
        self._skipped = 0
        self._bulk: Look[K] | None = None
        self._ranked = sorted(prospects, key=lambda prospect: prospect.lost, reverse=True)
        groups = _by_page(prospects).items() if pages_pay else ()
        self._pages = [Look(page, group, 1.0) for page, group in groups if page != NOWHERE]
        self._pages.sort(key=lambda look: look.worth)

    def best(self) -> Look[K] | None:
        """Return the look that gains most, None if nothing is left."""
        looks = [look for look in (self._in_bulk(), self._best_page()) if look is not None]
        return max(looks, key=lambda look: look.worth, default=None)

    def take(self, look: Look[K]) -> None:
        """Leave to a look what it tells of."""
        self._taken.update(prospect.key for prospect in look.prospects)
        self._skipped += len(look.prospects)
        # Now and then they are left out for good, so that they need not be passed over a thousand times.
        if self._skipped * 16 > len(self._ranked):
            self._ranked = [prospect for prospect in self._ranked if prospect.key not in self._taken]
            self._skipped = 0
        if self._bulk is not None and not self._taken.isdisjoint(one.key for one in self._bulk.prospects):
            self._bulk = None

    def _in_bulk(self) -> Look[K] | None:
        self._bulk = self._bulk or self._best_in_bulk()
        return self._bulk

    def _best_in_bulk(self) -> Look[K] | None:
        free = (prospect for prospect in self._ranked if prospect.key not in self._taken)
        best = list(itertools.islice(free, SEATS))
        if not best:
            return None
        return Look(NOWHERE, best, 1.0 + requests_after(best) if self._pages_pay else 1.0)

    def _best_page(self) -> Look[K] | None:
        """Return the best page, after pages of which something has been taken have found their new place."""
        while self._pages:
            look = self._pages.pop()
            free = [prospect for prospect in look.prospects if prospect.key not in self._taken]
            if len(free) == len(look.prospects):
                self._pages.append(look)
                return look
            if free:
                bisect.insort(self._pages, Look(look.page, free, 1.0), key=lambda look: look.worth)
        return None


def cover(due: Sequence[Prospect[K]], *, pages_pay: bool) -> list[Look[K]]:
    """Return looks at all of `due`, with as few requests as probably possible."""
    if not due:
        return []
    in_bulk = [Look(NOWHERE, due[start : start + SEATS], 1.0) for start in range(0, len(due), SEATS)]
    pages = _by_page(due)
    if not pages_pay or NOWHERE in pages or len(pages) > len(in_bulk) + requests_after(due):
        return in_bulk
    return [Look(page, group, 1.0) for page, group in pages.items()]


def _by_page(prospects: Iterable[Prospect[K]]) -> dict[str | None, list[Prospect[K]]]:
    pages: dict[str | None, list[Prospect[K]]] = {}
    for prospect in prospects:
        pages.setdefault(prospect.page, []).append(prospect)
    return pages
