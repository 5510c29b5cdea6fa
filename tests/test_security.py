"""Where the API key and signed links go: to HeyGen's origin and the file host, and nowhere else."""

from __future__ import annotations

import contextlib
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import HeyGenError, PollPolicy, RetryPolicy
from tests import fake_heygen
from tests.clock import virtual_time
from tests.fake_heygen import KEY, SIGNATURE, FakeHeyGen, LoopbackServer, after_work, answer
from tests.sdk import AVATAR, heygen_at, heygen_on, quick_start

pytestmark = pytest.mark.anyio

QUICK = PollPolicy(first_after=0, max_interval=0.01, growth=1)
FAST = RetryPolicy(base=0.001, reconcile_window=0.05)
SECRETS = (KEY, SIGNATURE)


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen(plan=["processing", "completed"])


@pytest.fixture
def server(fake: FakeHeyGen) -> Iterator[LoopbackServer]:
    with fake.serve() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[tuple[FakeHeyGen, LoopbackServer]]:
    """A second server of somebody else, which records what it gets."""
    other = FakeHeyGen()
    with other.serve() as running:
        yield other, running


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All loggers at DEBUG, the HTTP library's own included."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpx2", "httpcore2", "heygen_async", "asyncio", "anyio", "trio"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def clean(text: str) -> bool:
    return not any(secret in text for secret in SECRETS)


def said_in(records: list[logging.LogRecord]) -> str:
    formatter = logging.Formatter()
    return "\n".join(f"{formatter.format(record)} {record.args!r} {record.__dict__!r}" for record in records)


def shown(error: BaseException) -> str:
    """Return all that an error shows: words, attributes, pickle, and the traceback with its causes."""
    pickled = pickle.dumps(error).decode("latin-1") if isinstance(error, HeyGenError) else ""
    return f"{error!s} {error!r} {vars(error)!r} {pickled} {''.join(traceback.format_exception(error))}"


async def test_a_full_run_logs_neither_key_nor_signature(
    fake: FakeHeyGen, server: LoopbackServer, everything_logged: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Create, wait and save on both wires, with every logger at DEBUG."""
    events: list[Any] = []
    async with heygen_at(server, polling=QUICK, retries=FAST, on_event=events.append) as heygen:
        for number, request in enumerate((AVATAR, quick_start())):
            video = await heygen.videos.generate(request, save_to=tmp_path / f"{number}.mp4")
            assert clean(repr(video))
        assert [video async for video in heygen.videos.list()]
    assert fake.paid == 2
    assert len(fake.seen("GET /files/*")) == 2
    assert everything_logged.records
    assert clean(said_in(everything_logged.records))
    assert clean(repr(events))


async def test_a_run_through_faults_logs_neither_key_nor_signature(
    fake: FakeHeyGen, server: LoopbackServer, everything_logged: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Retries, reconciling, failed looks and refused links, some of which echo the secrets."""
    echo = f"<html>bad key {KEY} for https://f.test/x?Signature={SIGNATURE}</html>".encode()
    events: list[Any] = []
    errors: list[HeyGenError] = []
    fake.on("POST *", after_work(fake_heygen.raw(echo, 502, "text/html")))
    fake.on("POST /v2/*", after_work(fake_heygen.raw(echo, 502, "text/html")))
    fake.on("GET /v*", fake_heygen.raw(echo, 200, "text/html"), times=2)
    fake.on("GET /files/*", fake_heygen.raw(echo, 403, "application/xml"), times=None)
    async with heygen_at(server, polling=QUICK, retries=FAST, on_event=events.append) as heygen:
        for request in (AVATAR, quick_start()):
            try:
                await heygen.videos.generate(request, save_to=tmp_path / "a.mp4")
            except HeyGenError as error:
                errors.append(error)
    assert len(errors) == 2
    assert all(clean(shown(error)) for error in errors)
    assert clean(said_in(everything_logged.records))
    assert clean(repr(events))


@virtual_time
async def test_a_users_own_client_is_covered_too(fake: FakeHeyGen, everything_logged: pytest.LogCaptureFixture) -> None:
    """The HTTP library logs URLs for it as well."""
    async with heygen_on(fake) as heygen:
        await heygen.videos.generate(AVATAR)
    assert clean(said_in(everything_logged.records))


ECHOES: list[Any] = [
    pytest.param(answer(401, "unauthorized", message=f"Key {KEY} is wrong"), id="401"),
    pytest.param(answer(400, "invalid_parameter", message=f"bad url https://f.test/x?Signature={SIGNATURE}"), id="400"),
    pytest.param(fake_heygen.raw(f"<p>{KEY} {SIGNATURE}?x={KEY}</p>".encode(), 403, "text/html"), id="html"),
    pytest.param(fake_heygen.raw(f'{{"echo": "{KEY}"}}'.encode()), id="no-id"),
    pytest.param(fake_heygen.redirect(307, f"https://x.test/?Signature={SIGNATURE}&key={KEY}"), id="redirect"),
]


@pytest.mark.parametrize("fault", ECHOES)
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_an_error_never_shows_the_key_that_a_server_echoes(fake: FakeHeyGen, request_: Any, fault: Any) -> None:
    """Neither in its words, attributes and pickle nor in its causes."""
    fake.on("POST *", fault, times=None)
    async with heygen_on(fake, retries=FAST) as heygen:
        with pytest.raises(HeyGenError) as caught:
            await heygen.videos.create(request_)
    text = shown(caught.value)
    assert KEY not in text
    assert f"Signature={SIGNATURE}" not in text


@virtual_time
async def test_an_error_that_holds_a_video_shows_no_signature(fake: FakeHeyGen) -> None:
    """A failed video can have a signed thumbnail."""
    from heygen_async import VideoFailedError, VideoNotAvailableError

    fake.plan = ["failed"]
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        fake.job.patch_v3 = {"thumbnail_url": f"https://f.test/t.jpg?Signature={SIGNATURE}", "failure_message": "x"}
        with pytest.raises(VideoFailedError) as failed:
            await job.wait()
        fake.job.plan = ["completed"]
        fake.job.patch_v3 |= {"video_url": None}
        with pytest.raises(VideoNotAvailableError) as missing:
            await heygen.videos.job(job.id).wait()
    assert clean(shown(failed.value))
    assert clean(shown(missing.value))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_56_the_key_is_never_redirected(
    fake: FakeHeyGen,
    server: LoopbackServer,
    elsewhere: tuple[FakeHeyGen, LoopbackServer],
    status: int,
) -> None:
    """HTTP libraries strip only `Authorization` on the way to another origin: API calls follow nothing at all."""
    other, other_server = elsewhere
    fake.on("* /v*", fake_heygen.redirect(status, f"{other_server.url}/v3/videos"), times=None)
    async with heygen_at(server, retries=FAST) as heygen:
        calls = [
            heygen.videos.create(AVATAR),
            heygen.videos.create(quick_start()),
            heygen.videos.get("v"),
            heygen.videos.delete("v"),
        ]
        for call in calls:
            with pytest.raises(HeyGenError, match=r"127\.0\.0\.1"):
                await call
    assert not other.requests
    assert other_server.connections == 0


async def test_56_a_users_client_that_follows_redirects_does_not_either(
    fake: FakeHeyGen, server: LoopbackServer, elsewhere: tuple[FakeHeyGen, LoopbackServer]
) -> None:
    """Its own setting stands for its own calls, not for ours."""
    import httpx

    other, other_server = elsewhere
    fake.on("GET /v3/videos/*", fake_heygen.redirect(302, f"{other_server.url}/stolen"), times=None)
    http = httpx.AsyncClient(follow_redirects=True, trust_env=False)
    async with http, heygen_at(server, http_client=http, retries=FAST) as heygen:
        with pytest.raises(HeyGenError):
            await heygen.videos.get("v")
    assert not other.requests


async def test_the_file_host_gets_no_credentials(
    fake: FakeHeyGen, server: LoopbackServer, elsewhere: tuple[FakeHeyGen, LoopbackServer], tmp_path: Path
) -> None:
    """Files may live anywhere, even on the API's own origin: no key goes out, on redirects neither."""
    other, other_server = elsewhere
    fake.plan = ["completed"]
    fake.on("GET /files/*", fake_heygen.redirect(302, f"{other_server.url}/files/x.mp4?Signature={SIGNATURE}"))
    async with heygen_at(server, polling=QUICK) as heygen:
        job = await heygen.videos.create(AVATAR)
        await job.save(tmp_path / "redirected.mp4")
        await job.save(tmp_path / "direct.mp4")
        await heygen.download(f"{other_server.url}/files/y.mp4?Signature={SIGNATURE}", tmp_path / "any.mp4")
    files = [*fake.seen("* /files/*"), *other.requests]
    assert len(other.seen("GET *")) == 2
    for request in files:
        assert not {"x-api-key", "authorization", "cookie"} & set(request.headers)
        assert KEY not in f"{request.headers} {request.url}"
    assert all(request.headers["x-api-key"] == KEY for request in fake.seen("* /v*"))


async def test_the_key_is_a_header_and_nothing_else(fake: FakeHeyGen) -> None:
    """Never in a URL, never in a body, never as a cookie."""
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
        await heygen.videos.create(quick_start())
        await job.status()
        assert [video async for video in heygen.videos.list()]
    for request in fake.requests:
        assert KEY not in request.url
        assert KEY.encode() not in request.body
        assert [name for name, value in request.headers.items() if KEY in value] == ["x-api-key"]


async def test_cookies_of_the_api_are_not_kept(fake: FakeHeyGen) -> None:
    """A cookie set by a gateway would tie calls together and leak to other hosts."""
    from tests.fake_heygen import patched

    def cookie(server: FakeHeyGen, request: Any, work: Any) -> fake_heygen.Reply:
        reply = patched(lambda payload: None)(server, request, work)
        reply.headers["Set-Cookie"] = "session=abc; Path=/"
        return reply

    fake.on("*", cookie, times=None)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
        await heygen.videos.create(AVATAR)
    assert fake.paid == 2


async def test_nothing_that_users_hold_shows_a_secret(fake: FakeHeyGen) -> None:
    """`repr` of client, copies, resources, handles, videos and updates."""
    fake.plan = ["completed"]
    async with heygen_on(fake, polling=QUICK) as heygen:
        job = await heygen.videos.create(AVATAR)
        video = await job.wait()
        updates = [update async for update in job.updates()]
        held: list[Any] = [heygen, heygen.with_options(retries=FAST), heygen.videos, job, video, updates]
    assert video.video_url
    assert SIGNATURE in video.video_url
    for thing in held:
        assert clean(repr(thing)), thing
        assert clean(str(thing)), thing


def test_the_client_cannot_be_pickled_with_its_key() -> None:
    """A client belongs to its process; handles are rebuilt from ids."""
    from heygen_async import AsyncHeyGen

    with contextlib.suppress(TypeError, AttributeError, HeyGenError, pickle.PicklingError):
        assert KEY.encode() not in pickle.dumps(AsyncHeyGen(KEY))
