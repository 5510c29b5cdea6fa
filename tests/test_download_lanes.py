"""The two ways to fetch: straight from the socket in a thread, and through any async client."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import pytest

from heygen_async import DownloadError, DownloadIncompleteError, DownloadUrlError
from heygen_async._policies import Limits, RetryPolicy
from heygen_async._protocol.file_answers import FileAnswer
from heygen_async._protocol.resuming import Ask, Memo, Take, Verdict
from heygen_async._transport import file_thread
from heygen_async._transport.file_line import Line
from heygen_async._transport.file_requests import BrokenError, FileRules
from heygen_async._transport.file_socket import BodySocket, Processors
from tests import file_server as host
from tests.clock import virtual_time
from tests.downloads import CONTEXT, Kit, ReadyTls, kit_on, loopback_tls, quick_folder, renewing
from tests.file_server import FileServer, mp4

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture
async def kit(server: FileServer, folder: Path) -> AsyncIterator[Kit]:
    async with kit_on(server, folder) as kit:
        yield kit


# Straight from the socket


class Bin:
    """A sink that keeps everything, and asks for all of it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.answers: list[FileAnswer] = []
        self.ask = Ask(offset=0, memo=Memo(source="x"))

    def begin(self, answer: FileAnswer) -> Verdict:
        self.answers.append(answer)
        return Take(0, Memo(source="x"))

    def write(self, block: memoryview) -> None:
        self.data += block

    def count_wire_bytes(self, received: int) -> None: ...


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Log the length of every body that is read straight from the socket."""
    lengths: list[int] = []
    read = file_thread._read_directly

    def logged(body: BodySocket, length: int, attempt: Any) -> None:
        lengths.append(length)
        read(body, length, attempt)

    monkeypatch.setattr(file_thread, "_read_directly", logged)
    return lengths


RULES = FileRules(connect=5, stall=5, allow_insecure=True)


def fetched(url: str, client: httpx.Client | None = None) -> Bin:
    """Fetch in this thread."""
    sink = Bin()
    with contextlib.ExitStack() as stack:
        client = client or stack.enter_context(httpx.Client(verify=CONTEXT, trust_env=False))
        line = stack.enter_context(contextlib.closing(Line(10)))
        file_thread.receive(file_thread.ask(client, url, {}, line, RULES), sink, line, RULES, Processors())
    return sink


def pieces(*sizes: int, head: bytes = b"", end: bytes = b"\r\n") -> host.Behaviour:
    """Send head and body in pieces of these sizes (the last one again and again), after another `head`."""

    def behave(exchange: host.Exchange) -> None:
        body = exchange.server.body
        lines = [b"HTTP/1.1 200 OK", f"Content-Length: {len(body)}".encode(), b"Content-Type: video/mp4", b"", b""]
        data, rest = head + end.join(lines) + body, list(sizes)
        while data:
            size = rest.pop(0) if len(rest) > 1 else rest[0]
            exchange.send(data[:size])
            data = data[size:]
            time.sleep(0.0005)

    return behave


@pytest.mark.parametrize(
    "behaviour",
    [
        pieces(10**9),
        pieces(1, 1, 1, 10**9),
        pieces(83, 1, 1, 10**9),
        pieces(40, 10**9),
        pieces(10**9, head=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        pieces(10**9, head=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"),
        pieces(10**9, end=b"\n"),
        host.well,
    ],
)
def test_not_one_byte_of_the_body_is_lost_behind_the_head(
    server: FileServer, direct: list[int], behaviour: Any
) -> None:
    """However head and body are split over packets, and whatever comes before the head."""
    server.body = b"\n\r\n\r\n\n" + mp4(70_000)
    server.script = [behaviour]
    assert bytes(fetched(server.url).data) == server.body
    assert direct == [len(server.body)]


def long_head(length: int) -> host.Behaviour:
    """Send a head of so many bytes."""

    def behave(exchange: host.Exchange) -> None:
        body = exchange.server.body
        lines = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {len(body)}\r\nX: "
        exchange.send(f"{lines:x<{length - 4}}\r\n\r\n".encode() + body)

    return behave


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 65_538, 65_539, 65_540, 80_000])
def test_a_head_may_be_longer_than_what_is_read_at_once(direct: list[int], length: int, tls: bool) -> None:
    """Its last line may be split anywhere, and the body may have empty lines that look like the end of a head."""
    ours, theirs = loopback_tls() if tls else (None, CONTEXT)
    with FileServer(tls=ours) as there, httpx.Client(verify=theirs, trust_env=False) as client:
        there.body = b"WEBVTT\n\n00:01 --> 00:02\r\n\r\nhello\n\n" * 20
        there.script = [long_head(length)]
        assert bytes(fetched(there.url, client).data) == there.body
    assert direct == [len(there.body)]


@pytest.mark.parametrize("behaviour", [host.chunked(), host.close_delimited(), host.gzipped])
def test_only_a_plain_body_with_a_length_is_read_from_the_socket(
    server: FileServer, direct: list[int], behaviour: Any
) -> None:
    """Everything else goes through the HTTP parser."""
    server.body = mp4(2_500_000)
    server.script = [behaviour]
    assert bytes(fetched(server.url).data) == server.body
    assert direct == []


def test_tls_is_read_from_its_socket(direct: list[int]) -> None:
    """Decrypted, of course."""
    ours, theirs = loopback_tls()
    with FileServer(tls=ours) as server, httpx.Client(verify=theirs, trust_env=False) as client:
        assert bytes(fetched(server.url, client).data) == server.body
    assert direct == [300_000]


async def test_a_stalled_tls_connection_is_cut_and_continued(folder: Path) -> None:
    """Silence inside TLS: the wait is cut short by the stall time, or by cancelling."""
    ours, theirs = loopback_tls()
    with FileServer(tls=ours) as server:
        async with kit_on(server, folder, tls=ReadyTls(theirs)) as kit:
            server.script = [host.stall(100_000)]
            await kit.save(stall=0.1)
            kit.assert_only_the_film()
            server.script, server.seen[:] = [host.stall(100_000)], []
            server.holding.clear()
            async with anyio.create_task_group() as group:
                group.start_soon(partial(kit.save, path=folder / "second.mp4", stall=3600.0))
                await anyio.to_thread.run_sync(server.holding.wait, 5)
                group.cancel_scope.cancel()
            await kit.save(path=folder / "second.mp4")
            assert (folder / "second.mp4").read_bytes() == server.body


def test_a_proxy_for_clear_text_is_read_from_its_socket(server: FileServer, direct: list[int]) -> None:
    """The proxy's answer is the file's."""
    with httpx.Client(verify=CONTEXT, proxy=server.origin, trust_env=False) as client:
        assert bytes(fetched("http://heygen.invalid/film.mp4", client).data) == server.body
    assert server.seen[0].target == "http://heygen.invalid/film.mp4"
    assert direct == [300_000]


def tunnel(to: int) -> int:
    """Start a proxy that connects to a local port, whatever it is asked for; return its own port."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with listener, listener.accept()[0] as near, socket.create_connection(("127.0.0.1", to)) as far:
            while b"\r\n\r\n" not in near.recv(65_536):
                pass
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(far, near))
            back.start()
            pump(near, far)
            back.join(5)

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def test_a_tunnel_through_a_proxy_is_read_from_its_socket(direct: list[int]) -> None:
    """Two heads on one connection, TLS in between."""
    ours, theirs = loopback_tls()
    with FileServer(tls=ours) as server:
        port = tunnel(server.port)
        with httpx.Client(verify=theirs, proxy=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert bytes(fetched(f"https://localhost:{server.port}/film.mp4", client).data) == server.body
    assert direct == [300_000]


def test_a_mocked_client_is_read_through_httpx(direct: list[int]) -> None:
    """Users' test doubles have no socket."""
    body = mp4(1_500_000)
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body))) as client:
        assert bytes(fetched("https://heygen.invalid/film.mp4", client).data) == body
    assert direct == []


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"HTTP/1.1 200 OK\nA: b\n\n"])
def test_a_head_is_read_to_its_end_and_not_a_byte_further_however_it_comes(head: bytes) -> None:
    """In two pieces, at every point, with the body right behind it."""

    class Stream:
        def __init__(self, found: socket.socket) -> None:
            self.read = found.recv
            self.found = found

        def get_extra_info(self, _: str) -> Any:
            return self.found

    everything = head + b"\n\nbody"
    for cut in range(len(everything)):
        ours, theirs = socket.socketpair()
        with ours, theirs, contextlib.closing(Line(5)) as line:
            stream = Stream(ours)
            line.trace("connection.connect_tcp.complete", {"return_value": stream})
            line.trace("http11.receive_response_headers.started", {})
            first, second = everything[:cut], everything[cut:]
            theirs.sendall(first)
            later = threading.Timer(0.001, theirs.sendall, [second])
            later.start()
            assert cast("Any", stream.read)(1000, 5.0) == head
            later.join()
            assert line.body_socket(stream) is ours
            assert ours.recv(100) == b"\n\nbody"


def test_tls_within_tls_is_not_read_from_the_socket() -> None:
    """There the socket has the outer layer only."""
    ours, theirs = socket.socketpair()

    class Stream:
        def __init__(self) -> None:
            self.read = lambda *_: b"\r\n\r\n"

        def get_extra_info(self, _: str) -> Any:
            return ours

    line, streams = Line(5), [Stream(), Stream(), Stream()]
    line.trace("connection.connect_tcp.complete", {"return_value": streams[0]})
    for layer, stream in enumerate(streams):
        if layer:
            line.trace("http_proxy.start_tls.complete", {"return_value": stream})
        line.trace("http11.receive_response_headers.started", {})
        if layer < 2:
            theirs.sendall(b"\r\n\r\n")
        assert stream.read(100) == b"\r\n\r\n"
        line.trace("http11.receive_response_headers.complete", {})
        assert line.body_socket(streams[0]) is (ours if layer == 0 else None)
        assert line.body_socket(stream) is (None if layer == 2 else ours)
        stream.read(100)
        assert line.body_socket(stream) is None
    line.close()
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("method", "error"), [("cut", "the download was cancelled"), ("dead", "nothing came for 0.05 s")]
)
def test_a_body_without_a_socket_can_be_cut_and_can_stall(method: str, error: str) -> None:
    """The thread looks at its line between two chunks; a read time-out of the client is a stall."""
    line, sink = Line(10), Bin()

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"first"
            if method == "cut":
                line.cut()
                yield b"second"
            raise httpx.ReadTimeout("slow")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Body()))
    rules = FileRules(connect=1, stall=0.05)
    with httpx.Client(transport=transport) as client:
        response = file_thread.ask(client, "https://heygen.invalid/x", {}, line, rules)
        with pytest.raises(BrokenError) as caught:
            file_thread.receive(response, sink, line, rules, Processors())
    assert caught.value.reason == error
    assert sink.data.startswith(b"first")


async def test_the_environments_proxy_is_not_used_for_this_machine(
    kit: Kit, server: FileServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy variable that points nowhere does not keep loopback hosts away."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    await kit.save()
    kit.assert_only_the_film()


async def test_no_connection_is_kept_for_the_next_file(kit: Kit) -> None:
    """An old connection may be dead without telling, and a stall on it could not be cut."""
    hung_up = threading.Event()

    def keep_alive(exchange: host.Exchange) -> None:
        body = exchange.server.body
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: video/mp4\r\n\r\n")
        exchange.send(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
        if exchange.connection.recv(1) == b"":
            hung_up.set()

    kit.server.script = [keep_alive]
    await kit.save()
    assert await anyio.to_thread.run_sync(hung_up.wait, 5)


async def test_cookies_of_a_file_host_are_not_kept(kit: Kit) -> None:
    """Neither sent back nor collected."""
    kit.server.always = host.changed(set_cookie="track=me; Path=/")
    await kit.save()
    await kit.save(path=kit.folder / "second.mp4")
    kit.assert_no_credentials()
    assert kit.lane._blocking is not None
    assert not kit.lane._blocking.cookies


@pytest.mark.parametrize("lane", ["thread", "async"])
async def test_no_log_record_has_a_signature(
    server: FileServer, folder: Path, lane: str, caplog: pytest.LogCaptureFixture
) -> None:
    """httpx and httpcore log URLs and Location headers; ours lose their queries, in worker threads too."""
    with caplog.at_level(logging.DEBUG):
        async with kit_on(server, folder, lane=lane) as kit:
            server.script = [host.redirect("/other.mp4?Signature=s3cr3t"), host.EXPIRED, host.chunked(100)]
            source, _ = renewing(server.url, first=server.url)
            await kit.save(source)
            async with kit.downloader.open_stream(source) as body:
                async for _ in body:
                    pass
    assert "s3cr3t" not in caplog.text
    assert "film.mp4" in caplog.text


@pytest.mark.parametrize("url", ["https://[::1", "https://" + "x" * 70_000, "https://h\u2100/x", "https://h:99999/x"])
async def test_a_url_that_httpx_does_not_take_is_refused(kit: Kit, url: str) -> None:
    """Whatever is wrong with it."""
    await kit.fails(DownloadUrlError, url)


# A caller's own client


async def test_a_supplied_client_is_left_as_it_was(server: FileServer, folder: Path) -> None:
    """Not closed, its headers unchanged, its credentials not sent."""
    headers = {"X-Api-Key": "key", "Authorization": "Bearer key"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, verify=CONTEXT) as client:
        before = dict(client.headers)
        async with kit_on(server, folder, client=client) as kit:
            await kit.save()
            kit.assert_no_credentials()
        assert not client.is_closed
        assert dict(client.headers) == before
        assert (await client.get(server.url)).status_code == 200


async def test_a_client_that_raises_on_bad_status_is_understood(server: FileServer, folder: Path) -> None:
    """A popular hook; its complaint carries the answer."""

    async def complain(response: httpx.Response) -> None:
        response.raise_for_status()

    hooks = {"response": [complain]}
    async with (
        httpx.AsyncClient(event_hooks=hooks, trust_env=False, verify=CONTEXT) as client,
        kit_on(server, folder, client=client) as kit,
    ):
        server.script = [host.redirect("/b.mp4"), host.EXPIRED, host.cut(100_000), host.answer(416)]
        source, renewals = renewing(server.url, first=server.url)
        await kit.save(source)
        kit.assert_only_the_film()
        assert len(renewals) == 1


class Stream(httpx.AsyncByteStream):
    """A body from a list of chunks, pauses (numbers) and errors."""

    def __init__(self, *steps: bytes | float | Exception) -> None:
        self.steps = steps
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, bytes):
                yield step
            else:
                await anyio.sleep(step)

    async def aclose(self) -> None:
        self.closed = True


def mocked(*answers: httpx.Response | Exception) -> httpx.AsyncClient:
    """Return a client that gives these answers in turn."""
    rest = list(answers)

    def handle(_: httpx.Request) -> httpx.Response:
        answer = rest.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.AsyncClient(transport=httpx.MockTransport(handle))


HEAD = {"Content-Type": "video/mp4", "ETag": '"one"'}
HTTPS = "https://files.heygen.invalid/film.mp4?Signature=s3cr3t"


async def test_in_process_transports_work(server: FileServer, folder: Path) -> None:
    """ASGI: the body is buffered and cut without an error, so that only the length tells."""
    film = mp4(3_000_000)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        offset = int(dict(scope["headers"]).get(b"range", b"bytes=0-")[6:-1])
        rest = film[offset:]
        headers = [(b"content-length", b"%d" % len(rest)), (b"etag", b'"one"')]
        if offset:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (offset, len(film) - 1, len(film))))
        await send({"type": "http.response.start", "status": 206 if offset else 200, "headers": headers})
        await send({"type": "http.response.body", "body": rest[:2_000_000]})

    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client,
        kit_on(server, folder, client=client) as kit,
    ):
        await kit.save(HTTPS)
        assert kit.target.read_bytes() == film
        assert [event.bytes_done for event in kit.interruptions] == [2_000_000]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("peer closed"),
        httpx.StreamClosed(),
        anyio.EndOfStream(),
        anyio.BrokenResourceError(),
        ConnectionResetError("reset"),
        __import__("ssl").SSLError("bad record"),
    ],
)
async def test_whatever_a_connection_throws_is_an_interruption(
    server: FileServer, folder: Path, error: Exception
) -> None:
    """Also what escapes the tree of httpx; what came before it is written, and the response is closed."""
    film = mp4(300_000)
    broken = Stream(film[:200_000], error)
    rest = {**HEAD, "Content-Range": "bytes 200000-299999/300000", "Content-Length": "100000"}
    client = mocked(
        httpx.ConnectError("no route"),
        httpx.Response(200, headers={**HEAD, "Content-Length": "300000"}, stream=broken),
        httpx.Response(206, headers=rest, content=film[200_000:]),
    )
    async with client, kit_on(server, folder, client=client) as kit:
        await kit.save(HTTPS)
        assert kit.target.read_bytes() == film
        assert [event.bytes_done for event in kit.interruptions] == [0, 200_000]
    assert broken.closed


async def test_more_bytes_than_promised_are_not_the_file(server: FileServer, folder: Path) -> None:
    """Only in-process transports let that pass; it starts over."""
    film = mp4(2_000)
    client = mocked(
        httpx.Response(200, headers={**HEAD, "Content-Length": "1000"}, stream=Stream(film)),
        httpx.Response(200, headers={**HEAD, "Content-Length": "2000"}, stream=Stream(film)),
    )
    async with client, kit_on(server, folder, client=client) as kit:
        await kit.save(HTTPS)
        assert kit.target.read_bytes() == film


@virtual_time
async def test_a_stall_is_measured_on_the_loops_own_clock(server: FileServer, folder: Path) -> None:
    """An hour of silence in a test takes no time, and many minutes of slow progress are no stall."""
    film = mp4(100_000)
    slow = [step for start in range(0, 100_000, 10_000) for step in (50.0, film[start : start + 10_000])]
    client = mocked(
        httpx.Response(200, headers={"Content-Length": "100000"}, stream=Stream(film[:50], 3600.0)),
        httpx.Response(200, headers={"Content-Length": "100000"}, stream=Stream(film[:50], *[1.0, b"x"] * 100)),
        httpx.Response(200, headers={"Content-Length": "100000"}, stream=Stream(*slow)),
    )
    async with client, kit_on(server, folder, client=client) as kit:
        await kit.save(HTTPS, stall=60.0)
        assert kit.target.read_bytes() == film
        assert [event.reason for event in kit.interruptions] == [
            "nothing came for 60 s",
            "next to nothing came for 60 s",
        ]


@virtual_time
async def test_an_answer_that_does_not_begin_is_not_waited_for(server: FileServer, folder: Path) -> None:
    """Time-outs of the client's own transport may not exist."""

    async def handle(_: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(handle)) as client,
        kit_on(server, folder, client=client) as kit,
    ):
        error = await kit.fails(DownloadIncompleteError, HTTPS, stall=60.0, retries=RetryPolicy(max_attempts=2))
        assert "no answer came within 65 s" in str(error)


@virtual_time
async def test_pauses_follow_the_policy_and_the_hosts_wishes(server: FileServer, folder: Path) -> None:
    """Growing pauses, and Retry-After where it is longer."""
    film = mp4(1_000)
    client = mocked(
        httpx.Response(500),
        httpx.Response(429, headers={"Retry-After": "100"}),
        httpx.Response(503, headers={"Retry-After": "garbage"}),
        httpx.Response(200, content=film),
    )
    async with client, kit_on(server, folder, client=client) as kit:
        await kit.save(HTTPS, retries=RetryPolicy())
        first, second, third = (event.delay for event in kit.interruptions)
    assert 0.375 <= first <= 0.625
    assert 100 <= second <= 125
    assert 1.5 <= third <= 2.5


async def test_a_slow_disk_holds_up_the_reading(
    server: FileServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than two blocks wait in memory."""
    read: list[int] = [0]
    ahead: list[int] = []
    film = mp4(6_000_000)

    class Counting(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for start in range(0, len(film), 65_536):
                read[0] = start + 65_536
                yield film[start : start + 65_536]

    from heygen_async._partfile import PartFile

    write = PartFile.write

    def slow_write(part: PartFile, block: memoryview) -> None:
        time.sleep(0.02)
        ahead.append(read[0] - part.position)
        write(part, block)

    monkeypatch.setattr(PartFile, "write", slow_write)
    client = mocked(httpx.Response(200, headers={"Content-Length": str(len(film))}, stream=Counting()))
    async with client, kit_on(server, folder, client=client) as kit:
        await kit.save(HTTPS)
        assert kit.target.read_bytes() == film
    assert max(ahead) <= 4 * 1_048_576 + 65_536


@pytest.mark.parametrize(("connections", "downloads", "streams"), [(1, 1, 1), (4, 2, 2), (100, 4, 64)])
async def test_limits_stay_below_the_pool_of_a_supplied_client(
    server: FileServer, folder: Path, connections: int, downloads: int, streams: int
) -> None:
    """Nothing may queue inside the pool of httpx."""
    limits = httpx.Limits(max_connections=connections)
    async with (
        httpx.AsyncClient(limits=limits, verify=CONTEXT) as client,
        kit_on(server, folder, client=client) as kit,
    ):
        assert kit.lane._downloads.total_tokens == downloads
        assert kit.lane._streams.total_tokens == streams


async def test_nothing_is_made_before_first_use(server: FileServer, folder: Path) -> None:
    """No client, no TLS context, no connection; closing an unused lane is fine, twice too."""

    class Never:
        async def context(self) -> Any:
            raise AssertionError

    async with kit_on(server, folder, tls=Never(), limits=Limits(max_downloads=2)) as kit:
        await kit.downloader.check_target(kit.target)
        await kit.lane.aclose()
    assert server.seen == []


async def test_an_unknown_length_asked_of_a_silent_host_stays_unknown(kit: Kit) -> None:
    """Neither HEAD nor the first byte is answered."""
    kit.server.always = host.hang_up
    assert await kit.lane.length_of(kit.server.url, RULES) is None
    assert [seen.method for seen in kit.server.seen] == ["HEAD", "GET"]
    kit.server.always = host.redirect("http://example.test/")
    with pytest.raises(DownloadError):
        await kit.lane.length_of(kit.server.url, FileRules(connect=1, stall=1))
