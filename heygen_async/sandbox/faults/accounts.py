"""Faults of account and idempotency: they change what the call meets, then let it work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from heygen_async.sandbox.faults import checks
from heygen_async.sandbox.faults.action import OnCall, action
from heygen_async.sandbox.faults.exchange import Exchange
from heygen_async.sandbox.gate import gone
from heygen_async.sandbox.problems import Problem

IGNORES_KEY: Final = "heygen_async.sandbox.ignores_key"
"""In the scope of a call whose idempotency key is not looked at."""

STORES_ERRORS: Final = "heygen_async.sandbox.stores_errors"
"""In the scope of a call: whether its refusal is kept under its idempotency key."""


@action
def ignore_key() -> OnCall:
    """Work as if no `Idempotency-Key` came: shows that the key is what protects from paying twice."""

    async def perform(exchange: Exchange) -> None:
        exchange.scope[IGNORES_KEY] = True
        await exchange.work()

    return OnCall(perform)


@action
def store_errors(on: bool = True) -> OnCall:  # noqa: FBT001, FBT002 - reads as `store_errors(False)` in a rule's text
    """Keep the refusal of this call under its idempotency key, or do not."""
    checks.flag("on", on)

    async def perform(exchange: Exchange) -> None:
        exchange.scope[STORES_ERRORS] = on
        await exchange.work()

    return OnCall(perform)


@action
def wallet(usd: float) -> OnCall:
    """Set the wallet to so many USD, then work; it stays so."""
    checks.seconds("usd", usd)

    async def perform(exchange: Exchange) -> None:
        with exchange.service.open() as (account, _):
            account.wallet = float(usd)
        await exchange.work()

    return OnCall(perform)


@action
def concurrency(n: int | None) -> OnCall:
    """Allow `n` jobs at a time (None: any number), then work; it stays so."""
    if n is not None:
        checks.count("n", n, low=0)

    async def perform(exchange: Exchange) -> None:
        with exchange.service.open() as (account, now):
            account.settle(now)
            account.concurrency = n
        await exchange.work()

    return OnCall(perform)


@action
def rotate_key() -> OnCall:
    """Refuse the API key of this call, from now on."""

    async def perform(exchange: Exchange) -> None:
        exchange.service.faults.lasting.api_keys.add(exchange.call.api_key or "")
        await exchange.refuse(Problem.unauthorized())

    return OnCall(perform, lambda call, _lasting: call.api_key is not None and not call.is_file)


@action
def asset_lag(seconds: float) -> OnCall:
    """Answer 404 `asset_not_found` while an asset in the body is younger than so many virtual seconds."""
    checks.seconds("seconds", seconds)

    async def perform(exchange: Exchange) -> None:
        for asset_id in asset_ids(_decoded(await exchange.body())):
            if _age(exchange, asset_id) < seconds:
                await exchange.refuse(Problem(404, "asset_not_found", f"Asset {asset_id} not found"))
                return
        await exchange.work()

    return OnCall(perform, lambda call, _lasting: call.method == "POST")


@action
def v2_gone(code: int = 410) -> OnCall:
    """Answer a call of v1 or v2 as retired: 410, or 404 or 405 of the route."""
    problem = gone(checks.http_status("code", code))

    async def perform(exchange: Exchange) -> None:
        await exchange.refuse(problem)

    return OnCall(perform, lambda call, _lasting: call.path.startswith(("/v1/", "/v2/")))


def asset_ids(value: Any) -> Iterator[str]:
    """Yield the ids of the assets that a request body names."""
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            if name.endswith("asset_id") and isinstance(inner, str):
                yield inner
            else:
                yield from asset_ids(inner)
    elif isinstance(value, list):
        entries = cast("list[object]", value)
        for inner in entries:
            yield from asset_ids(inner)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None  # the call itself says what is wrong with it


def _age(exchange: Exchange, asset_id: str) -> float:
    """Return the virtual seconds since the upload, or since the asset was first asked for if it was no upload."""
    service = exchange.service
    with service.open() as (_, now):
        uploaded = service.assets.by_id.get(asset_id)
        return now - (uploaded.created_at if uploaded else service.faults.lasting.assets.setdefault(asset_id, now))
