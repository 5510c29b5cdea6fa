"""The calls of v1 and v2 about avatars, photos that talk, and voices."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox.asset_links import asset_link, preview_link, stock_link, voice_link
from heygen_async.sandbox.catalogue import Group, Look, Voice
from heygen_async.sandbox.envelopes import v1, v2
from heygen_async.sandbox.making import make_talking_photo
from heygen_async.sandbox.paging import newest_first
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.queries import one_of
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.stock_files import PREVIEW_VIDEO
from heygen_async.sandbox.v2_asset_routes import receive_raw

Json = dict[str, Any]


async def avatars(service: Service, request: Request) -> Response:
    """Answer `GET /v2/avatars`: all looks at once, photos apart from the rest."""
    with service.open() as (account, _):
        looks = newest_first(account.catalogue.looks.values())
        data = {
            "avatars": [_avatar(service, request, look) for look in looks if look.avatar_type != "photo_avatar"],
            "talking_photos": [_photo(service, request, look) for look in looks if look.avatar_type == "photo_avatar"],
        }
    return v2(service, data, successor="GET /v3/avatars/looks")


async def avatar_details(service: Service, request: Request) -> Response:
    """Answer `GET /v2/avatar/{avatar_id}/details`."""
    avatar_id = request.path_params["avatar_id"]
    with service.open() as (account, _):
        look = account.catalogue.looks.get(avatar_id)
        if look is None:
            raise Problem(404, "avatar_not_found", "avatar look not found")
        data = {
            "type": "talking_photo" if look.avatar_type == "photo_avatar" else "avatar",
            "id": look.id,
            "name": look.name,
            "gender": look.gender or "unknown",
            "preview_image_url": preview_link(service, request, look),
            "preview_video_url": stock_link(service, request, PREVIEW_VIDEO),
            "premium": False,
            "is_public": not account.catalogue.is_own(look),
            "default_voice_id": look.voice_id,
            "tags": [engine.upper() for engine in look.engines],
        }
    return v2(service, data, successor="GET /v3/avatars/looks/{look_id}")


async def groups(service: Service, request: Request) -> Response:
    """Answer `GET /v2/avatar_group.list`: without `include_public` only one's own."""
    public = one_of(request, "include_public", ("true", "false", "True", "False", "1", "0")) in {"true", "True", "1"}
    with service.open() as (account, _):
        found = [group for group in newest_first(account.catalogue.groups.values()) if group.own or public]
        rows = [_group(service, request, group) for group in found]
    return v2(service, {"total_count": len(rows), "avatar_group_list": rows}, successor="GET /v3/avatars")


async def group_avatars(service: Service, request: Request) -> Response:
    """Answer `GET /v2/avatar_group/{group_id}/avatars`."""
    group_id = request.path_params["group_id"]
    with service.open() as (account, _):
        if group_id not in account.catalogue.groups:
            raise Problem(404, "avatar_group_not_found", f"Avatar group {group_id} not found")
        rows = [_group_avatar(service, request, look) for look in account.catalogue.looks_of(group_id)]
    return v2(service, {"avatar_list": rows}, successor="GET /v3/avatars/looks")


async def voices(service: Service, request: Request) -> Response:
    """Answer `GET /v2/voices`."""
    with service.open() as (account, _):
        rows = [_voice(service, request, voice) for voice in newest_first(account.catalogue.voices.values())]
    return v2(service, {"voices": rows}, successor="GET /v3/voices")


async def talking_photos(service: Service, request: Request) -> Response:
    """Answer `GET /v1/talking_photo.list`."""
    with service.open() as (account, _):
        looks = newest_first(account.catalogue.looks.values())
        photos = [look for look in looks if look.avatar_type == "photo_avatar"]
        rows = [
            {"id": look.id, "image_url": preview_link(service, request, look), "circle_image": ""} for look in photos
        ]
    return v1(rows)


async def upload_photo(service: Service, request: Request) -> Response:
    """Answer `POST /v1/talking_photo`: raw bytes, usable at once."""
    asset = await receive_raw(service, request, kinds=("image",))
    with service.open() as (account, now):
        look = make_talking_photo(account, asset.id, now=now)
    return v1({"talking_photo_id": look.id, "talking_photo_url": asset_link(service, request, asset)})


async def delete_photo(service: Service, request: Request) -> Response:
    """Answer `DELETE /v2/talking_photo/{id}`: only one's own."""
    photo_id = request.path_params["id"]
    with service.open() as (account, _):
        look = account.catalogue.looks.get(photo_id)
        if look is None or look.avatar_type != "photo_avatar":
            raise Problem(404, "avatar_not_found", f"Talking photo {photo_id} not found")
        if not account.catalogue.is_own(look):
            raise Problem(403, "forbidden", "forbidden")
        del account.catalogue.looks[photo_id]
        if not account.catalogue.looks_of(look.group_id):
            account.catalogue.remove_group(look.group_id)
    return v2(service, None, successor="DELETE /v3/avatars/looks/{look_id}")


def _avatar(service: Service, request: Request, look: Look) -> Json:
    return {
        "avatar_id": look.id,
        "avatar_name": look.name,
        "gender": look.gender or "unknown",
        "preview_image_url": preview_link(service, request, look),
        "preview_video_url": stock_link(service, request, PREVIEW_VIDEO),
        "premium": False,
        "type": None,
        "tags": None,
        "default_voice_id": look.voice_id,
    }


def _photo(service: Service, request: Request, look: Look) -> Json:
    return {
        "talking_photo_id": look.id,
        "talking_photo_name": look.name,
        "preview_image_url": preview_link(service, request, look),
    }


def _group(service: Service, request: Request, group: Group) -> Json:
    catalogue = service.account.catalogue
    looks = catalogue.looks_of(group.id)
    photos = bool(looks) and looks[0].avatar_type == "photo_avatar"
    stage = catalogue.group_stage(group, service.account.progress, service.clock.now())
    return {
        "id": group.id,
        "name": group.name,
        "created_at": int(group.created_at),
        "num_looks": len(looks),
        "preview_image": preview_link(service, request, looks[0]) if looks else None,
        "group_type": "PRIVATE" if group.own else "PUBLIC_PHOTO" if photos else "PUBLIC",
        "train_status": "pending" if stage == "processing" else "ready",
        "default_voice_id": group.voice_id,
    }


def _group_avatar(service: Service, request: Request, look: Look) -> Json:
    picture = preview_link(service, request, look)
    return {
        "id": look.id,
        "avatar_id": look.id,
        "group_id": look.group_id,
        "name": look.name,
        "avatar_name": look.name,
        "gender": look.gender or "unknown",
        "image_url": picture,
        "preview_image_url": picture,
        "preview_video_url": stock_link(service, request, PREVIEW_VIDEO),
        "premium": False,
        "type": look.avatar_type,
        "tags": list(look.tags),
        "default_voice_id": look.voice_id,
        "train_status": None,
        "moderation_msg": None,
        "status": service.account.catalogue.stage(look, service.account.progress, service.clock.now()),
    }


def _voice(service: Service, request: Request, voice: Voice) -> Json:
    return {
        "voice_id": voice.id,
        "language": voice.language,
        "gender": voice.gender.capitalize() if voice.gender != "unknown" else voice.gender,
        "name": voice.name,
        "preview_audio": voice_link(service, request, voice) or "",
        "support_pause": True,
        "emotion_support": voice.emotion,
        "support_interactive_avatar": voice.interactive,
        "support_locale": voice.locale,
    }
