"""The sandbox's journal: what it keeps of calls, what tests can assert of them, and how it explains refusals."""

from __future__ import annotations

import pytest

from heygen_async.sandbox import Call, Journal, Sandbox
from heygen_async.sandbox import journal as journal_module
from heygen_async.sandbox.expectation import Expected
from heygen_async.sandbox.hints import field_hint, route_hint
from heygen_async.sandbox.schema import Fault
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process, quick_start

RULES = ("POST /v3/videos", "GET /v3/videos", "GET /v3/videos/{video_id}", "GET /v1/video_status.get")

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    return Sandbox(renderer=InstantRenderer(tmp_path, size=256))


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox, key="test-key-of-some-length") as client:
        yield client


def call(method: str = "GET", path: str = "/v3/videos", *, body: str | None = None, **headers: str) -> Call:
    made = Call(method=method, path=path, query="", at=0.0, request_id="r", idempotency_key=None, key_sent=True)
    made.body, made.headers, made.status = body, headers, 200
    return made


def journal_of(*calls: Call) -> Journal:
    journal = Journal()
    for one in calls:
        journal.add(one)
    return journal


@pytest.mark.parametrize(
    ("pattern", "method", "path", "matches"),
    [
        ("GET /v3/videos/{video_id}", "GET", "/v3/videos/abc", True),
        ("GET /v3/videos/{video_id}", "GET", "/v3/videos/abc/more", False),
        ("GET /v3/videos/{video_id}", "GET", "/v3/videos", False),
        ("* /v?/*", "DELETE", "/v1/video.delete", True),
        ("GET /v1/video.list", "GET", "/v1/videoxlist", False),
        ("P* /v3/*", "POST", "/v3/videos", True),
        ("POST /v3/videos", "GET", "/v3/videos", False),
    ],
)
def test_patterns_name_calls(pattern, method, path, matches):
    """`*` is any text, `{name}` one part of a path."""
    assert (journal_of(call(method, path)).count(pattern) == 1) is matches


@pytest.mark.parametrize("pattern", ["/v3/videos", "POST", "", "post /v3/videos", "POST v3/videos", "GET /a?limit=3"])
def test_a_pattern_that_could_never_match_is_an_error(pattern):
    """Else `assert_not_called` would pass for ever."""
    for ask in (Journal().matching, Journal().assert_called, Journal().assert_not_called):
        with pytest.raises(ValueError, match="a method and a path"):
            ask(pattern)


def test_assert_called_returns_the_calls_that_match():
    """At least one by default, an exact number with `times`."""
    journal = journal_of(call("POST", body='{"a": 1, "b": {"c": [1, 2]}}'), call("POST", body='{"a": 2}'), call())
    assert len(journal.assert_called("POST /v3/videos")) == 2
    assert journal.assert_called("POST /v3/videos", times=1, json={"b": {"c": [1, 2]}}) == [journal[0]]
    assert journal.assert_called("POST /v3/videos", times=1, json={"a": 2}) == [journal[1]]
    journal.assert_called("DELETE /v3/videos", times=0)
    journal.assert_not_called("POST /v3/videos", json={"a": 3})


@pytest.mark.parametrize(
    ("json", "told"),
    [
        ({"a": 2}, "json.a is 1, not 2"),
        ({"a": True}, "json.a is 1, not True"),
        ({"d": 2}, "json.d is missing"),
        ({"b": {"c": [1, 3]}}, "json.b.c.1 is 2, not 3"),
        ({"b": {"c": [1]}}, "json.b.c has 2 items, not 1"),
        ({"b": []}, "json.b is {'c': [1, 2]}, not []"),
        ([1], "json is {'a': 1, 'b': {'c': [1, 2]}}, not [1]"),
        (dict.fromkeys("uvwxyz"), "json.x is missing; 2 more fields differ"),
    ],
)
def test_a_failure_names_the_field_that_differs(json, told):
    """By its path, with both values."""
    journal = journal_of(call("POST", body='{"a": 1, "b": {"c": [1, 2]}}'))
    with pytest.raises(AssertionError) as failed:
        journal.assert_called("POST /v3/videos", json=json)
    assert told in str(failed.value)


def test_a_failure_lists_the_nearest_calls_first():
    """With the number of calls, and what is different about each."""
    journal = journal_of(
        call("GET", "/v1/video.list"),
        call("POST", body='{"title": "Ho"}'),
        call("PUT", body='{"title": "Hi"}'),
        call("POST", "/v3/video", body='{"title": "Hi"}'),
        call("POST", body='{"title": "Hi"}'),
    )
    with pytest.raises(AssertionError) as failed:
        journal.assert_called("POST /v3/videos", times=2, json={"title": "Hi"})
    lines = str(failed.value).splitlines()
    assert lines[:4] == [
        "expected 2 calls of POST /v3/videos with json {'title': 'Hi'}, saw 1 among 5 calls",
        "the calls that match:",
        "  #5 POST /v3/videos -> 200",
        "the nearest others:",
    ]
    assert set(lines[4:7]) == {
        "  #2 POST /v3/videos -> 200: json.title is 'Ho', not 'Hi'",
        "  #3 PUT /v3/videos -> 200: the method is PUT",
        "  #4 POST /v3/video -> 200: the path is /v3/video",
    }
    assert lines[7].startswith("  #1 GET /v1/video.list -> 200: the method is GET; the path is")


def test_too_many_calls_are_listed_and_counted():
    """Not all of a thousand."""
    journal = journal_of(*(call() for _ in range(8)))
    with pytest.raises(AssertionError) as failed:
        journal.assert_not_called("GET /v3/videos")
    text = str(failed.value)
    assert text.startswith("expected no call of GET /v3/videos, saw 8 among 8 calls")
    assert text.endswith("#5 GET /v3/videos -> 200\n  and 3 more")


def test_headers_are_compared_whatever_their_case():
    """None means that it must not be sent."""
    journal = journal_of(call(**{"x-one": "1"}))
    journal.assert_called("GET /v3/videos", headers={"X-One": "1", "X-Two": None})
    with pytest.raises(AssertionError, match="header X-One is '1', not missing; header X-Two is missing, not '2'"):
        journal.assert_called("GET /v3/videos", headers={"X-One": None, "X-Two": "2"})


async def test_calls_keep_what_was_sent_and_how_it_was_answered(api, sandbox):
    """Body, headers, status and the time it took."""
    await api.post("/v3/videos", json=avatar_video(title="Mine"), headers={"X-Mine": "yes"})
    found = sandbox.requests.assert_called(
        "POST /v3/videos", times=1, json={"title": "Mine"}, headers={"X-Mine": "yes", "X-Other": None}
    )[0]
    assert (found.number, found.status, found.error_code, found.hint) == (1, 200, None, None)
    assert found.seconds is not None
    assert found.json == avatar_video(title="Mine")


async def test_no_key_is_kept(api, sandbox):
    """Neither in headers, nor where a client put it into a body."""
    body = avatar_video(
        title="my key is test-key-of-some-length", script="sk_V2_abcdefghijklmnop and whsec_0123456789abcdef"
    )
    await api.post("/v3/videos", json=body, headers={"X-Copy": "test-key-of-some-length"})
    kept = repr(sandbox.requests[0]) + str(sandbox.requests[0].body)
    assert sandbox.requests[0].json["title"] == "my key is ..."
    assert sandbox.requests[0].headers["x-api-key"] == "..."
    for secret in ("test-key", "sk_V2", "whsec_0"):
        assert secret not in kept


async def test_a_short_sandbox_key_changes_no_body(sandbox):
    """`k` is no secret but part of many words."""
    async with in_process(sandbox, key="k") as client:
        await client.post("/v3/videos", json=avatar_video(title="k"))
    assert sandbox.requests[0].json["title"] == "k"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b'{"a": "' + b"x" * 60_000 + b'"}', True),
        (b'{"a": "' + b"x" * 70_000 + b'"}', False),
        (b"{", False),
        (b"", False),
    ],
    ids=["long", "too long", "broken", "empty"],
)
async def test_bodies_are_kept_up_to_a_bound(api, sandbox, content, kept):
    """And only as JSON."""
    await api.post("/v3/videos", content=content, headers={"Content-Type": "application/json"})
    assert (sandbox.requests[0].json is not None) is kept
    assert sandbox.requests[0].status == 400


async def test_uploads_are_not_kept(api, sandbox):
    """A journal is no file store."""
    await api.post("/v3/videos", content=b"\x00" * 1000, headers={"Content-Type": "video/mp4"})
    assert sandbox.requests[0].body is None


def test_details_of_the_oldest_calls_are_dropped_when_they_get_too_many(monkeypatch):
    """The calls themselves stay."""
    monkeypatch.setattr(journal_module, "KEPT_DETAILS", 250)
    journal = journal_of(*(call() for _ in range(3)))
    for one in journal:
        journal.detail(one, headers={"a": "b"}, body='"' + "x" * 100 + '"')
    assert [one.json is not None for one in journal] == [False, True, True]
    assert [dict(one.headers) for one in journal] == [{}, {"a": "b"}, {"a": "b"}]
    with pytest.raises(AssertionError, match="no JSON body, or it is no longer kept"):
        journal.assert_called("GET /v3/videos", times=3, json="x" * 100)
    journal.clear()
    assert (len(journal), journal.total) == (0, 3)


async def test_refusals_are_explained(api, sandbox):
    """Error code, message, and what may have been meant."""
    await api.post("/v3/videos", json=avatar_video(avatr_id="x"))
    await api.post("/v3/videos", json=avatar_video(script=5))
    await api.get("/v3/video")
    await api.get("/v2/video/generate")
    await api.get("/wp-login.php")
    await api.get("/v3/videos/nope")
    await api.get("/files/a/video.mp4")
    await api.post("/v2/video/generate", json=quick_start(video_inputs=[]))
    sandbox.switches.keys = {"another"}
    await api.get("/v3/videos")
    async with in_process(sandbox, key=None) as keyless:
        await keyless.get("/v1/video.list")
    told = [(one.status, one.error_code, one.hint) for one in sandbox.requests]
    assert told == [
        (400, "invalid_parameter", "did you mean avatar_id?"),
        (400, "invalid_parameter", None),
        (404, "not_found", "did you mean GET /v3/videos?"),
        (405, "method_not_allowed", "this path takes POST"),
        (404, None, "the sandbox has no such call"),
        (404, "video_not_found", None),
        (400, "InvalidArgument", None),
        (400, "invalid_parameter", None),
        (401, "unauthorized", "the key is none of those this sandbox was told to accept"),
        (401, "400112", "no X-Api-Key header was sent"),
    ]
    assert sandbox.requests[1].error == "script: Input should be a valid string"


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("GET", "/v3/videos", None),
        ("GET", "/v3/videos/abc", None),
        ("PUT", "/v3/videos", "this path takes GET and POST"),
        ("GET", "/v1/video_status", "did you mean GET /v1/video_status.get?"),
        ("POST", "/videos", "did you mean POST /v3/videos?"),
        ("GET", "/x", "the sandbox has no such call"),
    ],
)
def test_route_hints(method, path, hint):
    """The nearest call that exists, if one is near."""
    assert route_hint(method, path, RULES) == hint


def test_field_hints():
    """The nearest field, else the fields there are; nothing for fields that are known."""
    known = ("title", "script", "voice_id")
    assert field_hint([Fault("a.0.titel", "no", unknown=True, known=known)]) == "did you mean a.0.title?"
    assert field_hint([Fault("xyz", "no", unknown=True, known=known)]) == "the body may hold title, script, voice_id"
    many = tuple("abcdefghij")
    assert field_hint([Fault("v.xyz", "no", unknown=True, known=many)]) == "v may hold a, b, c, d, e, f, g, h, ..."
    assert field_hint([Fault("title", "too long")]) is None
    assert field_hint([]) is None


async def test_the_sandbox_s_own_page_is_not_in_the_journal(api, sandbox):
    """Looking does not change what a test counts."""
    for path in ("/", "/_sandbox/state", "/favicon.ico"):
        await api.get(path)
    assert len(sandbox.requests) == 0
    await api.post("/")
    assert len(sandbox.requests) == 1


def test_expectations_say_what_they_expect():
    """In the words of the call."""
    assert str(Expected.of("GET /a", json={"b": 1}, headers={"c": None})) == (
        "GET /a with json {'b': 1} with headers {'c': None}"
    )
