"""Three envelopes and whatever gateways send become data or the error that fits (scenarios 7 to 15, 22, 26, 56)."""

from __future__ import annotations

import gzip
import json
import pickle
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import errors
from heygen_async._protocol.deprecation import announcement_of
from heygen_async._protocol.envelopes import Answer, RawAnswer, decode

KEY = "sk_V2_hgu_topsecret/key="
LINK = "https://bucket.test/a.mp3?X-Amz-Expires=1&X-Amz-Signature=MARK"
CREATE = "/v2/video/generate"


def raw(body: Any, status: int = 200, *, path: str = "/v3/videos", method: str = "POST", **headers: str) -> RawAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"x-request-id": "req-1"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return RawAnswer(
        method=method, path=path, status=status, headers=named, body=content, wall_clock=1_790_000_000, secrets=(KEY,)
    )


def refused(body: Any, status: int = 200, **more: Any) -> errors.APIError:
    with pytest.raises(errors.APIError) as caught:
        decode(raw(body, status, **more))
    return caught.value


def status_error(body: Any, status: int = 200, **more: Any) -> errors.APIStatusError:
    error = refused(body, status, **more)
    assert isinstance(error, errors.APIStatusError)
    return error


# Success


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"a": 1}},
        {"error": None, "data": {"a": 1}},
        {"error": None, "data": {"a": 1}, "warning": {"message": "Legacy"}},
        {"code": 100, "data": {"a": 1}, "message": "Success"},
        {"code": "100", "data": {"a": 1}},
        {"code": 100.0, "data": {"a": 1}},
        {"code": None, "data": {"a": 1}, "msg": None, "message": None},
        {"error": "", "data": {"a": 1}},
        {"error": {}, "data": {"a": 1}},
        {"error": False, "data": {"a": 1}},
        {"error": [], "data": {"a": 1}, "detail": "fine"},
    ],
)
def test_22_success_in_three_envelopes(body: dict[str, Any]) -> None:
    """Code 100 as integer, text or absent; an empty error is none."""
    answer = decode(raw(body))
    assert (answer.data, answer.body, answer.request_id) == ({"a": 1}, body, "req-1")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda body: body,
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.decode().encode("utf-16"),
        lambda body: body.decode().encode("utf-16-le"),
        lambda body: body.decode().encode("utf-16-be"),
        lambda body: body.decode().encode("utf-32"),
        gzip.compress,
        lambda body: gzip.compress(b"\xef\xbb\xbf" + body),
        lambda body: b" \r\n\t" + body + b"\n",
    ],
    ids=["plain", "bom", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gzip", "gzip-bom", "spaces"],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "image/png"])
def test_26_json_is_understood_however_it_is_wrapped(wrap: Any, content_type: str) -> None:
    """Encoding, byte order mark, compression without a header, wrong content type."""
    body = json.dumps({"data": {"title": "caf\u00e9"}}, ensure_ascii=False).encode()
    assert decode(raw(wrap(body), content_type=content_type)).data == {"title": "caf\u00e9"}


@pytest.mark.parametrize("data", [0, False, "", [], {}])
def test_data_may_be_empty(data: Any) -> None:
    """Only null and absence are missing."""
    assert decode(raw({"data": data})).data == data


@pytest.mark.parametrize("body", [{"code": 100, "data": None, "msg": None}, {"data": None}, {}, {"status": "ok"}])
def test_missing_data_is_an_error_unless_the_call_needs_none(body: dict[str, Any]) -> None:
    """A delete on v1 answers with null; a look without data has failed."""
    assert decode(raw(body), data_may_be_missing=True).data is None
    error = refused(body)
    assert isinstance(error, errors.APIResponseError)
    assert not error.is_error
    assert "without data" in str(error)


def test_204_says_all_there_is_to_say() -> None:
    """Where no data is needed; an empty 200 is cut off, not empty."""
    answer = decode(raw(b"", 204), data_may_be_missing=True)
    assert (answer.data, answer.body) == (None, {})
    for error in (refused(b"", 204), refused(b"", 200)):
        assert isinstance(error, errors.APIResponseError)
    with pytest.raises(errors.APIResponseError):
        decode(raw(b""), data_may_be_missing=True)


UNREADABLE: list[bytes] = [
    b"",
    b" ",
    b"<html><body>Welcome</body></html>",
    b'{"data": {"video_id": "vid',
    b'{"data": {"a": 1}} trailing',
    b"null",
    b"true",
    b"[]",
    b'[{"data": 1}]',
    b'"text"',
    b"5",
    b"\xff\xfe\x00",
    b"\x00\x00\x00",
    b'{"data": "\xff"}',
    b"\x1f\x8b",
    gzip.compress(b'{"data": 1}', mtime=0)[:-3],
    gzip.compress(b'{"data": 1}', mtime=0)[:12],
    b"\x1f\x8b" + b"garbage" * 5,
    b"[" * 100_000,
    b'{"data":' * 100_000,
    b'{"data": ' + b"1" * 5000 + b"}",
    gzip.compress(b"a" * (65 * 1024 * 1024), mtime=0),
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:20]))
def test_26_a_200_that_cannot_be_understood(body: bytes) -> None:
    """HTML, nothing, cut JSON, no object, broken or boundless gzip, bombs of brackets and digits: one error."""
    error = refused(body)
    assert type(error) is errors.APIResponseError
    assert (error.status_code, error.request_id, error.is_error) == (200, "req-1", False)
    assert "POST /v3/videos answered 200" in str(error)
    assert len(str(error)) < 400


def test_an_unreadable_answer_is_shown() -> None:
    """Its first words tell a login page from a crash; an error that was understood is not shown twice."""
    error = refused(b"<html><body>Please sign in</body></html>")
    assert str(error).endswith("with an answer that is not a JSON object: Please sign in")
    assert isinstance(error, errors.APIResponseError)
    assert error.body == "Please sign in"
    assert str(refused({"data": None, "note": "odd"})).endswith('an answer without data: {"data": null, "note": "odd"}')
    assert str(refused({"error": "odd"})).endswith("answered 200 with an error in it: odd")
    assert "The page said: Bad gateway." in str(refused(b"<h1>Bad gateway</h1>", 502))
    assert "HeyGen failed" in str(refused(b"", 500))
    assert "HeyGen refused the call" in str(refused(b"", 499))


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize(("status", "cls"), [(401, errors.AuthenticationError), (502, errors.InternalServerError)])
def test_15_an_unreadable_error_is_mapped_by_its_status(body: bytes, status: int, cls: type[errors.APIError]) -> None:
    """The first bytes are kept."""
    error = refused(body, status)
    assert type(error) is cls
    assert str(status) in str(error)


# Errors: class, code, words

SHAPES: list[Any] = [
    ("v1", lambda code, message: {"code": code, "message": message}),
    ("v1-msg", lambda code, message: {"code": code, "msg": message, "message": None, "data": None}),
    ("v2", lambda code, message: {"data": None, "error": {"code": code, "message": message}}),
    ("v3", lambda code, message: {"error": {"code": code, "message": message, "doc_url": None}}),
    ("v3-array", lambda code, message: {"error": [{"code": code, "message": message}]}),
    ("v2-detail", lambda code, message: {"error": {"code": code, "detail": message}}),
    ("v3-errors", lambda code, message: {"error": {"code": code, "errors": [{"code": "x", "message": message}]}}),
]


@pytest.mark.parametrize("shape", [shape for _, shape in SHAPES], ids=[name for name, _ in SHAPES])
@pytest.mark.parametrize(
    ("code", "cls"),
    [
        ("avatar_not_found", errors.NotFoundError),
        (40104, errors.NotFoundError),
        ("40104", errors.NotFoundError),
        (40104.0, errors.NotFoundError),
        ("insufficient_credit", errors.InsufficientCreditError),
        ("MOVIO_PAYMENT_INSUFFICIENT_CREDIT", errors.InsufficientCreditError),
        (400112, errors.AuthenticationError),
        (400562, errors.PermissionDeniedError),
        (400123, errors.RateLimitError),
        ("request_in_progress", errors.ConflictError),
        ("internal_error", errors.InternalServerError),
        (40119, errors.BadRequestError),
        (777777, errors.BadRequestError),
        (410, errors.ApiRetiredError),
    ],
)
def test_07_an_error_in_a_200_is_what_its_code_stands_for(shape: Any, code: Any, cls: type[errors.APIError]) -> None:
    """In every envelope; `code` is a string on both wires, the status is the one that came."""
    error = status_error(shape(code, "said so"))
    assert type(error) is cls
    assert (error.status_code, error.code, error.body) == (200, str(code).removesuffix(".0"), None)
    assert "said so" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Something went wrong", "data": None},
        {"error": "Something went wrong", "data": {"video_id": "v"}},
        {"error": {"code": "brand_new", "message": "Something went wrong"}},
        {"error": {"message": "Something went wrong"}},
        {"error": ["Something went wrong"], "message": "Something went wrong"},
        {"error": True},
        {"code": 0, "message": "Something went wrong"},
        {"code": "success?", "data": {}, "message": "Something went wrong"},
        {"detail": "Something went wrong"},
        {"code": True, "error": {"code": True, "message": "Something went wrong"}},
    ],
)
def test_07_an_unknown_error_in_a_200_is_a_refusal_all_the_same(body: dict[str, Any]) -> None:
    """`is_error` tells it from an answer that cannot be understood: nothing was done."""
    error = refused(body)
    assert type(error) is errors.APIResponseError
    assert error.is_error
    assert "Something went wrong" in str(error) or body["error"] in (True, ["Something went wrong"])


@pytest.mark.parametrize("word", ["unauthorized", "400112", 400112])
def test_07_a_bare_word_may_be_a_code(word: Any) -> None:
    """Some clients' typings know `error` as text."""
    error = status_error({"error": word})
    assert (type(error), error.code) == (errors.AuthenticationError, str(word))


CLASSES: list[tuple[int, type[errors.APIStatusError], str | None]] = [
    (400, errors.BadRequestError, "validation_error"),
    (401, errors.AuthenticationError, "unauthorized"),
    (402, errors.InsufficientCreditError, "insufficient_credit"),
    (403, errors.PermissionDeniedError, "forbidden"),
    (404, errors.NotFoundError, "not_found"),
    (405, errors.APIStatusError, None),
    (408, errors.APIStatusError, None),
    (409, errors.ConflictError, "conflict"),
    (410, errors.ApiRetiredError, None),
    (413, errors.BadRequestError, "payload_too_large"),
    (418, errors.APIStatusError, None),
    (422, errors.BadRequestError, None),
    (429, errors.RateLimitError, "rate_limit_exceeded"),
    (500, errors.InternalServerError, None),
    (503, errors.InternalServerError, None),
    (599, errors.InternalServerError, None),
]
EMPTY: list[Any] = [
    b"",
    b"<html>Gateway</html>",
    {},
    {"error": None},
    {"error": {}},
    {"error": {"code": "", "message": ""}},
    {"error": {"code": "error"}},
    {"code": 100, "data": {}},
    {"data": {"a": 1}},
    [],
]


@pytest.mark.parametrize(("status", "cls", "code"), CLASSES)
@pytest.mark.parametrize("body", EMPTY, ids=repr)
def test_an_error_that_says_nothing_is_mapped_by_its_status(
    status: int, cls: type[Any], code: str | None, body: Any
) -> None:
    """An empty or literal `error` code, no JSON, or what looks like a success."""
    error = status_error(body, status)
    assert type(error) is cls
    assert (error.status_code, error.code) == (status, code)


SAYING: list[tuple[Any, str, str | None]] = [
    ({"message": "Endpoint request timed out"}, "Endpoint request timed out", None),
    ({"msg": "said"}, "said", None),
    ({"detail": "Not Found"}, "Not Found", None),
    (
        {"error": "Bad", "message": "the body is no JSON", "status": 400, "path": "/v3/videos"},
        "the body is no JSON",
        None,
    ),
    ({"error": "Bad"}, "Bad", None),
    ({"error": {"detail": "said"}}, "said", None),
    ({"error": "Bad", "code": "some_code"}, "Bad", "some_code"),
    ({"code": 400175, "message": "Invalid parameter"}, "Invalid parameter", "400175"),
    ({"error": {"code": 5, "message": 17}}, "17", "5"),
    ({"detail": [{"loc": ["body", "scenes", 0, "script"], "msg": "too long", "type": "x"}]}, "too long", None),
]


@pytest.mark.parametrize(("body", "message", "code"), SAYING)
@pytest.mark.parametrize("status", [400, 503])
def test_the_servers_words_are_kept(body: Any, message: str, code: str | None, status: int) -> None:
    """Wherever they stand: gateways and frameworks have shapes of their own."""
    error = status_error(body, status)
    assert message in str(error)
    assert error.code == (code or (None if status == 503 else "validation_error"))


def test_all_that_an_error_says_is_kept() -> None:
    """Param, link, list, request id, Retry-After."""
    listed = [{"code": "a", "message": "x", "path": "scenes.0"}, {"code": "b"}]
    said = {
        "code": "invalid_parameter",
        "message": "Bad",
        "param": "avatar_id",
        "doc_url": "https://d/e#bad",
        "errors": [*listed, "x"],
    }
    error = status_error({"error": said}, 400, retry_after="7")
    assert (error.code, error.param, error.doc_url, error.errors) == (
        "invalid_parameter",
        "avatar_id",
        "https://d/e#bad",
        listed,
    )
    assert (error.request_id, error.retry_after, error.body) == ("req-1", 7, None)
    assert str(error) == (
        "POST /v3/videos answered 400 (invalid_parameter): Bad. The field is avatar_id. "
        "Mend the request, then send it again."
    )


def test_the_first_listed_error_names_the_field() -> None:
    """If nothing else does; pydantic's first word is only the place."""
    error = status_error({"error": {"code": "x", "errors": [{}, {"message": "bad", "path": "scenes.0.script"}]}}, 400)
    assert error.param == "scenes.0.script"
    error = status_error({"detail": [{"loc": ["body", "scenes", 0, "script"], "msg": "too long"}]}, 422)
    assert error.param == "scenes.0.script"
    assert "The field is scenes.0.script." in str(error)


def test_10_the_status_decides_not_the_codes_words() -> None:
    """A 400 with `internal_error` is a bad request."""
    assert type(refused({"error": {"code": "internal_error", "message": "x"}}, 400)) is errors.BadRequestError
    assert type(refused({"error": {"code": "not_found", "message": "x"}}, 500)) is errors.InternalServerError


def test_11_a_400_about_money_or_the_key_is_about_that() -> None:
    """Older gateways answer 400 to both."""
    assert type(refused({"code": 400599, "message": "no API access"}, 400)) is errors.InsufficientCreditError
    assert type(refused({"code": 400112, "message": "Unauthorized"}, 400)) is errors.AuthenticationError


@pytest.mark.parametrize(
    ("status", "body", "step"),
    [
        (401, b"", "HEYGEN_API_KEY"),
        (402, b"", "Top up"),
        (403, b"", "allowed"),
        (404, b"", "Check the id"),
        (409, {"error": {"code": "request_in_progress"}}, "same key"),
        (413, b"", "asset"),
        (422, b"", "Mend"),
        (429, b"", "lower the number of videos"),
        (429, {"error": {"code": "quota_exceeded"}}, "Waiting does not help"),
        (402, {"error": {"code": "trial_limit_exceeded"}}, "Top up"),
        (503, b"", "Try again later"),
        (410, b"", "newer SDK"),
        (
            400,
            {"error": {"code": "download_failed", "message": "Could not fetch"}},
            "public and direct, with an extension",
        ),
    ],
)
def test_an_error_says_what_to_do_next(status: int, body: Any, step: str) -> None:
    """In its last sentence, whatever the server said."""
    said = str(refused(body, status))
    assert step in said
    assert said.startswith(f"POST /v3/videos answered {status}")
    assert said.endswith(".")
    assert ".." not in said
    assert "  " not in said


def test_an_error_is_one_line() -> None:
    """What a server says must not look like log records of its own."""
    said = str(refused({"error": {"code": "a\nb", "message": "x\r\n2026-01-01 ERROR fake", "param": "p\n"}}, 400))
    assert "\n" not in said
    assert "\r" not in said


def test_a_long_message_is_shortened() -> None:
    """A server that echoes the whole request does not fill the log."""
    assert len(str(refused({"error": {"code": "x" * 10**6, "message": "A" * 10**6}}, 400))) < 3000


# Retired endpoints and redirects


@pytest.mark.parametrize(
    "body", [b"<html>Gone</html>", b"", {"detail": "Not Found"}, {"code": 404, "message": "Not Found"}]
)
@pytest.mark.parametrize("status", [404, 405, 410])
def test_58_a_gone_route_is_retired(status: int, body: Any) -> None:
    """On v1 and v2 the error says how to go on."""
    error = status_error(body, status, path=CREATE)
    assert type(error) is errors.ApiRetiredError
    assert error.status_code == status
    assert "api_version='auto'" in str(error)


def test_58_a_missing_avatar_is_not() -> None:
    """Nor a missing video of v3."""
    assert type(refused({"error": {"code": "avatar_not_found"}}, 404, path=CREATE)) is errors.NotFoundError
    assert (
        type(refused({"code": 40104, "message": "Video not found"}, 404, path="/v1/video_status.get"))
        is errors.NotFoundError
    )
    assert type(refused(b"", 404, path="/v3/videos/v")) is errors.NotFoundError


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize(
    "body", [b"", {"error": {"code": "unauthorized", "message": "x"}}, {"data": {"video_id": "v"}}]
)
def test_56_a_redirect_names_its_target(status: int, body: Any) -> None:
    """Whatever its body says."""
    error = status_error(body, status, location="https://evil.test/login?token=MARK")
    assert (type(error), error.code, error.status_code) == (errors.APIStatusError, "redirect", status)
    assert "evil.test" in str(error)
    assert "MARK" not in str(error)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "nowhere"),
        ("/login?next=MARK", "/login?... on the same host"),
        ("https://[::1", "an unreadable URL"),
        ("https://u:MARK@evil.test/", "evil.test"),
        (f"/echo/{KEY}", "/echo/..."),
    ],
)
def test_56_odd_targets(location: str, words: str) -> None:
    """A redirect may point anywhere."""
    error = refused(b"", 302, location=location)
    assert words in str(error)
    assert "MARK" not in str(error)
    assert KEY not in str(error)


# Secrets

ECHO = f"{KEY} {LINK} {json.dumps(LINK)}"
ECHOING: list[Any] = [
    {
        "error": {
            "code": ECHO,
            "message": ECHO,
            "param": ECHO,
            "doc_url": LINK,
            "errors": [{"message": ECHO, KEY: 1, "a": [ECHO]}],
        }
    },
    {
        "error": {
            "code": "x",
            "doc_url": f"https://d/{KEY}?{KEY}#{KEY}",
            "errors": [{"deep": {"er": [{"url": LINK, "key": KEY}]}}],
        }
    },
    {"code": 400175, "message": ECHO},
    {"error": ECHO},
    {"detail": ECHO},
    {"detail": [{"loc": ["body", ECHO], "msg": ECHO, "input": ECHO, "ctx": {"url": LINK}}]},
    {"no": "envelope", "echo": ECHO},
    {"data": None, "echo": ECHO},
    f"<html>{ECHO}</html>".encode(),
    f'{{"cut": "{KEY}", "url": "https:\\/\\/b\\/a?x=1\\u0026Signature=MARK'.encode(),
    gzip.compress(json.dumps({"error": {"code": "x", "message": ECHO}}).encode(), mtime=0),
]


@pytest.mark.parametrize("body", ECHOING, ids=lambda body: str(body)[:30])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 429, 500, 502])
def test_no_error_holds_the_key_or_a_signature_that_a_server_echoes(body: Any, status: int) -> None:
    """Neither in its words nor in any attribute nor in its pickle."""
    error = refused(body, status, location=LINK, x_request_id=f"{KEY}-{LINK}")
    for shown in (str(error), repr(error), repr(vars(error)), repr(error.args), pickle.dumps(error).decode("latin-1")):
        assert KEY not in shown
        assert "MARK" not in shown


def test_raw_answers_hide_their_content() -> None:
    """They stand in tracebacks with locals."""
    answer = raw({"data": {"url": LINK, "key": KEY}}, set_cookie=KEY)
    for shown in (repr(answer), repr(decode(answer))):
        assert KEY not in shown
        assert "MARK" not in shown
    assert "MARK" not in answer.excerpt()


# Anything at all

names = st.sampled_from(
    ["error", "code", "message", "msg", "data", "detail", "errors", "param", "doc_url", "loc", "path", "x"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=15,
)


@given(
    st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()),
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["location", "retry-after", "x-request-id"]), st.text(string.printable, max_size=30)
    ),
    st.booleans(),
    st.sampled_from(["/v3/videos", CREATE, "/v1/video_status.get"]),
)
def test_any_answer_is_data_or_an_api_error(
    body: bytes, status: int, headers: dict[str, str], may_be_missing: bool, path: str
) -> None:
    """Never another exception; data comes only from a 2xx without a complaint."""
    answer = RawAnswer(method="GET", path=path, status=status, headers=headers, body=body, wall_clock=0, secrets=(KEY,))
    found: Answer | errors.APIError
    try:
        found = decode(answer, data_may_be_missing=may_be_missing)
    except errors.APIError as error:
        found = error
    if isinstance(found, Answer):
        assert 200 <= status < 300
        assert may_be_missing or found.data is not None
        assert not found.body.get("error")
        return
    assert str(found).startswith(f"GET {path} answered {status}")
    assert isinstance(found, errors.APIStatusError | errors.APIResponseError)
    assert found.status_code == status
    assert isinstance(found, errors.APIStatusError) or not 300 <= status < 600
    assert vars(pickle.loads(pickle.dumps(found))).keys() == vars(found).keys()


# Announcements of the end


V2_WARNING = {
    "message": "This v2 endpoint is Legacy and will be removed on 2026-10-31.",
    "v3_endpoint": "POST /v3/videos",
    "docs_url": "https://developers.heygen.com/reference/create-video",
    "sunset_date": "2026-10-31",
}
SUNSET = "Sat, 31 Oct 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "body", "words"),
    [
        ({"deprecation": "true"}, None, ["deprecated"]),
        ({"deprecation": "@1688169599"}, None, ["deprecated"]),
        ({"deprecation": "true", "sunset": SUNSET}, {"code": 100}, ["deprecated", SUNSET]),
        ({"sunset": SUNSET}, None, [SUNSET]),
        ({}, {"warning": V2_WARNING}, ["Legacy", "2026-10-31", "POST /v3/videos"]),
        ({"sunset": SUNSET}, {"warning": V2_WARNING}, ["ends on 2026-10-31"]),
        ({}, {"warning": {"brand": "new"}}, ["deprecated"]),
        ({}, {"warning": "Going away soon"}, ["Going away soon"]),
        ({"deprecation": "false"}, {"warning": {"sunset_date": 20261031}}, ["20261031"]),
    ],
)
def test_an_announcement_is_recognised(headers: dict[str, str], body: Any, words: list[str]) -> None:
    """From the headers, from the body, or both."""
    said = announcement_of(headers, body)
    assert said is not None
    assert all(word in said for word in words)


@pytest.mark.parametrize("headers", [{}, {"deprecation": "false"}, {"deprecation": ""}, {"deprecation": " ?0 "}])
@pytest.mark.parametrize("body", [None, {}, {"warning": None}, {"warning": {}}, {"warning": ""}, {"warning": []}])
def test_no_announcement(headers: dict[str, str], body: Any) -> None:
    """Most answers announce nothing."""
    assert announcement_of(headers, body) is None
