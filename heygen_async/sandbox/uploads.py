"""What becomes of files that come in: checks of type and size, and the steps of a direct upload."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any, Final

from heygen_async.sandbox.assets import Asset
from heygen_async.sandbox.core import Account
from heygen_async.sandbox.media_types import HEAD_BYTES, SUFFIXES, family, plain, sniffed
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.receiving import Received, sha256
from heygen_async.sandbox.service import Service

Json = dict[str, Any]

_MEGABYTE: Final = 1024 * 1024
MOST_BYTES: Final = {
    "image": 50 * _MEGABYTE,
    "audio": 50 * _MEGABYTE,
    "document": 50 * _MEGABYTE,
    "video": 100 * _MEGABYTE,
}
"""What HeyGen takes of each kind of file as input for a video."""

_TYPES: Final = ", ".join(SUFFIXES)


def new_asset(service: Service, account: Account, now: float, *, name: str, media_type: str, size: int) -> Asset:
    """Return an asset that is not kept yet; call it while the service is open."""
    asset_id = account.new_id("asset")
    return Asset(
        id=asset_id,
        number=service.assets.next_number(),
        name=name or asset_id,
        media_type=media_type,
        size=size,
        path=service.assets.folder / asset_id,
        created_at=now,
    )


def keep_whole(service: Service, received: Received, *, name: str) -> Asset:
    """Keep a file that came in with its call; raise the 400 for a type that HeyGen does not take."""
    if received.size == 0:
        raise Problem.invalid("file", "The file is empty")
    if received.media_type is None:
        raise Problem.invalid("file", f"Unsupported file type. Supported: {_TYPES}")
    with service.open() as (account, now):
        asset = new_asset(service, account, now, name=name, media_type=received.media_type, size=received.size)
        asset.completed_at = now
        return service.assets.keep(asset, received.path)


def announce(service: Service, body: Json, *, path: str = "") -> Asset:
    """Keep a direct upload that is only announced; raise the 400 for a type or a size that is not taken."""
    media_type, size = plain(body["content_type"]), body["size_bytes"]
    if media_type not in SUFFIXES:
        raise Problem.invalid(f"{path}content_type", f"Unsupported content type. Supported: {_TYPES}")
    if size > MOST_BYTES[family(media_type)]:
        text = f"Input should be less than or equal to {MOST_BYTES[family(media_type)]}"
        raise Problem.invalid(f"{path}size_bytes", text)
    with service.open() as (account, now):
        asset = new_asset(service, account, now, name=body["filename"], media_type=media_type, size=size)
        asset.direct, asset.checksum = True, body.get("checksum_sha256")
        return service.assets.add(asset)


def complete(service: Service, asset: Asset, *, checksum: str | None) -> None:
    """Make a direct upload usable; blocks while it reads the file. Completing it again changes nothing.

    Raise the 409 if the file has not arrived, the 400 if it is not what was announced.
    """
    if asset.completed_at is not None:
        return
    if not asset.arrived:
        raise Problem(409, "conflict", "Uploaded object not found yet")
    if (found := _type_of(asset.path)) != asset.media_type:
        text = f"Content type does not match the uploaded object: {asset.media_type} != {found or 'unknown'}"
        raise Problem.invalid("content_type", text)
    for announced in (asset.checksum, checksum):
        if announced is not None and not _is_digest(announced, sha256(asset.path)):
            raise Problem.invalid("checksum_sha256", "checksum_sha256 does not match the uploaded object")
    with service.open() as (_, now):
        asset.completed_at = now


def _type_of(path: Path) -> str | None:
    with path.open("rb") as file:
        return sniffed(file.read(HEAD_BYTES))


def _is_digest(text: str, digest: bytes) -> bool:
    """Say whether a checksum names the digest: in hexadecimal, or (as the official command line writes it) base64."""
    if text.lower() == digest.hex():
        return True
    try:
        return base64.b64decode(text, validate=True) == digest
    except (binascii.Error, ValueError):
        return False
