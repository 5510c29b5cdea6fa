"""A journal survives SIGKILL at any moment, and a write-ahead log that the power cut short."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heygen_async._journal_file import JournalFile, read_journal
from heygen_async._protocol import journal as rules
from heygen_async._protocol.journal import Entry

CHAIN = ["intended", "submitted", "completed", "saved"]

# Reads "<seed> <kill after so many SQLite steps, or 0>" lines; for each, a forked child opens the journal, says "open"
# and writes items through their states, saying what has become durable. Forking saves the start of an interpreter.
WRITER = """
import os, random, signal, sys
from tests.test_journal_kill import write_for_ever
for line in sys.stdin:
    seed, steps = map(int, line.split())
    child = os.fork()
    if not child:
        write_for_ever(sys.argv[1], seed, steps)
    os.write(1, f"pid {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


INTENDER = """
import os, signal, sys
from attrs import evolve
from tests.test_journal_kill import change_to, JournalFile
file = JournalFile.open(sys.argv[1])
file.apply([("a", lambda known: evolve(change_to("intended", "a")(known), wire=sys.argv[2]))])
os.kill(os.getpid(), signal.SIGKILL)
"""


def write_for_ever(path: str, seed: int, steps: int) -> None:
    """Write in the child, several items to a transaction, and say after each one what must never get lost."""
    dice = random.Random(seed)
    file = JournalFile.open(path)
    if steps:
        # In the middle of a statement: SQLite calls back after so many steps of its virtual machine.
        file._connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), steps)
    os.write(1, b"open\n")
    number = 0
    while True:
        keys = [f"{seed}-{number + n}" for n in range(dice.randint(1, 4))]
        number += len(keys)
        for state in CHAIN:
            file.apply([(key, change_to(state, key)) for key in keys])
            os.write(1, f"{state} {' '.join(keys)}\n".encode())


def change_to(state: str, key: str):
    def change(known: Entry | None) -> Entry | None:
        if state == "intended":
            wanted = Entry(
                key=key,
                idempotency_key=f"k-{key}",
                payload_hash="h" * 64,
                wire="v3",
                callback_id="c" * 500,
                first_attempt_at=1.0,
                updated_at=1.0,
            )
            return rules.intended(known, wanted)
        assert known is not None
        if state == "submitted":
            return rules.submitted(known, f"v-{key}", "v3", 2.0)
        return rules.completed(known, 3.0) if state == "completed" else rules.saved(known, f"/out/{key}", 7, 4.0)

    return change


class Writer:
    """The forking writer, and what it has said so far."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            bufsize=0,
        )

    def round(self, seed: int, *, steps: int, delay: float) -> list[list[str]]:
        """Let a child write until it is killed, `delay` seconds after it was ready; return what it said."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seed} {steps}\n".encode())
        said: list[list[str]] = []
        kill_at = None
        while ["dead"] not in said:
            said += self._lines(0.001)
            pid = next((int(words[1]) for words in said if words[0] == "pid"), None)
            if kill_at is None and ["open"] in said:
                kill_at = time.monotonic() + delay
            if not steps and pid and kill_at and time.monotonic() >= kill_at:
                os.kill(pid, signal.SIGKILL)
                steps = -1
        return said

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _lines(self, patience: float) -> list[list[str]]:
        stdout = self.process.stdout
        assert stdout is not None
        if not select.select([stdout], [], [], patience)[0]:
            return []
        text = os.read(stdout.fileno(), 1_000_000)
        while not text.endswith(b"\n"):
            text += os.read(stdout.fileno(), 1_000_000)
        return [line.decode().split() for line in text.splitlines()]


@pytest.mark.slow
def test_67_sigkill_leaves_the_last_transaction_whole_or_absent(tmp_path) -> None:
    """At seeded moments, by the clock and by SQLite's own steps: what was said to be durable is there, and no half."""
    path = tmp_path / "batch.sqlite"
    writer = Writer(path)
    dice = random.Random(67)
    promised: dict[str, str] = {}
    for seed in range(16):
        steps = dice.randint(50, 4_000) if seed % 2 else 0
        for words in writer.round(seed, steps=steps, delay=dice.uniform(0, 0.03)):
            if words[0] in CHAIN:
                promised.update(dict.fromkeys(words[1:], words[0]))
        found = {entry.key: entry for entry in read_journal(path)}
        assert all(CHAIN.index(found[key].state) >= CHAIN.index(state) for key, state in promised.items())
        ahead = {key for key, entry in found.items() if entry.state != promised.get(key)}
        # What is ahead of its promise is the one transaction of this child that was killed before it could say so.
        assert len({found[key].state for key in ahead}) <= 1
        assert all(key.startswith(f"{seed}-") for key in ahead)
        promised.update({key: found[key].state for key in ahead})
    writer.close()
    JournalFile.open(path).close()
    found = {entry.key: entry.state for entry in read_journal(path)}
    assert found == promised
    assert len(found) > 16
    assert [file.name for file in tmp_path.iterdir()] == ["batch.sqlite"]


def test_67_a_log_that_was_cut_short_loses_whole_transactions_from_its_end(tmp_path) -> None:
    """As after a power cut on a disk that lies: every earlier state of the journal, never a mixture."""
    source = tmp_path / "source" / "batch.sqlite"
    file = JournalFile.open(source)
    states = [{}]
    for number in range(6):
        for state in CHAIN:
            keys = [f"{number}-{n}" for n in range(3)]
            file.apply([(key, change_to(state, key)) for key in keys])
            states.append(states[-1] | dict.fromkeys(keys, state))
    log = Path(f"{source}-wal").read_bytes()
    database = source.read_bytes()
    file.close()
    dice = random.Random(54)
    seen = set()
    for number in range(60):
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(database)
        damaged = bytearray(log[: dice.randrange(len(log))])
        if damaged and number % 3 == 0:
            damaged[dice.randrange(len(damaged))] ^= 0xFF
        Path(f"{path}-wal").write_bytes(damaged)
        JournalFile.open(path).close()
        found = {entry.key: entry.state for entry in read_journal(path)}
        assert found in states
        seen.add(states.index(found))
    assert len(seen) > 10


def test_52a_an_intent_whose_writer_was_killed_is_repeated_or_looked_for(tmp_path) -> None:
    """The entry alone leads back to what may have been paid: by the same key on v3, by callback id on v2."""
    path = tmp_path / "batch.sqlite"
    for wire, step in (("v3", rules.Repeat("k-a")), ("v2", rules.Reconcile("k-a", "c" * 500, "v2"))):
        path.unlink(missing_ok=True)
        command = [sys.executable, "-c", INTENDER, path, wire]
        killed = subprocess.run(command, cwd=Path(__file__).parents[1], check=False)
        assert killed.returncode == -signal.SIGKILL
        file = JournalFile.open(path)
        entry = file.apply([("a", lambda known: known)])[0]
        file.close()
        assert isinstance(entry, Entry)
        assert rules.next_step(entry, payload_hash="h" * 64, now=2.0, target=None, target_is_whole=False) == step


def test_52b_a_video_that_was_finished_but_not_fetched_is_watched(tmp_path) -> None:
    """The id is in the journal, no URL is: the next run asks for a fresh one."""
    path = tmp_path / "batch.sqlite"
    file = JournalFile.open(path)
    for state in CHAIN[:3]:
        file.apply([("a", change_to(state, "a"))])
    file.close()
    (entry,) = read_journal(path)
    step = rules.next_step(entry, payload_hash="h" * 64, now=1e9, target="/out/a", target_is_whole=False)
    assert step == rules.Watch("v-a")
    assert "http" not in str(entry)
