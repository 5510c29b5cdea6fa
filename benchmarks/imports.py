"""What an import costs in CPU time, next to `import httpx`. Run `python -m benchmarks --only imports`.

Every figure is the CPU time (user and system) of fresh interpreters, less that of an empty one; each round runs every
statement once, in turn. Modules are counted as well, because counts do not depend on the machine.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from typing import Final

from benchmarks.results import Plot, Result, Series, Target

ROUNDS: Final = 5
HTTPX: Final = "import httpx"
OURS: Final = (
    "import heygen_async",
    "from heygen_async import AsyncHeyGen, AvatarVideo",
    "from heygen_async import AsyncHeyGen, AvatarVideo, v2; v2.VideoRequest",
    "from heygen_async import AsyncHeyGen; AsyncHeyGen('key')",
)
# What a peer's user writes first. Only those that are installed are measured.
PEERS: Final = {
    "requests": "import requests",
    "aiohttp": "import aiohttp",
    "heygen_mcp": "from heygen_mcp.api_client import HeyGenApiClient",
}


def cpu_of(statement: str) -> float:
    """Return the CPU seconds of an interpreter that runs a statement."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def works(statement: str) -> bool:
    """Say whether a peer is there."""
    return subprocess.run([sys.executable, "-c", statement], check=False, capture_output=True).returncode == 0


def modules_of(statement: str) -> int:
    """Return how many modules a statement loads."""
    code = f"import sys; before = len(sys.modules); {statement}; print(len(sys.modules) - before)"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def run(rounds: int = ROUNDS) -> Result:
    """Measure all statements in turn."""
    missing = [name for name, code in PEERS.items() if not works(code)]
    statements = [*OURS, HTTPX, *(code for name, code in PEERS.items() if name not in missing)]
    for statement in statements:
        cpu_of(statement)
    costs: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        empty = cpu_of("pass")
        for statement in statements:
            costs[statement].append(max(cpu_of(statement) - empty, 1e-4))
    ratios = {
        statement: statistics.median(a / b for a, b in zip(mine, costs[HTTPX], strict=True))
        for statement, mine in costs.items()
    }
    medians = {statement: statistics.median(mine) * 1000 for statement, mine in costs.items()}
    promised = ratios[OURS[0]]
    return Result(
        name="imports",
        question="What does the import cost?",
        columns=["statement", "CPU ms", "x import httpx", "modules"],
        rows=[[code, medians[code], ratios[code], modules_of(code)] for code in statements],
        targets=[Target(f"`import heygen_async` takes {promised:.2f} x `import httpx`; at most 2.0", promised <= 2.0)],
        notes=[
            "Names are loaded when they are asked for; a client loads httpx and all that one video needs.",
            "httpx loads rich and click too where they are installed.",
            *([f"Cannot be imported here, so not measured: {', '.join(missing)}."] if missing else []),
        ],
        plot=Plot(
            title="CPU time of an import",
            x_label="ms",
            kind="bar",
            series=[Series("import", [(_short(code), medians[code]) for code in statements])],
        ),
    )


def _short(statement: str) -> str:
    return statement if len(statement) < 36 else f"...{statement[-32:]}"
