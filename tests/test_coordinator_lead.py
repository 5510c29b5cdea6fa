"""Leading in turn: whoever leaves, and however, somebody else goes on. Also what waiting costs."""

from __future__ import annotations

import asyncio
import gc
import math
import random
import tracemalloc

import anyio
import anyio.lowlevel
import pytest
import trio
from trio.testing import MockClock

from benchmarks.polling import INTERVAL, looks_alone
from heygen_async import errors
from heygen_async._coordinator import Coordinator
from heygen_async._policies import PollPolicy
from tests.clock import virtual_time
from tests.fake_looks import FakeLooks
from tests.test_coordinator import BAD_GATEWAY, World

pytestmark = pytest.mark.anyio

NEVER = math.inf


def make(looks: FakeLooks, seed: int = 0) -> Coordinator:
    return Coordinator(looks, emit=[].append, rng=random.Random(seed))


@virtual_time
@pytest.mark.parametrize("moment", [5, 10.5, 100, 111.5])
async def test_62_a_cancelled_leader_is_replaced_at_once(moment: float) -> None:
    """Before the first look, in the middle of one, between two: the others finish as if nothing had happened."""
    world = World(latency=1)
    began, done = anyio.current_time(), {}

    async def wait(name: str) -> None:
        await world.wait(name)
        done[name] = anyio.current_time() - began

    for n in range(10):
        world.looks.render(f"v{n}", 120)
    async with anyio.create_task_group() as group, anyio.create_task_group() as leaders:
        leaders.start_soon(wait, "v0")
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        for n in range(1, 10):
            group.start_soon(wait, f"v{n}")
        await anyio.sleep(moment)
        leaders.cancel_scope.cancel()
    assert sorted(done) == [f"v{n}" for n in range(1, 10)]
    assert max(done.values()) < 160
    assert world.coordinator.watched == 0


@virtual_time
async def test_62_what_a_cancelled_leader_was_looking_at_is_looked_at_again_at_once() -> None:
    """A look that was cut off leaves its videos due."""
    world = World(latency=3)
    for name in ("a", "b"):
        world.looks.render(name, 5)
    began = anyio.current_time()
    async with anyio.create_task_group() as group, anyio.create_task_group() as leaders:
        leaders.start_soon(world.wait, "a")
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        group.start_soon(world.wait, "b")
        await anyio.sleep(11)
        leaders.cancel_scope.cancel()
    assert [at - began for at in world.looks.times("bulk")] == pytest.approx([10, 11])


@virtual_time
async def test_62_a_leader_that_times_out_is_replaced() -> None:
    """A short wait that happens to lead does not take the long ones down."""
    world = World()
    world.looks.render("long", 200)
    world.looks.render("short", 200)
    async with anyio.create_task_group() as group:

        async def short() -> None:
            with pytest.raises(errors.WaitTimeoutError):
                await world.wait("short", timeout=50)

        group.start_soon(short)
        await anyio.lowlevel.checkpoint()
        group.start_soon(world.wait, "long")
    assert world.coordinator.watched == 0


@virtual_time
async def test_62_a_leader_that_meets_a_bug_is_replaced() -> None:
    """An exception that no look may raise reaches the one who led, and only that one."""
    world = World()
    bug = [ZeroDivisionError("bug")]
    world.looks.fault = lambda kind, _: bug.pop() if bug else None
    for name in ("a", "b", "c"):
        world.looks.render(name, 60)
    outcomes: list[str] = []

    async def wait(name: str) -> None:
        try:
            await world.wait(name)
        except ZeroDivisionError:
            outcomes.append("bug")
        else:
            outcomes.append("done")

    async with anyio.create_task_group() as group:
        for name in ("a", "b", "c"):
            group.start_soon(wait, name)
    assert sorted(outcomes) == ["bug", "done", "done"]


@virtual_time
@pytest.mark.parametrize(("wire", "kind"), [("v3", "one"), ("v2", "one-v1")])
async def test_62_a_cancelled_single_look_is_left_to_the_next_waiter(wire: str, kind: str) -> None:
    """Of two waiters of one video the one that looks at it is cancelled: the other one looks at once."""
    world = World(latency=2)
    began = anyio.current_time()
    world.looks.render("v", 5)
    begins = 12 if wire == "v3" else 10
    async with anyio.create_task_group() as group, anyio.create_task_group() as first:
        first.start_soon(world.wait, "v", wire)
        await anyio.sleep(begins + 0.5)
        group.start_soon(world.wait, "v", wire)
        await anyio.sleep(0.5)
        assert world.looks.counts[kind] == 1
        first.cancel_scope.cancel()
    assert [at - began for at in world.looks.times(kind)] == [begins, begins + 1]


@virtual_time
@pytest.mark.parametrize("wire", ["v2", "v3"])
async def test_53b_nothing_is_reported_of_a_video_that_nobody_waits_for_any_more(wire: str) -> None:
    """The answer to a look that was under way when its waiter left is not news."""
    world = World(latency=2)
    began = anyio.current_time()
    for n in range(4):
        world.looks.render(f"v{n}", 100)
    async with anyio.create_task_group() as group:
        for n in range(3):
            group.start_soon(lambda name=f"v{n}": world.wait(name, wire))
            await anyio.sleep(0.01)
        with anyio.move_on_after(11):
            await world.wait("v3", wire)
        await anyio.sleep(2)
        assert {event.video_id for event in world.events} == {"v0", "v1", "v2"}  # type: ignore[attr-defined]
        assert anyio.current_time() < began + 14
        group.cancel_scope.cancel()


@virtual_time
async def test_53b_71_cancelling_one_waiter_leaves_the_others_of_the_same_video() -> None:
    """A web client that goes away ends its own wait; the render and the other waiters go on."""
    world = World()
    world.looks.render("v", 100)
    async with anyio.create_task_group() as group:
        group.start_soon(world.wait)
        with anyio.move_on_after(50) as scope:
            await world.wait()
        assert scope.cancelled_caught
        assert world.coordinator.watched == 1
    video = await world.wait(timeout=0)
    assert video.video_url


@virtual_time
async def test_70_after_a_long_sleep_of_the_machine_waits_go_on() -> None:
    """The clock jumps by eight hours: who has no deadline gets the video from one look, the other times out."""
    world = World()
    began = anyio.current_time()
    for name in ("patient", "hurried"):
        world.looks.render(name, 3600)
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)

    async def hurried() -> None:
        with pytest.raises(errors.WaitTimeoutError):
            await world.wait("hurried", timeout=7200)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: world.wait("patient", timeout=math.inf))
        group.start_soon(hurried)
        await anyio.sleep(100)
        before = len(world.looks.calls)
        clock.jump(8 * 3600)
    assert anyio.current_time() - began < 8 * 3600 + 200
    assert len(world.looks.calls) - before <= 4


async def test_72_a_coordinator_is_not_bound_to_the_task_or_block_it_was_made_in() -> None:
    """Made in one task, used in others, dropped in a third: nothing is held open in between."""
    looks = FakeLooks()
    made: list[Coordinator] = []

    async def start() -> None:
        made.append(make(looks))

    async def use() -> None:
        looks.render("v", 0)
        policy = PollPolicy(first_after=0.001, max_interval=0.002)
        await made[0].wait("v", "v3", policy=policy, submitted_at=anyio.current_time())

    async def stop() -> None:
        made[0].end_all(errors.ConfigurationError("closed"))

    for step in (start, use, use, stop):
        async with anyio.create_task_group() as group:
            group.start_soon(step)
    assert made[0].watched == 0


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": uvloop}) for uvloop in (False, True)])
async def test_62_leaders_cancelled_by_asyncio_itself_are_replaced(anyio_backend: object) -> None:
    """`asyncio.timeout` and `Task.cancel` end one wait each, with their own exceptions, and nobody else's."""
    looks = FakeLooks(latency=0.005)
    coordinator = make(looks)
    policy = PollPolicy(first_after=0.01, max_interval=0.02)

    async def wait(name: str, *, rendered_after: float) -> str:
        looks.render(name, rendered_after)
        video = await coordinator.wait(name, "v3", policy=policy, submitted_at=anyio.current_time())
        return video.id

    async def hurried(name: str, patience: float) -> None:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(patience):
                await wait(name, rendered_after=NEVER)
        assert not isinstance(caught.value, errors.HeyGenError)

    leaving = [asyncio.create_task(hurried(f"h{n}", 0.013 + 0.011 * n)) for n in range(5)]
    cancelled = [asyncio.create_task(wait(f"c{n}", rendered_after=NEVER)) for n in range(5)]
    staying = [asyncio.create_task(wait(f"s{n}", rendered_after=0.15)) for n in range(5)]
    for n, task in enumerate(cancelled):
        await asyncio.sleep(0.01 + 0.003 * n)
        task.cancel()
    ended = await asyncio.wait_for(asyncio.gather(*leaving, *staying), 10)
    assert ended[5:] == [f"s{n}" for n in range(5)]
    ends = await asyncio.gather(*cancelled, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    assert coordinator.watched == 0


def test_nothing_is_bound_to_an_event_loop_at_construction() -> None:
    """One made outside of any loop works in it, and knows of early events."""
    looks = FakeLooks()
    coordinator = make(looks)
    coordinator.notify("v")

    async def use() -> None:
        looks.render("v", 0)
        await coordinator.wait("v", "v3", policy=PollPolicy(), submitted_at=anyio.current_time())

    anyio.run(use)
    assert looks.counts == {"one": 1}


async def storm(waiters: int, scale: float, seed: int) -> None:
    """Run waiters that are cancelled, time out, are notified, share ids and meet faults, all at random moments."""
    dice = random.Random(seed)
    looks = FakeLooks(latency=0.3 * scale)
    flaky: list[Exception] = [
        BAD_GATEWAY,
        errors.APIConnectionError("reset"),
        errors.RateLimitError("429", status_code=429, retry_after=2 * scale),
        errors.NotFoundError("no route", status_code=404),
        errors.APIResponseError("garbage"),
    ]
    refused = errors.AuthenticationError("key", status_code=401)

    def fault(kind: str, argument: object) -> Exception | None:
        chance = dice.random()
        return refused if chance < 0.002 else dice.choice(flaky) if chance < 0.15 else None

    looks.fault = fault
    coordinator = make(looks, seed)
    policy = PollPolicy(
        first_after=scale, growth=1.4, max_interval=4 * scale, url_grace=5 * scale, visibility_grace=5 * scale
    )
    ended = 0

    async def wait(name: str, wire: str) -> None:
        nonlocal ended
        looks.render(name, dice.uniform(1, 40) * scale, url_at=dice.choice([0.0, 0.0, 30 * scale]))
        submitted = anyio.current_time() if dice.random() < 0.5 else None
        options = {"policy": policy, "submitted_at": submitted, "timeout": dice.choice([math.inf, 10 * scale, 0])}
        cancelled_after = dice.choice([math.inf, dice.uniform(0, 40) * scale])
        allowed = (errors.JobError, errors.NotFoundError, errors.AuthenticationError)
        try:
            with anyio.move_on_after(cancelled_after):
                if dice.random() < 0.2:
                    async for _ in coordinator.updates(name, wire, **options):  # type: ignore[arg-type]
                        await anyio.sleep(dice.uniform(0, 3) * scale)
                else:
                    await coordinator.wait(name, wire, **options)  # type: ignore[arg-type]
        except allowed:
            pass
        ended += 1

    async def notify() -> None:
        while ended < waiters:
            await anyio.sleep(dice.uniform(0, 3) * scale)
            coordinator.notify(f"v{dice.randrange(waiters)}")

    with anyio.fail_after(3000 * scale if scale >= 1 else 30):
        async with anyio.create_task_group() as group:
            group.start_soon(notify)
            for _ in range(waiters):
                name = f"v{dice.randrange(waiters // 2)}"
                group.start_soon(wait, name, dice.choice(["v2", "v3", "v3", "v3"]))
                await anyio.sleep(dice.uniform(0, 0.2) * scale)
    assert ended == waiters
    assert coordinator.watched == 0
    board = coordinator._board
    assert board.lead.is_idle
    assert not board._watches
    assert all(len(agenda) == 0 for agenda in board.agendas.values())


@virtual_time
@pytest.mark.parametrize("seed", range(12))
async def test_62_in_a_storm_nobody_hangs(seed: int) -> None:
    """Three hundred waiters with random ends and random faults: every wait ends, and nothing is left behind."""
    # trio runs tasks in random order; with the same dice a storm that failed once can be watched again.
    trio._core._run._r.seed(seed)  # type: ignore[attr-defined]
    await storm(300, 1.0, seed)


async def test_62_in_a_storm_nobody_hangs_in_real_time() -> None:
    """The same on each event loop with the real clock, a hundred times faster than life."""
    await storm(60, 0.01, 99)


@virtual_time
async def test_polling_one_by_one_costs_what_the_comparison_says() -> None:
    """Loops that sleep, look, and end when they see the URL send exactly the number of looks that was computed."""
    looks, dice = FakeLooks(), random.Random(0)
    renders = {f"v{n}": dice.uniform(60, 720) for n in range(30)}

    async def poll(name: str, seconds: float) -> None:
        looks.render(name, seconds)
        video = None
        while video is None or video.video_url is None:
            await anyio.sleep(INTERVAL)
            video = await looks.one(name, "v3")

    async with anyio.create_task_group() as group:
        for name, seconds in renders.items():
            group.start_soon(poll, name, seconds)
    assert looks.counts["one"] == sum(looks_alone(seconds) for seconds in renders.values())


@pytest.mark.parametrize("anyio_backend", [("asyncio", {}), ("trio", {})], ids=["asyncio", "trio"], indirect=False)
async def test_a_waiting_video_takes_less_than_4_kib(anyio_backend: object) -> None:
    """What a thousand sleeping waits hold, beyond what a task that just sleeps would."""
    looks = FakeLooks()
    coordinator = make(looks)

    async def wait(name: str) -> None:
        await coordinator.wait(name, "v3", policy=PollPolicy(), submitted_at=anyio.current_time())

    async def just_sleep(name: str) -> None:
        await anyio.sleep_forever()

    await memory_of(wait)  # fills caches that do not grow with the number of waits
    assert (await memory_of(wait) - await memory_of(just_sleep)) / 1000 < 4096


async def memory_of(target: object) -> int:
    async with anyio.create_task_group() as group:
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for n in range(1000):
            group.start_soon(target, f"video-{n:040}")  # type: ignore[arg-type]
        await anyio.wait_all_tasks_blocked()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        group.cancel_scope.cancel()
    return held
