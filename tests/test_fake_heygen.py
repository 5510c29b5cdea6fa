"""The fake HeyGen and the relay do what the tests that stand on them believe."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anyio
import httpx
import pytest

from tests import fake_heygen
from tests.clock import virtual_time
from tests.fake_heygen import KEY, SIGNATURE, FakeHeyGen, LoopbackServer
from tests.relay import Relay, relay_to

pytestmark = pytest.mark.anyio

API = "https://api.heygen.com"
AUTH = {"X-Api-Key": KEY}
AVATAR = {"type": "avatar", "avatar_id": "a", "voice_id": "v", "script": "Hello"}
QUICK_START = {"video_inputs": [{"character": {"type": "avatar", "avatar_id": "a"}}], "callback_id": "mine"}


@pytest.fixture
def fake() -> FakeHeyGen:
    return FakeHeyGen()


@pytest.fixture
def server(fake: FakeHeyGen) -> Iterator[LoopbackServer]:
    with fake.serve() as running:
        yield running


@pytest.fixture
def relay(server: LoopbackServer) -> Iterator[Relay]:
    with relay_to(server.port) as running:
        yield running


async def test_a_key_is_replayed_and_paid_once(fake: FakeHeyGen) -> None:
    """The same key gives the first answer again, even for another body; another key is another job."""
    async with fake.client(base_url=API, headers=AUTH) as client:
        first = await client.post("/v3/videos", json=AVATAR, headers={"Idempotency-Key": "k"})
        again = await client.post("/v3/videos", json=AVATAR | {"script": "x"}, headers={"Idempotency-Key": "k"})
        other = await client.post("/v3/videos", json=AVATAR, headers={"Idempotency-Key": "k2"})
    assert first.json() == again.json() != other.json()
    assert (fake.paid, fake.replays, fake.keys) == (2, 1, {"k", "k2"})


@virtual_time
async def test_a_running_key_answers_409_until_it_is_done(fake: FakeHeyGen) -> None:
    """A repeat while the first attempt runs is refused, later it is replayed."""
    fake.on("POST /v3/videos", fake_heygen.lost(60))
    statuses = []
    async with fake.client(base_url=API, headers=AUTH | {"Idempotency-Key": "k"}) as client:
        with pytest.raises(httpx.ReadError):
            await client.post("/v3/videos", json=AVATAR)
        for _ in range(3):
            statuses.append((await client.post("/v3/videos", json=AVATAR)).status_code)
            await anyio.sleep(40)
    assert statuses == [409, 409, 200]
    assert fake.paid == 1


async def test_unknown_fields_and_keys_are_refused(fake: FakeHeyGen) -> None:
    """Creation bodies are strict, and nothing works without the key."""
    async with fake.client(base_url=API) as client:
        assert (await client.post("/v3/videos", json=AVATAR)).status_code == 401
        answer = await client.post("/v3/videos", json=AVATAR | {"test": True}, headers=AUTH)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "test")
    assert fake.paid == 0


async def test_one_store_is_readable_on_both_wires(fake: FakeHeyGen) -> None:
    """Each look moves a video on; v1 tells the callback video_id, the lists do not."""
    async with fake.client(base_url=API, headers=AUTH) as client:
        video_id = (await client.post("/v2/video/generate", json=QUICK_START)).json()["data"]["video_id"]
        v1 = (await client.get("/v1/video_status.get", params={"video_id": video_id})).json()
        bulk = (await client.get("/v3/videos/statuses", params={"video_ids": f"{video_id},nobody"})).json()
        v3 = (await client.get(f"/v3/videos/{video_id}")).json()
        listed = (await client.get("/v1/video.list", params={"limit": 5})).json()
    assert (v1["code"], v1["data"]["status"], v1["data"]["callback_id"]) == (100, "pending", "mine")
    assert [(item["video_id"], item["status"]) for item in bulk["data"]] == [
        (video_id, "processing"),
        ("nobody", "not_found"),
    ]
    assert v3["data"]["status"] == "completed"
    assert SIGNATURE in v3["data"]["video_url"]
    assert "mine" not in json.dumps(listed)


async def test_lists_have_pages(fake: FakeHeyGen) -> None:
    """Newest first, until the token is null."""
    async with fake.client(base_url=API, headers=AUTH) as client:
        for number in range(5):
            fake.add(f"v{number}")
        ids, token = [], None
        while True:
            page = (await client.get("/v3/videos", params={"limit": 2} | ({"token": token} if token else {}))).json()
            ids += [item["id"] for item in page["data"]]
            if not (token := page["next_token"]):
                break
    assert ids == ["v4", "v3", "v2", "v1", "v0"]


async def test_faults_are_queued_and_counted(fake: FakeHeyGen) -> None:
    """A fault answers as often as told, then the server works again."""
    fake.on("POST /v3/videos", fake_heygen.after_work(fake_heygen.answer(503, "service_unavailable")))
    fake.on("GET /v3/*", fake_heygen.html(502), times=2)
    async with fake.client(base_url=API, headers=AUTH) as client:
        assert (await client.post("/v3/videos", json=AVATAR)).status_code == 503
        assert [(await client.get("/v3/videos")).status_code for _ in range(3)] == [502, 502, 200]
    assert fake.paid == 1


@pytest.mark.parametrize("how", ["bom", "gzip", "text"])
async def test_encoded_answers_are_still_json(fake: FakeHeyGen, how: str) -> None:
    """The bytes differ, the value does not."""
    fake.on("GET /v3/videos", fake_heygen.encoded(how))
    async with fake.client(base_url=API, headers=AUTH) as client:
        answer = await client.get("/v3/videos")
    assert json.loads(answer.content.decode("utf-8-sig"))["data"] == []


async def test_the_loopback_server_counts_connections_and_breaks_them(fake: FakeHeyGen, server: LoopbackServer) -> None:
    """Connections are kept alive; a reset reaches the client as an error, after the work was done."""
    fake.on("POST /v3/videos", fake_heygen.lost())
    async with httpx.AsyncClient(base_url=server.url, headers=AUTH, trust_env=False) as client:
        for _ in range(3):
            assert (await client.get("/v3/videos")).status_code == 200
        assert server.connections == 1
        with pytest.raises(httpx.TransportError):
            await client.post("/v3/videos", json=AVATAR)
        video_id = next(iter(fake.jobs))
        fake.jobs[video_id].plan = ["completed"]
        video = (await client.get(f"/v3/videos/{video_id}")).json()["data"]
        saved = await client.get(video["video_url"])
    assert fake.paid == 1
    assert saved.content == fake.file
    assert fake.requests[0].host == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("mode", "after", "expected"),
    [
        ("rst_before", 0, httpx.ReadError),
        ("empty", 0, httpx.RemoteProtocolError),
        ("garbage", 0, httpx.RemoteProtocolError),
        ("fin", 60, httpx.RemoteProtocolError),
        ("rst", 60, httpx.ReadError),
    ],
)
async def test_the_relay_breaks_one_connection(
    fake: FakeHeyGen, relay: Relay, mode: str, after: int, expected: type[Exception]
) -> None:
    """The next connection ends as told, the one after it works."""
    relay.break_next(mode, after)
    async with httpx.AsyncClient(base_url=relay.url, headers=AUTH, trust_env=False) as client:
        with pytest.raises(expected):
            await client.get("/v3/videos")
        assert (await client.get("/v3/videos")).status_code == 200
    assert len(fake.requests) == (1 if mode in {"empty", "garbage"} else 2)


async def test_a_closed_relay_refuses(relay: Relay) -> None:
    """Nobody listens any more."""
    relay.refuse()
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(relay.url)


async def test_a_close_delimited_body_is_short_without_an_error(fake: FakeHeyGen, relay: Relay) -> None:
    """No HTTP library notices: whoever downloads must."""
    relay.break_next("close_delimited", 500)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{relay.url}/files/v.mp4?Signature={SIGNATURE}")
    assert (answer.status_code, len(answer.content)) == (200, 500)
