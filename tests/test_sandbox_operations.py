"""The sandbox's table against the list of the API's operations: no path is misspelt, no resource is half there."""

from __future__ import annotations

import pytest

from heygen_async.sandbox.table import TABLE

V3 = """
GET /v3/ai-clipping
POST /v3/ai-clipping
DELETE /v3/ai-clipping/{job_id}
GET /v3/ai-clipping/{job_id}
GET /v3/assets
POST /v3/assets
GET /v3/assets/batches/{batch_id}
POST /v3/assets/complete/batches
POST /v3/assets/direct-uploads
POST /v3/assets/direct-uploads/batches
GET /v3/assets/search
GET /v3/assets/statuses
DELETE /v3/assets/{asset_id}
GET /v3/assets/{asset_id}
POST /v3/assets/{asset_id}/complete
GET /v3/audio/sounds
GET /v3/avatars
POST /v3/avatars
GET /v3/avatars/looks
DELETE /v3/avatars/looks/{look_id}
GET /v3/avatars/looks/{look_id}
PATCH /v3/avatars/looks/{look_id}
DELETE /v3/avatars/{group_id}
GET /v3/avatars/{group_id}
POST /v3/avatars/{group_id}/consent
GET /v3/background-removals
POST /v3/background-removals
DELETE /v3/background-removals/{job_id}
GET /v3/background-removals/{job_id}
GET /v3/brand-glossaries
GET /v3/brand-kits
GET /v3/lipsyncs
POST /v3/lipsyncs
POST /v3/lipsyncs/batches
GET /v3/lipsyncs/batches/{batch_id}
GET /v3/lipsyncs/statuses
DELETE /v3/lipsyncs/{lipsync_id}
GET /v3/lipsyncs/{lipsync_id}
PATCH /v3/lipsyncs/{lipsync_id}
GET /v3/templates
GET /v3/templates/{template_id}
POST /v3/templates/{template_id}
GET /v3/users/me
GET /v3/video-agents
POST /v3/video-agents
GET /v3/video-agents/styles
GET /v3/video-agents/{session_id}
POST /v3/video-agents/{session_id}
GET /v3/video-agents/{session_id}/resources/{resource_id}
POST /v3/video-agents/{session_id}/stop
GET /v3/video-agents/{session_id}/videos
GET /v3/video-translations
POST /v3/video-translations
POST /v3/video-translations/batches
GET /v3/video-translations/batches/{batch_id}
GET /v3/video-translations/languages
POST /v3/video-translations/proofreads
GET /v3/video-translations/proofreads/{proofread_id}
POST /v3/video-translations/proofreads/{proofread_id}/generate
GET /v3/video-translations/proofreads/{proofread_id}/srt
PUT /v3/video-translations/proofreads/{proofread_id}/srt
GET /v3/video-translations/statuses
DELETE /v3/video-translations/{video_translation_id}
GET /v3/video-translations/{video_translation_id}
PATCH /v3/video-translations/{video_translation_id}
GET /v3/videos
POST /v3/videos
POST /v3/videos/batches
GET /v3/videos/batches/{batch_id}
GET /v3/videos/statuses
DELETE /v3/videos/{video_id}
GET /v3/videos/{video_id}
GET /v3/voices
POST /v3/voices
POST /v3/voices/clone
POST /v3/voices/speech
DELETE /v3/voices/{voice_id}
GET /v3/voices/{voice_id}
GET /v3/webhooks/endpoints
POST /v3/webhooks/endpoints
DELETE /v3/webhooks/endpoints/{endpoint_id}
PATCH /v3/webhooks/endpoints/{endpoint_id}
POST /v3/webhooks/endpoints/{endpoint_id}/rotate-secret
GET /v3/webhooks/event-types
GET /v3/webhooks/events
""".strip().splitlines()

V1_AND_V2 = """
POST /v2/video/generate
GET /v2/videos/{video_id}
GET /v1/video_status.get
GET /v1/video.list
DELETE /v1/video.delete
GET /v2/templates
GET /v2/template/{template_id}
POST /v2/template/{template_id}/generate
GET /v2/avatars
GET /v2/avatar/{avatar_id}/details
GET /v2/avatar_group.list
GET /v2/avatar_group/{group_id}/avatars
GET /v2/voices
GET /v2/user/remaining_quota
GET /v1/user/me
POST /v1/asset
GET /v1/asset/list
POST /v1/audio/text_to_speech
POST /v1/asset/{asset_id}/delete
GET /v1/talking_photo.list
POST /v1/talking_photo
DELETE /v2/talking_photo/{id}
GET /v1/webhook/webhook.list
GET /v1/webhook/endpoint.list
POST /v1/webhook/endpoint.add
PATCH /v1/webhook/endpoint.update
DELETE /v1/webhook/endpoint.delete
""".strip().splitlines()

RULES = [endpoint.rule for endpoint in TABLE]


def test_every_row_of_v3_is_an_operation_of_the_api():
    """Method and path, letter by letter, path parameters included."""
    assert len(V3) == 85
    assert [rule for rule in RULES if " /v3/" in rule and rule not in V3] == []


def test_every_row_of_v1_and_v2_is_a_call_of_the_api():
    """The legacy list is the one that the sandbox speaks."""
    assert [rule for rule in RULES if " /v3/" not in rule and rule not in V1_AND_V2] == []


def test_no_operation_stands_in_the_table_twice():
    """The second row would never be reached."""
    assert sorted(RULES) == sorted(set(RULES))


@pytest.mark.parametrize(
    "start",
    ["/v3/videos", "/v3/templates", "/v3/avatars", "/v3/voices", "/v3/assets", "/v3/users", "/v3/audio", "/v3/brand-"],
)
def test_a_resource_of_the_sandbox_has_all_of_its_operations(start):
    """What is there is there whole."""
    wanted = [rule for rule in V3 if rule.partition(" ")[2].startswith(start)]
    assert wanted
    assert [rule for rule in wanted if rule not in RULES] == []


def test_a_fixed_path_is_not_taken_for_a_parameter():
    """The first row whose pattern matches a path is its own."""
    for rule in RULES:
        first = next(other for other in RULES if _matches(other, rule))
        assert first == rule


def _matches(pattern: str, rule: str) -> bool:
    left, right = pattern.split("/"), rule.split("/")
    return len(left) == len(right) and all(a == b or a.startswith("{") for a, b in zip(left, right, strict=True))
