"""Submit a video once: never twice, whatever breaks on the way.

v3 has an idempotency key: one per logical submission, made before the first byte and sent on every attempt, so a
repetition is safe. v2 has none: its POST is repeated only where HeyGen surely did nothing, and any other doubt is
settled by looking for our `callback_id` among the account's newest videos.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import anyio
from attrs import define, evolve, field, frozen

from heygen_async import errors
from heygen_async._api import Api, logger
from heygen_async._calls import V2_CREATE, create_call
from heygen_async._key_locks import KeyLocks
from heygen_async._protocol.encoding import Prepared, encode, payload_hash, prepare
from heygen_async._protocol.retrying import Patience, outcome_is_unknown
from heygen_async._protocol.settings import ApiVersionChoice
from heygen_async._protocol.submission import SubmittedKeys, checked_key, new_key, wire_for, with_callback_id
from heygen_async._protocol.translation import to_v3
from heygen_async._protocol.videos import created_id_of
from heygen_async._reconcile import Reconciler
from heygen_async.events import Event, SubmissionInterrupted, VideoSubmitted
from heygen_async.models.video import ApiVersion

# An asset uploaded a moment ago may answer 404 for some seconds (scenario 13); the length is our guess.
_FRESH_ASSET: Final = 15.0


@frozen(kw_only=True)
class Submitted:
    """An accepted submission; `at` is the event loop's clock."""

    video_id: str
    wire: ApiVersion
    idempotency_key: str
    at: float


@define(eq=False)
class SubmissionMemory:
    """What the copies of one client share: the keys used so far, and whether the account's v2 endpoint is gone."""

    keys: SubmittedKeys
    v2_retired: bool = False
    locks: KeyLocks = field(factory=KeyLocks)


@frozen(kw_only=True)
class _Submission:
    prepared: Prepared
    wire: ApiVersion
    payload: Mapping[str, Any]
    key: str
    key_is_callers: bool
    callback_id: str | None


@define(eq=False)
class Submitter:
    """Submit videos under one client's rules."""

    _api: Api
    _choice: ApiVersionChoice
    _memory: SubmissionMemory
    _reconciler: Reconciler
    _emit: Callable[[Event], None]

    async def submit(self, request: object, *, idempotency_key: str | None, room_patience: float = 0.0) -> Submitted:
        """Submit a request and return what HeyGen made of it.

        For `room_patience` seconds a full account (429) is waited out without counting attempts. Raise `ValueError`
        for a bad request before anything is sent. Every later error carries the key, and so does the
        `SubmissionInterrupted` event if the submission is cancelled.
        """
        submission = self._described(prepare(request), idempotency_key)
        patience = Patience(running=self._api.timeouts.write, full_account=room_patience, fresh_asset=_FRESH_ASSET)
        with self._naming(submission):
            video_id, wire = await self._sent(submission, patience)
        event = VideoSubmitted(
            video_id=video_id,
            api_version=wire,
            idempotency_key=submission.key,
            callback_id=submission.callback_id,
        )
        self._emit(event)
        return Submitted(video_id=video_id, wire=wire, idempotency_key=submission.key, at=anyio.current_time())

    def _described(self, prepared: Prepared, idempotency_key: str | None) -> _Submission:
        wire = wire_for(prepared.wire, self._choice, v2_retired=self._memory.v2_retired)
        key = new_key() if idempotency_key is None else checked_key(idempotency_key)
        payload, callback_id = prepared.payload, prepared.payload.get("callback_id")
        if wire == "v2":
            payload, callback_id = with_callback_id(payload, key)
        elif prepared.wire == "v2":
            payload = _translated(prepared)
        self._memory.keys.remember(key, payload_hash(prepared.payload))
        return _Submission(
            prepared=prepared,
            wire=wire,
            payload=payload,
            key=key,
            key_is_callers=idempotency_key is not None,
            callback_id=callback_id,
        )

    @contextmanager
    def _naming(self, submission: _Submission) -> Generator[None]:
        """Put the key into whatever ends the submission, so that the caller can repeat it safely."""
        try:
            yield
        except errors.APIError as error:
            error.idempotency_key, error.callback_id = submission.key, submission.callback_id
            raise
        except anyio.get_cancelled_exc_class():
            logger.warning(
                "a submission was cancelled and may have been accepted: "
                "create(request, idempotency_key=%r) leads back to it without paying twice",
                submission.key,
            )
            self._emit(SubmissionInterrupted(idempotency_key=submission.key, callback_id=submission.callback_id))
            raise

    async def _sent(self, submission: _Submission, patience: Patience) -> tuple[str, ApiVersion]:
        if submission.wire == "v3":
            return await self._on_v3(submission, patience), "v3"
        try:
            # HeyGen would take two calls of one key for two videos, so the second waits for what the first learns.
            async with self._memory.locks.of(submission.key):
                return await self._on_v2(submission, patience), "v2"
        except errors.ApiRetiredError:
            if self._choice != "auto":
                raise
        self._retire_v2()
        translated = evolve(submission, wire="v3", payload=_translated(submission.prepared))
        return await self._on_v3(translated, patience), "v3"

    async def _on_v3(self, submission: _Submission, patience: Patience) -> str:
        call = create_call("v3", submission.payload, idempotency_key=submission.key)
        tried: list[str] = []
        while len(tried) < 2:
            try:
                answer = await self._api.call(call, patience=patience, data_may_be_missing=True)
            except errors.APIResponseError as error:
                tried.append(str(error))
                break
            video_id = created_id_of(answer.data)
            if video_id is not None:
                return video_id
            tried.append(f"HeyGen answered without a video id: {answer.raw.excerpt()}")
        raise errors.SubmissionUncertainError(
            f"A video may have been created: {tried[-1]}. Nothing was sent under another key; repeat with "
            f"create(request, idempotency_key={submission.key!r}) within 24 hours, which cannot pay twice.",
            callback_id=submission.callback_id,
            idempotency_key=submission.key,
            tried=tried,
        )

    async def _on_v2(self, submission: _Submission, patience: Patience) -> str:
        callback_id = submission.callback_id or ""
        if submission.key_is_callers:
            known = await self._reconciler.look_back(callback_id, submission.key, self._api.retries)
            if known is not None:
                return known
        return await self._post_v2(submission, callback_id, patience)

    async def _post_v2(self, submission: _Submission, callback_id: str, patience: Patience) -> str:
        started, doubt = anyio.current_time(), "HeyGen accepted the call without a video id."
        call = create_call("v2", submission.payload, idempotency_key=None)
        try:
            with self._reconciler.awaiting(callback_id, submission.key):
                answer = await self._api.call(
                    call, repeatable="never_processed", patience=patience, data_may_be_missing=True
                )
            video_id = created_id_of(answer.data)
        except errors.APIError as error:
            if not outcome_is_unknown(error):
                raise
            video_id, doubt = None, str(error)
        if video_id is None:
            return await self._reconciler.settle(
                callback_id,
                idempotency_key=submission.key,
                doubt=doubt,
                started=started,
                retries=self._api.retries,
            )
        self._reconciler.claim(video_id, submission.key)
        return video_id

    def _retire_v2(self) -> None:
        self._memory.v2_retired = True
        self._api.announcements.report(
            f"POST {V2_CREATE} is gone",
            "HeyGen has removed it. Requests are translated and sent to POST /v3/videos from now on; "
            "v2.to_v3(request) shows the translation.",
        )


def _translated(prepared: Prepared) -> dict[str, Any]:
    # The payload, not the typed form: fields of a mapping that this version does not know would get lost unseen.
    return encode(to_v3(prepared.payload))
