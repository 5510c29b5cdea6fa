"""The sandbox's account: states, slots and money by the virtual clock, without any I/O."""

from __future__ import annotations

import pytest
from attrs import evolve

from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.core import Account, InsufficientCreditError, Job, Order, TooManyJobsError
from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.idempotency import Answer, IdempotencyRecords, RequestInProgressError
from heygen_async.sandbox.plan import Backdrop, Plan, Scene
from heygen_async.sandbox.progress import Progress
from heygen_async.sandbox.render.pool import Render

PLAN = Plan(
    width=640, height=360, scenes=(Scene(seconds=2, backdrop=Backdrop(kind="color", value="#000"), presenter="a"),)
)


def make_order(wire="v3", *, usd=1.0, asked_seconds=2.0):
    return Order(wire=wire, plan=PLAN, usd=usd, request={}, asked_seconds=asked_seconds)


def submit(account: Account, *, now: float, wire="v3", done_at: float | None = 0.0, **order) -> Job:
    return account.accept(make_order(wire, **order), Render(PLAN, None, done_at=done_at), now=now)


def status(account: Account, job: Job, now: float) -> str:
    account.settle(now)
    return account.status(job, now=now)


def test_after_some_seconds_a_job_goes_through_all_states():
    """`after=10`: pending, then processing, completed exactly at the tenth second."""
    account = Account(wallet=10, progress=Progress(after=10))
    job = submit(account, now=100.0)
    assert [status(account, job, now) for now in (100.0, 101.9, 102.0, 109.9)] == ["pending"] * 2 + ["processing"] * 2
    assert status(account, job, 500.0) == "completed"
    assert job.finished_at == 110.0


def test_polls_count_looks_and_need_no_clock():
    """`polls=3`: the third look finds the video completed, however late it comes."""
    account = Account(wallet=10, progress=Progress(polls=3))
    job = submit(account, now=0.0)
    seen = []
    for _ in range(3):
        account.look(job.id, now=7.0)
        seen.append(account.status(job, now=7.0))
    assert seen == ["pending", "processing", "completed"]


def test_completed_waits_for_the_file():
    """However far the rule is, a video without its file is still processing; then it is completed at the later time."""
    account = Account(wallet=10, progress=Progress(after=10))
    job = submit(account, now=0.0, done_at=None)
    assert status(account, job, 60.0) == "processing"
    job.rendering.done_at = 65.0
    assert status(account, job, 70.0) == "completed"
    assert job.finished_at == 65.0


@pytest.mark.parametrize(
    ("wallet", "true_seconds", "charge", "left"),
    [(10, 3.0, 6.0, 4.0), (10, 1.5, 3.0, 7.0), (10, None, 4.0, 6.0), (5, 3.0, 5.0, 0.0)],
    ids=["longer", "shorter", "as planned", "longer than the wallet"],
)
def test_the_charge_follows_the_true_length_when_it_is_known(wallet, true_seconds, charge, left):
    """Two seconds planned for 4 USD; the difference is settled at the end, and the wallet stops at zero."""
    account = Account(wallet=wallet, progress=Progress(after=10))
    render = Render(PLAN, None, done_at=0.0, seconds=true_seconds)
    job = account.accept(make_order(usd=4.0), render, now=0.0)
    assert (account.wallet, job.seconds) == (wallet - 4, 2.0)
    account.settle(10.0)
    assert (account.wallet, account.charges[job.id].usd) == (left, charge)
    assert job.seconds == account.charges[job.id].seconds == (true_seconds or 2.0)


def test_a_flat_price_does_not_follow_the_length():
    """Cinematic videos cost the same whatever comes out."""
    account = Account(wallet=10)
    order = evolve(make_order(usd=7.0), flat_price=True)
    account.accept(order, Render(PLAN, None, done_at=0.0, seconds=9.0), now=0.0)
    assert account.wallet == 3


def test_a_render_that_failed_fails_the_job_and_gives_the_money_back():
    """The reason is told, the charge is marked as refunded."""
    account = Account(wallet=10)
    render = Render(PLAN, None, done_at=0.0, error="worker died")
    job = account.accept(make_order(usd=4.0), render, now=0.0)
    assert status(account, job, 0.0) == "failed"
    assert job.failure == Failure(code="rendering_failed", message="worker died")
    assert account.wallet == 10
    assert account.charges[job.id].refunded


def test_planned_failures_come_at_the_end_of_their_job_one_each():
    """The next job fails when it would have been completed; the one after it does not."""
    account = Account(wallet=10, progress=Progress(after=5))
    account.planned_failures.append(Failure.of(40119))
    first, second = submit(account, now=0.0), submit(account, now=0.0)
    assert status(account, first, 4.9) == "processing"
    assert [status(account, job, 5.0) for job in (first, second)] == ["failed", "completed"]


def test_v2_jobs_above_the_limit_wait_and_start_when_a_slot_is_freed():
    """Slots are handed on at the instant they become free, even if nobody looked for a long time."""
    account = Account(wallet=10, concurrency=1, progress=Progress(after=10))
    first, second, third = (submit(account, now=0.0, wire="v2") for _ in range(3))
    assert [status(account, job, 1.0) for job in (first, second, third)] == ["pending", "waiting", "waiting"]
    assert [status(account, job, 25.0) for job in (first, second, third)] == ["completed", "completed", "processing"]
    assert [job.admitted_at for job in (first, second, third)] == [0.0, 10.0, 20.0]


def test_v3_jobs_above_the_limit_are_refused_until_a_slot_is_free():
    """A finished or deleted job makes room."""
    account = Account(wallet=10, concurrency=2, progress=Progress(after=10))
    job = submit(account, now=0.0)
    submit(account, now=5.0)
    with pytest.raises(TooManyJobsError):
        account.refuse(make_order(), now=9.9)
    account.refuse(make_order(), now=10.0)
    submit(account, now=10.0)
    with pytest.raises(TooManyJobsError):
        account.refuse(make_order(), now=11.0)
    assert account.delete(account.newest().__next__().id, now=11.0)
    account.refuse(make_order(), now=11.0)
    assert job.finished_at == 10.0


def test_raising_the_limit_lets_waiting_jobs_in():
    """The account looks at its limit each time it is asked."""
    account = Account(wallet=10, concurrency=1, progress=Progress(after=10))
    submit(account, now=0.0, wire="v2")
    waiting = submit(account, now=0.0, wire="v2")
    account.concurrency = None
    assert status(account, waiting, 3.0) == "pending"
    assert waiting.admitted_at == 3.0


def test_a_waiting_job_does_not_use_up_looks():
    """Only looks at a running job move it."""
    account = Account(wallet=10, concurrency=1, progress=Progress(polls=1))
    submit(account, now=0.0, wire="v2")
    waiting = submit(account, now=0.0, wire="v2")
    account.look(waiting.id, now=0.0)
    assert (waiting.looks, account.status(waiting, now=0.0)) == (0, "waiting")


def test_money_is_taken_once_per_job_and_never_below_zero():
    """A video that costs more than the wallet holds is refused before anything is created."""
    account = Account(wallet=1.5)
    submit(account, now=0.0, usd=1.0)
    with pytest.raises(InsufficientCreditError):
        account.refuse(make_order(usd=1.0), now=0.0)
    assert account.wallet == 0.5
    assert [charge.usd for charge in account.charges.values()] == [1.0]


def test_videos_that_cost_nothing_are_no_charge():
    """A v2 test video works with an empty wallet."""
    account = Account(wallet=0.0)
    account.refuse(make_order("v2", usd=0.0), now=0.0)
    submit(account, now=0.0, wire="v2", usd=0.0)
    assert not account.charges


def test_longer_than_the_plan_allows_fails_with_40119():
    """The shape that v1 shows for it has an integer code and says the limit."""
    account = Account(wallet=10, max_seconds=60.0)
    job = submit(account, now=0.0, asked_seconds=61.0)
    assert status(account, job, 0.0) == "failed"
    assert job.failure.on_v1() == {
        "code": 40119,
        "message": "Video is too long",
        "detail": "Video is too long (> 60.0s). Please upgrade your plan to generate longer videos",
    }


def test_equal_seeds_make_equal_ids():
    """Ids are 32 hex characters; another seed makes others."""
    ids = [[submit(Account(wallet=10, seed=seed), now=0.0).id for _ in range(2)] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]
    assert all(len(video_id) == 32 for video_id in ids[0])


def test_failures_speak_both_wires():
    """Numbers for v1, names for v3, whichever of the two a test gives."""
    assert Failure.of(400548).code == "TTS_VOICE_UNAVAILABLE_ERR"
    assert Failure.of("TTS_VOICE_UNAVAILABLE_ERR").on_v1()["code"] == 400548
    assert Failure.of("rendering_failed").on_v1()["code"] == "RENDERING_FAILED"
    assert Failure.of(12345, "odd").code == "12345"
    assert "plan_credit" in Failure.of("MOVIO_PAYMENT_INSUFFICIENT_CREDIT").message


def test_an_idempotency_key_replays_for_24_hours():
    """A second request gets the stored answer; after a day the key is new again."""
    records, answer = IdempotencyRecords(), Answer(200, {"data": 1})
    assert records.begin("POST /x", "k", now=0.0) is None
    with pytest.raises(RequestInProgressError):
        records.begin("POST /x", "k", now=0.0)
    records.finish("POST /x", "k", answer)
    assert records.begin("POST /x", "k", now=86_399.0) is answer
    assert records.begin("POST /y", "k", now=0.0) is None
    assert records.begin("POST /x", "k", now=86_400.0) is None


def test_a_forgotten_key_starts_afresh():
    """A refusal that is not stored leaves no record."""
    records = IdempotencyRecords()
    records.begin("s", "k", now=0.0)
    records.finish("s", "k", None)
    assert records.begin("s", "k", now=0.0) is None


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("immediate", Progress()),
        ("after 5s", Progress(after=5)),
        ("after=0.5", Progress(after=0.5)),
        ("after 7", Progress(after=7)),
        ("polls=3", Progress(polls=3)),
    ],
)
def test_progress_rules_are_read_from_text(text, rule):
    """The command line and constructor take these words."""
    assert Progress.parse(text) == rule


@pytest.mark.parametrize("text", ["soon", "after", "polls=x", ""])
def test_unknown_progress_rules_are_refused(text):
    """The error shows what is possible."""
    with pytest.raises(ValueError, match="polls=3"):
        Progress.parse(text)


@pytest.mark.parametrize("rule", [{"after": -1}, {"polls": -1}, {"after": 1, "polls": 1}])
def test_impossible_progress_rules_are_refused(rule):
    """Negative or double rules make no sense."""
    with pytest.raises(ValueError, match="progress"):
        Progress(**rule)


def test_the_virtual_clock_runs_at_its_rate_and_jumps():
    """One real second at rate 60 is a minute; `advance` costs nothing; changing the rate keeps the time."""
    real = [0.0]
    clock = VirtualClock(start=1000.0, rate=60.0, real=lambda: real[0])
    real[0] = 1.0
    assert clock.now() == 1060.0
    clock.advance(604_800.0)
    assert clock.now() == 605_860.0
    clock.rate = 0.0
    real[0] = 99.0
    assert (clock.now(), clock.rate) == (605_860.0, 0.0)


def test_time_does_not_go_backwards():
    """Negative jumps and rates are refused."""
    clock = VirtualClock()
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="forward"):
        clock.rate = -1
