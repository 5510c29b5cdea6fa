"""Where to send requests, and with which key: decided once, before any of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from heygen_async._protocol.redaction import redact_text
from heygen_async.errors import ConfigurationError

ApiVersionChoice = Literal["auto", "v2", "v3"]

KEY_VARIABLE: Final = "HEYGEN_API_KEY"
BASE_VARIABLE: Final = "HEYGEN_API_BASE"
VERSION_VARIABLE: Final = "HEYGEN_API_VERSION"
DEFAULT_BASE: Final = "https://api.heygen.com"
# Anything else makes the resolver raise what is no error of a connection.
_NAME: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?")
_CHOICES: Final[Mapping[str, ApiVersionChoice]] = {"auto": "auto", "v2": "v2", "v3": "v3"}


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
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(key: object) -> str:
    if key is None or (isinstance(key, str) and not key.strip()):
        raise ConfigurationError(
            f"No API key: set the environment variable {KEY_VARIABLE} or pass api_key=... "
            "(Settings > API in the HeyGen app; the sandbox takes any key)."
        )
    if not isinstance(key, str):
        raise ConfigurationError(f"api_key must be a str, not {type(key).__name__}")
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            f"The API key from api_key or {KEY_VARIABLE} has characters that no HTTP header takes."
        )
    return key


def _checked_base(base: object, allow_insecure: bool) -> str:  # noqa: FBT001 - one caller, by position
    if not isinstance(base, str):
        raise ConfigurationError(f"base_url must be a str, not {type(base).__name__}")
    base = base.strip()
    try:
        parts = urlsplit(base)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url {redact_text(base)!r} is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not _is_host(host) or not base.isprintable() or " " in base:
        raise ConfigurationError(f"base_url must be an https:// URL such as {DEFAULT_BASE}, not {redact_text(base)!r}")
    if "@" in parts.netloc or "?" in base or "#" in base:
        raise ConfigurationError("base_url must be an origin, without user, query or fragment")
    if parts.scheme == "http" and not allow_insecure and not is_loopback(host):
        raise ConfigurationError(
            f"base_url http://{host} would send the API key in clear text. Use https://, or allow_insecure=True if "
            "the way there is trusted (http:// is always allowed to this machine itself)."
        )
    return base.rstrip("/")


def _is_host(host: str | None) -> bool:
    """Say whether a host is one that a connection can be tried to: an IP address, or a name in ASCII."""
    if host is None or _NAME.fullmatch(host):
        return host is not None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _checked_version(choice: str | None, environment: Mapping[str, str]) -> ApiVersionChoice:
    word, source = choice, "api_version"
    if word is None or word == "auto":
        word, source = environment.get(VERSION_VARIABLE) or "auto", VERSION_VARIABLE
    known = _CHOICES.get(word)
    if known is None:
        raise ConfigurationError(f"{source} must be 'auto', 'v2' or 'v3', not {word!r}")
    return known
