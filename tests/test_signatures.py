"""Telling files from error pages by their first bytes, and whole files from cut ones by their structure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol.signatures import (
    is_image,
    is_video,
    markup_of,
    media_type_of,
    refusal_of_body,
    refusal_of_type,
)
from heygen_async._protocol.structure import Ending, ending_of
from heygen_async._protocol.targets import Expectation, expectation_for
from tests.file_server import box, mp4

VIDEO, IMAGE, TEXT, ANY = Expectation("video"), Expectation("image"), Expectation("text"), Expectation("any")
MP4 = mp4(2_000)
WEBM = b"\x1aE\xdf\xa3\x84abcd" + b"\x18S\x80g\x42\x00" + bytes(512)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20) + b"\0\0\0\0IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + bytes(50) + b"\xff\xd9"
GIF = b"GIF89a" + bytes(50) + b";"
WEBP = b"RIFF" + struct.pack("<I", 54) + b"WEBP" + bytes(50)
SRT = b"1\n00:00:00,000 --> 00:00:01,000\n<i>Hello</i>\n"


@pytest.mark.parametrize("head", [MP4, WEBM, b"\0\0\0\x08wide" + bytes(8), b"\0\0\0\x20moov" + bytes(8)])
def test_films_are_recognised(head: bytes) -> None:
    """MP4, WebM, old QuickTime."""
    assert is_video(head)
    assert refusal_of_body(head, VIDEO, whole=False) is None


@pytest.mark.parametrize("head", [PNG, JPEG, GIF, WEBP, b"\0\0\0\x1cftypavif" + bytes(8)])
def test_pictures_are_recognised(head: bytes) -> None:
    """Whatever browsers show, and never taken for a film when a film was asked for by its type."""
    assert is_image(head)
    assert refusal_of_body(head, IMAGE, whole=False) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"<!DOCTYPE html>", "html"),
        (b"\xef\xbb\xbf \r\n<html lang='en'>", "html"),
        (b"<HEAD><title>", "html"),
        (b"<?xml version='1.0'?><Error>", "xml"),
        (b"<Error><Code>AccessDenied</Code></Error>", "xml"),
        (b"<ListBucketResult xmlns='x'>", "xml"),
        (b"<!-- comment -->", None),
        (b'{"error": 1}', "json"),
        (b"{}", "json"),
        (b'[{"error": 1}]', "json"),
        (b"[Script Info]", None),
        (b"{0}{25}Hello", None),
        (b"WEBVTT", None),
        (SRT, None),
        (MP4, None),
        (b"", None),
    ],
)
def test_markup_is_recognised(head: bytes, expected: str | None) -> None:
    """Error pages of every kind; subtitles are none."""
    assert markup_of(head) == expected


@pytest.mark.parametrize("expected", [VIDEO, IMAGE, TEXT, ANY])
@pytest.mark.parametrize("page", [b"<html>", b"<?xml ?>", b'{"a": 1}'])
def test_43_pages_are_refused_whatever_is_expected(expected: Expectation, page: bytes) -> None:
    """With the reason."""
    reason = refusal_of_body(page, expected, whole=True)
    assert reason is not None
    assert "page" in reason or "document" in reason


def test_43_the_reason_holds_no_signature() -> None:
    """Error pages like to repeat the request."""
    reason = refusal_of_body(b"<html>https://h/x?Signature=s3cr3t is gone", VIDEO, whole=True)
    assert reason is not None
    assert "gone" in reason
    assert "s3cr3t" not in reason


@pytest.mark.parametrize(
    ("head", "expected", "whole", "refused"),
    [
        (b"", VIDEO, True, True),
        (b"", ANY, True, True),
        (b"", VIDEO, False, False),
        (b"tiny", VIDEO, False, False),
        (b"tiny", VIDEO, True, True),
        (b"tiny", IMAGE, True, True),
        (b"tiny", ANY, True, False),
        (SRT, TEXT, True, False),
        (SRT, VIDEO, False, True),
        (GIF, VIDEO, False, True),
        (MP4, IMAGE, False, True),
        (MP4, ANY, False, False),
    ],
)
def test_what_is_refused(head: bytes, expected: Expectation, whole: bool, refused: bool) -> None:
    """Too few bytes are no reason until there are no more."""
    assert (refusal_of_body(head, expected, whole=whole) is not None) is refused


@pytest.mark.parametrize(
    ("name", "body", "media_type"),
    [
        ("x.html", b"<html>", "text/html"),
        ("x.xml", b"<?xml ?>", "application/xml"),
        ("x.svg", b"<?xml ?>", "image/svg+xml"),
        ("x.json", b"{}", "application/json"),
    ],
)
def test_markup_that_was_asked_for_is_the_file(name: str, body: bytes, media_type: str) -> None:
    """By the suffix of the target; other markup is still refused."""
    expected = expectation_for(None, Path(name))
    assert refusal_of_body(body, expected, whole=True) is None
    assert refusal_of_type(media_type, expected) is None
    other = b"{}" if b"<" in body else b"<html>"
    assert refusal_of_body(other, expected, whole=True) is not None


@pytest.mark.parametrize(
    ("media_type", "refused"),
    [
        ("text/html", True),
        ("application/xhtml+xml", True),
        ("text/xml", True),
        ("application/problem+json", True),
        ("video/mp4", False),
        ("application/octet-stream", False),
        ("text/plain", False),
        ("html", False),
        ("", False),
    ],
)
def test_43_types_that_are_pages(media_type: str, refused: bool) -> None:
    """Everything else may be a mislabelled film."""
    assert (refusal_of_type(media_type, VIDEO) is not None) is refused


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (MP4, "video/mp4"),
        (WEBM, "video/webm"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (WEBP, "image/webp"),
        (b"\0\0\0\x1cftypavif", None),
        (SRT, None),
    ],
)
def test_media_types_of_signatures(head: bytes, expected: str | None) -> None:
    """For hosts that only say octet-stream."""
    assert media_type_of(head) == expected


# Structure


def reader(data: bytes) -> Callable[[int, int], bytes]:
    """Read from bytes as from a file."""
    return lambda offset, length: data[offset : offset + length]


def ending(data: bytes) -> Ending:
    return ending_of(len(data), reader(data))


@pytest.mark.parametrize("data", [MP4, WEBM, PNG, JPEG, GIF, WEBP])
def test_41_whole_files_are_recognised(data: bytes) -> None:
    """Every format that says where it ends."""
    assert ending(data) is Ending.WHOLE


@pytest.mark.parametrize("data", [MP4, WEBM, PNG, JPEG, GIF, WEBP])
@given(st.data())
def test_39_no_cut_file_is_taken_for_a_whole_one(data: bytes, draw: st.DataObject) -> None:
    """Wherever it is cut."""
    length = draw.draw(st.integers(0, len(data) - 1))
    # A byte that looks like the end of a GIF or JPEG may turn up by chance; these have none.
    assert ending(data[:length]) is not Ending.WHOLE


FTYP, MOOV, MDAT = box(b"ftyp", b"isom" * 4), box(b"moov", bytes(40)), box(b"mdat", bytes(40))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FTYP + MOOV + MDAT, Ending.WHOLE),
        (FTYP + MDAT + MOOV, Ending.WHOLE),
        (FTYP + box(b"free", b"") + MOOV + box(b"uuid", bytes(16)) + MDAT + MDAT, Ending.WHOLE),
        (FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 56) + bytes(40), Ending.WHOLE),
        (FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 57) + bytes(40), Ending.CUT),
        (FTYP + MOOV, Ending.CUT),
        (FTYP + MDAT, Ending.CUT),
        (FTYP + MDAT + MOOV[:6], Ending.CUT),
        (FTYP, Ending.UNKNOWN),
        (FTYP + MOOV + struct.pack(">I4s", 0, b"mdat") + bytes(40), Ending.UNKNOWN),
        (FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 5) + bytes(40), Ending.UNKNOWN),
        (FTYP + MOOV + b"\0\0\0\x10\xff\xfe\0\0" + bytes(8), Ending.UNKNOWN),
        (FTYP + b"and then anything at all", Ending.CUT),
        (FTYP + b"\0\0\0\x18\0\0\0\0" + bytes(30), Ending.UNKNOWN),
        (FTYP + MOOV + box(b"moof", b"") + MDAT, Ending.UNKNOWN),
        (FTYP + MOOV + box(b"moof", b"") + MDAT + box(b"mfra", b""), Ending.WHOLE),
        (FTYP + box(b"free", b"") * 10_001 + MOOV + MDAT, Ending.UNKNOWN),
    ],
)
def test_63_chains_of_boxes(data: bytes, expected: Ending) -> None:
    """Index and data must both be there, and the last box must end where the file ends."""
    assert ending(data) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (WEBM + b"x", Ending.UNKNOWN),
        (b"\x1aE\xdf\xa3\x84abcd" + b"\x18S\x80g\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(9), Ending.UNKNOWN),
        (b"\x1aE\xdf\xa3\x84abcd" + b"other" + bytes(20), Ending.UNKNOWN),
        (b"\x1aE\xdf\xa3\x00" + bytes(20), Ending.UNKNOWN),
        (b"\x1aE\xdf\xa3\x84abcd\x18S\x80g\x01", Ending.UNKNOWN),
        (b"\x1aE\xdf\xa3\x84abcd\x18S\x80g", Ending.UNKNOWN),
        (WEBP + b"x", Ending.UNKNOWN),
        (SRT, Ending.UNKNOWN),
        (b"", Ending.UNKNOWN),
    ],
)
def test_63_other_structures(data: bytes, expected: Ending) -> None:
    """Live WebM has no length; text has no structure."""
    assert ending(data) is expected


@given(st.binary(max_size=200), st.sampled_from([b"", b"\0\0\0\x14ftypisomisomisom", b"\x1aE\xdf\xa3", b"RIFF"]))
def test_no_bytes_break_the_walk(data: bytes, start: bytes) -> None:
    """Garbage has some ending or none."""
    assert ending(start + data) in Ending
