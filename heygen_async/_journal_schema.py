"""The tables of a journal: their versions, and how an entry becomes a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict, fields

from heygen_async._protocol.journal import Entry
from heygen_async.errors import JournalError

_APPLICATION_ID: Final = 0x48474A4E  # "HGJN", which tells a journal from other SQLite files

# One step per schema version. `holder` has one row, rewritten at every opening: proof that the file can be written.
_MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        """CREATE TABLE item (
            number INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            idempotency_key TEXT NOT NULL,
            payload_hash TEXT NOT NULL,
            wire TEXT NOT NULL CHECK (wire IN ('v2', 'v3')),
            callback_id TEXT,
            state TEXT NOT NULL CHECK (state IN ('intended', 'submitted', 'completed', 'failed', 'saved')),
            video_id TEXT,
            first_attempt_at REAL NOT NULL,
            error_code TEXT,
            error_message TEXT,
            retryable INTEGER NOT NULL CHECK (retryable IN (0, 1)),
            saved_path TEXT,
            saved_size INTEGER,
            usd REAL,
            updated_at REAL NOT NULL,
            CHECK (state IN ('intended', 'failed') OR video_id IS NOT NULL)
        )""",
        "CREATE TABLE holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL, since REAL NOT NULL)",
    ),
)
SCHEMA_VERSION: Final = len(_MIGRATIONS)

_COLUMNS: Final = tuple(attribute.name for attribute in fields(Entry))
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM item"  # noqa: S608 - our own names
_UPSERT: Final = (
    f"INSERT INTO item ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "  # noqa: S608
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}"
)


def version_of(place: Path, connection: sqlite3.Connection) -> int:
    """Return the schema version, 0 for a new file; raise `JournalError` for what is no journal, or is a newer one."""
    application_id, version = pragma(connection, "application_id"), pragma(connection, "user_version")
    if application_id == 0 and version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        return 0
    if application_id != _APPLICATION_ID:
        raise JournalError(f"{place} is a database of something else, not a journal. It was left as it is.")
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{place} was written by a newer heygen-async (schema {version}, this one knows {SCHEMA_VERSION}). "
            "It was left as it is. Upgrade heygen-async, or use another journal."
        )
    return int(version)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a journal from a schema version, 0 for a new file, to the newest; inside a transaction of the caller."""
    if version == SCHEMA_VERSION:
        return
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def pragma(connection: sqlite3.Connection, name: str) -> Any:
    """Return the first value that a PRAGMA answers with."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def find(connection: sqlite3.Connection, key: str) -> Entry | None:
    """Return a key's entry, or None."""
    row = connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
    return None if row is None else _entry(row)


def find_all(connection: sqlite3.Connection) -> list[Entry]:
    """Return all entries in the order in which their items were first intended."""
    return [_entry(row) for row in connection.execute(f"{_SELECT} ORDER BY number")]


def put(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write an entry in place of the one that its key had, if any."""
    connection.execute(_UPSERT, asdict(entry))


def delete(connection: sqlite3.Connection, key: str) -> None:
    """Forget a key."""
    connection.execute("DELETE FROM item WHERE key = ?", (key,))


def _entry(row: tuple[Any, ...]) -> Entry:
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    values["retryable"] = bool(values["retryable"])
    return Entry(**values)
