"""A model of journal, server, clock and crashes: however they are mixed, no item is ever paid for twice.

The pure rules and the real SQLite file are driven by a small batch that may be killed after each of its actions. A
kill is played by going on with a copy of the files as they lay on the disk at that moment, log and all.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from heygen_async._journal_file import JournalFile, read_journal
from heygen_async._protocol import journal as rules
from heygen_async._protocol.journal import Done, Entry, Gone, Reconcile, Refuse, Repeat, Submit, Watch, next_step
from heygen_async.errors import JournalError

KEYS = ("a", "b", "c")
HOUR = 3600.0
# Nothing here depends on a flush: a killed process loses no page that it has written.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Killed(BaseException):
    """The process ended here."""


@define
class SimVideo:
    id: str
    item: str
    payload: str
    callback_id: str
    state: str = "processing"


@define
class SimServer:
    """What HeyGen does, as far as money goes: v3 replays a key for 24 h, whatever the body; v2 knows no keys."""

    now: float = 1_000_000.0
    videos: dict[str, SimVideo] = field(factory=dict)
    _by_key: dict[str, tuple[float, str]] = field(factory=dict)

    def create(self, wire: str, key: str, item: str, payload: str) -> str:
        made_at, known = self._by_key.get(key, (-1e9, ""))
        if wire == "v3" and self.now - made_at < 24 * HOUR:
            return known
        video = SimVideo(f"v{len(self.videos)}", item, payload, f"callback-{key}")
        self.videos[video.id] = video
        if wire == "v3":
            self._by_key[key] = (self.now, video.id)
        return video.id

    def look_for(self, callback_id: str) -> str | None:
        return next((video.id for video in self.videos.values() if video.callback_id == callback_id), None)


@define
class Run:
    """One run of a batch, with so many actions to live."""

    file: JournalFile
    server: SimServer
    clock: float
    lives: int
    sent: list[str] = field(factory=list)
    uncertain: set[str] = field(factory=set)

    def item(self, key: str, payload: str, wire: str, files: dict[str, int], fresh_key: str) -> object:
        """Do what the journal says about one item, and return the step that was taken."""
        entry = self.change(key, lambda known: known)
        whole = rules.is_whole(entry, files.get(key))
        step = next_step(entry, payload_hash=payload, now=self.clock, target=key, target_is_whole=whole)
        video_id = entry.video_id if entry else None
        match step:
            case Submit():
                video_id = self.submit(key, payload, wire, fresh_key)
            case Repeat(idempotency_key):
                video_id = self.submit(key, payload, "v3", idempotency_key)
            case Reconcile(idempotency_key, callback_id):
                video_id = self.server.look_for(callback_id or "")
                if video_id is None:
                    self.uncertain.add(key)
                    return step
                self.change(key, lambda known: rules.submitted(known, video_id, entry.wire, self.clock))
            case Done() | Gone() | Refuse():
                return step
            case Watch():
                pass
        self.watch(key, video_id, files)
        return step

    def submit(self, key: str, payload: str, wire: str, idempotency_key: str) -> str:
        wanted = Entry(
            key=key,
            idempotency_key=idempotency_key,
            payload_hash=payload,
            wire=wire,
            callback_id=f"callback-{idempotency_key}",
            first_attempt_at=self.clock,
            updated_at=self.clock,
        )
        self.change(key, lambda known: rules.intended(known, wanted))
        video_id = self.server.create(wire, idempotency_key, key, payload)
        self.sent.append(key)
        self.live()
        self.change(key, lambda known: rules.submitted(known, video_id, wire, self.clock))
        return video_id

    def watch(self, key: str, video_id: str, files: dict[str, int]) -> None:
        state = self.server.videos[video_id].state
        if state == "failed":
            self.change(key, lambda known: rules.failed(known, "x", "It failed.", self.clock, retryable=True))
        if state != "completed":
            return
        self.change(key, lambda known: rules.completed(known, self.clock))
        files[key] = 7
        self.live()
        self.change(key, lambda known: rules.saved(known, key, 7, self.clock))

    def change(self, key: str, change) -> Entry | None:
        """Change an entry; the process may be killed before that, or right after it."""
        self.live()
        answer = self.file.apply([(key, change)])[0]
        if isinstance(answer, JournalError):
            raise answer
        self.live()
        return answer

    def live(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise Killed


class Batch(RuleBasedStateMachine):
    """Runs, kills, renders, failures, deleted files and passing time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.server = SimServer()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-model-", dir=IN_MEMORY))
        self.path = self.folder / "0.sqlite"
        self.files: dict[str, int] = {}
        self.wires = dict(zip(KEYS, ("v3", "v2", "v3"), strict=True))
        self.clock_error = 0.0
        self.kills = self.keys_made = 0
        self.uncertain: set[str] = set()

    def teardown(self) -> None:
        """However it went, one more run without kills leaves every item paid for once, or reported."""
        try:
            self.finish()
        finally:
            shutil.rmtree(self.folder)

    def finish(self) -> None:
        self.clock_error = max(self.clock_error, 0.0)
        for _ in range(2):
            self.run(KEYS, lives=10_000, payload="p")
            for video in self.server.videos.values():
                video.state = "completed" if video.state == "processing" else video.state
        self.run(KEYS, lives=10_000, payload="p")
        entries = {entry.key: entry for entry in read_journal(self.path)}
        for key in KEYS:
            paid = [video for video in self.server.videos.values() if video.item == key and video.state != "failed"]
            if key in self.uncertain:
                assert len(paid) <= 1
            else:
                assert [video.id for video in paid] == [entries[key].video_id]
                assert entries[key].state == "saved"
                assert key in self.files

    @rule(keys=st.permutations(KEYS), first=st.integers(0, 12), second=st.integers(0, 20))
    def runs_are_killed(self, keys, first: int, second: int) -> None:
        """Twice in a row, after so many actions."""
        self.run(keys, lives=first, payload="p")
        self.run(keys, lives=second, payload="p")

    @rule(keys=st.permutations(KEYS), payload=st.sampled_from(["p", "q"]))
    def a_run_ends(self, keys, payload: str) -> None:
        """By itself; perhaps with changed requests."""
        self.run(keys, lives=10_000, payload=payload)

    def run(self, keys, *, lives: int, payload: str) -> None:
        """Run the batch on the journal; a kill leaves the files as they are."""
        file = JournalFile.open(self.path)
        run = Run(file, self.server, self.server.now + self.clock_error, lives)
        known = {entry.key: entry.payload_hash for entry in read_journal(self.path)}
        try:
            for key in keys:
                # Only the first payload of a key counts: a changed one must be refused and never sent.
                request = payload if key in known else "p"
                self.keys_made += 1
                sent = len(run.sent)
                step = run.item(key, request, self.wires[key], self.files, f"key-{self.keys_made}")
                if key in known and request != known[key]:
                    assert isinstance(step, Refuse)
                    assert len(run.sent) == sent
        except Killed:
            self.leave_behind()
        finally:
            self.uncertain = (self.uncertain | run.uncertain) & {
                entry.key for entry in read_journal(self.path) if entry.state == "intended"
            }
            file.close()

    def leave_behind(self) -> None:
        """Copy what a killed process leaves: database and log, in which nothing half done counts."""
        self.kills += 1
        new = self.folder / f"{self.kills}.sqlite"
        for suffix in ("", "-wal"):
            old = Path(f"{self.path}{suffix}")
            if old.exists():
                shutil.copy(old, f"{new}{suffix}")
        self.path = new

    @rule(hours=st.sampled_from([0.1, 1.0, 10.0, 22.5, 25.0]))
    def time_passes(self, hours: float) -> None:
        """On both clocks."""
        self.server.now += hours * HOUR

    @rule(minutes=st.integers(-50, 50))
    def the_clock_is_set(self, minutes: int) -> None:
        """Ours, within the margin, against the true time."""
        self.clock_error = minutes * 30.0

    @precondition(lambda self: any(video.state == "processing" for video in self.server.videos.values()))
    @rule(data=st.data(), state=st.sampled_from(["completed", "completed", "failed"]))
    def a_render_ends(self, data, state: str) -> None:
        """Or fails, and is not charged."""
        running = [video.id for video in self.server.videos.values() if video.state == "processing"]
        self.server.videos[data.draw(st.sampled_from(running))].state = state

    @precondition(lambda self: bool(self.files))
    @rule(data=st.data())
    def a_file_gets_lost(self, data) -> None:
        """Or is cut."""
        key = data.draw(st.sampled_from(sorted(self.files)))
        if data.draw(st.booleans()):
            del self.files[key]
        else:
            self.files[key] = 3

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """At no moment are there two videos of one item that did not fail."""
        paid = [video.item for video in self.server.videos.values() if video.state != "failed"]
        assert len(paid) == len(set(paid))

    @invariant()
    def nothing_was_sent_with_another_payload(self) -> None:
        """The first request under a key is the only one."""
        assert {video.payload for video in self.server.videos.values()} <= {"p"}


Batch.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class TestBatch(Batch.TestCase):
    """52, 54, 67: paid creations equal logical requests, whatever is killed and whenever."""


def test_the_model_notices_a_journal_that_forgets(monkeypatch) -> None:
    """It bites: if an intent were taken for nothing, the second payment would be seen."""
    original = rules.next_step

    def forgetful(entry, **about):
        return original(None if entry and entry.state == "intended" else entry, **about)

    monkeypatch.setattr("tests.test_journal_model.next_step", forgetful)
    monkeypatch.setattr(rules, "intended", lambda known, wanted: wanted)
    batch = Batch()
    batch.run(KEYS, lives=4, payload="p")
    batch.nothing_is_paid_twice()
    batch.run(KEYS, lives=10_000, payload="p")
    with pytest.raises(AssertionError):
        batch.nothing_is_paid_twice()
    with pytest.raises(AssertionError):
        batch.teardown()
