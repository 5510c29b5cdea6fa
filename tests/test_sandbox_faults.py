"""Each fault of the sandbox as a client sees it, and those that cost money or files as the SDK lives through them."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import ssl
import threading
import time
from typing import Any

import httpx
import pytest

from heygen_async import (
    AsyncHeyGen,
    AuthenticationError,
    AvatarVideo,
    DownloadCorruptError,
    DownloadIncompleteError,
    InsufficientCreditError,
    PollPolicy,
    RetryPolicy,
    Timeouts,
    VideoFailedError,
    VideoNotAvailableError,
    WaitTimeoutError,
)
from heygen_async.sandbox import Sandbox, faults
from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.faults.exchange import Exchange
from tests.sandbox_fakes import avatar_video, in_process, quick_start

AVATAR = AvatarVideo(avatar_id="look-1", voice_id="voice-1", script="One two three four five.")
QUICK = RetryPolicy(base=0.005, max_delay=0.02)
LOOKS = PollPolicy(first_after=0, growth=1, max_interval=0.01, jitter=0, timeout=30, visibility_grace=20, url_grace=20)
SIZE = 1_500_000
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Everything is on this machine, and to load certificates takes longer than a test."""


@pytest.fixture(scope="module")
def server():
    with Sandbox(mode="fast", file_size=SIZE, file_pattern=1, speed=0.0, start_time=1_800_000_000.0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """Return a running sandbox whose clock moves only by hand, without jobs and rules."""
    server.reset()
    return server


@pytest.fixture
def api(sandbox):
    with httpx.Client(
        base_url=sandbox.url, headers={"X-Api-Key": "key-1"}, trust_env=False, timeout=20, verify=NO_TLS
    ) as client:
        yield client


@pytest.fixture
def host():
    """Return a client without a key: what downloads a file."""
    with httpx.Client(trust_env=False, timeout=20, verify=NO_TLS, headers={"Accept-Encoding": "identity"}) as client:
        yield client


@pytest.fixture
def anyio_backend() -> str:
    """Run the SDK's part once: the server is what is tested here."""
    return "asyncio"


@pytest.fixture
def no_certificates(monkeypatch):
    """Spare the SDK's clients the loading of certificates."""
    monkeypatch.setattr(httpx, "create_ssl_context", lambda *_, **__: NO_TLS)


@pytest.fixture
async def heygen(sandbox, no_certificates):
    async with AsyncHeyGen("key-1", base_url=sandbox.url, retries=QUICK, polling=LOOKS) as client:
        yield client


def create(api: httpx.Client, key: str | None = None, **changes: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post("/v3/videos", json=avatar_video(**changes), headers=headers)


def created(api: httpx.Client, **changes: Any) -> str:
    answer = create(api, **changes)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["video_id"]


def look(api: httpx.Client, video_id: str) -> dict[str, Any]:
    return api.get(f"/v3/videos/{video_id}").json()["data"]


def look_v1(api: httpx.Client, video_id: str) -> dict[str, Any]:
    return api.get("/v1/video_status.get", params={"video_id": video_id}).json()["data"]


def bulk(api: httpx.Client, *video_ids: str) -> dict[str, Any]:
    return api.get("/v3/videos/statuses", params={"video_ids": ",".join(video_ids)}).json()


def link(api: httpx.Client) -> str:
    return look(api, created(api))["video_url"]


# Answers instead of work


def test_a_status_is_answered_in_the_envelope_of_each_wire_and_nothing_is_done(api, sandbox):
    """Also by the file host, which speaks S3's XML."""
    url = link(api)
    sandbox.fault("* *", faults.status(503))
    v3, v2, v1 = create(api), api.post("/v2/video/generate", json=quick_start()), api.get("/v1/video.list")
    assert {answer.status_code for answer in (v3, v2, v1)} == {503}
    assert v3.json()["error"]["code"] == "service_unavailable"
    assert (v2.json()["data"], v2.json()["error"]["code"]) == (None, "service_unavailable")
    assert v1.json()["code"] == 503
    assert "<Code>service_unavailable</Code>" in httpx.get(url, trust_env=False, verify=NO_TLS).text
    assert (sandbox.jobs.count, len(sandbox.charges)) == (1, 1)


@pytest.mark.parametrize("said", [1, 0, "soon", "Wed, 21 Oct 2015 07:28:00 GMT", 86400])
def test_retry_after_is_whatever_is_asked_for(api, sandbox, said):
    """Numbers, dates, nonsense; code and message too."""
    sandbox.fault("create", faults.status(429, "quota_exceeded", message="Used up", retry_after=said))
    answer = create(api)
    assert answer.headers["retry-after"] == str(said)
    assert (answer.json()["error"]["code"], answer.json()["error"]["message"]) == ("quota_exceeded", "Used up")


def test_gateways_answer_with_pages_and_with_nothing(api, sandbox):
    """None of this is JSON that can be read."""
    sandbox.fault("list html_page(502) times=1")
    sandbox.fault("list bad_json times=1")
    sandbox.fault("list empty_body times=1")
    sandbox.fault("list empty_body(503) times=1")
    page, broken, empty, failed = [api.get("/v3/videos") for _ in range(4)]
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (502, "text/html")
    assert broken.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        broken.json()
    assert (empty.status_code, empty.content) == (200, b"")
    assert (failed.status_code, failed.content) == (503, b"")
    assert api.get("/v3/videos").json()["data"] == []


def test_an_error_can_come_with_a_200(api, sandbox):
    """On all wires, and no job is made."""
    sandbox.fault("create", faults.error_in_200("insufficient_credit"))
    v3, v2 = create(api), api.post("/v2/video/generate", json=quick_start())
    for answer in (v3, v2):
        assert answer.status_code == 200
        assert (answer.json()["data"], answer.json()["error"]["code"]) == (None, "insufficient_credit")
    assert sandbox.jobs.count == 0


def test_a_redirect_leads_elsewhere(api, sandbox, host):
    """To a given URL, or to loopback's other name: a file can still be loaded there, and the rule then rests."""
    url = link(api)
    sandbox.fault("create", faults.redirect(307, to="https://elsewhere.example/v3/videos"))
    sandbox.fault("download redirect times=1")
    answer = create(api)
    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.example/v3/videos")
    answer = host.get(url)
    assert answer.status_code == 302
    assert answer.headers["location"] == url.replace("127.0.0.1", "localhost")
    assert host.get(url, follow_redirects=True).status_code == 200


def test_a_call_that_hangs_ends_with_its_client(sandbox):
    """The server is not held up by it."""
    sandbox.fault("list hang times=1")
    with httpx.Client(base_url=sandbox.url, headers={"X-Api-Key": "k"}, trust_env=False, verify=NO_TLS) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.get("/v3/videos", timeout=httpx.Timeout(20, read=0.2))
        assert client.get("/v3/videos", timeout=20).status_code == 200


@pytest.mark.parametrize("rule", ["list hang", "list delay(3000)", "list then_delay(3000)", "list stall(5, 3000)"])
def test_a_server_that_stops_waits_for_no_fault(rule, caplog):
    """Nor does it complain about calls that it leaves behind."""
    with Sandbox(mode="fast") as sandbox, caplog.at_level(logging.WARNING):
        sandbox.fault(rule)
        headers = {"X-Api-Key": "k"}

        def ask() -> None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{sandbox.url}/v3/videos", headers=headers, trust_env=False, verify=NO_TLS, timeout=40)

        caller = threading.Thread(target=ask)
        caller.start()
        deadline = time.monotonic() + 20
        while sandbox.unfired_faults and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sandbox.unfired_faults == []
        sandbox.stop()
        caller.join(30)
    assert not caller.is_alive()
    assert caplog.messages == []


# Work, then trouble


def test_the_work_is_done_before_a_status_a_cut_and_a_delay(api, sandbox):
    """Jobs and charges count; the answer says nothing of them, or too late."""
    sandbox.fault("create", faults.then_status(503), times=1)
    sandbox.fault("create", faults.then_cut(5), times=1)
    sandbox.fault("create", faults.then_delay(0.05), times=1)
    assert create(api).status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        create(api)
    assert create(api).json()["data"]["status"] == "waiting"
    assert (sandbox.jobs.count, len(sandbox.charges)) == (3, 3)


@pytest.mark.anyio
async def test_a_body_that_was_looked_into_can_be_read_once_more(sandbox):
    """Then the call waits for what the connection brings next, as without the look."""
    messages = [
        {"type": "http.request", "body": b"one ", "more_body": True},
        {"type": "http.request", "body": b"two"},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/v3/videos", "query_string": b"", "headers": []}
    exchange = Exchange(sandbox, scope, receive, receive, sandbox._service, CallFacts.of(scope))
    assert await exchange.body() == b"one two"
    assert (await exchange.receive())["body"] == b"one two"
    assert await exchange.receive() == {"type": "http.disconnect"}


def test_a_late_answer_holds_its_key(sandbox, api):
    """Whoever repeats the call meanwhile hears that the first is in progress; later the stored answer comes."""
    sandbox.fault("create then_delay(0.8) times=1")
    with pytest.raises(httpx.ReadTimeout):
        api.post(
            "/v3/videos",
            json=avatar_video(),
            headers={"Idempotency-Key": "k"},
            timeout=httpx.Timeout(20, read=0.2),
        )
    codes = [create(api, key="k").status_code]
    deadline = time.monotonic() + 20
    while codes[-1] == 409 and time.monotonic() < deadline:
        time.sleep(0.05)
        codes.append(create(api, key="k").status_code)
    assert codes[-1] == 200
    assert set(codes) <= {409, 200}
    assert sandbox.jobs.count == 1


@pytest.mark.anyio
async def test_01_a_503_after_the_job_was_made_is_one_job_and_one_charge(sandbox, heygen):
    """Two calls with one key."""
    rule = sandbox.fault("POST /v3/videos", faults.then_status(503), times=1)
    video = await heygen.videos.generate(AVATAR)
    assert [job.id for job in sandbox.jobs] == [video.id]
    assert len(sandbox.charges) == 1
    assert sandbox.requests.count("POST /v3/videos") == 2
    assert (rule.matched, rule.fired) == (2, 1)


@pytest.mark.anyio
async def test_without_its_key_the_same_retry_pays_twice(sandbox, heygen):
    """So the key is what protects, and the test above can fail."""
    sandbox.fault("POST /v3/videos", faults.then_status(503), times=1)
    sandbox.fault("POST /v3/videos", faults.ignore_key())
    await heygen.videos.generate(AVATAR)
    assert (sandbox.jobs.count, len(sandbox.charges)) == (2, 2)


@pytest.mark.anyio
async def test_a_broken_answer_to_create_is_repeated_with_the_key(sandbox, heygen):
    """Cut on the wire, without an id, or no JSON at all: the outcome is unknown each time, the job is one."""
    sandbox.fault("create then_cut(3) times=1")
    sandbox.fault("create patch_answer({}, remove=['data.video_id']) times=1")
    await heygen.videos.generate(AVATAR)
    assert sandbox.unfired_faults == []
    assert (sandbox.jobs.count, len(sandbox.charges)) == (1, 1)


# Altered answers


def test_a_good_answer_can_be_encoded_oddly(api, sandbox):
    """A byte order mark, or gzip that nobody asked for."""
    sandbox.fault("list bom times=1")
    sandbox.fault("list gzip_json times=1")
    assert api.get("/v3/videos").content.startswith(b"\xef\xbb\xbf{")
    with api.stream("GET", "/v3/videos", headers={"Accept-Encoding": "identity"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))["data"] == []


def test_a_good_answer_can_be_patched(api, sandbox):
    """Objects are merged, lists entry by entry, paths taken out; refusals stay as they are."""
    video_id = created(api)
    sandbox.fault(
        "GET /v3/*", faults.patch_answer({"data": {"duration": "2.0", "extra": {"a": None}}}, remove=["data.title"])
    )
    video, (listed,) = look(api, video_id), api.get("/v3/videos").json()["data"]
    for shown in (video, listed):
        assert (shown["id"], shown["duration"], shown["extra"]) == (video_id, "2.0", {"a": None})
        assert "title" not in shown
    sandbox.fault("GET /v1/*", faults.patch_answer({"data": ["x"], "code": "100"}, remove=["data.x.y"]))
    assert api.get("/v1/video.list").json() == {"code": "100", "data": ["x"], "message": None}
    missing = api.get("/v3/videos/unknown")
    assert (missing.status_code, "data" in missing.json()) == (404, False)


def test_a_status_can_be_any_word_on_all_wires(api, sandbox):
    """The job itself goes on."""
    video_id = created(api)
    sandbox.fault("*  *", faults.status_word("queued_somewhere"))
    words = [
        look(api, video_id)["status"],
        look_v1(api, video_id)["status"],
        bulk(api, video_id)["data"][0]["status"],
        api.get("/v3/videos").json()["data"][0]["status"],
        api.get("/v1/video.list").json()["data"]["videos"][0]["status"],
    ]
    assert set(words) == {"queued_somewhere"}
    assert sandbox.jobs[video_id].status == "completed"


@pytest.mark.parametrize(
    ("kind", "v3", "v1"),
    [
        ("int_code", (40119, "Too bad"), {"code": 40119, "message": "Too bad"}),
        ("string_code", ("X1", "Too bad"), {"code": "X1", "message": "Too bad"}),
        ("string", (None, "Too bad"), "Too bad"),
        ("null", (None, None), None),
        ("missing", ("-", "-"), "-"),
    ],
)  # fmt: skip
def test_a_failure_is_told_in_any_shape(api, sandbox, kind, v3, v1):
    """Two flat fields on v3, an object in v1 and in bulk looks; videos that did not fail are left alone."""
    well = created(api)
    sandbox.fault("create", faults.fail("X1", "Too bad"))
    sandbox.fault("look", faults.failure_shape(kind))
    video_id = created(api)
    video = look(api, video_id)
    assert (video.get("failure_code", "-"), video.get("failure_message", "-")) == v3
    assert look_v1(api, video_id).get("error", "-") == v1
    assert bulk(api, video_id)["data"][0].get("error", "-") == v1
    assert look(api, well)["failure_code"] is None


def test_bulk_looks_can_be_odd(api, sandbox):
    """Each oddity of its own; single looks are as ever."""
    first, second = created(api), created(api)
    shapes: dict[str, Any] = {}
    for kind in ("missing", "duplicated", "reordered", "null_id", "stranger", "batch", "has_more"):
        sandbox.fault("look", faults.bulk_shape(kind), times=1)
        shapes[kind] = bulk(api, first, second)
    ids = {kind: [entry["video_id"] for entry in answer["data"]] for kind, answer in shapes.items()}
    assert ids == {
        "missing": [second],
        "duplicated": [first, first, second, second],
        "reordered": [second, first],
        "null_id": [None, None],
        "stranger": ["0" * 32, first, second],
        "batch": [first, second],
        "has_more": [first, second],
    }
    assert [entry["item_index"] for entry in shapes["batch"]["data"]] == [0, 1]
    assert shapes["has_more"]["has_more"] is True
    sandbox.fault("look", faults.bulk_shape("missing"), times=1)
    assert look(api, first)["status"] == "completed"


def test_what_holds_no_videos_is_left_as_it_is(api, sandbox, host):
    """Answers of other calls, and files, which are no JSON."""
    url, full = link(api), whole(api, host)
    sandbox.fault("* *", faults.status_word("odd"))
    assert host.get(url).content == full
    assert api.delete("/v1/video.delete", params={"video_id": created(api)}).json()["data"] is None
    assert api.get("/v3/templates").json()["data"]


def test_links_can_have_another_scheme(api, sandbox):
    """All links of the video."""
    sandbox.fault("look scheme('s3')")
    video = look(api, created(api))
    assert video["video_url"].startswith("s3://127.0.0.1")
    assert video["thumbnail_url"].startswith("s3://")
    assert video["captioned_video_url"] is None


# Idempotency and account


def test_a_key_can_be_in_flight_for_a_while(api, sandbox):
    """409 until virtual time has passed, then the first answer; other keys are met by the rule too."""
    sandbox.fault("create in_flight(5)")
    answers = [create(api, key="k"), create(api, key="k")]
    assert [answer.json()["error"]["code"] for answer in answers] == ["request_in_progress"] * 2
    sandbox.advance(5)
    assert create(api, key="k").json()["data"]["video_id"] == next(iter(sandbox.jobs)).id
    assert create(api, key="other").status_code == 409
    assert create(api).status_code == 200
    assert create(api, key="bad", script=None).status_code == 400


@pytest.mark.parametrize("stored", [True, False])
def test_refusals_are_stored_under_their_key_or_not(api, sandbox, stored):
    """The real service's habit is unknown, so both can be had; the switch is overruled."""
    sandbox.switches.store_errors = not stored
    sandbox.fault("create", faults.store_errors(stored))
    assert create(api, key="k", script=None).status_code == 400
    assert create(api, key="k").status_code == (400 if stored else 200)


def test_wallet_and_slots_change_at_a_call_and_stay(api, sandbox):
    """402 for the call that met the rule; 429 with `Retry-After` for want of slots."""
    sandbox.progress(after=60)
    sandbox.fault("create wallet(0) nth=2")
    sandbox.fault("create concurrency(1) nth=2")
    codes = [create(api).status_code for _ in range(3)]
    assert codes == [200, 402, 402]
    assert sandbox.wallet == 0
    sandbox.wallet = 100
    assert create(api).status_code == 429
    assert sandbox.concurrency == 1
    sandbox.fault("create concurrency(None) times=1")
    assert create(api).status_code == 200
    sandbox.reset()
    assert (sandbox.concurrency, sandbox.faults.rules) == (10, ())


def test_a_rotated_key_is_refused_from_then_on(api, sandbox, host):
    """Another key works; files need none; clearing the faults brings it back."""
    url = link(api)
    sandbox.fault("list rotate_key times=1")
    assert api.get("/v3/videos").status_code == 401
    assert create(api).status_code == 401
    assert api.get("/v3/videos", headers={"X-Api-Key": "key-2"}).status_code == 200
    assert host.get(url).status_code == 200
    sandbox.faults.clear()
    assert api.get("/v3/videos").status_code == 200


def test_a_fresh_asset_is_not_found_for_a_while(api, sandbox):
    """404 `asset_not_found`, counted from the first time it is asked for if it was no upload."""
    sandbox.fault("create asset_lag(3)")
    body = avatar_video(script=None, voice_id=None, audio_asset_id="asset-1")
    answer = api.post("/v3/videos", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "asset_not_found")
    sandbox.advance(3)
    assert api.post("/v3/videos", json=body).status_code == 200
    assert create(api).status_code == 200
    nested = avatar_video(background={"type": "image", "asset_id": "asset-2"})
    assert api.post("/v3/videos", json=nested).status_code == 404
    scene = {"voice": {"type": "audio", "audio_asset_id": "asset-3"}}
    assert api.post("/v2/video/generate", json={"video_inputs": [scene]}).status_code == 404
    sandbox.advance(3)
    assert api.post("/v2/video/generate", json={"video_inputs": [scene]}).status_code == 200
    assert api.post("/v3/videos", content=b"{").status_code == 400


def test_old_calls_can_be_gone(api, sandbox):
    """v3 is not met by the rule."""
    sandbox.fault("* *", faults.v2_gone(404))
    assert api.post("/v2/video/generate", json=quick_start()).status_code == 404
    assert api.get("/v1/video.list").status_code == 404
    assert create(api).status_code == 200


@pytest.mark.anyio
async def test_32_a_key_that_dies_ends_the_wait(sandbox, heygen):
    """With the error that says why; the job goes on."""
    sandbox.progress(polls=50)
    sandbox.fault("look rotate_key nth=3")
    with pytest.raises(AuthenticationError):
        await heygen.videos.generate(AVATAR)
    assert sandbox.jobs.count == 1


@pytest.mark.anyio
async def test_11_an_empty_wallet_ends_a_create(sandbox, heygen):
    """No retry helps."""
    sandbox.fault("create wallet(0)")
    with pytest.raises(InsufficientCreditError):
        await heygen.videos.generate(AVATAR)
    assert (sandbox.jobs.count, sandbox.requests.count("POST *")) == (0, 1)


# Jobs


def words(api: httpx.Client, video_id: str) -> list[str]:
    """Return the state of a job in v3, v1, both lists and a bulk look."""
    return [
        look(api, video_id)["status"],
        look_v1(api, video_id)["status"],
        next(entry["status"] for entry in api.get("/v3/videos").json()["data"] if entry["id"] == video_id),
        next(
            entry["status"]
            for entry in api.get("/v1/video.list").json()["data"]["videos"]
            if entry["video_id"] == video_id
        ),
        bulk(api, video_id)["data"][0]["status"],
    ]


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("waiting", ["pending", "waiting", "pending", "waiting", "queued"]),
        ("pending", ["pending", "pending", "pending", "pending", "queued"]),
        ("processing", ["processing"] * 5),
    ],
)  # fmt: skip
def test_a_stuck_job_never_ends_on_any_wire(api, sandbox, at, told):
    """It holds its slot, and `sandbox.jobs` says the same; others go on; clearing the faults frees it."""
    sandbox.progress(polls=1)
    sandbox.fault("create", faults.stuck(at), times=1)
    video_id, other = created(api), created(api)
    for _ in range(2):
        assert words(api, video_id) == told
        sandbox.advance(10_000)
    assert (sandbox.jobs[video_id].status, sandbox.jobs[video_id].completed_at) == (at, None)
    assert look(api, other)["status"] == "completed"
    sandbox.faults.clear()
    assert look(api, video_id)["status"] == "completed"


def test_a_job_fails_as_told(api, sandbox):
    """Known codes bring their words; the money comes back; immediate ends are met too."""
    sandbox.fault("create", faults.fail(40119), times=1)
    sandbox.fault("create", faults.fail("MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "No money"), times=1)
    long, poor, well = created(api), created(api), created(api)
    assert look_v1(api, long)["error"]["code"] == 40119
    assert (look(api, poor)["failure_code"], look(api, poor)["failure_message"]) == (
        "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "No money",
    )  # fmt: skip
    assert look(api, well)["status"] == "completed"
    assert [charge.refunded for charge in sandbox.charges] == [True, True, False]


def test_a_job_goes_backwards(api, sandbox):
    """Processing, pending, then what is true."""
    sandbox.fault("create backwards times=1")
    video_id = created(api)
    assert [look(api, video_id)["status"] for _ in range(4)] == ["processing", "pending", "completed", "completed"]


def test_a_job_is_invisible_at_first(api, sandbox):
    """404, `not_found`, missing in lists; then as if nothing had been."""
    sandbox.fault("create invisible(5) times=1")
    video_id = created(api)
    assert api.get(f"/v3/videos/{video_id}").status_code == 404
    assert api.get("/v1/video_status.get", params={"video_id": video_id}).status_code == 404
    assert bulk(api, video_id)["data"][0]["status"] == "not_found"
    assert (api.get("/v3/videos").json()["data"], api.get("/v1/video.list").json()["data"]["videos"]) == ([], [])
    sandbox.advance(5)
    assert words(api, video_id) == ["completed"] * 5


def test_links_come_late_or_never(api, sandbox):
    """Completed all the while, without a single link."""
    sandbox.fault("create url_late(5) times=1")
    sandbox.fault("create url_late times=1")
    late, never = created(api), created(api)
    for video_id in (late, never):
        video = look(api, video_id)
        assert (video["status"], [url for name, url in video.items() if name.endswith("_url")]) == (
            "completed", [None] * 6,
        )  # fmt: skip
    sandbox.advance(5)
    assert look(api, late)["video_url"]
    assert look_v1(api, late)["video_url"]
    assert look(api, never)["video_url"] is None


def test_a_slow_job_takes_longer_and_does_not_hold_up_the_next(api, sandbox):
    """By time and by looks."""
    sandbox.progress(after=10)
    sandbox.fault("create slow(3) times=1")
    slow, normal = created(api), created(api)
    sandbox.advance(10)
    assert [look(api, video_id)["status"] for video_id in (slow, normal)] == ["processing", "completed"]
    sandbox.advance(20)
    assert look(api, slow)["status"] == "completed"
    sandbox.progress(polls=2)
    sandbox.fault("create slow(1.5) times=1")
    video_id = created(api)
    assert [look(api, video_id)["status"] for _ in range(3)] == ["pending", "processing", "completed"]


def test_a_duration_can_be_wrong(api, sandbox):
    """What is told differs from what is paid."""
    sandbox.fault("create wrong_duration(3) times=1")
    video_id = created(api)
    assert (look(api, video_id)["duration"], look_v1(api, video_id)["duration"]) == (6.0, 6.0)
    assert sandbox.jobs[video_id].duration == sandbox.charges[0].seconds == 2.0


def test_a_fault_can_take_hold_of_a_job_when_it_is_looked_at(api, sandbox):
    """Once for each job it names, chosen by its id if wanted; ended jobs cannot be stuck any more."""
    done = created(api)
    sandbox.progress(polls=5)
    first, second = created(api), created(api)
    rule = sandbox.fault("look", faults.stuck(), video_id=second)
    general = sandbox.fault("look", faults.fail("X1"))
    assert api.get("/v3/videos/unknown").status_code == 404
    bulk(api, done, first, second)
    for _ in range(6):
        bulk(api, done, first, second)
    states = [entry["status"] for entry in bulk(api, done, first, second)["data"]]
    assert states == ["completed", "failed", "processing"]
    assert (rule.fired, general.fired) == (1, 2)


def test_answer_and_job_are_asked_separately(api, sandbox):
    """One call can meet one fault of each kind."""
    sandbox.fault("create then_status(503) times=1")
    sandbox.fault("create stuck('pending') times=1")
    assert create(api, key="k").status_code == 503
    assert look(api, create(api, key="k").json()["data"]["video_id"])["status"] == "pending"
    assert sandbox.unfired_faults == []


@pytest.mark.anyio
async def test_the_sdk_waits_through_odd_states(sandbox, heygen):
    """Invisible, backwards, an unknown word, odd bulk answers, garbage: one video in the end."""
    sandbox.clock.rate = 20.0
    try:
        sandbox.fault("create invisible(1)")
        sandbox.fault("look status_word('dreaming') times=1")
        sandbox.fault("look bad_json times=1")
        sandbox.fault("look html_page(502) times=1")
        sandbox.fault("GET /v3/videos/statuses bulk_shape('missing') times=1")
        video = await heygen.videos.generate(AVATAR)
    finally:
        sandbox.clock.rate = 0.0
    assert video.video_url
    assert sandbox.jobs.count == 1


@pytest.mark.anyio
async def test_the_sdk_tells_each_bad_end(sandbox, heygen):
    """Failed, stuck, without a link: three errors with the id of the job."""
    sandbox.fault("create fail('400140') times=1")
    sandbox.fault("create stuck times=1")
    sandbox.fault("create url_late times=1")
    brief = heygen.with_options(polling=PollPolicy(first_after=0, max_interval=0.01, url_grace=0.05, timeout=30))
    with pytest.raises(VideoFailedError):
        await brief.videos.generate(AVATAR)
    stuck = await brief.videos.create(AVATAR)
    with pytest.raises(WaitTimeoutError):
        await stuck.wait(timeout=0.1)
    with pytest.raises(VideoNotAvailableError):
        await brief.videos.generate(AVATAR)
    assert sandbox.jobs.count == 3


# Files


def test_an_expired_link_stays_expired_and_a_fresh_one_works(api, sandbox, host):
    """Also when it expires in the middle of the file."""
    video_id = created(api)
    old, second = look(api, video_id)["video_url"], look(api, video_id)["video_url"]
    sandbox.fault("download expire_now times=1")
    sandbox.fault("download expire_after(1000) times=1")
    assert [host.get(old).status_code for _ in range(2)] == [403, 403]
    assert "Request has expired" in host.get(old).text
    assert received(host, second) == 1000
    assert host.get(second).status_code == 403
    assert host.get(look(api, video_id)["video_url"]).status_code == 200


def received(host: httpx.Client, url: str, **headers: str) -> int:
    """Return how many bytes came before the connection broke off."""
    pieces: list[bytes] = []
    with host.stream("GET", url, headers=headers) as answer, pytest.raises(httpx.RemoteProtocolError):
        pieces.extend(answer.iter_raw())
    return sum(map(len, pieces))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("n", [0, 1000, 1_200_000])
def test_a_cut_body_breaks_off(api, sandbox, host, caplog, n, chunked):
    """After n bytes of this answer, with a length or in chunks, and without a line in the log."""
    url = link(api)
    sandbox.fault("download", faults.cut(n, chunked=chunked))
    with caplog.at_level(logging.DEBUG, logger="uvicorn.error"):
        assert received(host, url) == n
        assert received(host, url, Range="bytes=100-") == n
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_body_shorter_than_the_cut_arrives_whole(api, sandbox, host):
    """Nothing is left to be missing; HEAD has no body to cut."""
    url, full = link(api), whole(api, host)
    rule = sandbox.fault("* /files/*", faults.cut(SIZE * 2))
    assert host.get(url).content == full
    assert host.head(url).status_code == 200
    assert (rule.matched, rule.fired) == (1, 1)


def whole(api: httpx.Client, host: httpx.Client) -> bytes:
    """Return the file as it is, while there are no rules."""
    return host.get(link(api)).content


def test_a_short_body_ends_properly(api, sandbox, host):
    """No length, no error: nothing on the wire tells."""
    url = link(api)
    sandbox.fault("download short(1000)")
    answer = host.get(url)
    assert (answer.status_code, len(answer.content)) == (200, 1000)
    assert "content-length" not in answer.headers


def test_slow_bodies_arrive_whole(api, sandbox, host):
    """A stall in the middle, or a small pipe; `delay` keeps the head back."""
    full = whole(api, host)
    url = link(api)
    sandbox.fault("download stall(1000, 0.05) times=1")
    sandbox.fault("download stall(1200000, 0.05) times=1")
    sandbox.fault("download throttle(20000000) times=1")
    sandbox.fault("download delay(0.01) times=1")
    assert [host.get(url).content == full for _ in range(4)] == [True] * 4
    assert sandbox.unfired_faults == []


def test_ranges_are_ignored_refused_or_wrong(api, sandbox, host):
    """Calls without a range are not met."""
    url, size = link(api), len(whole(api, host))
    sandbox.fault("download ignore_range times=1")
    sandbox.fault("download range_416 times=1")
    sandbox.fault("download wrong_range times=1")
    assert host.get(url).status_code == 200
    ignored, refused, wrong = [host.get(url, headers={"Range": "bytes=10-19"}) for _ in range(3)]
    assert (ignored.status_code, len(ignored.content)) == (200, size)
    assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{size}")
    assert (wrong.status_code, wrong.headers["content-range"]) == (206, f"bytes 11-20/{size + 1}")
    assert len(wrong.content) == 10


def test_a_replaced_file_has_another_etag(api, sandbox, host):
    """A condition on the old one fails, on the new one holds; so it stays."""
    url = link(api)
    old = host.get(url).headers["etag"]
    sandbox.fault("download change_etag times=1")
    new = host.get(url, headers={"Range": "bytes=5-", "If-Range": old})
    assert new.status_code == 200
    assert new.headers["etag"] not in {old, ""}
    part = host.get(url, headers={"Range": "bytes=5-", "If-Range": new.headers["etag"]})
    assert (part.status_code, part.headers["etag"]) == (206, new.headers["etag"])
    assert host.get(url, headers={"Range": "bytes=5-", "If-Range": old}).status_code == 200
    sandbox.fault("download change_etag(1000) times=1")
    assert received(host, url) == 1000
    assert host.get(url).headers["etag"] not in {old, new.headers["etag"]}
    assert "etag" not in host.get(url.partition("?")[0]).headers


def test_tags_and_lengths_can_be_left_out_or_weak(api, sandbox, host):
    """The bytes are right."""
    full = whole(api, host)
    url = link(api)
    sandbox.fault("download weak_etag times=1")
    sandbox.fault("download no_length times=1")
    weak, endless = host.get(url), host.get(url)
    assert weak.headers["etag"].startswith('W/"')
    assert "content-length" not in endless.headers
    assert weak.content == endless.content == full


def test_refusals_pass_by_faults_of_files_unchanged(api, sandbox, host):
    """What has neither tag nor range gets none."""
    unsigned = link(api).partition("?")[0]
    sandbox.fault("download", faults.weak_etag(), times=1)
    sandbox.fault("download", faults.wrong_range(), times=1)
    for _ in range(2):
        answer = host.get(unsigned, headers={"Range": "bytes=1-"})
        assert (answer.status_code, {"etag", "content-range"} & {*answer.headers}) == (403, set())
    assert sandbox.unfired_faults == []


def test_other_things_come_in_place_of_the_file(api, sandbox, host):
    """Nothing, a page, a compressed file."""
    full = whole(api, host)
    url = link(api)
    for action in (faults.zero(), faults.html_200(), faults.gzip_file()):
        sandbox.fault("download", action, times=1)
    empty, page, packed = [host.get(url) for _ in range(3)]
    assert (empty.status_code, empty.content, empty.headers["content-length"]) == (200, b"", "0")
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", full)
    sandbox.fault("list gzip_file")
    assert api.get("/v3/templates").headers.get("content-encoding") is None
    assert api.get("/v3/videos").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("range_header", [None, "bytes=1000-"])
def test_one_byte_of_the_file_is_changed(api, sandbox, host, range_header):
    """At its place in the file, whatever part is asked for; the length is right."""
    full = whole(api, host)
    url = link(api)
    sandbox.fault("download corrupt(1200000)")
    answer = host.get(url, headers={"Range": range_header} if range_header else {})
    expected = full[1000:] if range_header else full
    place = 1_200_000 - (1000 if range_header else 0)
    assert len(answer.content) == len(expected)
    assert answer.content[:place] == expected[:place]
    assert answer.content[place] == expected[place] ^ 0xFF
    assert answer.content[place + 1 :] == expected[place + 1 :]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "rule",
    [
        "download cut(1000) times=2",
        "download cut(700000, chunked=True) times=1",
        "download short(400000)",
        "download expire_now times=1",
        "download expire_after(700000) times=1",
        "download change_etag(700000) times=1",
        "download status(404) times=1",
        "download redirect times=1",
        "download no_length times=1",
        "download weak_etag",
        "download range_416 times=1",
        "download delay(0.01) times=1",
    ],
)  # fmt: skip
async def test_downloads_heal(sandbox, heygen, tmp_path, api, host, rule):
    """Whatever breaks on the way, the file is whole in the end and no part of it is left."""
    full = whole(api, host)
    active = sandbox.fault(rule)
    if "range_416" in rule:
        sandbox.fault("download cut(1000) times=1")
    job = await heygen.videos.create(AVATAR)
    await job.wait()
    await job.save(tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == full
    assert [path.name for path in tmp_path.iterdir() if path.is_file() and ".part" in path.name] == []
    assert active.fired or "range_416" in rule


@pytest.mark.anyio
async def test_a_stalled_download_is_resumed(sandbox, no_certificates, tmp_path, api, host):
    """The client gives up on the silence, not on the file."""
    full = whole(api, host)
    sandbox.fault("download stall(700000, 30) times=1")
    timeouts = Timeouts(download_stall=1)
    async with AsyncHeyGen("k", base_url=sandbox.url, retries=QUICK, polling=LOOKS, timeouts=timeouts) as heygen:
        job = await heygen.videos.create(AVATAR)
        await job.wait()
        await job.save(tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == full
    assert sandbox.unfired_faults == []


@pytest.mark.anyio
@pytest.mark.parametrize("rule", ["download html_200", "download zero", "download short(0)"])
async def test_what_is_no_film_is_not_saved(sandbox, heygen, tmp_path, rule):
    """However often it is asked for."""
    sandbox.fault(rule)
    job = await heygen.videos.create(AVATAR)
    await job.wait()
    with pytest.raises((DownloadCorruptError, DownloadIncompleteError)):
        await job.save(tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


# Ways in


def test_a_header_asks_for_one_fault_without_a_rule(api, sandbox):
    """In the words of rules; it goes before them, and jobs can be meant too."""
    sandbox.fault("list status(500)")
    assert api.get("/v3/videos", headers={"X-Sandbox-Prefer": "status=429"}).status_code == 429
    assert api.get("/v3/videos").status_code == 500
    answer = api.post("/v3/videos", json=avatar_video(), headers={"X-Sandbox-Prefer": "stuck('pending')"})
    video_id = answer.json()["data"]["video_id"]
    assert look(api, video_id)["status"] == "pending"
    refused = api.get("/v3/videos", headers={"X-Sandbox-Prefer": "status=4z9"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "X-Sandbox-Prefer")
    on_events = api.get("/v3/videos", headers={"X-Sandbox-Prefer": "drop"})
    assert (on_events.status_code, "webhook" in on_events.json()["error"]["message"]) == (400, True)
    sandbox.fault("look wrong_duration times=1")
    api.get(f"/v3/videos/{video_id}", headers={"X-Sandbox-Prefer": "fail('X1')"})
    assert sandbox.unfired_faults == ["look wrong_duration() times=1"]


@pytest.mark.anyio
async def test_a_header_from_afar_is_not_heard(sandbox):
    """Only this machine may ask."""
    transport = httpx.ASGITransport(sandbox, client=("10.0.0.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"X-Api-Key": "k", "X-Sandbox-Prefer": "status=429"}
        assert (await client.get("/v3/videos", headers=headers)).status_code == 200


@pytest.mark.anyio
async def test_faults_work_in_process_too(sandbox):
    """All but those that break a connection."""
    sandbox.fault("create then_status(503) times=1")
    sandbox.fault("create stuck times=1")
    async with in_process(sandbox) as client:
        headers = {"Idempotency-Key": "k"}
        answers = [await client.post("/v3/videos", json=avatar_video(), headers=headers) for _ in range(2)]
        assert [job.status for job in sandbox.jobs] == ["processing"]
        video_id = answers[1].json()["data"]["video_id"]
        sandbox.faults.clear()
        sandbox.fault("download gzip_file")
        url = (await client.get(f"/v3/videos/{video_id}")).json()["data"]["video_url"]
    async with in_process(sandbox, key=None) as host:
        file, unsigned = await host.get(url), await host.get(url.partition("?")[0])
    assert [answer.status_code for answer in answers] == [503, 200]
    assert [job.status for job in sandbox.jobs] == ["completed"]
    assert (file.status_code, file.headers["content-encoding"]) == (200, "gzip")
    assert (unsigned.status_code, "content-encoding" in unsigned.headers) == (403, False)


def test_the_journal_tells_which_rule_interfered(api, sandbox):
    """Also what an earlier rule left behind."""
    sandbox.fault("list rotate_key times=1")
    api.get("/v3/videos", headers={"X-Sandbox-Prefer": "empty_body"})
    for _ in range(2):
        api.get("/v3/videos")
    assert [call.fault for call in sandbox.requests] == [
        "X-Sandbox-Prefer: empty_body()", "list rotate_key() times=1", "left by an earlier fault",
    ]  # fmt: skip


def test_a_whole_rule_can_be_one_text(sandbox):
    """Its options are in it, then; whatever is wrong is a `ValueError`."""
    rule = sandbox.fault("POST /v3/videos then_status(503) times=1")
    assert rule.rule == sandbox.fault("POST /v3/videos", faults.then_status(503), times=1).rule
    with pytest.raises(ValueError, match="write times, nth there"):
        sandbox.fault("POST /v3/videos hang", times=1, nth=2)
    with pytest.raises(ValueError, match="METHOD /path"):
        sandbox.fault("EVENT *", faults.hang())


def test_the_page_and_the_control_of_the_sandbox_meet_no_faults(api, sandbox):
    """Else nobody could end them."""
    sandbox.fault("* * status(500)")
    assert api.get("/").status_code == 200
    assert api.get("/v3/videos").status_code == 500
