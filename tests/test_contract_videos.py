"""Videos as users make, watch, list and delete them, on both wires."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import anyio
import pytest

from heygen_async import (
    AuthenticationError,
    AvatarVideo,
    DownloadError,
    JobUpdate,
    NotFoundError,
    PollPolicy,
    SavedFile,
    Video,
    VideoFailedError,
    VideoStatus,
    WaitTimeoutError,
    v2,
)
from tests import fake_heygen
from tests.clock import virtual_time
from tests.fake_heygen import KEY, SIGNATURE, FakeHeyGen, patched
from tests.sdk import AVATAR, AVATAR_JSON, heygen_at, heygen_on, quick_start

pytestmark = pytest.mark.anyio

QUICK: PollPolicy = PollPolicy(first_after=0, max_interval=0.01, growth=1)
REQUESTS = pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])

QUICK_START_JSON: dict[str, Any] = {
    "video_inputs": [
        {
            "character": {"type": "avatar", "avatar_id": "Daisy-inskirt-20220818", "avatar_style": "normal"},
            "voice": {
                "type": "text",
                "input_text": "Welcome to the HeyGen API!",
                "voice_id": "2d5b0e6cf36f460aa7fc47e3eee4ba54",
            },
            "background": {"type": "color", "value": "#008000"},
        }
    ],
    "dimension": {"width": 1280, "height": 720},
    "test": True,
}


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen()


# What goes over the wire


async def test_a_v3_request_is_sent_as_it_says_and_nothing_more(fake: FakeHeyGen) -> None:
    """No nulls, no extra keys: bodies are strict."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
    (request,) = fake.requests
    assert request.json == AVATAR_JSON
    assert request.headers["content-type"].startswith("application/json")
    assert (job.id, job.api_version, job.idempotency_key) == (fake.job.id, "v3", request.key)
    assert job.id in repr(job)


async def test_the_quick_start_goes_out_exactly_as_heygen_shows_it(fake: FakeHeyGen) -> None:
    """Character, voice, background, dimension, test mode; only the callback id is ours."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start(test=True))
    body = fake.requests[0].json
    assert body.pop("callback_id")
    assert body == QUICK_START_JSON
    assert fake.requests[0].route == "POST /v2/video/generate"
    assert (job.id, job.api_version) == (fake.job.id, "v2")
    assert job.idempotency_key


async def test_a_mapping_is_the_json_of_the_docs(fake: FakeHeyGen) -> None:
    """`type` makes it v3, `video_inputs` v2; unknown keys are passed on, the caller's mapping stays as it was."""
    pasted = QUICK_START_JSON | {"brand_new": {"x": [1, None]}}
    before = copy.deepcopy(pasted)
    async with heygen_on(fake) as heygen:
        on_v3 = await heygen.videos.create(AVATAR_JSON)
        on_v2 = await heygen.videos.create(pasted)
    assert (on_v3.api_version, on_v2.api_version) == ("v3", "v2")
    assert fake.requests[0].json == AVATAR_JSON
    assert {**fake.requests[1].json, "callback_id": 0} == {**before, "callback_id": 0}
    assert pasted == before


async def test_a_mapping_with_text_of_other_alphabets_arrives_as_it_is(fake: FakeHeyGen) -> None:
    """UTF-8 all the way."""
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR_JSON | {"script": "Grüße, 世界 👋"})
    assert fake.requests[0].json["script"] == "Grüße, 世界 👋"


async def test_a_pasted_v2_mapping_is_translated_when_v2_is_not_wanted(fake: FakeHeyGen) -> None:
    """As a typed v2 request would be."""
    async with heygen_on(fake, api_version="v3") as heygen:
        job = await heygen.videos.create({**QUICK_START_JSON, "test": False})
    assert (job.api_version, fake.requests[0].json["script"]) == ("v3", "Welcome to the HeyGen API!")


BAD_REQUESTS: list[Any] = [
    pytest.param(dict, id="empty"),
    pytest.param(lambda: {"avatar_id": "a"}, id="neither-wire"),
    pytest.param(lambda: {"type": "hologram"}, id="unknown-type"),
    pytest.param(lambda: None, id="none"),
    pytest.param(lambda: "a script", id="string"),
    pytest.param(lambda: [AVATAR], id="list"),
    pytest.param(lambda: AvatarVideo, id="class"),
    pytest.param(lambda: {"type": "avatar", "avatar_id": "a", "script": float("nan")}, id="not-json"),
    pytest.param(lambda: {"type": "avatar", "avatar_id": "a", "script": object()}, id="not-json-object"),
]


@pytest.mark.parametrize("make", BAD_REQUESTS)
async def test_something_that_is_no_request_is_refused_before_sending(fake: FakeHeyGen, make: Any) -> None:
    """A plain error; an unknown `type` may be a new one, so HeyGen decides about that alone."""
    async with heygen_on(fake) as heygen:
        with pytest.raises((ValueError, TypeError)) if make() != {"type": "hologram"} else pytest.raises(Exception):
            await heygen.videos.create(make())
    assert fake.paid == 0
    assert make() == {"type": "hologram"} or not fake.requests


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("script", lambda: AvatarVideo(avatar_id="a", script="")),
        ("script", lambda: AvatarVideo(avatar_id="a", script="x" * 5001)),
        ("audio_url", lambda: AvatarVideo(avatar_id="a", script="x", audio_url="https://x.test/a.mp3")),
        ("audio", lambda: AvatarVideo(avatar_id="a")),
        ("audio", lambda: AvatarVideo(avatar_id="a", audio_url="https://x.test/a.mp3", audio_asset_id="b")),
        ("dimension|width", lambda: v2.Dimension(1281, 720)),
        ("dimension|height", lambda: v2.Dimension(1280, 64)),
        ("dimension|height", lambda: v2.Dimension(1280, 4098)),
        ("input_text", lambda: v2.TextVoice(input_text="", voice_id="v")),
        ("input_text", lambda: v2.TextVoice(input_text="x" * 5001, voice_id="v")),
        ("audio", lambda: v2.AudioVoice(audio_url="https://x.test/a.mp3", audio_asset_id="b")),
        ("video_inputs", lambda: v2.VideoRequest(video_inputs=[])),
        ("duration", lambda: v2.SilenceVoice(duration=0)),
        ("value", lambda: v2.ColorBackground("green-ish")),
    ],
)
def test_a_request_that_heygen_would_refuse_is_refused_by_its_constructor(field: str, make: Any) -> None:
    """A ValueError that names the field, before any money is spent."""
    with pytest.raises(ValueError, match=field):
        make()


def test_limits_themselves_are_allowed() -> None:
    """5,000 characters, 4096 pixels."""
    assert AvatarVideo(avatar_id="a", script="x" * 5000).script == "x" * 5000
    assert v2.TextVoice(input_text="x" * 5000, voice_id="v").input_text == "x" * 5000
    assert v2.Dimension(4096, 128) == v2.Dimension(width=4096, height=128)


# Watching


@virtual_time
@REQUESTS
async def test_generate_creates_and_waits(fake: FakeHeyGen, request_: Any) -> None:
    """One call from request to video."""
    async with heygen_on(fake) as heygen:
        video = await heygen.videos.generate(request_)
    assert isinstance(video, Video)
    assert (video.id, video.status, fake.paid) == (fake.job.id, VideoStatus.COMPLETED, 1)
    assert video.video_url
    assert SIGNATURE in video.video_url


@REQUESTS
async def test_generate_saves(fake: FakeHeyGen, request_: Any, tmp_path: Path) -> None:
    """The file is complete and alone; no key went to the file host."""
    with fake.serve() as server:
        async with heygen_at(server, polling=QUICK) as heygen:
            video = await heygen.videos.generate(request_, save_to=tmp_path / "deep" / "hello.mp4")
    assert video.status == "completed"
    assert (tmp_path / "deep" / "hello.mp4").read_bytes() == fake.file
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["hello.mp4"]
    files = fake.seen("GET /files/*")
    assert files
    assert not [request for request in files if {"x-api-key", "authorization", "cookie"} & set(request.headers)]
    assert fake.paid == 1


async def test_save_waits_first(fake: FakeHeyGen, tmp_path: Path) -> None:
    """A job that is not done yet is waited for; saving again is refused unless told."""
    with fake.serve() as server:
        async with heygen_at(server, polling=QUICK) as heygen:
            job = await heygen.videos.create(AVATAR)
            saved = await job.save(tmp_path / "a.mp4", digest="sha256")
            with pytest.raises(FileExistsError):
                await heygen.videos.job(job.id).save(str(tmp_path / "a.mp4"))
    assert isinstance(saved, SavedFile)
    assert (saved.path, saved.size, saved.resumed_from) == (tmp_path / "a.mp4", len(fake.file), 0)
    assert saved.digest
    assert pickle.loads(pickle.dumps(saved)) == saved


@pytest.mark.parametrize(
    "url", ["s3://bucket/v.mp4", "http://files.example.test/v.mp4", "file:///etc/passwd", "/v.mp4"]
)
@REQUESTS
async def test_50_a_url_that_is_not_https_is_refused(fake: FakeHeyGen, request_: Any, url: str, tmp_path: Path) -> None:
    """From the API or not: http is for loopback hosts only, and nothing is left on disk."""
    fake.plan = ["completed"]
    async with heygen_on(fake, polling=QUICK) as heygen:
        job = await heygen.videos.create(request_)
        fake.job.patch_v1 = fake.job.patch_v3 = {"video_url": url}
        with pytest.raises(DownloadError):
            await job.save(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())
    assert fake.paid == 1


@virtual_time
@REQUESTS
async def test_a_failure_can_be_looked_at_instead_of_raised(fake: FakeHeyGen, request_: Any) -> None:
    """`raise_on_failure=False` returns the failed video."""
    fake.plan = ["failed"]
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.job.failure = {"code": 40119, "message": "Video is too long"}
        video = await job.wait(raise_on_failure=False)
        with pytest.raises(VideoFailedError):
            await heygen.videos.generate(request_)
    assert video.status is VideoStatus.FAILED
    assert video.failure is not None
    assert (video.failure.code, video.failure.message) == ("40119", "Video is too long")


@virtual_time
@REQUESTS
async def test_a_timeout_says_where_to_go_on(fake: FakeHeyGen, request_: Any) -> None:
    """The id, the last word and the time; generate tells it too, and another process can go on."""
    fake.plan = {0: "pending", 5: "processing", 900: "completed"}
    async with heygen_on(fake) as heygen:
        with pytest.raises(WaitTimeoutError) as caught:
            await heygen.videos.generate(request_, timeout=300)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.job_id, error.last_status) == (fake.job.id, "processing")
    assert error.elapsed == pytest.approx(300, abs=1)
    async with heygen_on(fake, api_version="v2" if fake.job.wire == "v2" else "auto") as another:
        video = await another.videos.job(error.job_id).wait(timeout=1200)
    assert video.id == fake.job.id
    assert fake.paid == 1


@virtual_time
async def test_a_look_at_a_video_without_a_url_does_not_end_the_wait(fake: FakeHeyGen) -> None:
    """Completed is not yet available: the wait goes on until the link is there."""
    async with heygen_on(fake) as heygen:
        fake.add("v", plan=["completed"], url_after=20)
        job = heygen.videos.job("v")
        assert (await job.status()).video_url is None
        assert (await job.wait()).video_url is not None


@virtual_time
@pytest.mark.parametrize("bad", [{"asset": "film"}, {"max_bytes": 0}])
async def test_bad_arguments_of_a_save_are_refused_before_paying_and_waiting(fake: FakeHeyGen, bad: Any) -> None:
    """An hour later would be too late."""
    async with heygen_on(fake) as heygen:
        with pytest.raises(ValueError, match=next(iter(bad))):
            await heygen.videos.generate(AVATAR, save_to="out.mp4", **bad)
        with pytest.raises(ValueError, match=next(iter(bad))):
            await heygen.videos.job("v").save("out.mp4", **bad)
        with pytest.raises(ValueError, match="asset"):
            async with heygen.videos.job("v").stream(asset="film"):  # type: ignore[arg-type]
                raise AssertionError
    assert not fake.requests


@virtual_time
@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True])
async def test_a_senseless_timeout_is_refused_before_paying(fake: FakeHeyGen, timeout: Any) -> None:
    """The error names the argument, and nothing was submitted."""
    async with heygen_on(fake) as heygen:
        with pytest.raises(ValueError, match="timeout"):
            await heygen.videos.generate(AVATAR, timeout=timeout)
    assert not fake.requests


@virtual_time
async def test_every_error_of_generate_names_the_paid_video(fake: FakeHeyGen) -> None:
    """Even one that knows nothing of videos, such as a refused key."""
    fake.on("GET *", fake_heygen.answer(401, "unauthorized"), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(AuthenticationError) as caught:
            await heygen.videos.generate(AVATAR)
    assert fake.job.id in caught.value.__notes__[0]
    assert fake.job.id in pickle.loads(pickle.dumps(caught.value)).__notes__[0]


@virtual_time
async def test_the_callers_own_timeout_scope_passes_untouched(fake: FakeHeyGen) -> None:
    """`fail_after` of the caller is a plain TimeoutError, not one of ours; the handle can be waited on again."""
    fake.plan = {0: "pending", 200: "completed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        with pytest.raises(TimeoutError) as caught:
            with anyio.fail_after(50):
                await job.wait()
        assert not isinstance(caught.value, WaitTimeoutError)
        with anyio.move_on_after(50) as scope:
            await job.wait(timeout=500)
        assert scope.cancelled_caught
        assert (await job.wait()).status == "completed"
    assert fake.paid == 1


@virtual_time
async def test_53b_71_cancelling_one_waiter_leaves_the_others(fake: FakeHeyGen) -> None:
    """A web client that disconnects ends its own wait only; the job goes on."""
    fake.plan = {0: "pending", 300: "completed"}
    videos: list[Video] = []
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        job = await heygen.videos.create(AVATAR)

        async def wait(handle: Any) -> None:
            videos.append(await handle.wait())

        async with anyio.create_task_group() as handlers:
            for _ in range(3):
                handlers.start_soon(wait, heygen.videos.job(job.id))
            tg.start_soon(wait, job)
            await anyio.sleep(60)
            handlers.cancel_scope.cancel()
        assert not videos
    assert [video.id for video in videos] == [job.id]
    assert fake.paid == 1


@virtual_time
async def test_54_the_wall_clock_does_not_matter(fake: FakeHeyGen, monkeypatch: pytest.MonkeyPatch) -> None:
    """It jumps a day ahead and back: waits go by the monotonic clock."""
    fake.plan = {0: "pending", 300: "completed"}
    walls = iter([0.0, 9e9, -9e8, 86400.0] * 1000)
    monkeypatch.setattr("time.time", lambda: 1_790_000_000 + next(walls))
    async with heygen_on(fake) as heygen:
        started = anyio.current_time()
        job = await heygen.videos.create(AVATAR)
        updates = [update async for update in job.updates()]
    assert 300 <= anyio.current_time() - started <= 340
    assert updates[-1].elapsed == pytest.approx(anyio.current_time() - started, abs=1)


@virtual_time
@REQUESTS
async def test_70_a_sleeping_laptop_ends_the_wait_by_policy(fake: FakeHeyGen, request_: Any) -> None:
    """Eight hours pass between two looks: the video or a timeout that can be resumed, never a hang."""
    import trio

    fake.plan = {0: "pending", 3600: "completed"}
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        job = await heygen.videos.create(request_)
        clock: Any = trio.lowlevel.current_clock()

        async def sleep_for_hours() -> None:
            await anyio.sleep(100)
            clock.jump(8 * 3600)

        tg.start_soon(sleep_for_hours)
        with anyio.fail_after(16 * 3600):
            try:
                video = await job.wait()
            except WaitTimeoutError as error:
                video = await heygen.videos.job(error.job_id, api_version=job.api_version).wait()
    assert video.video_url
    assert fake.paid == 1


@virtual_time
@REQUESTS
async def test_updates_end_with_the_video_and_may_be_left_early(fake: FakeHeyGen, request_: Any) -> None:
    """Breaking out is fine; a second iterator starts anew; each has the video of its moment."""
    fake.plan = {0: "pending", 60: "processing", 150: "completed"}
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        async for update in job.updates():
            assert isinstance(update, JobUpdate)
            break
        updates = [update async for update in job.updates()]
        assert [update.status for update in updates][-2:] == ["processing", "completed"]
        assert all(update.video.status == update.status for update in updates)
        fake.plan = ["failed"]
        failed = await heygen.videos.create(request_)
        assert [update.status async for update in failed.updates()][-1] == "failed"


async def test_a_handle_is_made_without_a_request(fake: FakeHeyGen) -> None:
    """On v3 unless told, on v1 with api_version="v2" of the client or of the handle."""
    async with heygen_on(fake) as heygen:
        fake.add("v", plan=["processing"])
        assert heygen.videos.job("v").api_version == "v3"
        handle = heygen.videos.job("v", api_version="v2")
        assert (handle.id, handle.api_version) == ("v", "v2")
        assert not fake.requests
        assert (await handle.status()).status == "processing"
        assert (await heygen.videos.job("v").status()).status == "processing"
    async with heygen_on(fake, api_version="v2") as heygen:
        assert (await heygen.videos.job("v").status()).id == "v"
    assert [request.path for request in fake.requests] == [
        "/v1/video_status.get",
        "/v3/videos/v",
        "/v1/video_status.get",
    ]


@pytest.mark.parametrize("video_id", ["../../v1/video.list", "a/b", "a?b=c", "a#b", "ü b", "a%2Fb"])
async def test_an_id_is_data_and_cannot_change_the_path(fake: FakeHeyGen, video_id: str) -> None:
    """It is quoted in the path and in the query."""
    async with heygen_on(fake) as heygen:
        for call in (heygen.videos.get(video_id), heygen.videos.job(video_id, api_version="v2").status()):
            with pytest.raises(NotFoundError):
                await call
    by_path, by_query = fake.requests
    assert (by_path.path, by_path.query) == (f"/v3/videos/{video_id}", {})
    assert (by_query.path, by_query.query) == ("/v1/video_status.get", {"video_id": video_id})
    assert by_path.url.count("/") == "https://api.heygen.com/v3/videos/v".count("/")


@pytest.mark.parametrize("video_id", ["", None])
async def test_an_empty_id_is_refused_before_sending(fake: FakeHeyGen, video_id: Any) -> None:
    """`GET /v3/videos/` would be the list."""
    async with heygen_on(fake) as heygen:
        with pytest.raises((ValueError, TypeError)):
            await heygen.videos.get(video_id)
        with pytest.raises((ValueError, TypeError)):
            heygen.videos.job(video_id)
        with pytest.raises((ValueError, TypeError)):
            await heygen.videos.delete(video_id)
    assert not fake.requests


# One class for both wires


async def test_get_reads_every_field_of_v3(fake: FakeHeyGen) -> None:
    """The decoded JSON stays in `raw`, unknown fields included."""
    fields = {
        "title": "T",
        "created_at": 1711929600,
        "completed_at": 1711930200,
        "video_url": "https://f.test/v.mp4?Signature=1",
        "thumbnail_url": "https://f.test/t.jpg",
        "gif_url": "https://f.test/g.gif",
        "captioned_video_url": "https://f.test/c.mp4",
        "subtitle_url": "https://f.test/s.srt",
        "duration": 30.5,
        "brand_new": {"x": 1},
    }
    async with heygen_on(fake) as heygen:
        fake.add("v", plan=["completed"], patch_v3=fields)
        video = await heygen.videos.get("v")
    for name in set(fields) - {"brand_new"}:
        assert getattr(video, name) == fields[name], name
    assert (video.id, video.status, video.failure) == ("v", VideoStatus.COMPLETED, None)
    assert "brand_new" in str(video.raw)
    assert pickle.loads(pickle.dumps(video)) == video


async def test_get_reads_every_field_of_v1(fake: FakeHeyGen) -> None:
    """Under the same names: the captioned video and the subtitle file are called otherwise there."""
    fields = {
        "callback_id": "mine",
        "caption_url": "https://f.test/s.ass",
        "video_url_caption": "https://f.test/c.mp4",
        "created_at": 1711929600,
    }
    async with heygen_on(fake, api_version="v2") as heygen:
        fake.add("v", plan=["completed"], patch_v1=fields)
        video = await heygen.videos.get("v")
    assert (video.callback_id, video.created_at, video.duration) == ("mine", 1711929600, 4.2)
    assert (video.subtitle_url, video.captioned_video_url) == ("https://f.test/s.ass", "https://f.test/c.mp4")


@pytest.mark.parametrize("api_version", ["auto", "v2"])
async def test_list_goes_through_all_pages(fake: FakeHeyGen, api_version: Any) -> None:
    """Newest first, each once; leaving early asks for no further page."""
    async with heygen_on(fake, api_version=api_version) as heygen:
        for number in range(250):
            fake.add(f"v{number:03d}", title=f"T{number}", plan=["processing"])
        videos = [video async for video in heygen.videos.list()]
        pages = len(fake.requests)
        async for _ in heygen.videos.list():
            break
    assert [video.id for video in videos] == [f"v{number:03d}" for number in reversed(range(250))]
    assert (videos[0].title, videos[0].status) == ("T249", "processing")
    assert len(fake.requests) == pages + 1


@pytest.mark.parametrize("api_version", ["auto", "v2"])
async def test_list_ends_on_a_repeated_token(fake: FakeHeyGen, api_version: Any) -> None:
    """A server that answers the same page for ever must not keep us for ever."""

    def again(payload: dict[str, Any]) -> None:
        if isinstance(payload["data"], dict):
            payload["data"]["token"] = "same"
        else:
            payload.update(has_more=True, next_token="same")

    def first_page(server: FakeHeyGen, request: Any, work: Any) -> fake_heygen.Reply:
        request.__dict__["url"] = request.url.split("token=")[0].rstrip("?&")
        return patched(again)(server, request, work)

    async with heygen_on(fake, api_version=api_version) as heygen:
        for number in range(3):
            fake.add(f"v{number}")
        fake.on("GET /v*", first_page, times=None)
        with anyio.fail_after(10):
            videos = [video async for video in heygen.videos.list()]
    assert {video.id for video in videos} == {"v0", "v1", "v2"}
    assert len(fake.requests) <= 3


@pytest.mark.parametrize("api_version", ["auto", "v2"])
async def test_list_of_nothing_is_empty(fake: FakeHeyGen, api_version: Any) -> None:
    """No page, no error."""
    async with heygen_on(fake, api_version=api_version) as heygen:
        assert [video async for video in heygen.videos.list(limit=100)] == []
    assert fake.requests[0].query.get("limit") == "100"


@pytest.mark.parametrize("api_version", ["auto", "v2"])
async def test_delete_is_for_good(fake: FakeHeyGen, api_version: Any) -> None:
    """A second time it is not there any more."""
    async with heygen_on(fake, api_version=api_version) as heygen:
        fake.add("v")
        await heygen.videos.delete("v")
        with pytest.raises(NotFoundError):
            await heygen.videos.delete("v")
        with pytest.raises(NotFoundError):
            await heygen.videos.get("v")
    assert fake.jobs["v"].deleted


async def test_two_hundred_creations_at_once_are_two_hundred_jobs(fake: FakeHeyGen) -> None:
    """Each with a key of its own."""
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        for _ in range(200):
            tg.start_soon(heygen.videos.create, AVATAR)
    assert (fake.paid, len(fake.keys)) == (200, 200)


@virtual_time
async def test_max_in_flight_bounds_the_renders_of_generate(fake: FakeHeyGen) -> None:
    """With a limit of our own the server never has to say 429."""
    from heygen_async import Limits

    fake.plan = {0: "pending", 60: "completed"}
    fake.concurrency = 2
    fake.retry_after = "100"
    async with heygen_on(fake, limits=Limits(max_in_flight=2)) as heygen, anyio.create_task_group() as tg:
        for _ in range(6):
            tg.start_soon(heygen.videos.generate, AVATAR)
    assert (fake.paid, len(fake.posts)) == (6, 6)
    assert KEY not in repr(fake.jobs)
