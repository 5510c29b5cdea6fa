"""What a download survives: each numbered scenario against a real host on loopback, on both lanes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from heygen_async import (
    DownloadCorruptError,
    DownloadError,
    DownloadExpiredError,
    DownloadIncompleteError,
    DownloadTooLargeError,
    DownloadUrlError,
    RetryPolicy,
)
from heygen_async._download import FileSource
from tests import file_server as host
from tests.downloads import LANES, Kit, kit_on, quick_folder, renewing
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


@pytest.fixture(params=LANES)
async def kit(request: pytest.FixtureRequest, server: FileServer, folder: Path) -> AsyncIterator[Kit]:
    async with kit_on(server, folder, lane=request.param) as kit:
        yield kit


async def test_a_file_arrives_whole_in_one_request(kit: Kit) -> None:
    """The plain case: right bytes, missing folders made, nothing beside the file, no credentials, an event."""
    target = kit.folder / "made" / "for" / "film.mp4"
    saved = await kit.save(path=target, digest="sha256")
    assert target.read_bytes() == kit.server.body
    assert (saved.path, saved.size, saved.resumed_from) == (target, len(kit.server.body), 0)
    assert saved.digest == hashlib.sha256(kit.server.body).hexdigest()
    assert saved.elapsed > 0
    assert kit.files == ["film.mp4"]
    assert len(kit.server.seen) == 1
    assert [event.size for event in kit.saved_events] == [len(kit.server.body)]
    kit.assert_no_credentials()


async def test_33_an_expired_link_is_renewed(kit: Kit) -> None:
    """403 with XML, then a fresh link from the API: the file, with one renewal."""
    kit.server.script = [host.EXPIRED]
    source, renewals = renewing(kit.server.url + "&new", first=kit.server.url)
    await kit.save(source)
    kit.assert_only_the_film()
    assert len(renewals) == 1
    assert [seen.target.endswith("&new") for seen in kit.server.seen] == [False, True]
    assert [event.reason for event in kit.interruptions] == ["the file host answered 403"]
    kit.assert_no_credentials()


async def test_33_renewal_is_tried_a_few_times_only(kit: Kit) -> None:
    """A host that refuses every link ends the download after as many renewals as attempts are allowed."""
    kit.server.always = host.EXPIRED
    source, renewals = renewing(kit.server.url, first=kit.server.url)
    error = await kit.fails(DownloadExpiredError, source)
    assert "403" in str(error)
    assert error.url == f"{kit.server.origin}/files/film.mp4?..."
    assert len(renewals) == 4
    assert kit.files == []


async def test_33_without_a_link_one_is_asked_for_first(kit: Kit) -> None:
    """A source that has only a refresh is asked before the first request."""
    source, renewals = renewing(kit.server.url)
    await kit.save(source)
    assert len(renewals) == 1
    kit.assert_only_the_film()


@pytest.mark.parametrize("status", [401, 404, 410])
async def test_34_a_link_that_stays_refused_ends_as_expired(kit: Kit, status: int) -> None:
    """401, 404 and 410 mean what 403 means; a link that nobody can renew ends at once."""
    kit.server.always = host.answer(status, b"gone")
    await kit.fails(DownloadExpiredError)
    assert len(kit.server.seen) == 1
    assert kit.files == []


@pytest.mark.parametrize("status", [401, 404, 410])
async def test_34_a_refused_link_is_renewed(kit: Kit, status: int) -> None:
    """A file that appears only after a moment is waited for."""
    kit.server.script = [host.answer(status), host.answer(status)]
    source, renewals = renewing(kit.server.url, first=kit.server.url)
    await kit.save(source)
    kit.assert_only_the_film()
    assert len(renewals) == 2


async def test_35a_expiry_in_the_middle_goes_on_at_the_offset(kit: Kit) -> None:
    """A link that expires between two attempts: a fresh one continues the same object where it was."""
    kit.server.script = [host.cut(100_000), host.EXPIRED]
    source, renewals = renewing(kit.server.url.replace("film", "other"), first=kit.server.url)
    saved = await kit.save(source, digest="md5")
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=100000-", "bytes=100000-"]
    assert len(renewals) == 1
    assert saved.digest == hashlib.md5(kit.server.body).hexdigest()


async def test_35b_a_changed_object_starts_over(kit: Kit) -> None:
    """Behind the fresh link is another object: the bytes of the two are never mixed."""
    other = mp4(250_000, seed=2)
    kit.server.script = [host.cut(100_000), host.EXPIRED, host.new_object(other, '"two"')]
    source, _ = renewing(kit.server.url, first=kit.server.url)
    saved = await kit.save(source, digest="sha256")
    kit.assert_only_the_film(other)
    assert kit.server.seen[-1].headers["if-range"] == '"one"'
    assert saved.digest == hashlib.sha256(other).hexdigest()


async def test_35b_a_changed_object_in_a_206_starts_over(kit: Kit) -> None:
    """A host that ignores If-Range and sends the rest of another object is caught by its ETag."""
    other = mp4(300_000, seed=2)

    def rest_of_another(exchange: host.Exchange) -> None:
        exchange.seen.headers = {**exchange.seen.headers, "if-range": '"two"'}
        host.new_object(other, '"two"')(exchange)

    kit.server.script = [host.cut(100_000), rest_of_another]
    await kit.save()
    kit.assert_only_the_film(other)
    assert kit.server.ranges == [None, "bytes=100000-", None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_36_a_redirect_to_another_host_is_followed(kit: Kit, status: int) -> None:
    """The other host gets the request, and no credentials."""
    with FileServer(body=mp4(seed=3)) as elsewhere:
        kit.server.script = [host.redirect(elsewhere.url, status)]
        await kit.save()
        kit.assert_only_the_film(elsewhere.body)
        assert len(elsewhere.seen) == 1
        assert not {"x-api-key", "authorization", "cookie"} & set(elsewhere.seen[0].headers)


async def test_36_resuming_asks_through_the_redirect_again(kit: Kit) -> None:
    """A relative redirect, and a range that goes along with it."""
    kit.server.script = [host.redirect("/b.mp4"), host.cut(100_000), host.redirect("/b.mp4")]
    await kit.save()
    kit.assert_only_the_film()
    assert [host.path_of(seen) for seen in kit.server.seen] == [
        "/files/film.mp4",
        "/b.mp4",
        "/files/film.mp4",
        "/b.mp4",
    ]
    assert kit.server.ranges[-1] == "bytes=100000-"


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("http://example.test/film.mp4", DownloadUrlError),
        ("ftp://127.0.0.1/film.mp4", DownloadUrlError),
        ("file:///etc/passwd", DownloadUrlError),
        ("http://[broken", DownloadUrlError),
        ("", DownloadError),
    ],
)
async def test_36_a_redirect_away_from_https_is_refused(kit: Kit, to: str, error: type[DownloadError]) -> None:
    """Clear text to a public host, other schemes, nonsense: no request goes there, nothing is saved."""
    kit.server.script = [host.redirect(to)]
    await kit.fails(error)
    assert len(kit.server.seen) == 1
    assert kit.files == []


async def test_36_more_than_five_redirects_are_refused(kit: Kit) -> None:
    """Five are followed, the sixth is not."""
    kit.server.script = [host.redirect(f"/{n}") for n in range(5)]
    await kit.save()
    kit.assert_only_the_film()
    kit.server.always = host.redirect("/again")
    kit.server.seen.clear()
    await kit.fails(DownloadError, path=kit.folder / "second.mp4")
    assert len(kit.server.seen) == 6


@pytest.mark.parametrize("behaviour", [host.rst, host.cut], ids=["37_reset", "38_cut_below_content_length"])
async def test_37_38_a_broken_body_is_continued(kit: Kit, behaviour: Any) -> None:
    """Reset or closed in the middle: the rest is asked for, once, of the same object."""
    kit.server.script = [behaviour(123_456)]
    saved = await kit.save(digest="sha256")
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=123456-"]
    assert kit.server.seen[1].headers["if-range"] == host.ETAG
    assert saved.digest == hashlib.sha256(kit.server.body).hexdigest()
    assert saved.resumed_from == 0
    assert [event.bytes_done for event in kit.interruptions] == [123_456]
    kit.assert_no_credentials()


async def test_37_a_large_file_over_a_flaky_line_arrives(kit: Kit) -> None:
    """More breaks than attempts are allowed, but each attempt gets somewhere."""
    kit.server.body = mp4(1_000_000)
    kit.server.script = [host.rst(90_000) for _ in range(10)]
    await kit.save(retries=RetryPolicy(max_attempts=2, base=0.001))
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 11


async def test_37_attempts_without_progress_are_bounded(kit: Kit) -> None:
    """A host that breaks off at the same place for ever: an error, and a part file to go on from."""
    kit.server.script = [host.rst(100_000)]
    kit.server.always = host.rst(0)
    error = await kit.fails(DownloadIncompleteError)
    assert error.bytes_done == 100_000
    assert len(kit.server.seen) == 4
    assert kit.files == ["film.mp4.part", "film.mp4.part.json"]
    assert kit.part.read_bytes() == kit.server.body[:100_000]
    kit.server.always = host.well
    assert (await kit.save()).resumed_from == 100_000
    kit.assert_only_the_film()


@pytest.mark.parametrize("behaviour", [host.hang_up, host.garbage, host.answer(500), host.answer(503, retry_after="0")])
async def test_37_no_answer_at_all_is_tried_again(kit: Kit, behaviour: Any) -> None:
    """An empty answer, garbage, 5xx: trouble that passes."""
    kit.server.script = [behaviour, behaviour]
    await kit.save()
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 3


async def test_37_a_host_that_is_down_ends_in_an_error(kit: Kit) -> None:
    """Refused connections: bounded, nothing left behind."""
    gone = FileServer()
    gone.close()
    await kit.fails(DownloadIncompleteError, gone.url)
    assert kit.files == []


async def test_38_a_host_that_always_cuts_is_never_believed(kit: Kit) -> None:
    """Every attempt ends early at the same place: no file appears under the real name."""
    kit.server.etag = None
    kit.server.always = host.cut(200_000)
    error = await kit.fails(DownloadIncompleteError)
    assert error.bytes_done == 0
    assert kit.server.ranges == [None] * 4
    assert kit.files == []


async def test_39_a_cut_without_a_length_is_noticed_by_the_structure(kit: Kit) -> None:
    """The connection's end looks like the body's end; the boxes tell the difference, HEAD tells the length."""
    kit.server.script = [host.close_delimited(100_000)]
    await kit.save()
    kit.assert_only_the_film()
    assert [(seen.method, seen.range) for seen in kit.server.seen] == [
        ("GET", None),
        ("HEAD", None),
        ("GET", "bytes=100000-"),
    ]


async def test_39_what_nothing_proves_whole_is_refused(kit: Kit) -> None:
    """No length, no structure, no HEAD: an error that says so, instead of a file that may be half."""
    kit.server.body = b"\0\0\0\x18ftypisom" + b"\xff" * 5_000
    kit.server.etag = None

    def no_lengths(exchange: host.Exchange) -> None:
        if exchange.seen.method == "HEAD" or exchange.seen.range is not None:
            host.answer(403)(exchange)
        else:
            host.close_delimited()(exchange)

    kit.server.always = no_lengths
    error = await kit.fails(DownloadIncompleteError)
    assert "nothing proves" in str(error)
    assert kit.files == []


async def test_39_a_length_from_the_first_byte_where_head_is_refused(kit: Kit) -> None:
    """A link signed for GET refuses HEAD; the Content-Range of one byte has the length all the same."""
    kit.server.body = b"\0\0\0\x18ftypisom" + b"\xff" * 5_000

    def no_head(exchange: host.Exchange) -> None:
        if exchange.seen.method == "HEAD":
            host.answer(403)(exchange)
        elif exchange.seen.range == "bytes=0-0":
            host.well(exchange)
        else:
            host.close_delimited()(exchange)

    kit.server.always = no_head
    await kit.save()
    kit.assert_only_the_film()


async def test_39_a_cut_that_repeats_ends_in_an_error(kit: Kit) -> None:
    """A host without lengths that always breaks off early is not believed for its persistence."""
    kit.server.always = host.changed(content_length=None, body=lambda body: body[:50_000])
    kit.server.etag = None
    error = await kit.fails(DownloadIncompleteError)
    assert "early" in str(error)
    assert kit.files == []


async def test_40_a_cut_chunked_body_is_continued(kit: Kit) -> None:
    """Chunked and broken off: the rest comes by range although no length was known."""
    kit.server.script = [host.chunked(131_072, ended=False)]
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=131072-"]


@pytest.mark.parametrize("behaviour", [host.close_delimited(), host.chunked()], ids=["close", "chunked"])
async def test_41_a_whole_body_without_a_length_is_accepted(kit: Kit, behaviour: Any) -> None:
    """The boxes end where the file ends: no second request, and progress without a total."""
    kit.server.script = [behaviour]
    progress: list[Any] = []
    await kit.save(on_progress=progress.append)
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 1
    assert {update.bytes_total for update in progress} == {None}
    assert progress[-1].bytes_done == len(kit.server.body)


async def test_42a_an_ignored_range_starts_over(kit: Kit) -> None:
    """200 to a range request: what was there is dropped, the whole file is taken."""
    kit.server.script = [host.cut(100_000), host.ignore_range]
    saved = await kit.save(digest="sha1")
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=100000-"]
    assert saved.digest == hashlib.sha1(kit.server.body).hexdigest()


async def test_42b_416_at_the_end_of_a_whole_part_is_done(kit: Kit) -> None:
    """All bytes were there when a process was killed before the rename: nothing is fetched again."""
    kit.server.script = [host.cut(0)]
    await kit.fails(DownloadIncompleteError, retries=RetryPolicy(max_attempts=1))
    kit.part.write_bytes(kit.server.body)
    memo = kit.part.with_name("film.mp4.part.json")
    memo.write_text(
        f'{{"version": 1, "source": "{kit.server.origin}/files/film.mp4", "etag": "\\"one\\"", "total": null}}'
    )
    saved = await kit.save(digest="sha256")
    kit.assert_only_the_film()
    assert kit.server.ranges[1:] == [f"bytes={len(kit.server.body)}-"]
    assert saved.resumed_from == saved.size == len(kit.server.body)
    assert saved.digest == hashlib.sha256(kit.server.body).hexdigest()


@pytest.mark.parametrize("total", [299_999, 300_001, None])
async def test_42b_416_that_does_not_match_starts_over(kit: Kit, total: int | None) -> None:
    """A 416 with another total, or none, is no proof of anything."""
    content_range = None if total is None else f"bytes */{total}"
    kit.server.script = [host.cut(100_000), host.answer(416, content_range=content_range)]
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=100000-", None]


@pytest.mark.parametrize(
    "content_range",
    [
        "bytes 0-199999/300000",
        "bytes 100001-299999/300000",
        "bytes 100000-299999/300001",
        "bytes 100000-299999/*",
        "?",
        None,
    ],
)
async def test_42c_wrong_content_range_starts_over(kit: Kit, content_range: str | None) -> None:
    """A 206 that is not exactly the rest of this file is not appended to it."""
    kit.server.script = [host.cut(100_000), host.changed(content_range=content_range)]
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=100000-", None]


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "application/xml", "text/xml", "application/json"])
async def test_43_an_error_page_by_its_type_is_refused(kit: Kit, media_type: str) -> None:
    """200 with a page instead of a film: not a byte is kept, an old file stays."""
    kit.target.write_bytes(b"old")
    kit.server.always = host.changed(content_type=media_type)
    error = await kit.fails(DownloadCorruptError, overwrite=True)
    assert media_type.partition(";")[0] in str(error)
    assert len(kit.server.seen) == 1
    kit.assert_only_the_film(b"old")


@pytest.mark.parametrize(
    "page",
    [
        b"\n<!DOCTYPE html><html><body>Sorry</body></html>",
        b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>',
        b'{"error": {"code": "x"}}',
        b"just some text that is no film at all",
        b"tiny",
    ],
)
async def test_43_an_error_page_by_its_body_is_refused(kit: Kit, page: bytes) -> None:
    """The type claims a film, the first bytes say otherwise."""
    kit.server.body = page
    await kit.fails(DownloadCorruptError)
    assert kit.files == []


@pytest.mark.parametrize("behaviour", [host.well, host.close_delimited(), host.chunked(), host.answer(204)])
async def test_44_an_empty_body_is_refused(kit: Kit, behaviour: Any) -> None:
    """Zero bytes, however framed, are no film."""
    kit.server.body, kit.server.always = b"", behaviour
    await kit.fails(DownloadCorruptError)
    assert kit.files == []


async def test_a_small_file_with_a_right_length_is_not_inspected_further(kit: Kit) -> None:
    """With a length, the signature is enough: files need not be playable."""
    kit.server.body = b"\0\0\0\x18ftypisom\0\0\0\0isommp42 and then anything"
    await kit.save()
    kit.assert_only_the_film()


async def test_45_a_stall_is_cut_and_continued(kit: Kit) -> None:
    """Silence for the stall time ends the attempt, not the download."""
    kit.server.script = [host.stall(100_000)]
    await kit.save(stall=0.15)
    kit.assert_only_the_film()
    assert kit.server.ranges[:2] == [None, "bytes=100000-"]
    assert kit.interruptions[0].reason == "nothing came for 0.15 s"


async def test_45_a_drip_is_a_stall(kit: Kit) -> None:
    """A byte now and then keeps no download alive."""
    kit.server.script = [host.drip(100_000)]
    await kit.save(stall=0.2)
    kit.assert_only_the_film()
    assert kit.interruptions[0].reason == "next to nothing came for 0.2 s"


async def test_45_slow_but_alive_is_no_stall(kit: Kit) -> None:
    """A download may take many stall times in all."""
    kit.server.body = mp4(6_000)
    kit.server.script = [host.throttled(500, 0.05)]
    await kit.save(stall=0.45)
    kit.assert_only_the_film()
    assert len(kit.server.seen) == 1


@pytest.mark.parametrize("behaviour", [host.silent, host.dripping_head])
async def test_45_a_head_that_does_not_come_is_a_stall(kit: Kit, behaviour: Any) -> None:
    """Waiting for the answer is bounded as well, also when its head drips in."""
    kit.server.script = [behaviour]
    await kit.save(stall=0.15, connect=0.15)
    kit.assert_only_the_film()
    assert len(kit.server.seen) >= 2


async def test_49_a_compressed_body_is_undone_and_never_resumed(kit: Kit) -> None:
    """The host compresses although told not to: offsets would count other bytes, so it starts over."""
    kit.server.body = mp4(100_000)[:50_000] + bytes(50_000)
    kit.server.script = [host.gzipped_cut, host.gzipped]
    progress: list[Any] = []
    await kit.save(on_progress=progress.append)
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, None]
    assert progress[-1].bytes_total is None


@pytest.mark.parametrize("url", ["http://example.test/x.mp4", "s3://bucket/x.mp4", "/x.mp4", "", "https://u:p@h/x.mp4"])
async def test_50_an_unsafe_link_is_refused(kit: Kit, url: str) -> None:
    """From the caller: before anything happens. From the API: before any request."""
    await kit.fails(DownloadUrlError, url)
    source, _ = renewing(url)
    await kit.fails(DownloadUrlError, source)
    assert kit.server.seen == []
    assert kit.files == []


@pytest.mark.parametrize("lane", LANES)
async def test_50_http_is_allowed_for_those_who_insist(server: FileServer, folder: Path, lane: str) -> None:
    """`allow_insecure` lets a name that is not loopback pass: it fails only because nothing answers there."""
    async with kit_on(server, folder, lane=lane, allow_insecure=True) as kit:
        await kit.fails(DownloadIncompleteError, "http://heygen.invalid/x.mp4", retries=RetryPolicy(max_attempts=1))


async def test_63_a_short_body_with_a_proper_end_is_noticed(kit: Kit) -> None:
    """Chunked, ended as it should, but short: the structure tells, HEAD tells the length, the rest is fetched."""
    kit.server.script = [host.chunked(100_000)]
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, "bytes=100000-"]


async def test_64_corruption_in_the_middle_shows_only_in_the_digest(kit: Kit) -> None:
    """Right length, right signature, wrong bytes: no client can see that; the digest is there to compare."""
    spoiled = bytearray(kit.server.body)
    spoiled[150_000] ^= 1
    kit.server.script = [host.changed(body=lambda _: bytes(spoiled))]
    saved = await kit.save(digest="sha256")
    assert kit.target.read_bytes() == bytes(spoiled)
    assert saved.digest == hashlib.sha256(spoiled).hexdigest() != hashlib.sha256(kit.server.body).hexdigest()


@pytest.mark.parametrize("etag", ['W/"one"', None, "bare", '"a"b"'])
async def test_65_without_a_strong_etag_it_starts_over(kit: Kit, etag: str | None) -> None:
    """Nothing promises that the rest is of the same bytes."""
    kit.server.etag = etag
    kit.server.script = [host.cut(100_000)]
    await kit.save()
    kit.assert_only_the_film()
    assert kit.server.ranges == [None, None]


async def test_65_a_host_that_refuses_ranges_is_not_asked_for_any(kit: Kit) -> None:
    """`Accept-Ranges: none` counts like a missing ETag."""
    kit.server.script = [host.changed(accept_ranges="none", body=lambda body: body[:100_000])]
    await kit.save()
    assert kit.server.ranges == [None, None]


async def test_66_a_declared_size_above_max_bytes_is_refused_at_once(kit: Kit) -> None:
    """The head is enough: no byte is written."""
    error = await kit.fails(DownloadTooLargeError, max_bytes=299_999)
    assert "300,000" in str(error)
    assert kit.files == []
    await kit.save(max_bytes=300_000)
    kit.assert_only_the_film()


@pytest.mark.parametrize("behaviour", [host.close_delimited(), host.chunked()])
async def test_66_an_undeclared_size_above_max_bytes_is_refused_when_seen(kit: Kit, behaviour: Any) -> None:
    """Without a length, the bytes are counted as they come."""
    kit.server.body = mp4(3_000_000)
    kit.server.etag = None
    kit.server.script = [behaviour]
    await kit.fails(DownloadTooLargeError, max_bytes=1_500_000)
    assert kit.files == []
    assert len(kit.server.seen) == 1


async def test_retry_after_is_obeyed_up_to_the_limit(kit: Kit) -> None:
    """A host that asks for more patience than allowed ends the download, with what it asked for."""
    kit.server.script = [host.cut(100_000)]
    kit.server.always = host.answer(429, retry_after="3600")
    error = await kit.fails(DownloadIncompleteError)
    assert "3600 s" in str(error)
    assert error.bytes_done == 100_000
    assert len(kit.server.seen) == 2


async def test_an_unexpected_status_ends_the_download(kit: Kit) -> None:
    """405 is neither an expired link nor trouble that passes."""
    kit.server.always = host.answer(405)
    error = await kit.fails(DownloadError)
    assert type(error) is DownloadError
    assert len(kit.server.seen) == 1


async def test_an_error_of_the_renewal_comes_through(kit: Kit) -> None:
    """What the API says about the video is more than that its link is refused; the part file stays."""
    kit.server.script = [host.cut(100_000), host.EXPIRED]
    source, _ = renewing(LookupError("no such video"), first=kit.server.url)
    with pytest.raises(LookupError):
        await kit.save(source)
    assert kit.part.stat().st_size == 100_000


async def test_another_source_does_not_continue_a_part_file(kit: Kit) -> None:
    """The part of one video is not the beginning of another, even if their ETags are equal."""
    kit.server.script = [host.cut(100_000), host.hang_up, host.hang_up]
    await kit.fails(DownloadIncompleteError, retries=RetryPolicy(max_attempts=2, base=0))
    kit.server.script.clear()
    await kit.save(FileSource(url=kit.server.url, identity="video-2/video"))
    kit.assert_only_the_film()
    assert kit.server.ranges[-1] is None
