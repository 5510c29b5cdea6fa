"""What goes into a look and what its answer means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import errors
from heygen_async._protocol.looks import (
    BulkStatus,
    ListThrift,
    PageTrust,
    PageWalk,
    Verdict,
    VideoPage,
    fits_bulk,
    in_chunks,
    in_same_words,
    is_conclusive,
    judge_bulk,
    judge_single,
    match_statuses,
)
from heygen_async.models.video import Video, VideoFailure, VideoStatus


def status_error(cls: type[errors.APIStatusError], status: int, code: str | None = None) -> errors.APIStatusError:
    return cls("said", status_code=status, code=code)


def page(*ids: str, token: str | None = None) -> VideoPage:
    return VideoPage(videos=[Video(id=name, status=VideoStatus.COMPLETED) for name in ids], next_token=token)


def everything(video: Video) -> bool:
    return True


def test_30_rows_are_matched_by_id_alone() -> None:
    """Strangers, rows without an id and the order mean nothing; missing ids are missing."""
    rows = [
        BulkStatus(video_id="b", status="processing"),
        BulkStatus(video_id=None, status="queued"),
        BulkStatus(video_id="stranger", status="completed"),
        BulkStatus(video_id="a", status="queued"),
    ]
    assert match_statuses({"a", "b", "c"}, rows) == {"a": "queued", "b": "processing"}


def test_30_of_duplicate_rows_the_terminal_one_counts() -> None:
    """An id that is named twice is finished if either row says so, else what the last one says."""
    rows = [BulkStatus(video_id="a", status=word) for word in ("queued", "completed", "processing")]
    assert match_statuses({"a"}, rows) == {"a": "completed"}
    assert match_statuses({"a"}, [rows[0], rows[2]]) == {"a": "processing"}


ids = st.text(max_size=3)


@given(st.sets(ids), st.lists(st.builds(BulkStatus, video_id=st.none() | ids, status=st.text())))
def test_matching_never_invents(wanted: set[str], rows: list[BulkStatus]) -> None:
    """Only wanted ids come out, each with a word that the answer had for it."""
    found = match_statuses(wanted, rows)
    assert set(found) == wanted & {row.video_id for row in rows}
    assert all(BulkStatus(video_id=key, status=word) in rows for key, word in found.items())


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=100))
def test_chunks_are_whole(items: list[int], size: int) -> None:
    """Chunks put together are the items again, and none is empty or too large."""
    chunks = list(in_chunks(items, size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(0 < len(chunk) <= size for chunk in chunks)


@pytest.mark.parametrize(
    ("video_id", "fits"),
    [("7b3d5a-E_f", True), ("a,b", False), ("", False), ("a b", False), ("ü", False), ("x" * 129, False)],
)
def test_only_plain_ids_go_into_a_list(video_id: str, fits: bool) -> None:
    """An id with a comma would be read as two, and long or odd ones could sink the whole request."""
    assert fits_bulk(video_id) is fits


def test_a_list_item_is_conclusive_only_with_all_that_a_waiter_needs() -> None:
    """A completed item needs its URL, a failed one its reason; anything else is looked at."""
    completed = Video(id="a", status=VideoStatus.COMPLETED)
    failed = Video(id="a", status=VideoStatus.FAILED)
    assert not is_conclusive(completed)
    assert not is_conclusive(failed)
    assert not is_conclusive(Video(id="a", status=VideoStatus("draft"), video_url="https://x/y"))
    assert not is_conclusive(Video(id="a", status=VideoStatus.FAILED, failure=VideoFailure()))
    assert is_conclusive(Video(id="a", status=VideoStatus.COMPLETED, video_url="https://x/y"))
    assert is_conclusive(Video(id="a", status=VideoStatus.FAILED, failure=VideoFailure(message="no")))


@pytest.mark.parametrize(
    ("error", "single", "bulk"),
    [
        (status_error(errors.AuthenticationError, 401), Verdict.END_ALL, Verdict.END_ALL),
        (status_error(errors.PermissionDeniedError, 403), Verdict.END_ALL, Verdict.END_ALL),
        (status_error(errors.PermissionDeniedError, 403, "resource_access_denied"), Verdict.END_ONE, Verdict.ALONE),
        (status_error(errors.NotFoundError, 404), Verdict.MISSING, Verdict.ALONE),
        (status_error(errors.ApiRetiredError, 410), Verdict.RETIRED, Verdict.ALONE),
        (status_error(errors.APIStatusError, 405), Verdict.ALONE, Verdict.ALONE),
        (status_error(errors.BadRequestError, 400), Verdict.ALONE, Verdict.ALONE),
        (status_error(errors.RateLimitError, 429), Verdict.PAUSE, Verdict.PAUSE),
        (status_error(errors.InternalServerError, 501), Verdict.AGAIN, Verdict.ALONE),
        (status_error(errors.InternalServerError, 502), Verdict.AGAIN, Verdict.STRIKE),
        (status_error(errors.APIStatusError, 408), Verdict.AGAIN, Verdict.STRIKE),
        (errors.APIResponseError("said"), Verdict.AGAIN, Verdict.STRIKE),
        (errors.APIConnectionError("said"), Verdict.AGAIN, Verdict.AGAIN),
        (errors.APITimeoutError("said"), Verdict.AGAIN, Verdict.AGAIN),
        (errors.ConfigurationError("closed"), Verdict.END_ALL, Verdict.END_ALL),
    ],
)
def test_what_a_failed_look_means(error: errors.HeyGenError, single: Verdict, bulk: Verdict) -> None:
    """Only a refused key ends all waits; what a bulk look refuses is settled by looks at each video."""
    assert judge_single(error) is single
    assert judge_bulk(error) is bulk


def test_a_walk_returns_wanted_videos_and_ends_when_all_are_found() -> None:
    """The rest of the list is not read."""
    walk = PageWalk({"a", "b", "c"}, budget=2)
    assert walk.goes_on
    assert [video.id for video in walk.read(page("x", "a", "b", "a", "c", token="t"), counts=everything)] == [
        "a",
        "b",
        "c",
    ]
    assert not walk.goes_on
    assert (walk.found, walk.pages) == (3, 1)


def test_a_walk_stops_where_one_look_is_as_cheap() -> None:
    """A page for the one missing video costs what a look at it costs."""
    walk = PageWalk({"a", "b", "c"}, budget=2)
    walk.read(page("a", "b", token="t"), counts=everything)
    assert not walk.goes_on


def test_a_walk_stops_at_its_budget() -> None:
    """It never reads more pages than it was given."""
    walk = PageWalk({"a", "b", "c", "d"}, budget=1)
    walk.read(page("a", token="t"), counts=everything)
    assert not walk.goes_on


def test_a_walk_gives_up_after_two_barren_pages() -> None:
    """Once it has met wanted videos, two pages without any say that it has passed them."""
    walk = PageWalk({str(n) for n in range(40)}, budget=39)
    walk.read(page("1", token="t1"), counts=everything)
    walk.read(page("x", token="t2"), counts=everything)
    assert walk.goes_on
    walk.read(page("y", token="t3"), counts=everything)
    assert not walk.goes_on


def test_a_walk_has_patience_for_older_videos_that_lie_deeper() -> None:
    """Before the first hit as many barren pages are read as half the looks that are at stake."""
    walk = PageWalk({str(n) for n in range(8)}, budget=7)
    for turn in range(4):
        assert walk.goes_on
        walk.read(page("x", token=f"t{turn}"), counts=everything)
    assert not walk.goes_on


@pytest.mark.parametrize("tokens", [[None], ["t", "t"]])
def test_a_walk_ends_with_the_list(tokens: list[str | None]) -> None:
    """A list without a next page, or with one that was read already, is at its end."""
    walk = PageWalk({"a", "b", "c", "d", "e", "f"}, budget=5)
    for token in tokens:
        assert walk.goes_on
        walk.read(page("x", token=token), counts=everything)
    assert not walk.goes_on


def test_a_walk_ends_when_the_items_are_useless() -> None:
    """A list that carries no URLs is not read to its end."""
    walk = PageWalk({str(n) for n in range(20)}, budget=19)
    walk.read(page("1", "2", "3", token="t"), counts=is_conclusive)
    assert not walk.goes_on


def walked(wanted: int, pages: int, found: int) -> PageWalk:
    walk = PageWalk({str(n) for n in range(wanted)}, budget=wanted)
    walk.pages, walk.found = pages, found
    return walk


def test_the_list_is_asked_from_three_videos_on() -> None:
    """One page can replace three looks; for fewer it is not worth it."""
    thrift = ListThrift()
    assert [thrift.budget(wanted, 0) for wanted in (0, 1, 2, 3, 10)] == [0, 0, 0, 2, 9]


def test_a_walk_that_cost_more_than_it_saved_raises_the_bar_for_a_while() -> None:
    """After 10 videos proved too few, 13 are needed, until some minutes have passed."""
    thrift = ListThrift()
    thrift.learn(walked(10, pages=9, found=2), now=0)
    assert thrift.budget(12, 1) == 0
    assert thrift.budget(14, 1) == 13
    assert thrift.budget(3, 300) == 2


def test_a_walk_that_saved_requests_tells_how_deep_the_videos_lie() -> None:
    """Where ten pages were needed, more than ten videos are, too."""
    thrift = ListThrift()
    thrift.learn(walked(40, pages=10, found=40), now=0)
    assert thrift.budget(10, 1) == 0
    assert thrift.budget(11, 1) == 10
    thrift.learn(walked(40, pages=1, found=40), now=2)
    assert thrift.budget(3, 3) == 2


def test_a_failing_list_is_left_alone_for_some_minutes() -> None:
    """Neither an error nor a page that did not come in time is repeated soon."""
    for thrift, note in (
        (ListThrift(), ListThrift.failed),
        (ListThrift(), lambda t, now: t.learn(walked(9, 0, 0), now)),
    ):
        note(thrift, 100)
        assert not thrift.usable(399)
        assert thrift.budget(50, 399) == 0
        assert thrift.usable(400)


def test_a_walk_goes_on_through_neighbours() -> None:
    """Pages with other videos that are waited for are not barren: the wanted ones are probably next."""
    walk = PageWalk({"a", "b", "c", "d"}, budget=9)
    walk.read(page("d", token="t1"), counts=everything)
    for token in ("t2", "t3", "t4"):
        walk.read(page("x", token=token), counts=everything, neighbours=True)
    assert walk.goes_on
    walk.read(page("x", token="t5"), counts=everything)
    walk.read(page("x", token="t6"), counts=everything)
    assert not walk.goes_on


FINISHED = Video(id="a", status=VideoStatus.COMPLETED, video_url="https://x/y")
WITHOUT_URL = Video(id="a", status=VideoStatus.COMPLETED)


def test_pages_pay_once_one_has_brought_what_is_needed() -> None:
    """Before that they are worth a try, and nothing more."""
    trust = PageTrust()
    assert trust.is_worth_a_try(0)
    assert not trust.pays(0)
    trust.learn([FINISHED], barren=False, now=0)
    assert trust.pays(0)


@pytest.mark.parametrize(
    ("ended", "barren", "times"), [([WITHOUT_URL], False, 3), ([WITHOUT_URL] * 3, False, 1), ([], True, 2)]
)
def test_pages_that_bring_nothing_are_left_alone_for_longer_each_time(
    ended: list[Video], barren: bool, times: int
) -> None:
    """Five minutes, then ten, at most an hour; one that helps starts that anew."""
    trust = PageTrust()
    now = 0.0
    for rest in (300, 600, 1200, 2400, 3600, 3600):
        for _ in range(times):
            assert trust.is_worth_a_try(now)
            trust.learn(ended, barren=barren, now=now)
        assert not trust.is_worth_a_try(now + rest - 1)
        now += rest
    trust.learn([FINISHED], barren=False, now=now)
    trust.failed(now)
    assert not trust.pays(now + 299)
    assert trust.is_worth_a_try(now + 300)
    assert not trust.pays(now + 300)


def test_now_and_then_a_page_may_bring_nothing() -> None:
    """One late URL, or one page without any video that is waited for, is no reason."""
    trust = PageTrust()
    for _ in range(5):
        trust.learn([WITHOUT_URL, FINISHED], barren=False, now=0)
        trust.learn([], barren=True, now=0)
    assert trust.pays(0)


@pytest.mark.parametrize(
    ("status", "known", "told"),
    [
        ("pending", "queued", "queued"),
        ("queued", "waiting", "waiting"),
        ("processing", "queued", "processing"),
        ("pending", "processing", "pending"),
        ("pending", None, "pending"),
        ("Waiting", "Pending", "Pending"),
    ],
)
def test_other_words_for_the_same_are_no_news(status: str, known: str | None, told: str) -> None:
    """A video that waits is queued to the bulk look, waiting or pending to the list."""
    assert in_same_words(status, known) == told
