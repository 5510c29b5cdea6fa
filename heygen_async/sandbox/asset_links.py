"""The presigned links of files that are no videos: to read them, and to bring them by PUT."""

from __future__ import annotations

import hashlib
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox.assets import Asset
from heygen_async.sandbox.catalogue import Look, Voice
from heygen_async.sandbox.files import BigFileResponse, refused
from heygen_async.sandbox.media_types import SUFFIXES, plain
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.receiving import receive_body
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.stock_files import PICTURES, STOCK_FILES

ROUTE: Final = "/files/assets/{asset_id}/{name}"
_ABSENT: Final = ("NoSuchKey", "The specified key does not exist.")
_BAD_SIGNATURE: Final = "The request signature we calculated does not match the signature you provided."


def link(service: Service, request: Request, asset_id: str, name: str) -> str:
    """Return a fresh link to a file, leading to where the request came from."""
    url = request.url_for("asset_file", asset_id=asset_id, name=name)
    return str(url.include_query_params(**service.signer.query(asset_id, name)))


def asset_link(service: Service, request: Request, asset: Asset) -> str:
    """Return a fresh link to an uploaded file."""
    return link(service, request, asset.id, asset.file_name)


def stock_link(service: Service, request: Request, file_id: str) -> str:
    """Return a fresh link to a public file."""
    return link(service, request, file_id, "original" + SUFFIXES[STOCK_FILES[file_id].media_type])


def preview_link(service: Service, request: Request, look: Look) -> str:
    """Return a fresh link to a look's picture: the photo it was made from, else a public one."""
    asset = service.assets.by_id.get(look.image or "")
    if asset is not None and asset.kind == "image":
        return asset_link(service, request, asset)
    number = hashlib.sha256(look.id.encode()).digest()[0] % len(PICTURES)
    return stock_link(service, request, PICTURES[number])


def voice_link(service: Service, request: Request, voice: Voice) -> str | None:
    """Return a fresh link to a sample of a voice; only public ones have one."""
    file_id = f"sandbox-preview-{voice.id}"
    return stock_link(service, request, file_id) if file_id in STOCK_FILES else None


def upload_link(service: Service, request: Request, asset: Asset) -> str:
    """Return a link to which the announced bytes can be PUT."""
    url = request.url_for("asset_upload", asset_id=asset.id, name=asset.file_name)
    return str(url.include_query_params(**service.assets.uploads.query(asset.id, _signed(asset))))


async def send(service: Service, request: Request) -> Response:
    """Answer a GET of the file host."""
    asset_id, name = request.path_params["asset_id"], request.path_params["name"]
    refusal = _with_key(request) or service.signer.refusal(asset_id, name, request.query_params)
    if refusal is not None:
        return refusal
    with service.open():
        asset, path = service.assets.file(asset_id), service.assets.path(asset_id)
    if path is None or not path.is_file():
        return refused(404, *_ABSENT)
    return BigFileResponse(path, media_type=asset.media_type if asset else STOCK_FILES[asset_id].media_type)


async def receive(service: Service, request: Request) -> Response:
    """Answer a PUT of the file host: exactly the bytes and the type that were announced, before the link expires."""
    with service.open():
        asset = service.assets.by_id.get(request.path_params["asset_id"])
    if asset is None or not asset.direct:
        return refused(404, *_ABSENT)
    refusal = _with_key(request) or service.assets.uploads.refusal(asset.id, _signed(asset), request.query_params)
    if refusal is not None:
        return refusal
    if plain(request.headers.get("content-type", "")) != asset.media_type or not _announced(request, asset):
        return refused(403, "SignatureDoesNotMatch", _BAD_SIGNATURE)
    if asset.completed_at is not None:
        return refused(409, "OperationAborted", "The upload was completed already.")
    return await _store(service, request, asset)


async def _store(service: Service, request: Request, asset: Asset) -> Response:
    with service.assets.incoming() as path:
        try:
            received = await receive_body(request, path, limit=asset.size)
        except Problem:
            return refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        if received.size != asset.size:
            return refused(400, "IncompleteBody", "You did not provide the number of bytes that was signed")
        with service.open():
            path.replace(asset.path)
            asset.arrived = True
    return Response(status_code=200, headers={"ETag": f'"{asset.id}"'})


def _signed(asset: Asset) -> str:
    return f"PUT {asset.size} {asset.media_type}"


def _announced(request: Request, asset: Asset) -> bool:
    declared = request.headers.get("content-length")
    return declared is None or declared == str(asset.size)


def _with_key(request: Request) -> Response | None:
    if "x-api-key" in request.headers or "authorization" in request.headers:
        return refused(400, "InvalidArgument", "Only one auth mechanism allowed: send no key to the file host")
    return None
