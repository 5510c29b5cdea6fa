"""Throw-away installs of the clients, each in a folder of its own; nothing of them is kept or added to the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST_PYTHON = (3, 12)
OLDEST_NODE = 20
INSTALL_SECONDS = 300.0

MCP_SERVERS = ("heygen-mcp==0.0.3", "m2ai-mcp-videogen-advisor==1.0.0", "mcp<2")
"""Two clients that get on with each other in one environment."""

COMMUNITY_SERVER = ("heygen-mcp-sbroenne==0.3.1", "mcp<2")
"""Its module has the name of HeyGen's own."""


class Unavailable(Exception):
    """Why a client cannot be had on this machine."""


def python_environment(folder: Path, *packages: str) -> Path:
    """Return the interpreter of a new venv with these packages; raise `Unavailable` if it cannot be made."""
    _run([newest_python(), "-m", "venv", folder])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # Compiling takes longer than the rest, and most of it is for modules that nobody imports.
    _run([python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", *packages])
    return python


def node_package(folder: Path, package: str) -> Path:
    """Install a package without running any script of it; return its folder. Raise `Unavailable` if that fails."""
    check_node()
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"private": True}))
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not on PATH")
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    _run([npm, "install", "--ignore-scripts", "--legacy-peer-deps", *quiet, package], cwd=folder)
    return folder / "node_modules" / package.rpartition("@")[0]


def newest_python() -> Path:
    """Return an interpreter the clients can use: this one, one on PATH, or one of pyenv's."""
    for candidate in _pythons():
        if _version([candidate, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]) >= OLDEST_PYTHON:
            return candidate
    wanted = ".".join(map(str, OLDEST_PYTHON))
    raise Unavailable(f"no Python {wanted} or newer: not this one, not on PATH as python3.N, not in pyenv")


def check_node() -> None:
    """Raise `Unavailable` if there is no Node, or one that is too old."""
    node = shutil.which("node")
    if node is None:
        raise Unavailable("node is not on PATH")
    if _version([Path(node), "-p", "process.versions.node"]) < (OLDEST_NODE,):
        raise Unavailable(f"node is older than {OLDEST_NODE}")


def _pythons() -> Iterator[Path]:
    yield Path(sys.executable)
    names = [f"python3.{minor}" for minor in (14, 13, 12)]
    yield from (Path(found) for name in names if (found := shutil.which(name)))
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for minor in (14, 13, 12):
        yield from sorted(versions.glob(f"3.{minor}*/bin/python"))


def _version(command: list[str | Path]) -> tuple[int, ...]:
    """Return what the command prints, as numbers; empty if it does not run, as a shim of pyenv may not."""
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        return tuple(int(part) for part in told.strip().split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def _run(command: list[str | Path], *, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        last = [line for line in done.stderr.strip().splitlines() if not line.startswith(("WARNING", "npm warn"))]
        words = " ".join(map(str, command))
        raise Unavailable(f"{words} failed: {' / '.join(last[-3:])}")
