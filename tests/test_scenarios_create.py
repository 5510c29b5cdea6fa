"""What a submission does when server, network or caller misbehave: one video, one charge, one clear end."""

from __future__ import annotations

import contextlib
import email.utils
import itertools
import ssl
import time
import warnings
from typing import Any

import anyio
import httpx
import pytest

from heygen_async import (
    APIError,
    ApiRetiredError,
    APIStatusError,
    AsyncHeyGen,
    AuthenticationError,
    AvatarVideo,
    BadRequestError,
    ConflictError,
    HeyGenDeprecationWarning,
    HeyGenError,
    InsufficientCreditError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    SubmissionUncertainError,
    Timeouts,
    TranslationError,
    VideoFailedError,
    v2,
)
from tests import fake_heygen
from tests.clock import virtual_time
from tests.fake_heygen import GONE, KEY, FakeHeyGen, Received, Reply, after_work, answer, broken, lost, patched, slow
from tests.sdk import AVATAR, AVATAR_JSON, heygen_on, quick_start

pytestmark = pytest.mark.anyio

V3 = "POST /v3/videos"
V2 = "POST /v2/video/generate"


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen()


def gaps(requests: list[Received]) -> list[float]:
    return [later.time - earlier.time for earlier, later in itertools.pairwise(requests)]


def one_key(fake: FakeHeyGen) -> str:
    """Return the idempotency key of all submissions: there must be exactly one."""
    (key,) = fake.keys
    assert key
    return key


# Ambiguous outcomes on v3: the key makes repeating safe


@virtual_time
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_01_a_5xx_after_the_job_was_created_makes_one_job(fake: FakeHeyGen, status: int) -> None:
    """The same key goes out again and brings back the first job."""
    fake.on(V3, after_work(answer(status, "service_unavailable")))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert job.id == fake.job.id
    assert (fake.paid, len(fake.posts)) == (1, 2)
    assert job.idempotency_key == one_key(fake)


@virtual_time
async def test_01_html_of_a_gateway_is_a_5xx_too(fake: FakeHeyGen) -> None:
    """A proxy's page instead of JSON does not change the rule."""
    fake.on(V3, after_work(fake_heygen.html(502)), times=2)
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert (fake.paid, job.id, len(fake.posts)) == (1, fake.job.id, 3)
    one_key(fake)


@virtual_time
async def test_01_without_the_keys_protection_the_repeats_would_be_paid(fake: FakeHeyGen) -> None:
    """The control: against a server that ignores keys the same run pays twice, so the key is what protects."""
    fake.ignore_key = True
    fake.on(V3, after_work(answer(503)))
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    assert fake.paid == 2


@virtual_time
async def test_01_a_server_that_never_recovers_ends_in_an_error_that_can_be_repeated(fake: FakeHeyGen) -> None:
    """After bounded attempts the error carries the key; repeating with it later finds the job that was paid."""
    rule = fake.on(V3, after_work(answer(503)), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises((SubmissionUncertainError, APIError)) as caught:
            await heygen.videos.create(AVATAR)
        assert len(fake.posts) == RetryPolicy().max_attempts
        assert caught.value.idempotency_key == one_key(fake)
        rule.times = 0
        job = await heygen.videos.create(AVATAR, idempotency_key=caught.value.idempotency_key)
    assert (fake.paid, job.id) == (1, fake.job.id)


@virtual_time
async def test_02_an_answer_after_31_s_is_waited_for(fake: FakeHeyGen) -> None:
    """Creating has a p99 near 31 s: one request, no repeat."""
    fake.on(V3, slow(31))
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    assert (fake.paid, len(fake.posts)) == (1, 1)


@virtual_time
async def test_02_an_answer_after_119_s_is_waited_for(fake: FakeHeyGen) -> None:
    """The write timeout is 120 s, on v2 as well."""
    fake.on(V3, slow(119))
    fake.on(V2, slow(119))
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
        await heygen.videos.create(quick_start())
    assert (fake.paid, len(fake.posts)) == (2, 2)


@virtual_time
async def test_02_a_timeout_is_repeated_with_the_same_key(fake: FakeHeyGen) -> None:
    """The first attempt is given up after 120 s, is still running for a while (409), and is then replayed."""
    fake.on(V3, slow(150))
    started = anyio.current_time()
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert fake.posts[1].time - started >= 120
    assert (fake.paid, job.id) == (1, fake.job.id)
    one_key(fake)


@virtual_time
async def test_02_the_write_timeout_can_be_set(fake: FakeHeyGen) -> None:
    """`Timeouts.write` bounds one attempt; with_options passes it on."""
    fake.on(V3, slow(10, works=False), times=1)
    async with heygen_on(fake, timeouts=Timeouts(write=200)) as heygen:
        await heygen.with_options(timeouts=Timeouts(write=3)).videos.create(AVATAR)
    assert 3 <= gaps(fake.posts)[0] < 10
    assert fake.paid == 1


ENDS: list[Any] = [
    pytest.param("reset", id="reset"),
    pytest.param("fin", id="fin"),
    pytest.param(httpx.ReadTimeout("timed out"), id="read-timeout"),
    pytest.param(httpx.WriteError("broken pipe"), id="write-error"),
    pytest.param(ssl.SSLError("decryption failed or bad record mac"), id="ssl"),
    pytest.param(anyio.EndOfStream(), id="end-of-stream"),
    pytest.param(anyio.BrokenResourceError(), id="broken-resource"),
]


@virtual_time
@pytest.mark.parametrize("end", ENDS)
async def test_03_a_connection_broken_after_the_request_makes_one_job(fake: FakeHeyGen, end: Any) -> None:
    """Whatever class the break has, errors that escape the HTTP library's own tree included."""
    fake.on(V3, after_work(broken(end)), times=2)
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert (fake.paid, job.id, len(fake.posts)) == (1, fake.job.id, 3)
    one_key(fake)


@virtual_time
async def test_04_a_running_first_attempt_is_waited_out(fake: FakeHeyGen) -> None:
    """409 request_in_progress means wait, same key; it counts no failure, however often it comes."""
    fake.on(V3, lost(100))
    async with heygen_on(fake, retries=RetryPolicy(max_attempts=2, max_delay=2)) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert (fake.paid, job.id) == (1, fake.job.id)
    assert len(fake.posts) > 10
    one_key(fake)


@virtual_time
async def test_04_retry_after_of_a_409_is_obeyed(fake: FakeHeyGen) -> None:
    """The server may say how long the first attempt still runs."""
    fake.on(V3, answer(409, "request_in_progress", retry_after=17))
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    assert gaps(fake.posts)[0] >= 17
    assert fake.paid == 1


@virtual_time
async def test_04_an_attempt_that_runs_for_ever_ends_in_an_error_with_the_key(fake: FakeHeyGen) -> None:
    """Waiting for a first attempt is bounded too."""
    fake.on(V3, lost(1e9))
    async with heygen_on(fake) as heygen:
        with anyio.fail_after(6 * 3600), pytest.raises((SubmissionUncertainError, ConflictError)) as caught:
            await heygen.videos.create(AVATAR)
    assert caught.value.idempotency_key == one_key(fake)


async def test_04_another_conflict_is_raised(fake: FakeHeyGen) -> None:
    """Only request_in_progress is waited for."""
    fake.on(V3, answer(409, "conflict"), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(ConflictError):
            await heygen.videos.create(AVATAR)
    assert (fake.paid, len(fake.posts)) == (0, 1)


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_06_a_known_key_with_another_request_is_refused_before_sending(fake: FakeHeyGen, request_: Any) -> None:
    """HeyGen would replay the old answer silently."""
    other = AvatarVideo(avatar_id="avatar-1", voice_id="voice-1", script="Something else")
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(request_, idempotency_key="order-1")
        sent = len(fake.requests)
        with pytest.raises(HeyGenError, match="order-1"):
            await heygen.with_options(timeouts=Timeouts()).videos.create(other, idempotency_key="order-1")
    assert (fake.paid, len(fake.requests)) == (1, sent)


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_06_the_same_request_under_its_key_is_the_same_job(fake: FakeHeyGen, request_: Any) -> None:
    """A web handler that is called twice with the caller's key makes one video on either wire."""
    async with heygen_on(fake) as heygen:
        first = await heygen.videos.create(request_, idempotency_key="order-1")
        second = await heygen.videos.create(request_, idempotency_key="order-1")
    assert (fake.paid, first.id) == (1, second.id)
    assert first.idempotency_key == second.idempotency_key == "order-1"


async def test_06_the_json_of_a_request_is_the_same_request(fake: FakeHeyGen) -> None:
    """A mapping and the class that encodes to it have one payload."""
    async with heygen_on(fake) as heygen:
        first = await heygen.videos.create(AVATAR, idempotency_key="order-1")
        second = await heygen.videos.create(AVATAR_JSON, idempotency_key="order-1")
    assert (fake.paid, first.id) == (1, second.id)


@pytest.mark.parametrize("key", ["", "with space", "ü", "x" * 256])
async def test_a_key_that_heygen_would_refuse_is_refused_here(fake: FakeHeyGen, key: str) -> None:
    """1 to 255 characters of letters, digits, underscore, hyphen, colon and dot."""
    async with heygen_on(fake) as heygen:
        with pytest.raises(ValueError, match="idempotency_key"):
            await heygen.videos.create(AVATAR, idempotency_key=key)
    assert not fake.requests


IN_200: list[Any] = [
    ({"error": {"code": "avatar_not_found", "message": "avatar look not found"}, "data": None}, NotFoundError),
    ({"error": {"code": "insufficient_credit", "message": "empty"}, "data": None}, InsufficientCreditError),
    ({"error": {"code": "invalid_parameter", "message": "bad"}}, BadRequestError),
    ({"error": {"code": "unauthorized", "message": "Unauthorized"}}, AuthenticationError),
    ({"code": 400112, "message": "Unauthorized"}, AuthenticationError),
    ({"code": 40001, "message": "Missing required input parameters", "data": None}, BadRequestError),
    ({"code": 400562, "message": "forbidden"}, PermissionDeniedError),
]


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
@pytest.mark.parametrize(("payload", "expected"), IN_200)
async def test_07_an_error_in_a_200_is_the_error_its_code_stands_for(
    fake: FakeHeyGen, request_: Any, payload: dict[str, Any], expected: type[APIStatusError]
) -> None:
    """Never a job without an id, and never a second attempt for a definite refusal."""
    fake.on("POST *", lambda *_: Reply(200, payload), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(expected) as caught:
            await heygen.videos.create(request_)
    assert (fake.paid, len(fake.posts)) == (0, 1)
    said = payload.get("error", payload)
    assert (caught.value.code, caught.value.status_code) == (str(said["code"]), 200)
    assert said["message"] in str(caught.value)


@pytest.mark.parametrize("error", ["Something went wrong", {"code": "brand_new_code", "message": "odd"}])
async def test_07_an_error_in_a_200_with_an_unknown_code_still_raises(fake: FakeHeyGen, error: Any) -> None:
    """The word of the error is enough to know that there is no job."""
    fake.on("POST *", lambda *_: Reply(200, {"error": error, "data": None}), times=None)
    async with heygen_on(fake, retries=RetryPolicy(base=0, reconcile_window=0)) as heygen:
        with pytest.raises(HeyGenError):
            await heygen.videos.create(AVATAR)
    assert fake.paid == 0


@virtual_time
@pytest.mark.parametrize("payload", [{"data": {}}, {"data": None}, {}, {"data": {"video_id": None}}, {"data": []}])
async def test_08_a_2xx_without_an_id_is_asked_once_more_then_uncertain(fake: FakeHeyGen, payload: Any) -> None:
    """With the same key; the error shows the answer and how to go on."""
    rule = fake.on(V3, after_work(lambda *_: Reply(200, payload)), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(SubmissionUncertainError) as caught:
            await heygen.videos.create(AVATAR)
        assert len(fake.posts) == 2
        assert caught.value.idempotency_key == one_key(fake)
        rule.times = 0
        job = await heygen.videos.create(AVATAR, idempotency_key=caught.value.idempotency_key)
    assert (fake.paid, job.id) == (1, fake.job.id)


@virtual_time
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Welcome</html>", b'{"data": {"video_id": "vid', b"\xff\xfe\x00", b"null", b"[]", b'"text"'],
    ids=repr,
)
async def test_08_an_unreadable_2xx_is_asked_again_with_the_same_key(fake: FakeHeyGen, body: bytes) -> None:
    """The second answer is the replay of the first job."""
    fake.on(V3, after_work(fake_heygen.raw(body)))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(AVATAR)
    assert (fake.paid, job.id, len(fake.posts)) == (1, fake.job.id, 2)
    one_key(fake)


@virtual_time
async def test_08_the_body_in_the_error_is_redacted(fake: FakeHeyGen) -> None:
    """What the server said helps; a signed link or the key in it must not leak."""
    body = f'{{"note": "no id", "echo": "{KEY}", "url": "https://x.test/a?Signature=s3cr3t"}}'.encode()
    fake.on(V3, fake_heygen.raw(body), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(SubmissionUncertainError) as caught:
            await heygen.videos.create(AVATAR)
    said = f"{caught.value} {caught.value.tried} {vars(caught.value)}"
    assert "no id" in said
    assert "s3cr3t" not in said
    assert KEY not in said


@pytest.mark.parametrize("how", ["bom", "gzip", "text"])
async def test_08_valid_json_is_understood_whatever_its_wrapping(fake: FakeHeyGen, how: str) -> None:
    """A byte order mark, compression and a wrong content type are no reason to lose a job."""
    fake.on(V3, fake_heygen.encoded(how))
    fake.on(V2, fake_heygen.encoded(how))
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
        await heygen.videos.create(quick_start())
    assert (fake.paid, len(fake.posts)) == (2, 2)


@pytest.mark.parametrize("name", ["id", "video_id"])
async def test_24_the_id_is_read_under_either_name(fake: FakeHeyGen, name: str) -> None:
    """And from an array of one."""
    fake.on(V3, patched(lambda payload: {"data": [{name: payload["data"]["video_id"], "status": "waiting"}]}))
    fake.on(V2, patched(lambda payload: {"error": None, "data": {name: payload["data"]["video_id"]}}))
    async with heygen_on(fake) as heygen:
        jobs = [await heygen.videos.create(request) for request in (AVATAR, quick_start())]
    assert [job.id for job in jobs] == list(fake.jobs)


# Definite refusals


async def test_09_an_unknown_field_names_the_parameter(fake: FakeHeyGen) -> None:
    """Unknown keys of a mapping are passed on; HeyGen's refusal comes back as it is."""
    async with heygen_on(fake) as heygen:
        with pytest.raises(BadRequestError, match="Extra inputs are not permitted") as caught:
            await heygen.videos.create(AVATAR_JSON | {"brand_new": 1})
    assert (caught.value.param, caught.value.code, caught.value.status_code) == ("brand_new", "invalid_parameter", 400)
    assert caught.value.request_id == "req-fake"
    assert (fake.paid, len(fake.posts), fake.posts[0].json["brand_new"]) == (0, 1, 1)


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
@pytest.mark.parametrize("style", ["v1", "v2", "v3"])
async def test_10_a_400_is_not_repeated_whatever_its_code_says(fake: FakeHeyGen, request_: Any, style: str) -> None:
    """`internal_error` in a 400: the status decides. All three envelopes are read on both wires."""
    fake.on("POST *", answer(400, "internal_error", message="This avatar is odd", style=style), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(BadRequestError, match="This avatar is odd") as caught:
            await heygen.videos.create(request_)
    assert (caught.value.code, caught.value.status_code) == ("internal_error", 400)
    assert caught.value.idempotency_key
    assert (fake.paid, len(fake.posts)) == (0, 1)


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
@pytest.mark.parametrize("status", [402, 400])
async def test_11_lack_of_money_is_billing_in_either_status(fake: FakeHeyGen, request_: Any, status: int) -> None:
    """402, or the older 400 with the same code."""
    fake.on("POST *", answer(status, "insufficient_credit"), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(InsufficientCreditError) as caught:
            await heygen.videos.create(request_)
    assert (caught.value.category, caught.value.status_code) == ("billing", status)
    assert (fake.paid, len(fake.posts)) == (0, 1)


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_11_lack_of_money_found_while_rendering_is_billing_too(fake: FakeHeyGen, request_: Any) -> None:
    """The job was accepted and failed later with HeyGen's engine word."""
    fake.plan = ["pending", "failed"]
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_)
        fake.job.failure = {"code": "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "message": "Insufficient credit."}
        with pytest.raises(VideoFailedError) as caught:
            await job.wait()
    assert (caught.value.code, caught.value.category) == ("MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "billing")
    assert caught.value.job_id == job.id
    assert fake.paid == 1


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_14_an_input_that_cannot_be_fetched_says_what_to_do(fake: FakeHeyGen, request_: Any) -> None:
    """No repeat; the text says public, direct, matching extension."""
    fake.on("POST *", answer(400, "download_failed", message="Could not fetch"), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(BadRequestError, match=r"(?s)Could not fetch.*public.*extension"):
            await heygen.videos.create(request_)
    assert (fake.paid, len(fake.posts)) == (0, 1)


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
@pytest.mark.parametrize(("status", "expected"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_15_a_html_page_is_mapped_by_its_status(
    fake: FakeHeyGen, request_: Any, status: int, expected: type[APIStatusError]
) -> None:
    """The first bytes are kept, nothing fails to parse."""
    fake.on("POST *", fake_heygen.html(status), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(expected) as caught:
            await heygen.videos.create(request_)
    assert caught.value.status_code == status
    assert f"Gateway says {status}" in f"{caught.value.body} {caught.value}"
    assert (fake.paid, len(fake.posts)) == (0, 1)


async def test_16_waiting_is_a_fine_first_status(fake: FakeHeyGen) -> None:
    """The create answer says so on v3, the status call on v1."""
    fake.plan = ["waiting"]
    async with heygen_on(fake) as heygen:
        for request in (AVATAR, quick_start()):
            job = await heygen.videos.create(request)
            assert (await job.status()).status == "waiting"


# Too many jobs


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_12a_retry_after_in_seconds_is_waited(fake: FakeHeyGen, request_: Any) -> None:
    """A 429 did nothing on either wire, so it is safe to send again."""
    fake.on("POST *", answer(429, "rate_limit_exceeded", retry_after=7), times=2)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(request_)
    assert all(7 <= gap < 15 for gap in gaps(fake.posts))
    assert (fake.paid, len(fake.posts)) == (1, 3)
    assert len(fake.keys) == len({request.body for request in fake.posts}) == 1


@virtual_time
async def test_12a_a_full_account_is_waited_out(fake: FakeHeyGen) -> None:
    """One job at a time: the others wait until the videos before them are done, however many 429 that takes."""
    fake.concurrency, fake.plan = 1, {0: "pending", 200: "completed"}
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        for _ in range(3):
            tg.start_soon(heygen.videos.generate, AVATAR)
    assert (fake.paid, len(fake.posts) > 10) == (3, True)
    assert len(fake.keys) == 3


@virtual_time
async def test_12b_retry_after_as_a_date_is_waited(fake: FakeHeyGen) -> None:
    """An HTTP date some seconds ahead."""
    date = email.utils.formatdate(time.time() + 40, usegmt=True)
    fake.on(V3, answer(429, "rate_limit_exceeded", retry_after=date))
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    assert 35 <= gaps(fake.posts)[0] < 60
    assert fake.paid == 1


@virtual_time
@pytest.mark.parametrize("retry_after", ["0", "Fri, 01 Jan 2021 00:00:00 GMT", "-5"])
async def test_12c_no_delay_asked_is_still_no_busy_loop(fake: FakeHeyGen, retry_after: str) -> None:
    """Zero, a past date and a negative number: a short pause."""
    fake.on(V3, answer(429, "rate_limit_exceeded", retry_after=retry_after), times=3)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    assert all(0.05 <= gap < 10 for gap in gaps(fake.posts))
    assert (fake.paid, len(fake.posts)) == (1, 4)


@virtual_time
async def test_12d_an_absurd_retry_after_is_raised_at_once(fake: FakeHeyGen) -> None:
    """Beyond `max_retry_after` nobody should sleep silently."""
    fake.on(V3, answer(429, "rate_limit_exceeded", retry_after=86400), times=None)
    started = anyio.current_time()
    async with heygen_on(fake) as heygen:
        with pytest.raises(RateLimitError) as caught:
            await heygen.videos.create(AVATAR)
    assert caught.value.retry_after == 86400
    assert caught.value.idempotency_key == one_key(fake)
    assert anyio.current_time() - started < 1
    assert (fake.paid, len(fake.posts)) == (0, 1)


@virtual_time
@pytest.mark.parametrize("retry_after", [None, "soon", "", "NaN", "inf", "1e400"])
async def test_12e_a_missing_or_broken_retry_after_backs_off(fake: FakeHeyGen, retry_after: str | None) -> None:
    """Exponential, jittered, bounded."""
    fake.on(V3, answer(429, "rate_limit_exceeded", retry_after=retry_after), times=3)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AVATAR)
    first, second, third = gaps(fake.posts)
    assert 0.2 < first < second < third <= 40
    assert fake.paid == 1


@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
@pytest.mark.parametrize("code", ["quota_exceeded", "trial_limit_exceeded"])
@pytest.mark.parametrize("status", [429, 402, 403, 400])
async def test_12f_a_used_up_allowance_is_not_waited_for(
    fake: FakeHeyGen, request_: Any, code: str, status: int
) -> None:
    """Whatever the status: waiting does not bring it back."""
    fake.on("POST *", answer(status, code, retry_after=5), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(APIStatusError) as caught:
            await heygen.videos.create(request_)
    assert (caught.value.code, caught.value.category, caught.value.status_code) == (code, "billing", status)
    assert (fake.paid, len(fake.posts)) == (0, 1)


# Not there


@virtual_time
async def test_13_a_fresh_asset_is_given_a_moment(fake: FakeHeyGen) -> None:
    """404 asset_not_found right after an upload is repeated within a short window."""
    fake.on(V3, answer(404, "asset_not_found"), times=2)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(AvatarVideo(avatar_id="a", audio_asset_id="fresh"))
    assert (fake.paid, len(fake.posts)) == (1, 3)
    one_key(fake)


@virtual_time
async def test_13_an_asset_that_never_appears_is_not_found(fake: FakeHeyGen) -> None:
    """The window is short."""
    fake.on(V3, answer(404, "asset_not_found"), times=None)
    started = anyio.current_time()
    async with heygen_on(fake) as heygen:
        with pytest.raises(NotFoundError):
            await heygen.videos.create(AvatarVideo(avatar_id="a", audio_asset_id="nowhere"))
    assert anyio.current_time() - started < 180
    assert fake.paid == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_56_a_redirect_of_an_api_call_is_not_followed(fake: FakeHeyGen, request_: Any, status: int) -> None:
    """The error names the host it pointed to; nothing goes there."""
    fake.on("POST *", fake_heygen.redirect(status, "https://elsewhere.test/v3/videos?token=s3cr3t"), times=None)
    async with heygen_on(fake, retries=RetryPolicy(reconcile_window=0)) as heygen:
        with pytest.raises(HeyGenError, match=r"elsewhere\.test") as caught:
            await heygen.videos.create(request_)
    assert "s3cr3t" not in str(caught.value)
    assert {request.host for request in fake.requests} == {"api.heygen.com"}
    assert (fake.paid, len(fake.posts)) == (0, 1)


# v2 has no key: ambiguity is reconciled, never repeated


AMBIGUOUS: list[Any] = [
    pytest.param(answer(500, "internal_error"), id="500"),
    pytest.param(answer(503, "service_unavailable"), id="503"),
    pytest.param(fake_heygen.html(502), id="html-502"),
    pytest.param(fake_heygen.html(504), id="html-504"),
    pytest.param(broken("reset"), id="reset"),
    pytest.param(broken("fin"), id="fin"),
    pytest.param(broken(ssl.SSLError("bad record mac")), id="ssl"),
    pytest.param(broken("reset", delay=500), id="timeout"),
    pytest.param(lambda *_: Reply(200, {"error": None, "data": {}}), id="no-id"),
    pytest.param(fake_heygen.raw(b""), id="empty-200"),
    pytest.param(fake_heygen.raw(b'{"error": null, "da'), id="cut-200"),
    pytest.param(fake_heygen.html(200), id="html-200"),
    pytest.param(answer(408, "timeout"), id="408"),
]


@virtual_time
@pytest.mark.parametrize("fault", AMBIGUOUS)
async def test_57_an_ambiguous_v2_create_is_found_by_its_callback_id(fake: FakeHeyGen, fault: Any) -> None:
    """Never sent twice: the job is looked for among the newest videos, each of which tells its callback id."""
    for number in range(3):
        fake.add(f"stranger-{number}", wire="v2", callback_id=f"not-ours-{number}")
    fake.on(V2, after_work(fault))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start())
    (post,) = fake.posts
    assert fake.jobs[job.id].request["callback_id"] == post.json["callback_id"]
    assert (fake.paid, job.api_version) == (4, "v2")


@virtual_time
async def test_57_the_callers_callback_id_is_kept_and_looked_for(fake: FakeHeyGen) -> None:
    """It is the caller's, so it goes out unchanged."""
    fake.on(V2, after_work(answer(503)))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start(callback_id="order-77"))
    assert [post.json["callback_id"] for post in fake.posts] == ["order-77"]
    assert (fake.paid, job.id) == (1, fake.job.id)


@virtual_time
@pytest.mark.parametrize("skew", [-2e7, -86400.0, -3600.0, 3600.0])
async def test_57_a_clock_that_is_wrong_does_not_hide_the_video(fake: FakeHeyGen, skew: float) -> None:
    """HeyGen's `created_at` and the clock of this machine may be hours apart; the callback id is what counts."""
    fake.skew = skew
    fake.add("stranger", wire="v2", callback_id="not-ours")
    fake.on(V2, after_work(answer(503)))
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start())
    assert fake.jobs[job.id].request["callback_id"] == fake.posts[0].json["callback_id"]
    assert (fake.paid, len(fake.posts)) == (2, 1)


@virtual_time
async def test_57_two_submissions_have_two_callback_ids(fake: FakeHeyGen) -> None:
    """Our own id is new for each logical submission, so that no older video is taken for it."""
    fake.on(V2, after_work(answer(503)), skip=1)
    async with heygen_on(fake) as heygen:
        first = await heygen.videos.create(quick_start())
        second = await heygen.videos.create(quick_start())
    assert first.id != second.id
    assert fake.paid == 2


@virtual_time
async def test_57_the_search_survives_faults_of_its_own(fake: FakeHeyGen) -> None:
    """A list or status that fails is tried again, a video that appears late is waited for."""
    fake.on(V2, after_work(answer(503)))
    fake.on("GET /v*", fake_heygen.html(502), times=2)
    fake.on("GET /v*", broken("reset"))
    fake.on("GET /v1/video_status.get", answer(500))
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:

        async def hide() -> None:
            while not fake.jobs:
                await anyio.sleep(0.01)
            fake.job.visible_after = 20

        tg.start_soon(hide)
        job = await heygen.videos.create(quick_start())
    assert (fake.paid, job.id, len(fake.posts)) == (1, fake.job.id, 1)


@virtual_time
async def test_57_what_is_not_found_within_the_window_is_uncertain(fake: FakeHeyGen) -> None:
    """The error says what was tried and leads back; nothing was sent twice."""
    fake.on(V2, answer(503))
    started = anyio.current_time()
    async with heygen_on(fake) as heygen:
        with pytest.raises(SubmissionUncertainError) as caught:
            await heygen.videos.create(quick_start())
        elapsed = anyio.current_time() - started
        assert RetryPolicy().reconcile_window / 2 <= elapsed <= RetryPolicy().reconcile_window + 60
        assert caught.value.callback_id == fake.posts[0].json["callback_id"]
        assert caught.value.callback_id in str(caught.value)
        assert caught.value.idempotency_key
        assert caught.value.tried
        assert (fake.paid, len(fake.posts)) == (0, 1)
        job = await heygen.videos.create(quick_start(), idempotency_key=caught.value.idempotency_key)
    assert (fake.paid, len(fake.posts), job.id) == (1, 2, fake.job.id)
    assert {post.json["callback_id"] for post in fake.posts} == {caught.value.callback_id}


@virtual_time
async def test_57_repeating_an_uncertain_submission_looks_before_it_sends(fake: FakeHeyGen) -> None:
    """The video turned up after the window: the repeat finds it and sends nothing, in another process too."""
    fake.on(V2, after_work(answer(503)))
    rule = fake.on("GET /v*", answer(500), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(SubmissionUncertainError) as caught:
            await heygen.videos.create(quick_start())
    rule.times = 0
    async with heygen_on(fake) as another:
        job = await another.videos.create(quick_start(), idempotency_key=caught.value.idempotency_key)
    assert (fake.paid, len(fake.posts), job.id) == (1, 1, fake.job.id)


@virtual_time
@pytest.mark.parametrize(
    "fault", [broken(httpx.ConnectError("refused")), broken(httpx.ConnectTimeout("timed out"))], ids=["refused", "slow"]
)
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_57_a_connection_that_never_stood_is_tried_again(fake: FakeHeyGen, request_: Any, fault: Any) -> None:
    """The server surely did nothing, so even v2 may be sent again."""
    fake.on("POST *", fault, times=2)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(request_)
    assert (fake.paid, len(fake.posts)) == (1, 3)


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_57_a_connection_that_never_stands_is_a_connection_error(fake: FakeHeyGen, request_: Any) -> None:
    """Definite: nothing was sent, so it is not uncertain; the error carries the key all the same."""
    fake.on("POST *", broken(httpx.ConnectError("refused")), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(APIError) as caught:
            await heygen.videos.create(request_)
    assert caught.value.idempotency_key
    assert len(fake.posts) == RetryPolicy().max_attempts


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
@pytest.mark.parametrize("moment", [0.5, 2, 8])
async def test_53_a_cancelled_submission_is_found_again_by_its_key(
    fake: FakeHeyGen, request_: Any, moment: float
) -> None:
    """The caller gives up while the server works: repeating with the caller's key pays once, in another process too."""
    fake.on("POST *", slow(5))
    with anyio.move_on_after(moment):
        async with heygen_on(fake) as heygen:
            await heygen.videos.create(request_, idempotency_key="order-1")
    await anyio.sleep(60)
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(request_, idempotency_key="order-1")
    assert (fake.paid, job.id) == (1, fake.job.id)


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start(), quick_start(callback_id="mine")], ids=["v3", "v2", "own"])
async def test_one_key_used_at_the_same_time_is_one_job(fake: FakeHeyGen, request_: Any) -> None:
    """A web handler that is called twice at once with the caller's key, on one client."""
    fake.on("POST *", slow(5))
    found: list[str] = []

    async def create(heygen: AsyncHeyGen) -> None:
        found.append((await heygen.videos.create(request_, idempotency_key="order-1")).id)

    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        for _ in range(3):
            tg.start_soon(create, heygen.with_options(retries=RetryPolicy()))
    assert found == [fake.job.id] * 3
    assert fake.paid == 1


@virtual_time
async def test_53_a_cancelled_submission_with_the_callers_callback_id_is_found_again(fake: FakeHeyGen) -> None:
    """The caller's id marks the video as well as ours would."""
    fake.add("older", wire="v2", callback_id="another")
    fake.on(V2, slow(5))
    with anyio.move_on_after(1):
        async with heygen_on(fake) as heygen:
            await heygen.videos.create(quick_start(callback_id="mine"), idempotency_key="order-1")
    await anyio.sleep(60)
    async with heygen_on(fake) as heygen:
        job = await heygen.videos.create(quick_start(callback_id="mine"), idempotency_key="order-1")
    assert fake.jobs[job.id].request["callback_id"] == "mine"
    assert fake.paid == 2


@virtual_time
async def test_57_many_ambiguous_submissions_at_once_find_their_own_videos(fake: FakeHeyGen) -> None:
    """Twenty 503s after creating: twenty videos, each job its own, none twice, with a bounded number of looks."""
    fake.on(V2, after_work(answer(503)), times=None)
    found: dict[str, str] = {}

    async def create(heygen: AsyncHeyGen, number: int) -> None:
        job = await heygen.videos.create(quick_start(title=f"T{number}"))
        found[f"T{number}"] = job.id

    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:
        for number in range(20):
            tg.start_soon(create, heygen, number)
    assert {title: fake.jobs[video_id].request["title"] for title, video_id in found.items()} == {
        title: title for title in found
    }
    assert (fake.paid, len(found), len(fake.posts)) == (20, 20, 20)
    assert len(fake.requests) < 20 * 20


@virtual_time
async def test_57_a_busy_account_does_not_hide_the_video(fake: FakeHeyGen) -> None:
    """Other programs made 150 videos meanwhile: ours is on the second page."""
    fake.on(V2, after_work(answer(503)))
    async with heygen_on(fake) as heygen, anyio.create_task_group() as tg:

        async def others() -> None:
            while not fake.jobs:
                await anyio.sleep(0.01)
            for number in range(150):
                fake.add(f"other-{number}", wire="v2", callback_id=f"theirs-{number}")

        fake.on("GET /v1/video.list", fake_heygen.html(502), times=1)
        tg.start_soon(others)
        job = await heygen.videos.create(quick_start())
    assert fake.jobs[job.id].request["callback_id"] == fake.posts[0].json["callback_id"]
    assert len(fake.posts) == 1


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_53_a_cancelled_submission_ends_soon(fake: FakeHeyGen, request_: Any) -> None:
    """Shielding the answer has its own short deadline; the cancellation is never swallowed."""
    fake.on("POST *", slow(110))
    async with heygen_on(fake) as heygen:
        started = anyio.current_time()
        with anyio.move_on_after(1) as scope:
            await heygen.videos.create(request_, idempotency_key="order-1")
            pytest.fail("the cancellation was swallowed")
        assert scope.cancelled_caught
        assert anyio.current_time() - started < 60


@virtual_time
@pytest.mark.parametrize("request_", [AVATAR, quick_start()], ids=["v3", "v2"])
async def test_53_a_cancelled_submission_without_a_callers_key_is_reported(fake: FakeHeyGen, request_: Any) -> None:
    """An event tells the key and the callback id, or the video's id: a paid job never vanishes silently."""
    events: list[Any] = []
    fake.on("POST *", slow(110))
    async with heygen_on(fake, on_event=events.append) as heygen:
        with anyio.move_on_after(1):
            await heygen.videos.create(request_)
    assert fake.paid == 1
    assert (fake.posts[0].key or fake.posts[0].json["callback_id"]) in " ".join(map(repr, events))
    keys = [event.idempotency_key for event in events if getattr(event, "idempotency_key", None)]
    await anyio.sleep(200)
    async with heygen_on(fake) as heygen:
        await heygen.videos.create(request_, idempotency_key=keys[-1])
    assert fake.paid == 1


@virtual_time
async def test_cancelling_at_any_moment_of_a_hard_submission_pays_once(fake: FakeHeyGen) -> None:
    """On either wire, through retries and reconciling, a repeat with the caller's key ends in one job."""
    for moment in [0, 0.1, 0.7, 1.5, 3, 6, 12, 25, 50]:
        for request in (AVATAR, quick_start()):
            server = FakeHeyGen()
            server.on("POST *", after_work(answer(503)))
            server.on("* /v*", broken("reset"), times=2)
            server.on("* /v*", fake_heygen.html(502), times=2)
            with anyio.move_on_after(moment), contextlib.suppress(HeyGenError):
                async with heygen_on(server) as heygen:
                    await heygen.videos.create(request, idempotency_key="order-1")
            await anyio.sleep(30)
            async with heygen_on(server, retries=RetryPolicy(max_attempts=9)) as heygen:
                job = await heygen.videos.create(request, idempotency_key="order-1")
            assert (server.paid, job.id) == (1, server.job.id), (moment, request)


# The old wire goes away


@pytest.mark.parametrize("style", GONE)
@pytest.mark.parametrize("status", [410, 404, 405])
async def test_58_a_gone_route_is_answered_by_v3_from_then_on(fake: FakeHeyGen, status: int, style: str) -> None:
    """`auto` warns once, translates, sends on v3 and remembers; the copy of with_options remembers as well.

    Once also if the answer that says so carries the headers that announced it.
    """
    fake.v2_gone = fake_heygen.gone(status, style)
    fake.deprecated = True
    async with heygen_on(fake) as heygen:
        with pytest.warns(HeyGenDeprecationWarning) as caught:
            first = await heygen.videos.create(quick_start())
        assert len(caught) == 1
        second = await heygen.with_options(retries=RetryPolicy()).videos.create(quick_start())
        third = await heygen.videos.create(quick_start())
    assert [job.api_version for job in (first, second, third)] == ["v3"] * 3
    assert [post.route for post in fake.posts] == [V2, V3, V3, V3]
    assert fake.paid == 3
    assert len({post.key for post in fake.posts[1:]}) == 3


async def test_58_the_fallback_says_the_same_on_v3(fake: FakeHeyGen) -> None:
    """The body is the public translation's, with the engine that keeps the price class and the callback id."""
    fake.v2_gone = fake_heygen.gone(410)
    async with heygen_on(fake) as heygen:
        with pytest.warns(HeyGenDeprecationWarning):
            await heygen.videos.create(quick_start(title="t", callback_id="mine"))
    body = fake.posts[-1].json
    assert body["type"] == "avatar"
    assert body["avatar_id"] == "Daisy-inskirt-20220818"
    assert body["script"] == "Welcome to the HeyGen API!"
    assert body["voice_id"] == "2d5b0e6cf36f460aa7fc47e3eee4ba54"
    assert body["background"] == {"type": "color", "value": "#008000"}
    assert body["engine"] == {"type": "avatar_iii"}
    assert (body["aspect_ratio"], body["resolution"]) == ("16:9", "720p")
    assert (body["title"], body["callback_id"]) == ("t", "mine")


@virtual_time
async def test_58_the_video_is_watched_on_the_wire_that_took_it(fake: FakeHeyGen) -> None:
    """A v2 job is looked at on v1, a translated one on v3."""
    async with heygen_on(fake) as heygen:
        await (await heygen.videos.create(quick_start())).wait()
        assert {request.path[:4] for request in fake.requests} <= {"/v2/", "/v1/"}
        fake.v2_gone = fake_heygen.gone(410)
        fake.requests.clear()
        with pytest.warns(HeyGenDeprecationWarning):
            job = await heygen.videos.create(quick_start())
        await job.wait()
    assert {request.path[:4] for request in fake.requests[1:]} == {"/v3/"}


@pytest.mark.parametrize("style", ["v1", "v2", "v3"])
@pytest.mark.parametrize("code", ["avatar_not_found", "voice_not_found", "400144", "asset_not_found"])
@virtual_time
async def test_58_a_404_for_an_avatar_is_no_retirement(fake: FakeHeyGen, style: str, code: str) -> None:
    """The route answered, so it lives: not found is raised and v2 stays in use."""
    fake.on(V2, answer(404, code, message="not here", style=style), times=None)
    async with heygen_on(fake) as heygen:
        for _ in range(2):
            with pytest.raises(NotFoundError, match="not here"):
                await heygen.videos.create(quick_start())
    assert {post.route for post in fake.posts} == {V2}
    assert fake.paid == 0


@pytest.mark.parametrize(
    "payload",
    [
        {"data": None, "error": {"code": "not_found", "message": "avatar look not found"}},
        {"data": None, "error": {"message": "avatar look not found"}},
        {"data": None, "error": "avatar look not found"},
        {"code": 404, "message": "Avatar not found"},
        {"error": {"code": "resource_not_found", "message": "Voice 2d5b does not exist"}},
    ],
    ids=["v2", "no-code", "words", "v1", "v3"],
)
async def test_58_a_404_that_only_names_an_avatar_is_no_retirement(fake: FakeHeyGen, payload: Any) -> None:
    """HeyGen has no stable code for it: the words tell that the route still works."""
    fake.on(V2, lambda *_: Reply(404, payload), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(NotFoundError):
            await heygen.videos.create(quick_start())
    assert [post.route for post in fake.posts] == [V2]


@pytest.mark.parametrize("status", [410, 404, 405])
async def test_58_v2_only_raises_when_the_route_is_gone(fake: FakeHeyGen, status: int) -> None:
    """`api_version="v2"`: never translated."""
    fake.v2_gone = fake_heygen.gone(status)
    async with heygen_on(fake, api_version="v2") as heygen:
        with pytest.raises(ApiRetiredError) as caught:
            await heygen.videos.create(quick_start())
    assert caught.value.status_code == status
    assert [post.route for post in fake.posts] == [V2]
    assert fake.paid == 0


async def test_58_v3_only_never_touches_v2(fake: FakeHeyGen) -> None:
    """`api_version="v3"`: every v2 request is translated at once, without a warning (warnings are errors here)."""
    async with heygen_on(fake, api_version="v3") as heygen:
        job = await heygen.videos.create(quick_start())
    assert ([post.route for post in fake.posts], job.api_version) == ([V3], "v3")
    assert fake.posts[0].key == job.idempotency_key


@virtual_time
async def test_58_the_fallback_is_as_safe_as_any_v3_submission(fake: FakeHeyGen) -> None:
    """After the fall to v3 the caller's key protects: a 503 after creating is repeated with it."""
    fake.v2_gone = fake_heygen.gone(404)
    fake.on(V3, after_work(answer(503)))
    async with heygen_on(fake) as heygen:
        with pytest.warns(HeyGenDeprecationWarning):
            job = await heygen.videos.create(quick_start(), idempotency_key="order-1")
        again = await heygen.videos.create(quick_start(), idempotency_key="order-1")
    assert {post.key for post in fake.seen(V3)} == {"order-1"}
    assert (fake.paid, job.id, again.id) == (1, fake.job.id, fake.job.id)


@pytest.mark.parametrize("api_version", ["auto", "v3"])
async def test_59_what_v3_cannot_say_is_refused_by_name(fake: FakeHeyGen, api_version: Any) -> None:
    """Every lost field is named and nothing is sent to v3."""
    fake.v2_gone = fake_heygen.gone(410)
    request = v2.VideoRequest(
        video_inputs=[
            v2.VideoInput(
                character=v2.Avatar(avatar_id="a", avatar_style="circle", scale=2.0),
                voice=v2.TextVoice(input_text="Hi", voice_id="v", emotion="Friendly"),
            )
        ],
        test=True,
    )
    async with heygen_on(fake, api_version=api_version) as heygen:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(TranslationError) as caught:
                await heygen.videos.create(request)
    for field in ("test", "avatar_style", "scale", "emotion"):
        assert any(field in loss for loss in caught.value.losses), field
    assert not fake.seen(V3)
    assert fake.paid == 0


async def test_deprecation_is_warned_once_per_client_and_endpoint(fake: FakeHeyGen) -> None:
    """Headers and the `warning` object make one warning each for create, status and list, not one per call."""
    fake.deprecated = True

    async def use(heygen: AsyncHeyGen) -> None:
        for _ in range(3):
            job = await heygen.videos.create(quick_start())
            await job.status()
            await heygen.with_options(retries=RetryPolicy()).videos.get(job.id)
            assert [video.id async for video in heygen.videos.list(limit=1)]

    async with heygen_on(fake, api_version="v2") as heygen:
        with pytest.warns(HeyGenDeprecationWarning) as caught:
            await use(heygen)
    assert len(caught) == 3
    assert any("2026-10-31" in str(warning.message) or "31 Oct 2026" in str(warning.message) for warning in caught)
    async with heygen_on(fake) as another:
        with pytest.warns(HeyGenDeprecationWarning):
            await another.videos.create(quick_start())


async def test_v3_answers_can_be_deprecated_as_well(fake: FakeHeyGen) -> None:
    """The marking is read on every wire."""
    fake.on(V3, patched(lambda payload: payload | {"warning": {"message": "This endpoint will be removed."}}), times=2)
    async with heygen_on(fake) as heygen:
        with pytest.warns(HeyGenDeprecationWarning, match="will be removed"):
            await heygen.videos.create(AVATAR)
        await heygen.videos.create(AVATAR)
    assert fake.paid == 2


@pytest.mark.parametrize("key", [None, "order-1"])
async def test_a_warning_turned_into_an_error_does_not_lose_a_paid_job(fake: FakeHeyGen, key: str | None) -> None:
    """`-W error` is common in test suites: the job must come back all the same."""
    fake.deprecated = True
    async with heygen_on(fake) as heygen:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            job = await heygen.videos.create(quick_start(), idempotency_key=key)
    assert (fake.paid, job.id) == (1, fake.job.id)


async def test_every_error_of_a_submission_leads_back_to_it(fake: FakeHeyGen) -> None:
    """The keys that went out are in the error, also for a refusal."""
    fake.on("POST *", answer(400, "invalid_parameter", param="script"), times=None)
    async with heygen_on(fake) as heygen:
        with pytest.raises(BadRequestError) as on_v3:
            await heygen.videos.create(AvatarVideo(avatar_id="a", script="Hi", callback_id="mine"))
        with pytest.raises(BadRequestError) as on_v2:
            await heygen.videos.create(quick_start())
    assert (on_v3.value.idempotency_key, on_v3.value.callback_id) == (fake.posts[0].key, "mine")
    assert on_v2.value.callback_id == fake.posts[1].json["callback_id"]
    assert on_v2.value.idempotency_key


async def test_a_client_of_its_own_makes_a_key_of_its_own(fake: FakeHeyGen) -> None:
    """Two submissions of equal requests are two videos: the key belongs to the submission, not to the payload."""
    async with fake.client() as http:
        for _ in range(2):
            async with AsyncHeyGen(KEY, http_client=http) as heygen:
                await heygen.videos.create(AVATAR)
    assert (fake.paid, len(fake.keys)) == (2, 2)
