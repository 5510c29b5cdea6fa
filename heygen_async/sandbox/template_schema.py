"""The bodies of the two template calls as HeyGen documents them; unknown fields pass on both wires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from heygen_async.sandbox.schema import (
    Check,
    Fault,
    Field,
    as_object,
    flag,
    items,
    nullable,
    number,
    record,
    required,
    tagged,
    text,
    url,
)

_FIT: Final = nullable(text(one_of=["cover", "crop", "contain", "none"]))
_PLAY_STYLE: Final = nullable(text(one_of=["fit_to_scene", "freeze", "loop", "once"]))
_FILE: Final = {"url": nullable(url), "asset_id": nullable(text(shortest=1))}
_CHARACTER_TYPE: Final = nullable(text(one_of=["avatar", "talking_photo"]))


def _one_file(body: dict[str, Any], path: str) -> Iterator[Fault]:
    if (body.get("url") is None) == (body.get("asset_id") is None):
        yield Fault(f"{path}.url", "exactly one of url, asset_id is required")


def _arms(character_type: str) -> dict[str, Check]:
    return {
        "text": record({"content": required(text())}),
        "image": record({**_FILE, "fit": _FIT}, rules=[_one_file]),
        "video": record({**_FILE, "fit": _FIT, "play_style": _PLAY_STYLE}, rules=[_one_file]),
        "audio": record(_FILE, rules=[_one_file]),
        "character": record({"character_id": required(text(shortest=1)), character_type: _CHARACTER_TYPE}),
        "voice": record({"voice_id": required(text(shortest=1))}),
    }


def _v2_variable(value: Any, path: str) -> Iterator[Fault]:
    arms = _arms("type")
    nested: dict[str, Check] = {kind: record({"properties": required(arm)}) for kind, arm in arms.items()}
    yield from tagged("type", nested)(value, path)
    name = (as_object(value) or {}).get("name")
    if name != path.rpartition(".")[2]:
        yield Fault(f"{path}.name", "name should be the key of the variable")


def _variables(each: Check, *, fewest: int) -> Check:
    def check(value: Any, path: str) -> Iterator[Fault]:
        given = as_object(value)
        if given is None or len(given) < fewest:
            yield Fault(path, "Input should be an object" + (" with at least one entry" if fewest else ""))
            return
        for name, variable in given.items():
            yield from each(variable, f"{path}.{name}")

    return check


def _frame_rate(value: Any, path: str) -> Iterator[Fault]:
    if isinstance(value, bool) or value not in (25, 30, 60):
        yield Fault(path, "Input should be 25, 30 or 60")


_SIDE: Final = required(number(128, 4096, whole=True))

_COMMON: Final[Mapping[str, Field | Check]] = {
    "title": nullable(text()),
    "caption": nullable(flag),
    "dimension": nullable(record({"width": _SIDE, "height": _SIDE})),
    "fps": nullable(_frame_rate),
    "scene_ids": nullable(items(text(shortest=1), fewest=1)),
    "reorder_music": nullable(flag),
    "keep_text_vertically_centered": nullable(flag),
    "subtitles": nullable(record({"preset_name": required(text(shortest=1))})),
    "include_gif": nullable(flag),
    "enable_sharing": nullable(flag),
    "folder_id": nullable(text()),
    "brand_voice_id": nullable(text()),
    "callback_id": nullable(text()),
    "callback_url": nullable(url),
}

FROM_TEMPLATE_V2: Final = record(
    {**_COMMON, "variables": required(_variables(_v2_variable, fewest=0)), "test": nullable(flag)}
)
"""Checks the body of `POST /v2/template/{id}/generate`; without a variable the template is as it is."""

FROM_TEMPLATE_V3: Final = record(
    {**_COMMON, "variables": required(_variables(tagged("type", _arms("character_type")), fewest=1))}
)
"""Checks the body of `POST /v3/templates/{id}`."""
