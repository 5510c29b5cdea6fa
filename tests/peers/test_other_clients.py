"""Two small clients of v1 and v2: PyPI m2ai-mcp-videogen-advisor and npm @teamduality/heygen-typescript-sdk.

The latter asks for templates and the account's profile in ways that HeyGen does not have.
"""

from __future__ import annotations

import base64

import pytest

from tests.peers.driving import PeerError
from tests.peers.evidence import PNG, is_film, paid, refusals
from tests.peers.installing import MCP_SERVERS

pytestmark = pytest.mark.timeout(600)

TYPESCRIPT_SDK = "@teamduality/heygen-typescript-sdk@0.4.3"
FILE = {"base64": base64.b64encode(PNG).decode()}


@pytest.fixture
def advisor(python_peer):
    with python_peer("mcp-servers", *MCP_SERVERS, tools="videogen_mcp.server:call_tool") as peer:
        yield peer


@pytest.fixture
def sdk(node_peer):
    with node_peer("typescript-sdk", TYPESCRIPT_SDK, driver="typescript_sdk_peer.mjs") as peer:
        yield lambda name, *args: peer.call(name, args=args)


def test_the_advisor_makes_and_watches_a_video(advisor, sandbox):
    """From its own lists, in portrait; its download tool gives a link to a film."""
    avatar = advisor.call("list_avatars", filter_gender="male")["avatars"][0]["avatar_id"]
    voice = advisor.call("list_voices", filter_language="English", filter_gender="male")["voices"][0]["voice_id"]
    given = {"script": "Hello.", "avatar_id": avatar, "voice_id": voice, "aspect_ratio": "9:16"}
    video_id = advisor.call("create_avatar_video", **given)["job_id"]
    watched = [advisor.call("get_video_status", job_id=video_id, service="heygen")["status"] for _ in range(2)]
    assert watched == ["pending", "completed"]
    assert is_film(advisor.call("download_video", job_id=video_id, service="heygen")["video_url"])
    assert (sandbox.jobs[video_id].width, sandbox.jobs[video_id].height) == (1080, 1920)
    assert paid(sandbox) == [video_id]
    assert refusals(sandbox) == []


def test_the_advisor_chooses_an_avatar_itself(advisor, sandbox):
    """A prompt is enough for it: it takes the first avatar and voice that it finds."""
    made = advisor.call("generate_video", prompt="A presenter explains our product")
    assert made["service"] == "heygen"
    assert paid(sandbox) == [made["job_id"]]
    assert refusals(sandbox) == []


def test_the_advisor_reads_and_uses_templates(advisor, sandbox):
    """Every template with its variables; a test video costs nothing."""
    templates = advisor.call("list_templates")["templates"]
    details = [advisor.call("get_template_details", template_id=one["template_id"]) for one in templates]
    assert all(one["variables"] for one in details)
    given = {"template_id": templates[0]["template_id"], "variables": {}}
    advisor.call("generate_from_template", **given, test_mode=True)
    video_id = advisor.call("generate_from_template", **given)["job_id"]
    assert sandbox.jobs.count == 2
    assert paid(sandbox) == [video_id]
    assert refusals(sandbox) == []


def test_the_typescript_sdk_makes_watches_lists_and_deletes_a_video(sdk, sandbox):
    """One job, paid once; a deleted video is not found any more."""
    avatar = sdk("avatars.list")["avatars"][0]["avatar_id"]
    voice = sdk("voices.list")["voices"][0]["voice_id"]
    scene = {"character": {"type": "avatar", "avatar_id": avatar, "avatar_style": "normal"}}
    scene["voice"] = {"type": "text", "input_text": "Hello.", "voice_id": voice}
    size = {"width": 1280, "height": 720}
    video_id = sdk("videos.generation.create", {"video_inputs": [scene], "dimension": size, "title": "Peer"})[
        "video_id"
    ]
    states = [sdk("videos.generation.get", video_id) for _ in range(2)]
    assert [state["status"] for state in states] == ["pending", "completed"]
    assert is_film(states[1]["video_url"])
    assert [row["video_id"] for row in sdk("videos.management.list", {"limit": 10})["videos"]] == [video_id]
    sdk("videos.generation.delete", video_id)
    with pytest.raises(PeerError, match="Video not found"):
        sdk("videos.generation.get", video_id)
    assert paid(sandbox) == [video_id]
    assert refusals(sandbox) == [(404, "GET /v1/video_status.get")]


def photos(sdk) -> set[str]:
    return {row["id"] for row in sdk("ai.talkingPhoto.list")}


def test_the_typescript_sdk_uploads_files_and_photos(sdk, sandbox):
    """Raw bytes to the upload host; a photo can be deleted again."""
    assert sdk("assets.upload", FILE, "image/png")["image_key"]
    before = photos(sdk)
    photo = sdk("ai.talkingPhoto.upload", FILE, "image/png")["talking_photo_id"]
    assert photos(sdk) - before == {photo}
    sdk("ai.talkingPhoto.delete", photo)
    assert photos(sdk) == before
    assert refusals(sandbox) == []


def test_the_typescript_sdk_reads_groups_templates_and_the_quota(sdk, sandbox):
    """The rest of its lists."""
    groups = sdk("avatars.listGroups", {"include_public": True})["avatar_group_list"]
    assert len(sdk("photoAvatars.listInGroup", groups[0]["id"])["avatar_list"]) == groups[0]["num_looks"]
    assert len(sdk("templates.list")["templates"]) == 2
    assert sdk("user.getRemainingQuota")["details"]["api"] == int(sandbox.wallet * 60)
    assert refusals(sandbox) == []
