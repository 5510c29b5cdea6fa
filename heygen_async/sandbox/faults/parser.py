"""The text form of rules: `POST /v3/videos then_status(503) times=1`."""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any, Final, TypedDict, Unpack, cast

from attrs import fields

from heygen_async.sandbox.faults.action import ACTIONS, Action
from heygen_async.sandbox.faults.rules import EVENT, METHODS, OPTIONS, Match, Rule, When, unknown

_NAME: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*")
_OPTION: Final = re.compile(r"""\s*([A-Za-z_]\w*)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"]\S*)(?=\s|$)""")
_QUOTES: Final = "'\""
_OPENING: Final = "([{"
_WHEN: Final = frozenset(option.name for option in fields(When))


class RuleOptions(TypedDict, total=False):
    """What can follow match and action; `Match` and `When` describe each."""

    times: int | None
    nth: int | None
    every: int | None
    probability: float | None
    after: float | None
    until: float | None
    video_id: str | None
    attempt: int | None


def parse_rule(text: str) -> Rule:
    """Read a rule; raise `ValueError` that names what is wrong, the nearest right name, and what is allowed."""
    target, rest = _split_target(text)
    Match(target)  # what is wrong at the beginning is told first
    source, rest = _split_action(rest)
    return rule_of(target, parse_action(source), **_options(rest))


def rule_of(match: str, action: Action | str | None = None, **options: Unpack[RuleOptions]) -> Rule:
    """Return the rule; without an action, `match` is the text of a whole rule. Raise `ValueError` if it is none."""
    if strange := [name for name in options if name not in OPTIONS]:
        raise unknown("option", strange[0], list(OPTIONS))
    if action is None:
        if options:
            raise ValueError(f"a rule's text holds its options too: write {', '.join(options)} there")
        return parse_rule(match)
    action = _action_of(action)
    when: dict[str, Any] = {name: value for name, value in options.items() if name in _WHEN}
    return Rule(Match(match, video_id=options.get("video_id"), attempt=options.get("attempt")), action, When(**when))


def _action_of(given: object) -> Action:
    if isinstance(given, str):
        return parse_action(given)
    if not isinstance(given, Action):
        raise TypeError(f"action: expected one such as then_status(503), not {given!r}")
    return given


def parse_action(text: str) -> Action:
    """Read an action: `status(429, retry_after=1)`, `html_page` (without arguments), or short `status=429`."""
    found = _NAME.match(text)
    if found is None:
        raise ValueError(f"action: expected a name such as then_status(503), not {text!r}")
    name, rest = found[1], text[found.end() :].strip()
    if name not in ACTIONS:
        raise unknown("action", name, sorted(ACTIONS))
    if rest.startswith("="):
        rest = f"({rest[1:]})"
    args, named = _arguments(name, rest or "()")
    make = ACTIONS[name]
    try:
        inspect.signature(make).bind(*args, **named)
    except TypeError as error:
        raise ValueError(f"{_usage(name)}: {error}") from None
    return make(*args, **named)


def _split_target(text: str) -> tuple[str, str]:
    words = text.split(maxsplit=2)
    if words and words[0] in {*METHODS, EVENT}:
        return " ".join(words[:2]), "".join(words[2:])
    if len(words) > 1 and words[1].startswith("/"):
        raise unknown("method", words[0], [*METHODS, EVENT])
    return "".join(words[:1]), " ".join(words[1:])


def _split_action(text: str) -> tuple[str, str]:
    """Cut behind the closing bracket of the action, quotes respected."""
    found = _NAME.match(text)
    if found is None:
        raise ValueError(f"action: expected one after the match, found {text!r}. Allowed: {', '.join(sorted(ACTIONS))}")
    if text[found.end() :][:1] != "(":
        word, _, rest = text.strip().partition(" ")
        return word, rest
    depth, quote, position = 0, "", found.end()
    while position < len(text):
        sign = text[position]
        if quote:
            position += sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in _QUOTES:
            quote = sign
        else:
            depth += (sign in _OPENING) - (sign in ")]}")
            if depth == 0:
                return text[: position + 1], text[position + 1 :]
        position += 1
    raise ValueError(f"{found[1]}: a bracket or a quote is not closed in {text!r}")


def _arguments(name: str, brackets: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        call = cast("ast.Call", ast.parse(f"f{brackets}", mode="eval").body)
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        return [ast.literal_eval(value) for value in call.args], named
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{_usage(name)}: arguments should be plain values, not {brackets}") from None


def _options(text: str) -> RuleOptions:
    options: dict[str, Any] = {}
    while text.strip():
        found = _OPTION.match(text)
        if found is None:
            raise ValueError(f"option: expected name=value, not {text.strip()!r}. Allowed: {', '.join(OPTIONS)}")
        if found[1] not in OPTIONS:
            raise unknown("option", found[1], list(OPTIONS))
        if found[1] in options:
            raise ValueError(f"option {found[1]!r} is given twice")
        options[found[1]] = _option_value(found[1], found[2])
        text = text[found.end() :]
    return cast("RuleOptions", options)


def _option_value(name: str, text: str) -> Any:
    if name == "video_id" and text[0] not in _QUOTES:
        return text
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text  # the check of the option says what it should be


def _usage(name: str) -> str:
    parameters = inspect.signature(ACTIONS[name]).parameters.values()
    return f"{name}({', '.join(str(one.replace(annotation=one.empty)) for one in parameters)})"
