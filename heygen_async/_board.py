"""The videos that somebody waits for, and what is known about each.

Everything here is synchronous: between two awaits of the coordinator the board is always consistent. A watch that
nobody has finished looking at is in exactly one place: in the agenda of its wire, in a round of the leader, in the
hands of one of its own waiters (`looking`), or meant for one of them at `alone_at`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field

from heygen_async._forecast import Forecast
from heygen_async._lead import AT_ONCE, Lead
from heygen_async._places import Places
from heygen_async._policies import PollPolicy
from heygen_async._protocol.bounded import BoundedDict
from heygen_async._protocol.looks import fits_bulk
from heygen_async._protocol.schedule import Agenda, detail_delay, first_look, next_delay, pause_after_429
from heygen_async._watches import Watch
from heygen_async.errors import HeyGenError, RateLimitError
from heygen_async.events import Event, LookFailed, StatusChanged
from heygen_async.models.video import ApiVersion, Video, VideoStatus

# In the bulk answer a missing id is no news; this often in a row it is looked at alone (scenario 30).
_ABSENCES: Final = 3
# Longer than most requests take, and shorter than anybody notices after minutes of waiting.
_MOMENT: Final = 2.0


@define(eq=False)
class Board:
    """Keep all watches and the agenda of each wire."""

    _emit: Callable[[Event], None]
    _rng: random.Random
    _max_retry_after: float
    agendas: dict[ApiVersion, Agenda[Watch]] = field(init=False)
    lead: Lead = field(factory=Lead, init=False)
    forecast: Forecast = field(factory=Forecast, init=False)
    places: Places = field(factory=Places, init=False)
    paused_until: float = field(default=-math.inf, init=False)
    _watches: dict[tuple[ApiVersion, str], Watch] = field(factory=dict[tuple[ApiVersion, str], Watch], init=False)
    _live: dict[Watch, None] = field(factory=dict[Watch, None], init=False)
    _early: BoundedDict[str, None] = field(factory=BoundedDict[str, None], init=False)
    _throttled: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.agendas = {"v3": Agenda(), "v2": Agenda()}

    def __len__(self) -> int:
        return len(self._live)

    # Coming and going of waiters

    def admit(
        self,
        video_id: str,
        wire: ApiVersion,
        *,
        policy: PollPolicy,
        submitted_at: float | None,
        may_switch: bool,
        now: float,
        length: float | None = None,
    ) -> Watch:
        """Register a waiter and return the watch it shares with the other waiters of the video."""
        known = self._watches.get((wire, video_id))
        if known is not None:
            self._join(known, policy, submitted_at, now)
            known.length = known.length or length
            known.may_switch = known.may_switch or may_switch
            return known
        watch = Watch(
            id=video_id,
            wire=wire,
            policy=policy,
            born=now if submitted_at is None else submitted_at,
            may_switch=may_switch,
            alone=not fits_bulk(video_id),
            waiters=1,
            timed=submitted_at is not None,
            length=length,
        )
        if watch.timed and wire == "v3":
            self.places.put(watch, None)
        self._watches[wire, video_id] = watch
        self._live[watch] = None
        if video_id in self._early:
            del self._early[video_id]
            watch.alone_at = AT_ONCE
        self.schedule(watch, now, due=first_look(policy, submitted_at=submitted_at, now=now))
        return watch

    def _join(self, watch: Watch, policy: PollPolicy, submitted_at: float | None, now: float) -> None:
        watch.waiters += 1
        if submitted_at is not None:
            watch.born, watch.timed = min(watch.born, submitted_at), True
        if policy.max_interval < watch.policy.max_interval:
            watch.policy = policy
            self.schedule(watch, now, due=min(watch.due, now + self._pause(watch, now)))

    def readmit(self, watch: Watch, now: float) -> Watch:
        """Register a waiter that comes back to its watch, which may have been given up or replaced meanwhile."""
        known = self._watches.get((watch.wire, watch.id), watch)
        self._watches[watch.wire, watch.id] = known
        self._live[known] = None
        self.places.come_back(known)
        known.waiters += 1
        if known.waiters == 1:
            self.schedule(known, now, due=max(now, known.due))
        return known

    def release(self, watch: Watch) -> None:
        """Take leave of a waiter; the last one frees the watch."""
        watch.waiters -= 1
        if watch.waiters == 0:
            self._forget(watch)
        self.lead.promote()

    def _forget(self, watch: Watch) -> None:
        self.agendas[watch.wire].drop(watch)
        self._live.pop(watch, None)
        self.places.leave(watch)
        if self._watches.get((watch.wire, watch.id)) is watch:
            del self._watches[watch.wire, watch.id]

    def find(self, wire: ApiVersion, video_id: str) -> Watch | None:
        """Return the watch of a video, if somebody waits for it."""
        return self._watches.get((wire, video_id))

    # Who looks, and when

    def next_time(self) -> float:
        """Return when the leader has to look next by the schedule."""
        return max(self.paused_until, min(agenda.next_due() for agenda in self.agendas.values()))

    def schedule(self, watch: Watch, now: float, *, due: float | None = None) -> None:
        """Put a watch on the leader's agenda: at `due`, or after the pause that its age asks for."""
        if not watch.is_scheduled:
            return
        watch.due = now + self._pause(watch, now) if due is None else due
        if watch.due < self.next_time():
            self.lead.rouse()
        self.agendas[watch.wire].put(watch, now=now, due=watch.due)

    def _pause(self, watch: Watch, now: float) -> float:
        return next_delay(watch.policy, age=now - watch.born, rng=self._rng)

    def assign(self, watch: Watch, *, at: float) -> None:
        """Leave the next look at a video to its own waiters."""
        if watch.error is None:
            self.agendas[watch.wire].drop(watch)
            watch.alone_at = at
            self.lead.ring(watch)

    def look_again(self, watch: Watch, now: float) -> None:
        """Have a finished video looked at again for what is missing, the last time when `url_grace` ends."""
        watch.tries += 1
        at = now + detail_delay(watch.policy, watch.tries)
        ends = math.inf if watch.detailed_at is None else watch.detailed_at + watch.policy.url_grace
        self.assign(watch, at=min(at, ends) if ends > now else at)

    def begin_look(self, watch: Watch) -> None:
        """Take a look in hand."""
        self.agendas[watch.wire].drop(watch)
        watch.looking, watch.alone_at = True, None

    def end_look(self, watch: Watch, now: float, *, answered: bool) -> None:
        """Let go of a look; one that was cancelled is left to the next waiter."""
        watch.looking, watch.asking, watch.look_scope = False, False, None
        if answered:
            watch.looked_at = now
        elif watch.details is None:
            watch.alone_at = AT_ONCE
        self.lead.ring(watch)

    def _go_home(self, watch: Watch, now: float) -> None:
        """Call off what the waiters of a video do for it, or for all, once it is known.

        What is under way gets a moment to end by itself, since ending a request costs its connection.
        """
        if watch.look_scope is not None:
            watch.look_scope.deadline = min(watch.look_scope.deadline, now + _MOMENT * watch.asking)
        self.lead.leave_round(watch, at=now + _MOMENT)

    def notify(self, video_id: str) -> None:
        """Have a video looked at now, or as soon as somebody waits for it."""
        watches = [self._watches.get((wire, video_id)) for wire in self.agendas]
        for watch in filter(None, watches):
            self.assign(watch, at=AT_ONCE)
            self.lead.leave_round(watch)
        if not any(watches):
            self._early[video_id] = None

    def switch(self, watch: Watch, now: float) -> None:
        """Go on watching on v3, because the API of the watch's own wire is gone."""
        self._forget(watch)
        watch.wire = "v3"
        if watch.timed:
            self.places.put(watch, None)
        self._watches.setdefault(("v3", watch.id), watch)
        self._live[watch] = None
        self.assign(watch, at=now)

    # What a look found

    def saw_status(self, watch: Watch, word: str, now: float, *, details_at: float) -> None:
        """Take a status without details; those of a finished video are looked for at `details_at`."""
        status = VideoStatus(word)
        watch.failures = watch.absences = 0
        self._set_status(watch, status, now)
        if status.is_terminal:
            self._set_finished(watch, now)
            self.forecast.saw_end(watch, None, now)
            self.assign(watch, at=details_at)
            self.lead.leave_round(watch, at=details_at)
            return
        if watch.video is None or watch.video.status != status:
            watch.video = Video(id=watch.id, status=status)
        self.forecast.saw_running(watch, now)
        self.schedule(watch, now)

    def saw_video(self, watch: Watch, video: Video, now: float) -> None:
        """Take a whole video."""
        watch.failures = watch.absences = 0
        watch.video = video
        self._set_status(watch, video.status, now)
        if not video.status.is_terminal:
            watch.finished = False
            watch.detailed_at, watch.tries = None, 0
            self.forecast.saw_running(watch, now)
            self.schedule(watch, now)
            return
        self._set_finished(watch, now)
        if watch.detailed_at is None:
            watch.detailed_at = now
            self.forecast.saw_end(watch, video, now)
        self.agendas[watch.wire].drop(watch)
        watch.alone_at = None
        self._go_home(watch, now)
        if video.status == VideoStatus.COMPLETED and video.video_url is None:
            self.look_again(watch, now)
        self.lead.ring(watch)

    def saw_nothing(self, watch: Watch, now: float) -> None:
        """Take note that an answer did not speak of a video."""
        watch.absences += 1
        if watch.absences >= _ABSENCES:
            watch.absences = 0
            self.assign(watch, at=now)
        else:
            self.schedule(watch, now)

    def look_later(self, watch: Watch, now: float) -> None:
        """Look again by the schedule of a running, or of a finished video."""
        if watch.finished:
            self.look_again(watch, now)
        else:
            self.schedule(watch, now)

    def _set_finished(self, watch: Watch, now: float) -> None:
        if not watch.finished:
            watch.finished, watch.finished_at = True, now

    def _set_status(self, watch: Watch, status: VideoStatus, now: float) -> None:
        if watch.status == status:
            return
        previous, watch.status = watch.status, status
        self.lead.ring(watch)
        elapsed = now - watch.born
        self._emit(StatusChanged(video_id=watch.id, status=status, previous=previous, elapsed=elapsed))

    # What went wrong

    def look_failed(self, watches: Sequence[Watch], error: HeyGenError, now: float) -> None:
        """Count a failed look and look again by the schedule; a 429 makes all looks pause."""
        if isinstance(error, RateLimitError):
            self.pause(error, now)
        for watch in watches:
            watch.failures += 1
            watch.trouble = str(error)
            self.look_later(watch, now)
        if watches:
            again = min(watch.due if watch.alone_at is None else watch.alone_at for watch in watches)
            event = LookFailed(
                video_ids=tuple(watch.id for watch in watches),
                reason=f"{type(error).__name__}: {error}",
                failures_in_a_row=max(watch.failures for watch in watches),
                retry_in=max(0.0, max(again, self.paused_until) - now),
            )
            self._emit(event)

    def pause(self, error: RateLimitError, now: float) -> None:
        """Make all looks pause."""
        self._throttled += 1
        pause = pause_after_429(error.retry_after, in_a_row=self._throttled, cap=self._max_retry_after)
        self.paused_until = max(self.paused_until, now + pause)

    def answered(self) -> None:
        """Note that HeyGen answers."""
        self._throttled = 0

    def fail(self, watch: Watch, error: HeyGenError) -> None:
        """End the waits for one video."""
        watch.error = error
        self._forget(watch)
        if watch.look_scope is not None:
            watch.look_scope.cancel()
        self.lead.ring(watch)
        self.lead.leave_round(watch)

    def fail_all(self, error: HeyGenError) -> None:
        """End all waits; later ones start afresh."""
        for watch in list(self._live):
            self.fail(watch, error)
