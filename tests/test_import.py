"""What `import heygen_async` loads and offers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import heygen_async
from heygen_async import v2

CONTRACT = """
AsyncHeyGen Timeouts RetryPolicy PollPolicy Limits
AvatarVideo ImageVideo CinematicVideo StudioVideo VideoJob Video VideoStatus VideoFailure JobUpdate
SavedFile DownloadProgress
HeyGenError ConfigurationError APIError APIConnectionError APITimeoutError APIStatusError BadRequestError
AuthenticationError InsufficientCreditError PermissionDeniedError NotFoundError ConflictError RateLimitError
InternalServerError ApiRetiredError APIResponseError SubmissionUncertainError JobError VideoFailedError
VideoNotAvailableError WaitTimeoutError DownloadError DownloadExpiredError DownloadIncompleteError
DownloadCorruptError DownloadTooLargeError TranslationError JournalError JournalLockedError
WebhookVerificationError HeyGenDeprecationWarning
"""

V2 = """
VideoRequest VideoInput Avatar TalkingPhoto TextVoice AudioVoice SilenceVoice ColorBackground ImageBackground
VideoBackground TextOverlay Dimension to_v3
"""

HEAVY = "starlette uvicorn typer rich click av PIL trio uvloop httpx2 pydantic fastapi cli sandbox"


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a statement loads beyond httpx's own (which takes rich along for its command line)."""
    return _all_loaded_by(statement) - _all_loaded_by("import httpx")


def _all_loaded_by(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, check=True, text=True)
    return set(json.loads(out.stdout))


def test_the_import_is_light() -> None:
    """The porch and its libraries load only when asked for, in an interpreter with warnings as errors."""
    modules = loaded_by("import heygen_async; from heygen_async import AsyncHeyGen, v2")
    tops = {name.split(".")[0] for name in modules}
    ours = {name.split(".")[1] for name in modules if name.startswith("heygen_async.")}
    assert not (tops | ours) & set(HEAVY.split())


def test_making_a_client_is_light_too() -> None:
    """No event loop library and no porch."""
    modules = loaded_by("import heygen_async; heygen_async.AsyncHeyGen('k')")
    assert not {name.split(".")[0] for name in modules} & set(HEAVY.split())


def test_the_import_needs_no_key_and_reads_no_environment() -> None:
    """A broken environment is the client's business, not the import's."""
    code = (
        "import os; os.environ['HEYGEN_API_VERSION'] = 'odd'; os.environ['HEYGEN_API_BASE'] = '::'; import heygen_async"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", CONTRACT.split())
def test_every_name_of_the_contract_is_offered(name: str) -> None:
    """And is listed, and says that it comes from the package."""
    assert name in heygen_async.__all__
    assert getattr(heygen_async, name).__name__ == name


@pytest.mark.parametrize("name", V2.split())
def test_every_v2_name_is_offered(name: str) -> None:
    """The Quick Start's parts have a module of their own."""
    assert name in v2.__all__
    assert getattr(v2, name).__name__ == name


@pytest.mark.parametrize("module", [heygen_async, v2], ids=["heygen_async", "v2"])
def test_the_lists_are_sorted_and_true(module: object) -> None:
    """No name twice, none that is not there."""
    names = list(module.__all__)  # type: ignore[attr-defined]
    assert names == sorted(set(names))
    assert all(hasattr(module, name) for name in names)


def test_everything_offered_is_documented() -> None:
    """A first line that says what it is."""
    for module in (heygen_async, v2):
        for name in module.__all__:
            if not name.startswith("_") and callable(getattr(module, name)):
                assert (getattr(module, name).__doc__ or "").strip(), name


def test_a_star_import_works() -> None:
    """As in a notebook."""
    scope: dict[str, object] = {}
    exec("from heygen_async import *", scope)
    assert scope["AsyncHeyGen"] is heygen_async.AsyncHeyGen


def test_the_package_is_typed() -> None:
    """Type checkers look for the marker."""
    from importlib import resources

    assert resources.files("heygen_async").joinpath("py.typed").is_file()
