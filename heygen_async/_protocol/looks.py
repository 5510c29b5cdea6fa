"""What goes into one look, and what its answer or failure means. Pure: no clock, no I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import Enum, auto
from typing import Final, TypeVar

from attrs import frozen

from heygen_async import errors
from heygen_async.models.video import Video, VideoStatus

T = TypeVar("T")

NOT_FOUND: Final = "not_found"
"""The word with which a bulk look says that it does not know an id."""

# The list is asked from this many wanted videos on; a walk that cost more than it saved doubles the number for a
# while, a failing list is left alone for as long.
_WORTH_A_PAGE: Final = 3
_MOST_WANTED: Final = 512
_REST: Final = 300.0
_LONGEST_REST: Final = 3600.0
_BARREN_PAGES: Final = 2

_QUEUED: Final = frozenset({"queued", "waiting", "pending"})
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_.:~-]{1,128}")
# Statuses that say something about the moment, not about the route or the ids asked for.
_PASSING: Final = frozenset({408, 409, 425})


@frozen(kw_only=True)
class BulkStatus:
    """One row of a bulk look; a row without an id is one that HeyGen has not made a video of yet."""

    video_id: str | None
    status: str


@frozen(kw_only=True)
class VideoPage:
    """One page of the account's videos, newest first; `next_token` None says that it is the last."""

    videos: Sequence[Video]
    next_token: str | None


class Verdict(Enum):
    """What a failed look means for the waits."""

    AGAIN = auto()
    """Nothing: count it, look again by the schedule."""
    STRIKE = auto()
    """As AGAIN, but of a kind that counts against the bulk endpoint."""
    PAUSE = auto()
    """The account asks too often: all looks pause, the waits go on."""
    ALONE = auto()
    """The bulk endpoint is absent, or chokes on one of the ids: look at each alone."""
    MISSING = auto()
    """The video does not exist, or is not visible yet."""
    RETIRED = auto()
    """The endpoint is gone."""
    END_ONE = auto()
    """This video is not the caller's to see."""
    END_ALL = auto()
    """The key is refused, or the client is closed: no look of anyone will succeed."""


def in_chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """Yield `items` in pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def fits_bulk(video_id: str) -> bool:
    """Say whether an id can stand in a comma-separated list without being taken for several, or for none."""
    return _PLAIN_ID.fullmatch(video_id) is not None


def match_statuses(wanted: Collection[str], rows: Iterable[BulkStatus]) -> dict[str, str]:
    """Return the status of each wanted id that the answer speaks of (scenario 30).

    Rows are matched by id alone: strangers and rows without an id are ignored, the order means nothing, and of
    several rows for one id a terminal one counts, else the last.
    """
    found: dict[str, str] = {}
    for row in rows:
        if row.video_id is None or row.video_id not in wanted:
            continue
        known = found.get(row.video_id)
        if known is None or not VideoStatus(known).is_terminal:
            found[row.video_id] = row.status
    return found


def in_same_words(status: str, known: str | None) -> str:
    """Return a status as it was told before, if the bulk look and the list only name it differently."""
    return known if known is not None and {status.lower(), known.lower()} <= _QUEUED else status


def is_conclusive(video: Video) -> bool:
    """Say whether a list item tells all there is to know about a finished video, so that no look at it is needed."""
    if video.status == VideoStatus.FAILED:
        return video.failure is not None and bool(video.failure.code or video.failure.message)
    return video.status == VideoStatus.COMPLETED and video.video_url is not None


def judge_single(error: errors.HeyGenError) -> Verdict:
    """Return what a failed look at one video means."""
    if not isinstance(error, errors.APIError):
        return Verdict.END_ALL
    if isinstance(error, errors.PermissionDeniedError) and error.code == "resource_access_denied":
        return Verdict.END_ONE
    for kind, verdict in _BY_KIND:
        if isinstance(error, kind):
            return verdict
    if isinstance(error, errors.APIStatusError) and _is_about_the_request(error.status_code):
        return Verdict.ALONE
    return Verdict.AGAIN


def judge_bulk(error: errors.HeyGenError) -> Verdict:
    """Return what a failed bulk look means (scenario 60)."""
    verdict = judge_single(error)
    if verdict in {Verdict.END_ONE, Verdict.RETIRED, Verdict.MISSING}:
        return Verdict.ALONE
    if isinstance(error, errors.APIStatusError) and error.status_code == 501:
        return Verdict.ALONE
    if verdict is Verdict.AGAIN and not isinstance(error, errors.APIConnectionError):
        return Verdict.STRIKE
    return verdict


def _is_about_the_request(status: int) -> bool:
    return 400 <= status < 500 and status not in _PASSING


_BY_KIND: Final[tuple[tuple[type[errors.APIError], Verdict], ...]] = (
    (errors.AuthenticationError, Verdict.END_ALL),
    (errors.PermissionDeniedError, Verdict.END_ALL),
    (errors.ApiRetiredError, Verdict.RETIRED),
    (errors.NotFoundError, Verdict.MISSING),
    (errors.RateLimitError, Verdict.PAUSE),
)


class PageWalk:
    """Walk the account's list, newest first, as long as it finds wanted videos cheaper than looks at each would.

    `budget` pages are read at most. The walk also ends when at most one video is missing, when two pages in a row held
    none (older videos lie deeper, so there is more patience before the first), when the items of a list prove to be
    of no use, and where the list ends or goes in circles.
    """

    def __init__(self, wanted: Collection[str], budget: int) -> None:
        self.token: str | None = None
        self.pages = 0
        self.found = 0
        self.wanted = len(wanted)
        self._missing = set(wanted)
        self._budget = budget
        self._met = 0
        self._barren = 0
        self._patience = max(_BARREN_PAGES, self.wanted // 2)
        self._tokens: set[str | None] = {None}
        self._ended = False

    @property
    def goes_on(self) -> bool:
        """Say whether another page is worth a request."""
        if self._ended or self.pages >= self._budget or self._barren >= self._patience:
            return False
        return len(self._missing) > 1 or (self.pages == 0 and bool(self._missing))

    def read(self, page: VideoPage, *, counts: Callable[[Video], bool], neighbours: bool = False) -> list[Video]:
        """Return the wanted videos of a page; those that `counts` accepts are the walk's gain.

        `neighbours` says that others on the page are waited for, so that the wanted ones are probably near.
        """
        self.pages += 1
        hits = list({video.id: video for video in page.videos if video.id in self._missing}.values())
        self._missing.difference_update(video.id for video in hits)
        self.found += sum(1 for video in hits if counts(video))
        self._barren = 0 if hits or neighbours else self._barren + 1
        self._patience = _BARREN_PAGES if hits else self._patience
        self._met += len(hits)
        useless = self._met >= _WORTH_A_PAGE and not self.found
        self._ended = useless or page.next_token in self._tokens
        self.token = page.next_token
        self._tokens.add(page.next_token)
        return hits


class ListThrift:
    """Decide whether the list is asked before single looks are made, learning from what that brought."""

    def __init__(self) -> None:
        self._needed = _WORTH_A_PAGE
        self._relax_at = math.inf
        self._rest_until = -math.inf

    def usable(self, now: float) -> bool:
        """Say whether the list may be asked at all."""
        return now >= self._rest_until

    def budget(self, wanted: int, now: float) -> int:
        """Return how many pages may be read for so many videos: fewer than the looks they replace, or none."""
        if now >= self._relax_at:
            self._needed, self._relax_at = _WORTH_A_PAGE, math.inf
        return wanted - 1 if wanted >= self._needed and self.usable(now) else 0

    def learn(self, walk: PageWalk, now: float) -> None:
        """Take account of a walk that has ended; one that was cut off on its first page found the list broken."""
        if walk.pages == 0:
            self.failed(now)
        elif walk.found < walk.pages:
            self._needed = min(_MOST_WANTED, 1 + max(self._needed, walk.wanted) * 5 // 4)
            self._relax_at = now + _REST
        else:
            self._needed = max(_WORTH_A_PAGE, walk.pages + 1)

    def failed(self, now: float) -> None:
        """Leave the list alone for some minutes."""
        self._rest_until = now + _REST


class PageTrust:
    """Know whether single pages of the list are worth asking for: whether they hold what waiters need."""

    def __init__(self) -> None:
        self._conclusive = False
        self._useless = 0
        self._barren = 0
        self._rest = _REST
        self._rest_until = -math.inf

    def pays(self, now: float) -> bool:
        """Say whether a page brings finished videos with all that is needed, as far as is known."""
        return self._conclusive and now >= self._rest_until

    def is_worth_a_try(self, now: float) -> bool:
        """Say whether a page might do so."""
        return now >= self._rest_until

    def learn(self, ended: Sequence[Video], *, barren: bool, now: float) -> None:
        """Take account of a page, and of the videos on it that somebody waits for and that have `ended`."""
        conclusive = sum(1 for video in ended if is_conclusive(video))
        if conclusive:
            self._conclusive, self._rest = True, _REST
        self._useless = 0 if conclusive else self._useless + len(ended)
        self._barren = self._barren + 1 if barren else 0
        if self._useless >= _WORTH_A_PAGE or self._barren >= _BARREN_PAGES:
            self.failed(now)

    def failed(self, now: float) -> None:
        """Ask for no page for some minutes, and longer each time until one has helped."""
        self._conclusive, self._useless, self._barren = False, 0, 0
        self._rest_until, self._rest = now + self._rest, min(_LONGEST_REST, self._rest * 2)
