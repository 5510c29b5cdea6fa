"""Where requests go, and with which key: decided before the first one."""

from __future__ import annotations

import pickle
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import ConfigurationError
from heygen_async._protocol.settings import Settings, is_loopback, settings_from

KEY = "sk-0123456789"


def settings(environment: dict[str, str] | None = None, **options: Any) -> Settings:
    arguments = {"api_key": KEY, "base_url": None, "api_version": "auto", "allow_insecure": False} | options
    return settings_from(**arguments, environment=environment or {})


# The key


def test_the_key_comes_from_the_argument_else_from_the_environment() -> None:
    """White space around it, as files and shells leave it, is no part of it."""
    assert settings().api_key == KEY
    assert settings({"HEYGEN_API_KEY": "other"}).api_key == KEY
    assert settings({"HEYGEN_API_KEY": " other\n"}, api_key=None).api_key == "other"


@pytest.mark.parametrize("argument", ["", " ", "\n", None])
@pytest.mark.parametrize("environment", [{}, {"HEYGEN_API_KEY": ""}, {"HEYGEN_API_KEY": " \n"}])
def test_a_missing_key_names_the_variable(argument: str | None, environment: dict[str, str]) -> None:
    """An empty one counts as missing."""
    with pytest.raises(ConfigurationError, match="HEYGEN_API_KEY"):
        settings(environment, api_key=argument)


def test_an_empty_argument_is_not_replaced_by_the_environment() -> None:
    """A broken secret store must not silently lead to somebody else's account."""
    with pytest.raises(ConfigurationError):
        settings({"HEYGEN_API_KEY": "other"}, api_key="")


@pytest.mark.parametrize(
    "key", ["sk secret", "sk\nsecret", "sk-s\u00e9cret", "secret\x00", "sk\u2026secret", b"secret", 12345, ["secret"]]
)
def test_a_key_that_no_header_takes_is_refused_without_showing_it(key: Any) -> None:
    """Before the HTTP library does, with the key in its words."""
    with pytest.raises(ConfigurationError) as caught:
        settings(api_key=key)
    assert "secret" not in str(caught.value)
    assert "12345" not in str(caught.value)


def test_the_key_is_not_in_the_repr() -> None:
    """Settings end up in debuggers."""
    assert KEY not in repr(settings())


# The base URL


@pytest.mark.parametrize(
    ("argument", "environment", "base"),
    [
        (None, {}, "https://api.heygen.com"),
        ("", {}, "https://api.heygen.com"),
        (None, {"HEYGEN_API_BASE": ""}, "https://api.heygen.com"),
        (None, {"HEYGEN_API_BASE": "http://localhost:8000/"}, "http://localhost:8000"),
        ("https://a.test", {"HEYGEN_API_BASE": "https://b.test"}, "https://a.test"),
        (" https://a.test// ", {}, "https://a.test"),
        ("https://a.test:8443/prefix/", {}, "https://a.test:8443/prefix"),
        ("HTTPS://A.TEST", {}, "HTTPS://A.TEST"),
        ("https://a.test.", {}, "https://a.test."),
        ("https://[2001:db8::1]:8443", {}, "https://[2001:db8::1]:8443"),
        ("https://my_host:1", {}, "https://my_host:1"),
    ],
)
def test_the_base_url(argument: str | None, environment: dict[str, str], base: str) -> None:
    """Argument, else environment, else HeyGen; without the slash at its end."""
    assert settings(environment, base_url=argument).base_url == base


LOOPBACK = [
    "localhost",
    "LOCALHOST",
    "LocalHost.",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
]
NOT_LOOPBACK = [
    "example.test",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "localhost..",
    "evil-localhost",
    "0.0.0.0",
    "128.0.0.1",
    "10.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "[::]",
    "[fe80::1]",
    "[::ffff:10.0.0.1]",
    "api.heygen.com",
]


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("rest", ["", ":8000", ":8000/prefix/", "/"])
def test_plain_http_is_for_this_machine(host: str, rest: str) -> None:
    """127.0.0.0/8, localhost and ::1, in any spelling."""
    assert settings(base_url=f"http://{host}{rest}").base_url.startswith("http://")


@pytest.mark.parametrize("host", NOT_LOOPBACK)
def test_plain_http_to_another_machine_is_refused(host: str) -> None:
    """Also to names that only look like this machine; `allow_insecure` allows what can be a host at all."""
    with pytest.raises(ConfigurationError):
        settings(base_url=f"http://{host}:8000")
    if host != "localhost..":
        assert settings(base_url=f"http://{host}:8000", allow_insecure=True).allow_insecure


def test_the_refusal_of_plain_http_says_how_to_allow_it() -> None:
    """And why it is refused."""
    with pytest.raises(ConfigurationError, match=r"http://a\.test.*clear text.*allow_insecure=True"):
        settings({"HEYGEN_API_BASE": "http://a.test"})


@pytest.mark.parametrize(
    "base",
    [
        "api.heygen.com",
        "//api.heygen.com",
        "ftp://api.heygen.com",
        "file:///etc/passwd",
        "https://",
        "https:///v3",
        "https://:443",
        "https://a.test:port",
        "https://a.test:99999",
        "https://[::1",
        "https://[nonsense]",
        "https://a..test",
        f"https://{'a' * 64}.test",
        "https://a b.test",
        "https://a.test/v 3",
        "https://a\n.test",
        "https://a.test/\x00",
        "https://\u00fc.test",
        "https://\U0001f600.test",
        "https://a\\b.test",
        "https://a%20b.test",
        "   ",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(base: str) -> None:
    """Before the HTTP library or the resolver fail in their own words, in the middle of a submission."""
    with pytest.raises(ConfigurationError, match="base_url"):
        settings(base_url=base, allow_insecure=True)


@pytest.mark.parametrize(
    "base",
    [
        "https://user@a.test",
        "https://user:secret@a.test",
        "https://:secret@a.test",
        "https://@a.test",
        "https://a.test?token=secret",
        "https://a.test?",
        "https://a.test#secret",
        "https://a.test#",
        "http://127.0.0.1\\@evil.test",
        "http://evil.test\\@127.0.0.1/",
        "http://127.0.0.1#@evil.test",
        "http://127.0.0.1?@evil.test",
        "http://localhost:pw@evil.test",
    ],
)
def test_a_base_url_is_an_origin(base: str) -> None:
    """A user would be sent along, an empty query would swallow the path; the password is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        settings(base_url=base)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("base", ["ftp://u:secret@a.test", "https://u:secret@[::1", "https://a.test:x?token=secret"])
def test_a_refused_base_url_is_shown_without_its_secrets(base: str) -> None:
    """It may come from a file that somebody filled with the wrong thing."""
    with pytest.raises(ConfigurationError) as caught:
        settings(base_url=base)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=40) | st.text(string.printable, max_size=40).map("http://{}".format))
def test_any_base_url_is_taken_or_refused(base: str) -> None:
    """With `ConfigurationError` and nothing else; and clear text never leaves this machine."""
    try:
        taken = settings(base_url=base).base_url
    except ConfigurationError:
        return
    assert taken.lower().startswith(("https://", "http://localhost", "http://127.", "http://["))
    assert not taken.endswith("/")


# The wire


@pytest.mark.parametrize(
    ("argument", "environment", "version"),
    [
        ("auto", {}, "auto"),
        (None, {}, "auto"),
        ("v2", {}, "v2"),
        ("v3", {"HEYGEN_API_VERSION": "v2"}, "v3"),
        ("auto", {"HEYGEN_API_VERSION": "v2"}, "v2"),
        ("auto", {"HEYGEN_API_VERSION": ""}, "auto"),
        (None, {"HEYGEN_API_VERSION": "v3"}, "v3"),
    ],
)
def test_the_version(argument: str | None, environment: dict[str, str], version: str) -> None:
    """A choice in code wins over the environment."""
    assert settings(environment, api_version=argument).api_version == version


@pytest.mark.parametrize(
    ("argument", "environment", "source"),
    [("v1", {}, "api_version"), ("V3", {}, "api_version"), ("auto", {"HEYGEN_API_VERSION": "3"}, "HEYGEN_API_VERSION")],
)
def test_an_unknown_version_names_its_source(argument: str, environment: dict[str, str], source: str) -> None:
    """So that the reader knows where to look."""
    with pytest.raises(ConfigurationError, match=rf"{source} must be 'auto', 'v2' or 'v3'"):
        settings(environment, api_version=argument)


def test_a_configuration_error_is_a_value_error_that_pickles() -> None:
    """Callers may catch it as either."""
    with pytest.raises(ValueError, match="HEYGEN_API_KEY") as caught:
        settings(api_key="")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("host", [None, "", " localhost", "localhost/", "::1%", "999.0.0.1"])
def test_odd_hosts_are_not_this_machine(host: str | None) -> None:
    """Nor is no host at all."""
    assert not is_loopback(host)
