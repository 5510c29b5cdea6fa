"""How long renders take lately, and how likely one has ended since it was last seen running.

A hazard rate, learnt from what looks found: of the videos that got as old as this, which share ended at that age?
Running videos count as much as finished ones, so a thousand that were submitted together teach at once, and the slow
ones are not forgotten because the quick ones end first. A video whose length is known is as old as its age divided by
that length, because a long script takes long to render.
"""

from __future__ import annotations

import itertools
import math
from typing import Final, NamedTuple

# Ages in steps of five per cent, from a twentieth of a second (or of a video's length) to some days.
_STEP: Final = 0.05
_YOUNGEST: Final = 0.05
_BINS: Final = 320
_LAST: Final = _BINS - 1e-6
# What neighbouring ages tell of each other. It also tells of ages that nothing has reached yet.
_KINSHIP: Final = 0.7
# Nothing is ever quite sure: as if this much (in videos times steps) had been watched in vain everywhere.
_DOUBT: Final = 0.1
# Only recent renders count: at so many, each one's weight is halved.
_MEMORY: Final = 600.0


class Outlook(NamedTuple):
    """What is expected of a video at a moment: `chance` that it has ended unseen, seconds `lost` by that on average.

    `hazard` is the chance per second that it ends next.
    """

    chance: float
    lost: float
    hazard: float


NO_OUTLOOK: Final = Outlook(0.0, 0.0, 0.0)


class Pace:
    """Learn from looks when renders end; every lookup is O(1), all ages are seconds since submission."""

    def __init__(self) -> None:
        self._kinds = (_Hazard(), _Hazard())

    @property
    def knows(self) -> bool:
        """Say whether there is anything to go by."""
        return any(hazard.ends for hazard in self._kinds)

    def saw_running(self, earlier: float, age: float, length: float | None) -> None:
        """Note that a video seen running at age `earlier` was still running at `age`."""
        hazard, scale = self._of(length)
        hazard.watch(_place(earlier / scale), _place(age / scale))

    def saw_end(self, earlier: float, age: float, length: float | None) -> None:
        """Note that a video ended between two ages; equal ones say that the moment is known."""
        hazard, scale = self._of(length)
        hazard.end(_place(earlier / scale), _place(age / scale))

    def outlook(self, earlier: float, age: float, length: float | None) -> Outlook:
        """Return what to expect of a video that was running at age `earlier` and now has `age`."""
        hazard, scale = self._of(length)
        if not hazard.ends or age <= 0:
            return NO_OUTLOOK
        earlier = min(earlier, age)
        (before, half, now), rate = hazard.sums(earlier / scale, (earlier + age) / 2 / scale, age / scale)
        chance = 1 - math.exp(before - now)
        # Simpson's rule over the chance of having ended, from nought to now.
        lost = (age - earlier) * (4 * (1 - math.exp(before - half)) + chance) / 6
        return Outlook(chance, lost, (1 - chance) * rate / age)

    def _of(self, length: float | None) -> tuple[_Hazard, float]:
        return (self._kinds[0], 1.0) if length is None else (self._kinds[1], max(length, 1.0))


class _Hazard:
    """The rate of ends over the logarithm of age, in steps; places on that scale may be fractions."""

    def __init__(self) -> None:
        self._watched = [0.0] * _BINS
        # How many more were watched all through a step than through the one before: adding one costs no loop.
        self._more = [0.0] * (_BINS + 1)
        self._ended = [0.0] * _BINS
        self._rates: list[float] = []
        self._sums: list[float] = []
        self.ends = 0.0

    def watch(self, start: float, stop: float) -> None:
        first, last = int(start), int(stop)
        if first == last:
            self._watched[first] += stop - start
        else:
            self._watched[first] += first + 1 - start
            self._more[first + 1] += 1
            self._more[last] -= 1
            self._watched[last] += stop - last
        self._rates = []

    def end(self, start: float, stop: float) -> None:
        # Where between the two it ended is unknown, so each part gets its share, and was watched up to the middle.
        self.watch(start, (start + stop) / 2)
        width = stop - start
        for step, share in _steps(start, stop) if width > 0 else ((min(int(start), _BINS - 1), 1.0),):
            self._ended[step] += share / width if width > 0 else 1.0
        self.ends += 1
        if self.ends > _MEMORY:
            self._fade()

    def _fade(self) -> None:
        self.ends /= 2
        self._watched = [amount / 2 for amount in self._watched]
        self._more = [amount / 2 for amount in self._more]
        self._ended = [amount / 2 for amount in self._ended]

    def sums(self, *ages: float) -> tuple[list[float], float]:
        """Return the sums of the rates up to some ages, and the rate at the last one per unit of its logarithm."""
        if not self._rates:
            self._refresh()
        rates, sums = self._rates, self._sums
        found: list[float] = []
        step = 0
        for age in ages:
            place = _place(age)
            step = int(place)
            found.append(sums[step] + rates[step] * (place - step))
        return found, rates[step] / _STEP

    def _refresh(self) -> None:
        through = itertools.accumulate(self._more[:_BINS])
        ended = _spread(self._ended)
        watched = _spread([part + whole for part, whole in zip(self._watched, through, strict=True)])
        self._rates = [ends / (amount + _DOUBT) for ends, amount in zip(ended, watched, strict=True)]
        total, self._sums = 0.0, []
        for rate in self._rates:
            self._sums.append(total)
            total += rate


def _place(age: float) -> float:
    return min(_LAST, math.log(age / _YOUNGEST) / _STEP) if age > _YOUNGEST else 0.0


def _steps(start: float, stop: float) -> list[tuple[int, float]]:
    """Return the steps between two places, and how much of each lies between them."""
    first, last = int(start), min(int(stop), _BINS - 1)
    return [(step, min(stop, step + 1) - max(start, step)) for step in range(first, last + 1)]


def _spread(amounts: list[float]) -> list[float]:
    """Return what each step knows by itself and from its neighbours, the nearest most."""
    spread, carried = list(amounts), 0.0
    for step, amount in enumerate(amounts):
        spread[step] += carried
        carried = (carried + amount) * _KINSHIP
    carried = 0.0
    for step in range(len(amounts) - 1, -1, -1):
        spread[step] += carried
        carried = (carried + amounts[step]) * _KINSHIP
    return spread
