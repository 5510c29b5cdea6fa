"""Which endpoint is asked, and what happens when one of them is slow, odd or gone."""

from __future__ import annotations

import random

import anyio
import pytest

from heygen_async import errors
from heygen_async.models.video import VideoFailure
from tests.clock import virtual_time
from tests.fake_looks import Fault
from tests.test_coordinator import World

pytestmark = [pytest.mark.anyio, virtual_time]


def always(error: Exception, *kinds: str) -> Fault:
    return lambda kind, _: error if kind in kinds else None


def not_there(status: int = 404) -> errors.APIStatusError:
    return errors.NotFoundError("Not Found", status_code=status)


async def wait_all(world: World, number: int, *, wire: str = "v3", seconds: float = 60, spread: float = 0) -> None:
    """Wait for `number` videos that begin together and end within `spread` seconds of each other."""
    dice = random.Random(0)
    async with anyio.create_task_group() as group:
        for n in range(number):
            world.looks.render(f"v{n}", seconds + dice.uniform(0, spread))
            group.start_soon(world.wait, f"v{n}", wire)
    assert world.coordinator.watched == 0


async def test_looks_due_near_each_other_go_out_together() -> None:
    """Ten videos submitted within four seconds are soon looked at in one request."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(10):
            world.looks.render(f"v{n}", 300)
            group.start_soon(world.wait, f"v{n}")
            await anyio.sleep(0.4)
    sizes = [len(argument) for _, kind, argument in world.looks.calls if kind == "bulk"]  # type: ignore[arg-type]
    assert sizes.count(10) == len(sizes)
    assert len(sizes) < 16


async def test_two_finished_videos_are_read_one_by_one() -> None:
    """For two, a list page would only save one request, and it may not even hold them."""
    world = World()
    await wait_all(world, 2)
    assert world.looks.counts["one"] == 2
    assert world.looks.counts["page"] == 0


async def test_many_finished_videos_are_read_from_the_list() -> None:
    """Thirty that finish in one round cost one page, not thirty looks."""
    world = World()
    await wait_all(world, 30)
    assert world.looks.counts["page"] == 1
    assert world.looks.counts["one"] == 0


async def test_failed_videos_come_from_the_list_too_if_it_says_why() -> None:
    """A list item that is failed and has its reason needs no further look."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(5):
            failure = VideoFailure(code="x") if n else None
            world.looks.render(f"v{n}", words=[(0, "processing"), (60, "failed")], failure=failure)
            group.start_soon(world.wait, f"v{n}")
    assert (world.looks.counts["page"], world.looks.counts["one"]) == (1, 1)


async def test_a_list_without_urls_is_followed_by_single_looks() -> None:
    """Items that do not say enough do not count, and the list is not asked so soon again."""
    world = World(list_has_urls=False)
    await wait_all(world, 30)
    assert (world.looks.counts["page"], world.looks.counts["one"]) == (1, 30)


@pytest.mark.parametrize(
    "error",
    [not_there(), errors.APIConnectionError("reset"), errors.AuthenticationError("list only", status_code=401)],
    ids=lambda error: type(error).__name__,
)
async def test_a_failing_list_costs_one_request_and_no_wait(error: Exception) -> None:
    """Whatever the list refuses, the single looks decide."""
    world = World(fault=always(error, "page"))
    await wait_all(world, 40, spread=100)
    assert (world.looks.counts["page"], world.looks.counts["one"]) == (1, 40)


async def test_a_list_that_is_rate_limited_pauses_all_looks() -> None:
    """Retry-After counts wherever it comes from."""
    slow_down = errors.RateLimitError("429", status_code=429, retry_after=77)
    world = World(fault=always(slow_down, "page"))
    await wait_all(world, 10)
    assert world.looks.times("one")[0] - world.looks.times("page")[0] == 77


@pytest.mark.parametrize(("wire", "single", "page"), [("v3", "one", "page"), ("v2", "one-v1", "page-v1")])
async def test_a_hanging_list_page_is_left_to_single_looks(wire: str, single: str, page: str) -> None:
    """After ten seconds the waiters look at their videos themselves."""
    world = World(hang={None})  # type: ignore[arg-type]
    await wait_all(world, 10, wire=wire, seconds=5)
    assert world.looks.times(single)[0] - world.looks.times(page)[0] == pytest.approx(10)
    assert world.looks.counts[single] == 10


async def test_a_hanging_detail_look_holds_up_nobody_else() -> None:
    """One video whose GET never answers; the others finish on time, the leader's own included."""
    world = World(list_has_urls=False)
    began = anyio.current_time()
    world.looks.hang = {"v0"}
    honest = world.looks.bulk

    async def bulk(ids: list[str]) -> object:
        hanging, world.looks.hang = world.looks.hang, set()
        try:
            return await honest(ids)
        finally:
            world.looks.hang = hanging

    world.looks.bulk = bulk  # type: ignore[method-assign, assignment]
    with anyio.move_on_after(500):
        await wait_all(world, 20, spread=200)
    ended = {argument for _, kind, argument in world.looks.calls if kind == "one"}
    assert ended == {f"v{n}" for n in range(20)}
    assert world.looks.times("one")[-1] - began < 300


async def test_details_that_come_during_a_slow_round_end_the_wait_after_a_while() -> None:
    """While one chunk hangs, finished videos of another are read by their own waiters, the leader's included."""
    world = World(hang={"v149"})
    done: set[str] = set()

    async def wait(name: str) -> None:
        done.add((await world.wait(name)).id)

    async with anyio.create_task_group() as group:
        for n in range(150):
            world.looks.render(f"v{n}", 5)
            group.start_soon(wait, f"v{n}")
            await anyio.sleep(0)
        await anyio.sleep(30)
        assert done == {f"v{n}" for n in range(100)}
        group.cancel_scope.cancel()


@pytest.mark.parametrize("status", [404, 405, 410, 501])
async def test_60_without_the_bulk_endpoint_single_looks_take_over_at_once(status: int) -> None:
    """The very look that finds the endpoint missing is replaced; after three it is left alone for five minutes."""
    classes = {404: errors.NotFoundError, 410: errors.ApiRetiredError, 501: errors.InternalServerError}
    error = classes.get(status, errors.APIStatusError)("no such route", status_code=status)
    world = World(fault=always(error, "bulk"))
    began = anyio.current_time()
    world.looks.render("v", 400)
    assert (await world.wait()).video_url
    asked = [at - began for at in world.looks.times("bulk")]
    assert asked[:3] == pytest.approx([10, 24, 43.6])
    assert len(asked) == 4
    assert 343.6 <= asked[3] < 375
    assert [at - began for at in world.looks.times("one")][:4] == pytest.approx([10, 24, 43.6, 71.04])
    assert world.failures() == []


@pytest.mark.parametrize(
    "error", [errors.InternalServerError("503", status_code=503), errors.APIResponseError("<html>")]
)
async def test_60_a_bulk_endpoint_that_fails_for_long_is_replaced(error: Exception) -> None:
    """Three failures in a row are failed looks; then single looks do it, until the endpoint is tried again."""
    world = World(fault=always(error, "bulk"))
    began = anyio.current_time()
    world.looks.render("v", 100)
    assert (await world.wait()).video_url
    assert [at - began for at in world.looks.times("bulk")] == pytest.approx([10, 24, 43.6])
    assert world.looks.counts["one"] > 1
    assert len(world.failures()) == 3


async def test_60_the_bulk_endpoint_is_used_again_when_it_is_back() -> None:
    """After its rest it is tried, and trusted when it works."""
    world = World()
    began = anyio.current_time()
    world.looks.fault = lambda kind, _: not_there() if kind == "bulk" and anyio.current_time() < began + 200 else None
    world.looks.render("v", 1000)
    await world.wait()
    assert sum(1 for at in world.looks.times("bulk") if at > began + 350) > 15
    assert world.looks.times("one")[-2] < began + 375


async def test_27_connection_errors_do_not_count_against_the_bulk_endpoint() -> None:
    """A broken network breaks single looks as well: nothing is gained by making more of them."""
    world = World()
    began = anyio.current_time()
    down = errors.APIConnectionError("down")
    world.looks.fault = lambda kind, _: down if anyio.current_time() < began + 300 else None
    await wait_all(world, 5, seconds=300)
    assert not [at for at in world.looks.times("one") if at < began + 300]


async def test_60_failures_now_and_then_do_not_count_against_the_bulk_endpoint() -> None:
    """Only failures in a row say that it is broken."""
    turn = iter(range(1000))
    broken = errors.InternalServerError("503", status_code=503)
    world = World(fault=lambda kind, _: broken if kind == "bulk" and next(turn) % 2 == 0 else None)
    world.looks.render("v", 400)
    await world.wait()
    assert world.looks.counts["one"] == 1


async def test_28_chunks_go_out_four_at_a_time_and_stop_at_a_429() -> None:
    """A thousand videos are ten requests; the first refusal holds back those that have not gone out yet."""
    slow_down = [errors.RateLimitError("429", status_code=429, retry_after=100)]
    world = World(latency=1)
    world.looks.fault = lambda kind, _: slow_down.pop() if slow_down else None
    began = anyio.current_time()
    await wait_all(world, 1000, seconds=60)
    asked = [at - began for at in world.looks.times("bulk")]
    assert asked[:5] == pytest.approx([10, 10, 10, 10, 111])
    assert max(asked.count(at) for at in asked) == 4


async def test_28_the_list_is_not_given_up_because_of_a_pause() -> None:
    """Details that were to come from the list when a 429 arrived are read alone; later ones come from the list."""
    slow_down = [errors.RateLimitError("429", status_code=429, retry_after=20)]
    world = World(latency=1)
    world.looks.fault = lambda kind, ids: slow_down.pop() if slow_down and "late0" in (ids or ()) else None
    async with anyio.create_task_group() as group:
        for n in range(100):
            world.looks.render(f"early{n}", 5)
            group.start_soon(world.wait, f"early{n}")
        await anyio.sleep(0.01)
        for n in range(50):
            world.looks.render(f"late{n}", 60)
            group.start_soon(world.wait, f"late{n}")
    assert world.looks.counts["one"] == 100
    assert world.looks.counts["page"] == 1


async def test_28_single_looks_that_wait_for_their_turn_heed_a_429() -> None:
    """Twenty looks queue up for eight places; the refusal of one holds back those that have not gone out yet."""
    slow_down = [errors.RateLimitError("429", status_code=429, retry_after=100)]
    world = World(latency=1)
    unavailable = errors.InternalServerError("500", status_code=500)

    def fault(kind: str, _: object) -> Exception | None:
        return unavailable if kind == "page-v1" else slow_down.pop() if slow_down else None

    world.looks.fault = fault
    await wait_all(world, 20, wire="v2", seconds=5)
    asked = world.looks.times("one-v1")
    assert asked[7] - asked[0] < 1
    assert asked[8] - asked[0] > 100


async def test_60_single_looks_have_a_rate_bound() -> None:
    """Two hundred videos without bulk and list: never more than 16 a second, beyond a burst, and 8 at a time."""
    world = World(latency=0.1, fault=always(not_there(), "bulk", "page"))
    under_way, most = 0, 0
    honest = world.looks.one

    async def one(video_id: str, wire: str) -> object:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await honest(video_id, wire)  # type: ignore[arg-type]
        finally:
            under_way -= 1

    world.looks.one = one  # type: ignore[method-assign, assignment]
    await wait_all(world, 200, seconds=100, spread=100)
    singles = world.looks.times("one")
    assert len(singles) > 1000
    assert all(later - earlier >= 10 for earlier, later in zip(singles, singles[176:], strict=False))
    assert most <= 8


async def test_60_without_bulk_the_list_is_asked_where_that_is_cheaper() -> None:
    """Thirty running videos: one page per round instead of thirty looks."""
    world = World(fault=always(not_there(), "bulk"))
    await wait_all(world, 30, seconds=300)
    assert world.looks.counts["one"] == 0
    assert world.looks.counts["page"] < 20


async def test_v1_few_videos_are_looked_at_one_by_one() -> None:
    """The v1 wire has no bulk endpoint; one look brings everything."""
    world = World()
    await wait_all(world, 2, wire="v2")
    assert set(world.looks.counts) == {"one-v1"}


async def test_v1_many_videos_are_looked_at_by_list() -> None:
    """Fifty videos: a page per round, and one look at each finished one, because the v1 list has no URLs."""
    world = World()
    await wait_all(world, 50, wire="v2", seconds=200, spread=300)
    assert world.looks.counts["one-v1"] <= 50 + 6
    assert world.looks.counts["page-v1"] < 40
    assert world.looks.counts["bulk"] == 0


async def test_v1_list_that_fails_is_replaced_by_single_looks() -> None:
    """And nobody notices."""
    world = World(fault=always(errors.InternalServerError("500", status_code=500), "page-v1"))
    await wait_all(world, 10, wire="v2", seconds=100)
    assert world.looks.counts["page-v1"] == 1


async def test_both_wires_are_served_in_one_wait() -> None:
    """A client with jobs on both wires looks at both, whoever leads."""
    world = World()
    async with anyio.create_task_group() as group:
        for n in range(6):
            wire = "v2" if n % 2 else "v3"
            world.looks.render(f"v{n}", 100 + n)
            group.start_soon(world.wait, f"v{n}", wire)
    assert world.coordinator.watched == 0


async def test_an_odd_id_is_looked_at_alone_and_spoils_no_bulk_look() -> None:
    """An id with a comma would be read as two."""
    world = World()
    async with anyio.create_task_group() as group:
        for name in ("a,b", "plain"):
            world.looks.render(name, 60)
            group.start_soon(world.wait, name)
    chunks = [argument for _, kind, argument in world.looks.calls if kind == "bulk"]
    assert set(chunks) == {("plain",)}


async def test_an_id_that_the_server_chokes_on_is_kept_out_of_bulk_looks() -> None:
    """One bad id makes the bulk look fail; after single looks it is looked at alone, the others together again."""
    refused = errors.BadRequestError("bad id", status_code=400)

    def fault(kind: str, argument: object) -> Exception | None:
        return refused if argument == "bad" or (kind == "bulk" and "bad" in argument) else None  # type: ignore[operator]

    world = World(fault=fault)
    async with anyio.create_task_group() as group:
        for n in range(5):
            world.looks.render(f"v{n}", 300)
            group.start_soon(world.wait, f"v{n}")
        with pytest.raises(errors.WaitTimeoutError, match="bad id"):
            await world.wait("bad", timeout=200)
    chunks = [argument for _, kind, argument in world.looks.calls if kind == "bulk"]
    assert sum(1 for chunk in chunks if "bad" in chunk) == 1  # type: ignore[operator]
    assert len(chunks) > 8
