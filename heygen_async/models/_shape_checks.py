"""Checks for lists, parts and JSON in requests: each refusal is a `ValueError` that starts with the field's name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar, cast, get_args

from attrs import Attribute, fields

from heygen_async.models._checks import Check, check_number, check_text, either, refuse, shown

T = TypeVar("T")


def part(*classes: Any) -> Check:
    """Return a check for an instance of one of the classes; a union of classes stands for its members."""
    allowed = _members(classes)

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        _check_part(attribute.name, value, allowed)

    return check


def parts(*classes: Any, low: int, high: int) -> Check:
    """Return a check for `low` to `high` instances of the classes."""
    allowed = _members(classes)

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        for index, item in enumerate(_check_list(attribute.name, value, low, high)):
            _check_part(f"{attribute.name}[{index}]", item, allowed)

    return check


def texts(*, low: int, high: int) -> Check:
    """Return a check for `low` to `high` strings that are not blank."""

    def check(_instance: object, attribute: Attribute[Any], value: object) -> None:
        for index, item in enumerate(_check_list(attribute.name, value, low, high)):
            check_text(f"{attribute.name}[{index}]", item)

    return check


def as_tuple(value: Sequence[T]) -> tuple[T, ...]:
    """Return a list field as a tuple; what is no list is left to the field's check."""
    given = cast("object", value)
    is_list = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    return tuple(value) if is_list else cast("tuple[T, ...]", given)


def _check_list(name: str, value: object, low: int, high: int) -> tuple[object, ...]:
    if not isinstance(value, tuple):
        refuse(name, f"must be a list, not {shown(value)}")
    items = cast("tuple[object, ...]", value)
    if not low <= len(items) <= high:
        refuse(name, f"must have {low} to {high} items, not {len(items)}")
    return items


def _members(classes: tuple[Any, ...]) -> tuple[type, ...]:
    return tuple(member for cls in classes for member in (get_args(cls) or (cls,)))


def _check_part(name: str, value: object, allowed: tuple[type, ...]) -> None:
    if not isinstance(value, allowed):
        refuse(name, f"must be {either(cls.__name__ for cls in allowed)}, not {shown(value)}")


def json_copy(value: object, path: str) -> Any:
    """Return a deep copy made of JSON's own types; refuse what JSON cannot say, naming its path."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {_key(key, path): json_copy(item, f"{path}.{key}".lstrip(".")) for key, item in entries.items()}
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        return [json_copy(item, f"{path}[{index}]") for index, item in enumerate(items)]
    if isinstance(value, str):
        return check_text(path, value, empty=True)
    if isinstance(value, float):
        return check_number(path, value, -math.inf)
    if value is not None and not isinstance(value, bool | int):
        refuse(path, f"must be something that JSON can say, not {shown(value)}")
    return value


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        refuse(path or "request", f"must have names that are strings, not {shown(key)}")
    return check_text(path or "request", key, empty=True)


def json_object(_instance: object, attribute: Attribute[Any], value: object) -> None:
    """Check for a mapping that JSON can say."""
    if not isinstance(value, Mapping):
        refuse(attribute.name, f"must be a mapping, not {shown(value)}")
    json_copy(cast("Mapping[object, object]", value), attribute.name)


def additions(instance: Any, attribute: Attribute[Any], value: object) -> None:
    """Check that the additions to a request are JSON and leave its typed fields alone."""
    json_object(instance, attribute, value)
    known = {field.name for field in fields(instance.__class__)}
    for name in cast("Mapping[str, object]", value):
        if name in known:
            refuse(attribute.name, f"must not hold {name!r}, which is a field of {type(instance).__name__} itself")


def own_copy(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a copy that later changes of the original do not reach."""
    return deepcopy(value)


def check_speech(spoken: Any, *, voice_required: bool = False) -> None:
    """Refuse anything but exactly one of script, audio URL and audio asset."""
    given = [name for name in ("script", "audio_url", "audio_asset_id") if getattr(spoken, name) is not None]
    if not given:
        refuse("script", "is missing; give exactly one of script, audio_url and audio_asset_id")
    if len(given) > 1:
        refuse(given[1], f"cannot go with {given[0]}; give exactly one of script, audio_url and audio_asset_id")
    if voice_required and spoken.script is not None and spoken.voice_id is None:
        refuse("voice_id", "is missing; a script needs it here, because a picture has no default voice")
