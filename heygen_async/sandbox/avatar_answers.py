"""Avatars as v3 shows them: groups and their looks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from heygen_async.sandbox.asset_links import preview_link, stock_link
from heygen_async.sandbox.catalogue import Group, Look
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.stock_files import PREVIEW_VIDEO

Json = dict[str, Any]


def group_v3(service: Service, request: Request, group: Group) -> Json:
    """Return a group; only one's own has a status. Call it while the service is open."""
    account, now = service.account, service.clock.now()
    looks = account.catalogue.looks_of(group.id)
    return {
        "id": group.id,
        "name": group.name,
        "gender": group.gender,
        "created_at": int(group.created_at),
        "looks_count": len(looks),
        "default_voice_id": group.voice_id,
        "preview_image_url": preview_link(service, request, looks[0]) if looks else None,
        "preview_video_url": stock_link(service, request, PREVIEW_VIDEO),
        "consent_status": group.consent,
        "status": account.catalogue.group_stage(group, account.progress, now) if group.own else None,
        "error": None,
    }


def look_v3(service: Service, request: Request, look: Look) -> Json:
    """Return a look; only one's own has a status. Call it while the service is open."""
    account, now = service.account, service.clock.now()
    own = account.catalogue.is_own(look)
    width, height = look.size or (None, None)
    return {
        "id": look.id,
        "name": look.name,
        "group_id": look.group_id,
        "avatar_type": look.avatar_type,
        "gender": look.gender,
        "default_voice_id": look.voice_id,
        "supported_api_engines": list(look.engines),
        "tags": list(look.tags),
        "image_width": width,
        "image_height": height,
        "preferred_orientation": _orientation(width, height),
        "preview_image_url": preview_link(service, request, look),
        "preview_video_url": stock_link(service, request, PREVIEW_VIDEO),
        "status": account.catalogue.stage(look, account.progress, now) if own else None,
        "error": None,
    }


def _orientation(width: int | None, height: int | None) -> str | None:
    if width is None or height is None:
        return None
    if width == height:
        return "square"
    return "landscape" if width > height else "portrait"
