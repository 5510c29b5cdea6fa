"""What HeyGen remembers of an `Idempotency-Key`: the first answer, for 24 hours, whatever the next body says."""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import define, frozen

KEY_PATTERN: Final = re.compile(r"[A-Za-z0-9_\-:.]{1,255}")
REMEMBERED_SECONDS: Final = 24 * 3600.0


@frozen
class Answer:
    """A stored answer: HTTP status and JSON body."""

    status: int
    body: dict[str, Any]


class RequestInProgressError(Exception):
    """Say that the first request with this key has not been answered yet."""


@define
class _Record:
    since: float
    digest: str = ""
    answer: Answer | None = None


class IdempotencyRecords:
    """Answers by scope (endpoint, path parameters, account) and key."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}

    def begin(self, scope: str, key: str, *, now: float, digest: str = "") -> Answer | None:
        """Return the stored answer, or None after opening a record for a new request.

        Raise `RequestInProgressError` while the first request is open. Answers are forgotten 24 hours after it began.
        """
        self._forget(now)
        record = self._records.get((scope, key))
        if record is None:
            self._records[scope, key] = _Record(now, digest)
            return None
        if record.answer is None:
            raise RequestInProgressError
        return record.answer

    def knows_other_body(self, scope: str, key: str, digest: str) -> bool:
        """Say whether a key came with another body before: HeyGen does not mind, but its client may have a defect."""
        record = self._records.get((scope, key))
        return record is not None and bool(digest and record.digest) and record.digest != digest

    def _forget(self, now: float) -> None:
        """Drop what is too old; a request that is still open keeps its record, however far the clock was moved."""
        old: list[tuple[str, str]] = []
        for name, record in self._records.items():
            if now - record.since < REMEMBERED_SECONDS:
                break  # records stand in the order of their beginnings
            if record.answer is not None:
                old.append(name)
        for name in old:
            del self._records[name]

    def finish(self, scope: str, key: str, answer: Answer | None) -> None:
        """Close the record with its answer; None forgets the key, so that the next request starts afresh."""
        if answer is None:
            self._records.pop((scope, key), None)
        elif (record := self._records.get((scope, key))) is not None:
            record.answer = answer

    def to_json(self) -> dict[str, Any]:
        """Return the records that are closed as JSON."""
        return {
            "records": [
                {"scope": scope, "key": key, "since": record.since, "status": answer.status, "body": answer.body}
                for (scope, key), record in self._records.items()
                if (answer := record.answer) is not None
            ]
        }

    def from_json(self, value: dict[str, Any]) -> None:
        """Hold what `to_json` returned, and nothing else."""
        self._records = {
            (one["scope"], one["key"]): _Record(float(one["since"]), answer=Answer(one["status"], one["body"]))
            for one in value["records"]
        }
