"""One attempt at a call: where the key goes, how long it may take, and what can come back."""

from __future__ import annotations

import pickle
import re
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import pytest

from heygen_async import APIConnectionError, APITimeoutError, ConfigurationError, Limits, Timeouts
from heygen_async._transport import tls as tls_module
from heygen_async._transport.api_lane import ApiCall, pool_size
from heygen_async._transport.failures import describe, kinds_of
from heygen_async._transport.tls import SharedTls
from heygen_async._version import USER_AGENT
from tests.act_floor import GET, POST, lane_behind, lane_on
from tests.clock import virtual_time
from tests.fake_heygen import KEY, FakeHeyGen

pytestmark = pytest.mark.anyio

OK: dict[str, Any] = {"data": {"a": 1}}


def raising(error: BaseException) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return handler


class Crowd:
    """Answers slowly, and counts how many requests are in the client's hands at once."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.inside = self.most = self.total = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.total += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        return httpx.Response(200, stream=SlowBody(self))


class SlowBody(httpx.AsyncByteStream):
    """A body that takes its time: the connection is in use until it is read, or closed unread."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"data":'
        await anyio.sleep(self.crowd.seconds)
        yield b' {"a": 1}}'

    async def aclose(self) -> None:
        self.crowd.inside -= 1


# The request


async def test_the_request_is_what_the_call_says() -> None:
    """Path below the base URL, query, JSON, our headers."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=OK)

    lane = lane_behind(handler)
    await lane.send(POST, Timeouts())
    await lane.send(
        ApiCall(method="GET", path="/v3/videos", endpoint="x", params={"limit": 5, "token": "a&b"}), Timeouts()
    )
    post, get = seen
    assert (post.method, str(post.url), post.content) == ("POST", "https://api.heygen.com/v3/videos", b'{"a":1}')
    assert post.headers["Content-Type"] == "application/json"
    assert (post.headers["Idempotency-Key"], post.headers["User-Agent"]) == ("order-1", USER_AGENT)
    assert (get.method, str(get.url), get.content) == (
        "GET",
        "https://api.heygen.com/v3/videos?limit=5&token=a%26b",
        b"",
    )
    assert "Idempotency-Key" not in get.headers
    assert get.headers["Accept"] == "application/json"
    for request in seen:
        assert [name for name, value in request.headers.items() if KEY in value] == ["x-api-key"]
        assert KEY not in str(request.url)


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000/prefix", "https://api.heygen.com"])
async def test_a_users_base_url_default_query_and_headers_do_not_lead_astray(base: str) -> None:
    """The caller's client may be made for something else; ours wins where both say something."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=OK)

    http = httpx.AsyncClient(
        transport=httpx.MockTransport(handler),
        base_url="https://elsewhere.test/x",
        headers={"X-Api-Key": "stale", "X-Mine": "1"},
    )
    await lane_on(http, base_url=base).send(GET, Timeouts())
    assert str(seen[0].url) == f"{base}/v3/videos/v"
    assert (seen[0].headers.get_list("X-Api-Key"), seen[0].headers["X-Mine"]) == ([KEY], "1")
    assert http.headers["X-Api-Key"] == "stale"


async def test_the_calls_are_marked_by_what_they_do() -> None:
    """A POST or DELETE gets the long time-out; nothing waits in the pool; `repr` shows no body."""
    seen: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200, json=OK)

    lane = lane_behind(handler)
    delete = ApiCall(method="DELETE", path="/v3/videos/v", endpoint="x")
    for call in (GET, POST, delete):
        await lane.send(call, Timeouts(connect=3, read=20, write=90))
    assert seen == [{"connect": 3, "read": total, "write": total, "pool": None} for total in (20, 90, 90)]
    assert (GET.changes_something, POST.changes_something, delete.changes_something) == (False, True, True)
    assert "'a'" not in repr(POST)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_56_no_redirect_is_followed(status: int) -> None:
    """Even if the caller's client follows them for its own calls; its setting stays."""
    hosts: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(status, headers={"Location": "https://evil.test/"})

    http = httpx.AsyncClient(transport=httpx.MockTransport(handler), follow_redirects=True)
    answer = await lane_on(http).send(POST, Timeouts())
    assert (answer.status, answer.headers["location"], hosts) == (status, "https://evil.test/", ["api.heygen.com"])
    assert http.follow_redirects


# The answer


async def test_the_answer_is_bytes_and_lower_case_headers() -> None:
    """With what the decoder needs to know about the call; the key is not in its `repr`."""
    headers = [("X-Request-ID", "r-1"), ("X-Many", "a"), ("X-MANY", "b")]
    before = time.time()
    answer = await lane_behind(lambda request: httpx.Response(503, headers=headers, content=b"\x00\xff")).send(
        POST, Timeouts()
    )
    assert (answer.method, answer.path, answer.status, answer.body) == ("POST", "/v3/videos", 503, b"\x00\xff")
    assert (answer.request_id, answer.headers["x-many"]) == ("r-1", "a, b")
    assert before <= answer.wall_clock <= time.time()
    assert answer.secrets == (KEY,)
    assert KEY not in repr(answer)


async def test_a_hook_that_raises_for_a_status_still_gives_the_answer() -> None:
    """A caller's client may have one; a 503 to a submission must not come out as somebody else's exception."""

    async def hook(response: httpx.Response) -> None:
        response.raise_for_status()

    async def reading_hook(response: httpx.Response) -> None:
        await response.aread()
        response.raise_for_status()

    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"busy"

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, stream=Stream(), headers={"Retry-After": "7"})

    for hooked, body in ((hook, b""), (reading_hook, b"busy")):
        answer = await lane_behind(handler, event_hooks={"response": [hooked]}).send(POST, Timeouts())
        assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "7", body)


# Failures


def failures(library: Any) -> list[Any]:
    """Return exceptions of an HTTP library, whether the request may have been sent, and whether it is a time-out."""
    return [
        (library.ConnectError("refused"), False, False),
        (library.ConnectTimeout("slow"), False, True),
        (library.PoolTimeout("full"), False, True),
        (library.ProxyError("407"), False, False),
        (library.UnsupportedProtocol("gopher"), False, False),
        (library.ReadTimeout("slow"), True, True),
        (library.WriteTimeout("slow"), True, True),
        (library.ReadError("reset"), True, False),
        (library.WriteError("broken pipe"), True, False),
        (library.CloseError("x"), True, False),
        (library.RemoteProtocolError("Server disconnected without sending a response."), True, False),
        (library.LocalProtocolError("x"), True, False),
        (library.DecodingError("bad gzip"), True, False),
        (library.TooManyRedirects("x"), True, False),
        (library.StreamClosed(), True, False),
        (ssl.SSLError("bad record mac"), True, False),
        (anyio.EndOfStream(), True, False),
        (anyio.BrokenResourceError(), True, False),
        (anyio.ClosedResourceError(), True, False),
        (ConnectionResetError("reset"), True, False),
        (OSError(5, "input/output"), True, False),
        (TimeoutError("slow"), True, True),
    ]


@pytest.mark.parametrize(("error", "sent", "late"), failures(httpx), ids=repr)
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})], ids=["asyncio"])
async def test_03_every_failure_is_a_connection_error(error: Exception, sent: bool, late: bool) -> None:
    """`request_sent` is False only where the server surely got nothing; the cause is kept, and it pickles."""
    with pytest.raises(APIConnectionError) as caught:
        await lane_behind(raising(error)).send(POST, Timeouts())
    assert (caught.value.request_sent, isinstance(caught.value, APITimeoutError)) == (sent, late)
    assert caught.value.__cause__ is error
    assert re.match(rf"POST \S*/v3/videos failed: {type(error).__name__}", str(caught.value))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.request_sent) == (str(caught.value), sent)


@pytest.mark.parametrize("number", range(len(failures(httpx))))
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})], ids=["asyncio"])
async def test_a_client_of_the_fork_fails_with_the_forks_errors(number: int) -> None:
    """httpx2 beside httpx, not in its place: the classes are those of the client's own library."""
    import httpx2

    error, sent, late = failures(httpx2)[number]
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(raising(error)))
    with pytest.raises(APIConnectionError) as caught:
        await lane_on(http).send(POST, Timeouts())
    assert (caught.value.request_sent, isinstance(caught.value, APITimeoutError)) == (sent, late)


async def test_a_client_of_the_fork_works() -> None:
    """And the SDK's own client is untouched by it."""
    import httpx2

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, json=OK)))
    answer = await lane_on(http).send(POST, Timeouts())
    assert (answer.status, answer.body) == (200, b'{"data":{"a":1}}')


def test_the_kinds_are_those_of_the_clients_root_package() -> None:
    """A subclass belongs to its library; anything unknown is taken for httpx."""
    import httpx2

    class Mine(httpx2.AsyncClient):
        pass

    class Stranger:
        pass

    assert kinds_of(object.__new__(Mine)).timeout[0] is httpx2.TimeoutException
    assert kinds_of(object.__new__(httpx.AsyncClient)).timeout[0] is httpx.TimeoutException
    assert kinds_of(Stranger()).timeout[0] is httpx.TimeoutException


def test_an_unfinished_library_is_not_asked_for_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that only happens to have a `RequestError` is not an HTTP library of this family."""
    import sys
    import types

    package = types.ModuleType("somebodys")
    package.RequestError = ValueError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebodys", package)
    client = type("Client", (), {"__module__": "somebodys.clients"})()
    assert kinds_of(client).any[0] is httpx.RequestError


async def test_a_failure_shows_no_signed_link() -> None:
    """Some errors quote the URL."""
    error = httpx.ConnectError("no route to https://u:MARK@h/x?Signature=MARK")
    with pytest.raises(APIConnectionError) as caught:
        await lane_behind(raising(error)).send(GET, Timeouts())
    assert "MARK" not in str(caught.value)
    assert "https://h/x?..." in str(caught.value)
    assert describe(OSError()) == "OSError"


@pytest.mark.parametrize(
    "error", [ValueError("mine"), RuntimeError("mine"), KeyError("mine"), ConfigurationError("mine")]
)
async def test_what_is_no_failure_of_the_network_passes_through(error: Exception) -> None:
    """A mistake in a caller's transport or hook is not disguised; the place in the lane is given back."""
    lane = lane_behind(raising(error), limits=Limits(max_connections=1))
    for _ in range(3):
        with pytest.raises(type(error), match="mine"):
            await lane.send(GET, Timeouts())


# Time


@virtual_time
@pytest.mark.parametrize(("call", "seconds"), [(GET, 30), (POST, 120)], ids=["read", "write"])
@pytest.mark.parametrize("where", ["headers", "body"])
async def test_02_an_attempt_is_bounded_as_a_whole(call: ApiCall, seconds: float, where: str) -> None:
    """HTTP libraries bound the pauses only: a body that drips would go on for ever."""

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await anyio.sleep(1)
                yield b" "

    async def handler(request: httpx.Request) -> httpx.Response:
        if where == "headers":
            await anyio.sleep(10_000)
        return httpx.Response(200, stream=Drip())

    started = anyio.current_time()
    with pytest.raises(APITimeoutError, match=rf"within {seconds} s") as caught:
        await lane_behind(handler).send(call, Timeouts())
    assert anyio.current_time() - started == seconds
    assert caught.value.request_sent


@virtual_time
async def test_the_callers_own_deadline_passes_untouched() -> None:
    """It is no `APITimeoutError`: the caller set it, the caller gets it; the place in the lane is given back."""
    crowd = Crowd(1000)
    lane = lane_behind(crowd, limits=Limits(max_connections=1))
    for _ in range(3):
        with pytest.raises(TimeoutError) as caught:
            with anyio.fail_after(5):
                await lane.send(GET, Timeouts())
        assert not isinstance(caught.value, APITimeoutError)
    assert (crowd.total, crowd.inside) == (3, 0)


@virtual_time
async def test_a_lane_is_never_wider_than_its_limit() -> None:
    """The place is held until the body is read: the pool never sees more requests than it has connections."""
    crowd = Crowd(20)
    lane = lane_behind(crowd, limits=Limits(max_connections=3))
    async with anyio.create_task_group() as tg:
        for _ in range(30):
            tg.start_soon(lane.send, GET, Timeouts())
    assert (crowd.most, crowd.total, anyio.current_time()) == (3, 30, pytest.approx(200))


@virtual_time
async def test_time_in_our_queue_does_not_count() -> None:
    """60 calls over 5 places take 240 s together, each with a time-out of 30: none fails."""
    lane = lane_behind(Crowd(20), limits=Limits(max_connections=5))
    async with anyio.create_task_group() as tg:
        for _ in range(60):
            tg.start_soon(lane.send, GET, Timeouts(read=30))
    assert anyio.current_time() == pytest.approx(240)


@virtual_time
async def test_cancelled_calls_leave_no_trace_in_the_queue() -> None:
    """Whether they were waiting or under way."""
    crowd = Crowd(10)
    lane = lane_behind(crowd, limits=Limits(max_connections=2))
    async with anyio.create_task_group() as tg:
        for _ in range(20):
            tg.start_soon(lane.send, GET, Timeouts())
        await anyio.sleep(15)
        tg.cancel_scope.cancel()
    assert crowd.inside == 0
    started = anyio.current_time()
    async with anyio.create_task_group() as tg:
        for _ in range(2):
            tg.start_soon(lane.send, GET, Timeouts())
    assert anyio.current_time() - started == 10


# Clients


@pytest.mark.parametrize("size", [1, 3, 16, 100])
async def test_a_callers_smaller_pool_narrows_the_lane(size: int) -> None:
    """Nothing may queue inside it; a larger one is not used up."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=size), trust_env=False) as http:
        assert pool_size(http) == size
        assert lane_on(http)._limiter.total_tokens == min(size, 16)


async def test_a_pool_that_cannot_be_seen_is_taken_for_large_enough() -> None:
    """A transport of the caller's own, or an unbounded pool."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), trust_env=False) as http:
        assert lane_on(http)._limiter.total_tokens == 16
    assert pool_size(object()) is pool_size(None) is None
    assert lane_behind(raising(ValueError()))._limiter.total_tokens == 16


async def test_a_callers_client_is_never_closed() -> None:
    """Also when the lane is closed, once or more."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=OK)))
    lane = lane_on(http)
    await lane.send(GET, Timeouts())
    await lane.aclose()
    await lane.aclose()
    assert not http.is_closed
    assert (await http.get("https://example.test")).status_code == 200


async def test_55_a_callers_closed_client_is_named() -> None:
    """In our words, and without a hang."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=OK)))
    await http.aclose()
    with pytest.raises(ConfigurationError, match="http_client that was passed in is closed"):
        await lane_on(http).send(GET, Timeouts())


@pytest.mark.parametrize("wrong", [object(), "https://api.heygen.com", httpx.AsyncClient, 5])
async def test_what_is_no_client_is_refused(wrong: Any) -> None:
    """At once, with the type that came. A class instead of an object counts."""
    with pytest.raises(ConfigurationError, match=r"must be an httpx\.AsyncClient, not"):
        lane_on(wrong)


async def test_a_sync_client_is_refused_before_it_sends() -> None:
    """`await` would fail only after the request had gone out."""
    with httpx.Client(trust_env=False) as http, pytest.raises(ConfigurationError, match=r"AsyncClient, not Client"):
        lane_on(http)


async def test_55_a_closed_lane_says_so() -> None:
    """Before anything is sent."""
    lane = lane_behind(raising(AssertionError("sent")))
    lane._guard.closed = True
    with pytest.raises(ConfigurationError, match="closed"):
        await lane.send(GET, Timeouts())


async def test_the_own_client_is_made_once_and_closed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first call, however many come at once; its pool keeps all its connections alive."""
    made: list[dict[str, Any]] = []
    original = httpx.AsyncClient

    def making(**options: Any) -> httpx.AsyncClient:
        made.append(options)
        return original(**options)

    monkeypatch.setattr("heygen_async._transport.api_lane.httpx.AsyncClient", making)
    fake = FakeHeyGen()
    with fake.serve() as server:
        lane = lane_on(base_url=server.url, limits=Limits(max_connections=4))
        async with anyio.create_task_group() as tg:
            for _ in range(12):
                tg.start_soon(lane.send, ApiCall(method="GET", path="/v3/videos", endpoint="x"), Timeouts())
        (options,) = made
        assert (options["limits"].max_connections, options["limits"].max_keepalive_connections) == (4, 4)
        assert 30 <= options["limits"].keepalive_expiry <= 55
        assert isinstance(options["verify"], ssl.SSLContext)
        assert not {"headers", "auth", "follow_redirects", "http2"} & set(options)
        assert len(fake.requests) == 12
        assert server.connections <= 4
        await lane.aclose()
        await lane.aclose()
    assert lane._own is None


async def test_the_tls_context_is_built_once_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs some 20 ms of blocking work."""
    threads: list[int] = []

    def build() -> ssl.SSLContext:
        threads.append(threading.get_ident())
        return ssl.create_default_context()

    monkeypatch.setattr(tls_module.httpx, "create_ssl_context", build)
    shared, contexts = SharedTls(), []

    async def ask() -> None:
        contexts.append(await shared.context())

    async with anyio.create_task_group() as tg:
        for _ in range(5):
            tg.start_soon(ask)
    assert len(set(map(id, contexts))) == 1
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_a_tls_context_that_cannot_be_built_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate file that was missing for a moment must not break the client for good."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    shared = SharedTls()
    with pytest.raises(OSError, match="No such file"):
        await shared.context()
    monkeypatch.delenv("SSL_CERT_FILE")
    assert isinstance(await shared.context(), ssl.SSLContext)


def test_a_lane_is_made_outside_of_any_loop() -> None:
    """Clients are made at import time in many programs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    lane = lane_on(base_url=f"http://127.0.0.1:{port}")

    async def use() -> None:
        with pytest.raises(APIConnectionError) as caught:
            await lane.send(GET, Timeouts())
        assert not caught.value.request_sent
        await lane.aclose()

    anyio.run(use)
