"""A retired endpoint is told from a missing avatar by what the answer speaks of (scenario 58)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol.routes import route_is_gone

CREATE = "/v2/video/generate"
STATUS = "/v1/video_status.get"

ABOUT_THE_ROUTE: list[tuple[str | None, str | None]] = [
    (None, None),
    (None, ""),
    (None, "Not Found"),
    (None, "Not found."),
    (None, "not here"),
    ("404", "Not Found"),
    ("not_found", "Not Found"),
    ("not_found", None),
    ("NOT_FOUND", "not found"),
    ("resource_not_found", "Resource not found"),
    ("endpoint_not_found", None),
    ("brand_new_code", None),
    (None, "404 page not found"),
    (None, "No route matched with those values"),
    (None, "Route POST:/v2/video/generate not found"),
    (None, "Cannot POST /v2/video/generate"),
    (None, "Cannot GET /v1/video_status.get?video_id=abc"),
    (None, "/v2/video/generate not found"),
    (None, "https://api.heygen.com/v2/video/generate was not found on this server"),
    (
        None,
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling.",
    ),
    (None, "The requested resource could not be found"),
    (None, "Looks like this page does not exist"),
    (None, "Unknown endpoint"),
    (None, "Video endpoint not found"),
    (None, "This v2 endpoint is Legacy and was removed. Use POST /v3/videos."),
    (None, "The v2 video API is no longer available"),
    (None, "Video generation v2 has been sunset"),
    (None, "This endpoint has been removed, please migrate your videos to v3"),
    (None, "Video generate was removed on 2026-10-31"),
    (None, "Method Not Allowed"),
]

ABOUT_A_THING: list[tuple[str | None, str | None]] = [
    ("avatar_not_found", None),
    ("avatar_not_found", "Not Found"),
    ("AVATAR_NOT_FOUND", "this endpoint is gone"),
    ("40104", "Video not found"),
    ("400116", "Voice not found"),
    ("400131", "Webhook endpoint not found"),
    ("video_not_found", "Video vid-1 not found"),
    ("not_found", "Video 1f2e not found"),
    ("404", "Template 'abc' not found"),
    ("resource_not_found", "Avatar Daisy-inskirt-20220818 not found"),
    (None, "avatar look not found"),
    (None, "Avatar look Daisy-inskirt-20220818 not found"),
    (None, "Voice abc not found"),
    (None, "template not found"),
    (None, "avatar_id not found"),
    (None, "Invalid avatar_id"),
    (None, "voice_id 'x-1' does not exist"),
    (None, "Talking photo 123 could not be found"),
    (None, "image https://cdn.example/v2/a.png not found"),
    (None, "Avatar has been removed"),
    (None, "Avatar Daisy is no longer available on v2"),
    (None, "Avatar not found for this endpoint"),
    (None, "avatar version is deprecated, please update to v3+"),
    (None, "User not found"),
    (None, "Folder f-1 doesn't exist"),
    (None, "The asset was deleted"),
    (None, "Webhook endpoint not found"),
]


@pytest.mark.parametrize("path", [CREATE, STATUS])
@pytest.mark.parametrize(("code", "message"), ABOUT_THE_ROUTE)
def test_58_a_404_of_the_route_is_retirement(code: str | None, message: str | None, path: str) -> None:
    """Empty, generic, or speaking of the endpoint."""
    assert route_is_gone(404, code, message, path)


@pytest.mark.parametrize("path", [CREATE, STATUS])
@pytest.mark.parametrize(("code", "message"), ABOUT_A_THING)
def test_58_a_404_of_a_thing_is_none(code: str | None, message: str | None, path: str) -> None:
    """An avatar, voice or video that is missing: translating the request would not find it either."""
    assert not route_is_gone(404, code, message, path)


@pytest.mark.parametrize("status", [405, 410])
@pytest.mark.parametrize(("code", "message"), [*ABOUT_THE_ROUTE, *ABOUT_A_THING])
def test_58_405_and_410_are_always_the_route(code: str | None, message: str | None, status: int) -> None:
    """Whatever the body says."""
    assert route_is_gone(status, code, message, CREATE)


@given(
    st.sampled_from([400, 401, 402, 403, 408, 409, 422, 429, 500, 501, 503, 200]),
    st.none() | st.text(),
    st.sampled_from([message for _, message in ABOUT_THE_ROUTE]),
)
def test_58_no_other_status_is_retirement(status: int, code: str | None, message: str | None) -> None:
    """A 400 that speaks of endpoints, or a 501, is no word to throw v2 away for."""
    assert not route_is_gone(status, code, message, CREATE)


@pytest.mark.parametrize("path", ["/v3/videos", "/v3/videos/v2", "/v3/videos/statuses"])
def test_v3_is_gone_only_with_410(path: str) -> None:
    """A 404 on v3 is a missing video, also where its id looks like an old path."""
    assert route_is_gone(410, None, None, path)
    assert not route_is_gone(404, "not_found", "Not Found", path)
    assert not route_is_gone(405, None, None, path)


@given(st.none() | st.text(), st.none() | st.text())
def test_any_body_has_an_answer(code: str | None, message: str | None) -> None:
    """The decision never fails."""
    assert route_is_gone(404, code, message, CREATE) in {True, False}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a", "avatar ", "video/", "avatar-", "cannot "])
def test_a_long_message_is_no_burden(text: str) -> None:
    """Only its beginning is read."""
    assert route_is_gone(404, None, text * 200_000, CREATE) in {True, False}
