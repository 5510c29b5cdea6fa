"""From options to a request."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from heygen_async import AvatarVideo, Background, CaptionSettings, v2
from heygen_async.cli.inputs import read_argument, read_file
from heygen_async.cli.requests import RequestOptions, build_request, parse_request, refuse_mixture

FULL = RequestOptions(
    avatar="a",
    voice="v",
    script="Hello",
    title="T",
    background="#008000",
    aspect_ratio="9:16",
    resolution="1080p",
    caption=True,
)


def test_the_options_make_a_v3_request() -> None:
    """Each option is the field of the same name."""
    assert build_request(FULL, wire="v3") == AvatarVideo(
        avatar_id="a",
        voice_id="v",
        script="Hello",
        title="T",
        background=Background(type="color", value="#008000"),
        aspect_ratio="9:16",
        resolution="1080p",
        caption=CaptionSettings(file_format="srt", style="default"),
    )


def test_what_is_not_given_is_not_sent() -> None:
    """HeyGen's defaults stay HeyGen's."""
    assert build_request(RequestOptions(avatar="a", script="Hi"), wire="v3") == AvatarVideo(avatar_id="a", script="Hi")


def test_the_options_make_a_v2_request() -> None:
    """The two words for the size become pixels."""
    assert build_request(FULL, wire="v2") == v2.VideoRequest(
        video_inputs=[
            v2.VideoInput(
                character=v2.Avatar(avatar_id="a", avatar_style="normal"),
                voice=v2.TextVoice(input_text="Hello", voice_id="v"),
                background=v2.ColorBackground("#008000"),
            )
        ],
        dimension=v2.Dimension(1080, 1920),
        caption=True,
        title="T",
    )


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        (None, "4k", (3840, 2160)),
        ("4:5", None, (720, 900)),
        ("5:4", "1080p", (1350, 1080)),
        ("1:1", "720p", (720, 720)),
    ],
)
def test_v2_sizes(ratio: str | None, resolution: str | None, size: tuple[int, int]) -> None:
    """A missing half of the pair is 16:9 or 720p."""
    options = RequestOptions(avatar="a", script="Hi", aspect_ratio=ratio, resolution=resolution)
    assert build_request(options, wire="v2").dimension == v2.Dimension(*size)  # type: ignore[union-attr]


@pytest.mark.parametrize("wire", ["v2", "v3"])
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"avatar": None}, "--avatar"),
        ({"script": None}, "--script"),
        ({"script": " "}, "script|input_text"),
        ({"script": "x" * 5001}, "5,000"),
        ({"avatar": ""}, "avatar_id"),
        ({"background": "green"}, "--background: must be a hex colour"),
        ({"aspect_ratio": "3:2"}, "aspect.ratio"),
        ({"resolution": "8k"}, "resolution"),
    ],
)
def test_bad_options_are_named(wire: Any, options: dict[str, Any], names: str) -> None:
    """Refused here, before a client exists."""
    with pytest.raises(ValueError, match=names):
        build_request(RequestOptions(**({"avatar": "a", "script": "Hi"} | options)), wire=wire)


def test_a_whole_request_cannot_be_mixed_with_options() -> None:
    """One of the two would silently lose."""
    with pytest.raises(ValueError, match="--script, --aspect-ratio, --caption"):
        refuse_mixture(RequestOptions(script="Hi", aspect_ratio="1:1", caption=True))
    refuse_mixture(RequestOptions())


@pytest.mark.parametrize(("text", "problem"), [("{", "not JSON: .*line 1"), ("[1]", "one JSON object")])
def test_a_request_file_that_is_no_json_object_is_named(text: str, problem: str) -> None:
    """The file and the place are in the message."""
    with pytest.raises(ValueError, match=f"--request: r.json .*{problem}"):
        parse_request(text, source="r.json")


def test_a_script_may_come_from_a_file(tmp_path: Path) -> None:
    """`@FILE` is read as UTF-8, byte-order mark or not, without the last line's end."""
    file = tmp_path / "script.txt"
    file.write_bytes("\ufeffGrüße,\nWelt\r\n".encode())
    assert read_argument("--script", f"@{file}") == "Grüße,\nWelt"
    assert read_argument("--script", "plain") == "plain"


def test_a_script_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input, for options and files alike."""
    for read in (read_argument, read_file):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
        assert read("--script", "-") == "from a pipe"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """The option and the file are in the message."""
    file = tmp_path / "video.mp4"
    file.write_bytes(b"abc\xff")
    with pytest.raises(ValueError, match=r"--script: .*video\.mp4 is not UTF-8 text \(byte 3\)"):
        read_argument("--script", f"@{file}")
    with pytest.raises(ValueError, match="--script: the name of the file is missing"):
        read_argument("--script", "@")
    with pytest.raises(FileNotFoundError):
        read_argument("--script", f"@{tmp_path}/missing.txt")
