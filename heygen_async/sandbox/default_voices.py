"""The voice of a look, where a request gives none."""

from __future__ import annotations

from typing import Any, cast

from heygen_async.sandbox.catalogue import Catalogue


def with_default_voices(value: Any, catalogue: Catalogue) -> Any:
    """Return a checked v3 body in which every known look has a voice; the body itself stays as it is."""
    if isinstance(value, list):
        return [with_default_voices(entry, catalogue) for entry in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    body = cast("dict[str, Any]", value)
    filled = {name: with_default_voices(inner, catalogue) for name, inner in body.items()}
    look_id = body.get("avatar_id")
    if isinstance(look_id, str) and body.get("voice_id") is None:
        filled["voice_id"] = catalogue.default_voice(look_id)
    return filled
