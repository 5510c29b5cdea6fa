"""The community's MCP server (PyPI heygen-mcp-sbroenne) on v1 and v2: lists, videos, templates, assets.

Its functions are called without its tool layer: that turns the JSON text of `video_inputs_json` into a list, and then
refuses it for being one. Not emulated are its folders and its videos from photos (`/v2/video/av4/generate`); it reads
templates from `/v3/template/{id}`, which the sandbox does not have either.
"""

from __future__ import annotations

import json

import pytest

from tests.peers.driving import PeerError
from tests.peers.evidence import PNG, is_film, paid, refusals
from tests.peers.installing import COMMUNITY_SERVER

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def peer(python_peer):
    with python_peer("community-server", *COMMUNITY_SERVER, tools="heygen_mcp.server") as peer:
        yield peer


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "backdrop.png"
    path.write_bytes(PNG)
    return str(path)


def scene(peer, **more) -> dict:
    avatar = peer.call("avatars", action="list")["avatars"][0]["avatar_id"]
    voice = peer.call("voices", action="list")["voices"][0]["voice_id"]
    return {"character": {"avatar_id": avatar}, "voice": {"voice_id": voice, "input_text": "Hello."}, **more}


def make(peer, *scenes: dict, title: str = "Peer") -> str:
    return peer.call("videos", action="generate", title=title, video_inputs_json=json.dumps(scenes))["video_id"]


def test_a_video_of_two_scenes_with_an_uploaded_backdrop_is_made_watched_and_listed(peer, sandbox, picture):
    """The raw upload goes to the upload host, and its id into the scene; one job, paid once."""
    asset_id = peer.call("assets", action="upload", file_path=picture)["asset_id"]
    behind = {"type": "image", "image_asset_id": asset_id}
    plain = {"type": "color", "value": "#1a2b3c"}
    video_id = make(peer, scene(peer, background=behind), scene(peer, background=plain))
    states = [peer.call("videos", action="status", video_id=video_id) for _ in range(2)]
    assert [state["status"] for state in states] == ["pending", "completed"]
    assert is_film(states[1]["video_url"])
    listed = peer.call("videos", action="list")["videos"]
    assert [(row["video_id"], row["status"], row["video_title"]) for row in listed] == [(video_id, "completed", "Peer")]
    assert len(sandbox.jobs[video_id].request["video_inputs"]) == 2
    assert paid(sandbox) == [video_id]
    assert refusals(sandbox) == []


def test_every_list_and_the_account_can_be_read(peer, sandbox):
    """Avatars by name, by group and one by one, voices, templates, profile and credits."""
    avatars = peer.call("avatars", action="list")["avatars"]
    details = [peer.call("avatars", action="get", avatar_id=one["avatar_id"])["avatar"] for one in avatars]
    assert [one["avatar_name"] for one in details] == [one["avatar_name"] for one in avatars]
    for group in peer.call("avatars", action="list_groups", include_public=True)["avatar_groups"]:
        found = peer.call("avatars", action="list_in_group", group_id=group["id"])["avatars"]
        assert len(found) == group["num_looks"] > 0
    assert len(peer.call("voices", action="list")["voices"]) >= 10
    assert len(peer.call("templates", action="list")["templates"]) == 2
    assert peer.call("user", action="info")["email"]
    assert peer.call("user", action="credits")["remaining_credits"] == int(sandbox.wallet)
    assert refusals(sandbox) == []


def test_an_asset_that_it_listed_can_be_deleted(peer, sandbox, picture):
    """The list names the id in the client's word."""
    uploaded = peer.call("assets", action="upload", file_path=picture)["asset_id"]
    listed = peer.call("assets", action="list")
    assert ([row["asset_id"] for row in listed["assets"]], listed["total"]) == ([uploaded], 1)
    assert peer.call("assets", action="delete", asset_id=uploaded)["success"]
    assert peer.call("assets", action="list")["assets"] == []
    assert refusals(sandbox) == []


def test_a_test_video_from_a_template_costs_nothing(peer, sandbox):
    """`test` works on v2; without it the same video is paid."""
    template = peer.call("templates", action="list")["templates"][0]["template_id"]
    name = {"first_name": {"name": "first_name", "type": "text", "properties": {"content": "Ada"}}}
    given = {"action": "generate", "template_id": template, "variables": name}
    peer.call("templates", **given, test=True)
    real = peer.call("templates", **given, title="Real")["video_id"]
    assert sandbox.jobs.count == 2
    assert paid(sandbox) == [real]
    assert refusals(sandbox) == []


def test_a_full_house_makes_jobs_wait_instead_of_refusing_them(peer, sandbox):
    """v2 accepts more jobs than run at a time, and says `waiting`."""
    sandbox.concurrency = 1
    first = scene(peer)
    videos = [make(peer, first) for _ in range(2)]
    assert peer.call("videos", action="status", video_id=videos[1])["status"] == "waiting"
    assert sandbox.jobs.count == 2
    assert refusals(sandbox) == []


@pytest.mark.parametrize(("failing", "videos"), [("status(503)", 1), ("then_status(503)", 2)])
def test_a_create_call_that_it_repeats_is_paid_for_each_job_it_made(peer, sandbox, failing, videos):
    """It tries again after any 503; where that one came after the work there are two videos."""
    given = scene(peer)
    sandbox.fault(f"POST /v2/video/generate {failing} times=1")
    video_id = make(peer, given)
    assert sandbox.unfired_faults == []
    assert paid(sandbox) == [job.id for job in sandbox.jobs]
    assert (sandbox.jobs.count, paid(sandbox)[-1]) == (videos, video_id)
    assert refusals(sandbox) == [(503, "POST /v2/video/generate")]


def test_what_the_sandbox_does_not_have_is_a_404_and_makes_nothing(peer, sandbox, picture):
    """Folders, photos that talk, and the reading of one template."""
    asset_id = peer.call("assets", action="upload", file_path=picture)["asset_id"]
    photo = {"image_key": asset_id, "script": "Hello.", "voice_id": "sandbox-voice", "video_title": "Photo"}
    for tool, given in [
        ("folders", {"action": "list"}),
        ("videos", {"action": "generate_iv", **photo}),
        ("templates", {"action": "get", "template_id": "template-welcome"}),
    ]:
        with pytest.raises(PeerError, match="404"):
            peer.call(tool, **given)
    assert refusals(sandbox) == [
        (404, "GET /v1/folders"),
        (404, "POST /v2/video/av4/generate"),
        (404, "GET /v3/template/template-welcome"),
    ]
    assert sandbox.jobs.count == 0
