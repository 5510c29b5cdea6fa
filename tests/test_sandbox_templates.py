"""The sandbox's templates as a client sees them, in process: both wires, their shapes, refusals and prices."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from heygen_async.sandbox import Sandbox
from tests.sandbox_fakes import InstantRenderer, in_process

pytestmark = pytest.mark.anyio

WELCOME = "template-welcome"
HELLO = "Hello Ada, welcome to our company!"


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    """Return a sandbox whose clock moves only by hand."""
    return Sandbox(renderer=InstantRenderer(tmp_path, size=4096), speed=0.0, start_time=1_800_000_000.0)


@pytest.fixture
async def api(sandbox):
    async with in_process(sandbox) as client:
        yield client


def v2_body(name: str = "first_name", kind: str = "text", **changes: Any) -> dict[str, Any]:
    properties = changes.pop("properties", {"content": "Ada"})
    return {"variables": {name: {"name": name, "type": kind, "properties": properties}}, **changes}


def v3_body(name: str = "first_name", variable: Any = None, **changes: Any) -> dict[str, Any]:
    return {"variables": {name: variable or {"type": "text", "content": "Ada"}}, **changes}


async def generate(api: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    return await api.post(f"/v3/templates/{WELCOME}", json=body, headers=headers)


def said(sandbox: Sandbox) -> list[list[str]]:
    """Return what is spoken in the scenes of the newest job."""
    with sandbox._service.open() as (account, _):
        job = list(account.jobs.values())[-1]
    return [[utterance.text for utterance in scene.utterances] for scene in job.order.plan.scenes]


async def test_v3_lists_page_by_page_and_shows_variables_flat(api):
    """The token leads to the next page; the detail names scenes and their variables."""
    first = (await api.get("/v3/templates", params={"limit": 1})).json()
    assert [row["id"] for row in first["data"]] == [WELCOME]
    assert first["has_more"]
    second = (await api.get("/v3/templates", params={"limit": 1, "token": first["next_token"]})).json()
    assert ([row["id"] for row in second["data"]], second["has_more"]) == (["template-product"], False)
    detail = (await api.get(f"/v3/templates/{WELCOME}")).json()["data"]
    assert detail["variables"]["first_name"] == {"type": "text", "content": "Alex"}
    assert detail["scenes"][1] == {
        "scene_id": "scene-bye",
        "script": "See you soon, {{first_name}}.",
        "variables": [{"name": "first_name", "variable_type": "text"}],
    }


@pytest.mark.parametrize("deprecation", [True, False])
async def test_v2_lists_all_and_nests_properties(api, sandbox, deprecation):
    """The envelope is v2's, with its warning; a character's kind is called type there."""
    sandbox.switches.deprecation = deprecation
    answer = (await api.get("/v2/templates")).json()
    assert answer["error"] is None
    assert ("warning" in answer) is deprecation
    assert [row["template_id"] for row in answer["data"]["templates"]] == [WELCOME, "template-product"]
    data = (await api.get(f"/v2/template/{WELCOME}")).json()["data"]
    assert data.keys() == {"variables"}
    assert data["variables"]["presenter"] == {
        "name": "presenter",
        "type": "character",
        "properties": {"character_id": "sandbox-anna", "type": "avatar"},
    }


async def test_v3_answers_with_the_whole_video_and_replays_its_snapshot(api, sandbox):
    """The key leads back to the same video, and nothing is paid twice."""
    first = await generate(api, v3_body(title="T", fps=30), **{"Idempotency-Key": "k"})
    video = first.json()["data"]
    assert (video["status"], video["title"]) == ("pending", "T")
    again = await generate(api, v3_body(title="another"), **{"Idempotency-Key": "k"})
    assert again.json() == first.json()
    assert len(sandbox.charges) == 1
    assert said(sandbox) == [[HELLO], ["See you soon, Ada."]]
    done = (await api.get(f"/v3/videos/{video['id']}")).json()["data"]
    assert done["status"] == "completed"
    assert sandbox.charges[0].usd == pytest.approx(done["duration"] * 0.0667, abs=1e-3)


async def test_one_key_may_stand_for_videos_of_two_templates(api):
    """HeyGen keeps keys per path."""
    first = await generate(api, v3_body(), **{"Idempotency-Key": "k"})
    body = v3_body("footage", {"type": "video", "asset_id": "a", "play_style": "once"})
    second = await api.post("/v3/templates/template-product", json=body, headers={"Idempotency-Key": "k"})
    assert second.status_code == 200, second.text
    assert second.json()["data"]["id"] != first.json()["data"]["id"]


async def test_v2_answers_with_the_id_and_a_test_costs_nothing(api, sandbox):
    """Captions, folder and callback id are kept."""
    body = v2_body(test=True, caption=True, callback_id="cb", folder_id="f")
    answer = (await api.post(f"/v2/template/{WELCOME}/generate", json=body)).json()
    assert answer["data"].keys() == {"video_id"}
    status = (await api.get("/v1/video_status.get", params=answer["data"])).json()["data"]
    assert (status["status"], status["callback_id"]) == ("completed", "cb")
    assert status["caption_url"]
    assert sandbox.charges == []


async def test_scenes_are_chosen_reordered_and_repeated(api, sandbox):
    """Only what is named is made; the picture is behind the scene that has it."""
    scenes = ["scene-bye", "scene-hello", "scene-bye"]
    body = v3_body(scene_ids=scenes, dimension={"width": 640, "height": 360})
    assert (await generate(api, body)).status_code == 200
    assert said(sandbox) == [["See you soon, Ada."], [HELLO], ["See you soon, Ada."]]
    job = next(iter(sandbox.jobs))
    assert (job.width, job.height) == (640, 360)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"name": "nickname"}, "variables.nickname"),
        ({"variable": {"type": "voice", "voice_id": "v"}}, "variables.first_name.type"),
        ({"variable": {"type": "smell"}}, "variables.first_name.type"),
        ({"variable": {"type": "text"}}, "variables.first_name.content"),
        ({"name": "logo", "variable": {"type": "image", "fit": "cover"}}, "variables.logo.url"),
        ({"variables": {}}, "variables"),
        ({"scene_ids": ["nowhere"]}, "scene_ids"),
        ({"dimension": {"width": 640, "height": 640}}, "dimension"),
        ({"fps": 24}, "fps"),
    ],
)
async def test_v3_refuses_what_the_template_does_not_have(api, sandbox, changes, param):
    """Each refusal names the field, and nothing is made."""
    answer = await generate(api, v3_body(**changes))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not sandbox.charges


async def test_v2_refuses_a_variable_under_another_name(api):
    """The name inside must be the key."""
    body = v2_body()
    body["variables"]["first_name"]["name"] = "other"
    answer = await api.post(f"/v2/template/{WELCOME}/generate", json=body)
    assert answer.status_code == 400
    assert "variables.first_name.name" in answer.json()["error"]["message"]


async def test_v2_makes_a_template_as_it_is(api, sandbox):
    """An empty object of variables replaces nothing; v3 refuses it."""
    answer = await api.post(f"/v2/template/{WELCOME}/generate", json={"variables": {}, "caption": False})
    assert answer.status_code == 200, answer.text
    assert said(sandbox)[0] == ["Hello Alex, welcome to our company!"]


@pytest.mark.parametrize("body", [{}, {"variables": None}, {"variables": []}])
async def test_v2_wants_an_object_of_variables(api, sandbox, body):
    """It must be there, even if it is empty."""
    answer = await api.post(f"/v2/template/{WELCOME}/generate", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_parameter")
    assert "variables" in answer.json()["error"]["message"]
    assert not sandbox.charges


@pytest.mark.parametrize("path", ["/v2/template/none", "/v3/templates/none"])
async def test_an_unknown_template_is_not_found(api, path):
    """On both wires, under its own code."""
    answer = await api.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "template_not_found")
