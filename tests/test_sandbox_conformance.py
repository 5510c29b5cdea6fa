"""Every answer of the sandbox's v3 against the shapes of HeyGen's API description, field by field."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.table import TABLE
from tests.answer_shapes import faults_in, faults_in_refusal, rules
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 56
URL = {"type": "url", "url": "https://example.com/me.png"}


@pytest.fixture
def anyio_backend() -> str:
    """Run on one loop: nothing here waits for anything."""
    return "asyncio"


class Tour:
    """Makes calls, and compares each answer with its description at once."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api = api
        self.seen: set[str] = set()

    async def __call__(self, rule: str, *, query: dict[str, Any] | None = None, **names: Any) -> Any:
        """Call an operation by its rule; names in braces and what httpx takes come by name."""
        method, path = rule.split(" ")
        sent = {name: names.pop(name) for name in ("json", "files") if name in names}
        answer = await self.api.request(method, path.format(**names), params=query, **sent)
        assert answer.is_success, f"{rule}: {answer.status_code} {answer.text}"
        assert faults_in(rule, answer.status_code, answer.json()) == [], f"{rule}: {answer.text}"
        self.seen.add(rule)
        return answer.json().get("data")


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=1_800_000_000.0)
    yield sandbox
    sandbox.stop()


async def videos(tour: Tour, sandbox: Sandbox) -> None:
    sandbox.progress(polls=3)
    body = avatar_video(title="t", callback_id="c", caption={"style": "default"}, callback_url="http://127.0.0.1:9/")
    video_id = (await tour("POST /v3/videos", json=body))["video_id"]
    states = [(await tour("GET /v3/videos/{video_id}", video_id=video_id))["status"] for _ in range(3)]
    assert states == ["pending", "processing", "completed"]
    sandbox.fail_next()
    failed = (await tour("POST /v3/videos", json=avatar_video(output_format="webm")))["video_id"]
    for _ in range(3):
        last = await tour("GET /v3/videos/{video_id}", video_id=failed)
    assert (last["status"], last["failure_code"]) == ("failed", "rendering_failed")
    sandbox.progress("immediate")
    batch = {"videos": [avatar_video(), {"type": "nonsense"}, avatar_video(avatar_id="x")], "title": "b"}
    batch_id = (await tour("POST /v3/videos/batches", json=batch))["batch_id"]
    for query in ({"limit": 2}, {}):
        await tour("GET /v3/videos/batches/{batch_id}", batch_id=batch_id, query=query)
    ids = {"video_ids": f"{video_id},{failed},nobody", "batch_ids": f"{batch_id},none"}
    await tour("GET /v3/videos/statuses", query=ids)
    for query in ({"limit": 1}, {"title": "nothing has this title"}, {}):
        await tour("GET /v3/videos", query=query)
    await tour("DELETE /v3/videos/{video_id}", video_id=failed)


async def templates(tour: Tour) -> None:
    for template in await tour("GET /v3/templates"):
        detail = await tour("GET /v3/templates/{template_id}", template_id=template["id"])
        given = {"variables": detail["variables"]}
        await tour("POST /v3/templates/{template_id}", template_id=template["id"], json=given)


async def avatars(tour: Tour, sandbox: Sandbox) -> None:
    sandbox.progress(after=60)
    for kind, source in (("photo", {"file": URL}), ("digital_twin", {"file": URL}), ("prompt", {"prompt": "p"})):
        made = await tour("POST /v3/avatars", json={"type": kind, "name": "n", **source})
        group, look = made["avatar_group"]["id"], made["avatar_item"]["id"]
        for seconds in (0, 60):
            sandbox.advance(seconds)
            await tour("GET /v3/avatars/{group_id}", group_id=group)
            await tour("GET /v3/avatars/looks/{look_id}", look_id=look)
        for consent in ({}, {"consent_video": URL}):
            await tour("POST /v3/avatars/{group_id}/consent", group_id=group, json=consent)
        await tour("PATCH /v3/avatars/looks/{look_id}", look_id=look, json={"name": "new"})
    for query in ({}, {"limit": 1}, {"ownership": "private"}):
        await tour("GET /v3/avatars", query=query)
        await tour("GET /v3/avatars/looks", query=query)
    await tour("DELETE /v3/avatars/looks/{look_id}", look_id=look)
    await tour("DELETE /v3/avatars/{group_id}", group_id=group)
    sandbox.progress("immediate")


async def voices(tour: Tour, sandbox: Sandbox) -> None:
    for query in ({}, {"limit": 1}, {"language": "Spanish"}):
        listed = await tour("GET /v3/voices", query=query)
    await tour("GET /v3/voices/{voice_id}", voice_id=listed[0]["voice_id"])
    await tour("POST /v3/voices", json={"prompt": "warm"})
    await tour("POST /v3/voices/speech", json={"text": "One two.", "voice_id": "sandbox-voice"})
    sandbox.progress(after=60)
    clone = (await tour("POST /v3/voices/clone", json={"voice_name": "n", "audio": URL}))["voice_clone_id"]
    for seconds in (0, 60):
        sandbox.advance(seconds)
        await tour("GET /v3/voices/{voice_id}", voice_id=clone)
        await tour("GET /v3/voices", query={"type": "private"})
    await tour("DELETE /v3/voices/{voice_id}", voice_id=clone)
    sandbox.progress("immediate")


async def assets(tour: Tour) -> None:
    uploaded = (await tour("POST /v3/assets", files={"file": ("a.png", PNG)}))["asset_id"]
    announced = {"filename": "b.png", "content_type": "image/png", "size_bytes": len(PNG)}
    slot = await tour("POST /v3/assets/direct-uploads", json=announced)
    batch = await tour("POST /v3/assets/direct-uploads/batches", json={"files": [announced] * 2})
    for one in (slot, batch["items"][0]):
        keyless = {"headers": one["upload_headers"], "content": PNG}
        async with httpx.AsyncClient(transport=tour.api._transport, base_url="http://127.0.0.1") as host:
            assert (await host.put(one["upload_url"], **keyless)).status_code == 200
    await tour("GET /v3/assets/{asset_id}", asset_id=slot["asset_id"])
    for _ in range(2):
        await tour("POST /v3/assets/{asset_id}/complete", asset_id=slot["asset_id"], json={})
        await tour("POST /v3/assets/complete/batches", json={"batch_id": batch["batch_id"]})
    await tour("GET /v3/assets/batches/{batch_id}", batch_id=batch["batch_id"])
    await tour("GET /v3/assets/statuses", query={"asset_ids": f"{uploaded},none", "batch_ids": batch["batch_id"]})
    await tour("GET /v3/assets/{asset_id}", asset_id=uploaded)
    assert await tour("GET /v3/assets", query={"username": "sandbox"})
    for kind, scope in (("image", "public"), ("icon", "public"), ("image", "personal")):
        assert (await tour("GET /v3/assets/search", query={"query": "a", "type": kind, "scope": scope})) or kind
    await tour("DELETE /v3/assets/{asset_id}", asset_id=uploaded)


async def the_rest(tour: Tour) -> None:
    for kind, words in (("music", "calm tune"), ("sound_effects", "bell click")):
        await tour("GET /v3/audio/sounds", query={"query": words, "type": kind, "min_score": 0})
    for rule in ("GET /v3/brand-kits", "GET /v3/brand-glossaries", "GET /v3/users/me"):
        await tour(rule)


async def webhooks(tour: Tour) -> None:
    endpoint = "/v3/webhooks/endpoints/{endpoint_id}"
    given = {"url": "http://127.0.0.1:9/", "events": ["avatar_video.success"]}
    made = (await tour("POST /v3/webhooks/endpoints", json=given))["endpoint_id"]
    await tour("POST /v3/webhooks/endpoints", json={"url": "http://127.0.0.1:9/all"})
    await tour("GET /v3/webhooks/endpoints")
    await tour(f"PATCH {endpoint}", endpoint_id=made, json={"events": None})
    await tour(f"POST {endpoint}/rotate-secret", endpoint_id=made)
    await tour("GET /v3/webhooks/event-types")
    assert await tour("GET /v3/webhooks/events")
    await tour(f"DELETE {endpoint}", endpoint_id=made)


async def test_every_operation_of_v3_answers_as_described(sandbox):
    """In every state that a resource goes through; nothing missing, nothing that HeyGen does not have."""
    async with in_process(sandbox) as api:
        tour = Tour(api)
        await videos(tour, sandbox)
        await templates(tour)
        await avatars(tour, sandbox)
        await voices(tour, sandbox)
        await assets(tour)
        await the_rest(tour)
        await webhooks(tour)
    assert tour.seen == {endpoint.rule for endpoint in TABLE if " /v3/" in endpoint.rule} == rules()


REFUSALS = [
    ("GET", "/v3/videos/none", None, 404, None),
    ("GET", "/v3/videos?limit=0", None, 400, "limit"),
    ("GET", "/v3/videos?token=x", None, 400, "token"),
    ("GET", "/v3/videos/statuses", None, 400, "video_ids"),
    ("GET", "/v3/assets", None, 400, "username"),
    ("GET", "/v3/assets/search?query=a&type=video", None, 400, "type"),
    ("GET", "/v3/avatars?ownership=mine", None, 400, "ownership"),
    ("GET", "/v3/audio/sounds?query=a&min_score=2", None, 400, "min_score"),
    ("POST", "/v3/videos", {"type": "avatar"}, 400, "avatar_id"),
    ("POST", "/v3/videos", avatar_video(test=False), 400, "test"),
    ("POST", "/v3/videos", avatar_video(voice_settings={"speed": 9}), 400, "voice_settings.speed"),
    ("POST", "/v3/videos", [], 400, "body"),
    ("POST", "/v3/videos/batches", {"videos": []}, 400, "videos"),
    ("POST", "/v3/avatars", {"type": "photo", "name": "n"}, 400, "file"),
    ("POST", "/v3/voices/clone", {"voice_name": "n", "audio": {"type": "url"}}, 400, "audio.url"),
    ("POST", "/v3/webhooks/endpoints", {"url": "nowhere"}, 400, "url"),
    ("POST", "/v3/templates/template-welcome", {"variables": {}}, 400, "variables"),
    ("PUT", "/v3/videos", None, 405, None),
    ("GET", "/v3/nothing", None, 404, None),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "param"), REFUSALS, ids=[f"{one[0]} {one[1]} {one[4]}" for one in REFUSALS]
)
async def test_every_refusal_is_as_described_and_names_the_field(sandbox, method, path, body, status, param):
    """`param` is where the fault lies, by its path in the body or its name in the query."""
    async with in_process(sandbox) as api:
        answer = await api.request(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == status
    assert faults_in_refusal(answer.json()) == []
    assert answer.json()["error"].get("param") == param


GOOD = {"data": {"video_id": "v", "status": "waiting", "output_format": "mp4"}}


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (200, GOOD, []),
        (201, GOOD, ["status 201 instead of 200"]),
        (200, {"data": {"status": "waiting"}}, ["data.video_id: missing"]),
        (200, {"data": {**GOOD["data"], "video_id": 5}}, ["data.video_id: 5 is no str"]),
        (200, {"data": {**GOOD["data"], "more": 5}}, ["data.more: not described"]),
        (200, {"data": {**GOOD["data"], "output_format": "gif"}}, ["data.output_format: 'gif' is none of mp4|webm"]),
        (200, {"data": None}, ["data: None is no object"]),
        (200, {"error": {}}, ["error: not described", "data: missing"]),
    ],
    ids=range(8),
)
def test_the_check_finds_what_is_not_as_described(status, answer, told):
    """A check that finds nothing would prove nothing."""
    assert [fault.replace("data.: ", "data: ") for fault in faults_in("POST /v3/videos", status, answer)] == told


def test_the_check_looks_into_lists_and_unions():
    item = {"id": "g", "created_at": 1, "looks_count": True, "name": None}
    found = faults_in("GET /v3/avatars", 200, {"data": [item], "has_more": False, "next_token": None})
    assert found == ["data.0.looks_count: True is no int", "data.0.name: None is no str"]
    icon = {"id": "a", "type": "video", "url": "u"}
    found = faults_in("GET /v3/assets/search", 200, {"data": [icon], "has_more": False, "next_token": None})
    assert found == ["data.0.type: 'video' is none of image"]
    assert faults_in("GET /v3/assets/search", 200, {"data": [{**icon, "type": "icon"}]}) == [
        "has_more: missing",
        "next_token: missing",
    ]
