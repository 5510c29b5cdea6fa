"""What the looks of a client teach about its renders, and what that lets it expect of the videos it waits for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from attrs import define, field

from heygen_async._protocol.pace import Pace
from heygen_async._protocol.worth import NOWHERE, Prospect
from heygen_async._watches import Watch
from heygen_async.models.video import Video

# HeyGen's two timestamps are whole seconds.
_ROUNDING: Final = 2.0
# Ages that differ by less than the inverse, in seconds, are the same.
_ALIKE: Final = 2
# A video that ended at some age between one and three minutes teaches nothing worth knowing.
_VAGUE: Final = 3.0

# Age when it was last seen running, age now (in halves of a second), length, and what a request is worth.
_About = tuple[int, int, "int | None", float]
# What follows the page in a `Prospect`.
_Promise = tuple[float, float, float, float]
_NO_PROMISE: Final[_Promise] = (0.0, 0.0, 0.0, 0.0)


@define(eq=False)
class Forecast:
    """Learn from watches, and judge them."""

    _pace: Pace = field(factory=Pace, init=False)

    @property
    def knows(self) -> bool:
        """Say whether any render has been seen to end."""
        return self._pace.knows

    def saw_running(self, watch: Watch, now: float) -> None:
        """Take note that a video was still running."""
        if watch.timed and now > watch.born:
            self._pace.saw_running(max(0.0, watch.running_at - watch.born), now - watch.born, watch.length)
        watch.running_at, watch.counted = now, False

    def saw_end(self, watch: Watch, video: Video | None, now: float) -> None:
        """Learn from the first sight of a finished video; its details, if they are there, may say when it ended."""
        if not watch.timed or watch.counted:
            return
        watch.counted = True
        earliest, latest = max(0.0, watch.running_at - watch.born), now - watch.born
        took = None if video is None else _rendered_for(video)
        if took is not None and max(0.0, earliest - _ROUNDING) < took <= latest + _ROUNDING:
            self._pace.saw_running(earliest, max(earliest, took), watch.length)
            self._pace.saw_end(took, took, watch.length)
        elif latest <= earliest * _VAGUE:
            self._pace.saw_end(earliest, latest, watch.length)

    def prospects(self, watches: Iterable[Watch], now: float) -> list[Prospect[Watch]]:
        """Return what a look at each running video promises now; one whose looks fail promises nothing.

        Videos of about the same age and length, of which there are many in a crowd, are thought about once.
        """
        known: dict[_About, _Promise] = {}
        found: list[Prospect[Watch]] = []
        for watch in watches:
            page = NOWHERE if watch.wants_check(now) else watch.page
            found.append(Prospect(watch, page, *self._promise(watch, now, known)))
        return found

    def _promise(self, watch: Watch, now: float, known: dict[_About, _Promise]) -> _Promise:
        worth, born = watch.policy.request_worth, watch.born
        if not watch.timed or watch.failures or worth == math.inf:
            return _NO_PROMISE
        # Written out, because a leader does this for everyone in a crowd, and max() takes as long as all of the rest.
        since = watch.running_at if watch.running_at > watch.asked_at else watch.asked_at  # noqa: FURB136
        earlier, age = (since - born if since > born else 0.0), now - born
        length = None if watch.length is None else round(watch.length)
        about = (int(earlier * _ALIKE), int(age * _ALIKE), length, worth)
        promise = known.get(about)
        if promise is None:
            chance, lost, hazard = self._pace.outlook(earlier, age, watch.length)
            promise = known[about] = chance, lost / worth, chance / worth, hazard / worth
        return promise


def _rendered_for(video: Video) -> float | None:
    if video.created_at is None or video.completed_at is None:
        return None
    return video.completed_at - video.created_at
