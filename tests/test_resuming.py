"""The decisions of a download, without any I/O."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import DownloadCorruptError, DownloadError, DownloadTooLargeError, DownloadUrlError, RetryPolicy
from heygen_async._protocol.file_answers import ContentRange, FileAnswer, parse_content_range, read_answer
from heygen_async._protocol.file_urls import check_file_url, redirect_target, source_of
from heygen_async._protocol.persistence import SLOWEST, USEFUL, Persistence, StallMeter
from heygen_async._protocol.resuming import (
    Ask,
    Later,
    Memo,
    Refuse,
    Renew,
    StartOver,
    Take,
    Whole,
    dump_memo,
    judge,
    judge_stream,
    load_memo,
    resume_point,
)
from heygen_async._protocol.targets import Expectation, expectation_for

MEMO = Memo(source="https://h/film.mp4", etag='"one"', total=1_000)
ASK = Ask(offset=400, memo=MEMO)
FROM_START = Ask(offset=0, memo=Memo(source="https://h/film.mp4"))
VIDEO = Expectation("video")


def answer(status: int = 206, **headers: str) -> FileAnswer:
    """Return an answer with these headers, by default the rest that `ASK` asks for."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if status == 206:
        named = {"content-range": "bytes 400-999/1000", "content-length": "600", "etag": '"one"', **named}
    return read_answer(status, named, wall_clock=0)


# Reading heads


def test_a_head_is_read_leniently() -> None:
    """Case, blanks, parameters and nonsense."""
    head = read_answer(
        200,
        {
            "content-type": " Video/MP4 ; codecs=x",
            "content-length": " 12 ",
            "content-encoding": "Identity",
            "accept-ranges": "None",
            "etag": ' "a" ',
            "retry-after": "7",
        },
        wall_clock=0,
    )
    assert (head.media_type, head.length, head.encoding, head.total) == ("video/mp4", 12, None, 12)
    assert (head.refuses_ranges, head.strong_etag, head.retry_after, head.framed) == (True, '"a"', 7, True)


@pytest.mark.parametrize("length", ["", "x", "-1", "5, 5", "1.5", "²", "9" * 30])
def test_a_length_that_is_no_length_is_unknown(length: str) -> None:
    """And then nothing marks the end of the body."""
    head = read_answer(200, {"content-length": length}, wall_clock=0)
    assert head.length is None
    assert not head.framed


def test_a_chunked_body_has_no_length() -> None:
    """Whatever Content-Length says."""
    head = read_answer(200, {"transfer-encoding": "gzip, Chunked", "content-length": "5"}, wall_clock=0)
    assert (head.length, head.framed) == (None, True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes 0-9/10", ContentRange(first=0, last=9, total=10)),
        (" Bytes  5-9/*", ContentRange(first=5, last=9, total=None)),
        ("bytes */10", ContentRange(first=None, last=None, total=10)),
        ("bytes */*", ContentRange(first=None, last=None, total=None)),
        ("bytes 5-4/10", None),
        ("bytes 5-10/10", None),
        ("bytes 5-/10", None),
        ("items 0-9/10", None),
        ("bytes 0-9/10, bytes 0-9/10", None),
        ("", None),
        (None, None),
    ],
)
def test_content_range_is_read_strictly(header: str | None, expected: ContentRange | None) -> None:
    """What contradicts itself is no range."""
    assert parse_content_range(header) == expected


@given(st.text())
def test_no_content_range_breaks_the_parser(header: str) -> None:
    """Hosts may send anything."""
    found = parse_content_range(header)
    assert found is None or found.first is None or found.last is None or found.first <= found.last


# Judging


def test_the_exact_rest_is_taken() -> None:
    """Same object, same length, from where we are."""
    assert judge(answer(), ASK, VIDEO) == Take(400, MEMO)
    unknown = Ask(offset=400, memo=evolve(MEMO, total=None))
    assert judge(answer(), unknown, VIDEO) == Take(400, MEMO)


@given(
    first=st.integers(0, 1_100),
    last=st.integers(0, 1_100),
    total=st.one_of(st.none(), st.integers(0, 1_100)),
    etag=st.sampled_from(['"one"', '"two"', 'W/"one"', None]),
    encoding=st.sampled_from(["", "gzip", "identity"]),
    known=st.sampled_from([None, 1_000]),
)
def test_a_206_is_appended_only_if_it_cannot_be_wrong(
    first: int, last: int, total: int | None, etag: str | None, encoding: str, known: int | None
) -> None:
    """Whatever a host claims: another start, another total, another object or a compressed one starts over."""
    headers = {"content-range": f"bytes {first}-{last}/{'*' if total is None else total}", "content-encoding": encoding}
    if etag is not None:
        headers["etag"] = etag
    head = read_answer(206, headers, wall_clock=0)
    verdict = judge(head, Ask(offset=400, memo=evolve(MEMO, total=known)), VIDEO)
    fits = first == 400 and last >= 400 and total is not None and last < total and total in {known, total}
    fits = fits and (known is None or total == known) and etag in {None, '"one"'} and encoding != "gzip"
    assert isinstance(verdict, Take if fits else StartOver)


def test_a_whole_body_starts_over() -> None:
    """200 to a range request, and what it says about itself."""
    assert judge(answer(200, content_length="5", etag='"two"'), ASK, VIDEO) == Take(
        0, Memo(source=MEMO.source, etag='"two"', total=5)
    )
    for headers in ({"accept_ranges": "none"}, {"content_encoding": "gzip"}, {}):
        etag = {"etag": '"two"'} if headers else {"etag": 'W/"two"'}
        verdict = judge(answer(200, **headers, **etag), ASK, VIDEO)
        assert isinstance(verdict, Take)
        assert verdict.memo.etag is None


def test_a_range_that_nobody_asked_for_is_taken_if_it_is_the_start() -> None:
    """Some hosts answer everything with 206."""
    whole = answer(content_range="bytes 0-999/1000")
    assert judge(whole, FROM_START, VIDEO) == Take(0, MEMO)
    assert isinstance(judge(answer(), FROM_START, VIDEO), StartOver)


@pytest.mark.parametrize(
    ("headers", "ask", "expected"),
    [
        ({"content_range": "bytes */400"}, Ask(offset=400, memo=evolve(MEMO, total=400)), Whole(400)),
        ({"content_range": "bytes */400"}, Ask(offset=400, memo=evolve(MEMO, total=None)), Whole(400)),
        ({"content_range": "bytes */400", "etag": '"two"'}, Ask(offset=400, memo=evolve(MEMO, total=400)), StartOver),
        ({"content_range": "bytes */400"}, ASK, StartOver),
        ({"content_range": "bytes */399"}, ASK, StartOver),
        ({}, ASK, StartOver),
        ({"content_range": "bytes */0"}, FROM_START, Later),
    ],
)
def test_42b_416_is_the_end_only_of_the_same_object(headers: dict[str, str], ask: Ask, expected: Any) -> None:
    """Length and ETag must be ours."""
    verdict = judge(answer(416, **headers), ask, VIDEO)
    assert verdict == expected if isinstance(expected, Whole) else isinstance(verdict, expected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *[(status, Renew) for status in (400, 401, 403, 404, 410)],
        *[(status, Later) for status in (408, 425, 429, 500, 502, 503, 504, 599)],
        *[(status, Refuse) for status in (201, 204, 205, 304, 402, 405, 406, 451)],
    ],
)
def test_other_statuses(status: int, expected: type) -> None:
    """Renew the link, wait, or give up; the same for streams."""
    head = answer(status, retry_after="3")
    assert isinstance(judge(head, ASK, VIDEO), expected)
    assert isinstance(judge_stream(head, VIDEO, asked_range=True), expected)
    if expected is Later:
        assert judge(head, ASK, VIDEO) == Later(f"the file host answered {status}", 3)


def test_refusals_name_their_error() -> None:
    """A page, nothing, too much, or an answer that makes no sense."""
    assert judge(answer(200, content_type="text/html"), ASK, VIDEO).error is DownloadCorruptError  # type: ignore[union-attr]
    assert judge(answer(204), ASK, VIDEO).error is DownloadCorruptError  # type: ignore[union-attr]
    assert judge(answer(405), ASK, VIDEO).error is DownloadError  # type: ignore[union-attr]
    for head in (answer(200, content_length="1000"), answer()):
        verdict = judge(head, ASK, VIDEO, max_bytes=999)
        assert isinstance(verdict, Refuse)
        assert verdict.error is DownloadTooLargeError
        assert isinstance(judge(head, ASK, VIDEO, max_bytes=1_000), Take)


def test_what_may_be_passed_on() -> None:
    """200 and 206 of the right type, and 416 if a range was asked for."""
    assert judge_stream(answer(200), VIDEO, asked_range=False) is None
    assert judge_stream(answer(206), VIDEO, asked_range=True) is None
    assert judge_stream(answer(416), VIDEO, asked_range=True) is None
    assert isinstance(judge_stream(answer(416), VIDEO, asked_range=False), Later)
    assert isinstance(judge_stream(answer(200, content_type="text/html"), VIDEO, asked_range=False), Refuse)


def test_what_is_asked_for() -> None:
    """A range only with the strong ETag that guards it."""
    assert ASK.headers == {
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Range": "bytes=400-",
        "If-Range": '"one"',
    }
    for ask in (FROM_START, Ask(offset=400, memo=evolve(MEMO, etag=None)), Ask(offset=0, memo=MEMO)):
        assert "Range" not in ask.headers
        assert "If-Range" not in ask.headers


# Memos


@given(
    source=st.text(),
    etag=st.one_of(st.none(), st.text()),
    total=st.one_of(st.none(), st.integers(0, 2**60)),
    cut=st.integers(1, 400),
)
def test_a_memo_survives_whole_or_not_at_all(source: str, etag: str | None, total: int | None, cut: int) -> None:
    """Half of one is none."""
    memo = Memo(source=source, etag=etag, total=total)
    data = dump_memo(memo)
    assert load_memo(data) == memo
    assert load_memo(data[: -min(cut, len(data))]) is None


@given(st.binary())
def test_no_bytes_break_the_memo(data: bytes) -> None:
    """Anything may lie beside a part file."""
    assert load_memo(data) is None


@pytest.mark.parametrize("fields", ['"source": null', '"source": "x", "etag": 5', '"source": "x", "total": true', ""])
def test_a_memo_with_wrong_types_is_none(fields: str) -> None:
    """Written by something else."""
    assert load_memo(f'{{"version": 1{", " if fields else ""}{fields}}}'.encode()) is None


def test_where_a_found_part_can_be_continued() -> None:
    """Only with a strong ETag, of the same source, and if it is not too long."""
    assert resume_point(MEMO, source=MEMO.source, size=400) == 400
    assert resume_point(MEMO, source=MEMO.source, size=1_000) == 1_000
    assert resume_point(MEMO, source=MEMO.source, size=1_001) == 0
    assert resume_point(MEMO, source="another", size=400) == 0
    assert resume_point(evolve(MEMO, etag=None), source=MEMO.source, size=400) == 0
    assert resume_point(evolve(MEMO, total=None), source=MEMO.source, size=10**9) == 10**9
    assert resume_point(None, source=MEMO.source, size=400) == 0


# Persistence


def test_useful_progress_starts_the_count_again() -> None:
    """For large files 64 KiB, for small ones a hundredth."""
    persistence = Persistence(RetryPolicy(max_attempts=2, base=1, max_delay=1))
    assert persistence.pause_after_failure(None, 0.5) is not None
    persistence.note(USEFUL - 1, None)
    assert persistence.pause_after_failure(None, 0.5) is None
    persistence.note(USEFUL, None)
    assert persistence.pause_after_failure(None, 0.5) is not None
    persistence.note(USEFUL + 99, 10_000)
    assert persistence.pause_after_failure(None, 0.5) is None
    persistence.note(USEFUL + 100, 10_000)
    assert persistence.pause_after_failure(None, 0.5) is not None


@given(
    gains=st.lists(st.integers(-(10**6), 10**6), max_size=200),
    total=st.one_of(st.none(), st.integers(1, 10**7)),
    attempts=st.integers(1, 6),
)
def test_every_download_ends(gains: list[int], total: int | None, attempts: int) -> None:
    """However a host plays with us, the attempts are bounded by the file's size, or by its progress."""
    persistence = Persistence(RetryPolicy(max_attempts=attempts))
    position, best, used = 0, 0, 0
    for gain in gains:
        position = max(0, position + gain)
        if total is not None:
            position = min(position, total)
        best = max(best, position)
        persistence.note(position, total)
        used += 1
        if persistence.pause_after_failure(None, 0.5) is None:
            break
    useful = USEFUL if total is None else max(1, min(USEFUL, total // 100))
    assert used <= attempts * (best // useful + 1)


def test_the_hosts_wish_counts_up_to_the_limit() -> None:
    """Beyond it, waiting is over."""
    persistence = Persistence(RetryPolicy(max_attempts=10, max_retry_after=100))
    assert persistence.pause_after_failure(90, 0.0) == 90
    assert persistence.pause_after_failure(101, 0.0) is None


def test_the_first_renewal_comes_at_once() -> None:
    """The later ones take their time, and progress makes them forgotten."""
    persistence = Persistence(RetryPolicy(max_attempts=2, base=1, max_delay=100))
    assert [persistence.pause_before_renewal(0.5) for _ in range(3)] == [0, 2, None]
    persistence.note(10**6, None)
    assert persistence.pause_before_renewal(0.5) == 0


def test_a_drip_is_a_stall_and_slowness_is_not() -> None:
    """The line is at some 100 bytes per second, over whole stall periods."""
    drip, slow = StallMeter(10, 0), StallMeter(10, 0)
    assert [drip.stalled(SLOWEST - 1, now) for now in range(1, 11)] == [False] * 9 + [True]
    assert not any(slow.stalled(SLOWEST, now) for now in range(1, 101))
    assert not StallMeter(10, 0).stalled(10_000, 60), "a slow disk between two reads is no stall"


# URLs


@pytest.mark.parametrize(
    "url", ["https://h/x", "HTTPS://h:444/x?y=z", "http://localhost/x", "http://127.8.9.1:80/x", "http://[::1]:5/x"]
)
def test_50_safe_urls_pass(url: str) -> None:
    """https anywhere, http to this machine."""
    check_file_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://h/x",
        "http://127.0.0.1.evil.test/x",
        "http://2130706433/x",
        "ftp://h/x",
        "s3://b/x",
        "file:///x",
        "data:video/mp4,x",
        "//h/x",
        "h/x",
        "",
        "https://",
        "https:///x",
        "https://h/a b",
        "https://h/x\n",
        "https://u@h/x",
        "https://u:p@h/x",
        "https://[::1/x",
        "https://h:port/x",
        5,
        None,
    ],
)
def test_50_everything_else_is_refused_without_its_query(url: Any) -> None:
    """No matter from where it comes."""
    signed = f"{url}?Signature=s3cr3t" if isinstance(url, str) else url
    with pytest.raises(DownloadUrlError) as caught:
        check_file_url(signed)
    assert "s3cr3t" not in str(caught.value) + caught.value.url


def test_36_where_a_redirect_may_lead() -> None:
    """Relative and absolute, but never from https to clear text, not even on this machine."""
    assert redirect_target("https://h/a?b", "/c?d", hops=1) == "https://h/c?d"
    assert redirect_target("http://localhost/a", "//127.0.0.1/b", hops=5) == "http://127.0.0.1/b"
    assert redirect_target("http://h/a", "b", hops=1, allow_insecure=True) == "http://h/b"
    for location in ("http://127.0.0.1/metadata", "http://h/"):
        with pytest.raises(DownloadUrlError):
            redirect_target("https://h/", location, hops=1)
    with pytest.raises(DownloadUrlError):
        redirect_target("https://h/", "http://h/", hops=1, allow_insecure=True)
    with pytest.raises(DownloadError):
        redirect_target("https://h/", "/", hops=6)
    with pytest.raises(DownloadError):
        redirect_target("https://h/", None, hops=1)


def test_a_link_names_its_file_without_the_signature() -> None:
    """So that another process can tell what a part file is a part of."""
    assert source_of("https://h:1/a%20b.mp4?Signature=x#y") == "https://h:1/a%20b.mp4"


@pytest.mark.parametrize(
    ("asset", "name", "expected"),
    [
        ("video", "x.json", "video"),
        ("captioned", "x", "video"),
        ("gif", "x", "image"),
        ("thumbnail", "x", "image"),
        ("subtitle", "x.srt", "text"),
        (None, "x.MP4", "video"),
        (None, "x.webm", "video"),
        (None, "x.jpeg", "image"),
        (None, "x.vtt", "text"),
        (None, "x.bin", "any"),
        (None, "x", "any"),
        (None, "x.html", "any"),
    ],
)
def test_what_a_file_must_be(asset: Any, name: str, expected: str) -> None:
    """The asset decides, or else the suffix."""
    assert expectation_for(asset, Path(name)).kind == expected
