"""Lists in pages: a `limit` within the bounds of the call, an opaque `token`, and refusals of what is neither."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from itertools import islice
from typing import Any, Protocol, TypeVar

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.service import read_limit

Json = dict[str, Any]


class Numbered(Protocol):
    """A row of a list; lists run from the highest number down, so that new rows do not shift the pages behind them."""

    @property
    def number(self) -> int:
        """Return the place of the row, which never changes."""
        ...


Row = TypeVar("Row", bound=Numbered)


@frozen
class Page:
    """What a call asks for: at most `limit` rows of the list `name`, from below the number `before`."""

    name: str
    limit: int
    before: int | None

    @classmethod
    def of(cls, request: Request, name: str, *, high: int, default: int) -> Page:
        """Read a call's query; raise the 400 for a bad limit, and for a token of another list."""
        query = request.query_params
        limit = read_limit(query.get("limit"), low=1, high=high, default=default)
        token = query.get("token")
        return cls(name, limit, _number_in(token, name) if token else None)

    def cut(self, rows: Iterable[Row]) -> tuple[list[Row], str | None]:
        """Return the rows of the page, and the token of the next one if there are more."""
        left = (row for row in newest_first(rows) if self.before is None or row.number < self.before)
        found = list(islice(left, self.limit + 1))
        if len(found) <= self.limit:
            return found, None
        shown = found[: self.limit]
        return shown, self._token(shown[-1].number)

    def _token(self, number: int) -> str:
        return base64.urlsafe_b64encode(f"{self.name}:{number}".encode()).decode().rstrip("=")


def newest_first(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of all lists."""
    return sorted(rows, key=_number, reverse=True)


def listing(data: list[Json], next_token: str | None) -> Response:
    """Return a list in v3's envelope."""
    return JSONResponse({"data": data, "has_more": next_token is not None, "next_token": next_token})


def _number(row: Numbered) -> int:
    return row.number


def _number_in(token: str, name: str) -> int:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        kind, _, number = text.rpartition(":")
        if kind == name:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise Problem.invalid("token", "token is not a token of this list")
