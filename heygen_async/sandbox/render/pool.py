"""Rendering beside the server: one warm worker process, fed by one thread, with equal videos made once."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from attrs import define, frozen

from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.timeline import Cue

STOPPED: Final = "the sandbox was stopped"

MAKING: Final = "making-"
"""What the names of folders begin with in which a video is not finished yet."""

_WARM: Final = "warm"
_MARK: Final = "whole.json"

RENDER_SECONDS: Final = 600.0
"""A worker that needs longer for one video is taken for dead."""


@define(eq=False)
class Render:
    """One video being made into `folder`; `done_at` (virtual time) ends it, `error` says why it failed.

    When it is done, `seconds` is the true length if it is not the planned one, and `voice` names what spoke.
    """

    plan: Plan
    folder: Path
    done_at: float | None = None
    error: str | None = None
    seconds: float | None = None
    voice: str | None = None

    def file(self, name: str) -> Path | None:
        """Return where a file of the finished video lies, None if there is none of that name."""
        path = self.folder / name
        return path if path.is_file() else None


@frozen(kw_only=True)
class Said:
    """Speech in a file: how long it is, its captions, and the name of what spoke, None for silence."""

    seconds: float
    cues: Sequence[Cue]
    voice: str | None


@define(eq=False)
class _Saying:
    """A file that is wanted, and who waits for it."""

    plan: Plan
    path: Path
    answer: Future[Said]


class Renderer(Protocol):
    """Makes files from plans; `video.mp4` (or `.webm`), `thumbnail.jpg`, `preview.gif`, `captions.srt`, `.ass`."""

    def submit(self, plan: Plan) -> Render:
        """Start a render, or return the one that already makes the same video; does not block."""
        ...

    def close(self) -> None:
        """End everything and remove the files."""
        ...


class WorkerRenderer:
    """Renders in a separate process, started when first needed and ended by `close`.

    A worker that crashes or hangs fails the video it was working on; the next one gets a new worker.
    """

    def __init__(
        self, *, now: Callable[[], float], command: list[str] | None = None, patience: float = RENDER_SECONDS
    ) -> None:
        self._now = now
        self._command = command or [sys.executable, "-P", "-m", "heygen_async.sandbox.render.worker"]
        self._patience = patience
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Render | _Saying | Literal["warm"] | None] = queue.SimpleQueue()
        self._renders: dict[str, Render] = {}
        self._folder: Path | None = None
        self._keeps = False
        self._thread: threading.Thread | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._closed = False

    def keep_in(self, folder: Path) -> None:
        """Have the files in this folder, which `close` leaves as it is; videos that are there are not made again."""
        folder.mkdir(exist_ok=True)
        for unfinished in folder.glob(f"{MAKING}*"):  # what an earlier run was killed over
            shutil.rmtree(unfinished, ignore_errors=True)
        self._folder, self._keeps = folder, True

    def submit(self, plan: Plan) -> Render:
        """Start a render, or return the one that already makes the same video; does not block."""
        with self._lock:
            if self._closed:
                return Render(plan, Path(), done_at=self._now(), error=STOPPED)
            name = plan.digest()
            known = self._renders.get(name)
            if known is not None and known.error is None:
                return known
            render = self._renders[name] = Render(plan, self._root() / name)
            if not (self._keeps and _is_there(render)):
                shutil.rmtree(render.folder, ignore_errors=True)  # what an earlier run was killed over
                self._queue.put(render)
            return render

    def warm(self) -> None:
        """Start the worker and load its voice now instead of at the first video; does not block."""
        with self._lock:
            if not self._closed:
                self._root()
                self._queue.put(_WARM)

    def say(self, plan: Plan, path: Path) -> Said:
        """Write what a plan says to a WAV file; blocks until it is there, behind whatever was submitted before.

        Raise `RuntimeError` that says why it failed.
        """
        saying = _Saying(plan, path, Future())
        with self._lock:
            if self._closed:
                raise RuntimeError(STOPPED)
            self._root()
            self._queue.put(saying)
        return saying.answer.result()

    def close(self) -> None:
        """End the worker, fail what it has not finished, and remove the files."""
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            thread, worker = self._thread, self._worker
        self._queue.put(None)
        if worker is not None:
            worker.kill()
        if thread is not None:
            thread.join()
        if self._folder is not None and not self._keeps:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _root(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="heygen-sandbox-"))
        if self._thread is None:
            # A daemon: a program that forgets to stop its sandbox still ends, and the worker ends with its input.
            self._thread = threading.Thread(target=self._serve, name="heygen-sandbox-renderer", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        return self._folder

    def _serve(self) -> None:
        while (render := self._queue.get()) is not None:
            if isinstance(render, str):
                self._load()
                continue
            if isinstance(render, _Saying):
                self._say(render)
                continue
            error = STOPPED if self._closed else self._render(render)
            if error is None and self._keeps:
                _mark(render)
            render.error = error
            render.done_at = self._now()
        if self._worker is not None:
            _end(self._worker)

    def _load(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # what is wrong is told by the first video
            self._ask(self._ready_worker(), {_WARM: True})

    def _say(self, saying: _Saying) -> None:
        """Have one file of speech made, and tell whoever waits for it."""
        task = {"say": saying.plan.to_json(), "path": str(saying.path)}
        try:
            ended: dict[str, Any] = {"error": STOPPED}
            answer = ended if self._closed else self._ask(self._ready_worker(), task)
            if answer is None:
                raise RuntimeError("the render worker ended")  # noqa: TRY301 - all ways to fail are told in one place
            if answer["error"] is not None:
                raise RuntimeError(answer["error"])  # noqa: TRY301
            cues = tuple(Cue(start=start, end=end, text=text) for start, end, text in answer["cues"])
            saying.answer.set_result(Said(seconds=answer["seconds"], cues=cues, voice=answer["voice"]))
        except Exception as error:  # noqa: BLE001 - whatever it was, somebody waits for word of it
            saying.answer.set_exception(RuntimeError(str(error)))

    def _render(self, render: Render) -> str | None:
        """Have one video made; return why it failed, if it did."""
        try:
            worker = self._ready_worker()
            answer = self._ask(worker, {"plan": render.plan.to_json(), "folder": str(render.folder)})
        except (OSError, ValueError) as error:
            return f"the render worker cannot be used: {error}"
        if answer is None:
            return f"the render worker ended with exit code {worker.wait()}"
        render.seconds, render.voice = answer.get("seconds"), answer.get("voice")
        error_text: str | None = answer.get("error")
        return error_text

    def _ask(self, worker: subprocess.Popen[bytes], task: dict[str, Any]) -> dict[str, Any] | None:
        assert worker.stdin is not None and worker.stdout is not None  # noqa: S101, PT018 - both are pipes
        deadline = threading.Timer(self._patience, worker.kill)
        deadline.start()
        try:
            worker.stdin.write(json.dumps(task).encode() + b"\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        finally:
            deadline.cancel()
        answer: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return answer

    def _ready_worker(self) -> subprocess.Popen[bytes]:
        if self._worker is not None:
            if self._worker.poll() is None:
                return self._worker
            _end(self._worker)
        # In a session of its own: Ctrl-C would otherwise hit it while it starts, before it can ignore it.
        worker = subprocess.Popen(  # noqa: S603 - our own module
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_same_imports(),
            start_new_session=True,
        )
        with self._lock:
            self._worker = worker
            if self._closed:
                worker.kill()
        return worker


def _mark(render: Render) -> None:
    """Leave word that a video is whole, and what is known of it."""
    facts = {"seconds": render.seconds, "voice": render.voice}
    with contextlib.suppress(OSError):  # then it is made again
        (render.folder / _MARK).write_text(json.dumps(facts), "utf-8")


def _is_there(render: Render) -> bool:
    """Say whether a video was made in an earlier run, and take up what is known of it."""
    try:
        facts = json.loads((render.folder / _MARK).read_text("utf-8"))
        render.seconds, render.voice, render.done_at = facts["seconds"], facts["voice"], 0.0
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _same_imports() -> dict[str, str]:
    """Return an environment in which the worker imports from where this process does."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)}


def _end(worker: subprocess.Popen[bytes]) -> None:
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    try:
        worker.wait(timeout=5)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
