"""What the render process does with a line of input."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.clip import render


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Work until the input ends."""
    for line in tasks:
        answer = perform(json.loads(line))
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def perform(task: dict[str, Any]) -> dict[str, Any]:
    """Make one video in its folder: complete or not at all."""
    folder = Path(task["folder"])
    scratch = Path(tempfile.mkdtemp(prefix="making-", dir=folder.parent))
    try:
        render(Plan.from_json(task["plan"]), scratch)
        scratch.rename(folder)
    except Exception as error:  # noqa: BLE001 - whatever it was, the job must fail and say so
        shutil.rmtree(scratch, ignore_errors=True)
        return {"error": f"{type(error).__name__}: {error}"}
    return {"error": None}
