"""How one job may deviate from the rule for all jobs: what faults lay on it."""

from __future__ import annotations

from typing import Final, Literal

from attrs import frozen

from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.progress import Progress

Stage = Literal["waiting", "pending", "processing"]
"""The states before the end."""

BACKWARDS_LOOKS: Final = 3
"""A job that goes backwards is `processing`, then `pending`, and at the third look what it really is."""


@frozen(kw_only=True)
class Quirks:
    """The deviations of one job; the defaults are none.

    `stuck_at`: it never ends and says this word. `pace`: it takes so many times as long. `backwards`: see
    `BACKWARDS_LOOKS`. `hidden`: virtual seconds after its creation in which nobody finds it. `urls_after`: virtual
    seconds after its end in which it has no links. `told_length`: the duration it tells, as a multiple of the true one.
    `failure`: how it ends.
    """

    stuck_at: Stage | None = None
    pace: float = 1.0
    backwards: bool = False
    hidden: float = 0.0
    urls_after: float = 0.0
    told_length: float = 1.0
    failure: Failure | None = None

    @property
    def keeps_order(self) -> bool:
        """Say whether jobs admitted later than this one end later too."""
        return self.pace == 1 and self.stuck_at is None and not self.backwards

    def progress(self, rule: Progress) -> Progress:
        """Return how the job moves where all move by `rule`."""
        return rule if self.pace == 1 else rule.slower(self.pace)

    def holds(self, looks: int) -> bool:
        """Say whether the job is kept from ending for now."""
        return self.stuck_at is not None or (self.backwards and looks < BACKWARDS_LOOKS)

    def word(self, looks: int) -> Stage | None:
        """Return the state an unfinished job tells, None if it is the true one."""
        if self.stuck_at is None and self.backwards and 0 < looks < BACKWARDS_LOOKS:
            return "processing" if looks == 1 else "pending"
        return self.stuck_at


NORMAL: Final = Quirks()
