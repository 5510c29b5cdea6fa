"""What survives a restart of the sandbox: how a store gives away what it holds, and the folder that it is kept in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from heygen_async._file_locks import HeldError, PidLock
from heygen_async.sandbox.long_texts import LongTexts, write_whole

Json = dict[str, Any]

FORMAT: Final = "heygen-async sandbox"
"""The key that makes a file one of ours; its value is the version."""

VERSION: Final = 1
SAVE_EVERY: Final = 1.0
"""Seconds of real time between two looks for changes: so much of the newest past a crash may cost."""

_SHARE: Final = 0.05
"""Saving a large state takes time, in which nobody is answered: at most this part of all."""


class Kept(Protocol):
    """A store whose content can be kept in a file; both methods are called while the service's lock is held."""

    def to_json(self) -> Json:
        """Return everything it holds as plain JSON; JSON that is kept is not changed afterwards."""
        ...

    def from_json(self, value: Json) -> None:
        """Hold what `to_json` returned, perhaps in another process, and nothing else.

        Raise any `ValueError`, `KeyError` or `TypeError` if it is something else.
        """
        ...


class StateError(ValueError):
    """Say that a folder's state cannot be used; it was left as it is."""


class StateFolder:
    """Keeps stores in `state.json` of a folder: written whole or not at all, by one sandbox at a time.

    Files that came within requests lie in `inputs`, so that they are not written anew each time.

    `stamp` is some value that differs whenever something has changed; `lock` guards the stores.
    """

    def __init__(
        self,
        folder: Path,
        stores: Callable[[], Mapping[str, Kept]],
        *,
        lock: Callable[[], AbstractContextManager[object]],
        stamp: Callable[[], Hashable],
    ) -> None:
        self.folder = folder
        self._file = folder / "state.json"
        self._texts = LongTexts(folder / "inputs")
        self._stores = stores
        self._lock = lock
        self._stamp = stamp
        self._holder = PidLock(folder / "state.lock")
        self._saved: Hashable = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Make the folder if need be and claim it; raise `StateError` if it cannot be had."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._holder.acquire()
        except HeldError as error:
            who = f"process {error.pid}" if error.pid else "another process"
            raise StateError(f"{self.folder}: a sandbox of {who} keeps its state here; use another folder") from None
        except OSError as error:
            why = error.strerror or error
            raise StateError(
                f"{self.folder}: no state can be kept here ({why}); use a folder that can be written to"
            ) from error

    def load(self) -> None:
        """Fill the stores from the file, if there is one, and keep it up to date from now on.

        Raise `StateError` if it is broken or of a newer version; the folder is given back then.
        """
        try:
            kept = self._read()
            if kept is not None:
                self._take(kept)
        except BaseException:
            self._holder.release()
            raise
        self._ended.clear()
        self._thread = threading.Thread(target=self._keep_saving, name="heygen-sandbox-state", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Save a last time and give the folder back; without `load`, do nothing."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._ended.set()
        thread.join()
        try:
            self.save()
        finally:
            self._holder.release()

    def save(self) -> None:
        """Write the file anew."""
        with self._lock():
            self._saved = self._stamp()
            kept = {name: store.to_json() for name, store in self._stores().items()}
        plain, texts = self._texts.take_out(kept)
        # It holds secrets of webhooks: for nobody else's eyes.
        write_whole(self._file, json.dumps({FORMAT: VERSION, "texts": texts, "stores": plain}).encode())
        self._texts.drop_others()

    def _keep_saving(self) -> None:
        pause = SAVE_EVERY
        while not self._ended.wait(pause):
            started = time.monotonic()
            if self._stamp() != self._saved:
                self.save()
            pause = max(SAVE_EVERY, (time.monotonic() - started) / _SHARE)

    def _read(self) -> Json | None:
        try:
            text = self._file.read_text("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise self._broken(error) from error
        try:
            whole = json.loads(text)
            version, texts, stores = whole[FORMAT], whole.get("texts", []), whole["stores"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(error) from error
        if version != VERSION:
            raise StateError(
                f"{self._file}: a state of version {version}, this heygen-async reads {VERSION}; nothing was changed. "
                "Use the version that wrote it, or another folder"
            )
        try:
            kept: Json = self._texts.put_back(stores, texts)
        except (OSError, ValueError, TypeError) as error:
            raise self._broken(error) from error
        return kept

    def _take(self, kept: Json) -> None:
        try:
            with self._lock():
                for name, store in self._stores().items():
                    store.from_json(kept[name])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> StateError:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return StateError(
            f"{self._file}: not a whole state of a sandbox ({why}); nothing was changed. "
            "Move it away to begin empty, or use another folder"
        )
