"""Calls with retries: what is sent again, after which pause, what the observers hear, and when it ends."""

from __future__ import annotations

import email.utils
import json
import logging
import random
import time
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import anyio
import httpx
import pytest

from heygen_async import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    ConflictError,
    Event,
    HeyGenDeprecationWarning,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    RequestRetried,
    RetryPolicy,
    Timeouts,
)
from heygen_async._api import Announcements, Api
from heygen_async._calls import bulk_call, create_call, delete_call, one_call, page_call
from heygen_async._protocol.envelopes import RawAnswer
from heygen_async._protocol.retrying import Patience
from heygen_async._transport.api_lane import ApiCall
from tests.act_floor import GET, POST, EvenDie, lane_behind
from tests.clock import virtual_time
from tests.fake_heygen import KEY, SIGNATURE

pytestmark = [pytest.mark.anyio]

OK = {"data": {"a": 1}}
REFUSED = APIConnectionError("refused", request_sent=False)
RESET = APIConnectionError("reset")
LATE = APITimeoutError("late")
LINK = f"https://f.test/x?Signature={SIGNATURE}"


class ScriptedLane:
    """Gives the scripted outcomes one after the other, the last one for ever; knows when it was asked."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[float] = []
        self.timeouts: Timeouts | None = None

    async def send(self, call: ApiCall, timeouts: Timeouts) -> RawAnswer:
        await anyio.lowlevel.checkpoint()
        self.asked.append(anyio.current_time())
        self.timeouts = timeouts
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        status, body, headers = outcome if isinstance(outcome, tuple) else (200, outcome, {})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return RawAnswer(
            method=call.method,
            path=call.path,
            status=status,
            headers=headers,
            body=content,
            wall_clock=time.time(),
            secrets=(KEY,),
        )

    @property
    def pauses(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.asked, self.asked[1:], strict=False)]


def error(status: int, code: str = "some_code", **headers: str) -> tuple[int, Any, dict[str, str]]:
    return (
        status,
        {"error": {"code": code, "message": "said"}},
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


class Under:
    """An `Api` over a scripted lane, with ears."""

    def __init__(self, *outcomes: Any, rng: random.Random | None = None, **policy: Any) -> None:
        self.lane = ScriptedLane(*outcomes)
        self.events: list[Event] = []
        self.announcements = Announcements()
        lane: Any = self.lane
        self.api = Api(
            lane, Timeouts(), RetryPolicy(**policy), self.events.append, self.announcements, rng or EvenDie()
        )


@pytest.fixture(autouse=True)
def fresh_warnings() -> Iterator[None]:
    """Python itself shows a warning once per place: forget what other tests have shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Repeating


@virtual_time
async def test_a_success_is_asked_for_once() -> None:
    """With the client's time-outs, silently."""
    under = Under(OK)
    answer = await under.api.call(GET)
    assert (answer.data, len(under.lane.asked), under.events) == ({"a": 1}, 1, [])
    assert under.lane.timeouts == Timeouts()


@virtual_time
@pytest.mark.parametrize(
    "failure",
    [
        error(500),
        error(502),
        error(408),
        (502, b"<html>", {}),
        (200, b"<html>", {}),
        (200, {}, {}),
        RESET,
        LATE,
        REFUSED,
    ],
    ids=repr,
)
async def test_what_may_pass_is_repeated_with_growing_pauses(failure: Any) -> None:
    """Until it works, four attempts at most."""
    under = Under(failure, failure, failure, OK)
    assert (await under.api.call(GET)).data == {"a": 1}
    assert under.lane.pauses == pytest.approx([0.5, 1, 2])


@virtual_time
@pytest.mark.parametrize(
    ("failure", "cls"),
    [(error(503), InternalServerError), ((200, b"", {}), APIResponseError), (RESET, APIConnectionError)],
)
@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_the_last_failure_is_raised(failure: Any, cls: type[APIError], attempts: int) -> None:
    """After as many attempts as the policy says."""
    under = Under(failure, max_attempts=attempts)
    with pytest.raises(cls):
        await under.api.call(GET)
    assert len(under.lane.asked) == attempts
    assert len(under.events) == attempts - 1


@virtual_time
@pytest.mark.parametrize(
    "failure",
    [error(code) for code in (302, 400, 401, 402, 403, 404, 405, 409, 410, 413, 422)]
    + [
        error(400, "internal_error"),
        error(200, "internal_error"),
        error(200, "brand_new"),
        error(503, "quota_exceeded"),
    ],
    ids=repr,
)
async def test_10_a_definite_answer_is_final(failure: Any) -> None:
    """No second attempt."""
    under = Under(failure)
    with pytest.raises(APIError):
        await under.api.call(GET)
    assert len(under.lane.asked) == 1


@virtual_time
@pytest.mark.parametrize(
    "failure", [error(500), error(408), error(409, "request_in_progress"), (200, b"", {}), RESET, LATE], ids=repr
)
async def test_57_without_a_key_nothing_ambiguous_is_repeated(failure: Any) -> None:
    """It could be paid twice."""
    under = Under(failure, OK)
    with pytest.raises(APIError):
        await under.api.call(
            POST, repeatable="never_processed", patience=Patience(running=60, full_account=60, fresh_asset=60)
        )
    assert len(under.lane.asked) == 1


@virtual_time
@pytest.mark.parametrize("failure", [error(429), REFUSED], ids=repr)
async def test_57_without_a_key_what_did_nothing_is_repeated(failure: Any) -> None:
    """Turned away at the door, or never arrived."""
    under = Under(failure, failure, OK)
    await under.api.call(POST, repeatable="never_processed")
    assert len(under.lane.asked) == 3


@virtual_time
async def test_errors_of_use_are_not_repeated() -> None:
    """A closed client stays closed."""
    under = Under(ConfigurationError("closed"))
    with pytest.raises(ConfigurationError):
        await under.api.call(GET)
    assert len(under.lane.asked) == 1


@virtual_time
async def test_a_single_attempt_is_single() -> None:
    """The coordinator repeats by its own schedule."""
    under = Under(error(503), OK)
    with pytest.raises(InternalServerError):
        await under.api.once(GET)
    assert (await under.api.once(GET)).data == {"a": 1}


@virtual_time
async def test_missing_data_can_be_allowed() -> None:
    """A delete needs none; a look without data is asked again."""
    assert (await Under({"data": None}).api.call(GET, data_may_be_missing=True)).data is None
    under = Under({"data": None}, OK)
    await under.api.call(GET)
    assert len(under.lane.asked) == 2


# Waiting


@virtual_time
async def test_04_a_running_first_call_is_waited_out_without_counting() -> None:
    """Far more often than `max_attempts`, then the answer."""
    under = Under(*[error(409, "request_in_progress")] * 7, OK, max_attempts=2)
    await under.api.call(POST, patience=Patience(running=120))
    assert under.lane.pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 24])


@virtual_time
async def test_04_patience_begins_with_the_first_refusal_not_with_the_call() -> None:
    """After an attempt that took 120 s, the 409 of its repetition is still waited out."""

    class SlowFirst(ScriptedLane):
        async def send(self, call: ApiCall, timeouts: Timeouts) -> RawAnswer:
            if not self.asked:
                await anyio.sleep(120)
            return await super().send(call, timeouts)

    under = Under(OK)
    under.api.lane = under.lane = SlowFirst(LATE, *[error(409, "request_in_progress")] * 5, OK)  # type: ignore[assignment]
    await under.api.call(POST, patience=Patience(running=120))
    assert len(under.lane.asked) == 7


@virtual_time
async def test_04_patience_ends() -> None:
    """Then the failures count, and the last one is raised."""
    under = Under(error(409, "request_in_progress"))
    started = anyio.current_time()
    with pytest.raises(ConflictError):
        await under.api.call(POST, patience=Patience(running=120))
    assert 120 <= anyio.current_time() - started <= 300


@virtual_time
@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry_after": "7"}, 7, 8.75),
        ({"retry_after": "0"}, 0.25, 0.3125),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.25, 0.3125),
        ({"retry_after": "soon"}, 0.5, 0.5),
        ({}, 0.5, 0.5),
    ],
)
async def test_12_retry_after_decides_the_pause(headers: dict[str, str], least: float, most: float) -> None:
    """Seconds, zero, a date in the past, garbage, nothing (12a, b, c, e)."""
    under = Under(error(429, **headers), OK)
    await under.api.call(GET)
    assert least <= under.lane.pauses[0] <= most


@virtual_time
async def test_12b_a_date_is_waited_for() -> None:
    """It is told by the wall clock."""
    under = Under(error(503, retry_after=email.utils.formatdate(time.time() + 60, usegmt=True)), OK)
    await under.api.call(GET)
    assert 57 <= under.lane.pauses[0] <= 75


@virtual_time
async def test_12d_an_absurd_retry_after_is_raised_at_once() -> None:
    """With the number, so that the caller can decide."""
    under = Under(error(429, retry_after="86400"))
    with pytest.raises(RateLimitError) as caught:
        await under.api.call(GET, patience=Patience(full_account=10**6))
    assert (caught.value.retry_after, len(under.lane.asked)) == (86400, 1)


@virtual_time
async def test_12a_a_full_account_is_waited_out_as_long_as_told() -> None:
    """Uncounted within the patience; without patience four attempts."""
    patient = Under(*[error(429, retry_after="30")] * 20, OK)
    await patient.api.call(POST, repeatable="never_processed", patience=Patience(full_account=3600))
    assert len(patient.lane.asked) == 21
    impatient = Under(error(429, retry_after="30"))
    with pytest.raises(RateLimitError):
        await impatient.api.call(POST)
    assert len(impatient.lane.asked) == 4


@virtual_time
@pytest.mark.parametrize("code", ["quota_exceeded", "trial_limit_exceeded", "400140"])
async def test_12f_a_used_up_allowance_is_not_waited_for(code: str) -> None:
    """Whatever patience there is."""
    under = Under(error(429, code, retry_after="1"))
    with pytest.raises(RateLimitError):
        await under.api.call(POST, patience=Patience(full_account=3600))
    assert len(under.lane.asked) == 1


@virtual_time
async def test_13_a_fresh_asset_is_given_a_moment() -> None:
    """Only where the call is about one; a typed 404 for an asset, no other."""
    under = Under(*[error(404, "asset_not_found")] * 3, OK)
    await under.api.call(POST, patience=Patience(fresh_asset=15))
    assert len(under.lane.asked) == 4
    for failure, patience in [
        (error(404, "asset_not_found"), Patience()),
        (error(404, "avatar_not_found"), Patience(fresh_asset=15)),
    ]:
        final = Under(failure)
        with pytest.raises(NotFoundError):
            await final.api.call(POST, patience=patience)
        assert len(final.lane.asked) == 1


@virtual_time
async def test_the_kinds_of_refusal_have_patience_of_their_own() -> None:
    """A long queue for a free place does not use up the time for a running call."""
    under = Under(*[error(429, retry_after="60")] * 5, *[error(409, "request_in_progress")] * 5, OK)
    await under.api.call(POST, patience=Patience(running=60, full_account=3600))
    assert len(under.lane.asked) == 11


@virtual_time
async def test_cancelling_a_pause_ends_the_call() -> None:
    """Nothing is sent afterwards."""
    under = Under(error(429, retry_after="100"))
    with anyio.move_on_after(50) as scope:
        await under.api.call(GET)
    await anyio.sleep(500)
    assert scope.cancelled_caught
    assert len(under.lane.asked) == 1


@virtual_time
async def test_pauses_are_jittered() -> None:
    """Two clients that failed together do not come back together."""
    first, second = (Under(error(503), OK, rng=random.Random(seed)) for seed in (1, 2))
    for under in (first, second):
        await under.api.call(GET)
        assert 0.375 <= under.lane.pauses[0] <= 0.625
    assert first.lane.pauses != second.lane.pauses


# Observers


@virtual_time
async def test_each_repetition_is_reported_before_its_pause() -> None:
    """As event, to the caller of the call, and in the log; with the key that leads back, without secrets."""
    heard: list[APIError] = []
    failure = (503, {"error": {"code": "x", "message": f"{KEY} {LINK}"}}, {})
    under = Under(failure, RESET, OK)
    await under.api.call(POST, on_retry=heard.append)
    first, second = under.events
    assert isinstance(first, RequestRetried)
    assert isinstance(second, RequestRetried)
    assert (first.method, first.path, first.attempt, first.delay, first.idempotency_key) == (
        "POST",
        "/v3/videos",
        1,
        0.5,
        "order-1",
    )
    assert (second.attempt, second.reason) == (2, "reset")
    assert [type(one) for one in heard] == [InternalServerError, APIConnectionError]
    for shown in (first.reason, str(heard[0])):
        assert "answered 503" in shown
        assert KEY not in shown
        assert SIGNATURE not in shown


@virtual_time
async def test_repetitions_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO: they are no trouble yet."""
    caplog.set_level(logging.INFO, logger="heygen_async")
    await Under(RESET, OK).api.call(GET)
    assert [record.getMessage() for record in caplog.records] == ["attempt 1 failed, again in 0.5 s: reset"]


# Announcements

SUNSET = {"deprecation": "true", "sunset": "Sat, 31 Oct 2026 00:00:00 GMT"}
LEGACY = {
    "error": None,
    "data": {"a": 1},
    "warning": {"message": f"Legacy {LINK} {KEY}", "v3_endpoint": "POST /v3/videos"},
}


@virtual_time
async def test_an_endpoint_is_announced_once() -> None:
    """Per client and endpoint, whatever the ids; other endpoints have announcements of their own."""
    under = Under((200, LEGACY, SUNSET))
    other = ApiCall(method="GET", path="/v1/video.list", endpoint="GET /v1/video.list")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for call in (GET, GET, other, other):
            await under.api.call(call)
        copy = Api(under.api.lane, Timeouts(), RetryPolicy(), under.events.append, under.announcements)
        await copy.call(GET)
        await Under((200, LEGACY, SUNSET)).api.call(GET)
    said = [str(warning.message) for warning in caught]
    assert [warning.category for warning in caught] == [HeyGenDeprecationWarning] * 3
    assert [line.partition(": ")[0] for line in said] == [GET.endpoint, other.endpoint, GET.endpoint]
    assert "Legacy" in said[0]
    assert "31 Oct 2026" in said[0]
    assert all(KEY not in line and SIGNATURE not in line for line in said)


@virtual_time
async def test_an_error_announces_as_well() -> None:
    """v1 bodies carry nothing, the headers do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(APIStatusError):
            await Under((400, {"code": 400, "message": "Invlid parameters"}, SUNSET)).api.call(GET)
    assert [warning.category for warning in caught] == [HeyGenDeprecationWarning]


@virtual_time
async def test_where_warnings_are_errors_the_answer_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """It may be a paid video; the log has the announcement."""
    caplog.set_level(logging.DEBUG, logger="heygen_async")
    answer = await Under((200, LEGACY, SUNSET)).api.call(GET)
    assert answer.data == {"a": 1}
    assert "Legacy" in caplog.text
    assert KEY not in caplog.text
    assert SIGNATURE not in caplog.text


@virtual_time
async def test_most_answers_announce_nothing() -> None:
    """Warnings are errors in this test."""
    assert (await Under(OK).api.call(GET)).data == {"a": 1}


@virtual_time
async def test_one_endpoint_hides_no_other_clients_announcement() -> None:
    """Python shows equal warnings of one place once; the second client logs it all the same."""
    first, second = Announcements(), Announcements()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first.report("GET /v1/x", "ends")
        first.report("GET /v1/x", "ends soon")
        second.report("GET /v1/x", "ends")
    assert [str(warning.message) for warning in caught] == ["GET /v1/x: ends"] * 2


# The calls about videos


@virtual_time
@pytest.mark.parametrize(
    "video_id", ["v-1", "..", ".", "a/b", "../videos", "a?b#c", "a b", "100%", "statuses/..", "caf\u00e9", "%2e%2e"]
)
async def test_an_id_never_leads_to_another_endpoint(video_id: str) -> None:
    """It is the caller's text: on the wire it is one segment, or one value of the query, and nothing else."""
    seen: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json=OK)

    lane = lane_behind(handler)
    for make in (one_call, delete_call):
        for wire in ("v3", "v2"):
            await lane.send(make(video_id, wire), Timeouts())  # type: ignore[arg-type]
    paths = [url.raw_path.decode() for url in seen[::2]]
    assert [path.count("/") for path in paths] == [3, 3]
    assert [unquote(path.rpartition("/")[2]) for path in paths] == [video_id] * 2
    assert [url.path for url in seen[1::2]] == ["/v1/video_status.get", "/v1/video.delete"]
    assert [dict(url.params) for url in seen[1::2]] == [{"video_id": video_id}] * 2


def test_the_calls_name_their_endpoint_without_ids() -> None:
    """Deprecations are announced per endpoint."""
    assert one_call("v-1", "v3").endpoint == "GET /v3/videos/{video_id}"
    assert delete_call("v-1", "v3").endpoint == "DELETE /v3/videos/{video_id}"
    assert create_call("v2", {}, idempotency_key="k").idempotency_key is None
    assert create_call("v3", {}, idempotency_key="k").idempotency_key == "k"
    assert bulk_call(["a", "b"]).params == {"video_ids": "a,b"}
    assert page_call("v3", None, title=None, folder_id="f").params == {"limit": 100, "folder_id": "f"}
    assert page_call("v2", "t", limit=5).params == {"limit": 5, "token": "t"}
