"""A foreign client in a process of its own, called as if it were here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

DRIVERS = Path(__file__).parent / "drivers"
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "TEMP", "SYSTEMROOT", "LANG", "LC_ALL")


class PeerError(Exception):
    """The client failed, or answered with an error; the text is its own."""


class Peer:
    """Runs a driver with the arguments it takes until the block ends.

    The client finds no proxies and no other settings of this machine in its environment, only a key.
    """

    def __init__(self, command: Sequence[str | Path], *, folder: Path) -> None:
        self._command = [str(word) for word in command]
        self._folder = folder

    def __enter__(self) -> Self:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        self._log = (self._folder / "stderr.txt").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env={**kept, "HEYGEN_API_KEY": "peer-key"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def call(self, name: str, **arguments: Any) -> Any:
        """Call the client and return its result; raise `PeerError` for an error, also one that it returns as such."""
        answer = self._ask({"call": name, "arguments": arguments})
        if "failure" in answer:
            raise PeerError(answer["failure"])
        result = answer["result"]
        if isinstance(result, dict) and result.get("error"):
            raise PeerError(result["message"] if result["error"] is True else str(result["error"]))
        return result

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise AssertionError(f"the driver has ended:\n{self._errors()}") from None
        line = self._process.stdout.readline()
        assert line, f"the driver has ended:\n{self._errors()}"
        return json.loads(line)

    def _errors(self) -> str:
        self._log.seek(0)
        return self._log.read()[-4000:]
