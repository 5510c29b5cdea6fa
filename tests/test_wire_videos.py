"""Both wires' videos become one class, whatever shape they come in (scenarios 17 to 24)."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import Video, VideoFailure, VideoStatus
from heygen_async._protocol.json_shapes import as_list, as_number, as_object, as_text, as_unix_seconds, as_word
from heygen_async._protocol.videos import UnreadableVideoError, bulk_from, created_id_of, page_from, video_from

V1_DONE: dict[str, Any] = {
    "callback_id": "order-7",
    "caption_url": "https://f.test/c.ass?Signature=MARK",
    "created_at": 1711929600,
    "duration": 1.234,
    "error": None,
    "gif_url": "https://f.test/g.gif?Signature=MARK",
    "id": "v-1",
    "status": "completed",
    "thumbnail_url": "https://f.test/t.jpg?Signature=MARK",
    "video_url": "https://f.test/v.mp4?Signature=MARK",
    "video_url_caption": "https://f.test/vc.mp4?Signature=MARK",
}
V3_DONE: dict[str, Any] = {
    "id": "v-1",
    "title": "My Generated Video",
    "status": "completed",
    "created_at": 1711929600,
    "completed_at": 1711930200,
    "video_url": "https://f.test/v.mp4?Signature=MARK",
    "thumbnail_url": "https://f.test/t.jpg?Signature=MARK",
    "gif_url": "https://f.test/g.gif?Signature=MARK",
    "captioned_video_url": "https://f.test/vc.mp4?Signature=MARK",
    "subtitle_url": "https://f.test/c.ass?Signature=MARK",
    "duration": 1.234,
    "folder_id": None,
    "output_language": None,
    "failure_code": None,
    "failure_message": None,
    "video_page_url": "https://app.heygen.com/video/abc123",
}
names = st.sampled_from(
    [*V1_DONE, *V3_DONE, "video_id", "videos", "list", "token", "next_token", "has_more", "data", "code"]
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["completed", "failed", "https://f.test/v?Signature=MARK", "1711929600", "2026-10-31T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
videos_like = st.dictionaries(names, json_values)


def test_both_wires_say_the_same_video() -> None:
    """The two vocabularies become one."""
    v1, v3 = video_from(V1_DONE), video_from(V3_DONE)
    assert v1.callback_id == "order-7"
    assert (v3.title, v3.completed_at) == ("My Generated Video", 1711930200)
    for name in (
        "id",
        "status",
        "duration",
        "created_at",
        "failure",
        "video_url",
        "captioned_video_url",
        "subtitle_url",
    ):
        assert getattr(v1, name) == getattr(v3, name), name
    for asset, url in [
        ("video", "v.mp4"),
        ("captioned", "vc.mp4"),
        ("subtitle", "c.ass"),
        ("thumbnail", "t.jpg"),
        ("gif", "g.gif"),
    ]:
        assert v1.url_of(asset) == v3.url_of(asset) == f"https://f.test/{url}?Signature=MARK"  # type: ignore[arg-type]
    assert v1.raw == V1_DONE
    assert v3.raw == V3_DONE


def test_a_video_hides_signatures_in_its_repr_and_on_demand() -> None:
    """`repr` ends up in logs; `without_signatures` in errors; the value itself keeps its URLs."""
    video = video_from(V3_DONE)
    assert "MARK" in (video.video_url or "")
    assert "MARK" not in repr(video)
    bare = video.without_signatures()
    assert b"MARK" not in pickle.dumps(bare)
    assert bare.video_url == "https://f.test/v.mp4?..."
    assert "MARK" in json.dumps(dict(video.raw))


@pytest.mark.parametrize("name", ["id", "video_id"])
@pytest.mark.parametrize("wrap", [lambda fields: fields, lambda fields: [fields]], ids=["object", "array"])
def test_24_the_id_under_either_name_in_an_object_or_an_array_of_one(name: str, wrap: Any) -> None:
    """Numbers become text, `known_id` stands in for a missing one."""
    assert video_from(wrap({name: "v-1", "status": "pending"})).id == "v-1"
    assert video_from(wrap({name: 17, "status": "pending"})).id == "17"
    assert created_id_of(wrap({name: "v-1"})) == "v-1"
    assert video_from(wrap({"status": "pending"}), known_id="v-2").id == "v-2"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        "v-1",
        5,
        [{}, {}],
        [{"id": "a", "status": "pending"}, {"id": "b", "status": "pending"}],
        {"id": "v-1"},
        {"status": "pending"},
        {"id": "", "status": "pending"},
        {"id": True, "status": "pending"},
        {"id": "v-1", "status": ""},
        {"id": "v-1", "status": 3},
        {"id": "v-1", "status": None},
        {"id": {"x": 1}, "status": "pending"},
    ],
    ids=repr,
)
def test_what_is_no_video_is_unreadable(data: Any) -> None:
    """Only an id and a status are needed; without them there is nothing to go on with."""
    with pytest.raises(UnreadableVideoError):
        video_from(data)


@pytest.mark.parametrize(
    "data", [None, [], {}, "v-1", 5, [{"id": "a"}, {"id": "b"}], {"id": None}, {"video_id": ""}], ids=repr
)
def test_08_a_create_answer_without_an_id(data: Any) -> None:
    """Whatever else it is."""
    assert created_id_of(data) is None


def test_23_numbers_and_times_are_read_leniently() -> None:
    """Numbers as text, ISO times, nulls; nonsense is None, the raw JSON stays."""
    fields = {
        "id": "v",
        "status": "completed",
        "duration": "30.5",
        "created_at": "2024-04-01T00:00:00Z",
        "completed_at": "1711930200",
    }
    video = video_from(fields)
    assert (video.duration, video.created_at, video.completed_at) == (30.5, 1711929600, 1711930200)
    assert video_from(fields | {"created_at": "2024-04-01T00:00:00"}).created_at == 1711929600
    assert video_from(fields | {"created_at": "2024-04-01T02:00:00.5+02:00"}).created_at == 1711929600.5
    for nonsense in (None, "soon", "", [], {}, True, float("nan"), float("inf"), "nan", 10**400):
        video = video_from(fields | {"duration": nonsense, "created_at": nonsense, "video_url": [nonsense]})
        assert (video.duration, video.created_at, video.video_url) == (None, None, None)


FAILURES: list[Any] = [
    (
        {"error": {"code": 40119, "detail": "> 3600 s", "message": "Video is too long"}},
        ("40119", "Video is too long", "> 3600 s"),
    ),
    ({"error": {"code": 40119.0, "message": "Video is too long"}}, ("40119", "Video is too long", None)),
    ({"error": {"code": "MOVIO_X", "message": "no credit"}}, ("MOVIO_X", "no credit", None)),
    ({"error": "broken"}, (None, "broken", None)),
    ({"error": 7}, (None, "7", None)),
    ({"error": None}, (None, None, None)),
    ({"error": {}}, (None, None, None)),
    ({"error": []}, (None, None, None)),
    ({"error": False}, (None, None, None)),
    ({}, (None, None, None)),
    ({"failure_code": "rendering_failed", "failure_message": "timed out"}, ("rendering_failed", "timed out", None)),
    ({"failure_code": 40119, "failure_message": None}, ("40119", None, None)),
    ({"failure_code": None, "failure_message": "x", "error": {"code": 5}}, ("5", "x", None)),
]


@pytest.mark.parametrize(("fields", "expected"), FAILURES, ids=repr)
def test_21_a_failed_video_always_has_a_failure(fields: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    """From any shape; codes are strings; all parts may be missing."""
    failure = video_from({"id": "v", "status": "failed"} | fields).failure
    assert failure is not None
    assert (failure.code, failure.message, failure.detail) == expected
    assert str(failure)


def test_a_failure_says_what_it_knows() -> None:
    """Message, detail and code, each once."""
    assert str(VideoFailure()) == "no reason given"
    assert str(VideoFailure(code="40119")) == "no reason given (40119)"
    assert str(VideoFailure(code="1", message="too long", detail="> 1 h")) == "too long: > 1 h (1)"
    assert str(VideoFailure(message="same", detail="same")) == "same"


def test_a_failure_quotes_no_signed_link() -> None:
    """HeyGen names the file that it could not open, which may be the caller's own presigned URL."""
    said = "Failed to open audio file: https://bucket.test/a.mp3?X-Amz-Signature=MARK"
    video = video_from({"id": "v", "status": "failed", "error": {"code": 40044, "message": said, "detail": said}})
    assert "MARK" not in repr(video)
    assert "https://bucket.test/a.mp3" in str(video.failure)
    own = Video(id="v", status=VideoStatus.FAILED, failure=VideoFailure(message=said, detail=said))
    assert "MARK" not in repr(own.without_signatures())


def test_61_a_url_beside_an_error_means_success() -> None:
    """A free account's watermarked video comes with a credit error."""
    error = {"code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "message": "Insufficient credit."}
    video = video_from(V1_DONE | {"error": error})
    assert (video.status, video.failure) == ("completed", None)
    assert video.raw["error"] == error
    failed = video_from(V1_DONE | {"error": error, "status": "failed"})
    assert failed.failure is not None


def test_an_error_before_the_end_is_shown() -> None:
    """A running video with an error has not failed yet."""
    video = video_from({"id": "v", "status": "processing", "error": {"code": 1, "message": "retrying"}})
    assert (video.status.is_terminal, str(video.failure)) == (False, "retrying (1)")
    assert video_from({"id": "v", "status": "processing", "error": None}).failure is None


@given(videos_like)
def test_any_object_is_a_video_or_unreadable(fields: dict[str, Any]) -> None:
    """Never another exception; what is read has the right types and can be shown and pickled."""
    try:
        video = video_from(fields)
    except UnreadableVideoError:
        return
    assert video.id
    assert isinstance(video.status, VideoStatus)
    for number in (video.duration, video.created_at, video.completed_at):
        assert number is None or isinstance(number, float)
    for name in (
        "title",
        "video_url",
        "captioned_video_url",
        "subtitle_url",
        "thumbnail_url",
        "gif_url",
        "callback_id",
    ):
        assert getattr(video, name) is None or isinstance(getattr(video, name), str)
    assert (video.failure is not None) or video.status != "failed"
    assert "MARK" not in repr(video.without_signatures())
    assert pickle.loads(pickle.dumps(video)) == video


@given(json_values)
def test_any_data_is_read_or_unreadable(data: Any) -> None:
    """A look that cannot be read is a failed look, not a crash."""
    for read in (video_from, bulk_from, created_id_of, lambda value: page_from({"data": value, "token": value})):
        with contextlib.suppress(UnreadableVideoError):
            read(data)


# Lists and bulk answers


def test_a_page_of_v1() -> None:
    """`videos` and `token` stand inside `data`; the list has few fields."""
    row = {"video_id": "a", "video_title": "A", "status": "draft", "created_at": 1711929600, "type": "GENERATED"}
    page = page_from({"code": 100, "data": {"token": "next", "videos": [row, {"video_id": "b"}, "junk", None]}})
    assert [(video.id, video.title, video.status, video.created_at) for video in page.videos] == [
        ("a", "A", "draft", 1711929600)
    ]
    assert page.next_token == "next"


@pytest.mark.parametrize("token", [None, "", 0.5, [], {}])
def test_a_page_of_v1_without_a_token_is_the_last(token: Any) -> None:
    """Null ends the list; a number would be a token of a kind."""
    assert page_from({"data": {"token": token, "videos": []}}).next_token == ("0.5" if token == 0.5 else None)


def test_a_page_of_v3() -> None:
    """The list is `data` itself, the paging fields stand beside it."""
    page = page_from({"data": [V3_DONE, {"id": "b", "status": "failed"}], "has_more": True, "next_token": "n"})
    assert page_from({"data": [V3_DONE, {"id": "b", "status": "failed"}], "next_token": "n"}, in_brief=True) == page
    assert [video.id for video in page.videos] == ["v-1", "b"]
    assert page.next_token == "n"
    assert page_from({"data": [], "has_more": False, "next_token": "n"}).next_token is None
    assert page_from({"data": [], "has_more": True}).next_token is None


@pytest.mark.parametrize("data", [{}, {"videos": None}, {"videos": []}, {"list": []}, []])
def test_an_empty_page(data: Any) -> None:
    """An account without videos."""
    assert page_from({"data": data}) == page_from({"data": {"videos": []}})
    assert not page_from({"data": data}).videos


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": "x"}, {"data": 3}])
def test_what_is_no_page_is_unreadable(body: Any) -> None:
    """It must not be taken for an empty account."""
    with pytest.raises(UnreadableVideoError, match="list of videos"):
        page_from(body)


def test_bulk_rows() -> None:
    """Rows without a status say nothing; one without an id is a video in the making."""
    rows = bulk_from(
        [
            {"video_id": "a", "status": "queued"},
            {"id": "b", "status": "x"},
            {"status": "waiting"},
            {"video_id": "c"},
            "junk",
            None,
        ]
    )
    assert [(row.video_id, row.status) for row in rows] == [("a", "queued"), ("b", "x"), (None, "waiting")]


@pytest.mark.parametrize("data", [None, {}, "x", {"items": []}])
def test_what_is_no_bulk_answer_is_unreadable(data: Any) -> None:
    """It must not be taken for news of nobody."""
    with pytest.raises(UnreadableVideoError, match="list of statuses"):
        bulk_from(data)


# The open status


@pytest.mark.parametrize("word", ["queued", "draft", "not_found", "Rendering 97 %", "", "\u5b8c\u6210"])
def test_17_an_invented_status_is_a_status(word: str) -> None:
    """Equal to its word, hashable like it, and not terminal."""
    status = VideoStatus(word)
    assert status == word == str(status) == status.value == f"{status}"
    assert hash(status) == hash(word)
    assert status in {word, "other"}
    assert not status.is_terminal
    assert isinstance(status, VideoStatus)
    assert json.dumps(status) == json.dumps(word)
    assert repr(status)
    assert status.name == word.upper()
    for again in (VideoStatus(word), pickle.loads(pickle.dumps(status)), copy.copy(status), copy.deepcopy(status)):
        assert (again, type(again), again.is_terminal) == (status, VideoStatus, False)


def test_inventing_a_status_does_not_grow_the_enum() -> None:
    """A server that counts up in its status must not fill the memory."""
    for number in range(100):
        VideoStatus(f"step {number}")
    assert [status.value for status in VideoStatus] == ["waiting", "pending", "processing", "completed", "failed"]


@pytest.mark.parametrize("status", VideoStatus)
def test_a_known_status_in_other_letters_is_known(status: VideoStatus) -> None:
    """`Completed` must not be waited on for ever; known ones are singletons, terminal as documented."""
    for word in (status.value, status.value.upper(), status.value.title()):
        assert VideoStatus(word) is status
    assert pickle.loads(pickle.dumps(status)) is copy.deepcopy(status) is status
    assert status.is_terminal == (status.value in {"completed", "failed"})


@pytest.mark.parametrize("wrong", [None, 3, True, [], ...], ids=repr)
def test_a_status_is_a_word(wrong: Any) -> None:
    """Anything else is a mistake of the caller."""
    with pytest.raises(ValueError, match="is not a valid VideoStatus"):
        VideoStatus(wrong)


# JSON without trust


@given(json_values)
def test_reading_json_never_fails(value: Any) -> None:
    """Each reader gives its type or None."""
    for read, kind in [
        (as_object, dict),
        (as_list, list),
        (as_text, str),
        (as_word, str),
        (as_number, float),
        (as_unix_seconds, float),
    ]:
        found = read(value)
        assert found is None or isinstance(found, kind)
    assert as_text(value) != ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", None),
        (5, "5"),
        (40119.0, "40119"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (True, None),
        (None, None),
        ([1], None),
        ({}, None),
    ],
)
def test_as_text(value: Any, text: str | None) -> None:
    """Codes come as words, integers, and floats from some serializers."""
    assert as_text(value) == text


def test_a_page_in_brief_tells_all_of_what_has_ended_and_the_state_of_the_others() -> None:
    rows = [
        V3_DONE,
        {"id": "b", "status": "processing", "title": "T"},
        {"id": "c"},
        {"status": "pending"},
        "junk",
        None,
    ]
    in_brief, in_full = (page_from({"data": rows}, in_brief=brief).videos for brief in (True, False))
    assert in_brief[0] == in_full[0]
    assert in_brief[1:] == (Video(id="b", status=VideoStatus.PROCESSING, raw=rows[1]),)
    assert [video.id for video in in_full] == [video.id for video in in_brief]
    assert in_full[1].title == "T"
