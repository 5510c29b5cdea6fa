"""Which URLs files may be fetched from, and where a redirect may lead."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

from heygen_async._protocol.redaction import redact_url
from heygen_async._protocol.settings import is_loopback
from heygen_async.errors import DownloadError, DownloadUrlError

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Never sent to a file host, whatever the defaults of the client that sends.
CREDENTIAL_HEADERS: Final = ("x-api-key", "authorization", "cookie", "proxy-authorization")


def check_file_url(url: str, *, allow_insecure: bool = False) -> None:
    """Raise `DownloadUrlError` unless the URL is https, or http to this machine (or anywhere with `allow_insecure`)."""
    scheme, host = _scheme_and_host(url)
    if scheme == "https":
        return
    if scheme != "http":
        raise DownloadUrlError(f"Only https:// URLs can be downloaded, not {redact_url(url)!r}", url=redact_url(url))
    if not allow_insecure and not is_loopback(host):
        raise DownloadUrlError(
            f"{redact_url(url)} would come in clear text. Use https:// (http:// is for this machine only, "
            "unless the client was made with allow_insecure=True).",
            url=redact_url(url),
        )


def redirect_target(url: str, location: str | None, *, hops: int, allow_insecure: bool = False) -> str:
    """Return the absolute URL that the `hops`-th redirect (from 1) leads to.

    Raise `DownloadUrlError` if it leads away from https, and `DownloadError` if it leads nowhere or in circles. Only
    this machine may send anybody on to this machine in clear text: a public host must not reach behind a firewall.
    """
    if not location:
        raise DownloadError(f"{redact_url(url)} redirects to nowhere.", url=redact_url(url))
    if hops > MAX_REDIRECTS:
        raise DownloadError(f"{redact_url(url)}: more than {MAX_REDIRECTS} redirects.", url=redact_url(url))
    target = _joined(url, location)
    check_file_url(target, allow_insecure=allow_insecure)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise DownloadUrlError(
            f"{redact_url(url)} redirects from https to {redact_url(target)}, which is clear text.", url=redact_url(url)
        )
    return target


def source_of(url: str) -> str:
    """Return what a URL says about the file itself: everything but the signature."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise DownloadUrlError(f"{redact_url(url)} redirects to an unreadable URL.", url=redact_url(url)) from error


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, AttributeError) as error:
        raise DownloadUrlError(f"{redact_url(str(url))!r} is not a URL.", url=redact_url(str(url))) from error
    if not host or not parts.scheme or any(character <= " " for character in url):
        raise DownloadUrlError(f"{redact_url(url)!r} is not an absolute https:// URL.", url=redact_url(url))
    if parts.username or parts.password:
        raise DownloadUrlError(f"{redact_url(url)}: a file URL must not hold a password.", url=redact_url(url))
    return parts.scheme.lower(), host
