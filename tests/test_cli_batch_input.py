"""From the lines of a batch file to requests: what is read, and how everything wrong is told at once."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import AvatarVideo, v2
from heygen_async.cli.batch_input import BatchInput, Source, checked_input, open_source, prices_of
from heygen_async.cli.batch_requests import Recipe, plain_recipe, template_recipe
from heygen_async.cli.batch_rows import BadInputError, Columns, Problem, Row, format_of, rows_of
from heygen_async.models.templates import DeclaredVariable, Template

COLUMNS = Columns(known=("key", "script", "title"), required=("script",))
PLAIN = plain_recipe(avatar="a", voice=None, choice="auto")

cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1).filter(str.strip)


def source(text: str | bytes, name: str = "in.csv") -> Source:
    data = text if isinstance(text, bytes) else text.encode()
    return Source(name=name, file=io.BytesIO(data), file_format=format_of(name, data))


def checked(text: str | bytes, recipe: Recipe = PLAIN, *, name: str = "in.csv", **options: Any) -> BatchInput:
    return checked_input(source(text, name), recipe, **options)


def problems(text: str | bytes, recipe: Recipe = PLAIN, **options: Any) -> list[tuple[int, str | None, str]]:
    with pytest.raises(BadInputError) as raised:
        checked(text, recipe, **options)
    return [(one["line"], one["column"], one["message"]) for one in raised.value.problems]


def rows(data: bytes, name: str) -> tuple[list[Row], list[Problem]]:
    found = list[Problem]()
    return list(rows_of(io.BytesIO(data), format_of(name, data), COLUMNS, found.append)), found


@given(st.lists(st.tuples(cells, st.none() | cells)), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_as_csv_is_read(pairs: list[tuple[str, str | None]], bom: bool, end: str) -> None:
    """Quotes, commas, line breaks in cells, every script of the world, with a byte-order mark or without."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(["script", "title"])
    writer.writerows([script, title or ""] for script, title in pairs)
    found, wrong = rows(out.getvalue().encode("utf-8-sig" if bom else "utf-8"), "x.csv")
    assert not wrong
    expected = [{"script": script} | ({} if title is None else {"title": title}) for script, title in pairs]
    assert [dict(row.cells) for row in found] == expected
    # A row is known by the line that it begins in.
    line = 2
    for row, (script, title) in zip(found, pairs, strict=True):
        assert (row.line, row.key) == (line, str(line))
        line += 1 + script.count("\n") + (title or "").count("\n")


@given(st.lists(st.tuples(st.integers() | cells, cells)), st.booleans())
def test_what_was_written_as_jsonl_is_read(pairs: list[tuple[Any, str]], ascii_only: bool) -> None:
    """Keys may be numbers; blank lines are nothing."""
    lines = [json.dumps({"key": key, "script": script}, ensure_ascii=ascii_only) for key, script in pairs]
    found, wrong = rows("\n\n".join(lines).encode(), "x.jsonl")
    assert not wrong
    assert [(row.line, row.key, row.cells["script"]) for row in found] == [
        (1 + 2 * place, str(key).strip(), script) for place, (key, script) in enumerate(pairs)
    ]


@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.jsonl"]))
def test_no_file_breaks_the_reader(data: bytes, name: str) -> None:
    """Whatever it is, it is read or told, and told with its line."""
    found = list[Problem]()
    with contextlib.suppress(BadInputError):
        checked(data, name=name)
    list(rows_of(io.BytesIO(data), format_of(name, data), COLUMNS, found.append))
    assert all(problem.line >= 1 and str(problem).isprintable() for problem in found)


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("a.csv", b"{", "csv"),
        ("a.JSONL", b"key", "jsonl"),
        ("a.ndjson", b"", "jsonl"),
        ("-", b' {"a": 1}', "jsonl"),
        ("-", b"\xef\xbb\xbf{", "jsonl"),
        ("a.txt", b"key,script", "csv"),
    ],
)
def test_the_format_is_told_by_the_name_or_else_by_the_content(name: str, start: bytes, expected: str) -> None:
    """Standard input has no suffix."""
    assert format_of(name, start) == expected


def test_columns_become_a_request() -> None:
    """Each under its own name; a canvas in pixels exists on v2 only, so it makes a v2 request."""
    text = (
        "key,script,avatar_id,voice_id,title,background,dimension,aspect_ratio,resolution,caption\n"
        "one, Hi ,av,vo,T,#008000,,9:16,1080p,yes\n"
        "two,Hi,,,,https://x.test/b.png,1280x720,,,no\n"
        "three,Hi,,,,https://x.test/b.png,,,,\n"
    )
    one, two, three = dict(checked(text).items()).values()
    assert isinstance(one, AvatarVideo)
    assert (one.script, one.avatar_id, one.voice_id, one.title) == (" Hi ", "av", "vo", "T")
    assert (one.aspect_ratio, one.resolution) == ("9:16", "1080p")
    assert one.background is not None
    assert one.background.value == "#008000"
    assert one.caption is not None
    assert isinstance(two, v2.VideoRequest)
    assert two.dimension == v2.Dimension(1280, 720)
    assert two.video_inputs[0].background == v2.ImageBackground(url="https://x.test/b.png")
    assert two.caption is None
    assert isinstance(three, AvatarVideo)
    assert three.background is not None
    assert three.background.url == "https://x.test/b.png"


def test_given_ids_stand_in_for_empty_cells() -> None:
    """The cell wins where there is one."""
    batch = checked("script,avatar_id,voice_id\nHi,,\nHi,own,mine\n", plain_recipe(avatar="a", voice="v", choice="v3"))
    ids = [(request.avatar_id, request.voice_id) for request in dict(batch.items()).values()]  # type: ignore[union-attr]
    assert ids == [("a", "v"), ("own", "mine")]


def test_v2_makes_v2_requests_of_all_rows() -> None:
    """With the sizes of v3's words."""
    batch = checked("script,aspect_ratio\nHi,9:16\n", plain_recipe(avatar="a", voice="v", choice="v2"))
    assert batch["2"].dimension == v2.Dimension(720, 1280)  # type: ignore[union-attr]


def test_whole_requests_pass_unchanged() -> None:
    """Beside their key, or under `request`."""
    body = {"type": "avatar", "avatar_id": "a", "script": "Hi", "fresh_field": 1}
    lines = [{**body, "key": "a"}, {"key": "b", "request": body}, {"request": body}]
    batch = checked("\n".join(map(json.dumps, lines)), name="x.jsonl")
    assert dict(batch.items()) == {"a": body, "b": body, "3": body}


def test_everything_wrong_with_a_csv_is_told_at_once() -> None:
    """Line and column of each, also of rows that lack something else."""
    text = (
        "key,script,foo,dimension,caption,aspect_ratio,script,\n"
        'a,"two\nlines",1,2x3,perhaps,,,\n'
        "\n"
        f"a,{'x' * 5001},,1281x720,yes,3:2,,,9\n"
        ",,,wide,,,,\n"
        'b,"c'
    )
    assert problems(text, plain_recipe(avatar=None, voice=None, choice="auto")) == [
        (1, "foo", PLAIN_UNKNOWN),
        (1, "script", "is there twice"),
        (1, "#8", "has no name"),
        (1, "avatar_id", "is missing"),
        (2, "dimension", "width: must be at least 128 and at most 4096, not 2"),
        (2, "caption", "must be yes or no"),
        (5, None, "has 9 cells, and the header has 8"),
        (5, "key", "'a' is that of line 2 too"),
        (5, "script", "must have at most 5,000 characters, not 5,001"),
        (5, "dimension", "width: must be even, not 1281"),
        (5, "aspect_ratio", "must be one of 16:9, 9:16, 4:5, 5:4, 1:1 on v2, not '3:2'"),
        (6, "script", "is empty"),
        (6, "dimension", "must be WIDTHxHEIGHT in pixels, such as 1280x720, not 'wide'"),
        (7, None, "is not CSV: a quote is never closed"),
    ]


PLAIN_UNKNOWN = (
    "is unknown; known are key, script, avatar_id, voice_id, title, background, dimension, aspect_ratio, resolution, "
    "caption"
)


def test_several_bad_cells_of_a_complete_row_are_all_told() -> None:
    """Each column is judged by itself, not only the first bad one."""
    text = f"script,background,resolution,caption\n{'x' * 5001},green,8k,perhaps\n"
    assert [(line, column) for line, column, _ in problems(text)] == [
        (2, "script"),
        (2, "background"),
        (2, "resolution"),
        (2, "caption"),
    ]


def test_everything_wrong_with_a_jsonl_is_told_at_once() -> None:
    """The line, and the path in a whole request."""
    lines = [
        "not json",
        "[1]",
        '{"script": 5, "foo": 1}',
        '{"key": true, "script": "Hi"}',
        '{"request": [], "script": "Hi"}',
        '{"request": {"type": "avatar", "script": "Hi"}}',
        '{"type": "avatar", "avatar_id": "a", "script": "Hi", "caption": 3}',
        '{"key": "\\ud800", "script": "Hi"}',
        "{}",
        "[" * 100_000,
    ]
    found = problems("\n".join(lines), name="x.jsonl")
    assert [(line, column) for line, column, _ in found] == [
        (1, None),
        (2, None),
        (3, "foo"),
        (3, "script"),
        (4, "key"),
        (5, "script"),
        (5, "request"),
        (6, "avatar_id"),
        (7, "caption"),
        (8, "key"),
        (9, "script"),
        (10, None),
    ]


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"script\n\xff\xfe\n", 2, "UTF-8"),
        ("script\nHi\n".encode("utf-16"), 1, "UTF-8"),
        (b"", 1, "no header"),
        (b"\n\n", 1, "no header"),
        (b"script\n,\n", 1, "no rows"),
        (b"script,dimension,resolution\nHi,1280x720,720p\n", 2, "cannot go with dimension"),
    ],
)
def test_what_is_no_batch_file_is_told(data: bytes, line: int, said: str) -> None:
    """With the line, whatever it is."""
    found = problems(data)
    assert found[0][0] == line
    assert any(said in message for _, _, message in found)


def test_what_cannot_go_out_on_the_chosen_wire_is_told() -> None:
    """Before anything is sent, not row by row in the middle of the batch."""
    v3_only = '{"type": "avatar", "avatar_id": "a", "script": "Hi"}'
    ((_, _, said),) = problems(v3_only, plain_recipe(avatar=None, voice=None, choice="v2"), name="x.jsonl")
    assert "v2" in said
    scene = {"character": {"type": "avatar", "avatar_id": "a"}, "voice": {"type": "text", "input_text": "Hi"}}
    recipe = plain_recipe(avatar="a", voice="v", choice="v3")
    ((_, _, said),) = problems(json.dumps({"video_inputs": [scene], "test": True}), recipe, name="x.jsonl")
    assert "test" in said
    assert len(checked("script,dimension\nHi,1280x720\n", recipe)) == 1


def test_rows_without_a_price_are_refused_where_a_budget_must_be_kept() -> None:
    """And priced as unknown where it does not matter."""
    text = '{"type": "newer", "x": 1}'
    ((_, _, said),) = problems(text, name="x.jsonl", needs_prices=True)
    assert "--max-cost" in said
    ((_, price),) = prices_of(checked(text, name="x.jsonl"))
    assert price.usd is None


def template(**variables: str) -> Template:
    declared = {name: DeclaredVariable(name=name, type=kind) for name, kind in variables.items()}
    return Template(id="t", api_version="v3", variables=declared)


def test_a_template_makes_its_variables_the_columns() -> None:
    """Beside the key and the title."""
    recipe = template_recipe(template(name="text", logo="image"), "auto")
    request = checked("key,title,name,logo\na,T,Ada,https://x.test/l.png\n", recipe)["a"]
    assert request.title == "T"  # type: ignore[union-attr]
    assert request.variables["name"].content == "Ada"  # type: ignore[union-attr]
    assert request.variables["logo"].url == "https://x.test/l.png"  # type: ignore[union-attr]


def test_variables_that_are_unknown_missing_or_of_another_type_are_told() -> None:
    """All of them, each with its line and column."""
    recipe = template_recipe(template(name="text", clip="newer", age="text"), "auto")
    text = "key,name,clip,first_name\na,,x,Ada\n"
    assert [(line, column) for line, column, _ in problems(text, recipe)] == [
        (1, "first_name"),
        (1, "age"),
        (2, "name"),
        (2, "clip"),
    ]
    found = problems('{"name": ["x"], "clip": "c", "age": 3, "title": 4}', recipe, name="x.jsonl")
    assert [(line, column) for line, column, _ in found] == [(1, "name"), (1, "clip"), (1, "title")]


def test_a_variable_called_key_cannot_be_a_column() -> None:
    """It would be the key of the row."""
    with pytest.raises(ValueError, match="--template"):
        template_recipe(template(key="text"), "auto")


def test_a_batch_is_read_row_by_row_and_can_be_stopped() -> None:
    """Nothing is read ahead of what is asked for."""
    lines = iter([b"script\n", b"one\n", b"two\n", b"three\n"])
    batch = checked("script\none\ntwo\nthree\n")
    file = io.BytesIO()
    file.seek = lambda *_: 0  # type: ignore[method-assign]
    object.__setattr__(batch.source, "file", _Lines(lines))
    items = iter(batch.items())
    assert next(items)[0] == "2"
    assert next(lines) == b"two\n"
    batch.stop()
    assert list(items) == []


class _Lines:
    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def seek(self, _: int) -> None: ...

    def __iter__(self) -> Any:
        return self._lines


@pytest.mark.parametrize(
    "now", ["script\nHi\nnew\n", "script\n\nHi\n", "script,foo\nHi,1\n", f"script\n{'x' * 5001}\n"]
)
def test_a_file_that_changes_in_the_meantime_is_refused(now: str, tmp_path: Path) -> None:
    """What was not checked is not submitted."""
    path = tmp_path / "in.csv"
    path.write_text("script\nHi\n")
    with open_source(str(path)) as opened:
        batch = checked_input(opened, PLAIN)
        path.write_text(now)
        with pytest.raises(BadInputError):
            list(batch.items())


def test_a_batch_is_a_mapping() -> None:
    """As `generate_many` takes it."""
    batch = checked("key,script\na,Hi\nb,Ho\n")
    assert (len(batch), list(batch), "a" in batch, "c" in batch) == (2, ["a", "b"], True, False)
    assert batch["b"].script == "Ho"  # type: ignore[union-attr]
    with pytest.raises(KeyError):
        batch["c"]
