"""The error tree keeps its promises."""

from __future__ import annotations

import pickle

import anyio
import pytest

from heygen_async import errors
from heygen_async.models.video import Video, VideoFailure, VideoStatus
from tests.clock import virtual_time

VIDEO = Video(
    id="v1",
    status=VideoStatus.FAILED,
    thumbnail_url="https://files.example/t.jpg?Signature=s3cr3t",
    failure=VideoFailure(code="40119", message="Video is too long"),
    raw={"thumbnail_url": "https://files.example/t.jpg?Signature=s3cr3t"},
)

EXAMPLES: list[errors.HeyGenError] = [
    errors.HeyGenError("said"),
    errors.ConfigurationError("said"),
    errors.IdempotencyKeyReusedError("said", idempotency_key="k"),
    errors.APIError("said", request_id="r", idempotency_key="k", callback_id="c"),
    errors.APIConnectionError("said", request_sent=False, idempotency_key="k"),
    errors.APITimeoutError("said", idempotency_key="k"),
    *[
        cls("said", status_code=400, code="c", param="p", doc_url="d", errors=[{"c": 1}], retry_after=1.5, body="b")
        for cls in (errors.APIStatusError, *errors.APIStatusError.__subclasses__())
    ],
    errors.APIResponseError("said", body="<html>"),
    errors.SubmissionUncertainError("said", callback_id="c", idempotency_key="k", tried=["list"]),
    errors.JobError("said", job_id="v1"),
    errors.VideoFailedError("said", job_id="v1", video=VIDEO),
    errors.VideoNotAvailableError("said", job_id="v1"),
    errors.WaitTimeoutError("said", job_id="v1", last_status="processing", elapsed=3.0),
    errors.DownloadError("said", url="https://h/x?...", bytes_done=5),
    errors.DownloadUrlError("said", url="https://h/x?...", bytes_done=5),
    errors.DownloadBusyError("said", url="https://h/x?...", bytes_done=5),
    errors.DownloadWriteError("said", url="https://h/x?...", bytes_done=5, errno=28, filename="out/x.mp4.part"),
    errors.DownloadExpiredError("said", url="https://h/x?...", bytes_done=5),
    errors.DownloadIncompleteError("said", url="https://h/x?...", bytes_done=5),
    errors.DownloadCorruptError("said", url="https://h/x?...", bytes_done=5),
    errors.DownloadTooLargeError("said", url="https://h/x?...", bytes_done=5),
    errors.TranslationError("said", losses=["test"]),
    errors.JournalError("said"),
    errors.JournalLockedError("said", pid=7),
    errors.WebhookVerificationError("said"),
]


def all_classes(cls: type[errors.HeyGenError]) -> set[type[errors.HeyGenError]]:
    return {cls} | {deep for sub in cls.__subclasses__() for deep in all_classes(sub)}


def test_every_error_class_has_an_example_here() -> None:
    """A new class must join the pickle test."""
    assert {type(error) for error in EXAMPLES} == all_classes(errors.HeyGenError)


def test_the_module_docstring_prints_the_whole_tree() -> None:
    """The docstring is the reference: it names every class."""
    assert errors.__doc__ is not None
    missing = {cls.__name__ for cls in all_classes(errors.HeyGenError)} - set(errors.__doc__.split())
    assert not missing


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_pickles_with_all_it_knows(error: errors.HeyGenError) -> None:
    """Task queues and process pools send errors between processes."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error) == "said"
    assert vars(copy).items() >= vars(error).items()
    if isinstance(error, errors.DownloadWriteError):
        assert (copy.errno, copy.filename) == (28, "out/x.mp4.part")


def test_a_failed_video_in_an_error_has_no_signatures() -> None:
    """An error ends up in logs: the signed part of every URL is gone, `raw` included."""
    error = errors.VideoFailedError("said", job_id="v1", video=VIDEO)
    assert error.code == "40119"
    assert b"s3cr3t" not in pickle.dumps(error)
    assert "s3cr3t" not in repr(VIDEO)


@pytest.mark.anyio
@virtual_time
async def test_the_virtual_clock_jumps() -> None:
    """An hour on the virtual clock takes no time: `current_time` moves by exactly the sleep."""
    before = anyio.current_time()
    await anyio.sleep(3600)
    assert anyio.current_time() - before == 3600
