"""The place where calls meet faults. Plain ASGI, so that a body that breaks off does break off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from heygen_async.sandbox.faults.action import Action, OnCall, OnDelivery
from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.faults.engine import CURRENT, CurrentCall
from heygen_async.sandbox.faults.exchange import Exchange
from heygen_async.sandbox.faults.parser import parse_action
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.recording import call_of, is_private

if TYPE_CHECKING:
    from heygen_async.sandbox.service import Service

PREFER: Final = "x-sandbox-prefer"
"""The header that asks for one fault without a rule; heard from loopback only."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


class FaultLane:
    """Lets a fault answer a call, or passes it on."""

    def __init__(self, app: ASGIApp, *, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call as the first matching rule says."""
        if scope["type"] != "http" or is_private(
            scope["method"], scope["path"].removeprefix(scope.get("root_path", ""))
        ):
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._app, dict(scope), receive, send, self._service, CallFacts.of(scope))
        try:
            current = CurrentCall(exchange.call, _preferred(scope))
        except ValueError as error:
            await exchange.refuse(Problem.invalid("X-Sandbox-Prefer", str(error)))
            return
        token = CURRENT.set(current)
        try:
            await self._answer(exchange, current)
        finally:
            CURRENT.reset(token)

    async def _answer(self, exchange: Exchange, current: CurrentCall) -> None:
        faults = self._service.faults
        with self._service.open() as (account, now):
            refusal = faults.lasting.refusal(exchange.call, now)
            if refusal is None:
                faults.touch_jobs(current, account, now)
        if refusal is not None:
            _note(exchange, "left by an earlier fault")
            await exchange.refuse(refusal)
            return
        chosen = self._chosen(current)
        if chosen is None:
            await exchange.work()
            return
        text, effect = chosen
        _note(exchange, text)
        await effect.perform(exchange)

    def _chosen(self, current: CurrentCall) -> tuple[str, OnCall] | None:
        preferred = current.preferred
        if preferred is not None and isinstance(preferred.effect, OnCall):
            return f"X-Sandbox-Prefer: {preferred}", preferred.effect
        active = self._service.faults.for_call(current.facts)
        if active is None or not isinstance(active.rule.action.effect, OnCall):
            return None
        return str(active), active.rule.action.effect


def _preferred(scope: Scope) -> Action | None:
    text = Headers(scope=scope).get(PREFER)
    client = scope.get("client")
    if text is None or client is None or client[0] not in _LOOPBACK:
        return None
    action = parse_action(text)
    if not isinstance(action.effect, OnDelivery):
        return action
    raise ValueError(f"{action.name} acts on webhook events, not on a call")


def _note(exchange: Exchange, text: str) -> None:
    call = call_of(exchange.scope)
    if call is not None:  # pragma: no branch - every call that comes here is in the journal
        call.fault = text
