"""Notice when a client is used after its end, or from a second event loop."""

from __future__ import annotations

from anyio.lowlevel import EventLoopToken, current_token
from attrs import define, field

from heygen_async.errors import ConfigurationError


@define(eq=False)
class RunGuard:
    """Bind to the event loop of the first use, not of construction: connections cannot move between loops."""

    _home: EventLoopToken | None = field(default=None, init=False)
    closed: bool = field(default=False, init=False)

    def check(self) -> None:
        """Raise `ConfigurationError` if the client was closed, or belongs to another event loop."""
        if self.closed:
            raise ConfigurationError("This AsyncHeyGen client is closed. Make a new one.")
        here = current_token()
        if self._home is None:
            self._home = here
        elif self._home != here:
            raise ConfigurationError(
                "This AsyncHeyGen client was first used in another event loop. "
                "Make the client inside the running loop: one client per asyncio.run(), anyio.run() or trio.run()."
            )

    @property
    def is_home(self) -> bool:
        """Say whether this is the loop of the first use, so that connections can be closed properly."""
        return self._home is not None and self._home == current_token()
