"""A client belongs to the event loop of its first use, and says so when it is used elsewhere (scenario 55)."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from heygen_async import ConfigurationError
from heygen_async._transport.run_guard import RunGuard

LOOPS: list[Any] = [
    pytest.param("asyncio", {}, id="asyncio"),
    pytest.param("asyncio", {"use_uvloop": True}, id="uvloop"),
    pytest.param("trio", {}, id="trio"),
]


async def check(guard: RunGuard) -> None:
    guard.check()


async def is_home(guard: RunGuard) -> bool:
    return guard.is_home


@pytest.mark.parametrize(("backend", "options"), LOOPS)
def test_the_first_use_binds_not_the_construction(backend: str, options: dict[str, Any]) -> None:
    """Any number of tasks of that loop may use it, also after each other."""
    guard = RunGuard()

    async def use() -> None:
        assert not guard.is_home
        async with anyio.create_task_group() as tg:
            for _ in range(5):
                tg.start_soon(check, guard)
        guard.check()
        assert guard.is_home

    anyio.run(use, backend=backend, backend_options=options)


@pytest.mark.parametrize(("second", "second_options"), LOOPS)
@pytest.mark.parametrize(("first", "first_options"), LOOPS)
def test_a_second_loop_is_refused_with_the_cure(
    first: str, first_options: dict[str, Any], second: str, second_options: dict[str, Any]
) -> None:
    """Also when the second loop is of the same kind, or lies where the first one lay in memory."""
    guard = RunGuard()
    anyio.run(check, guard, backend=first, backend_options=first_options)
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="inside the running loop"):
            anyio.run(check, guard, backend=second, backend_options=second_options)
        assert not anyio.run(is_home, guard, backend=second, backend_options=second_options)


def test_a_closed_client_is_refused_everywhere() -> None:
    """Before the loop is looked at."""
    guard = RunGuard()
    guard.closed = True
    for backend in ("asyncio", "trio"):
        with pytest.raises(ConfigurationError, match="closed"):
            anyio.run(check, guard, backend=backend)


def test_a_client_that_was_never_used_is_at_home_nowhere() -> None:
    """There is nothing to close."""
    assert not anyio.run(is_home, RunGuard())
