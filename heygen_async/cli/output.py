"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import asdict, frozen

from heygen_async.cli.failures import Failure, failure_of, innermost
from heygen_async.cli.resume import Resume
from heygen_async.errors import HeyGenError
from heygen_async.models.video import ASSETS, Video


@frozen
class Output:
    """Print a command's result for people, or as one JSON object for scripts."""

    as_json: bool = False

    def result(self, data: Mapping[str, Any], lines: Iterable[str]) -> None:
        """Print what came of a command: `data` for scripts, `lines` for people."""
        shown = [json.dumps(data)] if self.as_json else list(lines)
        sys.stdout.write("".join(f"{line}\n" for line in shown))
        sys.stdout.flush()

    def hint(self, next_step: str) -> None:
        """Tell people what to do next."""
        if not self.as_json:
            print(f"Next: {next_step}", file=sys.stderr)

    def failure(self, failure: Failure) -> None:
        """Print why a command failed and what to do next; with JSON also on stdout."""
        if self.as_json:
            self.result(failure.to_json(), ())
        for line in failure.lines():
            print(line, file=sys.stderr)


@contextmanager
def reporting(output: Output, resume: Resume) -> Generator[None]:
    """Turn what a command raises on purpose into a printed failure and its exit code.

    Anything else is a bug and keeps its traceback.
    """
    try:
        yield
    except BrokenPipeError:
        # Whoever read our output has left; Typer ends the command quietly.
        raise
    except (HeyGenError, ValueError, OSError, KeyboardInterrupt, BaseExceptionGroup) as raised:
        error = innermost(raised)
        if not isinstance(error, HeyGenError | ValueError | OSError | KeyboardInterrupt):
            raise
        failure = failure_of(error, resume)
        output.failure(failure)
        sys.exit(failure.exit_code)


def video_json(video: Video) -> dict[str, Any]:
    """Return a video for scripts, with its presigned URLs, without the answer it was read from."""
    return asdict(video, filter=lambda attribute, _: attribute.name != "raw")


def video_lines(video: Video) -> list[str]:
    """Return a video for people, without URLs: presigned ones are secrets that end up in logs."""
    files = [asset for asset in ASSETS if video.url_of(asset) is not None]
    facts = {
        "id": video.id,
        "status": video.status,
        "title": video.title,
        "duration": None if video.duration is None else f"{video.duration:g} s",
        "files": ", ".join(files),
        "failure": None if video.failure is None else str(video.failure),
    }
    return [f"{name}: {value}" for name, value in facts.items() if value]
