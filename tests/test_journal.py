"""The journal from a batch's side: many writers, every event loop, cancellation."""

from __future__ import annotations

import sys
import threading

import anyio
import pytest

from heygen_async._journal import open_journal, read_journal
from heygen_async._journal_file import JournalFile
from heygen_async.errors import JournalError, JournalLockedError

pytestmark = pytest.mark.anyio


async def intend(journal, key, **changes):
    wanted = {"idempotency_key": f"k-{key}", "payload_hash": "h", "wire": "v3", "callback_id": f"c-{key}"}
    return await journal.intend(key, **wanted | changes)


class Gate:
    """Hold every transaction until told, and count them."""

    def __init__(self, monkeypatch) -> None:
        self.sizes: list[int] = []
        self._opened = threading.Event()
        original = JournalFile.apply

        def held(file, changes):
            self.sizes.append(len(changes))
            assert self._opened.wait(10)
            return original(file, changes)

        monkeypatch.setattr(JournalFile, "apply", held)

    async def reached(self) -> None:
        while not self.sizes:
            await anyio.sleep(0.001)

    def open(self) -> None:
        self._opened.set()


async def test_an_item_lives_through_its_states_and_another_run_reads_them(tmp_path) -> None:
    """What one run writes, the next one finds, in the order of the first intents."""
    path = tmp_path / "made" / "batch.sqlite"
    async with open_journal(path) as journal:
        assert await journal.lookup("b") is None
        first = await intend(journal, "b", usd=1.5)
        await intend(journal, "a", wire="v2", callback_id=None)
        await journal.submitted("b", "v1", "v3")
        await journal.completed("b")
        await journal.saved("b", tmp_path / "b.mp4", 10)
        await journal.failed("a", "400", "Bad avatar", retryable=False)
    async with open_journal(path) as journal:
        entry = await journal.lookup("b")
        assert entry is not None
        assert (entry.state, entry.video_id, entry.usd) == ("saved", "v1", 1.5)
        assert (entry.saved_path, entry.saved_size) == (str(tmp_path / "b.mp4"), 10)
        assert entry.first_attempt_at == first.first_attempt_at <= entry.updated_at
        failed = await journal.lookup("a")
        assert failed is not None
        assert (failed.state, failed.error_code, failed.error_message) == ("failed", "400", "Bad avatar")
    assert [entry.key for entry in read_journal(path)] == ["b", "a"]
    assert [file.name for file in path.parent.iterdir()] == ["batch.sqlite"]


async def test_an_intent_is_on_the_disk_when_it_returns(tmp_path) -> None:
    """Somebody else can read it while the journal is still open."""
    path = tmp_path / "batch.sqlite"
    async with open_journal(path) as journal:
        entry = await intend(journal, "a")
        assert read_journal(path) == [entry]


async def test_05_repeating_an_intent_keeps_its_age(tmp_path) -> None:
    """The key is as old as its first attempt."""
    async with open_journal(tmp_path / "batch.sqlite") as journal:
        first = await intend(journal, "a")
        again = await intend(journal, "a", wire="v3", usd=2.0)
        assert (again.first_attempt_at, again.usd) == (first.first_attempt_at, 2.0)


async def test_an_intent_taken_back_leaves_nothing(tmp_path) -> None:
    """The next run submits the item as if it were new."""
    async with open_journal(tmp_path / "batch.sqlite") as journal:
        await intend(journal, "a")
        await journal.withdrawn("a")
        await journal.withdrawn("never there")
        assert await journal.lookup("a") is None
        await intend(journal, "a", idempotency_key="another")


async def test_spent_counts_what_was_or_may_have_been_accepted(tmp_path) -> None:
    """Over all runs; failed items are not charged."""
    path = tmp_path / "batch.sqlite"
    async with open_journal(path) as journal:
        assert await journal.spent() == 0.0
        for key in "abc":
            await intend(journal, key, usd=0.5)
        await intend(journal, "unknown price")
        await journal.submitted("b", "v1", "v3")
        await journal.failed("c", None, "no", retryable=True)
    async with open_journal(path) as journal:
        assert await journal.spent() == 1.0


async def test_06_a_refused_change_names_the_item_and_harms_no_other(tmp_path) -> None:
    """Two writers share a transaction; one asks for what cannot be."""
    path = tmp_path / "batch.sqlite"
    async with open_journal(path) as journal:
        await intend(journal, "a")

        async def changed() -> None:
            with pytest.raises(JournalError, match="'a'"):
                await intend(journal, "a", payload_hash="other")

        async with anyio.create_task_group() as group:
            group.start_soon(changed)
            group.start_soon(intend, journal, "b")
        with pytest.raises(JournalError, match="'x' is not in the journal"):
            await journal.completed("x")
    assert [(entry.key, entry.payload_hash) for entry in read_journal(path)] == [("a", "h"), ("b", "h")]


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "ключ", "k" * 10_000, "", "'; DROP TABLE item; --"])
async def test_odd_keys_are_kept_or_refused_but_break_nothing(tmp_path, text) -> None:
    """Only half a surrogate pair cannot be written down."""
    path = tmp_path / "batch.sqlite"
    async with open_journal(path) as journal:
        if text == "\ud800":
            with pytest.raises(JournalError, match="cannot hold item"):
                await intend(journal, text, idempotency_key="k")
        else:
            await intend(journal, text, idempotency_key="k")
            found = await journal.lookup(text)
            assert found is not None
            assert found.key == text
        await intend(journal, "next")


async def test_recorded_errors_hold_no_signed_urls(tmp_path) -> None:
    """A journal may be passed around."""
    async with open_journal(tmp_path / "batch.sqlite") as journal:
        await intend(journal, "a")
        entry = await journal.failed("a", None, "no https://h.example/f.mp4?Signature=s3cr3t", retryable=True)
        assert "s3cr3t" not in str(entry)


async def test_writers_share_transactions(tmp_path, monkeypatch) -> None:
    """What gathers while one transaction is on its way to the disk goes with the next: one flush for all."""
    gate = Gate(monkeypatch)
    path = tmp_path / "batch.sqlite"
    async with open_journal(path) as journal:
        async with anyio.create_task_group() as group:
            group.start_soon(intend, journal, "first")
            await gate.reached()
            for number in range(100):
                group.start_soon(intend, journal, str(number))
            await anyio.wait_all_tasks_blocked()
            gate.open()
        assert gate.sizes == [1, 100]
    assert len(read_journal(path)) == 101


async def test_the_event_loop_runs_while_the_disk_works(tmp_path, monkeypatch) -> None:
    """The transaction is held up, and other tasks go on."""
    gate = Gate(monkeypatch)
    async with open_journal(tmp_path / "batch.sqlite") as journal, anyio.create_task_group() as group:
        group.start_soon(intend, journal, "a")
        await gate.reached()
        for _ in range(3):
            await anyio.sleep(0)
        gate.open()


async def test_53_cancelling_does_not_take_a_change_back(tmp_path, monkeypatch) -> None:
    """Neither the one being written nor the one that waits is lost; both calls end cancelled."""
    gate = Gate(monkeypatch)
    path = tmp_path / "batch.sqlite"
    returned = []

    async def one(journal, key) -> None:
        await intend(journal, key)
        returned.append(key)

    async with open_journal(path) as journal:
        async with anyio.create_task_group() as group:
            group.start_soon(one, journal, "under way")
            await gate.reached()
            group.start_soon(one, journal, "waiting")
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
            gate.open()
        assert returned == []
        assert {entry.key for entry in read_journal(path)} == {"under way", "waiting"}
        await intend(journal, "afterwards")


async def test_53_a_native_cancellation_of_asyncio_waits_too(tmp_path, monkeypatch, anyio_backend_name) -> None:
    """`task.cancel()` goes through anyio's shields, but not through ours; and nobody behind is held up."""
    if anyio_backend_name != "asyncio":
        pytest.skip("trio has no other cancellation than its scopes")
    import asyncio

    gate = Gate(monkeypatch)
    path = tmp_path / "batch.sqlite"
    async with open_journal(path) as journal:
        under_way = asyncio.create_task(intend(journal, "under way"))
        await gate.reached()
        waiting = asyncio.create_task(intend(journal, "waiting"))
        behind = asyncio.create_task(intend(journal, "behind"))
        await anyio.sleep(0.01)
        for _ in range(3):
            under_way.cancel()
            waiting.cancel()
            await anyio.sleep(0.005)
        assert not under_way.done()
        gate.open()
        results = await asyncio.gather(under_way, waiting, behind, return_exceptions=True)
        assert [type(result).__name__ for result in results] == ["CancelledError", "CancelledError", "Entry"]
        assert {entry.key for entry in read_journal(path)} == {"under way", "waiting", "behind"}


async def test_leaving_the_block_while_cancelled_gives_the_journal_back(tmp_path, monkeypatch) -> None:
    """What is under way is finished first."""
    gate = Gate(monkeypatch)
    path = tmp_path / "batch.sqlite"
    with anyio.CancelScope() as scope:
        async with open_journal(path) as journal, anyio.create_task_group() as group:
            group.start_soon(intend, journal, "a")
            await gate.reached()
            scope.cancel()
            gate.open()
    async with open_journal(path) as journal:
        assert await journal.lookup("a") is not None


async def test_a_cancelled_opening_leaves_no_lock(tmp_path) -> None:
    """The thread that opens is waited for, and what it opened is closed."""
    path = tmp_path / "batch.sqlite"
    with anyio.CancelScope() as scope:
        scope.cancel()
        async with open_journal(path):
            pass
    assert scope.cancelled_caught
    async with open_journal(path) as journal:
        assert await journal.lookup("a") is None


async def test_68_a_second_batch_in_this_process_is_refused_at_once(tmp_path) -> None:
    """By whatever name it calls the file; when the first is done, the journal is free."""
    import os

    path = tmp_path / "batch.sqlite"
    alias = tmp_path / "alias.sqlite"
    alias.symlink_to(path)
    async with open_journal(path) as journal:
        for name in (path, alias, tmp_path / "." / "batch.sqlite", os.path.relpath(path)):
            with pytest.raises(JournalLockedError, match="another batch of this process") as caught:
                async with open_journal(name):
                    pass
            assert caught.value.pid == os.getpid()
        await intend(journal, "a")
    async with open_journal(alias) as journal:
        assert await journal.lookup("a") is not None


async def test_a_closed_journal_says_so(tmp_path) -> None:
    """Late writers get an error, not silence."""
    async with open_journal(tmp_path / "batch.sqlite") as journal:
        pass
    with pytest.raises(JournalError, match="closed"):
        await intend(journal, "a")


async def test_a_full_disk_in_the_middle_fails_all_writers_and_loses_nothing(tmp_path) -> None:
    """SQLite's own page limit stands in for the disk; with room again, the journal goes on."""
    path = tmp_path / "batch.sqlite"
    errors = []

    async def one(journal, number) -> None:
        try:
            await intend(journal, f"big {number}", callback_id="x" * 20_000)
        except JournalError as error:
            errors.append(error)

    async with open_journal(path) as journal:
        await intend(journal, "before")
        connection = journal._file._connection
        connection.execute("PRAGMA max_page_count = 8")
        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(one, journal, number)
        assert len(errors) == len(set(map(id, errors))) == 3
        assert "the disk is full" in str(errors[0])
        assert str(path) in str(errors[0])
        connection.execute("PRAGMA max_page_count = 1000")
        await intend(journal, "after")
    assert [entry.key for entry in read_journal(path)] == ["before", "after"]


async def test_importing_the_sdk_needs_no_sqlite() -> None:
    """Some builds of Python come without it."""
    code = "import sys; sys.modules['sqlite3'] = None; import heygen_async, heygen_async._journal"
    done = await anyio.run_process([sys.executable, "-c", code], check=False)
    assert done.returncode == 0, done.stderr.decode()
