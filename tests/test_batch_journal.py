"""Batches with a journal: what a second run does about what the first one left behind."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio
from attrs import evolve

from heygen_async import (
    AsyncHeyGen,
    BatchReport,
    Event,
    HeyGenDeprecationWarning,
    ItemRetried,
    ItemSubmitted,
    JournalError,
    JournalLockedError,
    PollPolicy,
    RetryPolicy,
    SubmissionUncertainError,
    VideoFailedError,
)
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen, after_work, answer, broken, gone
from tests.memory_journal import MemoryJournal
from tests.sdk import AVATAR, AVATAR_JSON, heygen_on, quick_start

pytestmark = pytest.mark.anyio

AT_ONCE = PollPolicy(first_after=0, max_interval=0.0001, growth=1)
IMPATIENT = RetryPolicy(max_attempts=2, base=0.0001, max_delay=0.0001, reconcile_window=0.05)
THREE = {"a": AVATAR, "b": AVATAR, "c": AVATAR}


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryJournal:
    journal = MemoryJournal()
    monkeypatch.setattr("heygen_async._batch.open_journal", journal.open)
    return journal


@contextlib.asynccontextmanager
async def quick(fake: FakeHeyGen, **options: Any) -> AsyncIterator[AsyncHeyGen]:
    async with (
        fake.client() as files,
        heygen_on(fake, download_client=files, polling=AT_ONCE, retries=IMPATIENT, **options) as heygen,
    ):
        yield heygen


async def run(fake: FakeHeyGen, requests: Any = THREE, *, on_event: Any = None, **options: Any) -> BatchReport:
    """Run a batch in a client of its own, as a new process would."""
    async with quick(fake, on_event=on_event) as heygen:
        return await heygen.videos.generate_all(requests, journal="batch", **options)


async def test_a_foreign_file_at_the_target_is_not_taken_for_the_video(tmp_path: Path) -> None:
    """A finished item whose target holds something else fails with `FileExistsError`; the file stays as it was."""
    fake, target = FakeHeyGen(plan=["completed"]), tmp_path / "out" / "a.mp4"
    target.parent.mkdir()
    target.write_bytes(b"my holiday")
    async with quick(fake) as heygen:
        await heygen.videos.generate_all({"a": AVATAR}, journal=tmp_path / "b.sqlite")
        second = await heygen.videos.generate_all(
            {"a": AVATAR}, journal=tmp_path / "b.sqlite", save_to=tmp_path / "out" / "{key}.mp4"
        )
    assert [type(item.error) for item in second.failed] == [FileExistsError]
    assert target.read_bytes() == b"my holiday"
    assert fake.paid == 1


async def test_finished_items_are_not_asked_for_again(tmp_path: Path) -> None:
    """With the real journal: the second run sends nothing at all and says the same."""
    fake, where = FakeHeyGen(plan=["completed"]), tmp_path / "out" / "{key}.mp4"
    async with quick(fake) as heygen:
        first = await heygen.videos.generate_all(THREE, journal=tmp_path / "b.sqlite", save_to=where)
        first.raise_for_failures()
        fake.requests.clear()
        second = await heygen.videos.generate_all(THREE, journal=tmp_path / "b.sqlite", save_to=where)
    assert [item.video.id for item in second.succeeded] == [item.video.id for item in first.succeeded]
    assert [item.saved and item.saved.path for item in second.succeeded] == [
        tmp_path / "out" / f"{k}.mp4" for k in THREE
    ]
    assert not fake.requests


async def test_two_batches_on_one_journal_are_refused(tmp_path: Path) -> None:
    """The second one hears who holds it, before it does anything (68)."""
    fake = FakeHeyGen(plan=["completed"])
    async with quick(fake) as heygen, heygen.videos.generate_many(THREE, journal=tmp_path / "b.sqlite"):
        with pytest.raises(JournalLockedError):
            await heygen.videos.generate_all(THREE, journal=tmp_path / "b.sqlite")


async def test_without_a_file_a_second_run_brings_fresh_links(memory: MemoryJournal) -> None:
    """Links expire, so the videos are read again, in one look."""
    fake = FakeHeyGen(plan=["completed"])
    await run(fake)
    posts = len(fake.posts)
    report = await run(fake)
    assert all(item.video.video_url for item in report.succeeded)
    assert len(fake.posts) == posts == 3


async def test_52a_killed_between_post_and_journal_pays_once(memory: MemoryJournal) -> None:
    """The intent is repeated under its key, and HeyGen answers with the first video."""
    fake = FakeHeyGen(plan=["completed"])
    await run(fake)
    memory.entries["b"] = evolve(memory.entries["b"], state="intended", video_id=None)
    report = await run(fake)
    report.raise_for_failures()
    assert fake.paid == 3
    assert fake.replays == 1


async def test_52b_killed_while_it_was_rendered_is_picked_up(memory: MemoryJournal) -> None:
    """By its id; nothing is submitted."""
    fake, events = FakeHeyGen(plan=["completed"]), list[Event]()
    await run(fake)
    memory.entries["b"] = evolve(memory.entries["b"], state="submitted")
    report = await run(fake, on_event=events.append)
    report.raise_for_failures()
    assert len(fake.posts) == 3
    assert memory.entries["b"].state == "completed"
    assert all(event.resumed for event in events if isinstance(event, ItemSubmitted))


async def test_52c_killed_before_or_after_the_rename(memory: MemoryJournal, tmp_path: Path) -> None:
    """A missing file is fetched, one that was in place already is taken, and nothing is overwritten."""
    fake, where = FakeHeyGen(plan=["completed"]), tmp_path / "{key}.mp4"
    await run(fake, save_to=where)
    (tmp_path / "a.mp4").unlink()
    memory.entries["b"] = evolve(memory.entries["b"], state="completed", saved_path=None, saved_size=None)
    fake.requests.clear()
    report = await run(fake, save_to=where)
    report.raise_for_failures()
    assert len(fake.seen("GET /files/*")) == 1
    assert {entry.state for entry in memory.entries.values()} == {"saved"}
    assert fake.paid == 3


async def test_06_changed_request_under_a_known_key_is_refused(memory: MemoryJournal) -> None:
    """HeyGen would replay the old video; nothing is sent, and the others are made."""
    fake = FakeHeyGen(plan=["completed"])
    await run(fake, {"a": AVATAR})
    report = await run(fake, {"a": AVATAR_JSON | {"script": "Another text"}, "b": AVATAR})
    assert isinstance(report.failed[0].error, JournalError)
    assert [item.key for item in report.succeeded] == ["b"]
    assert fake.paid == 2


async def test_05_old_intent_is_reported_and_never_submitted(memory: MemoryJournal) -> None:
    """After a day nobody knows whether HeyGen made it; other items go on."""
    fake = FakeHeyGen(plan=["completed"])
    await run(fake, {"a": AVATAR})
    entry = memory.entries["a"]
    memory.entries["a"] = evolve(
        entry, state="intended", video_id=None, first_attempt_at=entry.first_attempt_at - 25 * 3600
    )
    report = await run(fake)
    assert isinstance(report.failed[0].error, SubmissionUncertainError)
    assert [item.key for item in report.succeeded] == ["b", "c"]
    assert fake.paid == 3


async def test_57_v2_intent_is_found_by_its_callback_id(memory: MemoryJournal) -> None:
    """And if it is not found it is reported: its POST may be on its way still."""
    fake = FakeHeyGen(plan=["completed"])
    await run(fake, {"a": quick_start(), "b": quick_start(title="second")})
    memory.entries["a"] = evolve(memory.entries["a"], state="intended", video_id=None)
    lost = evolve(memory.entries["b"], state="intended", video_id=None, callback_id="nobody", idempotency_key="lost")
    memory.entries["b"] = lost
    report = await run(fake, {"a": quick_start(), "b": quick_start(title="second")})
    assert [item.video.id for item in report.succeeded] == ["video-0001"]
    assert isinstance(report.failed[0].error, SubmissionUncertainError)
    assert fake.paid == 2


async def test_only_passing_failures_are_submitted_again(memory: MemoryJournal) -> None:
    """Credit comes back, a face does not; each new attempt has a new key."""
    fake, events = FakeHeyGen(plan=["completed"]), list[Event]()
    fake.on("POST /v3/videos", answer(402, "insufficient_credit"))
    fake.on("POST /v3/videos", answer(404, "avatar_not_found"))
    first = await run(fake, {"a": AVATAR})
    second = await run(fake, {"a": AVATAR, "b": AVATAR}, on_event=events.append)
    third = await run(fake, {"a": AVATAR, "b": AVATAR})
    assert len(first.failed) == 1
    assert len(second.failed) == 1
    assert sum(isinstance(event, ItemRetried) for event in events) == 1
    assert [len(third.succeeded), len(third.failed)] == [1, 1]
    assert "avatar_not_found" in str(third.failed[0].error)
    assert len(fake.posts) == 3
    assert fake.paid == 1


async def test_failed_render_is_remembered(memory: MemoryJournal) -> None:
    """With its id and its reason, and not rendered again, because it would fail again."""
    fake = FakeHeyGen(plan=["failed"])
    await run(fake, {"a": AVATAR})
    fake.job.failure = {"code": "no_face_error", "message": "No face"}
    memory.entries["a"] = evolve(memory.entries["a"], state="submitted", retryable=False)
    for _ in range(2):
        (failed,) = (await run(fake, {"a": AVATAR})).failed
        assert isinstance(failed.error, VideoFailedError)
        assert failed.job_id == "video-0001"
        assert "No face" in str(failed.error)
    assert fake.paid == 1


async def test_ambiguous_submission_stays_an_intent(memory: MemoryJournal) -> None:
    """Its key leads back to it in the next run."""
    fake = FakeHeyGen(plan=["completed"])
    rule = fake.on("POST /v3/videos", after_work(broken("reset")), times=2)
    report = await run(fake, {"a": AVATAR})
    assert rule.fired == 2
    assert len(report.failed) == 1
    assert memory.entries["a"].state == "intended"
    (await run(fake, {"a": AVATAR})).raise_for_failures()
    assert fake.paid == len(fake.keys) == 1


async def test_hook_that_fails_on_an_accepted_submission_leaves_the_intent(memory: MemoryJournal) -> None:
    """A `ValueError` of somebody else's code is no proof that nothing was sent."""
    fake = FakeHeyGen(plan=["completed"])
    fake.on("POST /v3/videos", after_work(broken(ValueError("hook"))))
    assert len((await run(fake, {"a": AVATAR})).failed) == 1
    assert memory.entries["a"].state == "intended"
    (await run(fake, {"a": AVATAR})).raise_for_failures()
    assert fake.paid == 1


async def test_58_batch_of_v2_goes_on_v3_when_v2_is_gone(memory: MemoryJournal) -> None:
    """The journal knows the wire that accepted it, and a repetition goes there too."""
    fake = FakeHeyGen(plan=["completed"])
    fake.v2_gone = gone(410)
    with pytest.warns(HeyGenDeprecationWarning, match="gone"):
        report = await run(fake, {"a": quick_start()})
    report.raise_for_failures()
    assert memory.entries["a"].wire == "v3"
    memory.entries["a"] = evolve(memory.entries["a"], state="intended", video_id=None)
    (await run(fake, {"a": quick_start()})).raise_for_failures()
    assert fake.paid == 1


async def test_journal_that_breaks_stops_admission_and_loses_nothing(memory: MemoryJournal) -> None:
    """Without a durable intent nothing is sent; what was paid is brought to its end."""
    fake = FakeHeyGen(plan=["completed"])

    def fill_disk(event: Event) -> None:
        memory.broken = memory.broken or isinstance(event, ItemSubmitted)

    async with quick(fake, on_event=fill_disk) as heygen:
        report = await heygen.videos.generate_all([AVATAR] * 20, journal="batch", max_in_flight=1)
    assert [item.key for item in report.succeeded] == [0]
    assert all(isinstance(item.error, JournalError) for item in report.failed)
    assert len(report.failed) <= 1
    assert len(report.skipped) >= 18
    assert "disk is full" in report.skipped[0].reason
    assert fake.paid == 1


async def test_journal_that_cannot_be_read_fails_one_item_and_skips_the_rest(memory: MemoryJournal) -> None:
    """Nothing is sent that could not be looked up."""
    fake = FakeHeyGen(plan=["completed"])
    memory.unreadable = True
    report = await run(fake)
    assert [len(report.failed), len(report.skipped)] == [1, 2]
    assert not fake.requests


async def test_max_cost_counts_earlier_runs(memory: MemoryJournal) -> None:
    """The same call after a crash has the same budget, not a new one."""
    fake = FakeHeyGen(plan=["completed"])
    async with quick(fake) as heygen:
        price = heygen.videos.estimate(AVATAR).usd
        await heygen.videos.generate_all([AVATAR] * 2, journal="batch", max_cost=3 * price)
        report = await heygen.videos.generate_all([AVATAR] * 5, journal="batch", max_cost=3 * price)
    assert [item.key for item in report.succeeded] == [0, 1, 2]
    assert [item.key for item in report.skipped] == [3, 4]
    assert fake.paid == 3


async def test_cancelled_at_every_turn_nothing_is_paid_twice(memory: MemoryJournal) -> None:
    """Cancelled after 0, 1, 2... turns of the event loop and run again, each item is paid once and no slot is lost.

    One submission is accepted with an answer that gets lost.
    """
    turns, finished = 0, False
    while not finished:
        memory.entries.clear()
        fake = FakeHeyGen(plan=["pending", "completed"])
        fake.on("POST /v3/videos", after_work(broken("reset")), skip=1)
        async with quick(fake) as heygen:
            finished = await _cancelled_after(turns, heygen)
            _nothing_is_left(heygen)
        (await run(fake)).raise_for_failures()
        assert fake.paid == 3, f"after {turns} turns"
        turns += 1
    assert turns > 20


async def _cancelled_after(turns: int, heygen: AsyncHeyGen) -> bool:
    done = False
    async with anyio.create_task_group() as group:

        async def batch() -> None:
            nonlocal done
            await heygen.videos.generate_all(THREE, journal="batch")
            done = True
            group.cancel_scope.cancel()

        group.start_soon(batch)
        for _ in range(turns):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    return done


def _nothing_is_left(heygen: AsyncHeyGen) -> None:
    admission = heygen._services.admission
    assert admission.window.held == 0
    assert not admission._urgent
    assert not admission._ordinary
    assert not heygen._services.statuses._listeners
    assert heygen._services.coordinator.watched == 0


class _CancelAtStep(trio.abc.Instrument):
    """Cancel a scope right after the n-th step of any task."""

    def __init__(self, scope: anyio.CancelScope, step: int) -> None:
        self._scope, self._left = scope, step

    def after_task_step(self, task: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._scope.cancel()


@virtual_time
async def test_cancelled_at_every_step_of_a_crowded_account(memory: MemoryJournal) -> None:
    """As above on a virtual clock, step by step of every task: with refusals, pauses, renders and slow answers."""
    step, finished, stride = 1, False, 5
    while not finished:
        memory.entries.clear()
        fake = FakeHeyGen(plan={0: "pending", 100: "completed"})
        fake.concurrency, fake.latency = 2, 0.5
        fake.on("POST /v3/videos", after_work(broken("reset")), skip=1)
        async with heygen_on(fake) as heygen:
            with anyio.CancelScope() as scope:
                instrument = _CancelAtStep(scope, step)
                trio.lowlevel.add_instrument(instrument)
                await heygen.videos.generate_all(THREE, journal="batch")
                finished = True
            trio.lowlevel.remove_instrument(instrument)
            _nothing_is_left(heygen)
            (await heygen.videos.generate_all(THREE, journal="batch")).raise_for_failures()
        assert fake.paid == 3, f"cancelled at step {step}"
        step += stride
    assert step > 100
