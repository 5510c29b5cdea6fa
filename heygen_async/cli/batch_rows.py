"""From the lines of a CSV or JSONL file to rows: pure, streaming, every problem told with its line and column."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

from attrs import frozen

Format = Literal["csv", "jsonl"]

KEY: Final = "key"
REQUEST: Final = "request"
_WHOLE_REQUESTS: Final = ("video_inputs", "type", "template_id")
_BOM: Final = b"\xef\xbb\xbf"


@frozen
class Problem:
    """What is wrong with an input file; `column` is None where it is the line as a whole."""

    line: int
    column: str | None
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.column is None else f"line {self.line}, column {_printable(self.column)}"
        return f"{where}: {_printable(self.message)}"


class BadInputError(ValueError):
    """Say everything that is wrong with an input file; nothing was sent."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        several = len(problems) > 1
        found = f"has {len(problems)} problems; nothing was sent" if several else str(problems[0])
        super().__init__(f"{source}{'' if several else ':'} {found}")
        self.problems = [{"line": one.line, "column": one.column, "message": one.message} for one in problems]
        self.details = [str(one) for one in problems] if several else []


Report = Callable[[Problem], None]
"""What hears of each problem."""


@frozen(kw_only=True)
class Columns:
    """The columns that a file may have, and those in which every row needs a value."""

    known: tuple[str, ...]
    required: tuple[str, ...]
    whole_requests: bool = False


@frozen(kw_only=True)
class Row:
    """A row: its first line (from 1), its key, and its cells that are not empty, or a whole JSON request instead.

    `sound` says that nothing was wrong with it.
    """

    line: int
    key: str
    cells: Mapping[str, object]
    request: Mapping[str, Any] | None = None
    sound: bool = True


def rows_of(lines: Iterable[bytes], file_format: Format, columns: Columns, report: Report) -> Iterator[Row]:
    """Yield the rows of a file, reporting what is wrong with them; rows that are empty are left out."""
    texts = _decoded(lines, report)
    return _csv_rows(texts, columns, report) if file_format == "csv" else _json_rows(texts, columns, report)


def format_of(name: str, start: bytes) -> Format:
    """Return the format of a file by its suffix, or else by its first bytes."""
    suffix = name.lower().rpartition(".")[2]
    if suffix in {"jsonl", "ndjson"}:
        return "jsonl"
    if suffix == "csv":
        return "csv"
    return "jsonl" if start.removeprefix(_BOM).lstrip()[:1] == b"{" else "csv"


def _decoded(lines: Iterable[bytes], report: Report) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        data = line.removeprefix(_BOM) if number == 1 else line
        try:
            yield data.decode()
        except UnicodeDecodeError as error:
            report(Problem(number, None, f"is not UTF-8 text (byte {error.start + 1} of the line)"))
            yield data.decode(errors="replace")


def _csv_rows(lines: Iterable[str], columns: Columns, report: Report) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        began = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            report(Problem(began, None, f"is not CSV: {_explained(error)}"))
            return
        if cells is None:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [name.strip() for name in cells]
            _check_header(began, header, columns, report)
        else:
            yield _csv_row(began, header, cells, columns, report)
    if header is None:
        report(Problem(1, None, f"has no header; it names the columns: {', '.join(columns.known)}"))


def _explained(error: csv.Error) -> str:
    return "a quote is never closed" if "unexpected end of data" in str(error) else str(error)


def _check_header(line: int, header: Sequence[str], columns: Columns, report: Report) -> None:
    for place, name in enumerate(header):
        if not name:
            report(Problem(line, f"#{place + 1}", "has no name"))
        elif name not in columns.known:
            report(Problem(line, name, f"is unknown; known are {', '.join(columns.known)}"))
        elif name in header[:place]:
            report(Problem(line, name, "is there twice"))
    for name in columns.required:
        if name not in header:
            report(Problem(line, name, "is missing"))


def _csv_row(line: int, header: Sequence[str], cells: Sequence[str], columns: Columns, report: Report) -> Row:
    sound = True
    if any(cell.strip() for cell in cells[len(header) :]):
        report(Problem(line, None, f"has {len(cells)} cells, and the header has {len(header)}"))
        sound = False
    given = {name: cell for name, cell in zip(header, cells, strict=False) if name in columns.known and cell.strip()}
    for name in columns.required:
        if name in header and name not in given:
            report(Problem(line, name, "is empty"))
            sound = False
    sound = sound and all(name in header for name in columns.required)
    return Row(line=line, key=given.pop(KEY, str(line)).strip(), cells=given, sound=sound)


def _json_rows(lines: Iterable[str], columns: Columns, report: Report) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            report(Problem(number, None, f"is not JSON: {_json_problem(error)}"))
            continue
        if not isinstance(value, dict):
            report(Problem(number, None, "must be a JSON object"))
            continue
        yield _json_row(number, cast("dict[str, Any]", value), columns, report)


def _json_problem(error: Exception) -> str:
    return f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)


def _json_row(line: int, value: dict[str, Any], columns: Columns, report: Report) -> Row:
    problems: list[Problem] = []
    key = _json_key(line, value.pop(KEY, None), problems)
    request: Mapping[str, Any] | None = None
    if columns.whole_requests and REQUEST in value:
        request = _request_beside(line, value, problems)
        value = {}
    elif columns.whole_requests and any(name in value for name in _WHOLE_REQUESTS):
        request, value = value, {}
    else:
        value = {name: cell for name, cell in value.items() if cell is not None and cell != ""}
        problems += [
            Problem(line, name, f"is unknown; known are {', '.join(columns.known)}")
            for name in value
            if name not in columns.known
        ]
        problems += [Problem(line, name, "is missing") for name in columns.required if name not in value]
    for problem in problems:
        report(problem)
    cells = {name: cell for name, cell in value.items() if name in columns.known}
    return Row(line=line, key=key, cells=cells, request=request, sound=not problems)


def _json_key(line: int, key: object, problems: list[Problem]) -> str:
    if key is None or key == "":
        return str(line)
    if isinstance(key, bool) or not isinstance(key, str | int) or not str(key).strip():
        problems.append(Problem(line, KEY, "must be a text or a whole number"))
        return str(line)
    if not isinstance(key, int) and key != key.encode(errors="replace").decode():
        problems.append(Problem(line, KEY, "must be text that UTF-8 can carry"))
        return str(line)
    return str(key).strip()


def _request_beside(line: int, value: dict[str, Any], problems: list[Problem]) -> Mapping[str, Any] | None:
    request = value.pop(REQUEST)
    problems += [Problem(line, name, f"cannot go with {REQUEST}, which holds everything") for name in value]
    if not isinstance(request, dict):
        problems.append(Problem(line, REQUEST, "must be a JSON object, the body of HeyGen's create call"))
        return None
    return cast("dict[str, Any]", request)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
