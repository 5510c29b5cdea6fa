"""Fixtures for tests of code that uses HeyGen: `heygen_sandbox`, `heygen_client`, and the marker `heygen`.

pytest loads this module in every run of every project that has the package, so it imports nothing of it before a test
asks for a fixture. Switch it off with `-p no:heygen_async`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from heygen_async._client import AsyncHeyGen
    from heygen_async.sandbox.app import Sandbox
    from heygen_async.sandbox.testing import SandboxPool


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "heygen(**settings): settings of heygen_sandbox for one test, such as mode='real', progress='polls=3', "
        "concurrency=2, wallet=0.5",
    )


@pytest.fixture(scope="session")
def _heygen_sandboxes() -> Iterator[SandboxPool]:  # pyright: ignore[reportUnusedFunction] - pytest finds it
    from heygen_async.sandbox.testing import SandboxPool  # noqa: PLC0415 - nothing may load at collection

    pool = SandboxPool()
    yield pool
    pool.close()


@pytest.fixture
def heygen_sandbox(
    request: pytest.FixtureRequest, _heygen_sandboxes: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """Return a local HeyGen that is new for this test: no jobs, no calls, full wallet, its own clock.

    For the time of the test `HEYGEN_API_BASE` and `HEYGEN_API_KEY` lead to it, and an `AsyncHeyGen()` that your code
    makes without `polling` or `retries` of its own looks every 5 ms instead of every 10 s and repeats at once. Settings
    come from `@pytest.mark.heygen(...)`. A fault rule that never fired makes the test end with an error.
    """
    from heygen_async._client import AsyncHeyGen  # noqa: PLC0415
    from heygen_async.sandbox.testing import POLLING, RETRIES  # noqa: PLC0415

    try:
        sandbox = _heygen_sandboxes.take(_settings(request.node))
    except ValueError as error:
        pytest.fail(f"@pytest.mark.heygen: {error}", pytrace=False)
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HEYGEN_API_VERSION", raising=False)
    defaults = AsyncHeyGen.__init__.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "polling", POLLING)
    monkeypatch.setitem(defaults, "retries", RETRIES)
    yield sandbox
    if unfired := sandbox.unfired_faults:
        pytest.fail("fault rules that never fired:\n" + "\n".join(f"  {rule}" for rule in unfired), pytrace=False)


@pytest.fixture
def heygen_client(heygen_sandbox: Sandbox) -> AsyncHeyGen:
    """Return an `AsyncHeyGen` that talks to `heygen_sandbox`, for asyncio and trio; it need not be closed."""
    from heygen_async.sandbox.testing import client  # noqa: PLC0415

    return client(heygen_sandbox)


def _settings(node: pytest.Item) -> dict[str, Any]:
    """Merge the markers of module, class and test; the nearest wins."""
    settings: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("heygen"))):
        if marker.args:
            raise ValueError("give settings by name, such as heygen(progress='polls=3')")
        settings.update(marker.kwargs)
    return settings
