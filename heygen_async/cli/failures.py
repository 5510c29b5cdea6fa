"""What a failed command says and how it exits: pure, from the error to the exit code and the next step.

0 done, 1 HeyGen or the network said no (failed renders and downloads included), 2 bad input, 3 no key or a refused
one, 4 the time was up, 130 interrupted with Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import field, frozen

from heygen_async import errors
from heygen_async._protocol.settings import KEY_VARIABLE
from heygen_async.cli.resume import Resume

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
AUTH: Final = 3
TIMED_OUT: Final = 4
INTERRUPTED: Final = 130

# Attributes of the SDK's errors that scripts can act on; all are free of keys and signed queries.
_FACTS: Final = (
    "status_code",
    "param",
    "doc_url",
    "retry_after",
    "request_id",
    "idempotency_key",
    "callback_id",
    "last_status",
    "elapsed",
    "url",
    "bytes_done",
    "losses",
    "tried",
    "problems",
    "pid",
)

_EXIT_CODES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (KeyboardInterrupt, INTERRUPTED),
    (errors.WaitTimeoutError, TIMED_OUT),
    (errors.AuthenticationError, AUTH),
    (errors.PermissionDeniedError, AUTH),
    (errors.TranslationError, USAGE),
    (errors.IdempotencyKeyReusedError, USAGE),
    (errors.HeyGenError, FAILED),
    (ValueError, USAGE),
    (OSError, USAGE),
)
"""The first class that fits decides; `ConfigurationError` depends on what is wrong."""

_CHECK_KEY: Final = f"check {KEY_VARIABLE} (Settings > API in the HeyGen app)"
_HINTS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (errors.AuthenticationError, _CHECK_KEY),
    (errors.PermissionDeniedError, _CHECK_KEY),
    (errors.ApiRetiredError, "run it again with --api-version auto"),
    (FileExistsError, "choose another --out, or replace the file with --overwrite"),
)

_LEAVES_A_VIDEO: Final = (
    KeyboardInterrupt,
    errors.APIError,
    errors.SubmissionUncertainError,
    errors.JobError,
    errors.DownloadError,
)

# After these nobody knows for sure what became of a submission, or it may simply be sent again.
_REPEATABLE: Final = (
    KeyboardInterrupt,
    errors.SubmissionUncertainError,
    errors.APIConnectionError,
    errors.APIResponseError,
    errors.InternalServerError,
    errors.RateLimitError,
    errors.ConflictError,
)


@frozen(kw_only=True)
class Failure:
    """A failed command: for people a line and a next step, for scripts an object, for the shell an exit code."""

    type: str
    message: str
    exit_code: int
    next_step: str | None = None
    code: str | None = None
    job_id: str | None = None
    facts: Mapping[str, Any] = field(factory=dict[str, Any])
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints; `type`, `message`, `code`, `job_id` and `next` are always there."""
        known = {"type": self.type, "message": self.message, "code": self.code, "job_id": self.job_id}
        return {"error": {**known, "next": self.next_step, **self.facts}}

    def lines(self) -> list[str]:
        """Return what people read on stderr."""
        return [f"Error: {self.message}", *self.details, *([f"Next: {self.next_step}"] if self.next_step else [])]


def exit_code_of(error: BaseException) -> int:
    """Return the exit code that an error ends a command with."""
    if isinstance(error, errors.ConfigurationError):
        return AUTH if KEY_VARIABLE in str(error) else USAGE
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), FAILED)


def failure_of(error: BaseException, resume: Resume) -> Failure:
    """Return what to say about an error of a command that got as far as `resume` knows."""
    facts = {name: value for name in _FACTS if (value := getattr(error, name, None)) not in (None, (), [])}
    if resume.idempotency_key is not None:
        facts.setdefault("idempotency_key", resume.idempotency_key)
    code = getattr(error, "code", None)
    return Failure(
        type=type(error).__name__,
        message=_message_of(error),
        exit_code=exit_code_of(error),
        next_step=next_step(error, resume),
        code=code if isinstance(code, str) else None,
        job_id=getattr(error, "job_id", None) or resume.video_id,
        facts=facts,
        details=tuple(getattr(error, "details", ())),
    )


def next_step(error: BaseException, resume: Resume) -> str | None:
    """Return what the caller can do about an error, if the error itself does not say it."""
    hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), None)
    if isinstance(error, errors.VideoFailedError) or not isinstance(error, _LEAVES_A_VIDEO):
        return hint
    if resume.video_id is not None:
        if isinstance(error, errors.NotFoundError | errors.VideoNotAvailableError):
            return _look_elsewhere(error, resume)
        goes_on = resume.by_id(resume.video_id) if resume.submits or resume.out is not None else None
        return ", then ".join(filter(None, (hint, goes_on))) or None
    if hint is not None:
        return hint
    if isinstance(error, _REPEATABLE) and resume.submits:
        return resume.by_key(getattr(error, "idempotency_key", None) or resume.idempotency_key)
    return None


def _look_elsewhere(error: errors.NotFoundError | errors.VideoNotAvailableError, resume: Resume) -> str | None:
    if isinstance(error, errors.VideoNotAvailableError):
        return f"heygen-async status {resume.video_id} lists the files that there are"
    return None if resume.api_version == "v2" else "a video of the Quick Start API may need --api-version v2"


def innermost(error: BaseException) -> BaseException:
    """Return the first single error of an exception group, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        return innermost(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return error


def _message_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OSError) and not isinstance(error, errors.HeyGenError) and error.filename and error.strerror:
        return f"{error.strerror}: {error.filename}"
    return " ".join(str(error).split()) or type(error).__name__
