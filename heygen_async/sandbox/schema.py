"""A small checker for JSON bodies: what HeyGen refuses, the sandbox refuses, with the path of the field.

Deliberately not the request classes of the SDK: an emulator that shares its client's code agrees with it by
construction and finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from attrs import frozen


@frozen
class Fault:
    """One thing wrong with a body; `unknown` marks a field that the schema does not have, `known` lists what it has."""

    path: str
    message: str
    unknown: bool = False
    known: tuple[str, ...] = ()


Check = Callable[[Any, str], Iterator[Fault]]
"""A function of a value and its path that yields what is wrong with it."""


def as_object(value: Any) -> dict[str, Any] | None:
    """Return the value if it is a JSON object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


@frozen
class Field:
    """A field of a record: how to check it, whether it must be there, whether null will do."""

    check: Check
    required: bool = False
    nullable: bool = False


def required(check: Check) -> Field:
    """Return a field that must be there and not null."""
    return Field(check, required=True)


def nullable(check: Check) -> Field:
    """Return a field that may be left out or null."""
    return Field(check, nullable=True)


def text(
    *, shortest: int = 0, longest: int | None = None, pattern: str | None = None, one_of: Sequence[str] = ()
) -> Check:
    """Check a string."""

    def check(value: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield Fault(path, "Input should be a valid string")
        elif one_of and value not in one_of:
            yield Fault(path, f"Input should be one of {', '.join(map(repr, one_of))}")
        elif len(value.strip()) < shortest:
            yield Fault(path, f"String should have at least {shortest} character" + "s" * (shortest > 1))
        elif longest is not None and len(value) > longest:
            yield Fault(path, f"String should have at most {longest} characters")
        elif pattern is not None and not re.fullmatch(pattern, value):
            yield Fault(path, f"String should match pattern '{pattern}'")

    return check


def number(
    low: float | None = None, high: float | None = None, *, above: float | None = None, whole: bool = False
) -> Check:
    """Check a number within closed bounds; `above` is an open lower bound, `whole` asks for an integer."""

    def check(value: Any, path: str) -> Iterator[Fault]:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            yield Fault(path, f"Input should be a valid {'integer' if whole else 'number'}")
        elif low is not None and value < low:
            yield Fault(path, f"Input should be greater than or equal to {low}")
        elif above is not None and value <= above:
            yield Fault(path, f"Input should be greater than {above}")
        elif high is not None and value > high:
            yield Fault(path, f"Input should be less than or equal to {high}")

    return check


def flag(value: Any, path: str) -> Iterator[Fault]:
    """Check a boolean."""
    if not isinstance(value, bool):
        yield Fault(path, "Input should be a valid boolean")


def url(value: Any, path: str) -> Iterator[Fault]:
    """Check an absolute http(s) URL; it is never fetched."""
    if not isinstance(value, str) or not re.match(r"https?://[^/\s]+", value):
        yield Fault(path, "Input should be a valid URL")


def items(each: Check, *, fewest: int = 0, most: int | None = None) -> Check:
    """Check a list."""

    def check(value: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield Fault(path, "Input should be a valid list")
            return
        entries = cast("list[object]", value)
        if len(entries) < fewest:
            yield Fault(path, f"List should have at least {fewest} item" + "s" * (fewest > 1))
        if most is not None and len(entries) > most:
            yield Fault(path, f"List should have at most {most} items")
        for index, entry in enumerate(entries):
            yield from each(entry, _join(path, str(index)))

    return check


def record(
    fields: Mapping[str, Field | Check],
    *,
    closed: bool = False,
    rules: Sequence[Callable[[dict[str, Any], str], Iterator[Fault]]] = (),
) -> Check:
    """Check an object; `closed` refuses unknown fields, `rules` look at several fields once each is right by itself."""

    def check(value: Any, path: str) -> Iterator[Fault]:
        given = as_object(value)
        if given is None:
            yield Fault(path, "Input should be a valid object")
            return
        found: list[Fault] = []
        for name, spec in fields.items():
            found += _check_field(given, name, spec if isinstance(spec, Field) else Field(spec), path)
        for name in sorted(given.keys() - fields.keys()) if closed else ():
            found.append(Fault(_join(path, name), "Extra inputs are not permitted", unknown=True, known=tuple(fields)))
        yield from found
        if all(fault.unknown for fault in found):
            for rule in rules:
                yield from rule(given, path)

    return check


def tagged(tag: str, arms: Mapping[str, Check]) -> Check:
    """Check a union whose arm is named by one field."""

    def check(value: Any, path: str) -> Iterator[Fault]:
        given = as_object(value)
        if given is None:
            yield Fault(path, "Input should be a valid object")
            return
        kind = given.get(tag)
        if not isinstance(kind, str) or kind not in arms:
            yield Fault(_join(path, tag), f"Input should be one of {', '.join(map(repr, arms))}")
        else:
            yield from arms[kind](given, path)

    return check


def _check_field(given: dict[str, Any], name: str, spec: Field, path: str) -> Iterator[Fault]:
    here = _join(path, name)
    if name not in given:
        if spec.required:
            yield Fault(here, "Field required")
    elif given[name] is not None:
        yield from spec.check(given[name], here)
    elif not spec.nullable:
        yield Fault(here, "Input should not be null")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
