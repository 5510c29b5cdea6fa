"""What the leader looks at in a round, and when the next one is: by the schedule, or sooner where that is worth it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final

from attrs import frozen

from heygen_async._board import Board
from heygen_async._protocol.schedule import BULK
from heygen_async._protocol.worth import NOWHERE, Look, cover, looks_at, worthwhile
from heygen_async._watches import Watch

# Looks that become worth while within so short a time go out together: however many wait, the client has other work.
_TOGETHER: Final = 0.5
# In a crowd that is so many seconds per video, up to a longest time: what is thought about a video costs some
# microseconds, so a leader thinks for one per cent of its time at most.
_CROWDED: Final = 0.002
_LONGEST: Final = 5.0
# Right after a look nothing has been lost: the next one is planned by what will be, so much later.
_AHEAD: Final = 4.0


@frozen(kw_only=True)
class Choice:
    """One round of looks at v3; `taken` are the watches that left the agenda for it, each for one of three ways."""

    taken: list[Watch]
    in_bulk: list[Watch]
    on_pages: list[Watch]
    alone: list[Watch]
    pages: list[str | None]


def wake_time(board: Board, now: float, *, pages_pay: bool) -> float:
    """Return when the leader has something to look at."""
    scheduled = board.next_time()
    if scheduled <= now or not board.forecast.knows:
        return scheduled
    prospects = board.forecast.prospects([watch for watch in board.agendas["v3"] if not watch.alone], now)
    soonest = min((look.worth_in for look in looks_at(prospects, pages_pay=pages_pay, ahead=_AHEAD)), default=scheduled)
    together = max(_TOGETHER, min(_CROWDED * len(prospects), _LONGEST))
    return max(board.paused_until, min(scheduled, now + max(together, soonest)))


def choose(board: Board, now: float, *, pages_pay: bool) -> Choice:
    """Take from the agenda what is looked at now.

    As long as nothing has been learnt, what is due takes along all that is well into its interval. Later it takes along
    only what fills its requests, whatever that is: there is no better use of an empty seat. Pages are read where that
    costs less.
    """
    agenda, forecast = board.agendas["v3"], board.forecast
    if not forecast.knows:
        return _choice(agenda.take(now), ())
    prospects = forecast.prospects([watch for watch in agenda if not watch.alone], now)
    worthy = worthwhile(prospects, pages_pay=pages_pay)
    due = agenda.take(now, early=False)
    needed = cover(forecast.prospects([watch for watch in due if not watch.alone], now), pages_pay=pages_pay)
    pages = dict.fromkeys(look.page for look in (*worthy, *needed) if look.page != NOWHERE)
    seats = {watch: None for watch in due if watch.page not in pages}
    free = BULK * max(_bulk_looks(worthy), math.ceil(len(seats) / BULK)) - len(seats)
    worth_a_seat = [one.key for look in worthy if look.page == NOWHERE for one in look.prospects]
    chosen = [watch for watch in worth_a_seat if watch not in seats and watch.page not in pages][:free]
    for watch in chosen:
        agenda.drop(watch)
    company = agenda.company(now, also=lambda watch: _may_come(watch, now), most=free - len(chosen))
    for look in worthy:
        for prospect in look.prospects:
            prospect.key.asked_at = now
    return _choice([*due, *chosen, *company], pages)


def _may_come(watch: Watch, now: float) -> bool:
    # A look puts the next one off, and the first one must not be put off for nothing.
    return not watch.alone and now - watch.born >= watch.policy.first_after


def _bulk_looks(looks: Sequence[Look[Watch]]) -> int:
    return sum(1 for look in looks if look.page == NOWHERE)


def _choice(taken: list[Watch], pages: Collection[str | None]) -> Choice:
    together = [watch for watch in taken if not watch.alone]
    return Choice(
        taken=taken,
        in_bulk=[watch for watch in together if watch.page not in pages],
        on_pages=[watch for watch in together if watch.page in pages],
        alone=[watch for watch in taken if watch.alone],
        pages=list(pages),
    )
