"""How a delivery may go wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, Self, cast

from attrs import field, frozen

from heygen_async.sandbox.webhooks.signing import HeaderStyle

Json = dict[str, Any]


class NamedAction(Protocol):
    """What a rule of faults says: a name with arguments."""

    @property
    def name(self) -> str:
        """Return the name, such as `late`."""
        ...

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the arguments by name, defaults included."""
        ...


@frozen(kw_only=True)
class Twist:
    """What is done to one delivery, retries included.

    `drop`: it is never sent. `copies`: how often it is sent. `hold`: the next delivery to the same URL overtakes it.
    `late`: virtual seconds before it is sent. `bad_signature`, `timestamp_shift` (seconds), `style`: what its headers
    say. `rotate`: the endpoint gets a new secret first. `probe`: an `OPTIONS` request goes before it. `patch` is laid
    over the event before it is signed, `remove` (dotted paths) is taken out.
    """

    drop: bool = False
    copies: int = 1
    hold: bool = False
    late: float = 0.0
    bad_signature: bool = False
    timestamp_shift: float = 0.0
    style: HeaderStyle | None = None
    rotate: bool = False
    probe: bool = False
    patch: Json = field(factory=dict[str, Any])
    remove: Sequence[str] = ()

    @classmethod
    def of(cls, actions: Iterable[NamedAction]) -> Self:
        """Return what the actions of rules ask for; those that are not about one delivery change nothing."""
        wanted: Json = {}
        for action in actions:
            wanted |= _FIELDS.get(action.name, _nothing)(action.arguments)
        return cls(**wanted)

    def apply(self, event: Json) -> Json:
        """Return the event as it is told."""
        told = _merged(event, self.patch)
        for path in self.remove:
            told = _without(told, path.split("."))
        return told


def _nothing(_given: Mapping[str, Any]) -> Json:
    return {}


_FIELDS: Final[Mapping[str, Callable[[Mapping[str, Any]], Json]]] = {
    "drop": lambda _: {"drop": True},
    "duplicate": lambda given: {"copies": given["times"]},
    "reorder": lambda _: {"hold": True},
    "late": lambda given: {"late": given["seconds"]},
    "bad_signature": lambda _: {"bad_signature": True},
    "old_timestamp": lambda given: {"timestamp_shift": -given["seconds"]},
    "header_style": lambda given: {"style": given["name"]},
    "rotate_secret": lambda _: {"rotate": True},
    "probe": lambda _: {"probe": True},
    "patch_event": lambda given: {"patch": given["patch"], "remove": given.get("remove", ())},
}
"""What the actions of rules mean for a delivery; `early` is not among them: it decides when the event is made."""


def _merged(value: Json, patch: Json) -> Json:
    result = dict(value)
    for name, new in patch.items():
        old = result.get(name)
        both = isinstance(old, dict) and isinstance(new, dict)
        result[name] = _merged(cast("Json", old), cast("Json", new)) if both else new
    return result


def _without(value: Json, path: Sequence[str]) -> Json:
    name, *deeper = path
    inside = value.get(name)
    if not deeper:
        return {key: item for key, item in value.items() if key != name}
    if not isinstance(inside, dict):
        return value
    return {**value, name: _without(cast("Json", inside), deeper)}
