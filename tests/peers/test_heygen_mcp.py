"""HeyGen's own MCP server (PyPI heygen-mcp) on v1 and v2: every tool it has, called through its tool layer."""

from __future__ import annotations

import pytest

from tests.peers.driving import PeerError
from tests.peers.evidence import is_film, paid, refusals
from tests.peers.installing import MCP_SERVERS

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def peer(python_peer):
    with python_peer("mcp-servers", *MCP_SERVERS, tools="heygen_mcp.server:mcp.call_tool") as peer:
        yield peer


def make(peer, *, avatar: str = "josh_lite3_20230714") -> str:
    voice = peer.call("get_voices")["voices"][0]["voice_id"]
    given = {"avatar_id": avatar, "voice_id": voice, "input_text": "Hello from a peer.", "title": "Peer"}
    return peer.call("generate_avatar_video", **given)["video_id"]


def test_a_video_is_made_and_watched_to_its_end(peer, sandbox):
    """Avatar and voice come from its own lists; one job, paid once, and the link is a film."""
    groups = peer.call("get_avatar_groups", include_public=True)
    avatars = peer.call("get_avatars_in_avatar_group", group_id=groups["avatar_groups"][0]["id"])["avatars"]
    video_id = make(peer, avatar=avatars[0]["avatar_id"])
    states = [peer.call("get_avatar_video_status", video_id=video_id) for _ in range(2)]
    assert [state["status"] for state in states] == ["pending", "completed"]
    assert states[1]["duration"] == sandbox.jobs[video_id].duration
    assert is_film(states[1]["video_url"])
    assert [(job.id, job.wire, job.title) for job in sandbox.jobs] == [(video_id, "v2", "Peer")]
    assert paid(sandbox) == [video_id]
    assert refusals(sandbox) == []


def test_its_strict_models_read_every_row_of_every_list(peer, sandbox):
    """They want all keys of voices, groups, avatars and quota, and links that are URLs."""
    assert peer.call("get_remaining_credits")["remaining_credits"] == int(sandbox.wallet)
    assert len(peer.call("get_voices")["voices"]) >= 10
    assert peer.call("get_avatar_groups")["avatar_groups"] == []
    groups = peer.call("get_avatar_groups", include_public=True)["avatar_groups"]
    for group in groups:
        avatars = peer.call("get_avatars_in_avatar_group", group_id=group["id"])["avatars"]
        assert len(avatars) == group["num_looks"] > 0
    assert refusals(sandbox) == []


def test_a_failed_video_is_told_with_its_numeric_code(peer, sandbox):
    """The code of v1 is a number; the failed video is refunded."""
    sandbox.fail_next(40119)
    video_id = make(peer)
    states = [peer.call("get_avatar_video_status", video_id=video_id) for _ in range(2)]
    assert states[1]["status"] == "failed"
    assert states[1]["error_details"]["code"] == 40119
    assert [charge.refunded for charge in sandbox.charges] == [True]


def test_what_does_not_exist_is_an_error_in_the_words_of_the_api(peer, sandbox):
    """Group, video and avatar: each a 404, and nothing was made."""
    with pytest.raises(PeerError, match=r"404.*avatar_group_not_found"):
        peer.call("get_avatars_in_avatar_group", group_id="nobody")
    with pytest.raises(PeerError, match=r"404.*40104"):
        peer.call("get_avatar_video_status", video_id="nothing")
    with pytest.raises(PeerError, match=r"404.*avatar_not_found"):
        make(peer, avatar="nobody")
    assert [status for status, _ in refusals(sandbox)] == [404, 404, 404]
    assert (sandbox.jobs.count, sandbox.charges) == (0, [])


def test_an_answer_that_gets_lost_leaves_a_paid_video_behind(peer, sandbox):
    """v2 knows no idempotency key: the client has no id, and the sandbox has the job."""
    sandbox.fault("POST /v2/video/generate then_cut() times=1")
    with pytest.raises(PeerError, match="HTTP Request failed"):
        make(peer)
    assert sandbox.unfired_faults == []
    assert paid(sandbox) == [job.id for job in sandbox.jobs]
    assert sandbox.jobs.count == 1
