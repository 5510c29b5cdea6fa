"""The rules of the sandbox's faults by themselves: what they match, when they fire, how they are written."""

from __future__ import annotations

import ast
import inspect
import math
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heygen_async.sandbox import faults
from heygen_async.sandbox.faults import ACTIONS, Faults, Match, Rule, When, parse_action, parse_rule
from heygen_async.sandbox.faults.calls import CallFacts, named_videos
from heygen_async.sandbox.faults.parser import rule_of
from heygen_async.sandbox.faults.rules import METHODS, OPERATIONS
from heygen_async.sandbox.quirks import Quirks

ANNOUNCED = (
    "status html_page error_in_200 bad_json empty_body bom gzip_json redirect hang then_status then_delay then_cut "
    "patch_answer status_word failure_shape bulk_shape scheme in_flight store_errors ignore_key wallet concurrency "
    "rotate_key asset_lag v2_gone fail stuck backwards invisible url_late slow wrong_duration expire_now expire_after "
    "cut short throttle stall delay ignore_range range_416 wrong_range change_etag weak_etag no_length zero html_200 "
    "gzip_file corrupt drop duplicate reorder early late bad_signature old_timestamp header_style patch_event "
    "rotate_secret probe"
)


def call(target: str = "POST /v3/videos", *, key: str | None = None, video_ids: tuple[str, ...] = ()) -> CallFacts:
    method, path = target.split(" ")
    return CallFacts(method=method, path=path, key=key, video_ids=video_ids)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Faults:
    return Faults(now=clock, lock=threading.RLock(), seed=0)


def fires(engine: Faults, calls: int, target: str = "POST /v3/videos") -> str:
    """Return a line with `x` for each call that met a fault."""
    return "".join("x" if engine.for_call(call(target)) else "." for _ in range(calls))


# Match


def test_every_announced_action_exists_and_is_exported():
    """By the same name in Python and in rules."""
    assert sorted(ACTIONS) == sorted(ANNOUNCED.split())
    assert set(ACTIONS) <= set(faults.__all__)
    assert all(getattr(faults, name) is ACTIONS[name] for name in ACTIONS)
    assert all(make.__doc__ and make.__doc__.endswith(".") for make in ACTIONS.values())


@pytest.mark.parametrize(
    ("target", "fitting", "other"),
    [
        ("POST /v3/videos", "POST /v3/videos", "GET /v3/videos"),
        ("  POST   /v3/videos ", "POST /v3/videos", "POST /v3/videos/1"),
        ("GET /files/*", "GET /files/1/video.mp4", "HEAD /files/1/video.mp4"),
        ("* /files/*", "HEAD /files/1/video.mp4", "GET /v3/videos"),
        ("GET *", "GET /v1/video.list", "POST /v1/video.list"),
        ("GET /v3/videos/{video_id}", "GET /v3/videos/abc", "GET /v3/videos/statuses"),
        ("GET /v3/videos/{video_id}", "GET /v3/videos/abc", "GET /v3/videos/abc/more"),
        ("GET /v3/videos/*", "GET /v3/videos/statuses", "GET /v3/videos"),
        ("GET /v3/avatars/{group_id}", "GET /v3/avatars/1", "GET /v3/avatars/looks"),
        ("GET /v1/video.list", "GET /v1/video.list", "GET /v1/videoxlist"),
        ("POST /v2/template/{id}/generate", "POST /v2/template/7/generate", "POST /v2/template/generate"),
        ("create", "POST /v2/video/generate", "GET /v3/videos"),
        ("create", "POST /v3/templates/1", "POST /v3/assets"),
        ("look", "GET /v1/video_status.get", "GET /v1/video.list"),
        ("look", "GET /v3/videos/statuses", "GET /v3/videos"),
        ("list", "GET /v3/videos", "GET /v3/videos/1"),
        ("delete", "DELETE /v3/videos/1", "GET /v3/videos/1"),
        ("upload", "POST /v1/asset", "POST /v3/videos"),
        ("download", "GET /files/1/video.mp4", "GET /v3/videos"),
    ],
)  # fmt: skip
def test_a_match_is_a_method_and_a_path_or_an_operation(target, fitting, other):
    """`*` is any text, `{...}` one part of the path that is an id."""
    assert Match(target).fits(call(fitting))
    assert not Match(target).fits(call(other))


def test_a_match_can_ask_for_one_video():
    """In the path or in the query of the call."""
    match = Match("look", video_id="v2")
    assert match.fits(call("GET /v3/videos/v2", video_ids=("v2",)))
    assert match.fits(call("GET /v3/videos/statuses", video_ids=("v1", "v2")))
    assert not match.fits(call("GET /v3/videos/v1", video_ids=("v1",)))


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/v3/videos/abc", "", ("abc",)),
        ("/v3/videos/statuses", "video_ids=a,b", ("a", "b")),
        ("/v3/videos/statuses", "video_ids=a%2Cb,", ("a", "b")),
        ("/v3/videos/batches", "", ()),
        ("/v1/video_status.get", "video_id=abc", ("abc",)),
        ("/files/abc/video.mp4", "Signature=1", ("abc",)),
        ("/v3/videos", "limit=3", ()),
        ("/v3/templates/abc", "", ()),
        ("/", "", ()),
    ],
)  # fmt: skip
def test_the_videos_that_a_call_names(path, query, named):
    """Wherever the wire puts them."""
    assert named_videos(path, query) == named


def test_an_event_is_matched_by_its_type():
    """Webhook rules are about nothing else."""
    match = Match("EVENT avatar_video.*", video_id="v1")
    assert match.fits_event("avatar_video.success", "v1")
    assert not match.fits_event("avatar_video.success", "v2")
    assert not match.fits_event("video_translate.success", "v1")
    assert not match.fits(call("GET /v3/videos/v1", video_ids=("v1",)))
    assert not Match("* *").fits_event("avatar_video.success", None)


# When


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("", "xxxxxx"),
        ("times=2", "xx...."),
        ("nth=3", "..x..."),
        ("every=2", ".x.x.x"),
        ("every=2 times=2", ".x.x.."),
        ("probability=0", "......"),
        ("probability=1", "xxxxxx"),
    ],
)  # fmt: skip
def test_when_a_rule_fires(engine, options, line):
    """All that is given must hold."""
    active = engine.add(f"POST /v3/videos status(503) {options}")
    assert fires(engine, 6) == line
    assert (active.matched, active.fired) == (6, line.count("x"))


def test_chance_comes_from_the_seed(clock):
    """The same run each time; another seed, another run."""

    def line(seed: int) -> str:
        engine = Faults(now=clock, lock=threading.RLock(), seed=seed)
        engine.add("POST /v3/videos status(503) probability=0.3")
        return fires(engine, 200)

    assert line(0) == line(0)
    assert line(0) != line(1)
    assert 30 < line(0).count("x") < 90


def test_chance_of_one_rule_does_not_depend_on_the_calls_of_another(clock):
    """Rules draw by themselves."""
    alone = Faults(now=clock, lock=threading.RLock(), seed=0)
    both = Faults(now=clock, lock=threading.RLock(), seed=0)
    for engine in (alone, both):
        engine.add("POST /v3/videos status(503) probability=0.5")
        engine.add("GET /v3/videos status(503) probability=0.5")
    assert fires(both, 50, "GET /v3/videos")
    assert fires(both, 50) == fires(alone, 50)


def test_a_window_of_virtual_time(engine, clock):
    """Counted from the moment the rule was added."""
    engine.add("POST /v3/videos status(503) after=10 until=20")
    line = ""
    for clock.now in (1000.0, 1009.9, 1010.0, 1019.9, 1020.0):
        line += fires(engine, 1)
    assert line == "..xx."


def test_the_nth_attempt_of_one_key(engine):
    """Each key counts for itself, on each path for itself; calls without a key have no attempts."""
    engine.add("create status(503) attempt=2")
    keys = ["a", "b", "a", None, "a", "b", None]
    assert ["x" if engine.for_call(call(key=key)) else "." for key in keys] == list("..x..x.")
    assert engine.for_call(call("POST /v3/templates/1", key="a")) is None


def test_the_first_matching_rule_wins_until_it_is_used_up(engine):
    """Later rules are not asked and do not count."""
    first = engine.add("POST /v3/videos status(503) times=2")
    second = engine.add("POST * status(500)")
    hits = [engine.for_call(call()) for _ in range(3)]
    assert hits == [first, first, second]
    assert (second.matched, second.fired) == (1, 1)
    assert engine.for_call(call("GET /v3/videos")) is None


def test_rules_that_never_fired_are_told(engine):
    """By their text; removed and cleared ones are not."""
    engine.add("POST /v3/videos status(503) times=1")
    engine.add("GET /files/* cut(10)")
    third = engine.add("GET /files/* short(10)")
    engine.for_call(call())
    assert engine.unfired == ["GET /files/* cut(10)", "GET /files/* short(10)"]
    engine.remove(third)
    engine.remove(third)
    assert engine.unfired == ["GET /files/* cut(10)"]
    assert len(engine) == 2
    assert [str(rule) for rule in engine] == ["POST /v3/videos status(503) times=1", "GET /files/* cut(10)"]
    engine.clear()
    assert (engine.unfired, list(engine.rules)) == ([], [])


def test_rules_about_ranges_and_files_pass_by_other_calls(engine):
    """They do not count them either."""
    ranged = engine.add("* * range_416")
    expiring = engine.add("* * expire_now")
    assert engine.for_call(call("GET /v3/videos")) is None
    assert (ranged.matched, expiring.matched) == (0, 0)
    assert engine.for_call(call("GET /files/1/video.mp4")) is expiring


class Event:
    type, video_id = "avatar_video.success", "v1"


def test_a_delivery_gets_the_actions_of_the_first_matching_rule(engine):
    """By name and arguments, defaults included."""
    engine.add("EVENT avatar_video.* late(5) times=1")
    engine.add("EVENT * old_timestamp")
    found = [engine.for_delivery(Event()) for _ in range(2)]
    assert [[(action.name, dict(action.arguments)) for action in actions] for actions in found] == [
        [("late", {"seconds": 5})],
        [("old_timestamp", {"seconds": 3600.0})],
    ]
    assert engine.for_call(call()) is None
    engine.clear()
    assert engine.for_delivery(Event()) == []


def test_a_job_that_no_call_creates_is_as_all_jobs(engine):
    """There is nothing that a rule could match."""
    engine.add("* * stuck")
    assert engine.for_new_job("v1") == Quirks()
    assert engine.unfired == ["* * stuck()"]


# Text


@pytest.mark.parametrize(
    "text",
    [
        "POST /v3/videos then_status(503) times=1",
        "GET /files/* cut(1000, chunked=True) probability=0.1",
        "create status(429, retry_after='Wed, 21 Oct 2015 07:28:00 GMT')",
        "look patch_answer({'data': {'status': 'a (new) word'}}, remove=['data.duration']) video_id=abc123 every=2",
        "look status_word(') \\\" times=1') after=10 until=20.5",
        "EVENT avatar_video.* patch_event({'event_data': None}) times=1",
        "* * hang() nth=3",
        "download stall(0, 2.5) video_id='a b'",
        "create in_flight(3) attempt=2",
    ],
)  # fmt: skip
def test_a_rule_is_written_as_it_is_read(text):
    """The text says it all."""
    rule = parse_rule(text)
    assert parse_rule(str(rule)) == rule
    assert str(parse_rule(str(rule))) == str(rule)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("look html_page", "look html_page()"),
        ("look html_page(502)", "look html_page()"),
        ("look status = 429 times=1", None),
        ("look status=429", "look status(429)"),
        ("look   stuck( 'pending' )   times=2", "look stuck('pending') times=2"),
        ("create cut(n=5)", "create cut(5)"),
    ],
)  # fmt: skip
def test_short_ways_to_write_a_rule(text, same):
    """Brackets without arguments can be left out; one argument can follow an equals sign."""
    if same is None:
        with pytest.raises(ValueError, match="missing a required argument: 'code'"):
            parse_rule(text)
    else:
        assert str(parse_rule(text)) == same


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["begins with what it matches"]),
        ("POST /v3/videos", ["action", "then_status"]),
        ("POST /v3/videos then_state(503)", ["'then_state'", "Did you mean 'then_status'?", "html_page"]),
        ("PSOT /v3/videos status(503)", ["'PSOT'", "Did you mean 'POST'?", "DELETE"]),
        ("post /v3/videos status(503)", ["'post'", "POST"]),
        ("creat status(503)", ["operation 'creat'", "Did you mean 'create'?", "METHOD /path"]),
        ("GET files/* cut(1)", ["path", "'files/*'"]),
        ("POST /v3/videos status(503) time=1", ["option 'time'", "Did you mean 'times'?", "probability"]),
        ("POST /v3/videos status(503) times=0", ["times", "whole number from 1", "0"]),
        ("POST /v3/videos status(503) times=two", ["times", "'two'"]),
        ("POST /v3/videos status(503) times=1 times=2", ["'times'", "twice"]),
        ("POST /v3/videos status(503) probability=2", ["probability", "0 to 1"]),
        ("POST /v3/videos status(503) probability=often", ["probability", "'often'"]),
        ("POST /v3/videos status(503) after=-1", ["after", "virtual seconds"]),
        ("POST /v3/videos status(503) once", ["option", "'once'", "times"]),
        ("POST /v3/videos status(503", ["status", "not closed"]),
        ("POST /v3/videos status('503)", ["status", "not closed"]),
        ("POST /v3/videos status()", ["status(code", "missing"]),
        ("POST /v3/videos status(503, colour=1)", ["status(code", "colour"]),
        ("POST /v3/videos status(503, code=1)", ["status(code", "multiple values"]),
        ("POST /v3/videos status(open('x'))", ["status(code", "plain values"]),
        ("POST /v3/videos status(**{})", ["status(code"]),
        ("POST /v3/videos status(503)(2)", ["option", "(2)"]),
        ("POST /v3/videos status('503')", ["code", "HTTP status", "'503'"]),
        ("POST /v3/videos status(99)", ["code", "99"]),
        ("POST /v3/videos status(True)", ["code", "True"]),
        ("POST /v3/videos stuck('done')", ["at", "'waiting'", "'done'"]),
        ("POST /v3/videos slow(0.5)", ["factor", "from 1"]),
        ("POST /v3/videos slow(0)", ["factor", "above 0"]),
        ("POST /v3/videos failure_shape('odd')", ["kind", "'int_code'"]),
        ("POST /v3/videos bulk_shape('odd')", ["kind", "'stranger'"]),
        ("POST /v3/videos patch_answer([1])", ["patch", "object"]),
        ("POST /v3/videos patch_answer({'a': {1, 2}})", ["patch", "JSON"]),
        ("POST /v3/videos patch_answer({}, remove='data.id')", ["remove", "list of paths"]),
        ("POST /v3/videos store_errors(1)", ["on", "True or False"]),
        ("POST /v3/videos redirect(302, to='a\\nb')", ["to", "ASCII"]),
        ("GET /files/* cut(-1)", ["n", "whole number from 0"]),
        ("GET /files/* stall(1, 1e999)", ["seconds", "inf"]),
        ("EVENT * header_style('v9')", ["name", "'v1'"]),
        ("POST /v3/videos drop()", ["drop", "EVENT avatar_video.*"]),
        ("EVENT * status(503)", ["status", "METHOD /path"]),
    ],
)  # fmt: skip
def test_an_error_names_what_is_wrong_and_what_is_allowed(text, words):
    """Whoever types a rule has no other help."""
    with pytest.raises(ValueError) as raised:
        parse_rule(text)
    assert [word for word in words if word not in str(raised.value)] == []


def test_a_rule_in_parts_is_as_strict_as_its_text():
    """A misspelt option would leave the rule on for ever; an action may be a text, and has to be called."""
    assert str(rule_of("create", "status(503)", times=1)) == "create status(503) times=1"
    with pytest.raises(ValueError, match=r"option 'tims' is not known\. Did you mean 'times'"):
        rule_of("create", faults.status(503), tims=1)
    with pytest.raises(TypeError, match=r"action: expected one such as then_status\(503\), not <function"):
        rule_of("create", faults.status)


def test_a_match_of_other_words_is_refused():
    """Three are for the text of a whole rule; methods have capital letters."""
    with pytest.raises(ValueError, match="method 'post' is not known"):
        Match("post /v3/videos")
    with pytest.raises(ValueError, match="a method and a path"):
        Match("POST /v3/videos status(503)")


def test_actions_are_values():
    """Equal by name and arguments, however they were written."""
    assert faults.status(429) == parse_action("status(code=429)")
    assert faults.status(429) != faults.status(428)
    assert faults.status(429)["retry_after"] is None
    assert str(faults.status(429, retry_after=1)) == "status(429, retry_after=1)"
    assert Rule(Match("create"), faults.hang()) == parse_rule("create hang()")
    with pytest.raises(ValueError, match="expected a name"):
        parse_action("(1)")


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_printable = st.text(st.characters(min_codepoint=32, max_codepoint=126))
_seconds = st.floats(0, 1e6)
_actions = st.one_of(
    st.builds(faults.patch_answer, st.dictionaries(st.text(), _plain, max_size=3), st.lists(_printable, max_size=2)),
    st.builds(faults.status, st.integers(200, 599), st.none() | _printable, retry_after=st.none() | _seconds),
    st.builds(faults.status_word, _printable),
    st.builds(faults.cut, st.integers(0), chunked=st.booleans()),
    st.builds(faults.stall, st.integers(0), _seconds),
    st.builds(faults.fail, st.integers() | _printable, st.none() | _printable),
    st.builds(faults.url_late, st.none() | _seconds),
    st.builds(faults.hang),
)
_targets = st.sampled_from([*OPERATIONS]) | st.builds(
    lambda method, path: f"{method} /{path}",
    st.sampled_from(METHODS),
    st.from_regex(r"[a-z0-9/{}*._()='\"-]*", fullmatch=True),
)
_counts = st.none() | st.integers(1, 10**6)
_matches = st.builds(Match, _targets, video_id=st.none() | st.text(), attempt=_counts)
_whens = st.builds(
    When,
    times=_counts,
    nth=_counts,
    every=_counts,
    probability=st.none() | st.floats(0, 1),
    after=st.none() | _seconds,
    until=st.none() | _seconds,
)


@given(_matches, _actions, _whens)
@settings(max_examples=150, deadline=None)
def test_every_rule_comes_back_from_its_text(match: Match, action: Any, when: When):
    """Whatever the arguments hold: quotes, brackets, spaces, options that look like options."""
    rule = Rule(match, action, when)
    assert parse_rule(str(rule)) == rule


@given(st.text())
@settings(max_examples=150, deadline=None)
def test_any_other_text_is_a_value_error(text: str):
    """Never another kind of exception, never code that runs."""
    for prefix in ("", "POST /v3/videos ", "POST /v3/videos status(", "POST /v3/videos status(503) "):
        try:
            rule = parse_rule(prefix + text)
        except ValueError:
            continue
        assert parse_rule(str(rule)) == rule


DOCS = Path(__file__).parent.parent / "docs" / "faults.md"


def declared(arguments: str) -> list[tuple[str, str | None]]:
    """Return names and defaults of the arguments as the documentation writes them."""
    (function,) = ast.parse(f"def f({arguments}): ...").body
    assert isinstance(function, ast.FunctionDef)
    names = [argument.arg for argument in function.args.args]
    defaults = [ast.unparse(value) for value in function.args.defaults]
    return list(zip(names, [None] * (len(names) - len(defaults)) + defaults, strict=True))


def test_the_documentation_lists_every_action_with_its_arguments():
    """And none that does not exist."""
    rows = [line.split("|")[1] for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = {found[1]: declared(found[2]) for row in rows for found in re.finditer(r"`(\w+)\(([^`]*)\)`", row)}
    real = {
        name: [
            (one.name, None if one.default is one.empty else ast.unparse(ast.Constant(one.default)))
            for one in inspect.signature(make).parameters.values()
        ]
        for name, make in ACTIONS.items()
    }
    assert told == real


def test_actions_of_deliveries_are_names_with_arguments():
    """Whoever delivers does the rest."""
    written = [
        "drop()", "duplicate()", "reorder()", "early()", "late(1)", "bad_signature()", "old_timestamp(5)",
        "header_style('v1')", "patch_event({'a': 1}, ['b'])", "rotate_secret()", "probe()",
    ]  # fmt: skip
    rules = [parse_rule(f"EVENT * {text}") for text in written]
    assert [str(rule.action) for rule in rules] == written


def test_infinity_has_no_text_and_is_refused():
    """For ever is written without an argument."""
    with pytest.raises(ValueError, match="seconds"):
        faults.url_late(math.inf)
    assert str(faults.url_late()) == "url_late()"
