"""The client as users hold it: how it is made, shared, moved between tasks and loops, and closed."""

from __future__ import annotations

import gc
import inspect
import pickle
from typing import Any

import anyio
import httpx
import pytest

from heygen_async import (
    AsyncHeyGen,
    AuthenticationError,
    ConfigurationError,
    HeyGenError,
    Limits,
    PollPolicy,
    RetryPolicy,
    Timeouts,
)
from tests.clock import virtual_time
from tests.fake_heygen import KEY, FakeHeyGen
from tests.sdk import AVATAR, heygen_at, heygen_on, quick_start

pytestmark = pytest.mark.anyio


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen()


# Making one


@pytest.mark.parametrize("given", [None, ""])
@pytest.mark.parametrize("environment", [None, ""])
def test_a_missing_key_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str | None
) -> None:
    """An empty string counts as missing, given or in the environment."""
    if environment is not None:
        monkeypatch.setenv("HEYGEN_API_KEY", environment)
    with pytest.raises(ConfigurationError, match="HEYGEN_API_KEY"):
        AsyncHeyGen(given)


@pytest.mark.parametrize("key", ["line\nbreak", "carriage\rreturn", "n\u00f6n-ascii"])
def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(key: str) -> None:
    """A newline would smuggle a header; the error does not repeat the key."""
    with pytest.raises(ConfigurationError) as caught:
        AsyncHeyGen(key)
    assert key not in str(caught.value)


async def test_the_environment_is_read_when_the_client_is_made(
    monkeypatch: pytest.MonkeyPatch, fake: FakeHeyGen
) -> None:
    """Not at import: variables set later count; arguments win over them."""
    monkeypatch.setenv("HEYGEN_API_KEY", "from-the-environment")
    monkeypatch.setenv("HEYGEN_API_BASE", "https://gateway.test")
    monkeypatch.setenv("HEYGEN_API_VERSION", "v3")
    fake.key = "from-the-environment"
    async with fake.client() as http:
        async with AsyncHeyGen(http_client=http) as heygen:
            await heygen.videos.create(quick_start())
        monkeypatch.delenv("HEYGEN_API_KEY")
        async with AsyncHeyGen("given", base_url="https://other.test", api_version="v2", http_client=http) as heygen:
            with pytest.raises(AuthenticationError):
                await heygen.videos.create(quick_start())
    assert [(request.host, request.path) for request in fake.requests] == [
        ("gateway.test", "/v3/videos"),
        ("other.test", "/v2/video/generate"),
    ]
    assert [request.headers["x-api-key"] for request in fake.requests] == ["from-the-environment", "given"]


async def test_the_default_base_url_is_heygens(fake: FakeHeyGen) -> None:
    """And every call tells who is calling."""
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    (request,) = fake.requests
    assert request.url == "https://api.heygen.com/v3/videos"
    assert request.headers["user-agent"].startswith("heygen-async/")


@pytest.mark.parametrize("base_url", ["https://gateway.test/heygen", "https://gateway.test/heygen/"])
async def test_a_base_url_may_have_a_path(fake: FakeHeyGen, base_url: str) -> None:
    """A gateway may serve HeyGen under a prefix."""
    async with heygen_on(fake, base_url=base_url) as heygen:
        with pytest.raises(HeyGenError):
            await heygen.videos.get("v")
    assert fake.requests[0].path == "/heygen/v3/videos/v"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.heygen.com",
        "http://example.test",
        "http://localhost.example.test",
        "http://127.0.0.1.example.test",
        "http://127.0.0.1@example.test",
        "http://10.0.0.1",
        "http://0.0.0.0:80",
        "ftp://api.heygen.com",
        "api.heygen.com",
        "https://",
    ],
)
def test_an_unsafe_or_broken_base_url_is_refused(base_url: str) -> None:
    """Plain http is for loopback hosts only."""
    with pytest.raises(ConfigurationError):
        AsyncHeyGen(KEY, base_url=base_url)


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:8000", "http://127.8.9.10", "http://localhost:1", "http://[::1]:8", "https://example.test"],
)
def test_a_loopback_or_https_base_url_is_fine(base_url: str) -> None:
    """And shows in the repr."""
    assert base_url in repr(AsyncHeyGen(KEY, base_url=base_url))


def test_an_insecure_base_url_can_be_insisted_on() -> None:
    """For a test network: say so."""
    assert "http://example.test" in repr(AsyncHeyGen(KEY, base_url="http://example.test", allow_insecure=True))


@pytest.mark.parametrize("version", ["v1", "3", "V3"])
def test_an_unknown_api_version_is_refused(monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    """As an argument and in the environment."""
    with pytest.raises(ValueError, match="api_version"):
        AsyncHeyGen(KEY, api_version=version)
    monkeypatch.setenv("HEYGEN_API_VERSION", version)
    with pytest.raises(ConfigurationError, match="HEYGEN_API_VERSION"):
        AsyncHeyGen(KEY)


def test_the_signature_shows_every_default() -> None:
    """The names are fixed and keyword-only after the key."""
    parameters = inspect.signature(AsyncHeyGen).parameters
    names = ["base_url", "api_version", "http_client", "download_client", "timeouts", "retries", "polling", "limits"]
    assert next(iter(parameters)) == "api_key"
    assert set(names) | {"on_event"} <= set(parameters)
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in names)
    assert Timeouts() == Timeouts(connect=5, read=30, write=120, upload=600, download_stall=60)
    assert RetryPolicy() == RetryPolicy(
        max_attempts=4, base=0.5, max_delay=30, max_retry_after=120, reconcile_window=60
    )
    assert PollPolicy() == PollPolicy(
        first_after=10, growth=1.4, max_interval=30, jitter=0.2, timeout=3600, visibility_grace=60, url_grace=60
    )
    assert Limits() == Limits(max_in_flight=None, max_connections=16, max_downloads=4)
    for policy in (Timeouts(), RetryPolicy(), PollPolicy(), Limits()):
        assert pickle.loads(pickle.dumps(policy)) == policy
        with pytest.raises(AttributeError):
            setattr(policy, policy.__attrs_attrs__[0].name, 1)


def test_the_repr_shows_the_setting_but_not_the_key() -> None:
    """Base URL, version, limits."""
    shown = repr(AsyncHeyGen(KEY, api_version="v3", limits=Limits(max_connections=7)))
    assert "https://api.heygen.com" in shown
    assert "v3" in shown
    assert "max_connections=7" in shown
    assert KEY not in shown


# Sharing and closing


async def test_closing_is_idempotent_and_needs_no_async_with(fake: FakeHeyGen) -> None:
    """`aclose` twice, before any use, and inside `async with`."""
    await AsyncHeyGen(KEY).aclose()
    async with fake.client() as http:
        heygen = AsyncHeyGen(KEY, http_client=http)
        await heygen.videos.create(AVATAR)
        await heygen.aclose()
        await heygen.aclose()
        async with AsyncHeyGen(KEY, http_client=http) as other:
            await other.aclose()
        assert not http.is_closed
        for closed in (heygen, other):
            with pytest.raises(HeyGenError, match="closed"):
                await closed.videos.get("v")
    assert fake.paid == 1


async def test_55_a_closed_client_says_so(fake: FakeHeyGen) -> None:
    """Every call, also through a copy made by with_options and through a handle made before."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        copy = heygen.with_options(timeouts=Timeouts())
    sent = len(fake.requests)
    calls: list[Any] = [
        heygen.videos.create(AVATAR),
        heygen.videos.get("v"),
        heygen.videos.delete("v"),
        copy.videos.create(AVATAR),
        job.status(),
        job.wait(),
        heygen.videos.generate(AVATAR),
    ]
    for call in calls:
        with anyio.fail_after(5), pytest.raises(HeyGenError, match="closed"):
            await call
    with pytest.raises(HeyGenError, match="closed"):
        async for _ in heygen.videos.list():
            pass
    assert len(fake.requests) == sent


async def test_closing_ends_running_waits(fake: FakeHeyGen) -> None:
    """With an error that names the video, so that nothing paid is lost; nobody hangs."""
    fake.plan = ["processing"]
    errors: list[HeyGenError] = []
    async with heygen_on(fake, polling=PollPolicy(first_after=0.005, max_interval=0.02)) as heygen:
        jobs = [await heygen.videos.create(AVATAR) for _ in range(3)]

        async def wait(job: Any) -> None:
            try:
                await job.wait()
            except HeyGenError as error:
                errors.append(error)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tg:
                for job in jobs:
                    tg.start_soon(wait, job)
                await anyio.sleep(0.03)
                await heygen.aclose()
    assert len(errors) == 3
    assert all(any(job.id in f"{error} {vars(error)}" for error in errors) for job in jobs)


async def test_72_the_client_may_be_entered_in_one_task_and_closed_in_another(fake: FakeHeyGen) -> None:
    """Fixtures and web lifespans do that; nothing scoped spans the two."""
    async with fake.client() as http:
        heygen = AsyncHeyGen(KEY, http_client=http)
        await in_a_task(heygen.__aenter__)
        await in_a_task(heygen.videos.create, AVATAR)
        await in_a_task(heygen.__aexit__, None, None, None)
    assert fake.paid == 1


async def in_a_task(function: Any, *args: Any) -> None:
    async with anyio.create_task_group() as tg:
        tg.start_soon(function, *args)


async def test_72_the_same_with_a_real_pool(fake: FakeHeyGen) -> None:
    """Sockets of its own, opened in one task, used in others, closed in yet another."""
    with fake.serve() as server:
        heygen = heygen_at(server)
        await in_a_task(heygen.__aenter__)
        for _ in range(3):
            await in_a_task(heygen.videos.create, AVATAR)
        await in_a_task(heygen.aclose)
        assert (fake.paid, server.connections) == (3, 1)


def run_twice(backend: str, options: dict[str, Any], heygen: AsyncHeyGen) -> None:
    async def use() -> None:
        with anyio.fail_after(10):
            await heygen.videos.create(AVATAR)

    anyio.run(use, backend=backend, backend_options=options)
    with pytest.raises(HeyGenError, match="loop"):
        anyio.run(use, backend=backend, backend_options=options)


@pytest.mark.parametrize(
    ("backend", "uvloop", "own_pool"),
    [
        ("asyncio", False, True),
        ("asyncio", False, False),
        # uvloop itself cannot close a loop that still has open connections, whoever opened them
        ("asyncio", True, False),
        ("trio", False, True),
        ("trio", False, False),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_55_a_second_event_loop_is_refused_clearly(
    fake: FakeHeyGen, backend: str, uvloop: bool, own_pool: bool
) -> None:
    """An error that names the loop; no hang, no "event loop is closed".

    The connections of a loop that ended without `aclose` are left behind: that is the mistake under test.
    """
    options = {"use_uvloop": uvloop} if backend == "asyncio" else {}
    with fake.serve() as server:
        heygen = heygen_at(server) if own_pool else AsyncHeyGen(KEY, http_client=fake.client())
        run_twice(backend, options, heygen)
        del heygen
        gc.collect()
    assert fake.paid == 1


def test_55_a_waiting_handle_of_another_loop_is_refused_too(fake: FakeHeyGen) -> None:
    """Not only new submissions."""
    heygen = AsyncHeyGen(KEY, http_client=fake.client())
    job = anyio.run(heygen.videos.create, AVATAR)

    async def wait() -> None:
        with anyio.fail_after(10):
            await job.wait()

    with pytest.raises(HeyGenError, match="loop"):
        anyio.run(wait)


def test_a_client_made_outside_a_loop_works_inside_one(fake: FakeHeyGen) -> None:
    """Nothing binds to a loop before first use."""
    heygen = AsyncHeyGen(KEY, http_client=fake.client())
    copy = heygen.with_options(retries=RetryPolicy())
    handle = heygen.videos.job("nobody")
    assert repr(handle)

    async def use() -> None:
        async with heygen:
            await copy.videos.create(AVATAR)

    anyio.run(use, backend="trio")
    assert fake.paid == 1


async def test_with_options_is_cheap_and_shares_everything(fake: FakeHeyGen) -> None:
    """10,000 copies open no socket; all of them use one pool."""
    with fake.serve() as server:
        async with heygen_at(server) as heygen:
            copies = [heygen.with_options(timeouts=Timeouts(read=1 + number)) for number in range(10_000)]
            assert server.connections == 0
            for copy in copies[::2500]:
                await copy.videos.create(AVATAR)
            await heygen.videos.create(AVATAR)
            assert (server.connections, fake.paid) == (1, 5)


@virtual_time
async def test_with_options_changes_only_what_it_names(fake: FakeHeyGen) -> None:
    """The copy waits by its own policy, the original by its own."""
    fake.plan = ["processing"]
    async with heygen_on(fake, polling=PollPolicy(timeout=50)) as heygen:
        job = await heygen.with_options(polling=PollPolicy(timeout=500)).videos.create(AVATAR)
        other = await heygen.videos.create(AVATAR)
        for handle, expected in ((job, 500), (other, 50)):
            started = anyio.current_time()
            with pytest.raises(TimeoutError):
                await handle.wait()
            assert anyio.current_time() - started == pytest.approx(expected, abs=1)


# A client of the user's


async def test_the_users_client_is_used_but_never_closed_or_changed(fake: FakeHeyGen) -> None:
    """It still answers afterwards, has its own headers and never learns the key."""
    fake.plan = ["completed"]
    async with fake.client(headers={"X-Mine": "1"}, timeout=3.5, follow_redirects=True) as http:
        before = (dict(http.headers), http.timeout, http.follow_redirects, dict(http.event_hooks), http.auth)
        async with AsyncHeyGen(KEY, http_client=http, polling=PollPolicy(first_after=0)) as heygen:
            await heygen.videos.generate(AVATAR)
        assert not http.is_closed
        assert (dict(http.headers), http.timeout, http.follow_redirects, dict(http.event_hooks), http.auth) == before
        assert KEY not in repr(http.headers)
        assert (await http.get("https://elsewhere.test/")).status_code == 401
    assert "x-api-key" not in fake.requests[-1].headers
    assert all(request.headers["x-api-key"] == KEY for request in fake.requests[:-1])


async def test_the_users_default_headers_cannot_replace_the_key(fake: FakeHeyGen) -> None:
    """A stale key in the user's client does not win over the one given to the SDK."""
    async with fake.client(headers={"X-Api-Key": "stale"}) as http, AsyncHeyGen(KEY, http_client=http) as heygen:
        await heygen.videos.create(AVATAR)
    assert fake.paid == 1


@pytest.mark.parametrize("wrong", [object(), "https://api.heygen.com"])
async def test_something_that_is_no_http_client_is_refused(wrong: Any) -> None:
    """By the constructor or at first use, with an error of ours."""
    with pytest.raises((HeyGenError, TypeError)):
        async with AsyncHeyGen(KEY, http_client=wrong) as heygen:
            await heygen.videos.get("v")


async def test_a_sync_client_is_refused() -> None:
    """An easy mistake: `httpx.Client` cannot be awaited."""
    with httpx.Client(trust_env=False) as http, pytest.raises((HeyGenError, TypeError)):
        async with AsyncHeyGen(KEY, http_client=http) as heygen:  # type: ignore[arg-type]
            await heygen.videos.get("v")


@virtual_time
async def test_69_an_observer_that_raises_loses_nothing(fake: FakeHeyGen, caplog: pytest.LogCaptureFixture) -> None:
    """An exception in `on_event` is logged; submission and wait go on."""

    def observe(event: Any) -> None:
        raise RuntimeError("observer is broken")

    async with heygen_on(fake, on_event=observe) as heygen:
        assert (await heygen.videos.generate(AVATAR)).video_url
    assert fake.paid == 1
    assert "observer is broken" in caplog.text


@virtual_time
async def test_events_tell_the_story(fake: FakeHeyGen) -> None:
    """Submitted, then each change of status; plain values without the key."""
    events: list[Any] = []
    async with heygen_on(fake, on_event=events.append) as heygen:
        video = await heygen.videos.generate(AVATAR)
    names = [type(event).__name__ for event in events]
    assert names[0] == "VideoSubmitted"
    assert events[0].video_id == video.id
    assert "StatusChanged" in names
    assert KEY not in repr(events)
