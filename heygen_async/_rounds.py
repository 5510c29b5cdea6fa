"""The looks themselves: the rounds of the leader, and the single looks that a video's own waiters make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import anyio

from heygen_async._board import Board
from heygen_async._protocol.looks import (
    NOT_FOUND,
    BulkStatus,
    ListThrift,
    PageWalk,
    Verdict,
    VideoPage,
    in_chunks,
    is_conclusive,
    judge_bulk,
    judge_single,
    match_statuses,
)
from heygen_async._protocol.schedule import BULK, Breaker, RateBound
from heygen_async._watches import Watch
from heygen_async.errors import HeyGenError, RateLimitError
from heygen_async.models.video import ApiVersion, Video

# Requests at the same time: looks must leave room for submissions on the 16 connections of the API lane.
_CHUNKS_AT_ONCE: Final = 4
_SINGLES_AT_ONCE: Final = 8
_SINGLES_PER_SECOND: Final = 16
# A walk through the list that takes longer is left to single looks, which start then by themselves.
_WALK_LIMIT: Final = 10.0
_BULK_STRIKES: Final = 3
_BULK_REST: Final = 300.0


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


class Looker:
    """Look at what is due and tell the board what was found."""

    def __init__(self, looks: Looks, board: Board) -> None:
        self._looks = looks
        self._board = board
        self._bulk = Breaker(limit=_BULK_STRIKES, rest=_BULK_REST)
        self._thrift: dict[ApiVersion, ListThrift] = {"v3": ListThrift(), "v2": ListThrift()}
        self._bulks = anyio.CapacityLimiter(_CHUNKS_AT_ONCE)
        self._singles = anyio.CapacityLimiter(_SINGLES_AT_ONCE)
        self._rate = RateBound(_SINGLES_PER_SECOND, _SINGLES_PER_SECOND)

    async def round(self) -> None:
        """Look at everything that is due; cancelled in the middle, what was not answered stays due."""
        now = anyio.current_time()
        by_bulk = self._bulk.allows(now)
        for wire, agenda in self._board.agendas.items():
            if wire == "v3" and by_bulk:
                await self._in_hand(agenda.take(now), self._look_in_bulk)
            else:
                await self._in_hand(agenda.take(now, early=self._thrift[wire].usable(now)), self._look_by_list)

    async def _in_hand(self, watches: list[Watch], look: Callable[[list[Watch]], Awaitable[None]]) -> None:
        if not watches:
            return
        try:
            await look(watches)
        finally:
            now = anyio.current_time()
            for watch in watches:
                if watch not in self._board.agendas[watch.wire]:
                    self._board.schedule(watch, now, due=now)

    # In bulk

    async def _look_in_bulk(self, watches: list[Watch]) -> None:
        """Look at v3 videos, 100 per request; then get the details of the finished ones."""
        self._look_singly([watch for watch in watches if watch.alone])
        fit = [watch for watch in watches if not watch.alone]
        verdicts: list[Verdict | None] = []
        unanswered: list[Watch] = []

        async def look(chunk: Sequence[Watch]) -> None:
            async with self._bulks:
                open_ones = [watch for watch in chunk if watch.is_scheduled]
                if not open_ones or anyio.current_time() < self._board.paused_until:
                    return
                verdict = await self._look_at_chunk(open_ones)
            verdicts.append(verdict)
            if verdict is Verdict.ALONE:
                unanswered.extend(open_ones)

        await _each(list(in_chunks(fit, BULK)), look)
        self._judge_the_endpoint(verdicts)
        finished = [watch for watch in fit if watch.finished and watch.details is None]
        if unanswered:
            await self._look_by_list(unanswered)
        await self._get_details(finished)

    def _judge_the_endpoint(self, verdicts: Sequence[Verdict | None]) -> None:
        if None in verdicts:
            self._bulk.succeeded()
        elif {Verdict.STRIKE, Verdict.ALONE}.intersection(verdicts):
            self._bulk.failed(anyio.current_time())

    async def _look_at_chunk(self, chunk: Sequence[Watch]) -> Verdict | None:
        ids = list(dict.fromkeys(watch.id for watch in chunk))
        try:
            rows = await self._looks.bulk(ids)
        except HeyGenError as error:
            return self._take_bulk_failure(chunk, error)
        now = anyio.current_time()
        self._board.answered()
        statuses = match_statuses(frozenset(ids), rows)
        for watch in chunk:
            self._take_row(watch, statuses.get(watch.id), now)
        return None

    def _take_row(self, watch: Watch, word: str | None, now: float) -> None:
        if not watch.is_scheduled:
            return
        if word is None:
            self._board.saw_nothing(watch, now)
        elif word.lower() != NOT_FOUND:
            self._board.saw_status(watch, word, now, details_at=now + _WALK_LIMIT)
        elif watch.is_young(now):
            self._board.schedule(watch, now)
        else:
            self._board.assign(watch, at=now)

    def _take_bulk_failure(self, chunk: Sequence[Watch], error: HeyGenError) -> Verdict:
        verdict = judge_bulk(error)
        if verdict is Verdict.END_ALL:
            self._board.fail_all(error)
        elif verdict is not Verdict.ALONE:
            open_ones = [watch for watch in chunk if watch.is_scheduled]
            self._board.look_failed(open_ones, error, anyio.current_time())
        return verdict

    async def _get_details(self, finished: list[Watch]) -> None:
        """Read the details of many finished videos from the list, and leave the rest to their own waiters."""
        budget = self._pages_for("v3", len(finished))
        if budget:
            await self._walk("v3", finished, budget, self._take_details, counts=is_conclusive)
        self._look_singly([watch for watch in finished if watch.details is None])

    def _take_details(self, watch: Watch, video: Video, now: float) -> None:
        if is_conclusive(video) and watch.details is None:
            self._board.saw_video(watch, video, now)

    # By list, else one by one

    async def _look_by_list(self, watches: list[Watch]) -> None:
        """Look at videos without the bulk endpoint: by the list where that is fewer requests, else one by one."""
        wire = watches[0].wire
        told: set[Watch] = set()

        def take(watch: Watch, video: Video, now: float) -> None:
            told.add(watch)
            if not watch.is_scheduled:
                return
            if video.status.is_terminal and wire == "v3" and is_conclusive(video):
                self._board.saw_video(watch, video, now)
            else:
                self._board.saw_status(watch, video.status, now, details_at=now)

        budget = self._pages_for(wire, len(watches))
        if budget:
            await self._walk(wire, watches, budget, take, counts=_any)
        self._look_singly([watch for watch in watches if watch not in told])

    def _look_singly(self, watches: Sequence[Watch]) -> None:
        now = anyio.current_time()
        for watch in watches:
            self._board.assign(watch, at=now)

    def _pages_for(self, wire: ApiVersion, wanted: int) -> int:
        now = anyio.current_time()
        return 0 if now < self._board.paused_until else self._thrift[wire].budget(wanted, now)

    async def _walk(
        self,
        wire: ApiVersion,
        watches: list[Watch],
        budget: int,
        take: Callable[[Watch, Video, float], None],
        *,
        counts: Callable[[Video], bool],
    ) -> None:
        by_id: dict[str, list[Watch]] = {}
        for watch in watches:
            by_id.setdefault(watch.id, []).append(watch)
        walk = PageWalk(by_id, budget)
        with anyio.move_on_after(_WALK_LIMIT):
            while walk.goes_on and anyio.current_time() >= self._board.paused_until:
                page = await self._page(wire, walk.token)
                if page is None:
                    return
                now = anyio.current_time()
                for video in walk.read(page, counts=counts):
                    for watch in by_id[video.id]:
                        take(watch, video, now)
        self._thrift[wire].learn(walk, anyio.current_time())

    async def _page(self, wire: ApiVersion, token: str | None) -> VideoPage | None:
        # The list only saves requests: whatever it refuses, even the key, is for the single looks to find out.
        try:
            return await self._looks.page(wire, token)
        except HeyGenError as error:
            now = anyio.current_time()
            self._thrift[wire].failed(now)
            if isinstance(error, RateLimitError):
                self._board.pause(error, now)
            return None

    # One alone

    async def alone(self, watch: Watch) -> None:
        """Look at one video; cancelled in the middle, the look is left to the next waiter."""
        self._board.begin_look(watch)
        outcome: Video | HeyGenError | None = None
        try:
            with anyio.CancelScope() as watch.look_scope:
                outcome = await self._look_at_one(watch)
        finally:
            self._board.end_look(watch, anyio.current_time(), answered=outcome is not None)
        if outcome is None or watch.error is not None:
            return
        now = anyio.current_time()
        if isinstance(outcome, HeyGenError):
            self._take_failure(watch, outcome, now)
        else:
            self._board.answered()
            self._board.saw_video(watch, outcome, now)

    async def _look_at_one(self, watch: Watch) -> Video | HeyGenError:
        async with self._singles:
            await anyio.sleep_until(max(self._rate.reserve(anyio.current_time()), self._board.paused_until))
            try:
                return await self._looks.one(watch.id, watch.wire)
            except HeyGenError as error:
                return error

    def _take_failure(self, watch: Watch, error: HeyGenError, now: float) -> None:
        verdict = judge_single(error)
        if verdict is Verdict.END_ALL:
            self._board.fail_all(error)
        elif verdict is Verdict.RETIRED and watch.wire == "v2" and watch.may_switch:
            self._board.switch(watch, now)
        elif verdict is Verdict.MISSING and watch.is_young(now):
            self._board.look_later(watch, now)
        elif verdict in {Verdict.END_ONE, Verdict.RETIRED, Verdict.MISSING}:
            self._board.fail(watch, error)
        else:
            watch.alone = watch.alone or verdict is Verdict.ALONE
            self._board.look_failed([watch], error, now)


def _any(video: Video) -> bool:  # noqa: ARG001 - any news of a video is a gain where looks are single
    return True


async def _each(
    chunks: Sequence[Sequence[Watch]], look: Callable[[Sequence[Watch]], Coroutine[Any, Any, None]]
) -> None:
    if len(chunks) == 1:
        await look(chunks[0])
        return
    async with anyio.create_task_group() as group:
        for chunk in chunks:
            group.start_soon(look, chunk)
