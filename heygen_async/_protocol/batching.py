"""What a batch decides about its items before and between its awaits: file names, the budget, the journal's words."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from pathlib import Path
from string import Formatter

from attrs import define, field, frozen

from heygen_async import errors
from heygen_async._protocol.arguments import is_number, path_text
from heygen_async._protocol.retrying import outcome_is_unknown
from heygen_async._protocol.targets import safe_name, target_path

# Sums of cents: 0.1 + 0.2 must not exceed a budget of 0.3.
_ROUNDING = 1e-9


@frozen
class SavePattern:
    """Where the files of a batch go: a path with `{key}` in it."""

    _pattern: str

    @classmethod
    def of(cls, save_to: str | os.PathLike[str]) -> SavePattern:
        """Return the checked pattern; raise `ValueError` for one that does not give each item a file of its own."""
        pattern = path_text("save_to", save_to)
        try:
            names = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
        except ValueError as error:
            raise ValueError(f"save_to {pattern!r} is no format string: {error}") from error
        if "key" not in names or set(names) != {"key"}:
            raise ValueError(f"save_to must name its files by {{key}}, and by nothing else in braces: {pattern!r}")
        made = cls(pattern)
        target_path(made.target("key"))
        return made

    def target(self, key: Hashable) -> Path:
        """Return the file of an item: its key, made safe as a name, cannot leave the folder."""
        # An index stays a number, so that {key:04} works.
        name = key if type(key) is int else safe_name(str(key))
        return Path(self._pattern.format(key=name))


@define(eq=False)
class Budget:
    """Add up estimates, in USD, and say whether the next one still fits; None is no limit."""

    limit: float | None
    spent: float = field(default=0.0)

    def __attrs_post_init__(self) -> None:
        if self.limit is not None and not is_number(self.limit, at_least=0):
            raise ValueError(f"max_cost must be a number of at least 0 USD, not {self.limit!r}")

    def fits(self, usd: float) -> bool:
        """Say whether another `usd` stays within the limit."""
        return self.limit is None or self.spent + usd <= self.limit + _ROUNDING

    def spend(self, usd: float) -> None:
        """Count a submission, before it is sent."""
        self.spent += usd

    def refund(self, usd: float) -> None:
        """Take back what was counted for a submission that HeyGen refused for sure."""
        self.spent -= usd

    def overrun(self, usd: float) -> str:
        """Say why a submission does not fit."""
        return f"max_cost: ${self.spent:.2f} of ${self.limit or 0:.2f} are spent, and the next video costs ${usd:.2f}"


def was_refused(error: Exception, *, in_doubt: bool) -> bool:
    """Say whether a submission that ended in `error` surely created nothing, neither now nor earlier under its key.

    `in_doubt` says that an earlier attempt under the key may have been accepted. Then only a refusal of the request
    itself is proof, because HeyGen would have answered with the first attempt's video instead; it may well look at
    the key, the credit and the limits before that.
    """
    if not isinstance(error, errors.APIStatusError) or outcome_is_unknown(error):
        return False
    return not in_doubt or error.category == "request"


def was_never_sent(error: Exception) -> bool:
    """Say whether a submission ended before anything of it went out: no way to send it, or not on its wire.

    Other `ValueError`s prove nothing: a hook of the caller's HTTP client may raise one when the answer is there.
    """
    return isinstance(error, errors.TranslationError | errors.ConfigurationError)


def is_worth_a_rerun(error: errors.APIStatusError | errors.VideoFailedError) -> bool:
    """Say whether a later run should submit a failed item anew: whenever it was not the request that was wrong."""
    return error.category != "request"


def check_distinct(keys: Iterable[Hashable]) -> None:
    """Raise `ValueError` for keys that a journal or a folder could not tell apart."""
    seen: set[str] = set()
    for key in keys:
        if str(key) in seen:
            raise ValueError(f"two keys of the batch read {str(key)!r}; give each item a key of its own")
        seen.add(str(key))
