"""The sandbox's own calls: what they show, what they change, and whom they refuse."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.durations import seconds_in
from heygen_async.sandbox.stream import changes
from heygen_async.sandbox.webvtt import to_vtt
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

START = 1_800_000_000.0
SRT = "1\n00:00:00,000 --> 00:00:01,500\nTom & <b>Ann</b>\n\n2\n00:00:01,500 --> 00:00:02,000\nBye --> all\n"

pytestmark = pytest.mark.anyio


@pytest.fixture
def renderer(tmp_path) -> InstantRenderer:
    return InstantRenderer(tmp_path, size=256)


@pytest.fixture
def sandbox(renderer) -> Sandbox:
    return Sandbox(renderer=renderer, start_time=START, speed=0)


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox) as client:
        yield client


async def create(api, **changes) -> str:
    return (await api.post("/v3/videos", json=avatar_video(**changes))).json()["data"]["video_id"]


async def state_of(api) -> dict:
    return (await api.get("/_sandbox/state")).json()


def message(answer) -> str:
    return answer.json()["error"]["message"]


async def test_the_state_tells_of_jobs_money_calls_and_the_clock(api, sandbox):
    """In sections, newest first."""
    video_id = await create(api, title="Mine")
    sandbox.progress("after 5s")
    other = await create(api)
    sandbox.advance(2)
    state = await state_of(api)
    assert state["clock"] | {"moves": 0} == {"now": START + 2, "rate": 0, "moves": 0}
    assert [(job["id"], job["status"]) for job in state["jobs"]] == [(other, "processing"), (video_id, "completed")]
    assert state["jobs"][1] | {"duration": 0, "usd": 0} == {
        "id": video_id, "number": 1, "wire": "v3", "status": "completed", "title": "Mine", "callback_id": None,
        "width": 1920, "height": 1080, "duration": 0, "created_at": START, "finished_at": START, "looks": 0, "usd": 0,
        "refunded": False, "failure": None, "deleted": False,
    }  # fmt: skip
    account = state["account"]
    assert (account["running"], account["waiting"], account["concurrency"]) == (1, 0, 10)
    assert (account["jobs"], account["charges"], account["progress"]) == (2, 2, "after 5s")
    assert account["wallet"] == pytest.approx(10_000 - account["spent"])
    assert [call["path"] for call in state["requests"]] == ["/v3/videos", "/v3/videos"]
    assert (state["requests_total"], state["faults"], state["webhooks"]) == (2, [], [])


async def test_failed_and_deleted_jobs_are_told_as_such(api, sandbox):
    """With the reason; failed ones are refunded."""
    sandbox.fail_next(40119)
    await create(api)
    await api.delete(f"/v3/videos/{await create(api)}")
    deleted, failed = (await state_of(api))["jobs"]
    assert (failed["status"], failed["failure"]["code"], failed["refunded"]) == (
        "failed",
        "MOVIO_VIDEO_IS_TOO_LONG",
        True,
    )
    assert deleted["deleted"]


async def test_the_state_is_bounded(api):
    """The newest hundred of everything, with totals."""
    for _ in range(110):
        await create(api, script="Same")
    state = await state_of(api)
    assert (len(state["jobs"]), state["jobs"][0]["number"], state["account"]["jobs"]) == (100, 110, 110)
    assert (len(state["requests"]), state["requests_total"]) == (100, 110)
    many = (await api.get("/_sandbox/requests?limit=105")).json()
    assert (many["total"], len(many["requests"])) == (110, 105)


async def test_jobs_come_with_what_was_asked_and_fresh_links(api):
    """Links only for completed videos; each look gives new ones."""
    video_id = await create(api, title="Mine")
    first, again = [(await api.get("/_sandbox/jobs")).json()["jobs"][0] for _ in range(2)]
    assert first["request"]["title"] == "Mine"
    assert set(first["links"]) == {"video", "thumbnail", "gif", "srt"}
    assert first["links"]["video"] != again["links"]["video"]
    async with in_process_without_key(api) as host:
        assert (await host.get(first["links"]["video"])).status_code == 200
    (one,) = (await api.get(f"/_sandbox/jobs?id={video_id}")).json()["jobs"]
    assert one["id"] == video_id
    assert (await api.get("/_sandbox/jobs?id=nope")).json() == {"jobs": []}
    await api.delete(f"/v3/videos/{video_id}")
    assert (await api.get("/_sandbox/jobs")).json()["jobs"][0]["links"] == {}


def in_process_without_key(api) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=api._transport, base_url="http://127.0.0.1")


async def test_requests_come_with_headers_and_bodies_without_keys(api):
    """What a client sent, as the journal keeps it."""
    await create(api, title="Mine")
    (call,) = (await api.get("/_sandbox/requests")).json()["requests"]
    assert (call["method"], call["path"], call["status"]) == ("POST", "/v3/videos", 200)
    assert call["json"]["title"] == "Mine"
    assert call["headers"]["x-api-key"] == "..."
    refused = await api.get("/_sandbox/requests?limit=0")
    assert (refused.status_code, "limit" in message(refused)) == (400, True)


async def test_the_clock_can_be_moved_and_set(api, sandbox):
    """By words or seconds; the answer is the new state."""
    answer = await api.post("/_sandbox/clock", json={"advance": "7d", "rate": 60, "progress": "polls=3"})
    assert answer.json()["account"]["progress"] == "polls=3"
    assert sandbox.clock.now() >= START + 7 * 86400
    assert sandbox.clock.rate == 60
    await api.post("/_sandbox/clock", json={"advance": 1.5, "rate": 0})
    assert sandbox.clock.rate == 0
    assert (await api.post("/_sandbox/clock", json={})).status_code == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"advance": "soon"}, "a span of time such as"),
        ({"advance": -1}, "from 0 seconds"),
        ({"advance": None}, "null"),
        ({"advance": []}, "advance"),
        ({"rate": -1}, "greater than or equal to 0"),
        ({"rate": "fast"}, "valid number"),
        ({"rate": 60, "progress": "later"}, "expected 'immediate', 'after 5s', 'polls=3'"),
        ({"progress": 3}, "progress"),
        ({"progress": "uniform 9s..1s"}, "goes from a shorter time to a longer one"),
        ({"advnace": 1}, "did you mean advance?"),
        ([], "valid object"),
    ],
    ids=str,
)
async def test_a_wrong_clock_call_changes_nothing(api, sandbox, body, told):
    """And says what is wrong."""
    answer = await api.post("/_sandbox/clock", json=body)
    assert answer.status_code == 400
    assert told in message(answer)
    assert (sandbox.clock.now(), sandbox.clock.rate) == (START, 0)


async def test_a_refused_rule_of_progress_is_named_once(api):
    """Its own words name the field already."""
    said = message(await api.post("/_sandbox/clock", json={"progress": "later"}))
    assert said.startswith("progress: expected 'immediate'")
    assert said.count("progress") == 1


async def test_a_misspelt_field_is_named_beside_the_missing_one(api):
    """The hint is about the field that nobody knows, so that one has to be in sight."""
    answer = await api.post("/_sandbox/faults", json={"rul": "look hang()"})
    assert message(answer) == "rule: Field required; rul: Extra inputs are not permitted (did you mean rule?)"


async def test_faults_are_added_listed_and_removed(api, sandbox):
    """One by its text, or all."""
    for rule in ("POST /v3/videos then_status(503) times=1", "GET /files/* cut(5)"):
        assert (await api.post("/_sandbox/faults", json={"rule": rule})).json()["rule"] == rule
    assert (await api.post("/v3/videos", json=avatar_video())).status_code == 503
    faults = (await state_of(api))["faults"]
    assert [(fault["rule"].partition(" ")[0], fault["fired"]) for fault in faults] == [("POST", 1), ("GET", 0)]
    left = await api.request("DELETE", "/_sandbox/faults", json={"rule": "GET /files/* cut(5)"})
    assert [fault["number"] for fault in left.json()["faults"]] == [1]
    assert (await api.request("DELETE", "/_sandbox/faults", json={})).json() == {"faults": []}
    assert len(sandbox.faults) == 0
    wrong = await api.post("/_sandbox/faults", json={"rule": "POST /v3/videos then_statsu(503)"})
    assert (wrong.status_code, "then_status" in message(wrong)) == (400, True)


async def test_a_call_that_met_a_fault_says_so(api, sandbox):
    """In the request log."""
    sandbox.fault("POST /v3/videos status(429)")
    await api.post("/v3/videos", json=avatar_video())
    assert (await state_of(api))["requests"][0]["fault"] == "POST /v3/videos status(429)"


async def test_reset_empties_the_sandbox(api, sandbox):
    """The same as `Sandbox.reset`."""
    await create(api)
    assert (await api.post("/_sandbox/reset", json={})).json()["jobs"] == []
    assert (sandbox.jobs.count, len(sandbox.requests)) == (0, 0)
    assert "did you" not in message(await api.post("/_sandbox/reset", json={"all": True}))


async def test_trigger_sends_an_event_and_tells_what_became_of_it(api, sandbox):
    """It waits for the first attempt; hosts elsewhere are not sent to."""
    answer = await api.post("/_sandbox/trigger", json={"event": "avatar_video.success", "url": "http://127.0.0.1:9/"})
    assert (answer.json()["event"], answer.json()["attempts"] or answer.json()["state"]) == ("avatar_video.success", 1)
    other = (await api.post("/_sandbox/trigger", json={"event": "e", "url": "https://example.com/hook"})).json()
    assert (other["state"], other["attempts"]) == ("refused", 0)
    assert (await state_of(api))["webhooks"][0]["url"] == "https://example.com/hook"
    wrong = await api.post("/_sandbox/trigger", json={"event": "e", "url": "there"})
    assert (wrong.status_code, message(wrong)) == (400, "url: Input should be a valid URL")
    sandbox.stop()


async def test_the_player_s_films_are_no_calls(api, sandbox, renderer):
    """They need no signature, meet no fault and are not counted."""
    video_id = await create(api)
    (renderer.renders[0].folder / "captions.srt").write_text(SRT)
    sandbox.fault("* /* status(500)")
    video = await api.get(f"/_sandbox/files/{video_id}/video")
    assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
    captions = await api.get(f"/_sandbox/files/{video_id}/captions.vtt")
    assert (captions.text, captions.headers["content-type"]) == (to_vtt(SRT), "text/vtt; charset=utf-8")
    for path in (f"{video_id}/passwd", f"{video_id}/captioned", "nope/video"):
        assert (await api.get(f"/_sandbox/files/{path}")).status_code == 404
    assert len(sandbox.requests) == 1


def test_webvtt_differs_from_subrip_in_its_head_and_its_points():
    """What would be a tag is text."""
    assert to_vtt(SRT) == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.500\nTom &amp; &lt;b>Ann&lt;/b>\n\n"
        "2\n00:00:01.500 --> 00:00:02.000\nBye --> all\n"
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "http://127.0.0.1:1"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json; charset=utf-8", "Origin": "http://127.0.0.1"}, 200),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
    ids=str,
)
async def test_pages_of_other_sites_change_nothing(api, sandbox, headers, status):
    """They can send forms and plain text without asking, and browsers tell where they are from."""
    answer = await api.post("/_sandbox/clock", content=b'{"advance": 5}', headers=headers)
    assert answer.status_code == status
    assert sandbox.clock.now() == START + 5 * (status == 200)


async def test_pages_of_other_sites_see_nothing(api):
    """No answer allows another origin either."""
    assert (await api.get("/_sandbox/state", headers={"Origin": "https://evil.example"})).status_code == 403
    assert "access-control-allow-origin" not in (await api.get("/_sandbox/state")).headers


def called_from(sandbox, address: str | None, **headers: str) -> httpx.AsyncClient:
    """Return a client whose address the sandbox takes for `address`."""

    async def app(scope, receive, send):
        await sandbox({**scope, "client": None if address is None else (address, 4711)}, receive, send)

    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://sandbox.example", headers=headers)


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.7", {}),
        ("2001:db8::1", {}),
        ("::ffff:192.0.2.7", {}),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}),
        ("127.0.0.1", {"X-Real-IP": "192.0.2.7"}),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}),
        (None, {"X-Forwarded-For": "unknown"}),
    ],
    ids=str,
)
async def test_clients_of_other_machines_neither_see_nor_steer(sandbox, address, headers):
    """In an app that the world can reach, the world must not; behind a proxy, what the proxy tells counts."""
    async with called_from(sandbox, address, **headers) as stranger:
        for method, path in (
            ("GET", "/"),
            ("GET", "/_sandbox/state"),
            ("GET", "/_sandbox/events"),
            ("POST", "/_sandbox/clock"),
            ("GET", "/_sandbox/nowhere"),
        ):
            answer = await stranger.request(method, path, json={"advance": 5} if method == "POST" else None)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_client"), path
            assert "public_control=True" in message(answer)
        assert (await stranger.get("/v3/voices", headers={"X-Api-Key": "k"})).status_code == 200
    assert sandbox.clock.now() == START


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("127.0.0.1", {}),
        ("127.8.9.1", {}),
        ("::1", {}),
        ("::ffff:127.0.0.1", {}),
        (None, {}),
        ("", {}),
        ("testclient", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, ::1"}),
    ],
    ids=str,
)
async def test_programs_of_this_machine_see_and_steer(sandbox, address, headers):
    """Also where nobody knows an address, as in process."""
    async with called_from(sandbox, address, **headers) as neighbour:
        assert (await neighbour.get("/")).status_code == 200
        assert (await neighbour.post("/_sandbox/clock", json={"advance": 5})).status_code == 200
    assert sandbox.clock.now() == START + 5


async def test_strangers_are_let_in_if_the_sandbox_is_told_so(renderer):
    """Names of further hosts do not do it."""
    options = {"renderer": renderer, "start_time": START, "speed": 0}
    async with called_from(Sandbox(hosts=["sandbox.example"], **options), "192.0.2.7") as stranger:
        assert (await stranger.get("/_sandbox/state")).status_code == 403
    async with called_from(Sandbox(public_control=True, **options), "192.0.2.7") as stranger:
        assert (await stranger.get("/")).status_code == 200
        assert (await stranger.post("/_sandbox/clock", json={"advance": 5})).status_code == 200
        from_page = await stranger.get("/_sandbox/state", headers={"Origin": "https://evil.example"})
        assert from_page.json()["error"]["code"] == "foreign_origin"


def test_a_body_above_64_kib_is_refused(renderer):
    """Whether its length was declared or not."""
    headers = {"Content-Type": "application/json"}
    rule = b'{"rule": "look hang()"}'
    with Sandbox(renderer=renderer) as sandbox, httpx.Client(base_url=sandbox.url, trust_env=False) as client:
        for body in (rule.ljust(64 * 1024 + 1), iter([rule, b" " * 64 * 1024])):
            answer = client.post("/_sandbox/faults", content=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")
            assert "65536 bytes" in message(answer)
        assert len(sandbox.faults) == 0
        answer = client.post("/_sandbox/faults", content=rule.ljust(64 * 1024), headers=headers)
        assert answer.status_code == 200


async def test_what_does_not_exist_is_told_in_json(api):
    """Unknown calls and wrong methods."""
    assert (await api.get("/_sandbox/nope")).json() == {"error": {"code": "not_found", "message": "Not Found"}}
    wrong = await api.get("/_sandbox/clock")
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()["error"]["code"]) == (405, "POST", "refused")


async def test_browsers_get_the_page_and_others_a_few_words(api):
    """The page may load and send nothing from or to elsewhere, and holds no address of another host."""
    page = await api.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "sha256-" in policy
    assert "https://" not in page.text
    words = await api.get("/")
    assert words.headers["content-type"].startswith("text/plain")
    assert "http://127.0.0.1" in words.text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 604800),
        ("1h30m", 5400),
        ("90", 90),
        ("1.5 h", 5400),
        (" 2w ", 1209600),
        (0, 0),
        (2.5, 2.5),
        ("1D", 86400),
    ],
)
def test_spans_of_time_are_read_as_people_write_them(text, seconds):
    """Seconds without a unit."""
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "7 days", "d", "1h-", "-1", "nan", "inf", True, float("nan")])
def test_anything_else_is_no_span_of_time(text):
    """With an example."""
    with pytest.raises(ValueError, match="a span of time"):
        seconds_in(text)


@pytest.fixture
def no_pause(monkeypatch):
    async def at_once(_seconds):
        return None

    monkeypatch.setattr("heygen_async.sandbox.stream.anyio.sleep", at_once)


async def test_events_tell_everything_once_and_then_what_changed(no_pause):
    """Time that passes is no change, but is told along with one."""
    states = [
        {"clock": {"now": 1, "rate": 1}, "jobs": [], "faults": []},
        {"clock": {"now": 2, "rate": 1}, "jobs": [], "faults": []},
        {"clock": {"now": 3, "rate": 1}, "jobs": ["job"], "faults": []},
        {"clock": {"now": 4, "rate": 60}, "jobs": ["job"], "faults": []},
    ]
    left = iter(states)
    told = [event async for event in changes(lambda: next(left), iter([False] * 4 + [True]).__next__)]
    assert told[0] == "retry: 1000\n\n"
    data = [json.loads(event.partition("data: ")[2]) for event in told[1:]]
    assert data == [states[0], {"clock": {"now": 3, "rate": 1}, "jobs": ["job"]}, {"clock": {"now": 4, "rate": 60}}]


async def test_a_quiet_stream_shows_that_it_lives(no_pause):
    """With a comment every ten seconds."""
    looks = iter([False] * 90 + [True])
    told = [event async for event in changes(lambda: {"clock": {"now": 1}}, lambda: next(looks))]
    assert [event for event in told if event.startswith(":")] == [": nothing new\n\n"] * 2


@contextmanager
def listening(sandbox):
    timeout = httpx.Timeout(30)
    with httpx.stream("GET", f"{sandbox.url}/_sandbox/events", trust_env=False, timeout=timeout) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))


def test_who_listens_hears_of_changes_until_the_server_stops(renderer):
    """The stream ends by itself then, as streams should end."""
    with Sandbox(renderer=renderer) as sandbox, listening(sandbox) as events:
        assert next(events)["jobs"] == []
        httpx.post(f"{sandbox.url}/v3/videos", json=avatar_video(), headers={"X-Api-Key": "k"}, trust_env=False)
        assert any(event.get("jobs") for event in events)
        ending = threading.Thread(target=sandbox.stop)
        ending.start()
        for _ in events:
            pass
        ending.join(30)
        assert not ending.is_alive()
