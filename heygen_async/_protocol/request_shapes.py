"""Turn typed requests into JSON and JSON into typed requests, by one cattrs converter.

Importing cattrs takes time, so this module is imported when the first request is encoded, not with the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin

import attrs
from cattrs import AttributeValidationNote, BaseValidationError, Converter, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from heygen_async.models._checks import either, refuse, shown
from heygen_async.models.assets import RawPart

R = TypeVar("R")
Hook = Callable[[Any, Any], Any]

_SCALARS: Final = frozenset({str, int, float, bool, NoneType})


def to_json(request: object) -> dict[str, Any]:
    """Return a typed request as JSON: what is None is left out, `extra` is merged in."""
    payload: dict[str, Any] = _converter().unstructure(request)
    return payload


def from_json(value: Mapping[str, Any], cls: type[R]) -> R:
    """Return a JSON request as its class; unknown fields are ignored.

    Raise `ValueError` naming the path of every field that is wrong.
    """
    try:
        return _converter().structure(value, cls)
    except BaseValidationError as group:
        raise ValueError("; ".join(_problems(group, ""))) from None


@cache
def _converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})
    converter.register_structure_hook_func(_is_scalar, _as_given)
    for scalar in (str, int, float, bool):
        converter.register_structure_hook(scalar, _as_given)  # cattrs prefers its own for these to any predicate
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(attrs.has, _object_hook)
    converter.register_structure_hook_factory(_is_choice_of_parts, _tagged_hook)
    converter.register_unstructure_hook_factory(attrs.has, _unstructure_hook)
    converter.register_unstructure_hook(RawPart, lambda part: converter.unstructure(part.raw))
    return converter


def _unstructure_hook(cls: type[attrs.AttrsInstance], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    to_dict = make_dict_unstructure_fn(cls, converter)

    def unstructure(value: Any) -> dict[str, Any]:
        fields = to_dict(value)
        additions = fields.pop("extra", {})
        return {name: item for name, item in (fields | additions).items() if item is not None}

    return unstructure


def _as_given(value: Any, _: Any) -> Any:
    """Leave a value to the check of its class: cattrs would turn 5 into "5" to make it fit."""
    return value


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, UnionType}


def _is_scalar(annotation: Any) -> bool:
    if _is_union(annotation):
        return all(_is_scalar(member) for member in get_args(annotation))
    return annotation in _SCALARS or get_origin(annotation) is Literal


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _list_hook(annotation: Any, converter: Converter) -> Hook:
    item, _ellipsis = get_args(annotation)
    as_list: Any = list.__class_getitem__(item)
    structure_list = converter.get_structure_hook(as_list)

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _PartError(f"must be a list, not {shown(value)}")
        return tuple(structure_list(value, as_list))

    return structure


def _object_hook(cls: type[attrs.AttrsInstance], converter: Converter) -> Hook:
    structure_object = make_dict_structure_fn(cls, converter)

    def structure(value: Any, _: Any) -> Any:
        # `extra` is ours, not the wire's: in JSON it is an unknown field like any other.
        return structure_object({name: item for name, item in _object(value).items() if name != "extra"}, cls)

    return structure


def _is_choice_of_parts(annotation: Any) -> bool:
    return _is_union(annotation) and sum(map(attrs.has, get_args(annotation))) > 1


def _tagged_hook(annotation: Any, converter: Converter) -> Hook:
    """Return a hook that chooses the class by the part's type.

    An unknown type is kept as it is where v3 may have grown (the union has `RawPart` in it), and refused elsewhere.
    """
    members: list[Any] = [member for member in get_args(annotation) if member not in {RawPart, NoneType}]
    tag = "engine_type" if "engine_type" in attrs.fields_dict(members[0]) else "type"
    classes = {cast("str", attrs.fields_dict(member)[tag].default): member for member in members}
    may_be_new, may_be_null = RawPart in get_args(annotation), NoneType in get_args(annotation)

    def structure(value: Any, _: Any) -> Any:
        if value is None and may_be_null:
            return None
        part = _object(value)
        word = part.get(tag)
        if isinstance(word, str) and word in classes:
            return converter.structure(part, classes[word])
        if not (isinstance(word, str) and may_be_new):
            refuse(tag, f"must be {either(map(repr, classes))}, not {shown(word)}")
        return RawPart(part)

    return structure


class _PartError(ValueError):
    """Say what is wrong with a part as a whole; every other error names a field inside the part."""


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _PartError(f"must be an object, not {shown(value)}")
    return cast("dict[str, Any]", value)


def _problems(group: BaseValidationError, path: str) -> Iterator[str]:
    """Yield what is wrong, each with its path: cattrs keeps the steps of it in notes on nested groups."""
    for error in group.exceptions:
        here = path + "".join(_step(note) for note in getattr(error, "__notes__", ()))
        if isinstance(error, BaseValidationError):
            yield from _problems(error, here)
        elif isinstance(error, KeyError):
            yield f"{here}: is missing".lstrip(".")
        else:
            yield f"{here}{': ' if isinstance(error, _PartError) else '.'}{error}".lstrip(".")


def _step(note: str) -> str:
    if isinstance(note, IterableValidationNote):
        return f"[{note.index}]"
    return f".{note.name}" if isinstance(note, AttributeValidationNote) else ""
