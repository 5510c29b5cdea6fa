"""How long jobs take where they do not all take as long: distributions from which each job draws its own time."""

from __future__ import annotations

import hashlib
import math
import re
from statistics import NormalDist
from typing import Final, TypeAlias

from attrs import frozen

from heygen_async.sandbox.durations import seconds_in

WIDEST_SIGMA: Final = 5.0
"""Above that nearly all jobs would end at once or never."""

_UNIFORM: Final = re.compile(r"uniform\s+(\S+?)\s*\.\.\s*(\S+)")
_LOGNORMAL: Final = re.compile(r"lognormal\s+(\S+)\s+sigma\s*=?\s*([0-9]*\.?[0-9]+)")


@frozen
class Uniform:
    """Any time from `shortest` to `longest` virtual seconds is as likely as any other."""

    shortest: float
    longest: float

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.shortest <= self.longest < math.inf:
            raise ValueError("progress: a uniform distribution goes from a shorter time to a longer one")

    def __str__(self) -> str:
        return f"uniform {plain(self.shortest)}s..{plain(self.longest)}s"

    def at(self, share: float) -> float:
        """Return the time that this share of all jobs does not exceed; `share` is between 0 and 1."""
        return self.shortest + (self.longest - self.shortest) * share


@frozen
class Lognormal:
    """Half of the jobs take at most `median` virtual seconds, a few take very much longer.

    `sigma` is the deviation of the logarithm: with 0.5 one job in a hundred takes more than three times the median.
    """

    median: float
    sigma: float

    def __attrs_post_init__(self) -> None:
        if not (0 < self.median < math.inf and 0 <= self.sigma <= WIDEST_SIGMA):
            raise ValueError(f"progress: a lognormal distribution has a median above 0 and a sigma to {WIDEST_SIGMA:g}")

    def __str__(self) -> str:
        return f"lognormal {plain(self.median)}s sigma {plain(self.sigma)}"

    def at(self, share: float) -> float:
        """Return the time that this share of all jobs does not exceed; `share` is between 0 and 1."""
        return self.median * math.exp(self.sigma * NormalDist().inv_cdf(share))


Spread: TypeAlias = Uniform | Lognormal


def spread_in(words: str) -> Spread | None:
    """Read `uniform 60s..720s` or `lognormal 5m sigma 0.5`; return None for anything else.

    Raise `ValueError` for one of these with a time that is none.
    """
    if found := _UNIFORM.fullmatch(words):
        return Uniform(seconds_in(found[1]), seconds_in(found[2]))
    if found := _LOGNORMAL.fullmatch(words):
        return Lognormal(seconds_in(found[1]), float(found[2]))
    return None


def drawn(spread: Spread, key: str) -> float:
    """Return the time of one job: the same key always draws the same."""
    # The key's hash in place of a random number: nothing has to be remembered, and other jobs change nothing.
    number = int.from_bytes(hashlib.sha256(f"time of {key}".encode()).digest()[:6], "big")
    return spread.at((number + 0.5) / 2**48)


def plain(value: float) -> str:
    """Return a number as people write it."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
