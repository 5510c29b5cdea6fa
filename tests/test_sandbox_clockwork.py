"""What moves the sandbox's jobs: rules with a time for each job, spans of virtual time, and what a 429 says of them."""

from __future__ import annotations

import math
from statistics import median

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from heygen_async.sandbox import Progress, Sandbox
from heygen_async.sandbox.core import Account, Order
from heygen_async.sandbox.faults import concurrency
from heygen_async.sandbox.plan import Backdrop, Plan, Scene
from heygen_async.sandbox.quirks import NORMAL
from heygen_async.sandbox.render.pool import Render
from heygen_async.sandbox.spread import Lognormal, Uniform, drawn
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

PLAN = Plan(
    width=64, height=36, scenes=(Scene(seconds=2, backdrop=Backdrop(kind="color", value="#000"), presenter=None),)
)
ORDER = Order(wire="v3", plan=PLAN, usd=0.0, request={})
START = 1_800_000_000.0


@pytest.fixture
def anyio_backend() -> str:
    """Run on one loop: nothing here waits for anything."""
    return "asyncio"


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    """Return a sandbox whose clock moves only by hand."""
    return Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=START)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("uniform 60s..720s", Progress(spread=Uniform(60, 720))),
        ("UNIFORM 1m .. 12m", Progress(spread=Uniform(60, 720))),
        ("uniform 0..0", Progress(spread=Uniform(0, 0))),
        ("lognormal 5m sigma 0.5", Progress(spread=Lognormal(300, 0.5))),
        ("lognormal 1m30s sigma=1", Progress(spread=Lognormal(90, 1))),
        ("after 5s", Progress(after=5)),
        ("after 2m", Progress(after=120)),
        ("after=7.5", Progress(after=7.5)),
        ("polls=3", Progress(polls=3)),
        ("immediate", Progress()),
    ],
)
def test_a_rule_is_read_and_written_back(text, rule):
    """What the page and the command line show can be given to them again."""
    assert Progress.parse(text) == rule
    assert Progress.parse(str(rule)) == rule


@pytest.mark.parametrize(
    "text",
    [
        "uniform 720s..60s",
        "uniform 60s",
        "uniform 60s..x",
        "uniform -1..5",
        "lognormal 5m",
        "lognormal 0 sigma 1",
        "lognormal 5m sigma 6",
        "lognormal 5m sigma x",
        "normal 5m sigma 1",
        "after 5 apples",
        "after -5",
        "after 1e400",
        "polls=-1",
        f"polls={'9' * 5000}",
    ],
)
def test_what_is_no_rule_is_refused_with_the_text_itself(text):
    with pytest.raises(ValueError, match="progress: "):
        Progress.parse(text)


def test_a_rule_is_one_thing():
    with pytest.raises(ValueError, match="not two"):
        Progress(after=1, spread=Uniform(1, 2))
    with pytest.raises(ValueError, match="with `of` first"):
        Progress(spread=Uniform(1, 2)).due(admitted_at=0.0, looks=0, now=0.0)


@given(st.text(max_size=40))
def test_every_job_draws_from_the_whole_range_and_always_the_same(key):
    for spread, low, high in ((Uniform(60, 720), 60, 720), (Lognormal(300, 0.5), 0, 300 * math.exp(0.5 * 9))):
        assert low <= drawn(spread, key) <= high
        assert drawn(spread, key) == drawn(spread, key)


def test_draws_are_spread_as_the_rule_says():
    """A fixed set of keys, so that this cannot fail by chance."""
    keys = [f"job {number}" for number in range(2000)]
    uniform = [drawn(Uniform(100, 200), key) for key in keys]
    assert median(uniform) == pytest.approx(150, rel=0.05)
    assert sum(time < 110 for time in uniform) == pytest.approx(200, rel=0.25)
    lognormal = [drawn(Lognormal(300, 0.5), key) for key in keys]
    assert median(lognormal) == pytest.approx(300, rel=0.05)
    assert sum(time > 300 * math.exp(0.5) for time in lognormal) / 2000 == pytest.approx(0.159, abs=0.03)


def ends(seed: int, *, ask_every: float) -> list[float]:
    """Return when each of twenty jobs ended, by an account that is asked now and then."""
    account = Account(seed=seed, concurrency=None, progress=Progress.parse("uniform 60s..720s"))
    jobs = [account.accept(ORDER, Render(PLAN, None, done_at=0.0), now=0.0) for _ in range(20)]
    now = 0.0
    while now <= 720:
        now += ask_every
        account.settle(now)
    return [job.finished_at or -1.0 for job in jobs]


def test_jobs_end_each_at_its_own_time_however_often_they_are_looked_at():
    """A later job may end before an earlier one; the seed decides, and nothing else."""
    times = ends(1, ask_every=720)
    assert times == ends(1, ask_every=7)
    assert times != ends(2, ask_every=720)
    assert all(60 <= time <= 720 for time in times)
    assert len(set(times)) == 20
    assert times != sorted(times)


def test_a_slow_job_takes_its_own_time_so_many_times():
    rule = Progress.parse("uniform 60s..720s").of("a job")
    assert evolve(NORMAL, pace=3.0).progress(rule).after == pytest.approx(rule.after * 3)


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ({"seconds": 90}, 90),
        ({"seconds": "1h30m"}, 5400),
        ({"days": 7}, 604_800),
        ({"hours": 2, "minutes": 30}, 9000),
        ({"weeks": 1, "seconds": 1}, 604_801),
        ({}, 0),
    ],
    ids=str,
)
def test_virtual_time_passes_in_any_unit(sandbox, arguments, seconds):
    sandbox.advance(**arguments)
    assert sandbox.clock.now() == START + seconds


@pytest.mark.parametrize(
    "arguments", [{"days": -1}, {"seconds": -1}, {"hours": math.nan}, {"days": math.inf}, {"seconds": "soon"}], ids=str
)
def test_time_only_goes_forward(sandbox, arguments):
    with pytest.raises(ValueError, match="span of time"):
        sandbox.advance(**arguments)
    assert sandbox.clock.now() == START


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_clock_refuses_what_is_no_time(sandbox, value):
    """One bad value would make every later reading useless."""
    with pytest.raises(ValueError, match="forward"):
        sandbox.clock.advance(value)
    with pytest.raises(ValueError, match="forward"):
        sandbox.clock.rate = value


async def refusal(sandbox: Sandbox) -> str | None:
    async with in_process(sandbox) as api:
        answer = await api.post("/v3/videos", json=avatar_video())
    assert answer.status_code == 429
    return answer.headers.get("Retry-After")


async def fill(sandbox: Sandbox) -> None:
    async with in_process(sandbox) as api:
        assert (await api.post("/v3/videos", json=avatar_video())).status_code == 200


@pytest.mark.anyio
async def test_a_429_says_when_a_slot_is_free_in_seconds_of_the_client(sandbox):
    """Virtual seconds pass by the clock's rate; what is said lets the next call succeed."""
    sandbox.concurrency, sandbox.clock.rate = 2, 0.0
    sandbox.progress(after=600)
    await fill(sandbox)
    sandbox.advance(100)
    await fill(sandbox)
    sandbox.clock.rate = 1e-9  # stands still as far as a test can see, but has a rate
    assert int(await refusal(sandbox) or 0) == pytest.approx(500 / 1e-9, rel=0.01)
    sandbox.clock.rate = 0.0
    assert await refusal(sandbox) == "1"
    sandbox.advance(500)
    await fill(sandbox)


def test_who_waits_already_gets_the_first_slots():
    """The queue of an old plan stands before a newcomer."""
    account = Account(concurrency=2, progress=Progress(after=100))
    for now in (0.0, 10.0):
        account.accept(evolve(ORDER, queues=True), Render(PLAN, None, done_at=0.0), now=now)
    assert account.slot_free_in(20.0) == 80
    account.accept(evolve(ORDER, queues=True), Render(PLAN, None, done_at=0.0), now=20.0)
    assert account.slot_free_in(20.0) == 90
    account.accept(evolve(ORDER, queues=True), Render(PLAN, None, done_at=0.0), now=20.0)
    assert account.slot_free_in(20.0) is None


@pytest.mark.anyio
@pytest.mark.parametrize(("switch", "said"), [(None, None), (0, "0"), (17, "17")])
async def test_a_switch_says_what_a_429_says(sandbox, switch, said):
    sandbox.concurrency, sandbox.switches.retry_after = 1, switch
    sandbox.progress(after=600)
    await fill(sandbox)
    assert await refusal(sandbox) == said


@pytest.mark.anyio
async def test_jobs_that_wait_for_looks_leave_it_at_a_second(sandbox):
    """Nobody knows when somebody looks."""
    sandbox.concurrency = 1
    sandbox.progress(polls=3)
    await fill(sandbox)
    assert await refusal(sandbox) == "1"


@pytest.mark.anyio
async def test_no_slot_at_all_is_a_429_too(sandbox):
    """An account without slots refuses every call, and cannot say until when."""
    sandbox.fault("POST /v3/videos", concurrency(0))
    assert await refusal(sandbox) == "1"
