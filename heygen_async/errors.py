"""Everything this SDK raises on purpose.

::

    HeyGenError
      ConfigurationError              (also ValueError)
      IdempotencyKeyReusedError       (also ValueError)
      APIError
        APIConnectionError
          APITimeoutError             (also TimeoutError)
        APIStatusError
          BadRequestError             400, 422
          AuthenticationError         401
          InsufficientCreditError     402
          PermissionDeniedError       403
          NotFoundError               404
          ConflictError               409
          RateLimitError              429
          InternalServerError         5xx
          ApiRetiredError             410, or 404/405 of the route itself
        APIResponseError              2xx that cannot be understood
      SubmissionUncertainError
      JobError
        VideoFailedError
        VideoNotAvailableError
        WaitTimeoutError              (also TimeoutError)
      DownloadError
        DownloadUrlError              (also ValueError)
        DownloadBusyError
        DownloadWriteError            (also OSError)
        DownloadExpiredError
        DownloadIncompleteError
        DownloadCorruptError
        DownloadTooLargeError
      TranslationError                (also ValueError)
      JournalError
        JournalLockedError
      WebhookVerificationError

Bad arguments that Python itself has a word for stay plain: `ValueError` for a request field, `FileExistsError`,
`IsADirectoryError`, `NotADirectoryError` and `PermissionError` for a target path.

Every class pickles. None holds an API key or a signed query string.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from heygen_async._protocol.error_codes import Category, category_of

if TYPE_CHECKING:
    from heygen_async.models.video import Video


def _rebuild(cls: type[HeyGenError], args: tuple[object, ...], state: dict[str, Any]) -> HeyGenError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class HeyGenError(Exception):
    """Be the root of everything this SDK raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__.copy())


class ConfigurationError(HeyGenError, ValueError):
    """Say that the client cannot work as it was set up: no key, an unsafe base URL, a foreign event loop, closed."""


class IdempotencyKeyReusedError(HeyGenError, ValueError):
    """Refuse a known idempotency key with a different request: HeyGen would silently replay the old answer.

    Nothing was sent. Use a new key for a new video.
    """

    def __init__(self, message: str, *, idempotency_key: str) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class APIError(HeyGenError):
    """Say that a call to HeyGen's API did not work out.

    `request_id` is HeyGen's id of the call, if it answered. For submissions, `idempotency_key` and `callback_id`
    lead back to what may have been created: `create(request, idempotency_key=error.idempotency_key)` is safe.
    """

    def __init__(
        self,
        message: str,
        *,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        callback_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self.callback_id = callback_id


class APIConnectionError(APIError):
    """Say that no answer came: DNS, connection, TLS or a reset.

    `request_sent` is False when the request surely never reached the server (nothing was created or charged).
    """

    def __init__(self, message: str, *, request_sent: bool = True, **context: str | None) -> None:
        super().__init__(message, **context)
        self.request_sent = request_sent


class APITimeoutError(APIConnectionError, TimeoutError):
    """Say that no complete answer came within the time allowed; a submission may still have been accepted."""


class APIStatusError(APIError):
    """Say that HeyGen answered with an error.

    `status_code` is the HTTP status as received (200 for v1/v2 errors in a 200), `code` HeyGen's machine code as a
    string on both wires, `param` the offending field, `errors` the list HeyGen sends when several fields are wrong,
    `retry_after` the seconds it asked to wait, `body` the first bytes of an answer that was not JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        param: str | None = None,
        doc_url: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
        body: str | None = None,
        **context: str | None,
    ) -> None:
        super().__init__(message, **context)
        self.status_code = status_code
        self.code = code
        self.param = param
        self.doc_url = doc_url
        self.errors = list(errors)
        self.retry_after = retry_after
        self.body = body

    @property
    def category(self) -> Category:
        """Tell who can do something about it: `retryable`, `request`, `account` or `billing`."""
        return category_of(self.status_code, self.code)


class BadRequestError(APIStatusError):
    """Say that HeyGen refused the request itself (400, 413, 422): mend the field in `param`, then send it again."""


class AuthenticationError(APIStatusError):
    """Say that the API key is missing, wrong or expired (401)."""


class InsufficientCreditError(APIStatusError):
    """Say that the wallet or plan does not cover the call (402): top up, then send it again."""


class PermissionDeniedError(APIStatusError):
    """Say that the key is valid but may not do this (403)."""


class NotFoundError(APIStatusError):
    """Say that a video, avatar, voice or asset does not exist (404)."""


class ConflictError(APIStatusError):
    """Say that the call conflicts with the state of the resource, or with a running call of the same key (409)."""


class RateLimitError(APIStatusError):
    """Say that the account has too many jobs or requests (429); `retry_after` is how long HeyGen asked to wait."""


class InternalServerError(APIStatusError):
    """Say that HeyGen or a gateway in front of it failed (5xx)."""


class ApiRetiredError(APIStatusError):
    """Say that this endpoint is gone (410, or 404/405 for the route itself): use `api_version="auto"` or `"v3"`."""


class APIResponseError(APIError):
    """Say that HeyGen answered 2xx with something that cannot be understood, or with an error of an unknown kind.

    `body` holds the redacted first bytes; `is_error` tells an error, which means that nothing was done, from the rest.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int = 200,
        body: str | None = None,
        is_error: bool = False,
        **context: str | None,
    ) -> None:
        super().__init__(message, **context)
        self.status_code = status_code
        self.body = body
        self.is_error = is_error


class SubmissionUncertainError(HeyGenError):
    """Say that a video may or may not have been created, and that looking for it did not settle it.

    Nothing is sent twice. `tried` tells what was done, in order. Repeat with
    `create(request, idempotency_key=error.idempotency_key)`: it looks for the first submission before it sends.
    """

    def __init__(
        self,
        message: str,
        *,
        callback_id: str | None,
        idempotency_key: str | None,
        tried: Sequence[str] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.callback_id = callback_id
        self.idempotency_key = idempotency_key
        self.tried = tuple(tried)
        self.request_id = request_id


class JobError(HeyGenError):
    """Be the root of what can go wrong with a video that was accepted; `job_id` picks it up again."""

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class VideoFailedError(JobError):
    """Say that HeyGen could not render the video; `video` is its last state, `code` HeyGen's reason."""

    def __init__(self, message: str, *, job_id: str, video: Video) -> None:
        super().__init__(message, job_id=job_id)
        self.video = video.without_signatures()

    @property
    def code(self) -> str | None:
        """Return HeyGen's failure code as a string, if it gave one."""
        return self.video.failure.code if self.video.failure else None

    @property
    def category(self) -> Category:
        """Tell who can do something about it: `retryable`, `request`, `account` or `billing`."""
        return category_of(None, self.code)


class VideoNotAvailableError(JobError):
    """Say that a completed video has no URL for the asset asked for; wait or save again later with the same id."""


class WaitTimeoutError(JobError, TimeoutError):
    """Say that the wait ended before the video did; the render goes on and is charged.

    `heygen.videos.job(error.job_id).wait()` goes on waiting, in any process. `last_status` is None if no look
    succeeded, `elapsed` is in seconds.
    """

    def __init__(self, message: str, *, job_id: str, last_status: str | None, elapsed: float) -> None:
        super().__init__(message, job_id=job_id)
        self.last_status = last_status
        self.elapsed = elapsed


class DownloadError(HeyGenError):
    """Say that a file could not be saved; an existing target file is as it was.

    `url` has its query cut off, `bytes_done` counts the bytes kept beside the target in `<name>.part`, from where
    the next save goes on.
    """

    def __init__(self, message: str, *, url: str, bytes_done: int = 0) -> None:
        super().__init__(message)
        self.url = url
        self.bytes_done = bytes_done


class DownloadUrlError(DownloadError, ValueError):
    """Refuse a URL, or a redirect to one, that is not https (http is for loopback hosts only)."""


class DownloadBusyError(DownloadError):
    """Refuse a target that another download is writing to at this moment."""


class DownloadWriteError(DownloadError, OSError):
    """Say that the disk refused: full, gone or read-only. `.part` is kept; `errno` and `filename` are the system's."""

    def __init__(self, message: str, *, url: str, bytes_done: int, errno: int | None, filename: str) -> None:
        super().__init__(message, url=url, bytes_done=bytes_done)
        self.errno = errno
        self.filename = filename

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.__dict__ | {"errno": self.errno, "filename": self.filename}
        return _rebuild_write_error, (type(self), self.args, state)


def _rebuild_write_error(cls: type[DownloadWriteError], args: tuple[object, ...], state: dict[str, Any]) -> HeyGenError:
    error = _rebuild(cls, args, state)
    assert isinstance(error, DownloadWriteError)  # noqa: S101 - narrows for the type checker
    error.errno, error.filename = state["errno"], state["filename"]
    return error


class DownloadExpiredError(DownloadError):
    """Say that the file host refuses the link (401, 403, 404, 410) and no fresh one helped."""


class DownloadIncompleteError(DownloadError):
    """Say that the file kept breaking off, or that nothing proves it whole; saving again resumes."""


class DownloadCorruptError(DownloadError):
    """Refuse a body that is not the file: an HTML, XML or JSON page, nothing at all, or no MP4/WebM signature."""


class DownloadTooLargeError(DownloadError):
    """Refuse a file larger than `max_bytes`."""


class TranslationError(HeyGenError, ValueError):
    """Refuse to translate a v2 request that says something v3 cannot; `losses` names every such field.

    Nothing was sent. `v2.to_v3(request, allow_loss=True)` drops them.
    """

    def __init__(self, message: str, *, losses: Sequence[str]) -> None:
        super().__init__(message)
        self.losses = list(losses)


class JournalError(HeyGenError):
    """Say that a batch journal cannot be used, or that an item does not fit what it holds."""


class JournalLockedError(JournalError):
    """Say that another process, `pid`, holds the journal."""

    def __init__(self, message: str, *, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


class WebhookVerificationError(HeyGenError):
    """Refuse a webhook delivery whose signature or timestamp is not right."""


class HeyGenDeprecationWarning(DeprecationWarning):
    """Warn, once per client and endpoint, that HeyGen has announced the end of an endpoint."""
