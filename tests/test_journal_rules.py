"""What a batch does about an item is decided by the journal's entry alone."""

from __future__ import annotations

import pytest
from attrs import evolve

from heygen_async._protocol import journal as rules
from heygen_async._protocol.journal import Done, Entry, Gone, Reconcile, Refuse, Repeat, Submit, Watch, next_step
from heygen_async.errors import JournalError

HOUR = 3600.0
NOW = 1_800_000_000.0

INTENDED = Entry(
    key="a",
    idempotency_key="k1",
    payload_hash="h1",
    wire="v3",
    callback_id="c1",
    first_attempt_at=NOW - HOUR,
    updated_at=NOW - HOUR,
)
SUBMITTED = evolve(INTENDED, state="submitted", video_id="v1")
COMPLETED = evolve(SUBMITTED, state="completed")
SAVED = evolve(SUBMITTED, state="saved", saved_path="/out/a.mp4", saved_size=10)
FAILED = evolve(SUBMITTED, state="failed", error_code="40119", error_message="Video is too long")
V2 = evolve(INTENDED, wire="v2")


def aged(entry: Entry, age: float) -> Entry:
    return evolve(entry, first_attempt_at=NOW - age)


TRUTH = [
    # entry, target, target_is_whole, what to do
    (None, None, False, Submit()),
    (None, "a.mp4", True, Submit()),
    (INTENDED, None, False, Repeat("k1")),
    (INTENDED, "a.mp4", True, Repeat("k1")),
    (aged(INTENDED, 22.9 * HOUR), None, False, Repeat("k1")),
    (aged(INTENDED, 23.1 * HOUR), None, False, Reconcile("k1", "c1", "v3")),
    (aged(INTENDED, 25 * HOUR), None, False, Reconcile("k1", "c1", "v3")),
    (aged(INTENDED, -60), None, False, Repeat("k1")),
    (aged(INTENDED, -HOUR), None, False, Reconcile("k1", "c1", "v3")),
    (V2, None, False, Reconcile("k1", "c1", "v2")),
    (aged(V2, 25 * HOUR), None, False, Reconcile("k1", "c1", "v2")),
    (SUBMITTED, None, False, Watch("v1")),
    (SUBMITTED, "a.mp4", False, Watch("v1")),
    (SUBMITTED, "a.mp4", True, Watch("v1")),
    (aged(SUBMITTED, 300 * HOUR), None, False, Watch("v1")),
    (COMPLETED, None, False, Done("v1")),
    (COMPLETED, "a.mp4", False, Watch("v1")),
    (COMPLETED, "a.mp4", True, Done("v1")),
    (SAVED, None, False, Done("v1")),
    (SAVED, "a.mp4", False, Watch("v1")),
    (SAVED, "a.mp4", True, Done("v1")),
    (FAILED, None, False, Gone("40119", "Video is too long", "v1")),
    (FAILED, "a.mp4", True, Gone("40119", "Video is too long", "v1")),
    (evolve(FAILED, retryable=True), None, False, Submit()),
    (evolve(FAILED, retryable=True, video_id=None), "a.mp4", False, Submit()),
]


@pytest.mark.parametrize(("entry", "target", "whole", "step"), TRUTH)
def test_52_the_next_step_follows_from_the_entry(entry, target, whole, step) -> None:
    """Row by row: what a later run does about an item."""
    assert next_step(entry, payload_hash="h1", now=NOW, target=target, target_is_whole=whole) == step


@pytest.mark.parametrize("entry", [INTENDED, V2, SUBMITTED, COMPLETED, SAVED, FAILED, evolve(FAILED, retryable=True)])
def test_06_a_changed_request_is_refused_in_every_state(entry) -> None:
    """HeyGen would answer with the old video, so nothing is sent, and the message says what to do."""
    step = next_step(entry, payload_hash="h2", now=NOW, target=None, target_is_whole=False)
    assert isinstance(step, Refuse)
    assert "'a'" in step.message
    assert "key of its own" in step.message


def test_a_failure_without_a_reason_still_says_something() -> None:
    """The message of an outcome is never empty."""
    step = next_step(evolve(FAILED, error_message=None), payload_hash="h1", now=NOW, target=None, target_is_whole=False)
    assert isinstance(step, Gone)
    assert step.message


@pytest.mark.parametrize(
    ("age", "remembered"),
    [(0, True), (23 * HOUR - 1, True), (23 * HOUR, False), (24 * HOUR, False), (-300, True), (-301, False)],
)
def test_54_a_key_is_trusted_with_a_margin_on_both_sides(age, remembered) -> None:
    """An hour before HeyGen forgets it, and not at all when the clock went back."""
    assert rules.key_is_remembered(NOW - age, NOW) is remembered


@pytest.mark.parametrize(
    ("entry", "size", "whole"),
    [(SAVED, 10, True), (SAVED, 9, False), (SAVED, None, False), (COMPLETED, 10, False), (None, 10, False)],
)
def test_a_file_is_whole_if_it_has_the_size_that_was_saved(entry, size, whole) -> None:
    """A file that nobody wrote down proves nothing."""
    assert rules.is_whole(entry, size) is whole


WANTED = evolve(INTENDED, first_attempt_at=NOW, updated_at=NOW)


def test_05_the_same_intent_keeps_its_first_time() -> None:
    """HeyGen counts the 24 hours from the first attempt, not from the last."""
    again = rules.intended(INTENDED, WANTED)
    assert (again.first_attempt_at, again.updated_at) == (NOW - HOUR, NOW)


def test_a_retry_after_a_failure_forgets_the_failed_video() -> None:
    """The entry is the new attempt's, with a new key and time."""
    wanted = evolve(WANTED, idempotency_key="k2")
    assert rules.intended(evolve(FAILED, retryable=True), wanted) == wanted


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (INTENDED, evolve(WANTED, idempotency_key="k2")),
        (INTENDED, evolve(WANTED, payload_hash="h2")),
        (SUBMITTED, WANTED),
        (SUBMITTED, evolve(WANTED, idempotency_key="k2")),
        (COMPLETED, evolve(WANTED, idempotency_key="k2")),
        (SAVED, evolve(WANTED, idempotency_key="k2")),
        (FAILED, WANTED),
        (FAILED, evolve(WANTED, idempotency_key="k2", payload_hash="h2")),
    ],
)
def test_an_intent_that_could_pay_twice_is_refused(known, wanted) -> None:
    """The journal is the last line of defence, whoever calls it."""
    with pytest.raises(JournalError, match="'a'"):
        rules.intended(known, wanted)


def test_an_intent_can_be_taken_back_and_nothing_else() -> None:
    """Taking back what was accepted would lose a paid video."""
    assert rules.withdrawn(None) is None
    assert rules.withdrawn(INTENDED) is None
    for entry in (SUBMITTED, COMPLETED, SAVED, FAILED):
        with pytest.raises(JournalError, match="intent"):
            rules.withdrawn(entry)


def test_an_item_goes_from_intended_to_saved() -> None:
    """Each step keeps what the earlier ones wrote."""
    entry = rules.submitted(V2, "v1", "v3", NOW)
    assert (entry.state, entry.video_id, entry.wire) == ("submitted", "v1", "v3")
    entry = rules.completed(entry, NOW + 1)
    entry = rules.saved(entry, "/out/a.mp4", 10, NOW + 2)
    assert (entry.state, entry.video_id, entry.saved_path, entry.saved_size) == ("saved", "v1", "/out/a.mp4", 10)
    assert (entry.updated_at, entry.first_attempt_at, entry.callback_id) == (NOW + 2, NOW - HOUR, "c1")


def test_a_saved_item_stays_saved_when_it_is_looked_at_again() -> None:
    """Its missing file may be fetched again meanwhile."""
    assert rules.completed(SAVED, NOW) is SAVED


def test_being_told_twice_is_no_error() -> None:
    """A repeated submission leads to the same video."""
    assert rules.submitted(SUBMITTED, "v1", "v3", NOW).video_id == "v1"


def test_a_failure_keeps_its_reason_and_its_video() -> None:
    """So that a later run can report it without asking."""
    entry = rules.failed(SUBMITTED, "40119", "Video is too long", NOW, retryable=False)
    assert entry == evolve(FAILED, updated_at=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: rules.submitted(SUBMITTED, "v2", "v3", NOW),
        lambda: rules.submitted(COMPLETED, "v1", "v3", NOW),
        lambda: rules.submitted(FAILED, "v1", "v3", NOW),
        lambda: rules.completed(INTENDED, NOW),
        lambda: rules.completed(FAILED, NOW),
        lambda: rules.saved(INTENDED, "/a", 1, NOW),
        lambda: rules.saved(FAILED, "/a", 1, NOW),
        lambda: rules.failed(COMPLETED, None, "x", NOW, retryable=True),
        lambda: rules.failed(SAVED, None, "x", NOW, retryable=True),
    ],
)
def test_a_step_that_does_not_follow_is_refused(wrong) -> None:
    """A mistake in the caller must not overwrite what is known about a paid video."""
    with pytest.raises(JournalError, match="'a' is"):
        wrong()
