"""The journal's file: what is refused at opening, what is left alone, and what can be read."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from attrs import evolve

from heygen_async._file_locks import HeldError, PidLock
from heygen_async._journal_file import JournalFile, read_journal
from heygen_async._protocol.journal import Entry
from heygen_async.errors import JournalError, JournalLockedError

ENTRY = Entry(
    key="a", idempotency_key="k", payload_hash="h" * 64, wire="v3", first_attempt_at=1000.5, updated_at=1000.5
)


def written(path: Path, count: int = 1) -> Path:
    """Make a journal of some items."""
    file = JournalFile.open(path)
    try:
        file.apply([(f"item {n}", lambda _, n=n: evolve(ENTRY, key=f"item {n}")) for n in range(count)])
    finally:
        file.close()
    return path


def refused(path: Path, words: str) -> None:
    """Opening and reading are refused in words that name the path, and leave everything as it was."""
    before = snapshot(path.parent) if path.parent.is_dir() else None
    for use in (JournalFile.open, read_journal):
        with pytest.raises(JournalError, match=words) as caught:
            use(path)
        assert str(path) in str(caught.value)
    assert before is None or snapshot(path.parent) == before


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {file.name: file.read_bytes() if file.is_file() else None for file in folder.iterdir()}


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title)")
    connection.close()


def newer_journal(path: Path) -> None:
    connection = sqlite3.connect(written(path))
    connection.execute("PRAGMA user_version = 7")
    connection.close()


def scribbled(path: Path, start: int, length: int) -> None:
    content = bytearray(written(path, 300).read_bytes())
    content[start : start + length] = b"\xa5" * length
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "regular file"),
        (lambda path: path.symlink_to("/dev/full"), "regular file"),
        (lambda path: path.write_bytes(b"key,script\n" * 500), "not a journal"),
        (lambda path: path.write_bytes(b"short"), "not a journal"),
        (other_database, "database of something else"),
        (newer_journal, "newer heygen-async .schema 7, .*Upgrade"),
        (lambda path: scribbled(path, 0, 100), "not a journal"),
        (lambda path: scribbled(path, 4096, 8), "is damaged"),
        (lambda path: scribbled(path, 20_000, 5_000), "is damaged.*paid for again"),
        (lambda path: path.write_bytes(written(path, 300).read_bytes()[:-5_000]), "is damaged"),
        (lambda path: path.write_bytes(written(path, 300).read_bytes()[:4096]), "is damaged"),
    ],
    ids=["folder", "fifo", "device", "text", "short", "other", "newer", "header", "page", "middle", "cut", "one page"],
)
def test_what_is_no_good_journal_is_refused_and_left_as_it_is(tmp_path, make, words) -> None:
    """Before anything is spent, with words that say what it is."""
    path = tmp_path / "batch.sqlite"
    make(path)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
        with pytest.raises(JournalError, match=words):
            JournalFile.open(tmp_path / "batch.sqlite")
        return
    refused(path, words)


def test_a_row_that_only_the_index_knows_is_found_at_opening(tmp_path) -> None:
    """Damage that reading the table alone would not show."""
    path = written(tmp_path / "batch.sqlite", 50)
    content = path.read_bytes()
    at = content.rindex(b"item 49")
    path.write_bytes(content[:at] + b"item 94" + content[at + 7 :])
    with pytest.raises(JournalError, match="is damaged"):
        JournalFile.open(path)


def test_an_empty_file_becomes_a_journal(tmp_path) -> None:
    """A kill at the first moment leaves such a file behind."""
    path = tmp_path / "batch.sqlite"
    path.touch()
    assert read_journal(path) == []
    assert len(read_journal(written(path))) == 1


@pytest.mark.parametrize("name", ["file/batch.sqlite", "n" * 300, "nul\0"])
def test_a_path_that_cannot_be_is_refused(tmp_path, name) -> None:
    """A parent that is a file, a name that is too long, a null character."""
    (tmp_path / "file").touch()
    for use in (JournalFile.open, read_journal):
        with pytest.raises(JournalError):
            use(f"{tmp_path}/{name}")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["plain", "with space", "q?mode=ro", "h#sh", "per%20cent", "ü", ":memory:"])
def test_any_file_name_will_do(tmp_path, name) -> None:
    """Nothing in a name is an option to SQLite."""
    written(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert len(read_journal(tmp_path / name)) == 1


def test_reading_a_journal_that_is_not_there_makes_none(tmp_path) -> None:
    """Nor a folder for it."""
    with pytest.raises(JournalError, match="no journal at"):
        read_journal(tmp_path / "made" / "batch.sqlite")
    assert list(tmp_path.iterdir()) == []


def in_child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"import sys\nfrom heygen_async._journal_file import *\n{code}"]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=30)


OPEN_AND_REPORT = """
try:
    JournalFile.open(sys.argv[1]).close()
except JournalError as error:
    print(error)
else:
    print('opened')
"""


def test_a_full_disk_is_noticed_at_opening(tmp_path) -> None:
    """A limit on file sizes stands in for the disk: nothing can be written, so nothing may be sent."""
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    for size in (0, 3_000, 20_000):
        path = tmp_path / f"{size}.sqlite"
        done = in_child(f"{limit}resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n{OPEN_AND_REPORT}", path)
        assert "cannot be" in done.stdout, done.stderr
        assert str(path) in done.stdout
        written(path)
        assert len(read_journal(path)) == 1


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o644), (0o755, 0o444), (0o555, 0o444)])
def test_a_read_only_place_is_refused_at_opening_and_can_be_read(folder_mode, file_mode) -> None:
    """As an ordinary user; root may write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        path = written(Path(name) / "batch.sqlite")
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        drop = "import os\nif os.geteuid() == 0: os.setresuid(65534, 65534, 65534)\n"
        done = in_child(drop + OPEN_AND_REPORT + "print(len(read_journal(sys.argv[1])))", path)
        path.parent.chmod(0o755)
        said, count = done.stdout.splitlines()
        assert "cannot be" in said
        assert str(path) in said
        assert count == "1", done.stderr


def test_a_folder_in_which_nobody_can_write_is_refused() -> None:
    """Not even root."""
    if not Path("/sys/kernel").is_dir():
        pytest.skip("needs a folder that even root cannot write to")
    with pytest.raises(JournalError, match=r"/sys/kernel/batch\.sqlite cannot be written.*Nothing was sent"):
        JournalFile.open("/sys/kernel/batch.sqlite")


def test_another_program_that_writes_is_waited_for_and_then_named(tmp_path, monkeypatch) -> None:
    """Such as an SQLite shell with an open transaction."""
    monkeypatch.setattr("heygen_async._journal_file._BUSY_TIMEOUT", 0.01)
    path = written(tmp_path / "batch.sqlite")
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="another program is writing"):
        JournalFile.open(path)
    shell.execute("ROLLBACK")
    shell.close()
    JournalFile.open(path).close()


def test_the_file_is_as_durable_as_sqlite_can_make_it(tmp_path) -> None:
    """Every commit is flushed."""
    file = JournalFile.open(tmp_path / "batch.sqlite")
    pragmas = {
        name: file._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "fullfsync", "application_id", "user_version")
    }
    file.close()
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "fullfsync": 1,
        "application_id": 0x48474A4E,
        "user_version": 1,
    }


def test_looking_an_item_up_uses_the_index(tmp_path) -> None:
    """One indexed row per item: the cost does not grow with their number."""
    file = JournalFile.open(tmp_path / "batch.sqlite")
    plan = file._connection.execute("EXPLAIN QUERY PLAN SELECT * FROM item WHERE key = 'a'").fetchall()
    file.close()
    assert "USING INDEX" in plan[0][3]


def test_reading_changes_nothing_while_a_batch_runs_and_after_a_kill(tmp_path) -> None:
    """Neither the files nor what is in them."""
    path = tmp_path / "batch.sqlite"
    holder = Holder(path, items=3)
    before = snapshot(tmp_path)
    assert [entry.key for entry in read_journal(path)] == ["item 0", "item 1", "item 2"]
    assert snapshot(tmp_path).keys() == before.keys()
    holder.kill()
    left = {name: content for name, content in snapshot(tmp_path).items() if not name.endswith("-shm")}
    assert len(read_journal(path)) == 3
    assert {name: content for name, content in snapshot(tmp_path).items() if not name.endswith("-shm")} == left
    assert any(name.endswith("-wal") for name in left)


class Holder:
    """Another process that holds a journal until it is killed."""

    def __init__(self, path: Path, *, items: int = 0, then: str = "") -> None:
        code = (
            "import sys, os, time; from attrs import evolve; from tests.test_journal_file import ENTRY, JournalFile\n"
            "file = JournalFile.open(sys.argv[1])\n"
            "file.apply([(f'item {n}', lambda _, n=n: evolve(ENTRY, key=f'item {n}')) "
            "for n in range(int(sys.argv[2]))])\n"
            f"{then}\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
        )
        command = [sys.executable, "-c", code, str(path), str(items)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().split()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_68_a_second_process_is_refused_with_the_pid_of_the_first(tmp_path) -> None:
    """At once; when the first is killed, the journal is free, and holds what it wrote."""
    path = tmp_path / "batch.sqlite"
    holder = Holder(path, items=2)
    try:
        with pytest.raises(JournalLockedError, match=f"in use by process {holder.process.pid}") as caught:
            JournalFile.open(path)
        assert caught.value.pid == holder.process.pid
    finally:
        holder.kill()
    JournalFile.open(path).close()
    assert len(read_journal(path)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["batch.sqlite"]


def test_68_a_forked_child_does_not_keep_a_dead_parents_lock(tmp_path) -> None:
    """Such as a worker of a process pool that outlives its parent for a while."""
    path = tmp_path / "batch.sqlite"
    fork = "r, w = os.pipe()\nchild = os.fork()\nif not child: os.write(w, b'.'); time.sleep(60)\nos.read(r, 1)"
    holder = Holder(path, then=f"{fork}\nprint(child, end=' ')")
    child = int(holder.said[0])
    try:
        with pytest.raises(JournalLockedError):
            JournalFile.open(path)
        holder.kill()
        JournalFile.open(path).close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_is_one_file_whoever_removes_it(tmp_path) -> None:
    """Held, it is refused; released, it is gone; taken away from under its holder, a new one is taken."""
    first, second = PidLock(tmp_path / "lock"), PidLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(HeldError) as caught:
        second.acquire()
    assert caught.value.pid == os.getpid()
    first.release()
    first.release()
    second.acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_has_not_said_who_it_is_is_waited_for_a_moment(tmp_path, monkeypatch) -> None:
    """The pid is written right after the lock is taken; 0 stands for one that never comes."""
    monkeypatch.setattr("heygen_async._file_locks._PAUSE", 0.0)
    first, second = PidLock(tmp_path / "lock"), PidLock(tmp_path / "lock")
    first.acquire()
    os.truncate(tmp_path / "lock", 0)
    with pytest.raises(HeldError) as caught:
        second.acquire()
    assert caught.value.pid == 0
    first.release()


def test_a_file_removed_between_opening_and_locking_is_not_taken_for_the_lock(tmp_path, monkeypatch) -> None:
    """Two holders of two files of one name would both believe to be alone."""
    from heygen_async import _file_locks

    original, removed = _file_locks._try_lock, []

    def snatched(descriptor: int) -> bool:
        if not removed:
            (tmp_path / "lock").unlink()
            removed.append(True)
        return original(descriptor)

    monkeypatch.setattr(_file_locks, "_try_lock", snatched)
    lock = PidLock(tmp_path / "lock")
    lock.acquire()
    assert (tmp_path / "lock").exists()
    with pytest.raises(HeldError):
        PidLock(tmp_path / "lock").acquire()
    lock.release()


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch) -> None:
    """There, two processes could pay for the same items."""

    def unsupported(descriptor: int) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("heygen_async._file_locks._try_lock", unsupported)
    with pytest.raises(JournalError, match=r"No locks available.*local disk"):
        JournalFile.open(tmp_path / "batch.sqlite")
