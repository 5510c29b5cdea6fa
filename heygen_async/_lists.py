"""The account's list of videos, newest first: what its pages tell of the videos that are waited for.

A page holds a hundred neighbours. Once one has been read, its token leads straight back to it, however deep it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import anyio

from heygen_async._board import Board
from heygen_async._protocol.looks import (
    BulkStatus,
    ListThrift,
    PageTrust,
    PageWalk,
    VideoPage,
    in_same_words,
    is_conclusive,
)
from heygen_async._protocol.worth import NOWHERE
from heygen_async._watches import Watch
from heygen_async.errors import HeyGenError, RateLimitError
from heygen_async.models.video import ApiVersion, Video

# A walk that takes longer is left to single looks, which start then by themselves.
WALK_LIMIT: Final = 10.0


class Looks(Protocol):
    """Make one request per call, without retries, and raise the `HeyGenError` it ended in."""

    async def bulk(self, video_ids: Sequence[str]) -> Sequence[BulkStatus]:
        """Return the states of up to 100 videos of v3."""
        ...

    async def one(self, video_id: str, wire: ApiVersion) -> Video:
        """Return one video in full."""
        ...

    async def page(self, wire: ApiVersion, token: str | None) -> VideoPage:
        """Return the newest 100 videos, or the page that `token` stands for."""
        ...


class Lister:
    """Read pages of the list and tell the board what they say."""

    def __init__(self, looks: Looks, board: Board) -> None:
        self._looks = looks
        self._board = board
        self._thrift: dict[ApiVersion, ListThrift] = {"v3": ListThrift(), "v2": ListThrift()}
        self._trust = PageTrust()

    def usable(self, wire: ApiVersion, now: float) -> bool:
        """Say whether the list may be asked at all."""
        return self._thrift[wire].usable(now)

    def pays(self, now: float) -> bool:
        """Say whether a page of v3 is known to bring all that is needed of the videos on it."""
        return self._trust.pays(now) and self.usable("v3", now)

    def is_worth_a_try(self, now: float) -> bool:
        """Say whether a page of v3 might do so."""
        return self._trust.is_worth_a_try(now) and self.usable("v3", now)

    def is_better(self, watch: Watch, now: float) -> bool:
        """Say whether a page should be read instead of a look at one finished video: others on it need that as well."""
        if not watch.finished or watch.details is not None or not self.pays(now):
            return False
        return self._board.places.is_sought(watch.page, since=watch.finished_at)

    def budget(self, wire: ApiVersion, wanted: int) -> int:
        """Return how many pages may be read to find so many videos."""
        now = anyio.current_time()
        return 0 if now < self._board.paused_until else self._thrift[wire].budget(wanted, now)

    async def walk(
        self,
        wire: ApiVersion,
        watches: list[Watch],
        budget: int,
        *,
        counts: Callable[[Video], bool],
        take: Callable[[Watch, Video, float], None] | None = None,
    ) -> None:
        """Read the list from its newest page on, as long as that finds the videos of `watches` cheaply.

        What is found on v3 is told to the board; `take` hears of it as well, and on v2 alone.
        """
        by_id: dict[str, list[Watch]] = {}
        for watch in watches:
            by_id.setdefault(watch.id, []).append(watch)
        walk = PageWalk(by_id, budget)
        with anyio.move_on_after(WALK_LIMIT):
            while walk.goes_on and anyio.current_time() >= self._board.paused_until:
                token, asked_at = walk.token, anyio.current_time()
                page = await self._page(wire, token)
                if page is None:
                    return
                now = anyio.current_time()
                if wire == "v3":
                    self._tell(page, token, asked_at, walking=True)
                neighbours = any(self._board.find(wire, video.id) for video in page.videos)
                found = walk.read(page, counts=counts, neighbours=neighbours)
                if take is not None:
                    for video in found:
                        for watch in by_id[video.id]:
                            take(watch, video, now)
        self._thrift[wire].learn(walk, anyio.current_time())

    async def read(self, token: str | None, wanted_at: float, *, suffices: Callable[[], bool] = lambda: False) -> None:
        """Read one page of v3, for all videos on it, unless that has been done since it was wanted.

        A group of videos that is too large for its page is followed to the next ones, because nothing else tells where
        they are; not for ever, and no longer than until that `suffices`.
        """
        ends_at = anyio.current_time() + WALK_LIMIT
        while self._board.paused_until <= anyio.current_time() < ends_at:
            if not self._board.places.is_wanted(token, wanted_at):
                return
            token = await self._read_one(token)
            if suffices() or not self._board.places.is_crowded(token):
                return

    async def _read_one(self, token: str | None) -> str | None:
        """Read one page; return the token of the next one if that may hold more of the same group, else `NOWHERE`."""
        page: VideoPage | None = None
        asked_at = anyio.current_time()
        with anyio.move_on_after(WALK_LIMIT) as scope:
            page = await self._page("v3", token)
        if page is not None:
            told = self._tell(page, token, asked_at)
            return page.next_token if told and page.next_token is not None else NOWHERE
        if scope.cancelled_caught:
            self._trust.failed(anyio.current_time())
        return NOWHERE

    async def _page(self, wire: ApiVersion, token: str | None) -> VideoPage | None:
        # The list only saves requests: whatever it refuses, even the key, is for the single looks to find out.
        with self._asking(wire, token):
            try:
                return await self._looks.page(wire, token)
            except HeyGenError as error:
                now = anyio.current_time()
                self._thrift[wire].failed(now)
                if isinstance(error, RateLimitError):
                    self._board.pause(error, now)
                return None

    @contextmanager
    def _asking(self, wire: ApiVersion, token: str | None) -> Generator[None]:
        places = self._board.places
        if wire == "v3":
            places.ask(token, anyio.current_time())
        try:
            yield
        except BaseException:
            places.gave_up(token)
            raise
        places.answered(token)

    def _tell(self, page: VideoPage, token: str | None, asked_at: float, *, walking: bool = False) -> bool:
        """Take what a page says of all videos that are waited for, note where they are, and say if there were any."""
        now = anyio.current_time()
        here: dict[Watch, None] = {}
        ended: list[Video] = []
        lags = False
        for video in page.videos:
            watch = self._board.find("v3", video.id)
            if watch is None or watch in here:
                continue
            here[watch] = None
            if watch.details is None:
                ended += [video] if video.status.is_terminal else []
                lags = lags or (watch.finished and watch.finished_at <= asked_at and not video.status.is_terminal)
                self._take(watch, video, now)
        self._board.places.saw(token, page, here, now)
        # On its way to older videos a walk passes pages without any.
        self._trust.learn(ended, barren=not here and not walking, now=now)
        if lags:
            self._trust.failed(now)
        return bool(here)

    def _take(self, watch: Watch, video: Video, now: float) -> None:
        if is_conclusive(video):
            self._board.saw_video(watch, video, now)
        elif watch.is_scheduled and (video.status.is_terminal or not watch.wants_check(now)):
            self._board.saw_status(watch, in_same_words(video.status, watch.status), now, details_at=now)
