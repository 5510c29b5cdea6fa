"""Let connections idle at little cost.

httpcore asks every idle connection of a pool whether it was closed, twice for each request over any other one. Its
anyio backend looks up all there is to know about the socket for that, 25 microseconds each time; asking the socket
itself takes 3. With sixteen connections that was a tenth of what a video costs.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

_IS_QUICK: Final = "heygen_async_is_quick"


class _Socket(Protocol):
    def fileno(self) -> int: ...


def make_idling_cheap(stream: Any) -> None:
    """Have a network stream of httpcore answer `is_readable` from its socket; whatever else there is stays as it is."""
    # A caller's own transport may have anything there, and what it does must not cost the answer that has come.
    with suppress(Exception):
        _make_cheap(stream)


def _make_cheap(stream: Any) -> None:
    if not hasattr(stream, "get_extra_info") or hasattr(stream, _IS_QUICK) or not hasattr(select, "poll"):
        return
    ask, found = stream.get_extra_info, stream.get_extra_info("socket")
    if not hasattr(found, "fileno") or found.fileno() < 0:
        return
    is_readable = _reader_of(found)

    def get_extra_info(info: str) -> Any:
        return is_readable() if info == "is_readable" else ask(info)

    # A class with slots takes neither.
    setattr(stream, _IS_QUICK, True)
    stream.get_extra_info = get_extra_info


def _reader_of(found: _Socket) -> Callable[[], bool]:
    number, poll = found.fileno(), select.poll()
    poll.register(number, select.POLLIN)

    def is_readable() -> bool:
        # A closed socket has no number, and its old one may be another's by now. As in httpcore, it counts as readable.
        return found.fileno() != number or bool(poll.poll(0))

    return is_readable
