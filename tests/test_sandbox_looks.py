"""What depends on the look and the voice that a request names: its price, and what it may ask for."""

from __future__ import annotations

import pytest

from heygen_async.sandbox import Sandbox
from heygen_async.sandbox.stock_catalogue import PAIGE, hex_id, stock
from tests.sandbox_fakes import InstantRenderer, avatar_video, in_process

pytestmark = pytest.mark.anyio

TWIN, STUDIO, PHOTO = "sandbox-ingrid", "sandbox-anna", hex_id("look", "Leo")
LONG = "word " * 50  # twenty seconds


@pytest.fixture
def anyio_backend() -> str:
    """Run on one loop: nothing here waits for anything."""
    return "asyncio"


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    """Return a sandbox whose clock moves only by hand."""
    return Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=1_800_000_000.0)


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox) as client:
        yield client


async def paid(api, sandbox, body: dict, path: str = "/v3/videos") -> float:
    """Return what a video cost by the second."""
    answer = await api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    charge = sandbox.charges[-1]
    return charge.usd / charge.seconds


@pytest.mark.parametrize(
    ("look", "engine", "usd"),
    [
        (PHOTO, None, 0.05),
        (PHOTO, "avatar_iv", 0.05),
        (PHOTO, "avatar_iii", 0.0433),
        (TWIN, None, 0.0667),
        (TWIN, "avatar_v", 0.0667),
        (STUDIO, "avatar_iii", 0.0167),
        ("an id of another account", None, 0.0667),
    ],
)
async def test_the_kind_of_look_decides_the_price(api, sandbox, look, engine, usd):
    """A photo costs less than a twin, though both are named by `avatar_id`."""
    given = {"avatar_id": look, "engine": {"type": engine} if engine else None}
    assert await paid(api, sandbox, avatar_video(script=LONG, **given)) == pytest.approx(usd, rel=1e-3)
    scene = {"type": "avatar", "script": LONG, **{name: value for name, value in given.items() if value}}
    studio = {"type": "studio", "scenes": [{"type": "avatar_video", "input": scene}]}
    assert await paid(api, sandbox, studio) == pytest.approx(usd, rel=1e-3)


async def test_a_photo_of_ones_own_costs_what_photos_cost(api, sandbox):
    source = {"type": "url", "url": "https://example.com/me.png"}
    made = await api.post("/v3/avatars", json={"type": "photo", "name": "Me", "file": source})
    look = made.json()["data"]["avatar_item"]["id"]
    assert await paid(api, sandbox, avatar_video(script=LONG, avatar_id=look)) == pytest.approx(0.05, rel=1e-3)


async def test_a_template_with_a_talking_photo_costs_what_photos_cost(api, sandbox):
    """On both wires, which write the kind of a character in different places."""
    presenter = {"type": "character", "character_id": PHOTO, "character_type": "talking_photo"}
    v3 = {"variables": {"presenter": presenter}}
    assert await paid(api, sandbox, v3, "/v3/templates/template-welcome") == pytest.approx(0.05, rel=1e-3)
    nested = {"name": "presenter", "type": "character", "properties": {"character_id": PHOTO, "type": "talking_photo"}}
    v2 = {"variables": {"presenter": nested}}
    assert await paid(api, sandbox, v2, "/v2/template/template-welcome/generate") == pytest.approx(0.05, rel=1e-3)


REFUSED = [
    ({"avatar_id": PHOTO, "engine": {"type": "avatar_v"}}, "engine.type"),
    ({"avatar_id": TWIN, "expressiveness": "high"}, "expressiveness"),
    ({"avatar_id": TWIN, "motion_prompt": "wave"}, "motion_prompt"),
    ({"avatar_id": STUDIO, "motion_prompt": "wave", "engine": {"type": "avatar_iv"}}, "motion_prompt"),
    (
        {"voice_id": PAIGE, "voice_settings": {"engine_settings": {"engine_type": "fish"}}},
        "voice_settings.engine_settings.engine_type",
    ),
    (
        {"avatar_id": STUDIO, "voice_id": None, "voice_settings": {"engine_settings": {"engine_type": "elevenlabs"}}},
        "voice_settings.engine_settings.engine_type",
    ),
]


@pytest.mark.parametrize(("changes", "param"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
async def test_what_a_look_or_a_voice_cannot_do_is_refused_by_the_field(api, sandbox, changes, param):
    """In a single video, in a scene, and in a batch, where it fails the item."""
    body = avatar_video(**changes)
    answer = await api.post("/v3/videos", json=body)
    assert (answer.status_code, answer.json()["error"].get("param")) == (400, param)
    scene = {"type": "avatar_video", "input": body}
    answer = await api.post("/v3/videos", json={"type": "studio", "scenes": [scene]})
    assert (answer.status_code, answer.json()["error"].get("param")) == (400, f"scenes.0.input.{param}")
    batch = (await api.post("/v3/videos/batches", json={"videos": [body, avatar_video()]})).json()["data"]["batch_id"]
    items = (await api.get(f"/v3/videos/batches/{batch}")).json()["data"]["items"]
    assert [item["status"] for item in items] == ["failed", "completed"]
    assert items[0]["error"]["code"] == "invalid_parameter"
    assert sandbox.jobs.count == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"avatar_id": PHOTO, "expressiveness": "high", "motion_prompt": "wave"},
        {"avatar_id": TWIN, "motion_prompt": "wave", "engine": {"type": "avatar_v"}},
        {"avatar_id": "of another account", "expressiveness": "low", "motion_prompt": "wave"},
        {"voice_id": PAIGE, "voice_settings": {"engine_settings": {"engine_type": "elevenlabs"}}},
        {"voice_id": "of another account", "voice_settings": {"engine_settings": {"engine_type": "fish"}}},
    ],
    ids=str,
)
async def test_what_they_can_do_and_what_nobody_knows_of_them_passes(api, changes):
    answer = await api.post("/v3/videos", json=avatar_video(**changes))
    assert answer.status_code == 200, answer.text


def test_the_looks_of_these_tests_are_what_their_names_say():
    looks = stock().looks
    assert [looks[name].avatar_type for name in (TWIN, STUDIO, PHOTO)] == [
        "digital_twin",
        "studio_avatar",
        "photo_avatar",
    ]


async def test_a_video_of_any_wire_is_read_on_the_late_v2_too(api, sandbox):
    """With times as text, where v3 has numbers."""
    sandbox.progress(polls=2)
    video_id = (await api.post("/v3/videos", json=avatar_video(title="t"))).json()["data"]["video_id"]
    first, last = [(await api.get(f"/v2/videos/{video_id}")).json() for _ in range(2)]
    assert (first["error"], first["data"]["status"], first["data"]["completed_at"]) == (None, "pending", None)
    assert first["warning"]["v3_endpoint"] == "GET /v3/videos/{video_id}"
    data = last["data"]
    assert data.keys() == {
        "id", "status", "video_url", "thumbnail_url", "duration", "title", "created_at", "completed_at", "gif_url",
        "captioned_video_url", "subtitle_url", "folder_id", "output_language", "failure_code", "failure_message",
    }  # fmt: skip
    assert (data["status"], data["title"], data["created_at"]) == ("completed", "t", "2027-01-15T08:00:00Z")
    missing = await api.get("/v2/videos/none")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "video_not_found")
