"""Secrets do not survive: neither in URLs nor in text, JSON or pages, whatever surrounds them."""

from __future__ import annotations

import html
import json
import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol.redaction import excerpt, redact_json, redact_link, redact_text, redact_url, without_secrets

KEY = "sk_V2_hgu_k3y+/with=signs"
SIGNED = "https://files.heygen.ai/v/abc.mp4?Expires=1790000000&Signature=s3cr3t"

# Whatever may stand in a query by RFC 3986, and the backslash that JSON text puts there.
IN_QUERIES = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/?%[]{}\\|^`"
queries = st.text(IN_QUERIES, max_size=30).map(lambda text: f"Key=1&{text}Signature=MARK{text}")
paths = st.text(string.ascii_letters + string.digits + "-._~/", max_size=20)
urls = st.builds(
    "{}://{}/{}?{}".format,
    st.sampled_from(["https", "http", "HTTPS", "s3", "x-y.z"]),
    st.sampled_from(["files.example", "user:MARK@files.example:8443", "[::1]:80", "127.0.0.1"]),
    paths,
    queries,
)
around = st.text(string.ascii_letters + " \t\n.,:;()<>\"'[]{}=", max_size=20)


@given(urls)
def test_no_query_of_a_url_survives(url: str) -> None:
    """Nor does a password; the host and the path stay, so that the error is of use."""
    for redacted in (redact_url(url), redact_text(url), redact_json(url), redact_json({"a": [url]})["a"][0]):
        assert "MARK" not in redacted
        assert "example" in redacted or "::1" in redacted or "127.0.0.1" in redacted
        assert "?..." in redacted


@given(around, urls, around)
def test_no_query_in_a_text_survives(before: str, url: str, after: str) -> None:
    """Whatever sentence, quotes or brackets surround the URL."""
    assert "MARK" not in redact_text(f"{before} {url} {after}")
    assert "MARK" not in redact_text(f"{before}{url}{after}")


@given(queries)
def test_no_query_of_a_path_survives(query: str) -> None:
    """Requests are logged by path, redirects may be relative."""
    assert "MARK" not in redact_text(f"GET /v1/video_status.get?{query} failed")
    assert "MARK" not in redact_text(f"?{query}")


@given(urls, st.sampled_from([json.dumps, repr, html.escape]))
def test_no_query_in_quoted_text_survives(url: str, quoted: Any) -> None:
    """Raw JSON and reprs end up in excerpts; some servers write `&` as `\\u0026` and `/` as `\\/`."""
    text = quoted(url)
    for shown in (text, text.replace("&", "\\u0026"), text.replace("/", "\\/"), json.dumps({"body": text})):
        assert "MARK" not in redact_text(shown).replace("user:MARK@", "")


@pytest.mark.parametrize(
    "text",
    [
        '{"url":"https:\\/\\/h\\/x?a=1\\u0026Signature=MARK"}',
        "https://h/x?a=(1)&b=[2]&c={3}&d='4'&Signature=MARK",
        f"https://proxy/{quote('https://h/x?Signature=MARK', safe='')}",
        "https://h/x#access_token=MARK",
        "https://h/x?a=b?Signature=MARK#MARK=1",
        "//h/x?Signature=MARK",
        "https://MARK@h/x",
        "https://MARK:MARK@h",
        "see(https://h/x?Signature=MARK)",
        "'https://h/x?Signature=MARK'",
    ],
)
def test_disguised_queries_do_not_survive(text: str) -> None:
    """Escaped slashes, brackets, encoded URLs in URLs, tokens in fragments, user information."""
    assert "MARK" not in redact_text(text)
    assert "MARK" not in redact_json({"x": [text]})["x"][0]
    assert "MARK" not in excerpt(text.encode())


@given(st.text())
def test_redacting_text_is_idempotent_and_never_fails(text: str) -> None:
    """Errors quote errors: a second pass changes nothing."""
    once = redact_text(text)
    assert redact_text(once) == once


@given(st.text() | urls)
def test_redacting_a_url_is_idempotent_and_never_fails(url: str) -> None:
    """Whatever is in the place of a URL."""
    once = redact_url(url)
    assert redact_url(once) == once
    assert redact_link(url).startswith(once)


@given(st.text(string.ascii_letters + string.digits + " .,:;-()\n"))
def test_plain_text_stays_as_it_is(text: str) -> None:
    """Redaction must not eat messages."""
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Really? Yes. What?!", "Really? Yes. What?!"),
        (f"(see {SIGNED}).", "(see https://files.heygen.ai/v/abc.mp4?...)."),
        (f'{{"url": "{SIGNED}"}}', '{"url": "https://files.heygen.ai/v/abc.mp4?..."}'),
        ("color #008000, page https://h/a#top", "color #008000, page https://h/a#top"),
        ("https://me:pw@h:8443/a b", "https://h:8443/a b"),
    ],
)
def test_the_sentence_around_a_url_stays(text: str, redacted: str) -> None:
    """Brackets and full stops after a URL are not part of its query."""
    assert redact_text(text) == redacted


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        (SIGNED, "https://files.heygen.ai/v/abc.mp4?..."),
        ("https://h/x", "https://h/x"),
        ("https://user:pw@H:8443/x#frag", "https://h:8443/x"),
        ("https://[::1]:80/x?a b&c d", "https://[::1]:80/x?..."),
        ("https://[::1/x", "<unreadable URL>"),
        ("https://h:port/x", "<unreadable URL>"),
        ("", ""),
        (None, "None"),
    ],
)
def test_redact_url(url: str | None, redacted: str) -> None:
    """Origin and path stay, and a mark of the query."""
    assert redact_url(url) == redacted


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://d/docs/errors#video-not-found", "https://d/docs/errors#video-not-found"),
        ("https://d/docs/errors?a=1#top", "https://d/docs/errors?...#top"),
        ("https://d/docs/errors#token=MARK", "https://d/docs/errors"),
    ],
)
def test_a_link_to_documentation_keeps_its_anchor(url: str, redacted: str) -> None:
    """The anchor is the useful part; one that looks like a token is not kept."""
    assert redact_link(url) == redacted


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | urls,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=5), inner, max_size=3)
        ),
    )
)
def test_json_keeps_its_shape(value: Any) -> None:
    """Only texts change, the given value does not."""
    before = json.dumps(value)
    redacted = redact_json(value)
    assert "MARK" not in json.dumps(redacted)
    assert json.dumps(value) == before
    assert shape(redacted) == shape(value)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value) if isinstance(value, str) else value


@pytest.mark.parametrize("make", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_deep_json_is_cut_instead_of_failing(make: Any) -> None:
    """Decoded JSON may be as deep as the stack allowed; the redacted copy can be shown and pickled."""
    value: Any = "https://h/x?Signature=MARK"
    for _ in range(5000):
        value = make(value)
    shown = repr(redact_json(value))
    assert "MARK" not in shown
    assert "..." in shown


@pytest.mark.parametrize(
    "echo",
    [
        KEY,
        f"x{KEY}x",
        quote(KEY, safe=""),
        json.dumps({"k": KEY}),
        json.dumps({"k": KEY}).replace("/", "\\/"),
        html.escape(f"'{KEY}'"),
        f"<b>{KEY}</b>" * 3,
    ],
)
def test_a_secret_is_cut_however_it_is_escaped(echo: str) -> None:
    """In URLs, JSON and HTML."""
    for shown in (
        without_secrets(echo, (KEY,)),
        excerpt(echo.encode(), secrets=(KEY,)),
        redact_json([echo], secrets=(KEY,))[0],
    ):
        assert "k3y" not in shown


def test_a_short_secret_is_cut_as_a_word_only() -> None:
    """The sandbox takes any key, `k` too: cutting every k would make errors unreadable."""
    assert without_secrets("key k is not ok (k)", ("k",)) == "key ... is not ok (...)"
    assert redact_json({"a": "k", "b": "ok"}, secrets=("k",)) == {"a": "...", "b": "ok"}


@given(st.integers(4000, 4200), st.integers(0, 30))
def test_a_secret_at_the_edge_of_the_excerpts_window_is_not_shown_in_part(padding: int, earlier: int) -> None:
    """A window that ends inside the key leaves a part that is no longer recognised."""
    body = f"{KEY * earlier}<{'x' * (padding - len(KEY) * earlier)}>{KEY} and more <b>{'y' * 500}".encode()
    assert "sk_V2" not in excerpt(body, secrets=(KEY,))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            b"<html><head><style>p { color: red }</style></head><body><h1>502</h1> Bad\n\n gateway</body>",
            "502 Bad gateway",
        ),
        (b"<script>alert(1)</script>hello<SCRIPT>x</SCRIPT >", "hello"),
        (b"\xff\xfe caf\xc3\xa9", "\ufffd\ufffd caf\u00e9"),
        (b"", ""),
        (b"a" * 5000, "a" * 200),
    ],
)
def test_an_excerpt_is_the_first_words_of_a_page(body: bytes, shown: str) -> None:
    """Without markup, in one line, 200 characters at most."""
    assert excerpt(body) == shown


@given(st.binary(max_size=300), st.lists(st.text(max_size=12), max_size=2))
def test_an_excerpt_never_fails(body: bytes, secrets: list[str]) -> None:
    """It is made while another error is being reported."""
    assert len(excerpt(body, secrets=tuple(filter(None, secrets)))) <= 200


@pytest.mark.parametrize(
    "text", ["a", "?", "??a", "/", "://", "x://", "#", "=", "%3F", "<", "<script>", "@", "a?b=c", "https://a?b#c=d@"]
)
@pytest.mark.timeout(30)
def test_redaction_reads_a_text_once(text: str) -> None:
    """An echoed megabyte must not stop the event loop: a quadratic pattern would take minutes here."""
    many = text * (1_000_000 // len(text))
    for redact in (redact_text, redact_json):
        assert len(redact(many)) <= 4 * len(many)
    assert len(excerpt(many.encode(), secrets=(KEY,))) <= 200
