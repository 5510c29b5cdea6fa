"""Which attempt may be repeated, and when."""

from __future__ import annotations

import email.utils
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import RetryPolicy, errors
from heygen_async._protocol.http_dates import unix_time_of
from heygen_async._protocol.retrying import (
    Patience,
    Pause,
    Refusal,
    backoff,
    delay_before_retry,
    may_repeat,
    outcome_is_unknown,
    parse_retry_after,
    pause_after,
    refusal_of,
)

NOW = 1_790_000_000.0
POLICY = RetryPolicy()
dice = st.floats(0, 1, exclude_max=True)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 9),
    base=st.floats(0, 1e308),
    max_delay=st.floats(0, 1e308),
    max_retry_after=st.floats(0, 1e9),
)


def status(code: int, word: str | None = None, retry_after: float | None = None, **more: Any) -> errors.APIStatusError:
    cls = {404: errors.NotFoundError, 409: errors.ConflictError, 429: errors.RateLimitError}.get(code)
    return (cls or errors.APIStatusError)("said", status_code=code, code=word, retry_after=retry_after, **more)


# Retry-After


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("2.", 2),
        ("86400", 86400),
        ("0099", 99),
        ("99999999999999999999", 1e20),
    ],
)
def test_12a_retry_after_in_seconds(header: str, seconds: float) -> None:
    """Whole seconds by the standard; fractions are understood as well."""
    assert parse_retry_after(header, wall_clock=NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (email.utils.formatdate(NOW + 90, usegmt=True), 90),
        (email.utils.formatdate(NOW + 90, localtime=True), 90),
        (email.utils.formatdate(NOW + 90), 90),
        (email.utils.formatdate(NOW + 90, usegmt=True).removesuffix(" GMT"), 90),
        (email.utils.formatdate(NOW - 90, usegmt=True), 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sun Nov  6 08:49:37 1994", 0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 - NOW),
        ("Sat, 01 Jan 0001 00:00:00 +2359", 0),
    ],
)
def test_12b_retry_after_as_a_date(date: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date in the past is 0; one without a zone is GMT, wherever this machine is."""
    for zone in ("UTC", "America/New_York", "Asia/Kolkata"):
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            assert parse_retry_after(date, wall_clock=NOW) == seconds
    time.tzset()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "soon",
        "-1",
        "-0",
        "+5",
        "1e3",
        "1_000",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "9" * 400,
        "0x10",
        "\u0661\u0662",
        "5 seconds",
        "5, 6",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Fri, 99 Foo 2026 99:99:99 GMT",
        "2026-10-31T00:00:00Z",
        "\x00",
    ],
)
def test_12e_garbage_is_no_retry_after(header: str | None) -> None:
    """Then the pauses are our own."""
    assert parse_retry_after(header, wall_clock=NOW) is None


dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Xyz", ""]),
    st.integers(-1, 99),
    st.sampled_from(["Jan", "dec", "13", ""]),
    st.integers(-1, 10**6),
    st.integers(0, 99),
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from(["GMT", "-0000", "+2400", "+9999", "-2359", "EST", "", "+999999999999"]),
)


@given(st.text() | st.from_regex(r"[-+0-9.eE_ ]{1,12}") | dates | st.floats().map(str), st.floats(0, 1e11))
def test_any_header_gives_a_finite_pause_or_none(header: str, wall_clock: float) -> None:
    """Never negative, never NaN, never infinite, and never an exception."""
    seconds = parse_retry_after(header, wall_clock=wall_clock)
    assert seconds is None or 0 <= seconds < math.inf


@given(st.integers(0, 4_000_000_000))
def test_http_dates_are_read_back(moment: int) -> None:
    """To the second."""
    assert unix_time_of(email.utils.formatdate(moment, usegmt=True)) == moment


def test_a_missing_date_is_none() -> None:
    """Not every server sends one."""
    assert unix_time_of(None) is unix_time_of("") is None


# Pauses


@given(policies, st.integers(1, 10**6), dice)
def test_a_backoff_stays_within_its_bounds(policy: RetryPolicy, attempt: int, chance: float) -> None:
    """`max_delay` is a promise, jitter included; and a pause is never negative, NaN or infinite."""
    pause = backoff(policy, attempt, chance)
    assert 0 <= pause <= policy.max_delay * (1 + 1e-9)


@given(policies, st.integers(1, 100), dice)
def test_a_backoff_never_shrinks(policy: RetryPolicy, attempt: int, chance: float) -> None:
    """By the same die, a later pause is at least as long."""
    assert backoff(policy, attempt, chance) <= backoff(policy, attempt + 1, chance)


def test_a_backoff_doubles_from_the_base() -> None:
    """Half-way between the ends of the jitter; it is jittered at the bound as well, so that clients do not march."""
    assert [backoff(POLICY, attempt, 0.5) for attempt in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 24, 24]
    assert (backoff(POLICY, 1, 0), backoff(POLICY, 9, 0)) == (0.375, 18)
    assert backoff(POLICY, 9, 0.999999) == pytest.approx(30)


@given(policies, st.integers(1, 50), st.floats(0, 1e10), dice)
def test_a_retry_after_is_obeyed_or_refused(policy: RetryPolicy, attempt: int, asked: float, chance: float) -> None:
    """At least what was asked for, never a busy loop (12c); more than the policy allows is not waited for (12d)."""
    delay = delay_before_retry(policy, attempt, asked, chance)
    if asked > policy.max_retry_after:
        assert delay is None
    else:
        assert delay is not None
        assert max(asked, 0.25) <= delay <= max(asked, 0.25) * 1.25


def test_without_a_retry_after_it_is_the_backoff() -> None:
    """Scenario 12e."""
    assert delay_before_retry(POLICY, 3, None, 0.5) == backoff(POLICY, 3, 0.5)


# What may be repeated

SENT = errors.APIConnectionError("reset")
UNSENT = errors.APIConnectionError("refused", request_sent=False)
TIMEOUT = errors.APITimeoutError("late")
UNREADABLE = errors.APIResponseError("html")
SAID_NO = errors.APIResponseError("an error of an unknown kind", is_error=True)

# error, repeatable "always", repeatable "never_processed", outcome unknown
TRUTH: list[tuple[errors.APIError, bool, bool, bool]] = [
    (UNSENT, True, True, False),
    (errors.APITimeoutError("connecting", request_sent=False), True, True, False),
    (SENT, True, False, True),
    (TIMEOUT, True, False, True),
    (UNREADABLE, True, False, True),
    (SAID_NO, False, False, False),
    (errors.APIError("anything else"), False, False, False),
    *[(status(code), False, False, False) for code in (400, 401, 402, 403, 404, 405, 409, 410, 413, 418, 422, 302)],
    (status(400, "internal_error"), False, False, False),
    (status(200, "internal_error"), False, False, False),
    (status(200, "rate_limit_exceeded"), False, False, False),
    (status(408), True, False, True),
    *[(status(code), True, False, True) for code in (500, 502, 503, 504, 520, 599)],
    (status(500, "invalid_parameter"), True, False, True),
    (status(409, "conflict"), False, False, False),
    (status(409, "request_in_progress"), True, False, False),
    (status(429), True, True, False),
    (status(429, "rate_limit_exceeded"), True, True, False),
    (status(429, "brand_new"), True, True, False),
    *[
        (status(code, word), False, False, False)
        for code in (429, 503, 400, 403)
        for word in ("quota_exceeded", "trial_limit_exceeded", "Quota_Exceeded", "400140", "insufficient_credit")
    ],
]


@pytest.mark.parametrize(("error", "always", "never_processed", "unknown"), TRUTH, ids=repr)
def test_what_may_be_repeated(error: errors.APIError, always: bool, never_processed: bool, unknown: bool) -> None:
    """With a key whatever may pass; without one only what HeyGen surely did nothing about."""
    assert may_repeat(error, "always") is always
    assert may_repeat(error, "never_processed") is never_processed
    assert outcome_is_unknown(error) is unknown
    assert not (never_processed and unknown), "a repetition of the unknown could be paid twice"


REFUSALS: list[tuple[errors.APIError, Refusal | None, Refusal | None]] = [
    (status(409, "request_in_progress"), "running", None),
    (status(409, "conflict"), None, None),
    (status(429, "rate_limit_exceeded"), "full_account", "full_account"),
    (status(429, "quota_exceeded"), None, None),
    (status(404, "asset_not_found"), "fresh_asset", "fresh_asset"),
    (status(404, "avatar_not_found"), None, None),
    (status(503), None, None),
    (SENT, None, None),
]


@pytest.mark.parametrize(("error", "always", "never_processed"), REFUSALS, ids=repr)
def test_which_refusals_pass_by_themselves(
    error: errors.APIError, always: Refusal | None, never_processed: Refusal | None
) -> None:
    """Without a key a repetition of a running call would be a second submission."""
    assert refusal_of(error, "always") == always
    assert refusal_of(error, "never_processed") == never_processed


def pause(error: errors.APIError, **changed: Any) -> Pause | None:
    options: dict[str, Any] = {
        "policy": POLICY,
        "repeatable": "always",
        "patience": Patience(running=120, full_account=3600, fresh_asset=15),
        "attempts": 1,
        "counted": 0,
        "waited": 0.0,
        "chance": 0.5,
    }
    return pause_after(error, **options | changed)


@pytest.mark.parametrize(
    ("error", "patience"),
    [(status(409, "request_in_progress"), 120), (status(429), 3600), (status(404, "asset_not_found"), 15)],
    ids=["running", "full", "asset"],
)
def test_patience_does_not_count(error: errors.APIStatusError, patience: float) -> None:
    """Scenarios 4, 12a, 13: waited out however many attempts were made, until the patience ends."""
    waiting = pause(error, attempts=99, counted=3, waited=patience - 0.01)
    assert waiting is not None
    assert not waiting.counts
    over = pause(error, attempts=99, counted=3, waited=patience)
    assert over is None
    counted = pause(error, counted=0, waited=patience)
    assert counted == (None if error.status_code == 404 else Pause(delay=0.5, counts=True))
    assert pause(error, patience=Patience(), counted=3) is None


@pytest.mark.parametrize(
    "error", [SENT, UNSENT, TIMEOUT, UNREADABLE, status(503), status(429, "x"), status(408)], ids=repr
)
def test_the_last_attempt_is_the_last(error: errors.APIError) -> None:
    """`max_attempts` counts the first one."""
    patience = Patience()
    assert pause(error, counted=2, attempts=3, patience=patience) == Pause(delay=2, counts=True)
    assert pause(error, counted=3, attempts=4, patience=patience) is None
    assert pause(error, patience=patience, policy=RetryPolicy(max_attempts=1)) is None


def test_no_patience_at_all_is_less_than_none() -> None:
    """Where somebody else decides when the next submission goes out, the first 429 is raised; other things repeat."""
    admitted = Patience(full_account=None)
    assert pause(status(429), patience=admitted) is None
    assert pause(status(429, retry_after=1), patience=admitted) is None
    assert pause(status(503), patience=admitted) == Pause(delay=0.5, counts=True)


def test_12d_more_than_the_policy_allows_is_final() -> None:
    """The caller hears `.retry_after` at once, also in the midst of patience."""
    assert pause(status(429, retry_after=121)) is None
    assert pause(status(503, retry_after=86400)) is None
    within = pause(status(503, retry_after=120))
    assert within is not None
    assert within.delay >= 120


def test_patience_is_never_a_busy_loop() -> None:
    """Uncounted attempts end by time alone, so a policy without pauses must not spin."""
    impatient = RetryPolicy(base=0)
    for error in (status(409, "request_in_progress"), status(429), status(429, retry_after=0)):
        waiting = pause(error, policy=impatient)
        assert waiting is not None
        assert waiting.delay >= 0.25


@given(
    st.sampled_from([error for error, *_ in TRUTH]),
    policies,
    st.sampled_from(["always", "never_processed"]),
    st.integers(1, 50),
    st.integers(0, 10),
    st.floats(0, 1e6),
    dice,
)
def test_no_pause_contradicts_the_rules(
    error: errors.APIError,
    policy: RetryPolicy,
    repeatable: Any,
    attempts: int,
    counted: int,
    waited: float,
    chance: float,
) -> None:
    """Whatever the numbers: only what may be repeated is, and counted failures end."""
    found = pause(
        error, policy=policy, repeatable=repeatable, attempts=attempts, counted=counted, waited=waited, chance=chance
    )
    if found is None:
        return
    assert 0 <= found.delay < math.inf
    assert may_repeat(error, repeatable) or refusal_of(error, repeatable) is not None
    assert not found.counts or counted + 1 < policy.max_attempts
    assert repeatable == "always" or not outcome_is_unknown(error)
