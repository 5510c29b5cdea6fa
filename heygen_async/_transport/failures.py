"""Turn what the HTTP stack throws into the SDK's own errors."""

from __future__ import annotations

import ssl
import sys
from types import ModuleType
from typing import Final

import anyio
import httpx
from attrs import frozen

from heygen_async._protocol.redaction import redact_text

# These escape the httpx tree in the wild.
_STRAY: Final = (ssl.SSLError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


@frozen
class FailureKinds:
    """The exception classes of one HTTP library: ours, or that of the client a caller brought along.

    `refused` are those that carry the `response` they complain about.
    """

    any: tuple[type[Exception], ...]
    timeout: tuple[type[Exception], ...]
    before_sending: tuple[type[Exception], ...]
    refused: tuple[type[httpx.HTTPStatusError], ...]


def kinds_of(client: object) -> FailureKinds:
    """Return the failures that a client raises, found in the root package of its class."""
    for cls in type(client).__mro__:
        library = sys.modules.get(cls.__module__.partition(".")[0])
        if library is not None and hasattr(library, "RequestError") and hasattr(library, "PoolTimeout"):
            return _kinds(library)
    return _kinds(httpx)


def _kinds(library: ModuleType) -> FailureKinds:
    return FailureKinds(
        any=(library.RequestError, library.StreamError, *_STRAY),
        timeout=(library.TimeoutException, TimeoutError),
        # A proxy error is one of building the tunnel: what a proxy says later is an answer.
        before_sending=(
            library.ConnectError,
            library.ConnectTimeout,
            library.PoolTimeout,
            library.ProxyError,
            library.UnsupportedProtocol,
        ),
        refused=(library.HTTPStatusError,),
    )


def describe(error: BaseException) -> str:
    """Return one redacted line about a failure."""
    said = redact_text(str(error)).strip()
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
