"""What a coordinator learns from its looks: when to look sooner, and on which page of the list."""

from __future__ import annotations

import itertools
import math
import random

import anyio
import pytest
from attrs import evolve

from heygen_async import AvatarVideo
from heygen_async._policies import PollPolicy
from heygen_async._protocol.looks import VideoPage
from heygen_async.events import StatusChanged
from heygen_async.models.video import Video, VideoStatus
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen
from tests.sdk import heygen_on
from tests.test_coordinator import BAD_GATEWAY, POLICY, World

pytestmark = [pytest.mark.anyio, virtual_time]


async def wait_all(world: World, renders: dict[str, float], **options: object) -> dict[str, float]:
    """Wait for renders that begin together; return how long after its end each waiter had its video."""
    delays: dict[str, float] = {}

    async def wait(name: str, seconds: float) -> None:
        begin = anyio.current_time()
        world.looks.render(name, seconds)
        await world.wait(name, timeout=math.inf, **options)
        delays[name] = anyio.current_time() - begin - seconds

    async with anyio.create_task_group() as group:
        for name, seconds in renders.items():
            group.start_soon(wait, name, seconds)
    return delays


def some(number: int, low: float, high: float, *, prefix: str = "v") -> dict[str, float]:
    dice = random.Random(number)
    return {f"{prefix}{n}": dice.uniform(low, high) for n in range(number)}


def mean(delays: dict[str, float]) -> float:
    return sum(delays.values()) / len(delays)


async def test_looks_come_sooner_where_renders_are_known_to_end() -> None:
    """Two hundred renders of 3 to 4 minutes; the second time the client knows that, and waits are a third as long."""
    world = World()
    await wait_all(world, some(200, 180, 240, prefix="first"))
    before = len(world.looks.calls)
    delays = await wait_all(world, some(200, 180, 240, prefix="second"))
    assert mean(delays) < 4
    assert len(world.looks.calls) - before < 80


async def test_what_is_known_never_delays_a_look() -> None:
    """Whatever has been learnt about slow renders, a lone short one is looked at by the schedule."""
    world = World()
    await wait_all(world, some(100, 500, 600))
    before = len(world.looks.calls)
    began = anyio.current_time()
    await wait_all(world, {"short": 60})
    asked = sorted({at - began for at, _, _ in world.looks.calls[before:]})
    assert asked == pytest.approx([10, 24, 43.6, 71.04])


@pytest.mark.parametrize("seconds", [190, 230, 700])
async def test_a_lone_video_is_found_no_later_than_by_the_schedule(seconds: float) -> None:
    """Looks that come sooner start the pause anew, and the pause never grows beyond that of the age."""
    world = World()
    await wait_all(world, some(50, 180, 240))
    before = len(world.looks.calls)
    began = anyio.current_time()
    delays = await wait_all(world, {"lone": seconds})
    looks = [0.0, *(at - began for at, _, _ in world.looks.calls[before:])]
    assert delays["lone"] < 30
    for earlier, later in itertools.pairwise(looks):
        assert later - earlier <= min(30, 10 + 0.4 * earlier) + 1e-6


async def test_request_worth_says_how_much_sooner() -> None:
    """The less a request has to gain, the more there are, and the shorter the waits; infinity keeps to the schedule."""
    figures: list[tuple[int, float]] = []
    for worth in (3.0, 30.0, math.inf):
        world = World(list_has_urls=False)
        delays = await wait_all(world, some(300, 60, 300), policy=PollPolicy(jitter=0, request_worth=worth))
        figures.append((world.looks.counts["bulk"], mean(delays)))
    assert figures[0][0] > figures[1][0] > figures[2][0]
    assert figures[0][1] < figures[1][1] < figures[2][1]


async def test_without_worth_the_rounds_are_those_of_the_schedule() -> None:
    """Nothing that was learnt adds one."""
    world = World(list_has_urls=False)
    began = anyio.current_time()
    await wait_all(world, some(90, 60, 200), policy=PollPolicy(jitter=0, request_worth=math.inf))
    asked = sorted({at - began for at in world.looks.times("bulk")})
    assert asked == pytest.approx([10, 24, 43.6, 71.04, *(71.04 + 30 * n for n in range(1, 6))])


async def test_long_scripts_are_looked_at_later_than_short_ones() -> None:
    """Renders of about seven times the length: a client that has seen short ones knows when to look at long ones."""
    world = World(list_has_urls=False)
    dice = random.Random(1)

    async def wait(name: str, length: float) -> float:
        begin, seconds = anyio.current_time(), length * dice.uniform(6.5, 7.5)
        world.looks.render(name, seconds)
        await world.wait(name, length=length, policy=PollPolicy(jitter=0, max_interval=120))
        return anyio.current_time() - begin - seconds

    async def wait_for_some(prefix: str, length: float) -> list[float]:
        delays: list[float] = []

        async def one(name: str) -> None:
            delays.append(await wait(name, length))

        async with anyio.create_task_group() as group:
            for n in range(60):
                group.start_soon(one, f"{prefix}{n}")
        return delays

    await wait_for_some("short", 15)
    delays = await wait_for_some("long", 60)
    assert sum(delays) / len(delays) < 12


async def test_bare_ids_teach_nothing() -> None:
    """When their renders began is unknown, so how long they took is, too."""
    world = World()
    await wait_all(world, some(50, 200, 300), fresh=False)
    assert not world.coordinator._board.forecast.knows


async def test_timestamps_tell_when_a_video_ended_that_was_seen_late() -> None:
    """One look, minutes after the end, is enough if HeyGen says when that was."""
    world = World()
    render = world.looks.render("v", 40)
    honest = render.video

    def stamped(now: float) -> Video:
        video = honest(now)
        done = video.status.is_terminal
        return evolve(video, completed_at=video.created_at + 40 if done and video.created_at else None)

    render.video = stamped  # type: ignore[method-assign]
    began = anyio.current_time()
    await anyio.sleep(200)
    await world.wait(submitted_at=began, timeout=0)
    forecast = world.coordinator._board.forecast
    assert forecast.knows
    assert forecast._pace.outlook(30, 60, None).chance > 0.3
    assert forecast._pace.outlook(0, 25, None).chance < 0.1


async def test_a_video_that_was_first_seen_long_after_its_end_teaches_nothing() -> None:
    """Without timestamps it may have ended at any age."""
    world = World()
    world.looks.render("v", 40)
    began = anyio.current_time()
    await anyio.sleep(500)
    await world.wait(submitted_at=began)
    assert not world.coordinator._board.forecast.knows


async def test_looks_that_fail_are_repeated_by_the_schedule_only() -> None:
    """However much a look would gain, an endpoint that is down is not asked more often for it."""
    world = World()
    await wait_all(world, some(100, 100, 200, prefix="known"))
    began = anyio.current_time()
    down = (100, 400)
    world.looks.fault = lambda kind, _: (
        BAD_GATEWAY if down[0] <= anyio.current_time() - began < down[1] and kind in {"bulk", "page"} else None
    )
    await wait_all(world, some(100, 100, 200, prefix="down"))
    asked = [at - began for at in world.looks.times("bulk") if down[0] <= at - began < down[1]]
    assert len(asked) <= 2 + (down[1] - down[0]) / 30


# Pages


async def test_a_page_is_read_instead_of_a_look_in_bulk_once_it_pays() -> None:
    """Three pages of videos: after the first walk each page is read by itself, and no single look is made."""
    world = World()
    await wait_all(world, some(300, 60, 300))
    assert world.looks.counts["one"] < 10
    tokens = [argument for _, kind, argument in world.looks.calls if kind == "page"]
    assert set(tokens) == {None, "100", "200"}
    assert tokens.count("200") > 8
    assert world.looks.counts["bulk"] < 20


async def test_a_deep_page_is_read_without_those_above_it() -> None:
    """Where the videos lie is remembered, so that they cost one request each time, not five."""
    world = World()
    renders = {f"old{n}": 60.0 if n < 20 else 6.0 * n for n in range(40)}
    async with anyio.create_task_group() as group:
        group.start_soon(wait_all, world, renders)
        await anyio.sleep(1)
        for n in range(400):
            world.looks.render(f"strangers{n}", 1)
    deep = [argument for _, kind, argument in world.looks.calls if kind == "page"]
    assert deep.count("400") > 5 * deep.count("100")


async def test_videos_that_newer_ones_pushed_down_are_found_on_the_next_page() -> None:
    """The newest page is another one an hour later; nobody is lost, and nobody is looked at alone."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(300):
            group.start_soon(wait_all, world, {f"v{n}": 60.0 + n % 200})
            await anyio.sleep(1)
    assert world.looks.counts["one"] < 30


async def test_a_newest_page_full_of_strangers_is_given_up() -> None:
    """Another program submits a hundred videos for each of ours: bulk looks and single looks do it."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(wait_all, world, {f"v{n}": 100.0 + 5 * n})
        await anyio.sleep(30)
        for n in range(300):
            world.looks.render(f"strangers{n}", 1)
    assert world.looks.counts["page"] < 12
    assert world.coordinator.watched == 0


@pytest.mark.parametrize("spread", [0, 10])
async def test_a_list_that_stops_following_holds_nobody_up_for_long(spread: float) -> None:
    """Its items say processing for ever: within two minutes a bulk look tells better, and the list is left alone."""
    world = World()
    honest = world.looks.page
    began = anyio.current_time()

    async def page(wire: str, token: str | None) -> VideoPage:
        answer = await honest(wire, token)  # type: ignore[arg-type]
        if anyio.current_time() - began < 150:
            return answer
        old = [Video(id=video.id, status=VideoStatus.PROCESSING) for video in answer.videos]
        return evolve(answer, videos=old)

    world.looks.page = page  # type: ignore[method-assign]
    delays: dict[str, float] = {}
    async with anyio.create_task_group() as group:
        for name, seconds in some(100, 60, 500).items():

            async def wait(name: str = name, seconds: float = seconds) -> None:
                delays.update(await wait_all(world, {name: seconds}))

            group.start_soon(wait)
            await anyio.sleep(spread)
    assert len(delays) == 100
    assert max(delays.values()) < 345
    assert sum(1 for delay in delays.values() if delay > 45) < 60


async def test_the_lists_own_words_for_queued_are_no_news() -> None:
    """The bulk look says queued where the list says waiting or pending: the status does not flicker."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(wait_all, world, {f"quick{n}": 60.0 + 10 * n})

        async def slow() -> None:
            world.looks.render("slow", words=[(0, "pending"), (400, "processing"), (500, "completed")])
            await world.wait("slow")

        group.start_soon(slow)
    words = [e.status for e in world.events if isinstance(e, StatusChanged) and e.video_id == "slow"]
    assert words == ["queued", "processing", "completed"]


async def test_a_hanging_page_delays_its_videos_by_ten_seconds() -> None:
    """Then the list is left alone, and they are looked at in bulk."""
    world = World()
    began = anyio.current_time()
    world.looks.fault = lambda kind, _: world.looks.hang.add(None) if anyio.current_time() - began > 120 else None  # type: ignore[func-returns-value, arg-type]
    delays = await wait_all(world, some(50, 60, 400))
    assert max(delays.values()) < 45
    assert world.coordinator.watched == 0


@pytest.mark.parametrize("grace", [POLICY.url_grace])
async def test_a_late_url_does_not_spoil_the_list(grace: float) -> None:
    """Videos whose URLs come some seconds late are waited for as ever."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(60):
            world.looks.render(f"v{n}", 60.0 + n, url_at=60.0 + n + (grace / 4 if n % 3 == 0 else 0))
            group.start_soon(world.wait, f"v{n}")
    assert world.coordinator.watched == 0


async def test_a_job_tells_its_waits_how_long_the_video_will_be() -> None:
    """As far as the request tells, on both wires; a handle made from an id knows nothing."""
    async with heygen_on(FakeHeyGen()) as heygen:
        script = "one two three four five " * 10
        spoken = await heygen.videos.create(AvatarVideo(avatar_id="a", voice_id="v", script=script))
        recorded = await heygen.videos.create(AvatarVideo(avatar_id="a", audio_url="https://example.com/a.mp3"))
        told: list[object] = []
        honest = heygen._machinery.coordinator.wait

        async def wait(*args: object, length: float | None, **options: object) -> Video:
            told.append(length)
            return await honest(*args, length=length, **options)  # type: ignore[arg-type]

        heygen._machinery.coordinator.wait = wait  # type: ignore[method-assign]
        for job in (spoken, recorded, heygen.videos.job(spoken.id)):
            await job.wait()
    assert told == [20.0, None, None]
