"""The calls of v3 about assets: upload in one call or directly to the file host, list, search, get, delete."""

from __future__ import annotations

from typing import Any, Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.asset_links import asset_link, stock_link, upload_link
from heygen_async.sandbox.asset_schema import COMPLETE, DIRECT_UPLOAD
from heygen_async.sandbox.assets import OWNER, SPACE, UPLOAD_SECONDS, Asset
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.media_types import family
from heygen_async.sandbox.once import answered_once, once
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.queries import one_of, wanted
from heygen_async.sandbox.receiving import receive_multipart
from heygen_async.sandbox.service import Service, read_json
from heygen_async.sandbox.stock_files import STOCK_FILES
from heygen_async.sandbox.uploads import MOST_BYTES, announce, complete, keep_whole

Json = dict[str, Any]

_SEARCHED: Final = ("image", "icon")


async def upload(service: Service, request: Request) -> Response:
    """Answer `POST /v3/assets`."""
    with service.assets.incoming() as path:
        received = await receive_multipart(request, path)

        async def keep(service: Service, request: Request, _key: str | None) -> Answer:
            asset = keep_whole(service, received, name=received.name or "")
            return Answer(200, {"data": {"asset_id": asset.id, **_file(service, request, asset)}})

        return await answered_once(service, request, keep)


async def get(service: Service, request: Request) -> Response:
    """Answer `GET /v3/assets/{asset_id}`."""
    with service.open():
        asset = asset_in(service, request)
        return JSONResponse({"data": _detail(service, request, asset)})


async def list_assets(service: Service, request: Request) -> Response:
    """Answer `GET /v3/assets`; the sandbox has one user, and no folders but the root."""
    username = wanted(request, "username")
    page = Page.of(request, "assets", high=100, default=20)
    with service.open():
        mine = username == OWNER and not request.query_params.get("folder_id")
        rows, token = page.cut(asset for asset in service.assets.by_id.values() if mine and asset.completed_at)
        return listing([_detail(service, request, asset) for asset in rows], token)


async def search(service: Service, request: Request) -> Response:
    """Answer `GET /v3/assets/search`: a row is found by any of its words."""
    query, kind = wanted(request, "query").lower(), one_of(request, "type", _SEARCHED, required=True)
    scope = one_of(request, "scope", ("public", "personal")) or "public"
    page = Page.of(request, f"search {scope}", high=50, default=20)
    with service.open():
        if scope == "public":
            rows, token = page.cut(
                file for file in STOCK_FILES.values() if file.kind == kind and _says(file.words, query)
            )
            found = [_found(file.id, file.kind, stock_link(service, request, file.id)) for file in rows]
            return listing(found, token)
        uploads = service.assets.by_id.values()
        mine, token = page.cut(
            one for one in uploads if one.kind == kind and one.completed_at and _says(one.name, query)
        )
        return listing([_found(one.id, one.kind, asset_link(service, request, one)) for one in mine], token)


async def delete(service: Service, request: Request) -> Response:
    """Answer `DELETE /v3/assets/{asset_id}`."""
    with service.open():
        asset = asset_in(service, request)
        service.assets.delete(asset.id)
    return JSONResponse({"data": {"id": asset.id}})


@once
async def create_direct(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/assets/direct-uploads`."""
    body = await read_json(request, DIRECT_UPLOAD, lenient=service.switches.lenient)
    return Answer(200, {"data": direct_upload(service, request, announce(service, body), body["content_type"])})


async def complete_direct(service: Service, request: Request) -> Response:
    """Answer `POST /v3/assets/{asset_id}/complete`."""
    body: Json = {}
    if await request.body():
        body = await read_json(request, COMPLETE, lenient=service.switches.lenient)
    with service.open():
        asset = asset_in(service, request)
    await anyio.to_thread.run_sync(lambda: complete(service, asset, checksum=body.get("checksum_sha256")))
    return JSONResponse(
        {"data": {"asset_id": asset.id, "status": "processing", **_file(service, request, asset)}},
    )


def direct_upload(service: Service, request: Request, asset: Asset, content_type: str) -> Json:
    """Return what a client needs to bring the bytes of an announced asset."""
    return {
        "asset_id": asset.id,
        "status": "pending_upload",
        "upload_url": upload_link(service, request, asset),
        "upload_headers": {"Content-Type": content_type},
        "max_bytes": MOST_BYTES[family(asset.media_type)],
        "expires_in_seconds": int(UPLOAD_SECONDS),
    }


def asset_in(service: Service, request: Request) -> Asset:
    """Return the asset that a path names; raise the 404 if there is none. Call it while the service is open."""
    asset_id = request.path_params["asset_id"]
    asset = service.assets.by_id.get(asset_id)
    if asset is None:
        raise Problem(404, "asset_not_found", f"Asset {asset_id} not found")
    return asset


def _file(service: Service, request: Request, asset: Asset) -> Json:
    return {"url": asset_link(service, request, asset), "mime_type": asset.media_type, "size_bytes": asset.size}


def _detail(service: Service, request: Request, asset: Asset) -> Json:
    return {
        "id": asset.id,
        "name": asset.name,
        "type": asset.kind,
        "url": asset_link(service, request, asset) if asset.completed_at is not None else None,
        "owner": OWNER,
        "space_id": SPACE,
        "folder_id": None,
        "uploaded_at": int(asset.created_at),
    }


def _found(asset_id: str, kind: str, url: str) -> Json:
    return {
        "id": asset_id,
        "type": kind,
        "url": url,
        "width": None,
        "height": None,
        "orientation": None,
        "is_transparent": None,
    }


def _says(words: str, query: str) -> bool:
    return any(word in words.lower() for word in query.split())
