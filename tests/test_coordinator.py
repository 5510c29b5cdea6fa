"""Waiting, as its waiters see it: every status scenario on a virtual clock, against a HeyGen without HTTP."""

from __future__ import annotations

import math
import random

import anyio
import pytest
from attrs import evolve

from heygen_async import errors
from heygen_async._coordinator import Coordinator
from heygen_async._policies import PollPolicy
from heygen_async._protocol.looks import BulkStatus
from heygen_async.events import Event, LookFailed, StatusChanged
from heygen_async.models.progress import JobUpdate
from heygen_async.models.video import Video, VideoFailure, VideoStatus
from tests.clock import virtual_time
from tests.fake_looks import FakeLooks

pytestmark = [pytest.mark.anyio, virtual_time]

POLICY = PollPolicy(jitter=0)
BAD_GATEWAY = errors.InternalServerError("502", status_code=502)


class World:
    """One client's looks, coordinator and events."""

    def __init__(self, **looks: object) -> None:
        self.looks = FakeLooks(**looks)  # type: ignore[arg-type]
        self.events: list[Event] = []
        self.coordinator = Coordinator(self.looks, emit=self.events.append, rng=random.Random(0))

    async def wait(self, video_id: str = "v", wire: str = "v3", fresh: bool = True, **options: object) -> Video:
        submitted_at = anyio.current_time() if fresh else None
        options = {"policy": POLICY, "submitted_at": submitted_at} | options
        return await self.coordinator.wait(video_id, wire, **options)  # type: ignore[arg-type]

    async def updates(self, video_id: str = "v", **options: object) -> list[JobUpdate]:
        options = {"policy": POLICY, "submitted_at": anyio.current_time()} | options
        return [update async for update in self.coordinator.updates(video_id, "v3", **options)]  # type: ignore[arg-type]

    def words(self) -> list[str]:
        return [event.status for event in self.events if isinstance(event, StatusChanged)]

    def failures(self) -> list[LookFailed]:
        return [event for event in self.events if isinstance(event, LookFailed)]


def fail_times(number: int, error: Exception, kind: str = "bulk"):
    """Return a fault that fails the first `number` calls of a kind."""
    left = [number]

    def fault(called: str, argument: object) -> Exception | None:
        if called != kind or left[0] == 0:
            return None
        left[0] -= 1
        return error

    return fault


async def test_wait_looks_by_the_policy_and_reads_the_details_once() -> None:
    """Looks come at ages 10, 24, 43.6 and 71.04 s; the one that says completed is followed by one for the URL."""
    world = World()
    began = anyio.current_time()
    world.looks.render("v", 60)
    video = await world.wait()
    assert video.video_url == "https://files.example/v.mp4"
    assert [at - began for at in world.looks.times("bulk")] == pytest.approx([10, 24, 43.6, 71.04])
    assert [at - began for at in world.looks.times("one")] == pytest.approx([71.04])
    assert world.words() == ["processing", "completed"]
    assert world.coordinator.watched == 0


async def test_wait_on_a_bare_id_looks_at_once() -> None:
    """A handle made from an id has no submission time, so there is nothing to wait for before the first look."""
    world = World()
    began = anyio.current_time()
    world.looks.render("v", 0)
    await world.wait(fresh=False)
    assert world.looks.times() == [began, began]


async def test_wait_that_begins_late_looks_at_once() -> None:
    """Whoever waits after the first look was due is not made to wait for another one."""
    world = World()
    world.looks.render("v", 20)
    submitted = anyio.current_time()
    await anyio.sleep(25)
    await world.wait(submitted_at=submitted)
    assert anyio.current_time() == submitted + 25


async def test_21_failed_video_is_returned_with_its_reason() -> None:
    """A failed render ends the wait; its details come from a look at the video."""
    world = World()
    failure = VideoFailure(code="40119", message="Video is too long")
    world.looks.render("v", words=[(0, "processing"), (15, "failed")], failure=failure)
    video = await world.wait()
    assert (video.status, video.failure) == ("failed", failure)


@pytest.mark.parametrize("wire", ["v2", "v3"])
async def test_17_every_word_is_kept_and_none_but_two_ends_the_wait(wire: str) -> None:
    """Known and invented words are reported as they are, one event per change, and never taken for an end."""
    world = World()
    words = ["waiting", "pending", "processing", "draft", "upscaling", "completed"]
    world.looks.render("v", words=[(100 * n, word) for n, word in enumerate(words)])
    video = await world.wait(wire=wire, timeout=math.inf)
    assert video.status == "completed"
    if wire == "v3":
        words[0:2] = ["queued"]
    assert world.words() == words


async def test_17_updates_give_each_status_once_and_end_with_the_details() -> None:
    """The first update is the first status seen, the last one has the URL; elapsed counts from submission."""
    world = World()
    world.looks.render("v", words=[(0, "waiting"), (30, "processing"), (200, "completed")])
    updates = await world.updates()
    assert [update.status for update in updates] == ["queued", "processing", "completed"]
    assert [update.elapsed for update in updates] == sorted(update.elapsed for update in updates)
    assert updates[0].elapsed == pytest.approx(10)
    assert updates[0].video == Video(id="v", status=VideoStatus("queued"))
    assert updates[-1].video.video_url


async def test_updates_end_with_a_failed_video() -> None:
    """A failure is an update like any other."""
    world = World()
    world.looks.render("v", words=[(0, "failed")], failure=VideoFailure(code="x"))
    assert [update.video.failure for update in await world.updates()] == [VideoFailure(code="x")]


async def test_updates_hold_nothing_between_steps_and_go_on_after_a_cancelled_one() -> None:
    """A consumer may take its time, or cancel a step: the iterator goes on, and frees everything in between."""
    world = World()
    world.looks.render("v", words=[(0, "waiting"), (30, "processing"), (200, "completed")])
    updates = world.coordinator.updates("v", "v3", policy=POLICY, submitted_at=anyio.current_time())
    assert (await anext(updates)).status == "queued"
    assert world.coordinator.watched == 0
    with anyio.move_on_after(5) as scope:
        await anext(updates)
    assert scope.cancelled_caught
    await anyio.sleep(60)
    assert (await anext(updates)).status == "processing"
    assert [update.status async for update in updates] == ["completed"]
    with pytest.raises(StopAsyncIteration):
        await anext(updates)


async def test_updates_keep_their_rhythm_between_steps() -> None:
    """A quick consumer does not make looks come sooner than the policy says."""
    world = World()
    began = anyio.current_time()
    world.looks.render("v", words=[(0, "a"), (11, "b"), (25, "c"), (45, "completed")])
    await world.updates()
    assert [at - began for at in world.looks.times("bulk")] == pytest.approx([10, 24, 43.6, 71.04])


async def test_updates_of_one_video_may_be_read_twice_at_a_time() -> None:
    """Two readers share the looks; the one that comes back after a break sees what it missed as one change."""
    world = World()
    world.looks.render("v", words=[(0, "a"), (20, "b"), (40, "c"), (120, "completed")])
    seen: dict[str, list[str]] = {"eager": [], "slow": []}

    async def read(name: str, pause: float) -> None:
        async for update in world.coordinator.updates("v", "v3", policy=POLICY, submitted_at=anyio.current_time()):
            seen[name].append(update.status)
            await anyio.sleep(pause)

    async with anyio.create_task_group() as group:
        group.start_soon(read, "eager", 0)
        group.start_soon(read, "slow", 50)
    assert seen == {"eager": ["a", "b", "c", "completed"], "slow": ["a", "c", "completed"]}
    assert world.looks.counts["one"] == 1


async def test_updates_raise_what_ends_them_and_end_there() -> None:
    """After an error the iteration is over."""
    world = World()
    world.looks.render("v", 1000)
    updates = world.coordinator.updates("v", "v3", policy=POLICY, submitted_at=None, timeout=30)
    assert (await anext(updates)).status == "queued"
    assert (await anext(updates)).status == "processing"
    with pytest.raises(errors.WaitTimeoutError):
        await anext(updates)
    with pytest.raises(StopAsyncIteration):
        await anext(updates)


async def test_18a_a_late_url_is_looked_for() -> None:
    """Completed without a URL: a few further looks at growing distances, then success."""
    world = World()
    world.looks.render("v", 20, url_at=33)
    video = await world.wait()
    assert video.video_url
    assert world.looks.counts["one"] == 4
    assert world.words() == ["processing", "completed"]


@pytest.mark.parametrize("wire", ["v2", "v3"])
async def test_18b_a_url_that_never_comes_ends_the_wait_after_its_grace(wire: str) -> None:
    """After `url_grace` seconds, and a look at their very end, the wait ends with an error that can be resumed."""
    world = World()
    world.looks.render("v", 10, url_at=math.inf)
    with pytest.raises(errors.VideoNotAvailableError) as caught:
        await world.wait(wire=wire)
    assert caught.value.job_id == "v"
    singles = world.looks.times("one" if wire == "v3" else "one-v1")
    assert singles[-1] - singles[0] == pytest.approx(60)
    assert 5 < len(singles) < 15


async def test_18b_no_grace_means_one_look() -> None:
    """`url_grace=0` takes the first answer."""
    world = World()
    world.looks.render("v", 10, url_at=11)
    with pytest.raises(errors.VideoNotAvailableError):
        await world.wait(policy=PollPolicy(url_grace=0, jitter=0))
    assert world.looks.counts["one"] == 1


async def test_18_another_asset_is_waited_for_on_its_own() -> None:
    """Who needs the captioned file waits for it; who needs the video has it meanwhile."""
    world = World()
    world.looks.render("v", 10, captioned_at=25)
    done: dict[str, float] = {}

    async def wait(asset: str) -> None:
        video = await world.wait(asset=asset)
        assert video.url_of(asset)  # type: ignore[arg-type]
        done[asset] = anyio.current_time()

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "captioned")
        group.start_soon(wait, "video")
    assert done["video"] < done["captioned"] < done["video"] + 30


async def test_18_an_asset_that_never_comes() -> None:
    """A video without captions ends the wait for its captioned file after the grace."""
    world = World()
    world.looks.render("v", 10)
    with pytest.raises(errors.VideoNotAvailableError, match="captioned"):
        await world.wait(asset="captioned")


async def test_19_status_going_backwards_is_watched_on() -> None:
    """Back from processing to pending, even from completed: looks go on until the video is really finished."""
    world = World()
    words = [(0, "processing"), (15, "pending"), (30, "completed"), (44.55, "processing"), (200, "completed")]
    world.looks.latency = 0.2
    world.looks.render("v", words=words)
    video = await world.wait()
    assert video.video_url
    assert world.words() == ["processing", "queued", "completed", "processing", "completed"]


@pytest.mark.parametrize("wire", ["v2", "v3"])
async def test_20_a_fresh_video_may_be_invisible_for_a_while(wire: str) -> None:
    """404 and `not_found` within the grace mean "not visible yet": no failure, no status, no end."""
    world = World()
    world.looks.render("v", 90, visible_at=50)
    assert (await world.wait(wire=wire)).video_url
    assert world.words() == ["processing", "completed"]
    assert world.failures() == []


@pytest.mark.parametrize("wire", ["v2", "v3"])
async def test_20_an_id_that_stays_unknown_ends_in_not_found(wire: str) -> None:
    """After the grace a single look decides."""
    world = World()
    began = anyio.current_time()
    with pytest.raises(errors.NotFoundError):
        await world.wait("ghost", wire=wire)
    assert 60 <= anyio.current_time() - began < 90
    assert wire == "v2" or world.looks.counts["one"] == 1
    assert world.coordinator.watched == 0


async def test_20_the_single_look_may_know_better_than_the_bulk_look() -> None:
    """An old video that only the bulk look does not know is not lost."""
    world = World()
    world.looks.render("v", 200)
    world.looks._bulk_word = lambda video_id, now: "not_found"  # type: ignore[method-assign]
    assert (await world.wait()).video_url


@pytest.mark.parametrize(
    "error",
    [
        BAD_GATEWAY,
        errors.APIResponseError("not JSON", body="<html>"),
        errors.APIConnectionError("reset"),
        errors.APITimeoutError("no answer"),
        errors.ConflictError("busy", status_code=409),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("kind", ["bulk", "one", "one-v1"])
async def test_26_27_failed_looks_are_counted_reported_and_repeated(kind: str, error: Exception) -> None:
    """Two failed looks, of whatever kind, delay a wait and nothing else."""
    world = World(fault=fail_times(2, error, kind))
    world.looks.render("v", 60)
    video = await world.wait(wire="v2" if kind == "one-v1" else "v3")
    assert video.video_url
    failures = world.failures()
    assert [failure.failures_in_a_row for failure in failures] == [1, 2]
    assert all(failure.video_ids == ("v",) and failure.retry_in > 0 for failure in failures)
    assert str(error) in failures[0].reason
    assert type(error).__name__ in failures[0].reason


async def test_27_looks_after_a_failed_one_come_by_the_schedule() -> None:
    """A failed look is neither repeated at once nor punished with a long pause."""
    world = World(fault=fail_times(1, errors.APIConnectionError("reset")))
    began = anyio.current_time()
    world.looks.render("v", 60)
    await world.wait()
    assert [at - began for at in world.looks.times("bulk")] == pytest.approx([10, 24, 43.6, 71.04])


@pytest.mark.parametrize(("wire", "looked"), [("v3", "bulk"), ("v2", "one-v1")])
async def test_27_a_success_ends_the_count(wire: str, looked: str) -> None:
    """Failures in a row are counted, not failures in all."""
    pattern = iter([True, False, True, False, False])
    world = World(fault=lambda kind, _: BAD_GATEWAY if kind == looked and next(pattern, False) else None)
    world.looks.render("v", 60)
    await world.wait(wire=wire)
    assert [failure.failures_in_a_row for failure in world.failures()] == [1, 1]


async def test_28_retry_after_pauses_all_looks_and_no_wait() -> None:
    """A 429 on one look holds back every other one for as long as was asked."""
    slow_down = errors.RateLimitError("429", status_code=429, retry_after=100)
    world = World(fault=fail_times(1, slow_down))
    began = anyio.current_time()
    for name, seconds in (("a", 60), ("b", 60), ("w", 60)):
        world.looks.render(name, seconds)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait, "a")
        group.start_soon(world.wait, "w", "v2")
        await anyio.sleep(5)
        group.start_soon(world.wait, "b")
    held_back = [at - began for at in world.looks.times()]
    assert held_back[0] == 10
    assert all(at >= 110 for at in held_back if at != 10)
    assert max(held_back) < 150


@pytest.mark.parametrize(("retry_after", "pause"), [(86_400, 120), (None, 1), (0, 0)])
async def test_28_absurd_missing_and_zero_retry_after(retry_after: float | None, pause: float) -> None:
    """An absurd Retry-After is capped, a missing one becomes a short pause, zero no busy loop."""
    slow_down = errors.RateLimitError("429", status_code=429, retry_after=retry_after)
    world = World(fault=fail_times(1, slow_down))
    world.looks.render("v", 5)
    await world.wait()
    first, second = world.looks.times("bulk")[:2]
    assert second - first == pytest.approx(max(14, pause))


@pytest.mark.parametrize(("wire", "looked"), [("v3", "bulk"), ("v2", "one-v1")])
async def test_28_pauses_grow_with_refusals_in_a_row_only(wire: str, looked: str) -> None:
    """Without a Retry-After the pauses double; an answer starts them anew."""
    slow_down = errors.RateLimitError("429", status_code=429)
    pattern = iter([True, True, False, True, False])
    world = World(fault=lambda kind, _: slow_down if kind == looked and next(pattern, False) else None)
    world.looks.render("v", 5)
    began = anyio.current_time()
    await world.wait(wire=wire, policy=PollPolicy(first_after=0.1, growth=1, max_interval=0.1, jitter=0))
    assert [at - began for at in world.looks.times(looked)][:5] == pytest.approx([0.1, 1.1, 3.1, 3.2, 4.2])


async def test_28_a_look_alone_waits_for_the_pause_too() -> None:
    """A 429 on the details pauses them, and the waits go on."""
    slow_down = errors.RateLimitError("429", status_code=429, retry_after=50)
    world = World(fault=fail_times(1, slow_down, "one"))
    world.looks.render("v", 5)
    assert (await world.wait()).video_url
    first, second = world.looks.times("one")
    assert second - first == 50


async def test_29_a_stuck_video_ends_in_a_timeout_that_says_everything() -> None:
    """At the deadline the waiter learns the id, the last status and the time; the render is not touched."""
    world = World()
    began = anyio.current_time()
    world.looks.render("v", math.inf)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        await world.wait()
    assert anyio.current_time() - began == 3600
    assert (caught.value.job_id, caught.value.last_status) == ("v", "processing")
    assert caught.value.elapsed == 3600
    assert isinstance(caught.value, TimeoutError)
    assert world.coordinator.watched == 0


async def test_29_a_timeout_without_any_look_says_so() -> None:
    """The last trouble is part of the message when no look succeeded."""
    world = World(fault=lambda kind, _: BAD_GATEWAY)
    with pytest.raises(errors.WaitTimeoutError, match=r"had not been seen .* last look failed: 502") as caught:
        await world.wait(timeout=15)
    assert caught.value.last_status is None


async def test_a_timeout_after_the_end_does_not_say_that_the_render_goes_on() -> None:
    """The bulk answer has said completed; the looks for the URL fail until the time is over."""
    world = World()
    world.looks.render("v", 5)
    world.looks.fault = lambda kind, _: BAD_GATEWAY if kind == "one" else None
    with pytest.raises(errors.WaitTimeoutError, match=r"was completed, but .* last look failed: 502.*Nothing is lost"):
        await world.wait(timeout=15)


async def test_timeout_zero_is_one_look() -> None:
    """A running video: one look, then the time-out. A finished one: returned."""
    world = World()
    world.looks.render("v", 30)
    with pytest.raises(errors.WaitTimeoutError) as caught:
        await world.wait(timeout=0)
    assert caught.value.last_status == "waiting"
    assert len(world.looks.calls) == 1
    await anyio.sleep(30)
    assert (await world.wait(timeout=0)).video_url
    assert len(world.looks.calls) == 2


async def test_timeout_zero_shares_a_look_under_way() -> None:
    """Two waits of no time on one id make one look."""
    world = World(latency=1)
    world.looks.render("v", 0)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: world.wait(timeout=0))
        group.start_soon(lambda: world.wait(timeout=0))
    assert len(world.looks.calls) == 1


async def test_timeout_zero_makes_no_look_while_looks_pause() -> None:
    """Retry-After holds for this look, too."""
    slow_down = errors.RateLimitError("429", status_code=429, retry_after=50)
    world = World(fault=fail_times(1, slow_down, "one"))
    world.looks.render("v", 0)
    for _ in range(2):
        with pytest.raises(errors.WaitTimeoutError):
            await world.wait(timeout=0)
    assert len(world.looks.calls) == 1


async def test_updates_with_timeout_zero_tell_the_present_status() -> None:
    """One look, one update, then the time-out."""
    world = World()
    world.looks.render("v", 100)
    updates = world.coordinator.updates("v", "v3", policy=POLICY, submitted_at=None, timeout=0)
    assert (await anext(updates)).status == "waiting"
    with pytest.raises(errors.WaitTimeoutError):
        await anext(updates)


@pytest.mark.parametrize("timeout", [-1, math.nan])
async def test_an_impossible_timeout_is_refused(timeout: float) -> None:
    """Before anything is sent."""
    world = World()
    with pytest.raises(ValueError, match="timeout"):
        await world.wait(timeout=timeout)
    assert world.looks.calls == []


async def test_the_callers_own_timeout_passes_untouched() -> None:
    """A `TimeoutError` of an enclosing scope is not taken for the wait's own."""
    world = World()
    world.looks.render("v", 1000)
    with pytest.raises(TimeoutError) as caught, anyio.fail_after(100):
        await world.wait(timeout=500)
    assert not isinstance(caught.value, errors.HeyGenError)
    assert world.coordinator.watched == 0


async def test_30_bulk_answers_of_any_shape() -> None:
    """Rows shuffled, doubled, foreign, without an id or missing: each waiter gets its own video."""
    world = World()
    honest = world.looks.bulk
    dice = random.Random(3)

    async def strange(video_ids: list[str]) -> list[BulkStatus]:
        rows = [row for row in await honest(video_ids) if dice.random() < 0.6]
        extra = [BulkStatus(video_id=None, status="queued"), BulkStatus(video_id="stranger", status="failed")]
        rows = rows + rows[:2] + extra
        dice.shuffle(rows)
        return rows

    world.looks.bulk = strange  # type: ignore[method-assign, assignment]
    names = [f"v{n}" for n in range(30)]
    found: list[str] = []

    async def wait(name: str) -> None:
        world.looks.render(name, 60 + 10 * len(found))
        found.append((await world.wait(name)).id)

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(wait, name)
    assert sorted(found) == sorted(names)


async def test_19_a_new_completion_has_a_new_grace() -> None:
    """Completed without a URL, running again, completed again: the URL may be late again."""
    world = World()
    words = [(0, "processing"), (5, "completed"), (30, "processing"), (200, "completed")]
    world.looks.render("v", words=words, url_at=250)
    assert (await world.wait()).video_url


async def test_30_an_id_that_is_always_missing_is_looked_at_alone() -> None:
    """Missing is no news; three times in a row a single look asks."""
    world = World()
    world.looks.render("v", 100)

    async def empty(video_ids: list[str]) -> list[BulkStatus]:
        world.looks.calls.append((anyio.current_time(), "bulk", tuple(video_ids)))
        return []

    world.looks.bulk = empty  # type: ignore[method-assign, assignment]
    assert (await world.wait()).video_url
    kinds = [kind for _, kind, _ in world.looks.calls]
    assert kinds[:5] == ["bulk", "bulk", "bulk", "one", "bulk"]


async def test_30_ids_go_out_in_chunks_of_100() -> None:
    """250 waiters make three requests, each with ids of its own."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(250):
            world.looks.render(f"v{n}", 10)
            group.start_soon(world.wait, f"v{n}")
    chunks = [argument for _, kind, argument in world.looks.calls if kind == "bulk"]
    assert sorted(len(chunk) for chunk in chunks) == [50, 100, 100]  # type: ignore[arg-type]
    assert len(set().union(*chunks)) == 250  # type: ignore[arg-type]


async def test_waits_on_bare_ids_that_begin_together_are_one_look() -> None:
    """The first of them does not rush off with a look of its own."""
    world = World()
    for n in range(50):
        world.looks.render(f"v{n}", 100)
    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(lambda name=f"v{n}": world.wait(name, fresh=False))
        await anyio.sleep(1)
        assert world.looks.counts == {"bulk": 1}


async def test_waiters_of_one_video_share_its_looks() -> None:
    """Five waiters on one id cost what one costs, and get the same video."""
    world = World(latency=0.1)
    world.looks.render("v", 60)
    videos: list[Video] = []

    async def wait(fresh: bool) -> None:
        videos.append(await world.wait(fresh=fresh))

    async with anyio.create_task_group() as group:
        for n in range(5):
            group.start_soon(wait, n > 2)
    assert world.looks.counts["one"] == 1
    assert len(videos) == 5
    assert world.looks.counts["bulk"] < 8


async def test_a_waiter_that_knows_the_submission_time_tells_the_others() -> None:
    """A bare id's age counts from its first wait, until somebody knows better."""
    world = World()
    world.looks.render("v", 1000)
    submitted = anyio.current_time()
    await anyio.sleep(100)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: world.wait(submitted_at=submitted))
        with pytest.raises(errors.WaitTimeoutError) as caught:
            await world.wait(fresh=False, timeout=50)
        group.cancel_scope.cancel()
    assert caught.value.elapsed == 150


async def test_a_more_eager_waiter_of_the_same_video_sets_the_pace() -> None:
    """Joining with a shorter interval brings the looks forward."""
    world = World()
    world.looks.render("v", 40)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        await anyio.sleep(30)
        eager = PollPolicy(first_after=1, max_interval=2, jitter=0)
        group.start_soon(lambda: world.wait(policy=eager, fresh=False))
    assert world.looks.times("one")[0] == pytest.approx(40, abs=2.1)


@pytest.mark.parametrize(
    "error",
    [
        errors.AuthenticationError("key", status_code=401),
        errors.PermissionDeniedError("no", status_code=403),
        errors.ConfigurationError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("kind", ["bulk", "one-v1"])
async def test_32_a_refused_key_ends_all_waits_at_once(kind: str, error: errors.HeyGenError) -> None:
    """Every waiter, on both wires, gets an exception of its own; a later wait starts afresh."""
    world = World(fault=fail_times(1, error, kind))
    caught: list[BaseException] = []

    async def wait(name: str, wire: str, begin: float) -> None:
        await anyio.sleep(begin)
        world.looks.render(name, 60)
        with pytest.raises(type(error)) as raised:
            await world.wait(name, wire)
        caught.append(raised.value)

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "a", "v3", 0)
        group.start_soon(wait, "b", "v3", 7)
        group.start_soon(wait, "c", "v2", 0)
        group.start_soon(wait, "c", "v2", 1)
    assert len({id(error) for error in caught}) == 4
    assert anyio.current_time() == pytest.approx(world.looks.times()[-1])
    world.looks.render("later", 5)
    assert (await world.wait("later")).video_url


async def test_32_a_video_that_is_not_ours_ends_only_its_own_wait() -> None:
    """403 `resource_access_denied` speaks of one video; the bulk look that met it is settled one by one."""
    denied = errors.PermissionDeniedError("no", status_code=403, code="resource_access_denied")

    def fault(kind: str, argument: object) -> Exception | None:
        return denied if argument == "theirs" or "theirs" in (argument or ()) else None  # type: ignore[operator]

    world = World(fault=fault)
    world.looks.render("ours", 60)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait, "ours")
        with pytest.raises(errors.PermissionDeniedError):
            await world.wait("theirs")
        assert world.coordinator.watched == 1


async def test_end_all_ends_waits_with_copies() -> None:
    """Closing a client ends its waits at once, each with its own error."""
    world = World()
    world.looks.render("a", 600)
    world.looks.render("b", 600)
    caught: list[BaseException] = []

    async def wait(name: str) -> None:
        with pytest.raises(errors.ConfigurationError) as raised:
            await world.wait(name)
        caught.append(raised.value)

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "a")
        group.start_soon(wait, "b")
        await anyio.sleep(50)
        before = anyio.current_time()
        world.coordinator.end_all(errors.ConfigurationError("The client is closed."))
    assert anyio.current_time() == before
    assert caught[0] is not caught[1]


async def test_61_v1_completed_with_an_error_and_a_url_is_a_success() -> None:
    """The URL decides; the credit error stays visible."""
    world = World()
    render = world.looks.render("v", 5)
    failure = VideoFailure(code="MOVIO_PAYMENT_INSUFFICIENT_CREDIT")
    honest = render.video
    render.video = lambda now: evolve(honest(now), failure=failure)  # type: ignore[method-assign]
    video = await world.wait(wire="v2")
    assert video.video_url
    assert video.failure == failure


async def test_end_all_ends_a_hanging_look_and_one_that_pauses() -> None:
    """Who is in the middle of a look, or waits for a pause to end, does not sit it out."""
    world = World(latency=1, hang={"hanging"})
    slow_down = errors.RateLimitError("429", status_code=429, retry_after=100)
    world.looks.fault = lambda kind, name: slow_down if name == "paused" else None
    names = ["hanging", "paused"]
    began = anyio.current_time()

    async def wait(name: str) -> None:
        world.looks.render(name, 60)
        with pytest.raises(errors.ConfigurationError):
            await world.wait(name, "v2")

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(wait, name)
        await anyio.sleep(30)
        assert world.looks.counts == {"one-v1": 2}
        world.coordinator.end_all(errors.ConfigurationError("The client is closed."))
    assert anyio.current_time() == began + 30


async def test_32_a_leader_in_the_middle_of_a_hanging_round_hears_of_a_refused_key() -> None:
    """The round is left when there is nothing to lead for any more."""
    refused = errors.AuthenticationError("key", status_code=401)
    world = World(hang={"v"}, fault=fail_times(1, refused, "one-v1"))
    began = anyio.current_time()

    async def wait(name: str, wire: str) -> None:
        world.looks.render(name, 60)
        with pytest.raises(errors.AuthenticationError):
            await world.wait(name, wire)

    async with anyio.create_task_group() as group:
        group.start_soon(wait, "v", "v3")
        await anyio.sleep(5)
        group.start_soon(wait, "w", "v2")
    assert anyio.current_time() == began + 15


async def test_notify_reaches_a_leader_in_the_middle_of_a_hanging_round() -> None:
    """Its own look comes first; the videos of the round stay due."""
    world = World(hang={"other"})
    for name in ("v", "other"):
        world.looks.render(name, 12)
    async with anyio.create_task_group() as group:
        async with anyio.create_task_group() as both:
            both.start_soon(world.wait, "v")
            await anyio.sleep(0.1)
            group.start_soon(world.wait, "other")
            await anyio.sleep(14)
            before = anyio.current_time()
            world.coordinator.notify("v")
        assert anyio.current_time() == before
        await anyio.sleep(0)
        assert world.looks.times("bulk")[-1] == before
        group.cancel_scope.cancel()


GONE = errors.ApiRetiredError("gone", status_code=410)


@pytest.mark.parametrize("submitted_first_on_v3", [False, True])
async def test_v1_gone_in_mid_wait_goes_on_on_v3(submitted_first_on_v3: bool) -> None:
    """A watch that may switch is watched on v3, beside any other watch of the same id there."""
    world = World()
    began = anyio.current_time()
    world.looks.render("v", 120)
    world.looks.fault = lambda kind, _: GONE if kind == "one-v1" and anyio.current_time() > began + 20 else None
    async with anyio.create_task_group() as group:
        if submitted_first_on_v3:
            group.start_soon(world.wait, "v", "v3")
        video = await world.wait(wire="v2", may_switch=True)
        assert video.video_url
    assert world.coordinator.watched == 0
    assert world.words()[-1] == "completed"


async def test_one_waiter_that_may_switch_is_enough() -> None:
    """Waiters of one id share its watch, and with it the way out."""
    world = World()
    began = anyio.current_time()
    world.looks.render("v", 60)
    world.looks.fault = lambda kind, _: GONE if kind == "one-v1" and anyio.current_time() > began + 20 else None
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait, "v", "v2")
        await anyio.sleep(1)
        group.start_soon(lambda: world.wait(wire="v2", may_switch=True))
    assert anyio.current_time() - began >= 60
    assert world.coordinator.watched == 0


async def test_v1_gone_ends_a_wait_that_may_not_switch() -> None:
    """A client pinned to v2 is told that the API is gone."""
    world = World(fault=lambda kind, _: GONE if kind == "one-v1" else None)
    world.looks.render("v", 120)
    with pytest.raises(errors.ApiRetiredError):
        await world.wait(wire="v2")


async def test_notify_looks_at_once_and_costs_one_request() -> None:
    """A webhook's word wakes the waiter: one look brings status and URL."""
    world = World()
    world.looks.render("v", 30)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        await anyio.sleep(31)
        calls = len(world.looks.calls)
        world.coordinator.notify("v")
        before = anyio.current_time()
    assert anyio.current_time() == before
    assert [kind for _, kind, _ in world.looks.calls[calls:]] == ["one"]


async def test_51e_duplicate_events_are_one_look() -> None:
    """The same word three times is looked after once."""
    world = World(latency=0.5)
    world.looks.render("v", 100)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        await anyio.sleep(12)
        for _ in range(3):
            world.coordinator.notify("v")
        await anyio.sleep(2)
        assert world.looks.counts["one"] == 1


async def test_51_an_event_during_a_look_is_looked_after_again() -> None:
    """The look under way may have read the state before the event."""
    world = World(latency=1)
    began = anyio.current_time()
    world.looks.render("v", 13.5)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        await anyio.sleep(12)
        world.coordinator.notify("v")
        await anyio.sleep(0.6)
        world.coordinator.notify("v")
    assert [at - began for at in world.looks.times("one")] == pytest.approx([12, 13])


async def test_51_an_event_during_a_look_lets_other_waiters_sleep() -> None:
    """A second waiter of the video does not spin until the look under way is over."""
    world = World(latency=2)
    world.looks.render("v", 15.5)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        group.start_soon(world.wait)
        await anyio.sleep(13)
        world.coordinator.notify("v")
        await anyio.sleep(1)
        world.coordinator.notify("v")
    assert world.looks.counts["one"] == 2


async def test_51f_the_api_has_the_last_word() -> None:
    """An event that came too early only causes a look; the wait goes on by its schedule."""
    world = World()
    world.looks.render("v", 100)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        await anyio.sleep(12)
        world.coordinator.notify("v")
        world.coordinator.notify("unknown")
        await anyio.sleep(1)
        assert world.looks.counts["one"] == 1
        assert world.coordinator.watched == 1


async def test_51i_an_event_before_the_wait_is_remembered() -> None:
    """The waiter that comes after the event looks at once, without waiting for its first due time."""
    world = World()
    began = anyio.current_time()
    world.coordinator.notify("v")
    world.looks.render("v", 0)
    await world.wait()
    assert anyio.current_time() == began
    assert len(world.looks.calls) == 1


async def test_51i_a_remembered_event_is_used_once() -> None:
    """The next wait on the same video has its ordinary rhythm."""
    world = World()
    world.coordinator.notify("v")
    world.looks.render("v", 100)
    for _ in range(2):
        with pytest.raises(errors.WaitTimeoutError):
            await world.wait(timeout=5)
    assert len(world.looks.calls) == 1


async def test_notify_wakes_a_leader_and_its_video_is_looked_at_alone() -> None:
    """Whether the video's waiter leads or sleeps makes no difference."""
    world = World()
    for name in ("a", "b"):
        world.looks.render(name, 30)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait, "a")
        group.start_soon(world.wait, "b")
        await anyio.sleep(35)
        before, calls = anyio.current_time(), len(world.looks.calls)
        world.coordinator.notify("a")
        world.coordinator.notify("b")
    assert anyio.current_time() == before
    assert len(world.looks.calls) == calls + 2
