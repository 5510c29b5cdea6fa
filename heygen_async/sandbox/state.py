"""What survives a restart of the sandbox: how a store gives away what it holds, and takes it back."""

from __future__ import annotations

from typing import Any, Protocol

Json = dict[str, Any]


class Kept(Protocol):
    """A store whose content can be kept in a file; both methods are called while the service's lock is held."""

    def to_json(self) -> Json:
        """Return everything it holds as plain JSON; JSON that is kept is not changed afterwards."""
        ...

    def from_json(self, value: Json) -> None:
        """Hold what `to_json` returned, perhaps in another process, and nothing else.

        Raise any `ValueError`, `KeyError` or `TypeError` if it is something else.
        """
        ...
