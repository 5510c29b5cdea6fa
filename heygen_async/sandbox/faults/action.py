"""What a fault does, as a value: a name with arguments, and the place where it takes effect."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec

from attrs import field, frozen

from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.faults.lasting import Lasting
from heygen_async.sandbox.quirks import Quirks

if TYPE_CHECKING:
    from heygen_async.sandbox.faults.exchange import Exchange

P = ParamSpec("P")


def _always(_call: CallFacts, _lasting: Lasting) -> bool:
    return True


@frozen
class OnCall:
    """Takes effect on one HTTP call: `perform` answers it; `concerns` says which calls it can be about."""

    perform: Callable[[Exchange], Awaitable[None]]
    concerns: Callable[[CallFacts, Lasting], bool] = _always


@frozen
class OnJob:
    """Takes effect on a job, for good: `change` adds to its quirks; `finished_too` if its end does not hinder it."""

    change: Callable[[Quirks], Quirks]
    finished_too: bool = False


@frozen
class OnDelivery:
    """Takes effect where webhook events are delivered, by name and arguments."""


Effect = OnCall | OnJob | OnDelivery


@frozen
class Action:
    """One fault with its arguments; equal if name and arguments are, and `str` writes it as a rule's text does."""

    name: str
    arguments: Mapping[str, Any]
    _text: str = field(eq=False, repr=False)
    effect: Effect = field(eq=False, repr=False)

    def __str__(self) -> str:
        return self._text

    def __getitem__(self, argument: str) -> Any:
        """Return an argument, the default if it was not given."""
        return self.arguments[argument]


ACTIONS: Final[dict[str, Callable[..., Action]]] = {}
"""All actions by name, in the order of their modules."""


def action(effect: Callable[P, Effect]) -> Callable[P, Action]:
    """Turn a function that returns an effect into one that returns the action, and put it into `ACTIONS`."""
    signature = inspect.signature(effect)
    name = effect.__name__

    @wraps(effect)
    def make(*args: P.args, **kwargs: P.kwargs) -> Action:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return Action(name, dict(bound.arguments), _written(name, signature, bound.arguments), effect(*args, **kwargs))

    ACTIONS[name] = make
    return make


def _written(name: str, signature: inspect.Signature, arguments: Mapping[str, Any]) -> str:
    """Write the call with as few arguments as needed."""
    words: list[str] = []
    skipped = False
    for parameter in signature.parameters.values():
        value = arguments[parameter.name]
        if value == parameter.default and type(value) is type(parameter.default):
            skipped = True
        elif skipped or parameter.kind is parameter.KEYWORD_ONLY:
            words.append(f"{parameter.name}={value!r}")
        else:
            words.append(repr(value))
    return f"{name}({', '.join(words)})"
