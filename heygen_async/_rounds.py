"""The looks themselves: the rounds of the leader, and the single looks that a video's own waiters make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

import anyio

from heygen_async._board import Board
from heygen_async._choice import Choice, choose, wake_time
from heygen_async._lists import WALK_LIMIT, Lister, Looks
from heygen_async._protocol.looks import (
    NOT_FOUND,
    Verdict,
    in_chunks,
    in_same_words,
    is_conclusive,
    judge_bulk,
    judge_single,
    match_statuses,
)
from heygen_async._protocol.schedule import BULK, Breaker, RateBound
from heygen_async._protocol.worth import NOWHERE
from heygen_async._watches import Watch
from heygen_async.errors import HeyGenError
from heygen_async.models.video import Video

# Requests at the same time: looks must leave room for submissions on the 16 connections of the API lane. One more is
# that which leads a crowd from page to page.
_CHUNKS_AT_ONCE: Final = 4
_PAGES_AT_ONCE: Final = 2
_SINGLES_AT_ONCE: Final = 8
_SINGLES_PER_SECOND: Final = 16
# Where so many videos are waited for, the first one to end is looked up on a page: that costs no more, and tells more.
_CROWD: Final = 5
_BULK_STRIKES: Final = 3
_BULK_REST: Final = 300.0


class Looker:
    """Look at what is due and tell the board what was found."""

    def __init__(self, looks: Looks, board: Board) -> None:
        self._looks = looks
        self._board = board
        self._bulk = Breaker(limit=_BULK_STRIKES, rest=_BULK_REST)
        self._lister = Lister(looks, board)
        self._bulks = anyio.CapacityLimiter(_CHUNKS_AT_ONCE)
        self._pages = anyio.CapacityLimiter(_PAGES_AT_ONCE)
        self._crowds = anyio.CapacityLimiter(1)
        self._singles = anyio.CapacityLimiter(_SINGLES_AT_ONCE)
        self._rate = RateBound(_SINGLES_PER_SECOND, _SINGLES_PER_SECOND)

    def next_time(self) -> float:
        """Return when there is something to look at, by the schedule or because that is worth while."""
        now = anyio.current_time()
        if not self._bulk.allows(now):
            return self._board.next_time()
        return wake_time(self._board, now, pages_pay=self._lister.pays(now))

    async def round(self) -> None:
        """Look at everything that is due; cancelled in the middle, what was not answered stays due."""
        now = anyio.current_time()
        by_bulk = self._bulk.allows(now)
        for wire, agenda in self._board.agendas.items():
            if wire == "v3" and by_bulk:
                choice = choose(self._board, now, pages_pay=self._lister.pays(now))
                await self._in_hand(choice.taken, partial(self._look_in_bulk, choice))
            elif watches := agenda.take(now, early=self._lister.usable(wire, now)):
                await self._in_hand(watches, partial(self._look_by_list, watches))

    async def _in_hand(self, watches: list[Watch], look: Callable[[], Awaitable[None]]) -> None:
        try:
            await look()
        finally:
            now = anyio.current_time()
            for watch in watches:
                if watch not in self._board.agendas[watch.wire]:
                    self._board.schedule(watch, now, due=now)

    # In bulk

    async def _look_in_bulk(self, choice: Choice) -> None:
        """Look at pages, and at v3 videos, 100 per request; then get the details of the finished ones."""
        self._look_singly(choice.alone)
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

        chunks = [partial(look, chunk) for chunk in in_chunks(choice.in_bulk, BULK)]
        await _each([*chunks, *(partial(self._read, page) for page in choice.pages)])
        untold = [watch for watch in choice.on_pages if watch.is_scheduled and watch not in self._board.agendas["v3"]]
        await _each([partial(look, chunk) for chunk in in_chunks(untold, BULK)])
        self._judge_the_endpoint(verdicts)
        if unanswered:
            await self._look_by_list(unanswered)
        asked = [*choice.in_bulk, *untold]
        await self._get_details([watch for watch in asked if watch.finished and watch.details is None])

    async def _read(self, page: str | None) -> None:
        wanted_at = anyio.current_time()
        async with self._crowds if self._board.places.is_crowded(page) else self._pages:
            await self._lister.read(page, wanted_at)

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
            watch.checked_at = now
            self._take_row(watch, statuses.get(watch.id), now)
        return None

    def _take_row(self, watch: Watch, word: str | None, now: float) -> None:
        if not watch.is_scheduled:
            return
        if word is None:
            self._board.saw_nothing(watch, now)
        elif word.lower() != NOT_FOUND:
            self._board.saw_status(watch, word, now, details_at=now + WALK_LIMIT)
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
        await _each([partial(self._read, page) for page in self._pages_of(finished)])
        left = [watch for watch in finished if watch.details is None]
        budget = self._lister.budget("v3", len(left)) if self._lister.is_worth_a_try(anyio.current_time()) else 0
        if budget:
            await self._lister.walk("v3", left, budget, counts=is_conclusive)
        self._look_singly([watch for watch in left if watch.details is None])

    def _pages_of(self, finished: list[Watch]) -> list[str | None]:
        """Return the pages that are read instead of single looks: those known to pay, or the newest one as a trial."""
        now = anyio.current_time()
        pages = list(dict.fromkeys(watch.page for watch in finished if watch.page != NOWHERE))
        if self._lister.pays(now):
            return pages
        is_trial = None in pages and len(self._board) >= _CROWD and self._lister.is_worth_a_try(now)
        return [None] if is_trial and self._lister.budget("v3", len(finished)) == 0 else []

    # By list, else one by one

    async def _look_by_list(self, watches: list[Watch]) -> None:
        """Look at videos without the bulk endpoint: by the list where that is fewer requests, else one by one."""
        wire = watches[0].wire
        told: set[Watch] = set()

        def take(watch: Watch, video: Video, now: float) -> None:
            told.add(watch)
            if watch.is_scheduled:
                status = in_same_words(video.status, watch.status)
                self._board.saw_status(watch, status, now, details_at=now)

        budget = self._lister.budget(wire, len(watches))
        if budget:
            await self._lister.walk(wire, watches, budget, counts=_any, take=take)
        self._look_singly([watch for watch in watches if watch not in told])

    def _look_singly(self, watches: Sequence[Watch]) -> None:
        now = anyio.current_time()
        for watch in watches:
            self._board.assign(watch, at=now)

    # One alone

    async def alone(self, watch: Watch) -> None:
        """Look at one video; cancelled in the middle, the look is left to the next waiter."""
        self._board.begin_look(watch)
        known = watch.details
        outcome: Video | HeyGenError | None = None
        try:
            with anyio.CancelScope() as watch.look_scope:
                outcome = await self._look_at_one(watch)
        finally:
            self._board.end_look(watch, anyio.current_time(), answered=outcome is not None)
        overtaken = isinstance(outcome, HeyGenError) and watch.details is not known
        if outcome is None or overtaken or watch.error is not None:
            return
        now = anyio.current_time()
        if isinstance(outcome, HeyGenError):
            self._take_failure(watch, outcome, now)
        else:
            watch.checked_at = now
            self._board.answered()
            self._board.saw_video(watch, outcome, now)

    async def _look_at_one(self, watch: Watch) -> Video | HeyGenError | None:
        async with self._singles:
            await anyio.sleep_until(max(self._rate.reserve(anyio.current_time()), self._board.paused_until))
            watch.asking, now = True, anyio.current_time()
            if self._lister.is_better(watch, now):
                await self._lister.read(watch.page, now, suffices=lambda: watch.details is not None)
                if watch.details is not None:
                    return None
                await anyio.sleep_until(self._board.paused_until)
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


async def _each(looks: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    if len(looks) <= 1:
        for look in looks:
            await look()
        return
    async with anyio.create_task_group() as group:
        for look in looks:
            group.start_soon(look)
