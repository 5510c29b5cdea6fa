"""What both ways of fetching a file have in common: the requests, the rules, and how trouble is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import httpx
from attrs import frozen

from heygen_async._protocol.file_answers import FileAnswer, read_answer
from heygen_async._protocol.file_urls import CREDENTIAL_HEADERS, check_file_url
from heygen_async._protocol.redaction import redact_url
from heygen_async._protocol.resuming import Ask, Later, Renew, StartOver, Verdict, Whole
from heygen_async._version import USER_AGENT
from heygen_async.errors import DownloadUrlError

# Large enough that system calls do not count, small enough to stay in the processor's cache and to be copied within
# a part of a millisecond: measured against 1 MiB, one file was as fast and four files stalled the event loop less.
BLOCK: Final = 256 * 1024
# A slow download is written at least this often, so that the part file and the progress tell the truth.
FLUSH_AFTER: Final = 0.25
SILENT: Final = "nothing came for {:g} s"
DRIPPING: Final = "next to nothing came for {:g} s"


class BrokenError(Exception):
    """The connection did not bring what it should have; asking again may help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@frozen(kw_only=True)
class FileRules:
    """How long one attempt waits, in seconds, and where it may go."""

    connect: float
    stall: float
    allow_insecure: bool = False


class Sink(Protocol):
    """Where a body goes. All methods block and are called from one thread at a time."""

    @property
    def ask(self) -> Ask:
        """Return what to ask for."""
        ...

    def begin(self, answer: FileAnswer) -> Verdict:
        """Decide about an answer; the body is wanted if the verdict is a `Take`."""
        ...

    def write(self, block: memoryview) -> None:
        """Take the next block."""
        ...

    def count_wire_bytes(self, received: int) -> None:
        """Take note of bytes of a body that is compressed on the wire."""
        ...


Fetched = Whole | StartOver | Renew | Later | None
"""How an attempt ended; None means that the body was written to its end, such as it was."""


def file_request(
    client: httpx.Client | httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    rules: FileRules,
    trace: Callable[[str, Any], None] | None = None,
) -> httpx.Request:
    """Return a request without credentials, whatever the defaults of the client are; raise `DownloadUrlError`."""
    check_file_url(url, allow_insecure=rules.allow_insecure)
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DownloadUrlError(f"{redact_url(url)!r} is not a URL: {error}", url=redact_url(url)) from error
    request = client.build_request(
        method,
        url,
        headers={"User-Agent": USER_AGENT, **headers},
        timeout=(rules.connect, rules.stall, rules.stall, None),
        extensions={} if trace is None else {"trace": trace},
    )
    for name in CREDENTIAL_HEADERS:
        request.headers.pop(name, None)
    return request


def head_of(response: httpx.Response) -> FileAnswer:
    """Return the head of a response as data."""
    return read_answer(response.status_code, response.headers, wall_clock=time.time())
