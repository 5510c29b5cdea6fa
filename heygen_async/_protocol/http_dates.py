"""Read the dates of HTTP headers."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def unix_time_of(date: str | None) -> float | None:
    """Return an HTTP date as unix seconds; None for a missing one and for garbage."""
    try:
        moment = parsedate_to_datetime(date or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # HTTP dates are in GMT, said or not; without a zone, Python would take the date for local time.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
