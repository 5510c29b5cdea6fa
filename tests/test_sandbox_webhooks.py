"""Webhooks of the sandbox, with a real receiver on loopback (scenarios 51a to 51m)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time

import anyio
import anyio.from_thread
import anyio.to_thread
import httpx
import pytest

from heygen_async import AsyncHeyGen, AvatarVideo, PollPolicy, WebhookVerificationError, webhooks
from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.faults.deliveries import patch_event
from heygen_async.sandbox.webhooks import courier, deliveries
from heygen_async.sandbox.webhooks.courier import refusal_of
from heygen_async.sandbox.webhooks.deliveries import RETRY_DELAYS, Attempt, Deliveries
from heygen_async.sandbox.webhooks.happenings import EVENT_TYPES, WebhookEvent
from heygen_async.sandbox.webhooks.twists import Twist
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process, quick_start
from tests.webhook_receiver import PATIENCE, Received, Receiver, until

ENDPOINTS = "/v3/webhooks/endpoints"
THREAD = "heygen-sandbox-webhooks"
FOREIGN: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def threads_of_other_tests():
    FOREIGN.clear()
    FOREIGN.update(threading.enumerate())


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def renderer(tmp_path) -> InstantRenderer:
    return InstantRenderer(tmp_path, size=4096)


@pytest.fixture
def sandbox(renderer):
    """Return a sandbox whose clock moves only by hand."""
    sandbox = Sandbox(renderer=renderer, speed=0.0, start_time=1_800_000_000.0)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def api(sandbox):
    """Return a client of the sandbox as a server."""
    headers = {"X-Api-Key": "key"}
    with sandbox, httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False, verify=False) as client:
        yield client


def register(api: httpx.Client, url: str, **more: object) -> dict:
    answer = api.post(ENDPOINTS, json={"url": url, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def create(api: httpx.Client, **changes: object) -> str:
    answer = api.post("/v3/videos", json=avatar_video(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["video_id"]


def is_signed(request: Received, secret: str, header: str = "heygen-signature") -> bool:
    """Compute the signature independently of sandbox and SDK."""
    return hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest() == request.headers[header]


def events_of(received: list[Received]) -> list[str]:
    return [json.loads(request.body)["event_type"] for request in received]


# From a job's end to a receiver.


@pytest.mark.anyio
async def test_a_video_made_with_the_sdk_is_told_and_verified(renderer, receiver):
    """Create, receive, verify, and fetch the file that the event leads to."""
    async with (
        Sandbox(renderer=renderer) as sandbox,
        AsyncHeyGen("key", base_url=sandbox.url) as heygen,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        registered = await client.post(
            sandbox.url + ENDPOINTS, json={"url": receiver.url}, headers={"X-Api-Key": "key"}
        )
        secret = registered.json()["data"]["secret"]
        job = await heygen.videos.create(
            AvatarVideo(avatar_id="look-1", voice_id="voice-1", script="Hello.", callback_id="mine")
        )
        delivery = await anyio.to_thread.run_sync(sandbox.webhooks.wait, "avatar_video.success")
        [request] = receiver.wait()
        event = webhooks.unwrap(request.body, request.headers, secret)
        file = await client.get(event.data["url"])
    assert is_signed(request, secret)
    assert (event.type, event.video_id, event.callback_id) == ("avatar_video.success", job.id, "mine")
    assert (request.headers["heygen-event-id"], event.id) == (event.id, delivery.event.id)
    assert request.headers["content-type"] == "application/json"
    assert (file.status_code, file.content[4:8]) == (200, b"ftyp")


@pytest.mark.anyio
async def test_51i_notify_wakes_a_waiter_long_before_its_look_is_due(renderer, receiver):
    """Without the webhook, the first look would come in an hour."""
    polling = PollPolicy(first_after=3600.0, max_interval=3600.0, timeout=7200.0)
    async with (
        Sandbox(renderer=renderer, speed=0.0, progress="after 60s") as sandbox,
        AsyncHeyGen("key", base_url=sandbox.url, polling=polling) as heygen,
        httpx.AsyncClient(headers={"X-Api-Key": "key"}, trust_env=False) as api,
    ):
        secret = (await api.post(sandbox.url + ENDPOINTS, json={"url": receiver.url})).json()["data"]["secret"]
        job = await heygen.videos.create(AvatarVideo(avatar_id="look-1", voice_id="voice-1", script="Hello."))

        async def receive() -> None:
            [request] = await anyio.to_thread.run_sync(receiver.wait)
            heygen.notify(webhooks.unwrap(request.body, request.headers, secret))

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(receive)
                sandbox.advance(60)
                video = await job.wait()
    assert video.id == job.id


@pytest.mark.anyio
async def test_51i_an_early_event_finds_the_waiter_that_comes_later(renderer, receiver):
    """The event is delivered before the create call is answered, and there is no second one."""
    async with (
        Sandbox(renderer=renderer) as sandbox,
        AsyncHeyGen("key", base_url=sandbox.url, polling=PollPolicy(first_after=3600.0)) as heygen,
    ):
        sandbox.fault("EVENT avatar_video.success early()")
        job = await heygen.videos.create(
            AvatarVideo(avatar_id="look-1", voice_id="voice-1", script="Hello.", callback_url=receiver.url)
        )
        [request] = receiver.received
        heygen.notify(webhooks.unwrap_unsigned(request.body))
        with anyio.fail_after(PATIENCE):
            assert (await job.wait()).id == job.id
        assert [event.video_id for event in sandbox.webhooks.events] == [job.id]


def test_a_failed_video_is_told_with_its_reason(sandbox, api, receiver):
    register(api, receiver.url)
    sandbox.fail_next(40119)
    video_id = create(api, callback_id="mine")
    sandbox.webhooks.wait("avatar_video.fail", video_id=video_id)
    [request] = receiver.received
    assert json.loads(request.body) == {
        "event_id": request.headers["heygen-event-id"],
        "event_type": "avatar_video.fail",
        "event_data": {"video_id": video_id, "msg": "Video is too long", "callback_id": "mine"},
        "created_at": "2027-01-15T08:00:00Z",
    }


def test_51b_an_endpoint_of_v1_hears_in_v1s_words(sandbox, api, receiver):
    answer = api.post("/v1/webhook/endpoint.add", json={"url": receiver.url, "events": []}).json()
    secret = answer["data"]["secret"]
    create(api)
    [request] = receiver.wait()
    assert is_signed(request, secret, "signature")
    assert json.loads(request.body).keys() == {"event_type", "event_data"}
    assert not [name for name in request.headers if name.startswith("heygen-")]
    assert webhooks.unwrap(request.body, request.headers, secret).type == "avatar_video.success"


@pytest.mark.parametrize("wire", ["v3", "v2"])
def test_51j_a_callback_url_is_told_unsigned_besides_the_endpoints(sandbox, api, receiver, wire: str):
    register(api, f"{receiver.url}/registered")
    callback = {"callback_url": f"{receiver.url}/callback", "callback_id": "mine"}
    if wire == "v3":
        create(api, **callback)
    else:
        assert api.post("/v2/video/generate", json=quick_start(**callback)).status_code == 200
    requests = {request.path: request for request in receiver.wait(2)}
    unsigned = requests["/hook/callback"]
    assert "heygen-signature" in requests["/hook/registered"].headers
    assert not {"signature", "heygen-signature", "heygen-event-id"} & unsigned.headers.keys()
    assert ("event_id" in json.loads(unsigned.body)) == (wire == "v3")
    assert webhooks.unwrap_unsigned(unsigned.body).callback_id == "mine"
    with pytest.raises(WebhookVerificationError, match="callback_url"):
        webhooks.unwrap(unsigned.body, unsigned.headers, "whsec_any")


def test_a_callback_url_alone_is_enough_while_the_clock_stands(sandbox, api, receiver):
    """The job ends when time is told to pass; nobody looks at it."""
    sandbox.progress(after=3600)
    video_id = create(api, callback_url=receiver.url)
    assert sandbox.webhooks.events == []
    sandbox.advance(3600)
    assert sandbox.webhooks.wait(video_id=video_id).endpoint_id is None
    until(lambda: not threads())


def test_a_callback_of_a_video_that_ends_at_once_needs_nobody_to_look(sandbox, api, receiver):
    create(api, callback_url=receiver.url)
    assert events_of(receiver.wait()) == ["avatar_video.success"]


def test_what_was_cut_off_by_stop_is_sent_again(renderer, receiver):
    """An attempt that was cut off is none."""
    sandbox = Sandbox(renderer=renderer)
    receiver.answers.append(0)
    for _ in range(2):
        sandbox.webhooks.trigger("avatar_video.success", receiver.url)
    receiver.wait()
    sandbox.stop()
    assert sandbox.webhooks.wait().attempts[0].status == 200
    assert [one.number for one in sandbox.webhooks.deliveries if one.is_over][:1] == [1]
    assert len(receiver.wait(3)) == 3
    sandbox.stop()


def test_the_end_of_a_batch_is_told_once_its_items_have_ended(sandbox, api, receiver):
    """Its callback is called once; items that were refused have failed."""
    sandbox.progress(after=60)
    videos = [avatar_video(), avatar_video(script=None)]
    answer = api.post("/v3/videos/batches", json={"videos": videos, "title": "two", "callback_url": receiver.url})
    batch_id = answer.json()["data"]["batch_id"]
    assert sandbox.webhooks.events == []
    sandbox.advance(60)
    sandbox.webhooks.wait("batch.finished")
    [request] = receiver.received
    told = webhooks.unwrap_unsigned(request.body).data
    assert (told["batch_id"], told["title"], told["status"]) == (batch_id, "two", "completed")
    assert told["counts"] == {"completed": 1, "failed": 1}
    assert [event.type for event in sandbox.webhooks.events] == ["avatar_video.success", "batch.finished"]
    until(lambda: not threads())


def test_an_endpoint_hears_what_it_subscribed_to_from_then_on(sandbox, api, receiver):
    create(api)
    register(api, f"{receiver.url}/all")
    register(api, f"{receiver.url}/fails", events=["avatar_video.fail"])
    sandbox.fail_next()
    create(api)
    create(api)
    heard = {path: events_of([r for r in receiver.wait(3) if r.path == path]) for path in ("/hook/all", "/hook/fails")}
    assert heard == {
        "/hook/all": ["avatar_video.fail", "avatar_video.success"],
        "/hook/fails": ["avatar_video.fail"],
    }
    assert len(sandbox.webhooks.events) == 3


def test_an_entity_id_narrows_an_endpoint(sandbox, api, receiver):
    first = create(api)
    register(api, receiver.url, entity_id="another")
    create(api)
    assert {delivery.url for delivery in sandbox.webhooks.deliveries} == set()
    assert first in {event.entity_id for event in sandbox.webhooks.events}


@pytest.mark.anyio
async def test_in_process_deliveries_work_too(sandbox, receiver):
    async with in_process(sandbox) as api:
        secret = (await api.post(ENDPOINTS, json={"url": receiver.url})).json()["data"]["secret"]
        await api.post("/v3/videos", json=avatar_video())
        delivery = await anyio.to_thread.run_sync(sandbox.webhooks.wait)
    assert webhooks.unwrap(delivery.body, delivery.headers, secret).data["url"].startswith("http://127.0.0.1/files/")


def test_event_ids_are_the_same_in_every_run_and_secrets_never(renderer):
    seen = []
    for _ in range(2):
        sandbox = Sandbox(renderer=renderer, start_time=0.0)
        endpoint = sandbox.webhooks.add_endpoint("http://127.0.0.1:9/", events=None, wire="v3", entity_id=None)
        event = sandbox.webhooks.trigger("batch.finished", "http://127.0.0.1:9/").event
        seen.append((endpoint.id, event.id, endpoint.secret))
        sandbox.stop()
    assert seen[0][:2] == seen[1][:2]
    assert seen[0][2] != seen[1][2]


# What goes wrong on the way.


def test_a_failed_delivery_is_repeated_on_the_virtual_clock(sandbox, api, receiver):
    """500, then a redirect, which is not followed, then 200: one event id, ten and sixty virtual seconds apart."""
    register(api, receiver.url)
    receiver.answers.extend([500, 302])
    create(api)
    for delay in RETRY_DELAYS[:2]:
        until(lambda: sandbox.webhooks.deliveries[0].state == "waiting" and sandbox.webhooks.deliveries[0].attempts)
        delivery = sandbox.webhooks.deliveries[0]
        assert delivery.due_at == delivery.attempts[-1].at + delay
        count = len(delivery.attempts)
        sandbox.advance(delay)
        until(lambda count=count: len(sandbox.webhooks.deliveries[0].attempts) > count)
    delivery = sandbox.webhooks.wait("avatar_video.success")
    assert [attempt.status for attempt in delivery.attempts] == [500, 302, 200]
    assert [request.path for request in receiver.received] == ["/hook"] * 3
    assert len({request.headers["heygen-event-id"] for request in receiver.received}) == 1


def test_a_receiver_that_is_not_there_is_a_failed_attempt(sandbox, api):
    with Receiver() as gone:
        url = gone.url
    register(api, url)
    create(api)
    until(lambda: sandbox.webhooks.deliveries[0].attempts)
    [attempt] = sandbox.webhooks.deliveries[0].attempts
    assert attempt.status is None
    assert attempt.error is not None
    assert "ConnectError" in attempt.error


def test_a_receiver_that_hangs_holds_up_nobody_else(sandbox, api, receiver, monkeypatch):
    monkeypatch.setattr(courier, "DELIVERY_SECONDS", 0.3)
    with Receiver() as slow:
        slow.answers.append(0)
        register(api, slow.url)
        register(api, receiver.url)
        create(api)
        sandbox.webhooks.wait()
        until(lambda: sandbox.webhooks.deliveries[0].attempts)
        [attempt] = sandbox.webhooks.deliveries[0].attempts
        assert attempt.error == "no answer within 0.3 s"
        assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "url",
    ["https://example.com/hook", "http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/", "http://10.0.0.1/"],
)
def test_only_this_machine_is_delivered_to_unless_told(sandbox, api, url: str):
    register(api, url)
    create(api)
    until(lambda: sandbox.webhooks.deliveries[0].is_over)
    [delivery] = sandbox.webhooks.deliveries
    assert (delivery.state, delivery.attempts) == ("refused", ())
    assert "Sandbox(webhook_hosts=[...])" in str(delivery.reason)


def test_hosts_are_allowed_by_name():
    hosts = frozenset({"receiver.test"})
    allowed = ["http://receiver.test:8080/", "http://localhost/", "http://127.9.9.9/", "http://[::1]:80/x"]
    assert [refusal_of(url, hosts) for url in allowed] == [None] * 4
    for url in ("http://other.test/", "ftp://localhost/", "http://", "http://[::1", "localhost"):
        assert refusal_of(url, hosts)


def test_after_eight_attempts_a_delivery_has_failed():
    """The schedule ends within 24 hours."""
    queue, now = Deliveries(), 0.0
    event = WebhookEvent(number=1, id="e", type="t", created_at=0.0)
    number = queue.add(event, "u", endpoint_id=None, wire="v3", now=now, twist=Twist()).number
    for delay in (*RETRY_DELAYS, 0.0):
        assert queue.take(now - 0.001, lambda _: True) is None or now == 0
        taken = queue.take(now, lambda _: True)
        assert taken is None or taken.state == "sending"
        queue.record(number, Attempt(at=now, status=500, error="500"))
        now += delay
    final = queue.get(number)
    assert final is not None
    assert (final.state, len(final.attempts), final.due_at) == ("failed", 8, None)
    assert not queue.has_work
    assert now < 24 * 3600


def test_of_deliveries_that_are_over_only_the_newest_are_kept(monkeypatch):
    monkeypatch.setattr(deliveries, "KEPT", 2)
    queue, event = Deliveries(), WebhookEvent(number=1, id="e", type="t", created_at=0.0)
    late = queue.add(event, "u", endpoint_id=None, wire="v3", now=0.0, twist=Twist(late=9.0))
    dropped = [
        queue.add(event, "u", endpoint_id=None, wire="v3", now=0.0, twist=Twist(drop=True)).number for _ in range(4)
    ]
    assert [one.number for one in queue] == [late.number, *dropped[2:]]
    queue.record(dropped[-1], Attempt(at=1.0, status=200))
    queue.record(dropped[0], Attempt(at=1.0, status=200))
    assert [one.state for one in queue] == ["waiting", "dropped", "dropped"]


def test_what_waits_for_a_deleted_endpoint_is_given_up(sandbox, api, receiver):
    gone, left = (register(api, f"{receiver.url}/{name}") for name in ("gone", "left"))
    receiver.answers.extend([500, 500])
    create(api)
    until(lambda: all(delivery.attempts for delivery in sandbox.webhooks.deliveries))
    answer = api.delete(f"{ENDPOINTS}/{gone['endpoint_id']}")
    assert answer.json() == {"data": {}, "error": None}
    first, second = sandbox.webhooks.deliveries
    assert (first.state, first.reason, first.due_at) == ("failed", "the endpoint was deleted", None)
    assert (second.state, second.endpoint_id) == ("waiting", left["endpoint_id"])
    api.delete(f"{ENDPOINTS}/{left['endpoint_id']}")
    until(lambda: not threads())


# The thread.


def threads() -> list[threading.Thread]:
    """Return the delivering threads that this test started."""
    return [thread for thread in threading.enumerate() if thread.name == THREAD and thread not in FOREIGN]


def test_no_thread_runs_while_there_is_nobody_to_deliver_to(sandbox, api):
    create(api)
    assert threads() == []
    assert [event.type for event in sandbox.webhooks.events] == ["avatar_video.success"]


def test_reset_ends_the_thread_and_forgets_everything(sandbox, api, receiver):
    register(api, receiver.url)
    create(api)
    sandbox.webhooks.wait()
    assert len(threads()) == 1
    sandbox.reset()
    until(lambda: not threads())
    assert (sandbox.webhooks.endpoints, sandbox.webhooks.events, sandbox.webhooks.deliveries) == ([], [], [])


def test_stop_does_not_wait_for_a_receiver(renderer):
    """The thread is gone when `stop` returns, although its receiver never answers."""
    with Receiver() as slow:
        slow.answers.append(0)
        with Sandbox(renderer=renderer) as sandbox:
            sandbox.webhooks.trigger("avatar_video.success", slow.url)
            slow.wait()
        assert threads() == []


# Faults.


def test_51a_bad_signature(sandbox, api, receiver):
    secret = register(api, receiver.url)["secret"]
    sandbox.fault("EVENT avatar_video.* bad_signature() times=1")
    create(api)
    create(api)
    wrong, right = receiver.wait(2)
    with pytest.raises(WebhookVerificationError, match="fits none"):
        webhooks.unwrap(wrong.body, wrong.headers, secret)
    assert webhooks.unwrap(right.body, right.headers, secret).type == "avatar_video.success"


STYLES = {"v3": True, "v1": True, "both": True, "milliseconds": True, "iso": True, "x-heygen": False, "unsigned": False}


@pytest.mark.parametrize(("style", "accepted"), STYLES.items())
def test_51b_header_styles(sandbox, api, receiver, style: str, accepted: bool):
    secret = register(api, receiver.url)["secret"]
    sandbox.fault(f"EVENT * header_style({style!r})")
    create(api)
    [request] = receiver.wait()
    if accepted:
        assert webhooks.unwrap(request.body, request.headers, secret).type == "avatar_video.success"
    else:
        with pytest.raises(WebhookVerificationError, match="has no Heygen-Signature"):
            webhooks.unwrap(request.body, request.headers, secret)


def test_51c_a_secret_rotated_before_a_delivery(sandbox, api, receiver):
    old = register(api, receiver.url)["secret"]
    sandbox.fault("EVENT avatar_video.* rotate_secret() times=1")
    create(api)
    [request] = receiver.wait()
    new = sandbox.webhooks.endpoints[0].secret
    with pytest.raises(WebhookVerificationError, match="rotated"):
        webhooks.unwrap(request.body, request.headers, old)
    assert webhooks.unwrap(request.body, request.headers, [old, new]).type == "avatar_video.success"


def test_51d_an_old_timestamp(sandbox, api, receiver):
    secret = register(api, receiver.url)["secret"]
    sandbox.fault("EVENT avatar_video.* old_timestamp(900)")
    create(api)
    [request] = receiver.wait()
    with pytest.raises(WebhookVerificationError, match="in the past"):
        webhooks.unwrap(request.body, request.headers, secret)
    assert webhooks.unwrap(request.body, request.headers, secret, tolerance=3600)


def test_51e_duplicates_have_one_id(sandbox, api, receiver):
    secret = register(api, receiver.url)["secret"]
    sandbox.fault("EVENT avatar_video.* duplicate(times=3)")
    create(api)
    ids = {webhooks.unwrap(request.body, request.headers, secret).id for request in receiver.wait(3)}
    assert len(ids) == 1
    assert len(sandbox.webhooks.events) == 1


def test_51f_an_event_overtaken_by_the_next(sandbox, api, receiver):
    register(api, receiver.url)
    sandbox.fault("EVENT avatar_video.success reorder() times=1")
    create(api)
    sandbox.fail_next()
    create(api)
    assert events_of(receiver.wait(2)) == ["avatar_video.fail", "avatar_video.success"]


def test_51h_a_patched_event_is_signed_as_it_is_told(sandbox, api, receiver):
    secret = register(api, receiver.url)["secret"]
    removed = ["event_id", "event_data.url", "created_at.day"]
    sandbox.fault("EVENT *", patch_event({"event_data": {"callback_id": None}}, remove=removed))
    create(api, callback_id="mine")
    [request] = receiver.wait()
    event = webhooks.unwrap(request.body, request.headers, secret)
    assert (event.callback_id, "url" in event.data, "event_id" in event.raw) == (None, False, False)
    assert event.id == request.headers["heygen-event-id"]


def test_51k_a_probe_goes_before_the_event(sandbox, api, receiver):
    register(api, receiver.url)
    sandbox.fault("EVENT avatar_video.* probe()")
    create(api)
    assert [request.method for request in receiver.wait(2)] == ["OPTIONS", "POST"]


def test_51k_a_probe_of_a_new_endpoint(sandbox, api, receiver):
    sandbox.fault("EVENT endpoint.added probe()")
    register(api, receiver.url)
    [request] = receiver.wait()
    assert (request.method, request.body) == ("OPTIONS", b"")
    assert sandbox.webhooks.events == []


def test_51m_a_dropped_delivery_is_in_the_history(sandbox, api, receiver):
    register(api, receiver.url)
    sandbox.fault("EVENT avatar_video.success drop()")
    video_id = create(api)
    sandbox.fail_next()
    create(api)
    sandbox.webhooks.wait("avatar_video.fail")
    assert events_of(receiver.received) == ["avatar_video.fail"]
    dropped = sandbox.webhooks.deliveries[0]
    assert (dropped.state, dropped.event.video_id) == ("dropped", video_id)
    history = api.get("/v3/webhooks/events", params={"entity_id": video_id}).json()["data"]
    assert [event["event_type"] for event in history] == ["avatar_video.success"]


def test_a_late_delivery_waits_for_the_virtual_clock(sandbox, api, receiver):
    register(api, receiver.url)
    sandbox.fault("EVENT avatar_video.success late(3600) times=1")
    late, prompt = create(api), create(api)
    sandbox.webhooks.wait(video_id=prompt)
    assert len(receiver.received) == 1
    sandbox.advance(3600)
    sandbox.webhooks.wait(video_id=late)


# `wait` and `trigger`.


def test_wait_tells_what_kept_the_event(sandbox, api, receiver):
    with pytest.raises(TimeoutError, match=r"0 endpoint\(s\), 0 event\(s\)"):
        sandbox.webhooks.wait("avatar_video.success", timeout=0)
    register(api, receiver.url)
    receiver.answers.append(500)
    video_id = create(api)
    until(lambda: sandbox.webhooks.deliveries[0].attempts)
    with pytest.raises(TimeoutError, match=f"of video {video_id} to .*waiting .the receiver answered 500"):
        sandbox.webhooks.wait("avatar_video.fail", timeout=0)


def test_51g_trigger_sends_any_event(sandbox, receiver):
    types = [*EVENT_TYPES, "hologram.success"]
    for event_type in types:
        sandbox.webhooks.trigger(event_type, receiver.url, "v-1", secret="whsec_mine")
    events = [webhooks.unwrap(r.body, r.headers, "whsec_mine") for r in receiver.wait(len(types))]
    assert [event.type for event in events] == types
    assert all("v-1" in event.data.values() for event in events)


def test_trigger_signs_as_the_endpoint_of_that_url_or_not_at_all(sandbox, api, receiver):
    secret = register(api, receiver.url, events=["batch.finished"])["secret"]
    video_id = create(api, callback_id="mine")
    known = sandbox.webhooks.trigger("avatar_video.success", receiver.url, video_id)
    sandbox.webhooks.trigger("avatar_video.fail", f"{receiver.url}/other")
    requests = {request.path: request for request in receiver.wait(2)}
    event = webhooks.unwrap(requests["/hook"].body, requests["/hook"].headers, secret)
    assert (event.id, event.video_id, event.callback_id) == (known.event.id, video_id, "mine")
    assert "heygen-signature" not in requests["/hook/other"].headers
    assert webhooks.unwrap_unsigned(requests["/hook/other"].body).type == "avatar_video.fail"


@pytest.mark.parametrize(("event", "url"), [("", "http://127.0.0.1/"), ("a.b", "")])
def test_trigger_refuses_nothing_to_send(sandbox, event: str, url: str):
    with pytest.raises(ValueError, match="trigger: give"):
        sandbox.webhooks.trigger(event, url)


@pytest.mark.anyio
async def test_outcome_waits_for_the_first_attempt(sandbox, receiver):
    receiver.answers.append(503)
    sent = sandbox.webhooks.trigger("avatar_video.success", receiver.url)
    tried = await sandbox.webhooks.outcome(sent, timeout=PATIENCE)
    assert [attempt.status for attempt in tried.attempts] == [503]


# The API.


def test_v3_shows_the_secret_at_creation_and_rotation_only(sandbox, api):
    endpoint = register(api, "http://127.0.0.1:9/", events=["avatar_video.success"])
    path = f"{ENDPOINTS}/{endpoint['endpoint_id']}"
    assert endpoint["secret"].startswith("whsec_")
    assert (endpoint["status"], endpoint["events"]) == ("enabled", ["avatar_video.success"])
    assert endpoint["created_at"] == "2027-01-15T08:00:00Z"
    assert api.get(ENDPOINTS).json() == {
        "data": [{**endpoint, "secret": None}],
        "has_more": False,
        "next_token": None,
    }
    changed = api.patch(path, json={"url": "http://127.0.0.1:10/", "events": None}).json()["data"]
    assert changed == {**endpoint, "url": "http://127.0.0.1:10/", "events": None, "secret": None}
    assert api.patch(path, json={"url": None}).json()["data"] == changed
    rotated = api.post(f"{path}/rotate-secret").json()["data"]
    assert rotated == {"endpoint_id": endpoint["endpoint_id"], "secret": sandbox.webhooks.endpoints[0].secret}
    assert rotated["secret"] != endpoint["secret"]
    assert "whsec" not in repr(sandbox.webhooks.endpoints)


def test_an_idempotency_key_makes_one_endpoint_and_one_rotation(sandbox, api):
    key = {"Idempotency-Key": "once"}
    first, again = (api.post(ENDPOINTS, json={"url": "http://127.0.0.1:9/"}, headers=key).json() for _ in range(2))
    assert first == again
    path = f"{ENDPOINTS}/{first['data']['endpoint_id']}/rotate-secret"
    assert len({api.post(path, headers=key).json()["data"]["secret"] for _ in range(2)}) == 1
    assert len(sandbox.webhooks.endpoints) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", ENDPOINTS, {}, 400, "invalid_parameter"),
        ("POST", ENDPOINTS, {"url": "nowhere"}, 400, "invalid_parameter"),
        ("POST", ENDPOINTS, {"url": "http://a/", "events": ["hologram.success"]}, 400, "invalid_parameter"),
        ("PATCH", f"{ENDPOINTS}/ep_none", {"url": "http://a/"}, 404, "webhook_not_found"),
        ("DELETE", f"{ENDPOINTS}/ep_none", None, 404, "webhook_not_found"),
        ("POST", f"{ENDPOINTS}/ep_none/rotate-secret", None, 404, "webhook_not_found"),
        ("GET", "/v3/webhooks/events?event_type=hologram.success", None, 400, "invalid_parameter"),
        ("GET", "/v3/webhooks/events?token=x", None, 400, "invalid_parameter"),
    ],
)  # fmt: skip
def test_v3_refusals(api, method: str, path: str, body: object, status: int, code: str):
    answer = api.request(method, path, json=body) if body is not None else api.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_v1_manages_the_same_endpoints(sandbox, api):
    shared = register(api, "http://127.0.0.1:9/")
    added = api.post("/v1/webhook/endpoint.add", json={"url": "http://127.0.0.1:10/"}).json()
    assert added["code"] == 100
    assert added["data"].keys() == {"endpoint_id", "username", "url", "status", "events", "secret", "created_at"}
    assert added["data"]["created_at"] == "2027-01-15T08:00:00.000000"
    listed = api.get("/v1/webhook/endpoint.list").json()["data"]
    assert [one["secret"] for one in listed] == [shared["secret"], added["data"]["secret"]]
    change = {"endpoint_id": shared["endpoint_id"], "url": "http://127.0.0.1:11/", "events": ["avatar_video.fail"]}
    assert api.patch("/v1/webhook/endpoint.update", json=change).json()["data"]["events"] == ["avatar_video.fail"]
    change = {"endpoint_id": shared["endpoint_id"], "events": []}
    changed = api.patch("/v1/webhook/endpoint.update", json=change).json()["data"]
    assert (changed["url"], changed["events"]) == ("http://127.0.0.1:11/", None)
    gone = api.delete("/v1/webhook/endpoint.delete", params={"endpoint_id": shared["endpoint_id"]}).json()
    assert (gone["code"], gone["data"]) == (100, None)
    assert len(sandbox.webhooks.endpoints) == 1


def test_v1_refusals(api):
    no_url = api.post("/v1/webhook/endpoint.add", json={"url": "nowhere"}).json()
    assert no_url == {"code": 400542, "message": "Url of this webhook endpoint is invalid"}
    change = api.patch("/v1/webhook/endpoint.update", json={"endpoint_id": "none", "url": "http://127.0.0.1:9/"})
    deletion = api.delete("/v1/webhook/endpoint.delete")
    for answer in (change, deletion):
        assert answer.status_code == 404
        assert answer.json() == {"code": 400131, "message": "Webhook endpoint not found"}


def test_both_wires_list_the_thirty_types(api):
    described = api.get("/v3/webhooks/event-types").json()["data"]
    assert len({item["event_type"] for item in described if item["description"]}) == 30
    assert api.get("/v1/webhook/webhook.list").json()["data"] == [item["event_type"] for item in described]


def test_the_history_is_filtered_and_paged(sandbox, api):
    """Newest first; an event is in it although nobody was told."""
    sandbox.fail_next()
    videos = [create(api) for _ in range(3)]
    page = api.get("/v3/webhooks/events", params={"limit": 2}).json()
    rest = api.get("/v3/webhooks/events", params={"limit": 2, "token": page["next_token"]}).json()
    found = [item["event_data"]["video_id"] for item in page["data"] + rest["data"]]
    assert (found, page["has_more"], rest["has_more"]) == (videos[::-1], True, False)
    assert page["data"][0].keys() == {"event_id", "event_type", "event_data", "created_at"}
    failed = api.get("/v3/webhooks/events", params={"event_type": "avatar_video.fail"}).json()["data"]
    assert [item["event_data"]["video_id"] for item in failed] == videos[:1]


# State that outlives the process.


def test_endpoints_events_and_deliveries_survive_a_restart(sandbox, api, receiver, renderer):
    """A delivery that waited for its next attempt gets it in the next life, signed with the same secret."""
    secret = register(api, receiver.url)["secret"]
    sandbox.fault("EVENT * patch_event({'event_data': {'url': None}}) times=1")
    receiver.answers.append(500)
    video_id = create(api)
    until(lambda: sandbox.webhooks.deliveries[0].attempts)
    with sandbox._service.open():
        kept = json.loads(json.dumps(sandbox.webhooks.to_json()))
    sandbox.stop()
    second = Sandbox(renderer=renderer, speed=0.0, start_time=1_800_000_000.0)
    try:
        second.webhooks.from_json(kept)
        assert second.webhooks.to_json() == kept
        second.advance(RETRY_DELAYS[0])
        delivery = second.webhooks.wait(video_id=video_id)
    finally:
        second.stop()
    assert webhooks.unwrap(delivery.body, delivery.headers, secret).data["url"] is None
    assert [attempt.status for attempt in delivery.attempts] == [500, 200]


def test_a_callback_that_was_awaited_is_awaited_again(sandbox, api, receiver):
    create(api)
    sandbox.progress(after=60)
    create(api, callback_url=receiver.url)
    sandbox.webhooks.from_json(sandbox.webhooks.to_json())
    sandbox.advance(60)
    assert events_of(receiver.wait()) == ["avatar_video.success"]


@pytest.mark.parametrize("spoilt", [{}, {"endpoints": 7}, {"endpoints": {"made": 0, "endpoints": [{}]}}], ids=repr)
def test_spoilt_state_changes_nothing(sandbox, spoilt: dict):
    sandbox.webhooks.trigger("batch.finished", "https://example.com/")
    until(lambda: sandbox.webhooks.deliveries[0].is_over)
    before = sandbox.webhooks.to_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        sandbox.webhooks.from_json({**before, "endpoints": None} | spoilt)
    assert sandbox.webhooks.to_json() == before


def test_the_stamp_is_real_time_whatever_the_virtual_clock_says(sandbox, api, receiver):
    """A receiver compares it with its own clock: a week of virtual time must not make every delivery stale."""
    register(api, receiver.url)
    sandbox.advance(7 * 24 * 3600)
    before = int(time.time())
    create(api)
    [request] = receiver.wait()
    assert before <= int(request.headers["heygen-timestamp"]) <= time.time()
