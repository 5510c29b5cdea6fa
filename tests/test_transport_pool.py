"""Real sockets: cancellation storms, queues in front of the pool, keepalive, proxies and broken connections."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest

from heygen_async import APIConnectionError, AsyncHeyGen, HeyGenError, Limits, PollPolicy, RetryPolicy, Timeouts
from tests.fake_heygen import KEY, FakeHeyGen, LoopbackServer, lost
from tests.relay import Relay, relay_to
from tests.sdk import AVATAR, heygen_at, quick_start

pytestmark = pytest.mark.anyio

FAST = RetryPolicy(base=0.005, max_delay=0.02)
ONCE = RetryPolicy(max_attempts=1)
REQUESTS = pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])


@pytest.fixture
def fake() -> FakeHeyGen:
    fake = FakeHeyGen()
    fake.add("v", plan=["processing"])
    return fake


@pytest.fixture
def server(fake: FakeHeyGen) -> Iterator[LoopbackServer]:
    with fake.serve() as running:
        yield running


@pytest.fixture
def relay(server: LoopbackServer) -> Iterator[Relay]:
    with relay_to(server.port) as running:
        yield running


async def all_at_once(number: int, call: Any) -> None:
    async with anyio.create_task_group() as tg:
        for _ in range(number):
            tg.start_soon(call)


async def storm(heygen: AsyncHeyGen, seed: int, total: int) -> None:
    """Cancel `total` requests after 0 to 20 ms, 40 at a time."""
    rng = random.Random(seed)
    delays = [rng.uniform(0, 0.02) for _ in range(total)]

    async def worker() -> None:
        while delays:
            with anyio.move_on_after(delays.pop()):
                await heygen.videos.get("v")

    await all_at_once(40, worker)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("own_pool", [True, False], ids=["pool", "http_client"])
async def test_cancelled_requests_do_not_wear_the_pool_out(
    fake: FakeHeyGen, server: LoopbackServer, seed: int, own_pool: bool
) -> None:
    """400 of them; afterwards as many requests as the pool is large all succeed at once."""
    fake.latency = 0.005
    size = 10
    limits = Limits(max_connections=size)
    http = None if own_pool else httpx.AsyncClient(limits=httpx.Limits(max_connections=size), trust_env=False)
    async with heygen_at(server, limits=limits, retries=ONCE, http_client=http) as heygen:
        await storm(heygen, seed, 400)
        fake.latency = 0.05
        with anyio.fail_after(10):
            await all_at_once(size, lambda: heygen.videos.get("v"))
    if http is not None:
        await http.aclose()


async def test_a_storm_over_copies_is_the_same_pool(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """No code path reaches the pool without a token of the one limiter."""
    fake.latency = 0.005
    async with heygen_at(server, limits=Limits(max_connections=4), retries=ONCE) as heygen:
        async with anyio.create_task_group() as tg:
            for seed in range(3):
                tg.start_soon(storm, heygen.with_options(timeouts=Timeouts()), seed, 60)
        with anyio.fail_after(10):
            await all_at_once(4, lambda: heygen.videos.get("v"))


async def test_queueing_is_not_counted_against_a_timeout(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """60 calls through 5 connections queue longer than one attempt may take: none fails, none is repeated."""
    fake.latency = 0.12
    options: dict[str, Any] = {"limits": Limits(max_connections=5), "timeouts": Timeouts(read=1.2), "retries": ONCE}
    async with heygen_at(server, **options) as heygen:
        await all_at_once(60, lambda: heygen.videos.get("v"))
    assert len(fake.requests) == 60
    assert server.connections <= 5


async def test_a_users_small_pool_queues_as_well(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """Two connections and a short pool timeout of its own: our limiter knows its size."""
    fake.latency = 0.02
    http = httpx.AsyncClient(
        limits=httpx.Limits(max_connections=2), timeout=httpx.Timeout(5, pool=0.01), trust_env=False
    )
    async with http, heygen_at(server, http_client=http, retries=ONCE) as heygen:
        await all_at_once(20, lambda: heygen.videos.get("v"))
    assert len(fake.requests) == 20
    assert server.connections <= 2


async def test_connections_are_kept_alive(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """One connection serves calls one after another, on both wires, also after errors."""
    async with heygen_at(server, polling=PollPolicy(first_after=0, max_interval=0.01)) as heygen:
        for request in (AVATAR, quick_start(), AVATAR):
            await heygen.videos.generate(request)
        with pytest.raises(HeyGenError):
            await heygen.videos.get("nobody")
        await heygen.videos.get("v")
    assert server.connections == 1
    assert fake.paid == 1 + 3


async def test_all_of_a_burst_is_kept_alive(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """The second burst opens no new connection: as many are kept as the pool has."""
    fake.latency = 0.03
    async with heygen_at(server, limits=Limits(max_connections=12)) as heygen:
        for _ in range(3):
            await all_at_once(12, lambda: heygen.videos.get("v"))
    assert server.connections <= 12


async def test_the_pool_is_small_and_its_keepalive_long(
    monkeypatch: pytest.MonkeyPatch, server: LoopbackServer
) -> None:
    """Every connection may stay, longer than a poll interval and shorter than a load balancer's patience."""
    seen: list[Any] = []
    original = httpx.AsyncHTTPTransport.__init__

    def spy(self: Any, *args: Any, **options: Any) -> None:
        seen.append(options)
        original(self, *args, **options)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "__init__", spy)
    async with heygen_at(server, limits=Limits(max_connections=9)) as heygen:
        await heygen.videos.get("v")
    assert seen
    for options in seen:
        limits = options["limits"]
        assert limits.max_connections == limits.max_keepalive_connections == 9
        assert 30 <= limits.keepalive_expiry <= 55
        assert not options.get("http2", False)


@REQUESTS
async def test_70_stale_connections_are_replaced(fake: FakeHeyGen, server: LoopbackServer, request_: Any) -> None:
    """The server closed the idle connection meanwhile: nothing is lost and nothing is paid twice."""
    server.idle_timeout = 0.02
    async with heygen_at(server, retries=FAST) as heygen:
        for _ in range(2):
            await heygen.videos.get("v")
            await anyio.sleep(0.06)
            await heygen.videos.create(request_)
            await anyio.sleep(0.06)
    assert fake.paid == 1 + 2
    assert server.connections >= 3


# Broken connections


async def test_03_a_reset_after_the_request_was_forwarded_makes_one_job(fake: FakeHeyGen, relay: Relay) -> None:
    """Twice in a row; the same key goes out each time."""
    relay.break_next("rst_before", times=2)
    async with AsyncHeyGen(KEY, base_url=relay.url, retries=FAST) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert fake.paid == 1 + 1
    assert job.id in fake.jobs
    assert len(fake.posts) == 3
    assert fake.keys == {job.idempotency_key}


@pytest.mark.parametrize("mode", ["rst_before", "rst", "fin", "empty", "garbage"])
@REQUESTS
async def test_03_57_any_broken_answer_makes_at_most_one_job(
    fake: FakeHeyGen, relay: Relay, request_: Any, mode: str
) -> None:
    """v3 repeats with its key; v2 looks for its callback id and never sends twice what may have arrived."""
    relay.break_next(mode, 40)
    arrived = mode not in {"empty", "garbage"}
    retries = RetryPolicy(base=0.005, max_delay=0.02, reconcile_window=0.1)
    async with AsyncHeyGen(KEY, base_url=relay.url, retries=retries) as heygen:
        if request_ is AVATAR or arrived:
            job = await heygen.videos.create(request_)
            assert job.id in fake.jobs
            assert fake.paid == 1 + 1
        else:
            from heygen_async import SubmissionUncertainError

            with pytest.raises(SubmissionUncertainError):
                await heygen.videos.create(request_)
            assert fake.paid == 1


async def test_27_a_reset_look_is_looked_again(fake: FakeHeyGen, server: LoopbackServer, relay: Relay) -> None:
    """On a real socket."""
    fake.plan = ["processing", "processing", "completed"]
    policy = PollPolicy(first_after=0, max_interval=0.01, growth=1)
    async with AsyncHeyGen(KEY, base_url=server.url) as direct:
        job_id = (await direct.videos.create(AVATAR)).id
    async with AsyncHeyGen(KEY, base_url=relay.url, polling=policy, retries=FAST) as heygen:
        relay.break_next("rst_before")
        relay.break_next("garbage")
        relay.break_next("empty")
        assert (await heygen.videos.job(job_id).wait(timeout=10)).status == "completed"


@REQUESTS
async def test_a_refused_connection_is_a_connection_error(fake: FakeHeyGen, relay: Relay, request_: Any) -> None:
    """With the key of the submission, and the word that nothing was sent."""
    relay.refuse()
    async with AsyncHeyGen(KEY, base_url=relay.url, retries=FAST) as heygen:
        with pytest.raises(APIConnectionError, match="POST") as caught:
            await heygen.videos.create(request_)
    assert caught.value.idempotency_key
    assert caught.value.request_sent is False
    assert fake.paid == 1


async def test_53_a_cancelled_submission_on_a_socket_is_found_again(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """The caller leaves while the server works: one job on either wire, and the pool is as good as before."""
    async with heygen_at(server, retries=FAST, limits=Limits(max_connections=1)) as heygen:
        for number, request in enumerate((AVATAR, quick_start())):
            fake.latency = 0.05
            with anyio.move_on_after(0.02):
                await heygen.videos.create(request, idempotency_key=f"order-{number}")
            fake.latency = 0
            with anyio.fail_after(10):
                await heygen.videos.create(request, idempotency_key=f"order-{number}")
    assert fake.paid == 1 + 2


async def test_a_lost_answer_on_a_socket_is_replayed(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """A reset of the server itself."""
    fake.on("POST /v3/videos", lost())
    async with heygen_at(server, retries=FAST) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert (fake.paid, fake.replays) == (1 + 1, 1)
    assert job.id in fake.jobs


# Proxies


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_loopback_never_goes_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, fake: FakeHeyGen, server: LoopbackServer, name: str
) -> None:
    """The environment names a dead one: local servers are reached all the same."""
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with heygen_at(server, retries=ONCE) as heygen:
        await heygen.videos.get("v")
    assert len(fake.requests) == 1


async def test_the_environments_proxy_is_used_for_heygen(
    monkeypatch: pytest.MonkeyPatch, fake: FakeHeyGen, server: LoopbackServer
) -> None:
    """It is asked for a tunnel and learns no key."""
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    async with AsyncHeyGen(KEY, base_url="https://api.heygen.test", retries=ONCE) as heygen:
        with pytest.raises(HeyGenError):
            await heygen.videos.get("v")
    assert [request.method for request in fake.requests] == ["CONNECT"]
    assert KEY not in repr(fake.requests)
