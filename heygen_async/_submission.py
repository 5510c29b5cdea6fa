"""Submit a video once: never twice, whatever breaks on the way.

v3 has an idempotency key: one per logical submission, made before the first byte and sent on every attempt, so a
repetition is safe. v2 has none: its POST is repeated only where HeyGen surely did nothing, and any other doubt is
settled by looking for our `callback_id` among the account's newest videos.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import anyio
from attrs import define, evolve, field, frozen

from heygen_async import errors
from heygen_async._api import Api, logger
from heygen_async._calls import V3_VIDEOS, create_call, v2_create_path, v3_create_path
from heygen_async._key_locks import KeyLocks
from heygen_async._protocol.encoding import Prepared, encode, payload_hash, prepare
from heygen_async._protocol.retrying import Patience, outcome_is_unknown
from heygen_async._protocol.settings import ApiVersionChoice
from heygen_async._protocol.submission import SubmittedKeys, checked_key, new_key, wire_for, with_callback_id
from heygen_async._protocol.templates import is_template, template_to_v3
from heygen_async._protocol.videos import created_id_of
from heygen_async._reconcile import Reconciler
from heygen_async.events import Event, SubmissionInterrupted, VideoSubmitted
from heygen_async.models.video import ApiVersion

# An asset uploaded a moment ago may answer 404 for some seconds (scenario 13); the length is our guess.
_FRESH_ASSET: Final = 15.0


@frozen(kw_only=True)
class Submitted:
    """An accepted submission; `at` is the event loop's clock, `length` the video's in seconds if the request tells."""

    video_id: str
    wire: ApiVersion
    idempotency_key: str
    at: float
    length: float | None = None


@define(eq=False)
class SubmissionMemory:
    """What the copies of one client share: the keys used so far, and the v2 endpoints that are gone."""

    keys: SubmittedKeys
    retired: set[str] = field(factory=set[str])
    locks: KeyLocks = field(factory=KeyLocks)


@frozen(kw_only=True)
class Submission:
    """A request on its way: on which wire, under which key, and what marks its video; made by `describe`."""

    prepared: Prepared
    wire: ApiVersion
    payload: Mapping[str, Any]
    key: str
    may_exist: bool
    callback_id: str | None


@frozen
class _Rules:
    patience: Patience
    on_retry: Callable[[errors.APIError], None]
    on_switch: Callable[[], Awaitable[None]] | None


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
        submission = self.describe(prepare(request), idempotency_key=idempotency_key)
        return await self.send(submission, room_patience=room_patience)

    def describe(
        self,
        prepared: Prepared,
        *,
        idempotency_key: str | None,
        key_is_new: bool = False,
        wire: ApiVersion | None = None,
    ) -> Submission:
        """Return how a request will be submitted; nothing is sent.

        `key_is_new` says that nothing was ever submitted under the key, so that v2 need not be searched for it. `wire`
        is the one that an earlier attempt under the key went to. Raise `ValueError` for a bad key or one that stood for
        another request, `TranslationError` and `ConfigurationError` for a request that cannot go to its wire.
        """
        key = new_key() if idempotency_key is None else checked_key(idempotency_key)
        # What may have been accepted on v2 is unknown to v3, and has to be looked for first.
        retired = v2_create_path(prepared.payload) in self._memory.retired and not self._reconciler.doubts(key)
        wire = wire or wire_for(prepared.wire, self._choice, v2_retired=retired)
        payload, callback_id = prepared.payload, prepared.payload.get("callback_id")
        if wire == "v2":
            payload, callback_id = with_callback_id(payload, key)
        elif prepared.wire == "v2":
            payload = _translated(prepared)
        self._memory.keys.remember(key, payload_hash(prepared.payload))
        return Submission(
            prepared=prepared,
            wire=wire,
            payload=payload,
            key=key,
            may_exist=idempotency_key is not None and not key_is_new,
            callback_id=callback_id,
        )

    async def send(
        self,
        submission: Submission,
        *,
        room_patience: float | None = 0.0,
        on_retry: Callable[[errors.APIError], None] | None = None,
        on_switch: Callable[[], Awaitable[None]] | None = None,
    ) -> Submitted:
        """Send a described submission and return what HeyGen made of it; see `submit`.

        `room_patience` None raises the first 429. `on_retry` hears of each attempt that will be repeated or looked
        for, `on_switch` is awaited before a v2 submission goes to v3, because v2 is gone.
        """
        doubts: list[errors.APIError] = []

        def hear(error: errors.APIError) -> None:
            if outcome_is_unknown(error):
                doubts.append(error)
            if on_retry is not None:
                on_retry(error)

        patience = Patience(running=self._api.timeouts.write, full_account=room_patience, fresh_asset=_FRESH_ASSET)
        with self._naming(submission, doubts):
            video_id, wire = await self._sent(submission, _Rules(patience, hear, on_switch))
        event = VideoSubmitted(
            video_id=video_id,
            api_version=wire,
            idempotency_key=submission.key,
            callback_id=submission.callback_id,
        )
        self._emit(event)
        return Submitted(
            video_id=video_id,
            wire=wire,
            idempotency_key=submission.key,
            at=anyio.current_time(),
            length=_known_seconds(submission.prepared),
        )

    async def look_back(self, callback_id: str, idempotency_key: str) -> str | None:
        """Return the id of the video that an earlier v2 submission of a key made, None if none is found.

        Raise the `APIError` of a look that kept failing: then nothing is known.
        """
        return await self._reconciler.look_back(callback_id, idempotency_key, self._api.retries)

    @contextmanager
    def _naming(self, submission: Submission, doubts: Sequence[errors.APIError]) -> Generator[None]:
        """Put the key into whatever ends the submission, so that the caller can repeat it safely."""
        try:
            yield
        except errors.APIError as error:
            error.idempotency_key, error.callback_id = submission.key, submission.callback_id
            raise
        except errors.ConfigurationError as error:
            if not doubts:
                raise
            # The client was closed between two attempts, or before the video was found.
            raise self._uncertain(submission, [*map(str, doubts), str(error)], "With a client that is open") from error
        except errors.HeyGenError:
            raise
        except BaseException:
            # Cancelled, Ctrl-C on trio, a caller's transport or a dying loop: none of them tells the key.
            logger.warning(
                "a submission was interrupted and may have been accepted: "
                "create(request, idempotency_key=%r) leads back to it without paying twice",
                submission.key,
            )
            self._emit(SubmissionInterrupted(idempotency_key=submission.key, callback_id=submission.callback_id))
            raise

    async def _sent(self, submission: Submission, rules: _Rules) -> tuple[str, ApiVersion]:
        if submission.wire == "v3":
            return await self._on_v3(submission, rules), "v3"
        try:
            # HeyGen would take two calls of one key for two videos, so the second waits for what the first learns.
            async with self._memory.locks.of(submission.key):
                return await self._on_v2(submission, rules), "v2"
        except errors.ApiRetiredError:
            if self._choice != "auto":
                raise
        self._retire(submission)
        if rules.on_switch is not None:
            await rules.on_switch()
        translated = evolve(submission, wire="v3", payload=_translated(submission.prepared))
        return await self._on_v3(translated, rules), "v3"

    async def _on_v3(self, submission: Submission, rules: _Rules) -> str:
        call = create_call("v3", submission.payload, idempotency_key=submission.key)
        tried: list[str] = []
        while len(tried) < 2:
            try:
                answer = await self._api.call(
                    call, patience=rules.patience, data_may_be_missing=True, on_retry=rules.on_retry
                )
            except errors.APIResponseError as error:
                if error.is_error:
                    raise
                tried.append(str(error))
                break
            video_id = created_id_of(answer.data)
            if video_id is not None:
                return video_id
            tried.append(f"HeyGen answered without a video id: {answer.raw.excerpt()}")
            rules.on_retry(errors.APIResponseError(tried[-1], request_id=answer.request_id))
        raise self._uncertain(submission, tried, "Within 24 hours")

    async def _on_v2(self, submission: Submission, rules: _Rules) -> str:
        callback_id = submission.callback_id or ""
        known = await self._made_before(submission, callback_id) if submission.may_exist else None
        return await self._post_v2(submission, callback_id, rules) if known is None else known

    async def _made_before(self, submission: Submission, callback_id: str) -> str | None:
        try:
            return await self._reconciler.look_back(callback_id, submission.key, self._api.retries)
        except errors.ApiRetiredError as error:
            if not self._reconciler.doubts(submission.key):
                raise
            # v3 knows nothing of what was sent under the key on v2, so going on there could pay twice.
            raise errors.SubmissionUncertainError(
                f"A video may have been created under idempotency_key {submission.key!r} before, and HeyGen has "
                "removed the list of videos in which it could be found. Nothing was sent. Look for it among the "
                "account's videos, and submit it under another key if it is not there.",
                callback_id=submission.callback_id,
                idempotency_key=submission.key,
                tried=[str(error)],
            ) from error

    def _uncertain(self, submission: Submission, tried: Sequence[str], when: str) -> errors.SubmissionUncertainError:
        return errors.SubmissionUncertainError(
            f"A video may have been created: {tried[-1].removesuffix('.')}. Nothing was sent under another key. "
            f"{when}, create(request, idempotency_key={submission.key!r}) leads back to it without paying twice.",
            callback_id=submission.callback_id,
            idempotency_key=submission.key,
            tried=tried,
        )

    async def _post_v2(self, submission: Submission, callback_id: str, rules: _Rules) -> str:
        started, doubt = anyio.current_time(), "HeyGen accepted the call without a video id."
        call = create_call("v2", submission.payload, idempotency_key=None)
        try:
            with self._reconciler.awaiting(callback_id, submission.key):
                answer = await self._api.call(
                    call,
                    repeatable="never_processed",
                    patience=rules.patience,
                    data_may_be_missing=True,
                    on_retry=rules.on_retry,
                )
            video_id = created_id_of(answer.data)
        except errors.APIError as error:
            if not outcome_is_unknown(error):
                raise
            rules.on_retry(error)
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

    def _retire(self, submission: Submission) -> None:
        old, new = v2_create_path(submission.payload), v3_create_path(submission.payload)
        self._memory.retired.add(old)
        self._api.announcements.report(
            f"POST {old} is gone",
            f"HeyGen has removed it. Requests are translated and sent to POST {new} from now on."
            + (" v2.to_v3(request) shows the translation." if new == V3_VIDEOS else ""),
        )


def _translated(prepared: Prepared) -> dict[str, Any]:
    # Few requests are translated, and all that concerns v2 takes a while to import.
    from heygen_async._protocol.translation import to_v3  # noqa: PLC0415

    # The payload, not the typed form: fields of a mapping that this version does not know would get lost unseen.
    return template_to_v3(prepared.payload) if is_template(prepared.payload) else encode(to_v3(prepared.payload))


def _known_seconds(prepared: Prepared) -> float | None:
    # Lengths need the classes of both wires, which a client that submits nothing can do without.
    from heygen_async._protocol.pricing import known_seconds  # noqa: PLC0415

    return known_seconds(prepared)
