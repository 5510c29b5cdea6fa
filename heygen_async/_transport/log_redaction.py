"""Keep presigned URLs out of the log records of httpx and httpcore.

httpx logs every URL at INFO, httpcore every response header at DEBUG, `Location` included. Records of our own calls
lose their queries; records of other users of httpx in the same process are left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from heygen_async._protocol.redaction import redact_text

_ours: ContextVar[bool] = ContextVar("heygen_async_call", default=False)
_LOGGERS: Final = tuple(
    f"{package}{module}"
    for package, modules in (
        ("httpx", ("",)),
        ("httpx2", ("",)),
        ("httpcore", (".connection", ".http11", ".http2", ".proxy", ".socks")),
        ("httpcore2", (".connection", ".http11", ".http2", ".proxy", ".socks")),
    )
    for module in modules
)


class _CutQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _ours.get():
            record.msg, record.args = redact_text(record.getMessage()), ()
        return True


_FILTER: Final = _CutQueries()


def install() -> None:
    """Attach the filter to the loggers of both libraries; repeating it changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)


@contextmanager
def quiet() -> Generator[None]:
    """Mark everything logged inside, worker threads started here included, as ours."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
