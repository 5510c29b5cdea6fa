"""Query parameters that must be there, or be one of a few words."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from heygen_async.sandbox.problems import Problem


def wanted(request: Request, name: str) -> str:
    """Return a parameter; raise the 400 if it is missing or empty."""
    value = request.query_params.get(name)
    if not value:
        raise Problem.invalid(name, f"{name} is required")
    return value


def one_of(request: Request, name: str, words: Sequence[str], *, required: bool = False) -> str | None:
    """Return a parameter, None if it is missing and may be; raise the 400 for other words than these."""
    value = wanted(request, name) if required else request.query_params.get(name)
    if value is not None and value not in words:
        raise Problem.invalid(name, f"{name} should be one of {', '.join(map(repr, words))}")
    return value


def ids_in(request: Request, name: str) -> list[str]:
    """Return the ids of a comma separated parameter; empty ones are left out."""
    return [part.strip() for part in request.query_params.get(name, "").split(",") if part.strip()]
