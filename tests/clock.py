"""Virtual time for tests without threads and sockets: hours pass in milliseconds."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

# Overrides the backend matrix of conftest.py; MockClock is made per test because it keeps its time.
virtual_time = pytest.mark.parametrize(
    "anyio_backend", [pytest.param("virtual", id="trio-virtual-clock")], indirect=True
)


def virtual_backend() -> tuple[str, dict[str, object]]:
    """Return trio with a clock that jumps over every sleep."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}
