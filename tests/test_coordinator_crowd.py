"""Thousands of waits in one client: where nobody knows yet which page of the list holds whom, and requests are slow."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.abc import TaskGroup
from attrs import evolve

from heygen_async import errors
from heygen_async._board import Board
from heygen_async._lists import Lister
from heygen_async._protocol.looks import VideoPage
from heygen_async.models.video import ApiVersion, Video
from tests.clock import virtual_time
from tests.fake_looks import FakeLooks
from tests.test_coordinator import POLICY, World
from tests.test_coordinator_learning import mean, some, wait_all
from tests.test_coordinator_storm import assert_nothing_is_left

pytestmark = [pytest.mark.anyio, virtual_time]

CROWD = 1000


async def test_a_crowd_is_followed_down_the_list_page_by_page() -> None:
    """With a second per request only 240 chunks or pages a minute are possible; single looks could never keep up."""
    world = World(latency=1)
    delays = await wait_all(world, some(CROWD, 60, 240))
    assert mean(delays) < 30
    assert max(delays.values()) < 120
    assert world.looks.counts["one"] < CROWD / 10
    assert len(world.looks.calls) < CROWD / 3
    assert_nothing_is_left(world)


async def test_a_crowd_that_has_ended_is_found_by_its_pages_too() -> None:
    """All end at the same moment, so that no running video makes anybody look: what they need is on ten pages."""
    world = World(latency=1)
    delays = await wait_all(world, dict.fromkeys(some(CROWD, 1, 2), 60.0))
    assert max(delays.values()) < 60
    assert world.looks.counts["page"] < 60
    assert world.looks.counts["one"] < CROWD / 10
    assert_nothing_is_left(world)


async def test_without_urls_in_the_list_a_crowd_is_looked_at_one_by_one() -> None:
    """Pages that do not help are given up, and nobody is forgotten: 300 single looks at 16 a second."""
    world = World(latency=0.3, list_has_urls=False)
    delays = await wait_all(world, some(300, 60, 70))
    assert max(delays.values()) < 60
    assert world.looks.counts["one"] >= 300
    assert world.looks.counts["page"] < 20


async def test_a_refused_list_in_the_middle_of_a_crowd_holds_nobody_up_for_good() -> None:
    """The list breaks after five pages; the rest are looked up one by one, at sixteen a second at most."""
    world = World(latency=0.3)
    broken = errors.InternalServerError("500", status_code=500)

    def fault(kind: str, _: object) -> Exception | None:
        return broken if kind == "page" and world.looks.counts["page"] > 5 else None

    world.looks.fault = fault
    delays = await wait_all(world, some(CROWD, 60, 70))
    assert len(delays) == CROWD
    assert max(delays.values()) < CROWD / 16 + 60
    assert_nothing_is_left(world)


async def test_a_list_that_ends_after_its_first_page_is_not_read_over_and_over() -> None:
    """400 of 500 are on no page; being young they might still turn up there, which is no reason to ask for each."""
    world = World(latency=0.1)
    honest = world.looks.page

    async def page(wire: ApiVersion, token: str | None) -> VideoPage:
        return evolve(await honest(wire, token), next_token=None)

    world.looks.page = page  # type: ignore[method-assign]
    delays = await wait_all(world, some(500, 15, 45))
    assert max(delays.values()) < 60
    assert world.looks.counts["one"] <= 400
    assert world.looks.counts["page"] < 40


async def taught(world: World) -> None:
    """Let the coordinator learn that pages pay."""
    await wait_all(world, some(30, 20, 25, prefix="teacher"))


async def all_ended(world: World, count: int, wait: Callable[[str], Awaitable[object]], group: TaskGroup) -> float:
    """Have many videos waited for and let all of them be seen ended now, in bulk; return when that was."""
    for number in range(count):
        world.looks.render(f"v{number}", 3)
        group.start_soon(wait, f"v{number}")
    await anyio.sleep(5)
    now, board = anyio.current_time(), world.coordinator._board
    for number in range(count):
        watch = board.find("v3", f"v{number}")
        assert watch is not None
        watch.checked_at = now
        board.saw_status(watch, "completed", now, details_at=now)
    return now


async def test_a_look_that_stands_in_line_is_called_off_when_a_page_brings_the_video() -> None:
    """Forty single looks, eight at a time, that hang: a page that comes by tells of all of them."""
    world = World(latency=0.1)
    await taught(world)
    ends: list[float] = []

    async def wait(video_id: str) -> None:
        await world.wait(video_id)
        ends.append(anyio.current_time())

    lister = world.coordinator._turns._looker._lister
    lister.is_better = lambda *_: False  # type: ignore[method-assign]
    async with anyio.create_task_group() as group:
        world.looks.hang = {f"v{number}" for number in range(40)}
        before = world.looks.counts["one"]
        await all_ended(world, 40, wait, group)
        await anyio.sleep(10)
        assert not ends
        now = anyio.current_time()
        await lister.read(None, now)
    assert len([end for end in ends if end == now + 0.1]) == 32
    assert [end for end in ends if end > now + 0.1] == [pytest.approx(now + 0.1 + 2)] * 8
    assert world.looks.counts["one"] == before + 8
    assert_nothing_is_left(world)


@pytest.mark.parametrize("after", [0.2, 0.7, 3.2])
async def test_a_reader_that_is_cancelled_leaves_its_page_to_the_next_one(after: float) -> None:
    """Ten pages, and whoever reads one of them is cancelled: the others must not be looked up one by one for that."""
    world = World(latency=0.5)
    await taught(world)
    scopes: dict[str, anyio.CancelScope] = {}
    ends: list[float] = []

    async def wait(video_id: str) -> None:
        with anyio.CancelScope() as scopes[video_id]:
            await world.wait(video_id)
            ends.append(anyio.current_time())

    board = world.coordinator._board
    async with anyio.create_task_group() as group:
        before = world.looks.counts
        began = await all_ended(world, CROWD, wait, group)
        await anyio.sleep(after)
        read = [place for place in board.places._by_token.values() if place.being_read]
        asked = {argument for _, kind, argument in world.looks.calls if kind == "one"}
        readers = [watch for place in read for watch in place.watches if watch.asking and watch.id not in asked]
        assert len(readers) == 1
        scopes[readers[0].id].cancel()
    made = world.looks.counts - before
    assert len(ends) == CROWD - 1
    assert max(ends) - began < 20
    assert made["page"] < 40
    assert made["one"] < CROWD / 8
    assert_nothing_is_left(world)


async def test_28_a_429_for_a_page_holds_back_the_single_look_it_stood_for() -> None:
    """The list answers 429 with a Retry-After: nothing may go out before that is over."""
    world = World(latency=0.1)
    await taught(world)
    throttled = errors.RateLimitError("429", status_code=429, retry_after=60)
    world.looks.fault = lambda kind, _: throttled if kind == "page" else None
    asked_before = len(world.looks.calls)
    async with anyio.create_task_group() as group:
        began = await all_ended(world, 20, world.wait, group)
    after_the_page = [at - began for at, _, _ in world.looks.calls[asked_before:] if at > began + 0.05]
    assert min(after_the_page) > 60
    assert_nothing_is_left(world)


async def test_who_has_its_video_does_not_go_on_looking_for_the_crowd() -> None:
    """A second page takes nine seconds; it is for those whose videos are on it."""
    world = World(latency=0.1)
    await taught(world)
    honest = world.looks.page

    async def page(wire: ApiVersion, token: str | None) -> VideoPage:
        found = await honest(wire, token)
        await anyio.sleep(9 if token else 0)
        return found

    world.looks.page = page  # type: ignore[method-assign]
    ends: dict[str, float] = {}

    async def wait(video_id: str) -> None:
        await world.wait(video_id)
        ends[video_id] = anyio.current_time()

    async with anyio.create_task_group() as group:
        began = await all_ended(world, 300, wait, group)
    on_the_newest = [ends[f"v{number}"] for number in range(200, 300)]
    assert max(on_the_newest) - began < 1
    assert_nothing_is_left(world)


async def test_a_leader_goes_home_soon_after_a_page_has_told_of_its_video() -> None:
    """Its round may have minutes of requests before it: others make them."""
    world = World(latency=1)
    known: dict[str, float] = {}
    held: list[float] = []
    honest_page, honest_one = world.looks.page, world.looks.one

    async def page(wire: ApiVersion, token: str | None) -> VideoPage:
        found = await honest_page(wire, token)
        for video in found.videos:
            if video.video_url:
                known.setdefault(video.id, anyio.current_time())
        return found

    async def one(video_id: str, wire: ApiVersion) -> Video:
        found = await honest_one(video_id, wire)
        if found.video_url:
            known.setdefault(video_id, anyio.current_time())
        return found

    world.looks.page, world.looks.one = page, one  # type: ignore[method-assign]

    async def wait(video_id: str, seconds: float) -> None:
        world.looks.render(video_id, seconds)
        await world.wait(video_id)
        held.append(anyio.current_time() - known[video_id])

    async with anyio.create_task_group() as group:
        for video_id, seconds in some(1500, 60, 240).items():
            group.start_soon(wait, video_id, seconds)
    assert max(held) <= 2
    assert_nothing_is_left(world)


async def test_18a_a_look_that_was_called_off_is_not_taken_for_the_last_one() -> None:
    """Pages have no captions, single looks do: who wants them gets them even without any grace."""
    world = World(latency=0.5)
    await taught(world)
    honest = world.looks.page

    async def page(wire: ApiVersion, token: str | None) -> VideoPage:
        found = await honest(wire, token)
        return evolve(found, videos=[evolve(video, captioned_video_url=None) for video in found.videos])

    world.looks.page = page  # type: ignore[method-assign]
    videos: list[Video] = []

    async def wait(video_id: str) -> None:
        videos.append(await world.wait(video_id, asset="captioned", policy=evolve(POLICY, url_grace=0)))

    async with anyio.create_task_group() as group:
        await all_ended(world, 40, wait, group)
        for number in range(40):
            world.looks.renders[f"v{number}"].captioned_at = 3
    assert len([video for video in videos if video.captioned_video_url]) == 40
    assert_nothing_is_left(world)


@pytest.mark.parametrize(("seen_after", "goes_on"), [(-1.0, False), (1.0, True)])
async def test_a_page_lags_only_if_the_end_was_seen_before_it_was_asked_for(seen_after: float, goes_on: bool) -> None:
    """A page that left before a quick bulk look may well be older than that; the list goes on being used then."""
    looks, board = FakeLooks(), Board(lambda _: None, random.Random(0), 60)
    lister = Lister(looks, board)
    watches = [
        board.admit(name, "v3", policy=POLICY, submitted_at=anyio.current_time(), may_switch=False, now=0)
        for name in ("one", "other")
    ]
    looks.render("one", 1)
    looks.render("other", 1000)
    await anyio.sleep(5)
    await lister.read(None, anyio.current_time())
    assert watches[0].details
    assert lister.pays(anyio.current_time())
    honest = looks.page
    asked_at = anyio.current_time() + 10

    async def slow_page(wire: ApiVersion, token: str | None) -> VideoPage:
        found = await honest(wire, token)
        await anyio.sleep(2)
        return found

    async def look_in_bulk() -> None:
        await anyio.sleep_until(asked_at + seen_after)
        now = watches[1].checked_at = anyio.current_time()
        board.saw_status(watches[1], "completed", now, details_at=now + 10)

    looks.page = slow_page  # type: ignore[method-assign]
    async with anyio.create_task_group() as group:
        group.start_soon(look_in_bulk)
        await anyio.sleep_until(asked_at)
        await lister.read(None, asked_at)
    assert lister.pays(anyio.current_time()) is goes_on
