"""Where in the account's list the videos that are waited for should be: which page, and which others are on it.

A group moves down the list as a whole, and two groups that meet become one at the cost of the smaller: so a hundred
thousand videos that were submitted together are found page by page without being handled once per page.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

from attrs import define, field

from heygen_async._protocol.looks import VideoPage
from heygen_async._protocol.worth import NOWHERE, SEATS
from heygen_async._watches import Place, Watch

# Videos that two pages without any that is waited for did not hold are looked for on no further one.
_MISSES: Final = 2


@define(eq=False)
class Places:
    """Keep the groups of watches by the token of the page that should hold them."""

    _by_token: dict[str | None, Place] = field(factory=dict[str | None, Place], init=False)

    def put(self, watch: Watch, token: str | None) -> None:
        """Note that a video should be on a page."""
        self.drop(watch)
        place = self._by_token.get(token)
        if place is None:
            place = self._by_token[token] = Place(token)
        place.watches[watch] = None
        watch.place = place

    def drop(self, watch: Watch) -> None:
        """Note that a video is on no known page."""
        place, watch.place = watch.place, None
        if place is None:
            return
        del place.watches[watch]
        if not place.watches and self._by_token.get(place.token) is place:
            del self._by_token[place.token]

    def leave(self, watch: Watch) -> None:
        """Note that a video is not waited for any more."""
        watch.left_page = watch.page
        self.drop(watch)

    def come_back(self, watch: Watch) -> None:
        """Note that a video is waited for again."""
        page, watch.left_page = watch.left_page, NOWHERE
        if watch.place is None and page != NOWHERE:
            self.put(watch, page)

    def count(self, token: str | None) -> int:
        """Return how many videos should be on a page."""
        place = self._by_token.get(token)
        return 0 if place is None else len(place.watches)

    def is_crowded(self, token: str | None) -> bool:
        """Say whether more videos should be on a page than it can hold, so that some are on later ones."""
        return self.count(token) > SEATS

    def is_sought(self, token: str | None, since: float) -> bool:
        """Say whether several finished videos, or a crowd, wait for a page that nobody has asked for since a time."""
        place = self._by_token.get(token)
        if place is None or place.being_read or place.asked_at >= since:
            return False
        if self.is_crowded(token):
            return True
        return sum(1 for watch in place.watches if watch.finished and watch.details is None) > 1

    def is_wanted(self, token: str | None, since: float) -> bool:
        """Say whether a page has yet to be asked for since a time: not if nobody is on it any more.

        A crowd is led from page to page by one reader.
        """
        place = self._by_token.get(token)
        if place is None or place.asked_at >= since:
            return False
        return not (place.being_read and self.is_crowded(token))

    def ask(self, token: str | None, now: float) -> None:
        """Note that a page is asked for now."""
        if (place := self._by_token.get(token)) is not None:
            place.asked_at, place.being_read = now, True

    def answered(self, token: str | None) -> None:
        """Note that there is an answer, if only a refusal."""
        if (place := self._by_token.get(token)) is not None:
            place.being_read = False

    def gave_up(self, token: str | None) -> None:
        """Note that nobody waits for the answer any more, so that the page has still to be asked for."""
        if (place := self._by_token.get(token)) is not None:
            place.being_read, place.asked_at = False, -math.inf

    def saw(self, token: str | None, page: VideoPage, here: Collection[Watch], now: float) -> None:
        """Take note of who is on a page; the others that should be there are looked for on the next one.

        Newer videos push them down. One that is not visible yet gets lost by that, until the page that it appears on
        is read.
        """
        missed = self._by_token.pop(token, None) or Place(token)
        asked_at = missed.asked_at
        for watch in here:
            self.put(watch, token)
        if missed.watches:
            missed.misses = 0 if here else missed.misses + 1
            self._move_down(missed, page.next_token, now)
        if (place := self._by_token.get(token)) is not None:
            place.asked_at = max(place.asked_at, asked_at)

    def _move_down(self, missed: Place, token: str | None, now: float) -> None:
        if token is not None and missed.misses < _MISSES:
            self._join(missed, token)
            return
        watches, missed.watches = missed.watches, {}
        for watch in watches:
            watch.place = None
            if watch.is_young(now):
                self.put(watch, missed.token)

    def _join(self, coming: Place, token: str | None) -> None:
        there = self._by_token.get(token) or Place(token)
        small, large = sorted((coming, there), key=lambda place: len(place.watches))
        for watch in small.watches:
            watch.place = large
        large.watches.update(small.watches)
        large.token, large.asked_at, large.being_read = token, there.asked_at, there.being_read
        large.misses = min(place.misses for place in (small, large) if place.watches)
        small.watches = {}
        self._by_token[token] = large
