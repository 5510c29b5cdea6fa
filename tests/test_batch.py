"""Many videos: input, outcomes, files, budget, leaving early. Virtual time where no thread is involved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from heygen_async import (
    AsyncHeyGen,
    AvatarVideo,
    BatchReport,
    Event,
    Failed,
    ItemDownloading,
    ItemFinished,
    ItemRendered,
    ItemStalled,
    ItemSubmitted,
    PollPolicy,
    RetryPolicy,
    Skipped,
    Succeeded,
    WaitTimeoutError,
)
from heygen_async._protocol.batching import SavePattern
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen, after_work, answer, broken
from tests.render_farm import RenderFarm, refused
from tests.sdk import AVATAR, AVATAR_JSON, heygen_on, quick_start

pytestmark = pytest.mark.anyio

QUICK = PollPolicy(first_after=0.01, max_interval=0.02, growth=1)


IMPATIENT = RetryPolicy(max_attempts=2, base=0.01, max_delay=0.01)


def fast_fake() -> FakeHeyGen:
    return FakeHeyGen(plan=["completed"])


@contextlib.asynccontextmanager
async def saving_on(fake: FakeHeyGen, **options: Any) -> AsyncIterator[AsyncHeyGen]:
    async with (
        fake.client() as files,
        heygen_on(fake, download_client=files, polling=QUICK, retries=IMPATIENT, **options) as heygen,
    ):
        yield heygen


# Input


@virtual_time
async def test_input_is_pulled_one_by_one_as_slots_become_free() -> None:
    """Never more is pulled than fits, so an endless source is fine."""
    farm = RenderFarm(cap=None, seconds=lambda n: 100.0)
    pulled, ahead = 0, []

    def requests() -> Iterator[AvatarVideo]:
        nonlocal pulled
        for _ in range(30):
            pulled += 1
            ahead.append(pulled - sum(end <= anyio.current_time() for end in farm.ends.values()))
            yield AVATAR

    async with farm.client() as heygen:
        report = await heygen.videos.generate_all(requests(), max_in_flight=4)
    assert len(report.succeeded) == farm.paid == 30
    assert max(ahead) <= 4


@virtual_time
async def test_async_input_is_taken_as_it_comes() -> None:
    """A slow source holds no slot while it thinks."""
    farm = RenderFarm(cap=None, seconds=lambda n: 10.0)

    async def requests() -> AsyncIterator[dict[str, Any]]:
        for number in range(5):
            await anyio.sleep(50)
            yield AVATAR_JSON | {"title": str(number)}

    async with farm.client() as heygen, heygen.videos.generate_many(requests()) as outcomes:
        keys = [outcome.key async for outcome in outcomes]
        assert heygen._services.admission.window.held == 0
    assert keys == [0, 1, 2, 3, 4]
    assert farm.submitted_at[4] - farm.submitted_at[0] >= 200


@virtual_time
async def test_both_wires_in_one_batch() -> None:
    """A mapping's keys name the outcomes; v2 requests go to v2."""
    fake = FakeHeyGen(plan={0: "pending", 30: "completed"})
    async with heygen_on(fake) as heygen:
        report = await heygen.videos.generate_all({"new": AVATAR, "old": quick_start(), "json": AVATAR_JSON})
    assert [item.key for item in report.succeeded] == ["new", "old", "json"]
    assert sorted(job.wire for job in fake.jobs.values()) == ["v2", "v3", "v3"]
    assert not fake.seen("GET /v1/video.list")


@virtual_time
async def test_16_bad_item_is_its_own_failure_and_unsent() -> None:
    """A request that HeyGen would refuse fails with the field's name; the rest is made."""
    farm = RenderFarm(cap=None)
    bad: list[Any] = [AVATAR_JSON | {"script": ""}, {"nonsense": 1}, None, "text"]
    async with farm.client() as heygen:
        report = await heygen.videos.generate_all([AVATAR, *bad, AVATAR])
    assert [item.key for item in report.succeeded] == [0, 5]
    assert [item.key for item in report.failed] == [1, 2, 3, 4]
    assert all(isinstance(item.error, ValueError) for item in report.failed)
    assert "script" in str(report.failed[0].error)
    assert farm.paid == farm.requests["POST /v3/videos"] == 2


@virtual_time
async def test_69_exception_of_the_input_comes_after_what_runs_is_finished() -> None:
    """Nothing that was submitted is lost: its outcomes come first, then the iterator's own error."""
    farm = RenderFarm(cap=None)

    def requests() -> Iterator[AvatarVideo]:
        yield AVATAR
        yield AVATAR
        raise OSError("the list ends in the middle of a line")

    seen = []
    async with farm.client() as heygen:
        with pytest.raises(OSError, match="middle of a line"):  # noqa: PT012
            async with heygen.videos.generate_many(requests()) as outcomes:
                async for outcome in outcomes:
                    seen.append(outcome.key)
        with pytest.raises(OSError, match="middle of a line"):
            await heygen.videos.generate_all(requests())
    assert sorted(seen) == [0, 1]
    assert farm.paid == 4


@pytest.mark.parametrize(
    ("requests", "options"),
    [
        (AVATAR_JSON, {}),
        ({"video_inputs": []}, {}),
        ({"template_id": "t", "variables": {}}, {}),
        ("text", {}),
        (7, {}),
        ({1: AVATAR, "1": AVATAR}, {}),
        ([AVATAR], {"max_in_flight": 0}),
        ([AVATAR], {"max_cost": -1}),
        ([AVATAR], {"timeout": -1}),
        ([AVATAR], {"stall_after": 0}),
        ([AVATAR], {"save_to": "out.mp4"}),
        ([AVATAR], {"save_to": "{key}/{title}.mp4"}),
        ([AVATAR], {"save_to": "{key.__class__}.mp4"}),
        ([AVATAR], {"save_to": "{key"}),
    ],
)
async def test_bad_arguments_are_refused_before_anything_is_sent(requests: Any, options: dict[str, Any]) -> None:
    """As `ValueError`s that say what is wrong."""
    fake = fast_fake()
    async with heygen_on(fake) as heygen:
        with pytest.raises(ValueError, match=r"."):
            async with heygen.videos.generate_many(requests, **options):
                pytest.fail("the block must not be entered")
    assert not fake.requests


# Files


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "a/b", "..", "", "con", "x" * 400, "caf\u00e9 \u202e", "nul.mp4", -1, ("a", 1)]
)
def test_47d_key_becomes_a_file_name_that_stays_in_its_folder(key: Any, tmp_path: Path) -> None:
    """Whatever the key, the file is right in the folder, and no other key has the same."""
    target = SavePattern.of(tmp_path / "{key}.mp4").target(key)
    assert target.parent == tmp_path
    assert target.resolve().parent == tmp_path.resolve()
    assert len(target.name.encode()) < 255
    assert target != SavePattern.of(tmp_path / "{key}.mp4").target("another")


def test_index_may_be_formatted_as_a_number(tmp_path: Path) -> None:
    """Files that sort."""
    assert SavePattern.of(str(tmp_path / "{key:04}.mp4")).target(7).name == "0007.mp4"


async def test_files_are_saved_beside_the_renders(tmp_path: Path) -> None:
    """Each under its key, with the events that a display needs."""
    fake, events = fast_fake(), list[Event]()
    async with saving_on(fake, on_event=events.append) as heygen:
        report = await heygen.videos.generate_all({"a": AVATAR, "b/b": AVATAR}, save_to=tmp_path / "deep" / "{key}.mp4")
    report.raise_for_failures()
    saved = [item.saved.path for item in report.succeeded if item.saved]
    assert len(saved) == 2
    assert all(path.read_bytes() == fake.file and path.parent == tmp_path / "deep" for path in saved)
    kinds = {type(event) for event in events}
    assert kinds >= {ItemSubmitted, ItemRendered, ItemDownloading, ItemFinished}


async def test_47c_existing_target_is_refused_before_it_is_paid(tmp_path: Path) -> None:
    """Unless overwriting is allowed."""
    fake = fast_fake()
    (tmp_path / "0.mp4").write_bytes(b"mine")
    async with saving_on(fake) as heygen:
        report = await heygen.videos.generate_all([AVATAR, AVATAR], save_to=str(tmp_path / "{key}.mp4"))
        assert isinstance(report.failed[0].error, FileExistsError)
        assert fake.paid == 1
        assert (tmp_path / "0.mp4").read_bytes() == b"mine"
        report = await heygen.videos.generate_all([AVATAR], save_to=str(tmp_path / "{key}.mp4"), overwrite=True)
    report.raise_for_failures()
    assert (tmp_path / "0.mp4").read_bytes() == fake.file


async def test_failed_download_fails_its_item_with_the_job_id(tmp_path: Path) -> None:
    """The video is paid and stays reachable."""
    fake = fast_fake()
    fake.on("GET /files/video-0001.mp4", answer(403, "AccessDenied"), times=None)
    async with saving_on(fake) as heygen:
        report = await heygen.videos.generate_all([AVATAR], save_to=tmp_path / "{key}.mp4")
    (failed,) = report.failed
    assert failed.job_id == "video-0001"
    assert not (tmp_path / "0.mp4").exists()


# Outcomes


async def test_report_keeps_input_order_and_raises_on_request() -> None:
    """All failures at once, in one group."""
    farm = RenderFarm(cap=None, seconds=lambda n: 0.0)
    farm.fail = {1: "no_face_error"}
    farm.refuse = lambda n, body: refused(404, "avatar_not_found") if body.get("title") == "bad" else None
    requests = {"a": AVATAR, "bad": AVATAR_JSON | {"title": "bad"}, "c": AVATAR, "d": AVATAR}
    async with farm.client(polling=QUICK) as heygen:
        report = await heygen.videos.generate_all(requests, max_in_flight=1)
    assert [item.key for item in report.succeeded] == ["a", "d"]
    assert [(item.key, item.job_id) for item in report.failed] == [("bad", None), ("c", "video-1")]
    with pytest.raises(ExceptionGroup, match="2 of 4 videos failed: 'bad', 'c'") as caught:
        report.raise_for_failures()
    assert len(caught.value.exceptions) == 2
    BatchReport(succeeded=report.succeeded, failed=(), skipped=(), elapsed=0.0).raise_for_failures()


@virtual_time
async def test_02_timeout_is_a_failure_that_detaches() -> None:
    """The id is told, the slot goes on to the next item, and the video goes on being rendered."""
    farm = RenderFarm(cap=None, seconds=lambda n: 1000.0)
    async with farm.client() as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 3, timeout=60, max_in_flight=1)
        assert [item.job_id for item in report.failed] == ["video-0", "video-1", "video-2"]
        assert all(isinstance(item.error, WaitTimeoutError) for item in report.failed)
        assert (await heygen.videos.job("video-0").wait()).status == "completed"


@virtual_time
async def test_01_submission_that_breaks_after_it_was_accepted_is_paid_once() -> None:
    """Each item has one key for all its attempts."""
    fake = FakeHeyGen(plan={0: "pending", 30: "completed"})
    fake.on("POST /v3/videos", after_work(answer(503)), times=3)
    fake.on("POST /v3/videos", after_work(broken("reset")), times=3)
    async with heygen_on(fake) as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 12)
    assert len(report.succeeded) == fake.paid == len(fake.keys) == 12


@virtual_time
async def test_14_stalled_video_is_reported_and_waited_for() -> None:
    """Again and again while it does not move, and never submitted anew."""
    farm = RenderFarm(cap=None, seconds=lambda n: 1000.0)
    stalls: list[ItemStalled] = []
    async with farm.client(
        on_event=lambda event: stalls.append(event) if isinstance(event, ItemStalled) else None
    ) as heygen:
        report = await heygen.videos.generate_all([AVATAR], stall_after=300)
    report.raise_for_failures()
    assert [stall.video_id for stall in stalls] == ["video-0"] * 3
    assert stalls[0].status == "processing"
    assert 300 <= stalls[0].unchanged_for < stalls[1].unchanged_for
    assert farm.paid == 1


@virtual_time
async def test_undelivered_outcomes_are_bounded() -> None:
    """A consumer that sleeps stops the batch after some hundred items, and does not lose one."""
    farm = RenderFarm(cap=None, seconds=lambda n: 20.0)
    async with farm.client() as heygen, heygen.videos.generate_many(AVATAR for _ in range(500)) as outcomes:
        await anyio.sleep(100_000)
        assert 256 <= farm.paid < 350
        assert len([outcome async for outcome in outcomes]) == 500
    assert farm.paid == 500


# Budget


@virtual_time
async def test_dry_run_prices_everything_and_sends_nothing(tmp_path: Path) -> None:
    """Each item says what it would cost, or what is wrong with it; not even the journal is touched."""
    farm = RenderFarm()
    async with farm.client() as heygen:
        report = await heygen.videos.generate_all(
            [AVATAR, AVATAR_JSON | {"script": ""}], dry_run=True, journal=tmp_path / "batch.sqlite"
        )
        seconds, usd = heygen.videos.estimate(AVATAR).seconds, heygen.videos.estimate(AVATAR).usd
    assert report.skipped == (Skipped(key=0, reason=f"dry run: ~{seconds:.1f} s, ${usd:.2f}"),)
    assert isinstance(report.failed[0].error, ValueError)
    assert not farm.requests
    assert not list(tmp_path.iterdir())


@virtual_time
async def test_video_that_cannot_be_priced_passes_a_dry_run_and_fails_a_budget() -> None:
    """A template does not tell its length: that is not wrong, but no budget can be kept with it."""
    farm, template = RenderFarm(), {"template_id": "t", "variables": {"name": {"type": "text", "content": "Ada"}}}
    async with farm.client() as heygen:
        tried = await heygen.videos.generate_all([template], dry_run=True)
        bounded = await heygen.videos.generate_all([template], max_cost=100)
    assert "cannot be priced" in tried.skipped[0].reason
    assert "cannot be priced" in str(bounded.failed[0].error)
    assert not farm.requests


@virtual_time
async def test_max_cost_stops_before_it_would_be_exceeded() -> None:
    """What fits is made, the rest is skipped; what was refused costs nothing."""
    farm = RenderFarm()
    farm.refuse = lambda n, body: refused(404, "avatar_not_found") if body["avatar_id"] == "bad" else None
    async with farm.client() as heygen:
        price = heygen.videos.estimate(AVATAR).usd
        report = await heygen.videos.generate_all(
            [AVATAR_JSON | {"avatar_id": "bad"}, *[AVATAR] * 9], max_cost=3 * price, max_in_flight=1
        )
    assert len(report.succeeded) == farm.paid == 3
    assert [item.key for item in report.failed] == [0]
    assert [item.key for item in report.skipped] == [4, 5, 6, 7, 8, 9]
    assert "max_cost" in report.skipped[0].reason


# Leaving early


async def test_break_ends_everything_and_keeps_the_client_usable() -> None:
    """On every event loop: no task is left, no slot is lost, and what was submitted goes on at HeyGen."""
    fake = FakeHeyGen(plan={0: "pending", 0.05: "completed"})
    async with heygen_on(fake, polling=QUICK) as heygen:
        async with heygen.videos.generate_many(AVATAR for _ in range(1000)) as outcomes:
            async for outcome in outcomes:
                assert isinstance(outcome, Succeeded)
                break
        paid = fake.paid
        assert heygen._services.admission.window.held == 0
        await anyio.sleep(0.05)
        assert fake.paid == paid < 50
        report = await heygen.videos.generate_all([AVATAR] * 3)
    assert len(report.succeeded) == 3


async def test_exception_in_the_block_comes_out_as_it_is() -> None:
    """Not wrapped in a group: the caller's own code raised it."""
    fake = FakeHeyGen(plan={0: "pending"})
    async with heygen_on(fake, polling=QUICK) as heygen:
        with pytest.raises(KeyError, match="mine"):
            async with heygen.videos.generate_many([AVATAR] * 3):
                raise KeyError("mine")


async def test_async_generator_is_closed_when_the_batch_is_left() -> None:
    """Its own cleanup runs, in the task that iterated over it."""
    fake, closed = FakeHeyGen(plan={0: "pending"}), list[str]()

    async def requests() -> AsyncIterator[AvatarVideo]:
        try:
            for _ in range(100):
                yield AVATAR
        finally:
            await anyio.lowlevel.checkpoint()
            closed.append("closed")

    async with heygen_on(fake, polling=QUICK) as heygen:
        with anyio.move_on_after(0.1):
            async with heygen.videos.generate_many(requests()) as outcomes:
                async for _ in outcomes:
                    pytest.fail("nothing finishes")
    assert closed == ["closed"]


async def test_time_out_of_the_caller_ends_the_batch() -> None:
    """The caller's own scope passes untouched."""
    fake = FakeHeyGen(plan={0: "pending"})
    async with heygen_on(fake, polling=QUICK) as heygen:
        with pytest.raises(TimeoutError), anyio.fail_after(0.1):
            await heygen.videos.generate_all([AVATAR] * 3)
        assert heygen._services.admission.window.held == 0
    assert fake.paid == 3


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})], ids=["asyncio"])
async def test_task_cancel_of_asyncio_ends_the_batch() -> None:
    """The native way to cancel arrives as such, and nothing goes on behind it."""
    fake = FakeHeyGen(plan={0: "pending"})
    async with heygen_on(fake, polling=QUICK) as heygen:
        task = asyncio.ensure_future(heygen.videos.generate_all([AVATAR] * 3))
        await anyio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert heygen._services.admission.window.held == 0
        assert len(asyncio.all_tasks()) <= 2


@virtual_time
async def test_53a_submission_under_way_is_brought_to_its_end() -> None:
    """Cancelled in the middle of the POST, the answer is still taken, within ten seconds."""
    farm, events = RenderFarm(cap=None), list[Event]()
    farm.latency = 6
    async with farm.client(on_event=events.append) as heygen:
        began = anyio.current_time()
        with anyio.move_on_after(2):
            await heygen.videos.generate_all([AVATAR] * 4)
        assert 6 <= anyio.current_time() - began < 7
    assert farm.paid == sum(isinstance(event, ItemSubmitted) for event in events) == 4


@virtual_time
async def test_53a_submission_that_does_not_end_is_given_up_with_its_key() -> None:
    """After ten seconds the cancellation goes through; the key is told."""
    farm, events = RenderFarm(cap=None), list[Any]()
    farm.latency = 60
    async with farm.client(on_event=events.append) as heygen:
        began = anyio.current_time()
        with anyio.move_on_after(2):
            await heygen.videos.generate_all([AVATAR] * 4)
        assert 12 <= anyio.current_time() - began < 12.5
    told = {event.idempotency_key for event in events if type(event).__name__ == "SubmissionInterrupted"}
    assert told == set(farm.by_key)


async def test_event_handler_that_raises_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An observer's trouble is logged; the batch goes on (69)."""

    def broken_handler(event: Event) -> None:
        raise RuntimeError("observer")

    fake = fast_fake()
    async with heygen_on(fake, polling=QUICK, on_event=broken_handler) as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 3)
    assert len(report.succeeded) == 3
    assert "observer" in caplog.text
    assert not [item for item in report.failed if isinstance(item, Failed)]
