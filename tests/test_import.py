"""What `import heygen_async` loads and offers."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
from pathlib import Path

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


def test_the_bare_import_loads_nothing_but_names() -> None:
    """Neither an HTTP library nor a class of ours is made before it is asked for."""
    ours = {name for name in _all_loaded_by("import heygen_async") if name.partition(".")[0] == "heygen_async"}
    assert ours == {"heygen_async", "heygen_async._version"}


def test_the_client_class_loads_no_http_library_and_a_request_no_wire() -> None:
    """What a program pays before it makes a client: its rules, its errors, the classes that it names."""
    modules = _all_loaded_by("from heygen_async import AsyncHeyGen, AvatarVideo")
    assert not modules & {"httpx", "cattrs", "sqlite3", "heygen_async._assembly", "heygen_async.models.v2_parts"}


def test_a_client_leaves_what_few_programs_need() -> None:
    """The classes of v2, prices, batches and the journal come with their first use."""
    unused = "_batch _journal _journal_file models.v2_parts models.v2_request _protocol.pricing _protocol.translation"
    modules = _all_loaded_by("import heygen_async; heygen_async.AsyncHeyGen('k')")
    assert not modules & {"cattrs", "sqlite3", *(f"heygen_async.{name}" for name in unused.split())}


def test_type_checkers_and_the_interpreter_find_the_same_names() -> None:
    """The imports that only type checkers see, the interpreter's table and `__all__` agree."""
    tree = ast.parse(Path(heygen_async.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    assert set(seen) | {"__version__"} == set(heygen_async.__all__)
    for name, module in seen.items():
        found = getattr(heygen_async, name)
        scope: dict[str, object] = {}
        exec(f"from {module} import {name}", scope)
        assert scope[name] is found, name


def test_all_names_are_listed_before_they_are_loaded() -> None:
    """For completion in a fresh interpreter."""
    code = "import heygen_async, json; print(json.dumps(dir(heygen_async)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert set(json.loads(out.stdout)) >= {*heygen_async.__all__, "errors", "events"}


@pytest.mark.parametrize("name", ["v2", "errors", "events"])
def test_the_public_modules_are_attributes(name: str) -> None:
    """`import heygen_async` is enough to write `heygen_async.errors.NotFoundError`."""
    code = f"import heygen_async; assert heygen_async.{name}.__name__ == 'heygen_async.{name}'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """With the words that Python uses."""
    with pytest.raises(AttributeError, match=r"module 'heygen_async' has no attribute 'AsyncHeygen'"):
        heygen_async.AsyncHeygen  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="AsyncHeygen"):
        exec("from heygen_async import AsyncHeygen")


def test_a_value_is_unpickled_by_a_process_that_has_imported_nothing() -> None:
    """Its class is found by its module, not through the package."""
    video = heygen_async.AvatarVideo(avatar_id="a", voice_id="v", script="Hello")
    code = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).script)"
    out = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(video), capture_output=True, check=True)
    assert out.stdout.strip() == b"Hello"


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
