"""`heygen-async batch`: one video per row of a file, with a journal that makes it repeatable."""

from __future__ import annotations

import errno
import math
import os
import sys
import time
from pathlib import Path
from typing import Final, cast

import anyio
from attrs import define, field, frozen

from heygen_async import events
from heygen_async._batch import Outcomes
from heygen_async._client import AsyncHeyGen
from heygen_async._journal import read_journal
from heygen_async._protocol.batching import Budget
from heygen_async._protocol.settings import VERSION_VARIABLE, ApiVersionChoice
from heygen_async.cli.batch_display import BatchDisplay, Tally, open_display
from heygen_async.cli.batch_input import BatchInput, checked_input, open_source, prices_of
from heygen_async.cli.batch_report import RowResult, Summary, row_result, status_json, status_text
from heygen_async.cli.batch_requests import Recipe, plain_recipe, template_recipe
from heygen_async.cli.interrupts import interrupts
from heygen_async.cli.output import Output
from heygen_async.cli.watching import deprecations_shown
from heygen_async.cli.work import Connection, check_timeout, polling_for
from heygen_async.models.templates import Template

_INTERRUPTED: Final = "interrupted"


@frozen(kw_only=True)
class BatchCommand:
    """What the command line says about a batch; None is what was not given."""

    source: str
    out: str | None = None
    journal: str | None = None
    max_in_flight: int | None = None
    max_cost: float | None = None
    dry_run: bool = False
    template: str | None = None
    avatar: str | None = None
    voice: str | None = None
    overwrite: bool = False

    def __attrs_post_init__(self) -> None:
        if self.max_cost is not None and not 0 <= self.max_cost < math.inf:
            raise ValueError(f"--max-cost must be a number of USD of at least 0, not {self.max_cost}")
        if self.template is not None and (self.avatar is not None or self.voice is not None):
            raise ValueError("--template cannot go with --avatar and --voice: the template has its own")
        if not self.dry_run:
            self._check_places()

    def _check_places(self) -> None:
        if not self.out:
            raise ValueError("--out is missing: the folder to save the videos in")
        if not self.journal:
            raise ValueError("--journal is missing: the file that lets the batch be repeated without paying twice")
        if Path(self.out).exists() and not Path(self.out).is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.out)

    @property
    def save_to(self) -> str:
        """Return where each row's file goes."""
        folder = (self.out or "").replace("{", "{{").replace("}", "}}")
        return str(Path(folder) / "{key}.mp4")


def run(command: BatchCommand, connection: Connection, output: Output) -> int:
    """Check the whole file, then make its videos, or price them; print what became of them, return the exit code.

    Raise `BadInputError` with all that is wrong with the file, before anything is sent that costs.
    """
    check_timeout(connection.timeout)
    with open_source(command.source) as source:
        batch = checked_input(source, _recipe(command, connection), needs_prices=command.max_cost is not None)
        if command.dry_run:
            summary = rehearsed(batch, command.max_cost)
        else:
            summary = _performed(command, connection, batch, output)
    output.result(summary.to_json(), summary.text())
    next_step = summary.next_step()
    if next_step is not None:
        output.hint(next_step)
    return summary.exit_code()


def show_status(journal: str, output: Output) -> None:
    """Print what a journal holds; it is only read, also while a batch is writing to it."""
    entries = read_journal(journal)
    output.result(status_json(journal, entries), status_text(entries))


def rehearsed(batch: BatchInput, max_cost: float | None) -> Summary:
    """Return what the rows of a checked file will probably cost; rows that do not fit into the budget say so."""
    summary, budget = Summary(source=batch.source.name, journal=None, dry_run=True), Budget(max_cost)
    beyond = None
    for key, price in prices_of(batch):
        usd = price.usd or 0.0
        if not budget.fits(usd):
            beyond = beyond or f"beyond --max-cost ${max_cost or 0:.2f}"
        budget.spend(usd)
        summary.unpriced += price.usd is None
        summary.seconds += price.seconds or 0.0
        summary.rows.append(
            RowResult(
                line=batch.lines[key],
                key=key,
                result="skipped",
                seconds=price.seconds,
                usd=price.usd,
                reason=beyond,
            )
        )
    summary.spent = budget.spent
    return summary


def _recipe(command: BatchCommand, connection: Connection) -> Recipe:
    choice = _effective(connection.api_version)
    if command.template is None:
        return plain_recipe(avatar=command.avatar, voice=command.voice, choice=choice)
    return template_recipe(anyio.run(_read_template, connection, command.template), choice)


def _effective(choice: ApiVersionChoice) -> ApiVersionChoice:
    """Return the wire to write requests for; the client itself refuses another word in the environment."""
    word = os.environ.get(VERSION_VARIABLE) if choice == "auto" else choice
    return cast("ApiVersionChoice", word) if word in {"v2", "v3"} else "auto"


async def _read_template(connection: Connection, template_id: str) -> Template:
    async with AsyncHeyGen(api_version=connection.api_version) as heygen:
        return await heygen.templates.get(template_id)


def _performed(command: BatchCommand, connection: Connection, batch: BatchInput, output: Output) -> Summary:
    tally = Tally(total=len(batch))
    with open_display(tally) as display, deprecations_shown(display.note):
        performance = Performance(command, batch, display, tally, output)
        anyio.run(performance.run, connection)
    return performance.summary()


@define(eq=False)
class Performance:
    """Make the videos of a batch, and know at each moment what has become of its rows."""

    _command: BatchCommand
    _batch: BatchInput
    _display: BatchDisplay
    _tally: Tally
    _output: Output
    _rows: dict[str, RowResult] = field(factory=dict[str, RowResult], init=False)
    _outcomes: Outcomes | None = field(default=None, init=False)
    _interrupted: bool = field(default=False, init=False)
    _began: float = field(factory=time.monotonic, init=False)

    async def run(self, connection: Connection) -> None:
        """Make the videos; raise what opening the client and the journal raises."""
        client, scope = AsyncHeyGen(api_version=connection.api_version, on_event=self._hear), anyio.CancelScope()
        with interrupts(ask=self._finish, leave=scope.cancel, last_words=self._last_words):
            async with client:
                heygen = client.with_options(polling=polling_for(client.base_url, connection.timeout))
                with scope:
                    await self._make(heygen, connection.timeout)

    def summary(self) -> Summary:
        """Return what became of every row; those without an outcome are skipped for the interruption."""
        rows = dict(self._rows)
        return Summary(
            source=self._batch.source.name,
            journal=self._command.journal,
            rows=[rows.get(key) or self._left(line, key) for key, line in self._batch.lines.items()],
            spent=self._tally.spent,
            unpriced=self._tally.unpriced,
            elapsed=time.monotonic() - self._began,
            interrupted=self._interrupted,
        )

    async def _make(self, heygen: AsyncHeyGen, timeout: float | None) -> None:
        command = self._command
        async with heygen.videos.generate_many(
            self._batch,
            save_to=command.save_to,
            journal=command.journal,
            max_in_flight=command.max_in_flight,
            max_cost=command.max_cost,
            timeout=timeout,
            overwrite=command.overwrite,
        ) as outcomes:
            self._outcomes, self._tally.slots = outcomes, lambda: outcomes.slots
            if self._interrupted:
                outcomes.stop(_INTERRUPTED)
            async for outcome in outcomes:
                key = str(outcome.key)
                self._rows[key] = row_result(self._batch.lines[key], outcome)

    def _hear(self, event: events.Event) -> None:
        said = self._tally.hear(event)
        if said is not None:
            self._display.note(said)
        self._display.update()

    def _finish(self) -> None:
        """Stop admission, and let what runs come to its end."""
        self._interrupted = True
        self._batch.stop()
        self._display.note(
            "Ctrl-C: what runs is brought to its end, nothing more is begun. Ctrl-C again leaves at once."
        )
        if self._outcomes is not None:
            self._outcomes.stop(_INTERRUPTED)

    def _left(self, line: int, key: str) -> RowResult:
        video_id = self._tally.under_way(key)
        reason = f"{_INTERRUPTED} before it was begun" if video_id is None else f"{_INTERRUPTED}; its video goes on"
        return RowResult(line=line, key=key, result="skipped", video_id=video_id, reason=reason)

    def _last_words(self) -> None:
        self._interrupted = True
        summary = self.summary()
        self._output.result(summary.to_json(), summary.text())
        sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
        sys.stderr.flush()
