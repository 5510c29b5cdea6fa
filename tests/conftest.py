"""What every test stands on: three event loops, a virtual clock and an environment without keys or proxies."""

from __future__ import annotations

import os

import hypothesis
import pytest

if os.environ.get("HEYGEN_TESTS_HTTPX2"):
    # The second CI job: the maintained fork of httpx in httpx's place. Must run before anything imports httpx.
    import httpx2

    httpx2.alias_httpx()

# No test asserts how long anything takes: the machine may be slow, or busy with other things.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

BACKENDS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    pytest.param(("trio", {}), id="trio"),
]


@pytest.fixture(params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Run every `anyio` test on asyncio, asyncio with uvloop, and trio; `tests.clock.virtual_time` overrides it."""
    if request.param == "virtual":
        from tests.clock import virtual_backend

        return virtual_backend()
    return request.param


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's keys, base URLs and proxies from the tests, and let programs that they start be quick."""
    # Else each of them would compile the whole package anew.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for name in list(os.environ):
        if name.startswith("HEYGEN_API") or name.upper() in {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}:
            monkeypatch.delenv(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one worker more than there are processors: many tests wait for time to pass, not for a processor."""
    return (os.cpu_count() or 1) + 1
