"""What the pytest fixtures are made of: sandboxes that last for a test run, and clients that leave nothing open."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpx
from attrs import fields

from heygen_async._client import AsyncHeyGen
from heygen_async._policies import PollPolicy, RetryPolicy
from heygen_async.sandbox.app import API_KEY, Sandbox
from heygen_async.sandbox.gate import Switches

DEFAULTS: Final[Mapping[str, Any]] = {"mode": "fast", "progress": "polls=2", "retry_after": 0}
"""A video is pending at the first look and completed at the second; a refused call may be repeated at once."""

POLLING: Final = PollPolicy(
    first_after=0, growth=1, max_interval=0.005, jitter=0, timeout=60, visibility_grace=2, url_grace=2
)
"""A sandbox video waits for looks, not for time: the client looks at once and again after 5 ms.

The limits are there for tests that would hang: a minute for a wait, 2 s for what does not become visible.
"""

RETRIES: Final = RetryPolicy(base=0.01, max_delay=0.05, reconcile_window=2)
"""As many attempts as usual, without the pauses that spare a real service."""

_KEPT: Final = 8
_NOT_FOR_TESTS: Final = ("port", "renderer")


def allowed_settings() -> list[str]:
    """Return what a test may set: the arguments of `Sandbox` and its switches."""
    arguments = inspect.signature(Sandbox).parameters
    return sorted(({*arguments} | {*_switches()}) - {*_NOT_FOR_TESTS})


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise `ValueError` that names the settings there are, if one is unknown."""
    allowed = allowed_settings()
    if unknown := sorted({*settings} - {*allowed}):
        raise ValueError(f"the sandbox has no setting {', '.join(map(repr, unknown))}; there are {', '.join(allowed)}")


class SandboxPool:
    """Keeps one running sandbox for each combination of settings, so that a test starts in a millisecond."""

    def __init__(self) -> None:
        self._kept: dict[str, Sandbox] = {}

    def take(self, settings: Mapping[str, Any]) -> Sandbox:
        """Return a running sandbox as if it were new; raise `ValueError` for settings that do not exist."""
        check_settings(settings)
        wanted = {**DEFAULTS, **settings}
        arguments = {name: value for name, value in wanted.items() if name in inspect.signature(Sandbox).parameters}
        key = repr(sorted(arguments.items()))
        sandbox = self._kept.pop(key, None) or Sandbox(**arguments)
        self._kept[key] = sandbox
        self._drop_oldest()
        sandbox.start()
        sandbox.reset()
        sandbox.clock.restart()
        for name in wanted.keys() - arguments.keys():
            setattr(sandbox.switches, name, wanted[name])
        return sandbox

    def close(self) -> None:
        """Stop all of them."""
        while self._kept:
            self._kept.popitem()[1].stop()

    def _drop_oldest(self) -> None:
        while len(self._kept) > _KEPT:
            self._kept.pop(next(iter(self._kept))).stop()


def client(sandbox: Sandbox) -> AsyncHeyGen:
    """Return a client of the sandbox that may be dropped without being closed: no connection outlives its answer."""
    # An empty TLS context: everything is on this machine, and loading certificates takes longer than a test.
    http = httpx.AsyncClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        limits=httpx.Limits(max_keepalive_connections=0),
        trust_env=False,
    )
    return AsyncHeyGen(
        API_KEY, base_url=sandbox.url, http_client=http, download_client=http, polling=POLLING, retries=RETRIES
    )


def _switches() -> list[str]:
    return [switch.name for switch in fields(Switches)]
