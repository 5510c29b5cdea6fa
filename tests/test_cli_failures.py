"""From an error to an exit code and a next step."""

from __future__ import annotations

import json

import pytest

from heygen_async import errors
from heygen_async._protocol.settings import settings_from
from heygen_async.cli.failures import exit_code_of, failure_of, innermost
from heygen_async.cli.resume import Resume
from tests.test_errors import EXAMPLES, VIDEO, all_classes

EXIT_CODES: dict[type[BaseException], int] = {
    errors.HeyGenError: 1,
    errors.ConfigurationError: 2,
    errors.IdempotencyKeyReusedError: 2,
    errors.APIError: 1,
    errors.APIConnectionError: 1,
    errors.APITimeoutError: 1,
    errors.APIStatusError: 1,
    errors.BadRequestError: 1,
    errors.AuthenticationError: 3,
    errors.InsufficientCreditError: 1,
    errors.PermissionDeniedError: 3,
    errors.NotFoundError: 1,
    errors.ConflictError: 1,
    errors.RateLimitError: 1,
    errors.InternalServerError: 1,
    errors.ApiRetiredError: 1,
    errors.APIResponseError: 1,
    errors.SubmissionUncertainError: 1,
    errors.JobError: 1,
    errors.VideoFailedError: 1,
    errors.VideoNotAvailableError: 1,
    errors.WaitTimeoutError: 4,
    errors.DownloadError: 1,
    errors.DownloadUrlError: 1,
    errors.DownloadBusyError: 1,
    errors.DownloadWriteError: 1,
    errors.DownloadExpiredError: 1,
    errors.DownloadIncompleteError: 1,
    errors.DownloadCorruptError: 1,
    errors.DownloadTooLargeError: 1,
    errors.TranslationError: 2,
    errors.JournalError: 1,
    errors.JournalLockedError: 1,
    errors.WebhookVerificationError: 1,
}
PLAIN = [
    (ValueError("script: must not be empty"), 2),
    (FileExistsError(17, "File exists", "out.mp4"), 2),
    (IsADirectoryError(21, "Is a directory", "out"), 2),
    (PermissionError(13, "Permission denied", "/srv/x.mp4"), 2),
    (KeyboardInterrupt(), 130),
]


def example(cls: type[errors.HeyGenError]) -> errors.HeyGenError:
    return next(error for error in EXAMPLES if type(error) is cls)


def test_the_table_of_exit_codes_names_every_error() -> None:
    """A new error class must say how it ends a command."""
    assert set(EXIT_CODES) == all_classes(errors.HeyGenError)


@pytest.mark.parametrize(("cls", "code"), EXIT_CODES.items(), ids=lambda item: getattr(item, "__name__", str(item)))
def test_every_error_has_its_exit_code(cls: type[errors.HeyGenError], code: int) -> None:
    """0 done, 1 HeyGen or network, 2 usage, 3 auth, 4 time-out."""
    assert exit_code_of(example(cls)) == code


@pytest.mark.parametrize(("error", "code"), PLAIN, ids=lambda item: type(item).__name__)
def test_pythons_own_errors_are_bad_input(error: BaseException, code: int) -> None:
    """A bad field or target is the caller's; Ctrl-C has the shell's code."""
    assert exit_code_of(error) == code


@pytest.mark.parametrize(
    ("key", "base", "code"), [(None, None, 3), ("bad key", None, 3), ("k", "http://example.test", 2)]
)
def test_a_missing_key_is_auth_and_a_bad_base_url_is_usage(key: str | None, base: str | None, code: int) -> None:
    """Both are ConfigurationErrors; only the one about the key is solved by a key."""
    with pytest.raises(errors.ConfigurationError) as caught:
        settings_from(api_key=key, base_url=base, api_version="auto", allow_insecure=False, environment={})
    assert exit_code_of(caught.value) == code


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_is_one_json_object_with_the_same_four_facts(error: errors.HeyGenError) -> None:
    """Scripts can rely on type, message, code and job_id being there."""
    said = json.loads(json.dumps(failure_of(error, Resume()).to_json()))["error"]
    assert {"type", "message", "code", "job_id"} <= said.keys()
    assert (said["type"], said["message"]) == (type(error).__name__, "said")
    assert said["job_id"] == getattr(error, "job_id", None)


def test_json_carries_what_scripts_act_on() -> None:
    """The status, the field, the pause and the key of a refused call are in the object."""
    error = errors.RateLimitError("slow down", status_code=429, code="x", retry_after=1.5, idempotency_key="k")
    said = failure_of(error, Resume()).to_json()["error"]
    assert said["code"] == "x"
    assert (said["status_code"], said["retry_after"], said["idempotency_key"]) == (429, 1.5, "k")


def test_a_time_out_prints_the_command_that_goes_on() -> None:
    """The id and the target are in the command, quoted for the shell."""
    resume = Resume(video_id="v1", out="my out.mp4", overwrite=True, api_version="v2", submits=True)
    failure = failure_of(example(errors.WaitTimeoutError), resume)
    assert failure.job_id == "v1"
    assert failure.next_step == "heygen-async download v1 --out 'my out.mp4' --overwrite --api-version v2"


def test_without_a_target_the_next_step_is_a_look() -> None:
    """Nothing was to be saved, so nothing is."""
    failure = failure_of(example(errors.WaitTimeoutError), Resume(video_id="v1", submits=True))
    assert failure.lines() == ["Error: said", "Next: heygen-async status v1"]


def test_for_a_file_that_the_video_has_not_the_same_command_is_no_next_step() -> None:
    """It would find nothing again; what there is can be listed."""
    resume = Resume(video_id="v1", out="a.mp4", asset="captioned")
    failure = failure_of(example(errors.VideoNotAvailableError), resume)
    assert failure.next_step == "heygen-async status v1 lists the files that there are"


def test_another_asset_is_downloaded_again_as_such() -> None:
    """The command that goes on asks for the same file."""
    failure = failure_of(KeyboardInterrupt(), Resume(video_id="v1", out="s.srt", asset="subtitle"))
    assert failure.next_step == "heygen-async download v1 --out s.srt --asset subtitle"


@pytest.mark.parametrize(
    "cls",
    [errors.APITimeoutError, errors.InternalServerError, errors.SubmissionUncertainError, errors.APIResponseError],
)
def test_a_doubtful_submission_is_repeated_under_its_key(cls: type[errors.HeyGenError]) -> None:
    """Without a video id the key is what leads back."""
    error = example(cls)
    error.idempotency_key = "order 7"  # type: ignore[attr-defined]
    step = failure_of(error, Resume(submits=True, out="a.mp4")).next_step
    assert step == "repeat the same command with --idempotency-key 'order 7'; it cannot pay twice"


@pytest.mark.parametrize("cls", [errors.BadRequestError, errors.InsufficientCreditError])
def test_a_refused_request_is_not_to_be_repeated(cls: type[errors.HeyGenError]) -> None:
    """Sending the same thing again would be refused again."""
    assert failure_of(example(cls), Resume(submits=True, idempotency_key="k")).next_step is None


def test_an_interrupted_submission_is_repeated_under_its_key() -> None:
    """Ctrl-C before HeyGen answered may leave a paid video."""
    failure = failure_of(KeyboardInterrupt(), Resume(submits=True, idempotency_key="k"))
    assert failure.exit_code == 130
    assert "--idempotency-key k" in (failure.next_step or "")


def test_a_key_that_stops_working_in_a_wait_names_both_steps() -> None:
    """First the key, then the video that is being rendered."""
    error = errors.AuthenticationError("no", status_code=401)
    step = failure_of(error, Resume(video_id="v1", submits=True)).next_step or ""
    assert "HEYGEN_API_KEY" in step
    assert step.endswith("heygen-async status v1")


def test_a_failed_video_has_no_next_step() -> None:
    """Nothing is left to wait for or to save."""
    error = errors.VideoFailedError("could not", job_id="v1", video=VIDEO)
    failure = failure_of(error, Resume(video_id="v1", out="x.mp4"))
    assert (failure.exit_code, failure.code, failure.next_step) == (1, "40119", None)


def test_the_message_is_one_line() -> None:
    """Whatever HeyGen sends, the error stays one line."""
    assert failure_of(errors.APIError("a\n  b"), Resume()).lines() == ["Error: a b"]


def test_an_impossible_target_is_named_in_plain_words() -> None:
    """No errno in brackets, but the path."""
    assert failure_of(PLAIN[2][0], Resume()).message == "Is a directory: out"


def test_the_first_error_of_nested_groups_counts() -> None:
    """Task groups wrap; people want the cause."""
    first = ValueError("first")
    assert innermost(ExceptionGroup("", [ExceptionGroup("", [first]), OSError()])) is first
