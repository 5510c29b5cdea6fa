"""A batch file: read twice, first to find everything that is wrong with it, then row by row as there is room."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Generator, ItemsView, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from attrs import define, field, frozen

from heygen_async._protocol.encoding import Prepared
from heygen_async._protocol.pricing import estimate_prepared
from heygen_async.cli.batch_requests import AnyRequest, Recipe, RowError, prepared_request
from heygen_async.cli.batch_rows import KEY, BadInputError, Format, Problem, Row, format_of, rows_of
from heygen_async.cli.inputs import STDIN

_SNIFFED: Final = 4096


@frozen(kw_only=True)
class Source:
    """An open batch file that can be read more than once, and what to call it."""

    name: str
    file: BinaryIO
    file_format: Format

    def lines(self) -> Iterator[bytes]:
        """Return all lines, from the first."""
        self.file.seek(0)
        return iter(self.file)


@contextmanager
def open_source(name: str) -> Generator[Source]:
    """Open a batch file, `-` for standard input; what can be read only once is copied. Raise `OSError`."""
    with tempfile.TemporaryFile() if name == STDIN else Path(name).open("rb") as file:
        if name == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, file)
        elif not file.seekable():
            with open_copy(cast("BinaryIO", file)) as copy:
                yield _source(name, copy)
            return
        yield _source("standard input" if name == STDIN else name, cast("BinaryIO", file))


@contextmanager
def open_copy(file: BinaryIO) -> Generator[BinaryIO]:
    """Copy a pipe to a file that has no name and is gone afterwards."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        yield cast("BinaryIO", copy)


def _source(name: str, file: BinaryIO) -> Source:
    file.seek(0)
    return Source(name=name, file=file, file_format=format_of(name, file.read(_SNIFFED)))


@frozen(kw_only=True)
class Price:
    """What a row will probably cost; both None where that cannot be told."""

    seconds: float | None
    usd: float | None


@define(eq=False)
class BatchInput(Mapping[str, AnyRequest]):
    """The requests of a checked file by their keys, read anew each time; `lines` has the line of each key.

    `stop()` ends the reading that goes on at the row it has come to.
    """

    source: Source
    recipe: Recipe
    lines: dict[str, int] = field(factory=dict[str, int], init=False)
    _stopped: bool = field(default=False, init=False)

    def stop(self) -> None:
        """Let nobody read any further."""
        self._stopped = True

    def read(self) -> Iterator[tuple[str, AnyRequest]]:
        """Yield keys and requests; raise `BadInputError` if the file is not what it was when it was checked."""
        for row in rows_of(self.source.lines(), self.source.file_format, self.recipe.columns, self._changed):
            if self._stopped:
                return
            if self.lines.get(row.key) != row.line:
                self._changed(Problem(row.line, KEY, "was not there when the file was checked"))
            try:
                request = self.recipe.make(row)
            except RowError as error:
                raise BadInputError(self.source.name, error.problems) from error
            yield row.key, request

    def items(self) -> ItemsView[str, AnyRequest]:
        """Return the keys and requests, read as they are asked for."""
        return _Items(self)

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, key: object) -> bool:
        return key in self.lines

    def __getitem__(self, key: str) -> AnyRequest:
        if key not in self.lines:
            raise KeyError(key)
        return next(request for known, request in self.read() if known == key)

    def _changed(self, problem: Problem) -> None:
        raise BadInputError(self.source.name, [problem])


class _Items(ItemsView[str, AnyRequest]):
    def __init__(self, batch: BatchInput) -> None:
        super().__init__(batch)
        self._batch = batch

    def __iter__(self) -> Iterator[tuple[str, AnyRequest]]:
        return self._batch.read()


def checked_input(source: Source, recipe: Recipe, *, needs_prices: bool = False) -> BatchInput:
    """Return the requests of a file whose every row is good; raise `BadInputError` with all that is wrong with it.

    `needs_prices` refuses rows that cannot be priced: a budget cannot be kept with them.
    """
    batch, problems = BatchInput(source, recipe), list[Problem]()
    for row in rows_of(source.lines(), source.file_format, recipe.columns, problems.append):
        if row.key in batch.lines:
            problems.append(Problem(row.line, KEY, f"{row.key!r} is that of line {batch.lines[row.key]} too"))
        batch.lines.setdefault(row.key, row.line)
        if not row.sound:
            problems += recipe.judge(row)
        else:
            problems += _problems_of(row, recipe, needs_prices=needs_prices)
    if not batch.lines and not problems:
        problems.append(Problem(1, None, "there are no rows"))
    if problems:
        raise BadInputError(source.name, sorted(problems, key=lambda problem: problem.line))
    return batch


def prices_of(batch: BatchInput) -> Iterator[tuple[str, Price]]:
    """Yield what each row will probably cost, in the order of the file."""
    for key, request in batch.read():
        row = Row(line=batch.lines[key], key=key, cells={})
        yield key, _price(prepared_request(row, request))


def _problems_of(row: Row, recipe: Recipe, *, needs_prices: bool) -> list[Problem]:
    try:
        request = recipe.make(row)
        if needs_prices and _price(prepared_request(row, request)).usd is None:
            return [Problem(row.line, None, "cannot be priced, so that --max-cost cannot be kept")]
    except RowError as error:
        return error.problems
    return []


def _price(prepared: Prepared) -> Price:
    try:
        told = estimate_prepared(prepared)
    except ValueError:
        return Price(seconds=None, usd=None)
    return Price(seconds=told.seconds, usd=told.usd)
