"""Pictures, clips and sounds that a v3 request refers to, and parts that this version has no class for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import Attribute, field, frozen

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape


@frozen
class RawPart:
    """A part of a v3 request that this version has no class for; `raw` is sent as it is.

    It is accepted where HeyGen chooses by a type and may add one: `engine=RawPart({"type": "avatar_vi"})`.
    """

    raw: Mapping[str, Any] = field(converter=shape.own_copy, validator=shape.json_object, hash=False)


def _media_type(_instance: object, attribute: Attribute[Any], value: object) -> None:
    kind, _, subtype = check.check_text(attribute.name, value).partition("/")
    if not (kind and subtype):
        check.refuse(attribute.name, f"must be a media type such as 'image/png', not {check.shown(value)}")


def _base64(_instance: object, attribute: Attribute[Any], value: object) -> None:
    data = check.check_text(attribute.name, value)
    # A full decoding would cost a pass over up to 32 MB; this catches the two common mistakes.
    if not data.isascii() or data.startswith("data:"):
        check.refuse(attribute.name, "must be base64 text alone, without 'data:...;base64,'")


@frozen(kw_only=True)
class AssetUrl:
    """A public file, fetched by HeyGen."""

    type: Literal["url"] = field(default="url", validator=check.choice(Literal["url"]), repr=False)
    url: str = field(validator=check.url, repr=redact_url)


@frozen(kw_only=True)
class AssetId:
    """A file that was uploaded to HeyGen."""

    type: Literal["asset_id"] = field(default="asset_id", validator=check.choice(Literal["asset_id"]), repr=False)
    asset_id: str = field(validator=check.text())


@frozen(kw_only=True)
class AssetBase64:
    """A file inside the request: `data` is base64 text (no `data:` URL), `media_type` such as `image/png`."""

    type: Literal["base64"] = field(default="base64", validator=check.choice(Literal["base64"]), repr=False)
    media_type: str = field(validator=_media_type)
    data: str = field(validator=_base64, repr=False)


AssetInput: TypeAlias = AssetUrl | AssetId | AssetBase64 | RawPart
"""A file in any of the ways that v3 takes one."""
