"""What a wait does when looks fail, words are new and answers are odd: a failed look is not a failed video."""

from __future__ import annotations

import itertools
import random
from typing import Any

import anyio
import httpx
import pytest

from heygen_async import (
    APIError,
    AsyncHeyGen,
    AuthenticationError,
    HeyGenError,
    NotFoundError,
    PermissionDeniedError,
    PollPolicy,
    Video,
    VideoFailedError,
    VideoJob,
    VideoNotAvailableError,
    VideoStatus,
    WaitTimeoutError,
)
from tests import fake_heygen
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen, Reply, after_work, answer, broken, patched
from tests.sdk import AVATAR, heygen_on, quick_start

pytestmark = pytest.mark.anyio

BULK = "GET /v3/videos/statuses"
ONE_V1 = "GET /v1/video_status.get"
LOOKS = "GET /v*"
REQUESTS = pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen(plan={0: "pending", 45: "processing", 130: "completed"})


async def words_of(job: VideoJob) -> list[str]:
    return [str(update.status) async for update in job.updates()]


async def wait_for_all(jobs: list[VideoJob], results: dict[str, Any]) -> None:
    """Wait for every job at once and keep what each wait came to."""

    async def wait(job: VideoJob) -> None:
        try:
            results[job.id] = await job.wait()
        except HeyGenError as error:
            results[job.id] = error

    async with anyio.create_task_group() as tg:
        for job in jobs:
            tg.start_soon(wait, job)


# Words


@virtual_time
@REQUESTS
@pytest.mark.parametrize("word", ["waiting", "queued", "pending", "processing", "draft", "polishing_pixels"])
async def test_17_any_word_but_the_two_last_ones_goes_on(fake: FakeHeyGen, request_: Any, word: str) -> None:
    """A word that nobody knows is kept and is not terminal."""
    fake.plan = {0: word, 100: "completed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        looked = await job.status()
        assert looked.status == word
        assert not looked.status.is_terminal
        assert (await job.wait()).status is VideoStatus.COMPLETED
    assert fake.paid == 1


@virtual_time
@REQUESTS
async def test_17_updates_come_once_per_change(fake: FakeHeyGen, request_: Any) -> None:
    """Many looks find the same word: one update for each new one, the invented one included."""
    fake.plan = {0: "pending", 70: "polishing", 200: "processing", 400: "completed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        updates = [update async for update in job.updates()]
    words = [update.status for update in updates]
    assert words[-3:] == ["polishing", "processing", "completed"]
    assert len(set(words)) == len(words)
    elapsed = [update.elapsed for update in updates]
    assert elapsed == sorted(elapsed)
    assert 400 <= elapsed[-1] < 450
    assert updates[-1].video.video_url
    assert updates[-1].video.id == job.id


@virtual_time
@REQUESTS
async def test_19_a_status_that_goes_backwards_is_only_another_status(fake: FakeHeyGen, request_: Any) -> None:
    """Keep looking."""
    fake.plan = {0: "processing", 60: "pending", 120: "processing", 200: "completed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        assert (await words_of(job))[-1] == "completed"
    assert fake.paid == 1


# Completed, but


@virtual_time
@REQUESTS
async def test_18a_a_late_url_is_looked_for(fake: FakeHeyGen, request_: Any) -> None:
    """`completed` without a URL gets further looks, then succeeds."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.job.url_after = 25
        video = await job.wait()
    assert video.video_url
    assert video.status == "completed"


@virtual_time
@REQUESTS
async def test_18b_a_url_that_never_comes_is_not_available(fake: FakeHeyGen, request_: Any) -> None:
    """After `url_grace`; a later wait with the same handle or id goes on."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        started = anyio.current_time()
        fake.job.url_after = 1e9
        with pytest.raises(VideoNotAvailableError) as caught:
            await job.wait()
        elapsed = anyio.current_time() - started
        looks = fake.job.looks
        assert caught.value.job_id == job.id
        assert 130 + 45 <= elapsed <= 130 + 130
        assert looks < 60
        fake.job.url_after = 0
        assert (await job.wait()).video_url
    assert fake.paid == 1


@virtual_time
async def test_61_a_url_means_success_even_with_an_error_beside_it(fake: FakeHeyGen) -> None:
    """Free accounts: completed, a credit error and a watermarked URL; the error stays visible in `raw`."""
    odd = {"code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "message": "Insufficient credit", "detail": None}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start())
        fake.job.patch_v1 = {"error": odd}
        video = await job.wait()
    assert video.video_url
    assert "MOVIO_PAYMENT_INSUFFICIENT_CREDIT" in str(video.raw)


# Not visible yet


@virtual_time
@REQUESTS
async def test_20_a_fresh_video_may_be_invisible_for_a_while(fake: FakeHeyGen, request_: Any) -> None:
    """404 and `not_found` within `visibility_grace` are no news."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.job.visible_after = 50
        assert (await job.wait()).video_url
        assert fake.job.looks > 0


@virtual_time
@REQUESTS
async def test_20_a_video_that_stays_invisible_is_not_found(fake: FakeHeyGen, request_: Any) -> None:
    """After the grace it is an error, not an hour of looking."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        started = anyio.current_time()
        fake.job.visible_after = 1e9
        with pytest.raises(NotFoundError):
            await job.wait()
        assert 55 <= anyio.current_time() - started < 200


@virtual_time
async def test_20_a_bulk_not_found_is_checked_by_a_single_look(fake: FakeHeyGen) -> None:
    """The bulk answer alone does not decide: the single GET finds the video, so the wait goes on."""
    fake.on(
        BULK, patched(lambda payload: {"data": [item | {"status": "not_found"} for item in payload["data"]]}), times=8
    )
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        assert (await job.wait()).video_url


@virtual_time
async def test_20_an_unknown_id_is_not_found(fake: FakeHeyGen) -> None:
    """A handle made from a bare id has no creation to forgive for long."""
    async with heygen_on(fake) as heygen:
        with pytest.raises(NotFoundError):
            await heygen.videos.get("nobody")
        with anyio.fail_after(300), pytest.raises(NotFoundError):
            await heygen.videos.job("nobody").wait()


# Failed


V1_FAILURES: list[Any] = [
    ({"code": 40119, "message": "Video is too long", "detail": "Video is too long (> 3600.0s)."}, "40119", "too long"),
    ({"code": "TTS_VOICE_UNAVAILABLE_ERR", "message": "Voice validation failed"}, "TTS_VOICE_UNAVAILABLE_ERR", "Voice"),
    ({"code": None, "message": "Odd"}, None, "Odd"),
    ("plain words", None, "plain words"),
    ({"message": None}, None, None),
    ({}, None, None),
    (None, None, None),
]


@virtual_time
@pytest.mark.parametrize(("failure", "code", "text"), V1_FAILURES)
async def test_21_every_shape_of_a_failure_is_one_error_on_v1(
    fake: FakeHeyGen, failure: Any, code: str | None, text: str | None
) -> None:
    """Object with an int or string code, plain string, null, missing: codes come out as strings."""
    fake.plan = {0: "pending", 30: "failed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start())
        fake.job.failure = failure
        with pytest.raises(VideoFailedError) as caught:
            await job.wait()
    assert (caught.value.code, caught.value.job_id) == (code, job.id)
    assert caught.value.video.status == "failed"
    assert job.id in str(caught.value)
    if text:
        assert text in str(caught.value)


@virtual_time
@pytest.mark.parametrize(
    ("code", "text"), [("rendering_failed", "Avatar timed out"), (40119, "too long"), (None, None)]
)
async def test_21_every_shape_of_a_failure_is_one_error_on_v3(fake: FakeHeyGen, code: Any, text: str | None) -> None:
    """failure_code and failure_message may be null on a failed job."""
    fake.plan = {0: "pending", 30: "failed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        fake.job.patch_v3 = {"failure_code": code, "failure_message": text}
        with pytest.raises(VideoFailedError) as caught:
            await job.wait()
        video = await job.wait(raise_on_failure=False)
    assert caught.value.code == (None if code is None else str(code))
    assert video.status is VideoStatus.FAILED
    if text:
        assert text in str(caught.value)
        assert video.failure is not None
        assert video.failure.message == text


@virtual_time
@REQUESTS
async def test_25_a_daily_limit_found_while_rendering_is_about_money(fake: FakeHeyGen, request_: Any) -> None:
    """Category billing, and nothing is submitted again."""
    fake.plan = {0: "pending", 30: "failed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.job.failure = {"code": 400140, "message": "Exceed daily limit"}
        with pytest.raises(VideoFailedError) as caught:
            await job.wait()
    assert (caught.value.code, caught.value.category) == ("400140", "billing")
    assert (fake.paid, len(fake.posts)) == (1, 1)


# Odd answers


@pytest.mark.parametrize("code", [100, "100", None, "absent"])
async def test_22_the_v1_success_code_may_be_written_in_any_way(fake: FakeHeyGen, code: Any) -> None:
    """100 as a number, as a string, null, or left out."""

    def change(payload: dict[str, Any]) -> None:
        payload["code"] = code
        if code == "absent":
            del payload["code"]

    fake.on(ONE_V1, patched(change))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start())
        assert (await job.status()).status == "pending"


@pytest.mark.parametrize(
    ("code", "expected"), [(40104, NotFoundError), ("400112", AuthenticationError), (99, APIError)]
)
async def test_22_another_code_in_a_200_raises(fake: FakeHeyGen, code: Any, expected: type[APIError]) -> None:
    """The class fits the code."""
    fake.on(ONE_V1, lambda *_: Reply(200, {"code": code, "message": "No", "data": None}), times=None)
    async with heygen_on(fake, api_version="v2") as heygen:
        with pytest.raises(expected):
            await heygen.videos.get("v")


async def test_23_numbers_as_strings_and_other_times_are_read(fake: FakeHeyGen) -> None:
    """Lenient decoding on both wires; what cannot be read is None, unknown fields are kept."""
    changes = {"duration": "12.5", "created_at": "1711929600", "completed_at": "2024-04-01T00:05:00Z", "new_field": [1]}
    async with heygen_on(fake) as heygen:
        for request in (AVATAR, quick_start()):
            job = await heygen.videos.create(request)
            fake.jobs[job.id].patch_v3 = fake.jobs[job.id].patch_v1 = changes
            video = await job.status()
            assert (video.duration, video.created_at, video.completed_at) == (12.5, 1711929600, 1711929900)
            assert "new_field" in str(video.raw)
            fake.jobs[job.id].patch_v3 = fake.jobs[job.id].patch_v1 = {
                "duration": None,
                "created_at": {"odd": 1},
                "title": 7,
            }
            odd = await job.status()
            assert (odd.duration, odd.created_at, odd.id) == (None, None, job.id)


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload | {"data": [payload["data"]]},
        lambda payload: payload | {"data": {**payload["data"], "video_id": payload["data"]["id"], "id": None}},
    ],
    ids=["array-of-one", "video_id"],
)
@REQUESTS
async def test_24_the_video_is_read_from_either_shape(fake: FakeHeyGen, request_: Any, change: Any) -> None:
    """`data` as an array of one; the id under the other name."""
    fake.on(LOOKS, patched(change))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        assert (await job.status()).id == job.id


FAILED_LOOKS: list[Any] = [
    pytest.param(fake_heygen.html(502), id="html-502"),
    pytest.param(fake_heygen.html(200), id="html-200"),
    pytest.param(fake_heygen.raw(b""), id="empty"),
    pytest.param(fake_heygen.raw(b'{"data": [{"vid'), id="cut"),
    pytest.param(fake_heygen.raw(b'"text"'), id="string"),
    pytest.param(fake_heygen.raw(b'{"data": 7}'), id="number"),
    pytest.param(fake_heygen.raw(b"not gzip", Content_Encoding="gzip"), id="broken-gzip"),
    pytest.param(answer(500, "internal_error"), id="500"),
    pytest.param(answer(503, "service_unavailable", retry_after=3), id="503"),
    pytest.param(answer(400, "internal_error"), id="400"),
    pytest.param(answer(408, "timeout"), id="408"),
    pytest.param(fake_heygen.redirect(302, "https://elsewhere.test/login"), id="redirect"),
    pytest.param(broken("reset"), id="reset"),
    pytest.param(broken("fin"), id="fin"),
    pytest.param(broken("reset", delay=500), id="timeout"),
    pytest.param(broken(httpx.ConnectError("refused")), id="refused"),
    pytest.param(broken(httpx.ConnectTimeout("slow")), id="connect-timeout"),
]


@virtual_time
@REQUESTS
@pytest.mark.parametrize("fault", FAILED_LOOKS)
async def test_26_27_a_failed_look_is_not_a_failed_video(fake: FakeHeyGen, request_: Any, fault: Any) -> None:
    """It is counted, reported as an event, and the next look comes."""
    events: list[Any] = []
    async with heygen_on(fake, on_event=events.append) as heygen:
        job = await heygen.videos.create(request_)
        fake.on(LOOKS, fault, times=6)
        video = await job.wait()
    assert video.video_url
    assert [event for event in events if type(event).__name__ == "LookFailed"]
    assert {request.host for request in fake.requests} == {"api.heygen.com"}
    assert (fake.paid, len(fake.posts)) == (1, 1)


@virtual_time
@REQUESTS
@pytest.mark.parametrize("how", ["bom", "gzip", "text"])
async def test_26_valid_json_is_a_good_look_whatever_its_wrapping(fake: FakeHeyGen, request_: Any, how: str) -> None:
    """A byte order mark, compression, a wrong content type."""
    events: list[Any] = []
    fake.on(LOOKS, fake_heygen.encoded(how), times=None)
    async with heygen_on(fake, on_event=events.append) as heygen:
        assert (await (await heygen.videos.create(request_)).wait()).video_url
    assert not [event for event in events if type(event).__name__ == "LookFailed"]


@virtual_time
@REQUESTS
async def test_27_one_reset_does_not_shift_the_schedule_by_much(fake: FakeHeyGen, request_: Any) -> None:
    """The next look comes in its normal time."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.on(LOOKS, broken("reset"), skip=1)
        await job.wait()
    looks = fake.seen(LOOKS)
    assert max(later.time - earlier.time for earlier, later in itertools.pairwise(looks)) <= 45


@virtual_time
@REQUESTS
async def test_26_looks_that_never_succeed_end_at_the_deadline(fake: FakeHeyGen, request_: Any) -> None:
    """The wait times out with no last status, after a bounded number of looks."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.on(LOOKS, fake_heygen.html(503), times=None)
        with pytest.raises(WaitTimeoutError) as caught:
            await job.wait(timeout=900)
    assert (caught.value.last_status, caught.value.job_id) == (None, job.id)
    assert 10 <= len(fake.seen(LOOKS)) <= 200


@virtual_time
@REQUESTS
async def test_28_a_429_holds_all_looks_of_the_client(fake: FakeHeyGen, request_: Any) -> None:
    """Retry-After is obeyed by every waiter, and the waits go on."""
    results: dict[str, Any] = {}
    async with heygen_on(fake) as heygen:
        jobs = []
        for _ in range(4):
            jobs.append(await heygen.videos.create(request_))
            await anyio.sleep(3)
        fake.on(LOOKS, answer(429, "rate_limit_exceeded", retry_after=55))
        await wait_for_all(jobs, results)
    looks = fake.seen(LOOKS)
    assert not [look for look in looks if looks[0].time + 1 < look.time < looks[0].time + 55]
    assert all(isinstance(result, Video) for result in results.values())
    assert fake.paid == 4


# Ends


@virtual_time
@REQUESTS
async def test_29_a_stuck_video_ends_in_a_timeout_that_can_be_resumed(fake: FakeHeyGen, request_: Any) -> None:
    """The render is not submitted again; the handle and the id both go on."""
    fake.plan = {0: "pending", 20: "processing", 5000: "completed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        with pytest.raises(WaitTimeoutError) as caught:
            await job.wait()
        error = caught.value
        assert isinstance(error, TimeoutError)
        assert (error.job_id, error.last_status) == (job.id, "processing")
        assert error.elapsed == pytest.approx(3600, abs=1)
        assert job.id in str(error)
        assert len(fake.seen(LOOKS)) < 3600 / 20
        handle = heygen.videos.job(error.job_id, api_version=job.api_version)
        assert (await handle.wait(timeout=2000)).id == job.id
    assert (fake.paid, len(fake.posts)) == (1, 1)


@virtual_time
@REQUESTS
@pytest.mark.parametrize(("status", "expected"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_32_a_rotated_key_ends_all_waits_at_once(
    fake: FakeHeyGen, request_: Any, status: int, expected: type[HeyGenError]
) -> None:
    """Nobody waits for its deadline with a key that is dead."""
    results: dict[str, Any] = {}
    async with heygen_on(fake) as heygen:
        jobs = [await heygen.videos.create(request_) for _ in range(5)]
        fake.on(LOOKS, answer(status, "unauthorized"), times=None, skip=5)
        started = anyio.current_time()
        await wait_for_all(jobs, results)
        assert anyio.current_time() - started < 130
    assert [type(result) for result in results.values()] == [expected] * 5
    assert fake.paid == 5


# Bulk looks


def reorder(payload: dict[str, Any]) -> None:
    payload["data"] = [*payload["data"][::-1], *payload["data"][:1]]


def with_strangers(payload: dict[str, Any]) -> None:
    strangers = [
        {"video_id": "stranger", "status": "failed", "error": None},
        {"video_id": None, "status": "queued", "batch_id": "b", "item_index": 3},
        {"status": "completed"},
        None,
        "odd",
    ]
    payload["data"] = [*strangers, *payload["data"]]
    payload["has_more"] = True
    payload["next_token"] = "there-is-no-second-page"


def with_gaps(payload: dict[str, Any]) -> None:
    payload["data"] = payload["data"][::3]


@virtual_time
@pytest.mark.parametrize("change", [reorder, with_strangers, with_gaps], ids=["reordered", "strangers", "gaps"])
async def test_30_bulk_answers_are_matched_by_id(fake: FakeHeyGen, change: Any) -> None:
    """Missing is no news, strangers are ignored, the order does not matter."""
    results: dict[str, Any] = {}
    shuffle = random.Random(7)

    def mixed(payload: dict[str, Any]) -> None:
        shuffle.shuffle(payload["data"])
        change(payload)

    fake.on(BULK, patched(mixed), times=None)
    async with heygen_on(fake) as heygen:
        jobs = [await heygen.videos.create(AVATAR) for _ in range(12)]
        for job in jobs[::4]:
            fake.jobs[job.id].plan = {0: "pending", 90: "failed"}
        await wait_for_all(jobs, results)
    for number, job in enumerate(jobs):
        result = results[job.id]
        assert isinstance(result, VideoFailedError if number % 4 == 0 else Video), (number, result)
        assert (result.job_id if isinstance(result, VideoFailedError) else result.id) == job.id
    assert fake.paid == 12


@virtual_time
async def test_30_looks_are_bundled_in_hundreds(fake: FakeHeyGen) -> None:
    """250 waiters share their requests: at most 100 ids each, far fewer requests than one by one."""
    results: dict[str, Any] = {}
    async with heygen_on(fake) as heygen:
        for number in range(250):
            fake.add(f"v{number:03d}", plan={0: "pending", 200 + number: "completed"})
        await wait_for_all([heygen.videos.job(video_id) for video_id in fake.jobs], results)
    assert all(isinstance(result, Video) and result.video_url for result in results.values())
    sizes = [len(request.query["video_ids"].split(",")) for request in fake.seen(BULK)]
    assert max(sizes) == 100
    assert len(sizes) < sum(sizes) / 10
    singles = len(fake.requests) - len(sizes)
    assert singles <= 2 * 250


@virtual_time
@pytest.mark.parametrize("status", [404, 405, 501])
async def test_60_without_the_bulk_endpoint_single_looks_do(fake: FakeHeyGen, status: int) -> None:
    """An old gateway that does not know the path: looks fall back, with a bounded rate."""
    results: dict[str, Any] = {}
    fake.on(BULK, fake_heygen.html(status), times=None)
    async with heygen_on(fake) as heygen:
        jobs = [await heygen.videos.create(AVATAR) for _ in range(100)]
        started = anyio.current_time()
        await wait_for_all(jobs, results)
        assert anyio.current_time() - started < 400
    assert all(isinstance(result, Video) for result in results.values())
    per_second: dict[int, int] = {}
    for request in fake.seen("GET /v3/videos/video-*"):
        per_second[int(request.time)] = per_second.get(int(request.time), 0) + 1
    assert max(per_second.values()) <= 40
    assert len(fake.seen(BULK)) < 15


@virtual_time
async def test_60_a_bulk_endpoint_that_fails_for_long_is_gone_around(fake: FakeHeyGen) -> None:
    """The single calls still work, so nobody waits for the bulk call to heal."""
    fake.on(BULK, answer(500), times=None)
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        assert (await job.wait(timeout=1200)).video_url


# Leaders


@virtual_time
@REQUESTS
@pytest.mark.parametrize("seed", range(8))
async def test_62_waiters_that_leave_never_strand_the_others(fake: FakeHeyGen, request_: Any, seed: int) -> None:
    """Waits are cancelled and time out at random moments: all others get their video in good time."""
    rng = random.Random(seed)
    results: dict[str, Any] = {}
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        jobs = [await heygen.videos.create(request_) for _ in range(12)]
        started = anyio.current_time()

        async def leave(job: VideoJob, after: float, how: str) -> None:
            if how == "timeout":
                with pytest.raises(WaitTimeoutError):
                    await job.wait(timeout=after)
                return
            with anyio.move_on_after(after):
                await job.wait()

        for job in jobs:
            for _ in range(2):
                tg.start_soon(leave, job, rng.uniform(0, 120), rng.choice(["cancel", "timeout"]))
        await anyio.sleep(rng.choice([0, 1]))
        await wait_for_all(jobs, results)
        assert anyio.current_time() - started < 200
    assert len(results) == 12
    assert all(isinstance(result, Video) for result in results.values())
    assert fake.paid == 12


@virtual_time
@REQUESTS
async def test_62_the_leader_that_is_cancelled_in_mid_look_hands_over(fake: FakeHeyGen, request_: Any) -> None:
    """The look was under way and slow: another waiter takes over at once."""
    fake.on(LOOKS, fake_heygen.slow(25), times=1)
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        job = await heygen.videos.create(request_)

        async def impatient() -> None:
            with anyio.move_on_after(20):
                await job.wait()

        tg.start_soon(impatient)
        await anyio.sleep(0.1)
        with anyio.fail_after(200):
            assert (await job.wait()).video_url


@virtual_time
@REQUESTS
async def test_62_a_waiter_with_its_own_deadline_leaves_on_time_while_another_leads(
    fake: FakeHeyGen, request_: Any
) -> None:
    """A slow look of the leader does not delay the deadline of the others."""
    fake.on(LOOKS, fake_heygen.slow(29), times=None)
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        job = await heygen.videos.create(request_)
        tg.start_soon(job.wait)
        await anyio.sleep(0.1)
        started = anyio.current_time()
        with pytest.raises(WaitTimeoutError):
            await job.wait(timeout=15)
        assert anyio.current_time() - started == pytest.approx(15, abs=0.5)


@virtual_time
async def test_two_waiters_of_one_video_share_the_looks(fake: FakeHeyGen) -> None:
    """And both get the video."""
    async with heygen_on(fake) as heygen:
        alone = FakeHeyGen(plan=fake.plan)
        async with heygen_on(alone) as other:
            await (await other.videos.create(AVATAR)).wait()
        job = await heygen.videos.create(AVATAR)
        videos: list[Video] = []

        async def wait(handle: VideoJob) -> None:
            videos.append(await handle.wait())

        async with anyio.create_task_group() as tg:
            for _ in range(20):
                tg.start_soon(wait, heygen.videos.job(job.id))
            tg.start_soon(wait, job)
    assert len(videos) == 21
    assert len(fake.seen(LOOKS)) <= 3 * len(alone.seen(LOOKS))


@virtual_time
async def test_the_poll_policy_has_every_number(fake: FakeHeyGen) -> None:
    """First look, growth and longest pause are as set."""
    fake.plan = {0: "pending", 1000: "completed"}
    policy = PollPolicy(first_after=100, growth=2, max_interval=300, jitter=0)
    async with heygen_on(fake, polling=policy) as heygen:
        started = anyio.current_time()
        await (await heygen.videos.create(AVATAR)).wait()
    times = [request.time - started for request in fake.seen(BULK)]
    assert times[0] == pytest.approx(100, abs=2)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert max(pauses) == pytest.approx(300, abs=2)
    assert 1000 <= times[-1] <= 1302


@virtual_time
async def test_28_a_429_after_work_is_only_a_failed_look(fake: FakeHeyGen) -> None:
    """Without a Retry-After the wait backs off by itself."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        fake.on(LOOKS, after_work(answer(429, "rate_limit_exceeded")), times=3)
        assert (await job.wait()).video_url


async def test_a_client_without_a_wait_makes_no_look(fake: FakeHeyGen) -> None:
    """There is no background task: whoever waits does the work."""
    async with fake.client() as http, AsyncHeyGen(fake_heygen.KEY, http_client=http) as heygen:
        await heygen.videos.create(AVATAR)
        await anyio.sleep(0.02)
    assert not fake.seen(LOOKS)
