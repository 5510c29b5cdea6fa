"""What the render process does with a line of input."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.clip import render
from heygen_async.sandbox.render.pool import MAKING
from heygen_async.sandbox.render.saying import say
from heygen_async.sandbox.render.speech.studio import Studio


def serve(tasks: BinaryIO, answers: BinaryIO, studio: Studio | None = None) -> None:
    """Work until the input ends."""
    studio = studio or Studio()
    for line in tasks:
        task = json.loads(line)
        answer = _answer(task, studio)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _answer(task: dict[str, Any], studio: Studio) -> dict[str, Any]:
    if "warm" in task:
        return _warmed(studio)
    return _said(task, studio) if "say" in task else perform(task, studio)


def _said(task: dict[str, Any], studio: Studio) -> dict[str, Any]:
    """Say something into a file; tell what came of it, or what went wrong."""
    try:
        return {"error": None, **say(Plan.from_json(task["say"]), Path(task["path"]), studio)}
    except Exception as error:  # noqa: BLE001 - whatever it was, the call must fail and say so
        return {"error": f"{type(error).__name__}: {error}"}


def _warmed(studio: Studio) -> dict[str, Any]:
    studio.warm()
    return {"error": None}


def perform(task: dict[str, Any], studio: Studio | None = None) -> dict[str, Any]:
    """Make one video in its folder, complete or not at all; say its length and voice, or what went wrong."""
    folder = Path(task["folder"])
    scratch = Path(tempfile.mkdtemp(prefix=MAKING, dir=folder.parent))
    try:
        made = render(Plan.from_json(task["plan"]), scratch, studio)
        scratch.rename(folder)
    except Exception as error:  # noqa: BLE001 - whatever it was, the job must fail and say so
        shutil.rmtree(scratch, ignore_errors=True)
        return {"error": f"{type(error).__name__}: {error}"}
    return {"error": None, "seconds": made.seconds, "voice": made.voice}
