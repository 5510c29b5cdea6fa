"""The journal's SQLite file: opened, checked, locked, read and written.

Everything here blocks and belongs in a worker thread, one call at a time. The process lock is a file of its own beside
the journal: SQLite's locks on the database end as soon as this process closes any other handle on it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from attrs import define, field

from heygen_async import _journal_schema as schema
from heygen_async._file_locks import HeldError, PidLock
from heygen_async._protocol.journal import Entry
from heygen_async.errors import JournalError, JournalLockedError

Change: TypeAlias = Callable[[Entry | None], Entry | None]
"""What becomes of an entry: the same object for no change, None to forget it; a `JournalError` refuses."""

_LOCK_SUFFIX: Final = ".lock"
# How long another program that writes to the file, such as an open SQLite shell, is waited for.
_BUSY_TIMEOUT: Final = 5.0

# What is wrong with one row, before anything of it is written.
_UNWRITABLE: Final = (
    UnicodeError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


@define(eq=False)
class JournalFile:
    """An open journal that no other process, and nobody else in this one, can open."""

    path: Path
    _connection: sqlite3.Connection
    _lock: PidLock
    _is_open: bool = field(default=True, init=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> JournalFile:
        """Lock, check and if need be create a journal, and prove that it can be written.

        Raise `JournalLockedError` or `JournalError`. A file that is no journal is left as it is.
        """
        place = _place(path)
        lock = _locked(place)
        try:
            connection = _prepared(place)
        except BaseException:
            lock.release()
            raise
        return cls(place, connection, lock)

    def apply(self, changes: Sequence[tuple[str, Change]]) -> list[Entry | JournalError | None]:
        """Make all changes, in order and in one transaction, and return what became of each key's entry.

        A change that refuses is answered with its error and keeps no other from being made. When this returns, the
        rest is on the disk; when it raises `JournalError`, nothing has changed.
        """
        try:
            with _transaction(self._connection):
                return [self._changed(key, change) for key, change in changes]
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error

    def total_usd(self) -> float:
        """Return the estimated price of everything that was, or may have been, accepted and did not fail."""
        query = "SELECT total(usd) FROM item WHERE state <> 'failed'"
        try:
            total: float = self._connection.execute(query).fetchone()[0]
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error
        return total

    def close(self) -> None:
        """Fold the write-ahead log into the file and give the lock back; every change is safe already."""
        if self._is_open:
            self._is_open = False
            try:
                self._connection.close()
            finally:
                self._lock.release()

    def _changed(self, key: str, change: Change) -> Entry | JournalError | None:
        try:
            known = schema.find(self._connection, key)
            new = change(known)
            if new is None and known is not None:
                schema.delete(self._connection, key)
            elif new is not None and new is not known:
                schema.put(self._connection, new)
        except JournalError as error:
            return error
        except _UNWRITABLE as error:
            return JournalError(f"The journal {self.path} cannot hold item {key!r}: {error}.")
        return new


def read_journal(path: str | os.PathLike[str]) -> list[Entry]:
    """Return all entries in the order in which their items were first intended.

    Nothing is changed or locked, so this works while a batch runs on the journal; it blocks. Raise `JournalError`.
    """
    place = _place(path)
    if not place.exists():
        raise JournalError(f"There is no journal at {place}.")
    try:
        connection = _connected(place, read_only=True)
        try:
            return schema.find_all(connection) if schema.version_of(place, connection) else []
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _explained(place, error) from error


def _place(path: str | os.PathLike[str]) -> Path:
    """Return the one true name of a journal: two names for one file must share one lock."""
    try:
        place = Path(os.path.realpath(path))
        if place.is_dir():
            raise JournalError(f"The journal must be a file, and {place} is a folder.")
        if place.exists() and not place.is_file():
            raise JournalError(f"The journal must be a regular file, and {place} is none.")
    except (OSError, ValueError) as error:
        raise JournalError(f"{os.fspath(path)!r} cannot be a journal: {error}.") from error
    return place


def _locked(place: Path) -> PidLock:
    lock = PidLock(place.with_name(place.name + _LOCK_SUFFIX))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except HeldError as held:
        who = "another batch of this process" if held.pid == os.getpid() else f"process {held.pid or '(unknown)'}"
        raise JournalLockedError(
            f"The journal {place} is in use by {who}. Wait until that has ended, or use another journal.", pid=held.pid
        ) from None
    except OSError as error:
        raise JournalError(
            f"The journal {place} cannot be written: {error.strerror or error}. Nothing was sent. "
            "Give it a place on a local disk that has room and may be written to."
        ) from error
    return lock


def _prepared(place: Path) -> sqlite3.Connection:
    try:
        connection = _connected(place, read_only=False)
        try:
            version = schema.version_of(place, connection)
            _make_durable(connection)
            _prove_sound(place, connection)
            with _transaction(connection):
                schema.migrate(connection, version)
                row = (1, os.getpid(), time.time())
                connection.execute("INSERT OR REPLACE INTO holder (one, pid, since) VALUES (?, ?, ?)", row)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise _explained(place, error) from error
    return connection


def _connected(place: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "rwc"
    if read_only:
        # Without a log the file is all there is, and reading it as it is leaves no files beside it.
        mode = "ro" if place.with_name(place.name + "-wal").exists() else "ro&immutable=1"
    return sqlite3.connect(
        f"file:{quote(str(place))}?mode={mode}",
        uri=True,
        timeout=_BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )


def _make_durable(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # macOS: an ordinary fsync there does not reach the disk.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")


def _prove_sound(place: Path, connection: sqlite3.Connection) -> None:
    finding = schema.pragma(connection, "integrity_check(1)")
    if finding != "ok":
        raise JournalError(_damaged(place, str(finding)))


@define(eq=False)
class _transaction:  # noqa: N801 - used like a function
    """Commit at the end of the block, or roll back if that, or the block, fails."""

    _connection: sqlite3.Connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _damaged(place: Path, finding: str) -> str:
    return (
        f"The journal {place} is damaged ({' '.join(finding.split())}). Put a copy of it back. "
        "Another journal would know nothing of what this one held: what was submitted would be paid for again."
    )


def _explained(place: Path, error: sqlite3.Error) -> JournalError:
    """Return what an SQLite error means for the journal, and what to do about it."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_NOTADB"):
        return JournalError(f"{place} is not a journal: it is no SQLite file. It was left as it is.")
    if name.startswith("SQLITE_CORRUPT"):
        return JournalError(_damaged(place, str(error)))
    if name.startswith("SQLITE_FULL"):
        advice = "the disk is full. Make room, then run the same batch again"
    elif name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        advice = f"{error}. Give it a place that may be written to"
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        advice = "another program is writing to it. Close that program, then run the same batch again"
    else:
        advice = f"{error}. See to the disk, then run the same batch again"
    return JournalError(f"The journal {place} cannot be used: {advice}; it goes on from what the journal holds.")
