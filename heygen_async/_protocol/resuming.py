"""Resume, start over, wait, renew the link or give up: every decision of a download, as pure functions.

A part file may grow only by bytes of the object that it was begun with. What names the object is its strong ETag:
`If-Range` has the host compare it, and every answer is checked again here.
"""

from __future__ import annotations

import json
from typing import Any, Final

from attrs import asdict, evolve, frozen

from heygen_async import errors
from heygen_async._protocol.file_answers import FileAnswer
from heygen_async._protocol.json_shapes import as_object
from heygen_async._protocol.signatures import refusal_of_type
from heygen_async._protocol.targets import Expectation

_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
_TRANSIENT: Final = frozenset({408, 416, 425, 429})


@frozen(kw_only=True)
class Memo:
    """What is known about the object that a part file is a part of; kept beside it for the next process.

    `source` names the file without its signature, `etag` is strong or None, `total` is None while unknown. `sound` is
    how many bytes from the start are there without a gap, None if all of them are: while several connections write,
    the length of the part file says nothing.
    """

    source: str
    etag: str | None = None
    total: int | None = None
    sound: int | None = None


@frozen(kw_only=True)
class Ask:
    """What an attempt asks for: the file from `offset` on (up to `end`), if it is still the object of `memo`."""

    offset: int
    memo: Memo
    end: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the request headers: bytes as they are stored, and the rest only of the same object."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self.offset and self.memo.etag is not None:
            last = "" if self.end is None else self.end - 1
            headers |= {"Range": f"bytes={self.offset}-{last}", "If-Range": self.memo.etag}
        return headers


@frozen
class Take:
    """Write the body from `offset` on (0: throw away what is there); `memo` describes what it is a part of."""

    offset: int
    memo: Memo


@frozen
class Whole:
    """The part file is the whole object already."""

    total: int


@frozen
class StartOver:
    """Drop the answer and what is there, and ask for the whole file."""

    reason: str


@frozen
class Renew:
    """The link is refused: get a fresh one and go on."""

    reason: str


@frozen
class Later:
    """The host cannot answer now; `after` is how long it asked to wait."""

    reason: str
    after: float | None = None


@frozen
class Refuse:
    """Give up, with an error of this class: another attempt would end the same way."""

    error: type[errors.DownloadError]
    reason: str


Verdict = Take | Whole | StartOver | Renew | Later | Refuse


def judge(answer: FileAnswer, ask: Ask, expected: Expectation, *, max_bytes: int | None = None) -> Verdict:
    """Return what to do about an answer."""
    if answer.status == 416:
        return _judge_unsatisfiable(answer, ask)
    if answer.status not in {200, 206}:
        return _judge_status(answer)
    reason = refusal_of_type(answer.media_type, expected)
    if reason is not None:
        return Refuse(errors.DownloadCorruptError, reason)
    verdict = _judge_part(answer, ask) if answer.status == 206 else _whole_body(answer, ask)
    if isinstance(verdict, Take):
        reason = excess(verdict.memo.total, max_bytes)
        if reason is not None:
            return Refuse(errors.DownloadTooLargeError, reason)
    return verdict


def judge_stream(answer: FileAnswer, expected: Expectation, *, asked_range: bool) -> Renew | Later | Refuse | None:
    """Return what keeps an answer from being passed on, or None if nothing does."""
    if answer.status == 416 and asked_range:
        return None
    if answer.status in {200, 206}:
        reason = refusal_of_type(answer.media_type, expected)
        return None if reason is None else Refuse(errors.DownloadCorruptError, reason)
    return _judge_status(answer)


def excess(size: int | None, max_bytes: int | None) -> str | None:
    """Return why a size is too large, or None."""
    if size is None or max_bytes is None or size <= max_bytes:
        return None
    return f"the file has {size:,} bytes or more, max_bytes is {max_bytes:,}"


def _whole_body(answer: FileAnswer, ask: Ask) -> Verdict:
    resumable = answer.encoding is None and not answer.refuses_ranges
    etag = answer.strong_etag if resumable else None
    return Take(0, Memo(source=ask.memo.source, etag=etag, total=answer.total))


def _judge_part(answer: FileAnswer, ask: Ask) -> Verdict:
    """Accept a 206 only if it is the rest of the same object, to the byte (scenarios 35b, 42c)."""
    found, memo = answer.content_range, ask.memo
    if answer.encoding is not None:
        return StartOver("the rest came compressed")
    if found is None or found.first != ask.offset:
        return StartOver("the host sent another range than asked for")
    if found.total is None or memo.total not in {None, found.total}:
        return StartOver("the file has another length than before")
    if ask.offset and answer.etag not in {None, memo.etag}:
        return StartOver("the file has changed")
    if ask.offset:
        return Take(ask.offset, evolve(memo, total=found.total))
    return Take(0, evolve(memo, etag=answer.strong_etag, total=found.total))


def _judge_unsatisfiable(answer: FileAnswer, ask: Ask) -> Verdict:
    """Read a 416 as the end of the file only if length and object are the ones we have (scenario 42b)."""
    same_length = answer.total == ask.offset and ask.memo.total in {None, ask.offset}
    if ask.offset and same_length and answer.etag in {None, ask.memo.etag}:
        return Whole(ask.offset)
    if not ask.offset:
        return _judge_status(answer)
    return StartOver("the host does not know the range that is missing")


def _judge_status(answer: FileAnswer) -> Renew | Later | Refuse:
    reason = f"the file host answered {answer.status}"
    if answer.status in _EXPIRED:
        return Renew(reason)
    if answer.status in _TRANSIENT or answer.status >= 500:
        return Later(reason, answer.retry_after)
    if answer.status in {204, 205}:
        return Refuse(errors.DownloadCorruptError, f"{reason}: no content")
    return Refuse(errors.DownloadError, reason)


def resume_point(memo: Memo | None, *, source: str, size: int) -> int:
    """Return from where a part file that was found can be continued; 0 means from the start."""
    if memo is None or memo.etag is None or memo.source != source:
        return 0
    if memo.total is not None and size > memo.total:
        return 0
    return size if memo.sound is None else min(size, memo.sound)


def dump_memo(memo: Memo) -> bytes:
    """Return a memo as the bytes of its file; `sound` changes, and comes first, so that it is never half written."""
    return json.dumps({"version": 1, "sound": memo.sound, **asdict(memo)}).encode()


def load_memo(data: bytes) -> Memo | None:
    """Return the memo that bytes hold, or None for anything else, such as half of one."""
    try:
        fields = as_object(json.loads(data))
    except ValueError:
        return None
    if fields is None or fields.get("version") != 1:
        return None
    source, etag = fields.get("source"), fields.get("etag")
    total, sound = fields.get("total"), fields.get("sound")
    if not isinstance(source, str) or not _is_optional(etag, str):
        return None
    if not _is_optional(total, int) or not _is_optional(sound, int):
        return None
    return Memo(source=source, etag=etag, total=total, sound=sound)


def _is_optional(value: Any, cls: type) -> bool:
    return value is None or (isinstance(value, cls) and not isinstance(value, bool))
