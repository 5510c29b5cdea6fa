"""The opt-in, the sandbox the clients meet, and the installs, made once and removed with pytest's temporary folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from heygen_async.sandbox import Sandbox
from tests.peers.driving import DRIVERS, Peer
from tests.peers.installing import Unavailable, node_package, python_environment

WANTED = os.environ.get("HEYGEN_TESTS_PEERS", "")
"""Empty or 0: nothing here is collected. `strict`: what cannot be installed is a failure. Else it is skipped."""

collect_ignore_glob = ["test_*.py"] if WANTED in {"", "0"} else []

StartPeer = Callable[..., Peer]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox that has no patience: videos need two looks, and only ids that it lists are good."""
    with Sandbox(mode="fast", progress="polls=2", known_ids=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def installs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Return what installs a client the first time it is asked for, and skips, or fails if strict, if it cannot."""
    home = tmp_path_factory.mktemp("peers")
    outcomes: dict[str, Path | Unavailable] = {}

    def install(name: str, make: Callable[..., Path], *packages: str) -> Path:
        if name not in outcomes:
            try:
                outcomes[name] = make(home / name, *packages)
            except Unavailable as reason:
                outcomes[name] = reason
        outcome = outcomes[name]
        if isinstance(outcome, Unavailable):
            (pytest.fail if WANTED == "strict" else pytest.skip)(f"{name}: {outcome}")
        return outcome

    yield install
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def python_peer(installs, sandbox: Sandbox, tmp_path: Path) -> StartPeer:
    """Return what starts a client that is an MCP server."""

    def start(name: str, *packages: str, tools: str) -> Peer:
        python = installs(name, python_environment, *packages)
        return Peer([python, "-I", "-X", "utf8", DRIVERS / "python_peer.py", sandbox.url, tools], folder=tmp_path)

    return start


@pytest.fixture
def node_peer(installs, sandbox: Sandbox, tmp_path: Path) -> StartPeer:
    """Return what starts a client that is an npm package."""

    def start(name: str, package: str, *, driver: str) -> Peer:
        folder = installs(name, node_package, package)
        return Peer(["node", DRIVERS / driver, sandbox.url, folder], folder=tmp_path)

    return start
