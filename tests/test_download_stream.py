"""Files for passing on: known to be good before the first byte, and never silently cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import httpx
import pytest

from heygen_async import (
    DownloadCorruptError,
    DownloadExpiredError,
    DownloadIncompleteError,
    DownloadUrlError,
    RetryPolicy,
)
from heygen_async._download import FileSource, FileStream
from tests import file_server as host
from tests.downloads import LANES, QUICK, Kit, kit_on, quick_folder, renewing
from tests.file_server import FileServer, mp4

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture(params=LANES)
async def kit(request: pytest.FixtureRequest, server: FileServer) -> AsyncIterator[Kit]:
    with quick_folder() as folder:
        async with kit_on(server, folder, lane=request.param) as kit:
            yield kit


def opened(kit: Kit, source: FileSource | None = None, **options: Any) -> Any:
    """Open a stream with quick retries."""
    source = source or FileSource(url=kit.server.url)
    return kit.downloader.open_stream(source, **{"asset": "video", "retries": QUICK, "stall": 5.0, **options})


async def read(body: FileStream) -> bytes:
    """Return all chunks as one."""
    return b"".join([chunk async for chunk in body])


async def test_a_stream_has_status_headers_and_all_bytes(kit: Kit) -> None:
    """What a web client needs, and nothing about the connection; no credentials go out, nothing is written."""
    async with opened(kit) as body:
        assert body.status_code == 200
        assert body.media_type == "video/mp4"
        assert set(body.headers) == {
            "content-type",
            "content-length",
            "accept-ranges",
            "etag",
            "last-modified",
        }
        assert await read(body) == kit.server.body
    assert kit.files == []
    kit.assert_no_credentials()


async def test_a_range_is_passed_on(kit: Kit) -> None:
    """Seeking in a browser: 206 with its Content-Range."""
    async with opened(kit, range_header="bytes=1000-1999") as body:
        assert body.status_code == 206
        assert body.headers["content-range"] == "bytes 1000-1999/300000"
        assert body.headers["content-length"] == "1000"
        assert await read(body) == kit.server.body[1000:2000]


async def test_an_impossible_range_is_passed_on_without_a_body(kit: Kit) -> None:
    """416 is the web client's business."""
    async with opened(kit, range_header="bytes=400000-") as body:
        assert body.status_code == 416
        assert body.headers["content-range"] == "bytes */300000"
        assert await read(body) == b""


async def test_an_expired_link_is_renewed_before_the_body(kit: Kit) -> None:
    """The caller sees a 200, not the 403 before it."""
    kit.server.script = [host.EXPIRED, host.hang_up, host.answer(503)]
    source, renewals = renewing(kit.server.url)
    async with opened(kit, source) as body:
        assert await read(body) == kit.server.body
    assert len(renewals) == 2


async def test_a_link_that_stays_refused_ends_as_expired(kit: Kit) -> None:
    """With and without a way to renew it."""
    kit.server.always = host.EXPIRED
    source, renewals = renewing(kit.server.url)
    for each in (source, FileSource(url=kit.server.url)):
        with pytest.raises(DownloadExpiredError) as caught:
            async with opened(kit, each):
                pass
        assert "s3cr3t" not in str(caught.value)
    assert len(renewals) == 5


@pytest.mark.parametrize(
    "behaviour",
    [
        host.changed(content_type="text/html"),
        host.changed(content_type="application/json"),
        host.changed(body=lambda _: b"<!doctype html>" + bytes(299_985)),
        host.changed(content_length=0, body=lambda _: b""),
        host.changed(content_length=4, body=lambda _: b"what"),
    ],
)
async def test_an_error_page_is_refused_before_the_body(kit: Kit, behaviour: Any) -> None:
    """By its type, by its first bytes, or because there are none."""
    kit.server.always = behaviour
    with pytest.raises(DownloadCorruptError):
        async with opened(kit):
            pass


async def test_a_host_that_is_down_ends_in_an_error_before_the_body(kit: Kit) -> None:
    """Bounded attempts."""
    kit.server.always = host.hang_up
    with pytest.raises(DownloadIncompleteError):
        async with opened(kit):
            pass
    assert len(kit.server.seen) == 4


@pytest.mark.parametrize("behaviour", [host.cut(100_000), host.rst(100_000), host.chunked(65_536, ended=False)])
@pytest.mark.parametrize("range_header", [None, "bytes=1000-250000"])
async def test_a_broken_body_is_continued_where_it_was(kit: Kit, behaviour: Any, range_header: str | None) -> None:
    """The web client does not notice."""
    kit.server.script = [behaviour]
    async with opened(kit, range_header=range_header) as body:
        expected = kit.server.body if range_header is None else kit.server.body[1000:250_001]
        assert await read(body) == expected
    assert len(kit.server.seen) == 2
    assert kit.server.seen[1].headers["if-range"] == host.ETAG


@pytest.mark.parametrize("etag", [None, 'W/"one"'])
async def test_a_broken_body_that_cannot_be_continued_is_an_error(kit: Kit, etag: str | None) -> None:
    """Truncation never looks like an end."""
    kit.server.etag = etag
    kit.server.script = [host.cut(100_000)]
    async with opened(kit) as body:
        with pytest.raises(DownloadIncompleteError) as caught:
            await read(body)
    assert caught.value.bytes_done == 100_000


@pytest.mark.parametrize(
    "after",
    [host.ignore_range, host.changed(content_range="bytes 5-6/7"), host.changed(etag='"two"'), host.answer(416)],
)
async def test_the_rest_of_another_object_is_not_taken(kit: Kit, after: Any) -> None:
    """A changed file, an ignored range, a wrong one: an error, not a mixture."""
    kit.server.script = [host.cut(100_000), after]
    async with opened(kit) as body:
        with pytest.raises(DownloadIncompleteError):
            await read(body)


async def test_a_body_that_keeps_breaking_ends_in_an_error(kit: Kit) -> None:
    """Without progress, attempts are bounded."""
    kit.server.script = [host.cut(100_000)]
    kit.server.always = host.cut(0)
    async with opened(kit) as body:
        with pytest.raises(DownloadIncompleteError):
            await read(body)
    assert len(kit.server.seen) <= 5


async def test_a_stalled_body_is_continued(kit: Kit) -> None:
    """Silence for the stall time."""
    kit.server.script = [host.stall(100_000)]
    async with opened(kit, stall=0.1) as body:
        assert await read(body) == kit.server.body


async def test_a_body_without_a_length_is_compared_with_the_hosts_word(kit: Kit) -> None:
    """The connection's end is believed only if HEAD agrees."""
    kit.server.script = [host.close_delimited()]
    async with opened(kit) as body:
        assert "content-length" not in body.headers
        assert await read(body) == kit.server.body
    kit.server.script = [host.close_delimited(100_000)]
    async with opened(kit) as body:
        with pytest.raises(DownloadIncompleteError):
            await read(body)


async def test_a_compressed_body_is_undone(kit: Kit) -> None:
    """Its length and ETag are those of other bytes, and do not go along."""
    kit.server.script = [host.gzipped]
    async with opened(kit) as body:
        assert set(body.headers) == {"content-type"}
        assert await read(body) == kit.server.body


@pytest.mark.parametrize(
    ("content", "expected"),
    [(mp4(1_000), "video/mp4"), (b"\x1aE\xdf\xa3" + bytes(100), "video/webm"), (b"GIF89a" + bytes(100), "image/gif")],
)
async def test_a_type_that_says_nothing_is_replaced(kit: Kit, content: bytes, expected: str) -> None:
    """Storage hosts often say `binary/octet-stream`, which browsers do not play."""
    kit.server.body, kit.server.content_type = content, "binary/octet-stream"
    async with opened(kit, asset="gif" if expected == "image/gif" else "video") as body:
        assert body.media_type == expected
    async with opened(kit, range_header="bytes=50-") as body:
        assert body.media_type == "video/mp4"


async def test_leaving_early_closes_the_connection_and_frees_the_place(kit: Kit) -> None:
    """A web client that goes away: before, within and after the body."""
    kit.server.body = mp4(3_000_000)
    async with opened(kit):
        pass
    async with opened(kit) as body:
        async for chunk in body:
            assert chunk
            break
    with anyio.CancelScope() as scope:
        async with opened(kit) as body:
            await anext(body)
            scope.cancel()
            await read(body)
    assert scope.cancelled_caught
    assert kit.lane._streams.borrowed_tokens == 0


async def test_an_unsafe_link_is_refused(kit: Kit) -> None:
    """The same rules as for saving."""
    with pytest.raises(DownloadUrlError):
        async with opened(kit, FileSource(url="http://example.test/x.mp4")):
            pass


async def test_a_wish_to_wait_longer_than_allowed_ends_the_stream(kit: Kit) -> None:
    """`Retry-After` above the limit."""
    kit.server.always = host.answer(429, retry_after="1000")
    with pytest.raises(DownloadIncompleteError):
        async with opened(kit, retries=RetryPolicy(max_retry_after=10)):
            pass


async def test_a_mocked_client_streams_too() -> None:
    """Answers that were never on a wire."""
    film = mp4(100_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=film, headers={"Content-Type": "video/mp4"}))
    with quick_folder() as folder, FileServer() as server:
        async with (
            httpx.AsyncClient(transport=transport) as client,
            kit_on(server, folder, client=client) as kit,
            opened(kit, FileSource(url="https://heygen.invalid/x.mp4")) as body,
        ):
            assert await read(body) == film


async def test_a_short_body_that_nobody_complains_about_is_noticed() -> None:
    """In-process transports end a body early without an error; the rest is asked for, or it is an error."""
    film = mp4(100_000)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100000")]})
        await send({"type": "http.response.body", "body": film[:60_000]})

    with quick_folder() as folder, FileServer() as server:
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client,
            kit_on(server, folder, client=client) as kit,
            opened(kit, FileSource(url="https://heygen.invalid/x.mp4")) as body,
        ):
            with pytest.raises(DownloadIncompleteError, match="40,000 bytes early"):
                await read(body)
