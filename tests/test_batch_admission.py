"""How a batch fills an account: slots, 429s of every kind, and what stops it. All on a virtual clock."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import anyio
import pytest

from heygen_async import (
    AdmissionChanged,
    AdmissionStopped,
    AuthenticationError,
    BatchReport,
    Failed,
    InsufficientCreditError,
    Limits,
    RateLimitError,
    Succeeded,
    VideoFailedError,
    WaitingForSlot,
)
from tests.clock import virtual_time
from tests.render_farm import RenderFarm, one_to_twelve_minutes, refused
from tests.sdk import AVATAR, AVATAR_JSON

pytestmark = pytest.mark.anyio


async def makespan(farm: RenderFarm, videos: int, **options: Any) -> tuple[BatchReport, float]:
    async with farm.client() as heygen:
        began = anyio.current_time()
        report = await heygen.videos.generate_all([AVATAR] * videos, **options)
        return report, anyio.current_time() - began


def all_succeeded(report: BatchReport, farm: RenderFarm, videos: int) -> None:
    report.raise_for_failures()
    assert [item.key for item in report.succeeded] == list(range(videos))
    assert farm.paid == videos


@pytest.mark.timeout(240)
@virtual_time
async def test_unknown_cap_of_ten_is_filled_to_97_percent() -> None:
    """1,000 videos of 1 to 12 minutes: nobody says that ten may run, and yet ten run nearly all the time."""
    farm = RenderFarm(cap=10, seconds=one_to_twelve_minutes())
    farm.latency = 0.3
    report, took = await makespan(farm, 1000)
    all_succeeded(report, farm, 1000)
    assert farm.most_running == 10
    assert farm.work / 10 / took >= 0.97
    assert len(farm.refused_at) < 200


@virtual_time
async def test_cap_that_drops_to_four_in_the_middle() -> None:
    """The batch follows, and keeps the four that are left busy."""
    farm = RenderFarm(cap=10, seconds=one_to_twelve_minutes())
    capacity = 0.0

    async def drop() -> None:
        nonlocal capacity
        await anyio.sleep(7200)
        farm.cap, capacity = 4, 7200 * 10

    async with anyio.create_task_group() as group:
        group.start_soon(drop)
        report, took = await makespan(farm, 400)
    all_succeeded(report, farm, 400)
    assert farm.work / (capacity + (took - 7200) * 4) >= 0.95


@virtual_time
async def test_other_programs_come_and_go() -> None:
    """Slots that others take are given up, and taken again some time after they are free."""
    farm = RenderFarm(cap=10, seconds=one_to_twelve_minutes())
    busy: list[int] = []

    async def others() -> None:
        farm.others = 7
        await anyio.sleep(3600)
        busy.append(farm.running())
        farm.others = 0
        await anyio.sleep(1800)
        busy.append(farm.running())

    async with anyio.create_task_group() as group:
        group.start_soon(others)
        report, _ = await makespan(farm, 300)
    all_succeeded(report, farm, 300)
    assert busy[0] <= 3
    assert busy[1] >= 8


@virtual_time
async def test_larger_account_is_found_out() -> None:
    """HeyGen's published 10 is where it begins, not where it ends."""
    farm = RenderFarm(cap=25, seconds=one_to_twelve_minutes())
    report, _ = await makespan(farm, 400)
    all_succeeded(report, farm, 400)
    assert farm.most_running == 25


@virtual_time
@pytest.mark.parametrize("where", ["argument", "limits"])
async def test_given_max_in_flight_is_never_exceeded(where: str) -> None:
    """Nor probed; the client's limit counts all its batches together."""
    farm = RenderFarm(cap=None, seconds=one_to_twelve_minutes())
    limits = Limits(max_in_flight=3) if where == "limits" else Limits()
    argument = 3 if where == "argument" else None
    async with farm.client(limits=limits) as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 60, max_in_flight=argument)
    all_succeeded(report, farm, 60)
    assert farm.most_running == 3


@virtual_time
async def test_given_max_in_flight_above_the_published_limit_is_used_at_once() -> None:
    """Who knows the account need not wait until it is learned."""
    farm = RenderFarm(cap=None, seconds=lambda n: 600.0)
    report, took = await makespan(farm, 40, max_in_flight=40)
    all_succeeded(report, farm, 40)
    assert farm.most_running == 40
    assert took < 700


@virtual_time
async def test_two_batches_of_one_client_share_the_slots() -> None:
    """What one has learned the other knows: together they fill the account, not each for itself."""
    farm = RenderFarm(cap=10, seconds=one_to_twelve_minutes())
    reports: list[BatchReport] = []
    async with farm.client() as heygen:

        async def batch() -> None:
            reports.append(await heygen.videos.generate_all([AVATAR] * 100))

        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(batch)
            group.start_soon(batch)
        took = anyio.current_time() - began
    assert [len(report.succeeded) for report in reports] == [100, 100]
    assert farm.paid == 200
    assert len(farm.refused_at) < 60
    assert farm.work / 10 / took > 0.9


@virtual_time
async def test_slot_is_handed_on_before_the_file_is_there() -> None:
    """Completed without a URL: the render has ended, so its slot goes on while the URL is looked for."""
    farm = RenderFarm(cap=1, seconds=lambda n: 20.0)
    farm._video = lambda video_id: {"id": video_id, "status": farm._word(video_id), "video_url": None}  # type: ignore[method-assign]
    async with farm.client() as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 3, max_in_flight=1)
    assert len(report.failed) == 3
    assert farm.submitted_at[2] - farm.submitted_at[0] < 80


@virtual_time
@pytest.mark.parametrize(
    ("retry_after", "least"),
    [
        pytest.param("40", 40, id="12a-seconds"),
        pytest.param("date+40", 38, id="12b-date"),
        pytest.param("date-40", 0.2, id="12b-date-in-the-past"),
        pytest.param("0", 0.2, id="12c-zero"),
        pytest.param(None, 0.2, id="12e-missing"),
        pytest.param("soon", 0.2, id="12e-garbage"),
    ],
)
async def test_12_full_account_is_waited_for_and_fails_no_item(retry_after: str | None, least: float) -> None:
    """Nothing goes out before Retry-After has passed, nothing is counted as failed, and there is no busy loop."""
    if retry_after is not None and retry_after.startswith("date"):
        import time

        retry_after = formatdate(time.time() + int(retry_after[4:]), usegmt=True)
    farm = RenderFarm(cap=1, seconds=lambda n: 100.0, retry_after=retry_after)
    report, took = await makespan(farm, 5)
    all_succeeded(report, farm, 5)
    posts = sorted([*farm.submitted_at, *farm.refused_at])
    first = farm.refused_at[0]
    assert min((at for at in posts if at > first), default=first + 1000) - first >= least
    assert farm.requests["POST /v3/videos"] < 60
    assert took < 1000


@virtual_time
async def test_12a_refused_item_keeps_its_key_and_goes_first() -> None:
    """The same idempotency key goes out again, before items that were never turned away."""
    farm = RenderFarm(cap=1, seconds=lambda n: 30.0)
    places: list[WaitingForSlot] = []
    async with farm.client(
        on_event=lambda event: places.append(event) if isinstance(event, WaitingForSlot) else None
    ) as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 12)
    all_succeeded(report, farm, 12)
    assert len(farm.by_key) == 12
    assert {place.key for place in places} >= {1, 2, 3}
    assert {place.position for place in places} >= {1, 2}
    assert [item.video.id for item in report.succeeded[5:]] == [f"video-{n}" for n in range(5, 12)]


@virtual_time
async def test_12d_absurd_retry_after_stops_admission() -> None:
    """A day is no answer to wait for: nothing more is sent, what runs is finished, nothing counts as failed."""
    farm = RenderFarm(cap=4, seconds=lambda n: 100.0, retry_after="86400")
    report, took = await makespan(farm, 50)
    assert (len(report.succeeded), len(report.failed), len(report.skipped)) == (4, 0, 46)
    assert "86400" in report.skipped[-1].reason
    assert 5 <= farm.requests["POST /v3/videos"] <= 10
    assert took < 200


STOPS = [
    pytest.param(402, "insufficient_credit", InsufficientCreditError, id="11-no-credit"),
    pytest.param(400, "insufficient_credit", InsufficientCreditError, id="11-no-credit-in-a-400"),
    pytest.param(429, "quota_exceeded", RateLimitError, id="12f-quota"),
    pytest.param(429, "trial_limit_exceeded", RateLimitError, id="12f-trial"),
    pytest.param(401, "unauthorized", AuthenticationError, id="key"),
]


@virtual_time
@pytest.mark.parametrize(("status", "code", "error"), STOPS)
async def test_11_12f_account_trouble_stops_admission(status: int, code: str, error: type[Exception]) -> None:
    """Who met it is Failed, what runs is finished, the rest is Skipped with the reason and never sent."""
    farm = RenderFarm(cap=10, seconds=lambda n: 100.0)
    farm.refuse = lambda n, body: refused(status, code, "1") if n >= 5 else None
    stopped: list[object] = []
    async with farm.client(on_event=stopped.append) as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 40, max_in_flight=3)
    assert len(report.succeeded) == farm.paid == 5
    assert 1 <= len(report.failed) <= 3
    assert all(isinstance(item.error, error) and item.job_id is None for item in report.failed)
    assert len(report.skipped) == 40 - 5 - len(report.failed)
    assert all(code in item.reason for item in report.skipped)
    assert sum(isinstance(event, AdmissionStopped) for event in stopped) == 1
    assert farm.requests["POST /v3/videos"] == 5 + len(report.failed)


@virtual_time
@pytest.mark.parametrize("code", ["400140", "MOVIO_PAYMENT_INSUFFICIENT_CREDIT"])
async def test_25_daily_limit_as_a_render_failure_stops_admission(code: str) -> None:
    """HeyGen accepts the video and fails it later; the same happens to whatever follows, so nothing does (11, 25)."""
    farm = RenderFarm(cap=None, seconds=lambda n: 100.0 + n)
    farm.fail = {3: code}
    async with farm.client() as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 40, max_in_flight=2)
    (failed,) = report.failed
    assert isinstance(failed.error, VideoFailedError)
    assert failed.job_id == "video-3"
    assert 3 <= len(report.succeeded) <= 5
    assert len(report.skipped) == 40 - 1 - len(report.succeeded)


@virtual_time
@pytest.mark.parametrize(
    ("status", "code"), [(404, "avatar_not_found"), (403, "voice_not_usable"), (400, "invalid_parameter")]
)
async def test_item_with_trouble_of_its_own_sinks_no_other(status: int, code: str) -> None:
    """One bad avatar among forty is one failure."""
    farm = RenderFarm(cap=10)
    farm.refuse = lambda n, body: refused(status, code) if body["avatar_id"] == "bad" else None
    bad = AVATAR_JSON | {"avatar_id": "bad"}
    async with farm.client() as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 20 + [bad] + [AVATAR] * 20)
    assert [item.key for item in report.failed] == [20]
    assert len(report.succeeded) == farm.paid == 40


@virtual_time
async def test_narrower_window_is_reported() -> None:
    """The display can say why fewer videos run than a moment ago."""
    farm = RenderFarm(cap=4)
    events: list[AdmissionChanged] = []
    async with farm.client(
        on_event=lambda event: events.append(event) if isinstance(event, AdmissionChanged) else None
    ) as heygen:
        await heygen.videos.generate_all([AVATAR] * 8)
    assert min(event.limit for event in events) == 4
    assert all(event.closed_for is not None and event.closed_for >= 5 for event in events)


@virtual_time
async def test_generate_counts_against_the_limit_of_the_client_too() -> None:
    """`Limits.max_in_flight` is one number for single videos and batches together."""
    farm = RenderFarm(cap=None, seconds=lambda n: 300.0)
    async with farm.client(limits=Limits(max_in_flight=2)) as heygen, anyio.create_task_group() as group:
        group.start_soon(heygen.videos.generate, AVATAR)
        group.start_soon(heygen.videos.generate_all, [AVATAR] * 4)
        group.start_soon(heygen.videos.generate, AVATAR)
    assert farm.most_running == 2
    assert farm.paid == 6


@virtual_time
async def test_outcomes_come_as_videos_finish() -> None:
    """Completion order, not input order."""
    farm = RenderFarm(cap=None, seconds=lambda n: 600.0 - 100 * n)
    keys = []
    async with (
        farm.client() as heygen,
        heygen.videos.generate_many({"a": AVATAR, "b": AVATAR, "c": AVATAR}) as outcomes,
    ):
        async for outcome in outcomes:
            assert isinstance(outcome, Succeeded | Failed)
            keys.append(outcome.key)
    assert keys == ["c", "b", "a"]
