"""Recognise HeyGen's announcements that an endpoint will go away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heygen_async._protocol.json_shapes import as_object, as_text


def announcement_of(headers: Mapping[str, str], body: Mapping[str, Any] | None) -> str | None:
    """Return what an answer says about the end of its endpoint, from its headers and its `warning`; None if nothing."""
    said = (body or {}).get("warning")
    warning = as_object(said) or {}
    message = as_text(warning.get("message")) or as_text(said)
    deprecated = headers.get("deprecation", "false").strip().lower() not in {"", "false", "?0"}
    sunset = as_text(warning.get("sunset_date")) or headers.get("sunset")
    if not (deprecated or sunset or message or warning):
        return None
    parts = [message or "HeyGen has marked this endpoint as deprecated."]
    parts += [f"It ends on {sunset}."] if sunset else []
    replacement = as_text(warning.get("v3_endpoint"))
    parts += [f"Its successor is {replacement}."] if replacement else []
    return " ".join(parts)
