"""Thousands of waits in one client: where nobody knows yet which page of the list holds whom, and requests are slow."""

from __future__ import annotations

import random

import anyio
import pytest
from attrs import evolve

from heygen_async import errors
from heygen_async._board import Board
from heygen_async._lists import Lister
from heygen_async._protocol.looks import VideoPage
from heygen_async.models.video import ApiVersion
from tests.clock import virtual_time
from tests.fake_looks import FakeLooks
from tests.test_coordinator import POLICY, World
from tests.test_coordinator_learning import mean, some, wait_all

pytestmark = [pytest.mark.anyio, virtual_time]

CROWD = 2500


async def test_a_crowd_is_followed_down_the_list_page_by_page() -> None:
    """With a second per request only 240 chunks or pages a minute are possible; single looks could never keep up."""
    world = World(latency=1)
    delays = await wait_all(world, some(CROWD, 60, 240))
    assert mean(delays) < 30
    assert max(delays.values()) < 120
    assert world.looks.counts["one"] < CROWD / 10
    assert len(world.looks.calls) < CROWD / 3


async def test_a_crowd_that_has_ended_is_found_by_its_pages_too() -> None:
    """All end at the same moment, so that no running video makes anybody look: what they need is on 25 pages."""
    world = World(latency=1)
    delays = await wait_all(world, dict.fromkeys(some(CROWD, 1, 2), 60.0))
    assert max(delays.values()) < 60
    assert world.looks.counts["page"] < 60
    assert world.looks.counts["one"] < CROWD / 10


async def test_without_urls_in_the_list_a_crowd_is_looked_at_one_by_one() -> None:
    """Pages that do not help are given up, and nobody is forgotten: 300 single looks at 16 a second."""
    world = World(latency=0.3, list_has_urls=False)
    delays = await wait_all(world, some(300, 60, 70))
    assert max(delays.values()) < 60
    assert world.looks.counts["one"] >= 300
    assert world.looks.counts["page"] < 20


async def test_a_refused_list_in_the_middle_of_a_crowd_holds_nobody_up_for_good() -> None:
    """The list breaks after ten pages; the rest are looked up one by one, at sixteen a second at most."""
    world = World(latency=0.3)
    broken = errors.InternalServerError("500", status_code=500)

    def fault(kind: str, _: object) -> Exception | None:
        return broken if kind == "page" and world.looks.counts["page"] > 10 else None

    world.looks.fault = fault
    delays = await wait_all(world, some(CROWD, 60, 70))
    assert len(delays) == CROWD
    assert max(delays.values()) < CROWD / 16 + 60


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


async def test_a_look_that_stands_in_line_is_called_off_when_a_page_brings_the_video() -> None:
    """Forty looks stand in line for eight places that hang; a page that comes by tells of all of them."""
    world = World(list_has_urls=False, latency=0.1)
    await wait_all(world, {"teacher": 20})
    ids = [f"v{n}" for n in range(40)]
    delays: list[float] = []

    async def wait(video_id: str) -> None:
        world.looks.render(video_id, 20)
        began = anyio.current_time()
        await world.wait(video_id)
        delays.append(anyio.current_time() - began)

    world.looks.hang = set(ids)
    honest = world.looks.bulk

    async def bulk(asked: object) -> object:
        world.looks.hang = set()
        found = await honest(asked)  # type: ignore[arg-type]
        world.looks.hang = set(ids)
        return found

    world.looks.bulk = bulk  # type: ignore[method-assign, assignment]
    async with anyio.create_task_group() as group:
        for video_id in ids:
            group.start_soon(wait, video_id)
        await anyio.sleep(100)
        assert not delays
        assert world.looks.counts["one"] == 1 + 8
        world.looks.list_has_urls = True
        lister = world.coordinator._turns._looker._lister
        await lister.read(None, anyio.current_time())
        await anyio.wait_all_tasks_blocked()
        assert len(delays) == 32
        group.cancel_scope.cancel()
    assert world.looks.counts["one"] == 1 + 8


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
