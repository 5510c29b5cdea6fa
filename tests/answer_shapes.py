"""What HeyGen's v3 answers look like, as its API description says, and a check of answers against it.

One line per shape: `field=type`, with `!` where the field is required and `?` where it may be null. Types are `str`,
`int`, `num`, `bool`, `obj` (any object), the words of an enumeration with `|` between them, `[x]` a list, `{x}` an
object whose values are x, the name of another shape, and `A/B` one of several shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ANSWERS = """
POST /v3/videos 200 VideoCreated
GET /v3/videos 200 [Video]
POST /v3/videos/batches 202 BatchCreated
GET /v3/videos/batches/{batch_id} 200 Batch
GET /v3/videos/statuses 200 [BulkStatusItem]
DELETE /v3/videos/{video_id} 200 VideoDeleted
GET /v3/videos/{video_id} 200 Video
POST /v3/avatars 200 AvatarCreated
GET /v3/avatars 200 [AvatarGroup]
GET /v3/avatars/looks 200 [AvatarLook]
DELETE /v3/avatars/looks/{look_id} 200 DeletedResource
GET /v3/avatars/looks/{look_id} 200 AvatarLook
PATCH /v3/avatars/looks/{look_id} 200 AvatarLook
DELETE /v3/avatars/{group_id} 200 DeletedResource
GET /v3/avatars/{group_id} 200 AvatarGroup
POST /v3/avatars/{group_id}/consent 200 AvatarConsent
POST /v3/voices 200 VoiceDesignResult
GET /v3/voices 200 [Voice]
POST /v3/voices/clone 200 VoiceCloneCreated
POST /v3/voices/speech 200 Speech
DELETE /v3/voices/{voice_id} 200 DeletedVoice
GET /v3/voices/{voice_id} 200 VoiceDetail
GET /v3/templates 200 [TemplateSummary]
POST /v3/templates/{template_id} 200 Video
GET /v3/templates/{template_id} 200 TemplateDetail
POST /v3/assets 200 UploadedAsset
GET /v3/assets 200 [Asset]
GET /v3/assets/batches/{batch_id} 200 Batch
POST /v3/assets/complete/batches 202 BatchCreated
POST /v3/assets/direct-uploads 200 DirectUpload
POST /v3/assets/direct-uploads/batches 200 DirectUploadBatch
GET /v3/assets/search 200 [AssetSearchResult]
GET /v3/assets/statuses 200 [BulkStatusItem]
DELETE /v3/assets/{asset_id} 200 DeletedResource
GET /v3/assets/{asset_id} 200 Asset
POST /v3/assets/{asset_id}/complete 200 CompletedAsset
GET /v3/audio/sounds 200 [Sound]
GET /v3/brand-kits 200 [BrandKit]
GET /v3/brand-glossaries 200 [BrandGlossary]
POST /v3/webhooks/endpoints 200 WebhookEndpoint
GET /v3/webhooks/endpoints 200 [WebhookEndpoint]
DELETE /v3/webhooks/endpoints/{endpoint_id} 200 obj
PATCH /v3/webhooks/endpoints/{endpoint_id} 200 WebhookEndpoint
POST /v3/webhooks/endpoints/{endpoint_id}/rotate-secret 200 WebhookSecret
GET /v3/webhooks/event-types 200 [WebhookEventTypeInfo]
GET /v3/webhooks/events 200 [WebhookEvent]
GET /v3/users/me 200 CurrentUser
"""

SHAPES = """
VideoCreated: output_format=mp4|webm status=str! video_id=str!
Video: captioned_video_url=str? completed_at=int? created_at=int? duration=num? failure_code=str?
    failure_message=str? folder_id=str? gif_url=str? id=str! output_language=str?
    status=pending|processing|completed|failed! subtitle_url=str? thumbnail_url=str? title=str? video_page_url=str?
    video_url=str?
BatchCreated: batch_id=str! status=processing|completed|failed total_items=int
Batch: batch_id=str! counts_by_status={int}! created_at=int! has_more=bool! items=[BatchItem]! next_token=str?
    status=processing|completed|failed! title=str? total_items=int!
BulkStatusItem: batch_id=str? error=BatchItemError? item_index=int? status=str! video_id=str?
VideoDeleted: deleted=bool id=str!
AvatarCreated: avatar_group=AvatarGroup? avatar_item=AvatarLook?
AvatarGroup: consent_status=str? created_at=int! default_voice_id=str? error=ResourceError? gender=str? id=str!
    looks_count=int! name=str! preview_image_url=str? preview_video_url=str?
    status=processing|pending_consent|failed|completed?
AvatarLook: avatar_type=studio_avatar|digital_twin|photo_avatar! default_voice_id=str? error=ResourceError?
    gender=str? group_id=str? id=str! image_height=int? image_width=int? name=str!
    preferred_orientation=portrait|landscape|square? preview_image_url=str? preview_video_url=str?
    status=processing|pending_consent|failed|completed? supported_api_engines=[str] tags=[str]
DeletedResource: id=str!
AvatarConsent: avatar_group=AvatarGroup! url=str?
VoiceDesignResult: seed=int! voices=[Voice]!
Voice: gender=str! language=str! name=str! preview_audio_url=str? support_locale=bool! support_pause=bool!
    type=public|private! voice_id=str!
VoiceCloneCreated: voice_clone_id=str!
Speech: audio_url=str! duration=num! request_id=str? word_timestamps=[WordTimestamp]?
DeletedVoice: voice_id=str!
VoiceDetail: created_at=int? failure_message=str? gender=str? language=str? name=str? preview_audio_url=str?
    status=processing|complete|failed? support_interactive_avatar=bool support_pause=bool! voice_id=str!
TemplateSummary: aspect_ratio=str? created_at=int? id=str! name=str! thumbnail_url=str? updated_at=int?
TemplateDetail: aspect_ratio=str? created_at=int? id=str! name=str! scene_ids=[str] scenes=[TemplateScene]
    thumbnail_url=str? updated_at=int? variables={TemplateVariable}
UploadedAsset: asset_id=str! mime_type=str! size_bytes=int! url=str!
Asset: folder_id=str? id=str! name=str! owner=str! space_id=str! type=str! uploaded_at=int! url=str?
DirectUpload: asset_id=str! expires_in_seconds=int! max_bytes=int! status=str! upload_headers={str}! upload_url=str!
DirectUploadBatch: batch_id=str! items=[DirectUpload]!
AssetSearchResult: ImageAssetResult/IconAssetResult
CompletedAsset: asset_id=str! mime_type=str! size_bytes=int! status=str! url=str!
Sound: audio_url=str! description=str! duration=num? id=str! name=str! peak_offset=num? placement=str? score=num!
    type=music|sound_effects!
BrandKit: brand_kit_id=str! colors=[str] logo_url=str? name=str!
BrandGlossary: brand_glossary_id=str! created_at=str! name=str! updated_at=str!
WebhookEndpoint: created_at=str! endpoint_id=str! events=[str]? secret=str? status=str! url=str!
WebhookSecret: endpoint_id=str! secret=str!
WebhookEventTypeInfo: description=str! event_type=str!
WebhookEvent: created_at=str! event_data=obj! event_id=str! event_type=str!
CurrentUser: billing_type=wallet|subscription|usage_based? email=str?! first_name=str?! last_name=str?!
    subscription=SubscriptionBilling? usage_based=UsageBasedBilling? username=str! wallet=WalletBilling?
BatchItem: error=BatchItemError? item_index=int! status=queued|processing|completed|failed! video_id=str?
BatchItemError: code=str message=str
ResourceError: code=str! message=str!
WordTimestamp: end=num! start=num! word=str!
TemplateScene: scene_id=str! script=str? variables=[TemplateSceneVariable]
TemplateVariable:
    TemplateTextVariable/TemplateImageVariable/TemplateVideoVariable/TemplateAudioVariable/TemplateCharacterVariable/TemplateVoiceVariable
ImageAssetResult: height=int? id=str! is_transparent=bool? orientation=str? type=image! url=str! width=int?
IconAssetResult: height=int? id=str! is_transparent=bool? orientation=str? type=icon! url=str! width=int?
SubscriptionBilling: credits=SubscriptionCredits! plan=free|starter|creator|pro|team|enterprise|business_plus!
UsageBasedBilling: included_credits=num? remaining_credits=num? spending_cap_usd=num? spending_current_usd=num?
WalletBilling: auto_reload=WalletAutoReload? currency=usd|credits! remaining_balance=num?
TemplateSceneVariable: name=str! variable_type=str!
TemplateTextVariable: type=text! content=str!
TemplateImageVariable: type=image! url=str? asset_id=str? fit=str?
TemplateVideoVariable: type=video! url=str? asset_id=str? play_style=str? fit=str?
TemplateAudioVariable: type=audio! url=str? asset_id=str?
TemplateCharacterVariable: type=character! character_id=str! character_type=str
TemplateVoiceVariable: type=voice! voice_id=str!
SubscriptionCredits: add_on_credits=CreditPool? premium_credits=CreditPool?
WalletAutoReload: amount_usd=num? enabled=bool! threshold_usd=num?
CreditPool: remaining=int? resets_at=str?
"""

REFUSAL = "code=str! message=str! param=str? doc_url=str? errors=[Detail]"
DETAIL = "code=str! message=str! path=str?"

PLAIN = {"str": str, "int": int, "num": (int, float), "bool": bool, "obj": dict}
PAGING = {"has_more": "bool!", "next_token": "str?!"}


def _fields(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split())


def _shapes() -> dict[str, dict[str, str] | str]:
    lines = re.sub(r"\n +", " ", SHAPES.strip()).splitlines()
    pairs = [line.split(": ", 1) for line in lines]
    return {name: _fields(text) if "=" in text else text for name, text in pairs}


_SHAPES = _shapes() | {"Refusal": _fields(REFUSAL), "Detail": _fields(DETAIL)}
_ANSWERS = {
    rule: (int(status), shape) for rule, status, shape in (row.rsplit(" ", 2) for row in ANSWERS.split("\n") if row)
}


def rules() -> set[str]:
    """Return all operations whose answer is described."""
    return set(_ANSWERS)


def faults_in(rule: str, status: int, answer: Any) -> list[str]:
    """Return what is wrong with the answer to an operation, nothing if it is as described."""
    wanted, shape = _ANSWERS[rule]
    if status != wanted:
        return [f"status {status} instead of {wanted}"]
    fields = {"data": f"{shape}!", **(PAGING if shape.startswith("[") else {})}
    if rule.startswith("DELETE /v3/webhooks"):
        fields = {"data": "obj!", "error": "obj?"}
    return list(_of_fields(answer, fields, ""))


def faults_in_refusal(answer: Any) -> list[str]:
    """Return what is wrong with an error of v3, which never comes with data."""
    return list(_of_fields(answer, {"error": "Refusal!"}, ""))


def _of_fields(value: Any, fields: dict[str, str], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or 'answer'}: {value!r} is no object"
        return
    for name in value.keys() - fields.keys():
        yield f"{path}{name}: not described"
    for name, spec in fields.items():
        if name in value:
            yield from _of_type(value[name], spec.rstrip("!"), f"{path}{name}")
        elif spec.endswith("!"):
            yield f"{path}{name}: missing"


def _of_type(value: Any, spec: str, path: str) -> Iterator[str]:
    if spec.endswith("?"):
        if value is not None:
            yield from _of_type(value, spec[:-1], path)
        return
    if spec.startswith("["):
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, one in enumerate(value):
            yield from _of_type(one, spec[1:-1], f"{path}.{index}")
    elif spec.startswith("{"):
        for name, one in value.items() if isinstance(value, dict) else [("", value)]:
            yield from _of_type(one, spec[1:-1], f"{path}.{name}")
    elif spec in PLAIN:
        if not isinstance(value, PLAIN[spec]) or (isinstance(value, bool) and spec != "bool"):
            yield f"{path}: {value!r} is no {spec}"
    elif spec in _SHAPES:
        shape = _SHAPES[spec]
        if isinstance(shape, str):
            yield from _of_type(value, shape, path)
        else:
            yield from _of_fields(value, shape, f"{path}.")
    elif "/" in spec:
        found = [list(_of_type(value, arm, path)) for arm in spec.split("/")]
        yield from min(found, key=len)
    elif value not in spec.split("|"):
        yield f"{path}: {value!r} is none of {spec}"
