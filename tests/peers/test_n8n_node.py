"""HeyGen's own node for n8n (npm @heygenofficial/n8n-nodes-heygen-official) on v3, with n8n replaced by a stub.

Both of its builders send `test: false`, which v3's schema of create calls does not have: it needs the switch `lenient`.
The same goes for its `enable_caption`, so that videos come without captions.
"""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from tests.peers.driving import PeerError
from tests.peers.evidence import PNG, is_film, paid, refusals

pytestmark = pytest.mark.timeout(600)

PACKAGE = "@heygenofficial/n8n-nodes-heygen-official@0.1.9"


@pytest.fixture
def peer(node_peer):
    with node_peer("n8n", PACKAGE, driver="n8n_peer.cjs") as peer:
        yield peer


def look_and_voice(peer) -> tuple[str, str]:
    looks = peer.call("listAvatars", resource="list")["data"]
    voices = peer.call("listVoices", resource="list")["data"]
    return looks[0]["id"], voices[0]["voice_id"]


def create(peer, *, title: str = "Peer", **more) -> str:
    look, voice = look_and_voice(peer)
    given = {"videosAvatarId": look, "videosVoiceId": voice, "videosScript": "Hello from a peer."}
    named = {"videosAdditionalFields": {"title": title, **more}}
    return peer.call("createVideo", resource="video", **given, **named)["data"]["video_id"]


def states(peer, video_id: str, *, looks: int = 2) -> list[dict]:
    return [peer.call("getVideoStatus", resource="video", videoId=video_id)["data"] for _ in range(looks)]


def test_a_video_is_made_watched_listed_and_deleted(peer, sandbox):
    """One job, paid once; the link is a film, and the callback id arrives."""
    sandbox.switches.lenient = True
    video_id = create(peer, callbackId="from-n8n")
    seen = states(peer, video_id)
    assert [state["status"] for state in seen] == ["pending", "completed"]
    assert is_film(seen[1]["video_url"])
    listed = peer.call("listVideos", resource="video", videosTitleFilter="Peer")
    assert [row["id"] for row in listed["data"]] == [video_id]
    assert peer.call("deleteVideo", resource="video", videoId=video_id)["data"]["deleted"]
    assert peer.call("listVideos", resource="video")["data"] == []
    assert [(job.id, job.wire, job.callback_id) for job in sandbox.jobs] == [(video_id, "v3", "from-n8n")]
    assert paid(sandbox) == [video_id]
    assert refusals(sandbox) == []


def test_the_older_builder_makes_a_video_too(peer, sandbox):
    """Its form has one scene, with a background and an upright frame, which it takes for 1080p by its height."""
    sandbox.switches.lenient = True
    look, voice = look_and_voice(peer)
    scene = {"characterType": "avatar", "avatarId": look, "voiceType": "text", "voiceId": voice, "speed": 1.2}
    scene |= {"inputText": "Hello.", "backgroundType": "color", "backgroundColor": "#112233"}
    frame = {"dimensionValues": {"width": 720, "height": 1280}}
    answer = peer.call(
        "createAvatarVideo",
        resource="video",
        videoInput={"videoInputValues": [scene]},
        dimension=frame,
        caption=True,
        additionalFields={"title": "Upright"},
    )
    job = sandbox.jobs[answer["data"]["video_id"]]
    assert (job.title, job.width, job.height) == ("Upright", 1080, 1920)
    assert [state["status"] for state in states(peer, job.id)] == ["pending", "completed"]
    assert paid(sandbox) == [job.id]
    assert refusals(sandbox) == []


def test_strict_v3_refuses_its_test_flag_and_nothing_is_paid(peer, sandbox):
    """The field is named; a body written as JSON by the user has no such field and passes."""
    with pytest.raises(PeerError, match=r"400.*invalid_parameter.*test"):
        create(peer)
    assert (sandbox.jobs.count, sandbox.charges) == (0, [])
    look, voice = look_and_voice(peer)
    body = json.dumps({"type": "avatar", "avatar_id": look, "voice_id": voice, "script": "Hello."})
    answer = peer.call("createVideo", resource="video", videosUseJsonBody=True, videosJsonBody=body)
    assert paid(sandbox) == [answer["data"]["video_id"]]
    assert refusals(sandbox) == [(400, "POST /v3/videos")]


@pytest.mark.parametrize(
    ("call", "key"), [("listAvatars", "id"), ("listAvatarsGroups", "id"), ("listVoices", "voice_id")]
)
def test_a_list_is_read_page_by_page(peer, sandbox, call, key):
    """The token of a page leads to the next one, and the pages make the whole list."""
    whole = peer.call(call, resource="list", listPageLimit=50)["data"]
    rows, token, pages = [], "", 0
    while token is not None:
        page = peer.call(call, resource="list", listPageLimit=4, listPaginationToken=token)
        rows, token, pages = rows + page["data"], page["next_token"], pages + 1
    assert [row[key] for row in rows] == [row[key] for row in whole]
    assert pages > 1
    assert refusals(sandbox) == []


def test_files_are_uploaded_from_memory_and_from_a_link(peer, sandbox):
    """Multipart both times; the second one is the picture of a video of the sandbox."""
    sandbox.switches.lenient = True
    file = {"data": base64.b64encode(PNG).decode(), "fileName": "one.png", "mimeType": "image/png"}
    sent = peer.call("uploadAssets", resource="asset", binaryData=True, binaryPropertyName="a", binary={"a": file})
    assert (sent["data"]["mime_type"], sent["data"]["size_bytes"]) == ("image/png", len(PNG))
    thumbnail = states(peer, create(peer))[1]["thumbnail_url"]
    fetched = peer.call("uploadAssets", resource="asset", binaryData=False, fileUrl=thumbnail)
    assert fetched["data"]["mime_type"] == "image/jpeg"
    assert refusals(sandbox) == []


def test_a_photo_that_was_uploaded_talks_by_a_body_of_the_users_own(peer, sandbox):
    """Its form says `image_asset_id`, which create calls do not have, so that the switch does not help either."""
    sandbox.switches.lenient = True
    _, voice = look_and_voice(peer)
    file = {"data": base64.b64encode(PNG).decode(), "fileName": "me.png", "mimeType": "image/png"}
    sent = peer.call("uploadAssets", resource="asset", binaryData=True, binaryPropertyName="a", binary={"a": file})
    asset_id = sent["data"]["asset_id"]
    form = {"videosVisualSource": "imageAssetId", "videosImageAssetId": asset_id, "videosScript": "Hello."}
    with pytest.raises(PeerError, match=r"400.*avatar_id"):
        peer.call("createVideo", resource="video", videosVoiceId=voice, **form)
    photo = {"type": "asset_id", "asset_id": asset_id}
    body = json.dumps({"type": "image", "image": photo, "voice_id": voice, "script": "Hello."})
    answer = peer.call("createVideo", resource="video", videosUseJsonBody=True, videosJsonBody=body)
    assert paid(sandbox) == [answer["data"]["video_id"]]
    assert refusals(sandbox) == [(400, "POST /v3/videos")]


def test_templates_are_offered_and_made(peer, sandbox):
    """It lists and generates on v2, and sends an empty object of variables if the user gives none."""
    choices = peer.call("templateChoices")
    assert [choice["value"] for choice in choices] == ["template-welcome", "template-product"]
    text = {"key": "first_name", "type": "text", "textContent": "Ada"}
    for given in [{}, {"templateVariables": {"variable": [text]}}]:
        peer.call("createTemplateVideo", resource="video", templateIDOptions="template-welcome", **given)
    assert [job.request["variables"].keys() for job in sandbox.jobs] == [{}.keys(), {"first_name"}]
    assert len(paid(sandbox)) == 2
    assert refusals(sandbox) == []


def test_voices_are_designed_and_avatars_made(peer, sandbox):
    """Its other two creating calls; neither makes a video."""
    assert peer.call("designVoice", resource="list", voiceDesignPrompt="warm and calm")["data"]["voices"]
    made = peer.call("createAvatar", resource="avatar", avatarName="Peer", avatarPrompt="a friendly person")
    assert made["data"]["avatar_item"]["name"] == "Peer"
    mine = peer.call("listAvatarsGroups", resource="list", avatarGroupsOwnership="private")["data"]
    assert [group["name"] for group in mine] == ["Peer"]
    assert sandbox.jobs.count == 0
    assert refusals(sandbox) == []


def test_its_credentials_are_tested_with_the_account(peer, sandbox):
    """The request that n8n makes when a user saves a key."""
    assert peer.call("credentialTest")["data"]["wallet"]["remaining_balance"] == sandbox.wallet
    assert refusals(sandbox) == []


def test_what_the_sandbox_does_not_have_is_refused(peer, sandbox):
    """Video agents and lipsyncs."""
    for call, resource in [("listVideoAgentSessions", "videoAgent"), ("listLipsyncs", "lipsync")]:
        with pytest.raises(PeerError, match="404"):
            peer.call(call, resource=resource)
    assert [status for status, _ in refusals(sandbox)] == [404, 404]


def test_a_text_is_spoken(peer, sandbox):
    """Without a video; what comes of it can be fetched."""
    voice = look_and_voice(peer)[1]
    spoken = peer.call("generateSpeech", resource="list", ttsText="Hello.", ttsVoiceId=voice)["data"]
    assert [word["word"] for word in spoken["word_timestamps"]] == ["<start>", "Hello.", "<end>"]
    assert httpx.get(spoken["audio_url"], trust_env=False).content.startswith(b"RIFF")
    assert refusals(sandbox) == []
