"""What HeyGen refuses because of the look or the voice that a v3 request names; ids that are not known pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from heygen_async.sandbox.catalogue import Catalogue, Look
from heygen_async.sandbox.schema import Fault, as_object

DEFAULT_ENGINE: Final = "avatar_iv"

Json = dict[str, Any]


def look_faults(value: Any, catalogue: Catalogue, path: str = "") -> Iterator[Fault]:
    """Yield what a checked body asks of its looks and voices that these cannot do, from its start to its end."""
    if isinstance(value, list):
        for index, entry in enumerate(cast("list[object]", value)):
            yield from look_faults(entry, catalogue, f"{path}.{index}")
    if (body := as_object(value)) is None:
        return
    prefix = f"{path}." if path else ""
    look_id = body.get("avatar_id")
    look = catalogue.looks.get(look_id) if isinstance(look_id, str) else None
    if look is not None:
        yield from _of_look(body, look, prefix)
    yield from _of_voice(body, look, catalogue, prefix)
    for name, inner in body.items():
        yield from look_faults(inner, catalogue, prefix + name)


def _of_look(body: Json, look: Look, prefix: str) -> Iterator[Fault]:
    engine = (as_object(body.get("engine")) or {}).get("type") or DEFAULT_ENGINE
    photo = look.avatar_type == "photo_avatar"
    if engine not in look.engines:
        yield Fault(f"{prefix}engine.type", f"{engine} is not supported by this look, only {', '.join(look.engines)}")
    if body.get("expressiveness") is not None and not photo:
        yield Fault(f"{prefix}expressiveness", "expressiveness is supported by photo avatars only")
    if body.get("motion_prompt") is not None and not photo and engine != "avatar_v":
        yield Fault(f"{prefix}motion_prompt", "motion_prompt of a video avatar is supported by avatar_v only")


def _of_voice(body: Json, look: Look | None, catalogue: Catalogue, prefix: str) -> Iterator[Fault]:
    settings = as_object(body.get("voice_settings")) or {}
    engine = (as_object(settings.get("engine_settings")) or {}).get("engine_type")
    voice_id = body.get("voice_id") or (look.voice_id if look else None)
    voice = catalogue.voices.get(voice_id) if isinstance(voice_id, str) else None
    if engine is not None and voice is not None and engine not in voice.engines:
        where = f"{prefix}voice_settings.engine_settings.engine_type"
        yield Fault(where, f"This voice does not run on {engine}, only on {', '.join(voice.engines)}")
