"""The calls of v1 about assets: raw upload, as on HeyGen's upload host, list and delete."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox.asset_links import asset_link
from heygen_async.sandbox.asset_routes import asset_in
from heygen_async.sandbox.assets import Asset
from heygen_async.sandbox.envelopes import v1
from heygen_async.sandbox.media_types import plain
from heygen_async.sandbox.paging import Page
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.receiving import receive_body
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.uploads import keep_whole

Json = dict[str, Any]

_MEDIA: Final = ("image", "video", "audio")


async def upload(service: Service, request: Request) -> Response:
    """Answer `POST /v1/asset`."""
    asset = await receive_raw(service, request, kinds=_MEDIA)
    return v1(_asset(service, request, asset))


async def list_assets(service: Service, request: Request) -> Response:
    """Answer `GET /v1/asset/list`; rows name their id twice, because clients read it under either name."""
    kind = request.query_params.get("file_type")
    page = Page.of(request, "v1 assets", high=100, default=100)
    with service.open():
        found = [one for one in service.assets.by_id.values() if one.completed_at and kind in {None, "", one.kind}]
        rows, token = page.cut(found)
        shown = [{**_asset(service, request, one), "asset_id": one.id} for one in rows]
        return v1({"assets": shown, "total": len(found), "token": token})


async def delete(service: Service, request: Request) -> Response:
    """Answer `POST /v1/asset/{asset_id}/delete`."""
    with service.open():
        service.assets.delete(asset_in(service, request).id)
    return v1(None)


async def receive_raw(service: Service, request: Request, *, kinds: Collection[str]) -> Asset:
    """Keep a raw body as an asset; raise the 400 if its bytes are not what its `Content-Type` says."""
    sent = plain(request.headers.get("content-type", ""))
    with service.assets.incoming() as path:
        received = await receive_body(request, path)
        if received.media_type != sent or sent.partition("/")[0] not in kinds:
            text = f"Content type not match {received.media_type or 'unknown'} != {sent or 'unknown'}"
            raise Problem(400, "asset_format_not_supported", text)
        return keep_whole(service, received, name="")


def _asset(service: Service, request: Request, asset: Asset) -> Json:
    shown: Json = {
        "id": asset.id,
        "name": asset.name,
        "file_type": asset.kind,
        "folder_id": "",
        "meta": None,
        "created_ts": int(asset.created_at),
        "url": asset_link(service, request, asset),
    }
    if asset.kind == "image":
        shown["image_key"] = f"image/{asset.id}/{asset.file_name}"
    return shown
