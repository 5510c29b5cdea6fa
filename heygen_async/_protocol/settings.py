"""Where to send requests, and with which key: decided once, before any of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final, Literal, cast
from urllib.parse import urlsplit

from attrs import field, frozen

from heygen_async.errors import ConfigurationError

ApiVersionChoice = Literal["auto", "v2", "v3"]

KEY_VARIABLE: Final = "HEYGEN_API_KEY"
BASE_VARIABLE: Final = "HEYGEN_API_BASE"
VERSION_VARIABLE: Final = "HEYGEN_API_VERSION"
DEFAULT_BASE: Final = "https://api.heygen.com"
_CHOICES: Final = ("auto", "v2", "v3")


@frozen(kw_only=True)
class Settings:
    """The origin, the key and the choice of wire of one client."""

    base_url: str
    api_key: str = field(repr=False)
    api_version: ApiVersionChoice
    allow_insecure: bool = False


def settings_from(
    *,
    api_key: str | None,
    base_url: str | None,
    api_version: str | None,
    allow_insecure: bool,
    environment: Mapping[str, str],
) -> Settings:
    """Return the settings that arguments and environment add up to; raise `ConfigurationError` for unusable ones."""
    return Settings(
        base_url=_checked_base(base_url or environment.get(BASE_VARIABLE) or DEFAULT_BASE, allow_insecure),
        api_key=_checked_key(environment.get(KEY_VARIABLE) if api_key is None else api_key),
        api_version=_checked_version(api_version, environment),
        allow_insecure=allow_insecure,
    )


def is_loopback(host: str | None) -> bool:
    """Say whether a host is this machine: `localhost`, 127.0.0.0/8 or `::1`."""
    if host is None:
        return False
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(key: str | None) -> str:
    if key is None or not key.strip():
        raise ConfigurationError(
            f"No API key: set the environment variable {KEY_VARIABLE} or pass api_key=... "
            "(Settings > API in the HeyGen app; the sandbox takes any key)."
        )
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            f"The API key from api_key or {KEY_VARIABLE} has characters that no HTTP header takes."
        )
    return key


def _checked_base(base: str, allow_insecure: bool) -> str:  # noqa: FBT001 - one caller, by position
    try:
        parts = urlsplit(base.strip())
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url {base!r} is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError(f"base_url must be an https:// URL such as {DEFAULT_BASE}, not {base!r}")
    if parts.username or parts.query or parts.fragment:
        raise ConfigurationError("base_url must be an origin, without user, query or fragment")
    if parts.scheme == "http" and not allow_insecure and not is_loopback(host):
        raise ConfigurationError(
            f"base_url http://{host} would send the API key in clear text. Use https://, or allow_insecure=True if "
            "the way there is trusted (http:// is always allowed to this machine itself)."
        )
    return base.strip().rstrip("/")


def _checked_version(choice: str | None, environment: Mapping[str, str]) -> ApiVersionChoice:
    word, source = choice, "api_version"
    if word is None or word == "auto":
        word, source = environment.get(VERSION_VARIABLE) or "auto", VERSION_VARIABLE
    if word not in _CHOICES:
        raise ConfigurationError(f"{source} must be 'auto', 'v2' or 'v3', not {word!r}")
    return cast("ApiVersionChoice", word)
