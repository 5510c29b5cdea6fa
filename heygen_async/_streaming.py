"""Files for passing on: an answer for a web client that is known to be good before its first byte is sent."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Self

import anyio
from attrs import define, evolve, field

from heygen_async import errors
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.file_answers import FileAnswer
from heygen_async._protocol.persistence import Persistence
from heygen_async._protocol.redaction import redact_url
from heygen_async._protocol.resuming import Ask, Later, Memo, Refuse, Renew, Take, judge, judge_stream
from heygen_async._protocol.signatures import HEAD_LENGTH, media_type_of, refusal_of_body
from heygen_async._protocol.targets import Expectation, expectation_for
from heygen_async._saving import FileSource
from heygen_async._transport.file_async import chunks_of
from heygen_async._transport.file_lane import FileLane
from heygen_async._transport.file_requests import BrokenError, FileRules, head_of
from heygen_async.models.video import Asset

if TYPE_CHECKING:
    import httpx

_PASSED_ON: Final = ("content-length", "content-range", "accept-ranges", "etag", "last-modified")
_SAYS_NOTHING: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})


@define(eq=False)
class FileStream:
    """A file's body, to be passed on chunk by chunk.

    `status_code` is 200, 206 or 416. `headers` are fit for passing on: type, length, range, ETag, date; lower-case
    names. Iterate once. What breaks off is continued where the host allows it; `DownloadIncompleteError` from the
    iteration means that this did not work and the body is cut. Cancelling is safe at any time.
    """

    status_code: int
    headers: Mapping[str, str]
    media_type: str
    _chunks: AsyncGenerator[bytes, None] = field(repr=False)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)


@asynccontextmanager
async def open_stream(
    lane: FileLane,
    source: FileSource,
    rules: FileRules,
    retries: RetryPolicy,
    *,
    asset: Asset | None,
    range_header: str | None,
) -> AsyncGenerator[FileStream]:
    """Give the body of a file; it, and its place among the streams, is held until the block is left.

    An expired link is renewed, and trouble waited out, before the body is given. Raise a `DownloadError`.
    """
    async with AsyncExitStack() as stack:
        reader = _Reader(lane, source, rules, retries, expectation_for(asset, Path("file")), stack)
        answer, headers = await reader.open(range_header)
        async with aclosing(reader.body()) as chunks:
            media_type = headers["content-type"].partition(";")[0].strip().lower()
            yield FileStream(answer.status, headers, media_type, chunks)


@define(eq=False)
class _Reader:
    _lane: FileLane
    _source: FileSource
    _rules: FileRules
    _retries: RetryPolicy
    _expected: Expectation
    _stack: AsyncExitStack
    _url: str | None = field(init=False)
    _persistence: Persistence = field(init=False)
    _answer: FileAnswer = field(init=False)
    _chunks: AsyncGenerator[bytes, None] = field(init=False)
    _first: bytes = field(default=b"", init=False)
    _start: int = field(default=0, init=False)
    _promised: int | None = field(default=None, init=False)
    _given: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._url = self._source.url
        self._persistence = Persistence(self._retries)

    async def open(self, range_header: str | None) -> tuple[FileAnswer, dict[str, str]]:
        """Return the head of an answer that may be passed on, and the headers for it."""
        headers = {} if range_header is None else {"Range": range_header}
        response = await self._ask(headers)
        found = self._answer.content_range
        self._start = found.first if found is not None and found.first is not None else 0
        self._promised = _promised_by(self._answer)
        return self._answer, _headers_of(response, self._answer, self._expected, self._first)

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Yield the body; raise `DownloadIncompleteError` if it breaks off for good."""
        if self._answer.status == 416:
            return
        while True:
            try:
                if self._first:
                    first, self._first = self._first, b""
                    self._given += len(first)
                    yield first
                async for chunk in self._chunks:
                    self._given += len(chunk)
                    yield chunk
                await self._check_end()
            except BrokenError as error:
                await self._continue(error)
            else:
                return

    async def _ask(self, headers: Mapping[str, str]) -> httpx.Response:
        """Ask until there is an answer to be passed on, its first bytes included."""
        while True:
            setback: Renew | Later | Refuse | None
            try:
                return await self._attempt(headers)
            except BrokenError as error:
                setback = Later(error.reason)
            except _SetbackError as error:
                setback = error.setback
            await self._stack.aclose()
            await anyio.sleep(self._pause_after(setback))

    async def _attempt(self, headers: Mapping[str, str]) -> httpx.Response:
        if self._url is None:
            assert self._source.refresh is not None  # noqa: S101 - without it, an expired link has ended the stream
            self._url = await self._source.refresh()
        asked = {"Accept": "*/*", "Accept-Encoding": "identity", **headers}
        response = await self._stack.enter_async_context(self._lane.open(self._url, asked, self._rules))
        answer = head_of(response)
        setback = judge_stream(answer, self._expected, asked_range="Range" in headers)
        if setback is not None:
            raise _SetbackError(setback)
        self._answer = answer
        chunks = chunks_of(response, self._rules, decode=answer.encoding is not None)
        self._chunks = await self._stack.enter_async_context(aclosing(chunks))
        if answer.status != 416:
            await self._look_at_first()
        return response

    async def _look_at_first(self) -> None:
        self._first = await anext(self._chunks, b"")
        found = self._answer.content_range
        if self._given == 0 and (found is None or found.first == 0):
            whole = self._answer.length is not None and self._answer.length <= len(self._first)
            reason = refusal_of_body(self._first[:HEAD_LENGTH], self._expected, whole=whole or not self._first)
            if reason is not None:
                raise _SetbackError(Refuse(errors.DownloadCorruptError, reason))

    def _pause_after(self, setback: Renew | Later | Refuse) -> float:
        chance = random.random()  # noqa: S311 - jitter
        if isinstance(setback, Refuse):
            self._fail(setback.error, setback.reason)
        if isinstance(setback, Renew):
            self._url = None
            delay = None if self._source.refresh is None else self._persistence.pause_before_renewal(chance)
            cls: type[errors.DownloadError] = errors.DownloadExpiredError
        else:
            delay = self._persistence.pause_after_failure(setback.after, chance)
            cls = errors.DownloadIncompleteError
        if delay is None:
            self._fail(cls, setback.reason)
        return delay

    async def _check_end(self) -> None:
        """Raise `BrokenError` if there should have been more bytes."""
        if self._promised is not None and self._given < self._promised:
            raise BrokenError(f"the body ended {self._promised - self._given:,} bytes early")
        if self._promised is None and not self._answer.framed:
            await self._stack.aclose()
            length = await self._lane.length_of(self._url or "", self._rules)
            if length != self._given:
                self._fail(errors.DownloadIncompleteError, "the body had no length, and nothing proves it whole")

    async def _continue(self, broken: BrokenError) -> None:
        """Ask for the rest of the same object; raise if it cannot be had."""
        before, etag = self._answer, self._answer.strong_etag
        if etag is None or before.encoding is not None or before.refuses_ranges:
            self._fail(errors.DownloadIncompleteError, broken.reason)
        await self._stack.aclose()
        self._persistence.note(self._given, self._promised)
        await anyio.sleep(self._pause_after(Later(broken.reason)))
        offset = self._start + self._given
        last = "" if self._promised is None else self._start + self._promised - 1
        await self._ask({"Range": f"bytes={offset}-{last}", "If-Range": etag})
        rest = Ask(offset=offset, memo=Memo(source="", etag=etag, total=before.total))
        verdict = judge(self._answer, rest, self._expected)
        if not isinstance(verdict, Take) or verdict.offset != offset:
            self._fail(errors.DownloadIncompleteError, f"{broken.reason}, and the rest cannot be had any more")
        self._answer = evolve(self._answer, etag=etag)

    def _fail(self, cls: type[errors.DownloadError], reason: str) -> NoReturn:
        url = redact_url(self._url or self._source.url or "")
        raise cls(f"The file cannot be passed on: {reason}. ({url})", url=url, bytes_done=self._given)


class _SetbackError(Exception):
    def __init__(self, setback: Renew | Later | Refuse) -> None:
        super().__init__(setback.reason)
        self.setback = setback


def _promised_by(answer: FileAnswer) -> int | None:
    """Return how many bytes an answer promises, as they will be passed on."""
    if answer.encoding is not None:
        return None
    found = answer.content_range
    if answer.status == 206 and found is not None and found.first is not None and found.last is not None:
        return found.last - found.first + 1
    return answer.length


def _headers_of(response: httpx.Response, answer: FileAnswer, expected: Expectation, first: bytes) -> dict[str, str]:
    """Return what may be passed on of a head: nothing about the connection, nor about a compression that is undone."""
    headers = {name: response.headers[name] for name in _PASSED_ON if name in response.headers}
    if answer.encoding is not None:
        headers.clear()
    if answer.status == 416:
        headers["content-length"] = "0"
    if answer.media_type not in _SAYS_NOTHING and answer.status != 416:
        return headers | {"content-type": response.headers["content-type"]}
    guessed = "video/mp4" if expected.kind == "video" else "application/octet-stream"
    return headers | {"content-type": media_type_of(first) or guessed}
