"""Faults on the way to the API: answer instead of working, or work and then misbehave."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import URL
from starlette.responses import HTMLResponse, JSONResponse, Response

from heygen_async.sandbox.faults import checks
from heygen_async.sandbox.faults.action import OnCall, action
from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.faults.exchange import Exchange
from heygen_async.sandbox.faults.lasting import Lasting, in_progress
from heygen_async.sandbox.faults.partial import break_off, send_part
from heygen_async.sandbox.faults.waiting import client_left, pause
from heygen_async.sandbox.problems import Problem

_CODES: Final = {
    400: "invalid_parameter",
    401: "unauthorized",
    402: "insufficient_credit",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "service_unavailable",
    504: "gateway_timeout",
}
_PAGE: Final = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>gateway</body></html>"


@action
def status(
    code: int, error_code: str | None = None, *, message: str | None = None, retry_after: float | str | None = None
) -> OnCall:
    """Answer with an error in the envelope of the wire; `retry_after` may be any text, a date or nonsense too."""
    problem = _problem(code, error_code, message)
    if retry_after is not None:
        text = retry_after if isinstance(retry_after, str) else f"{checks.seconds('retry_after', retry_after):g}"
        problem.headers["Retry-After"] = checks.words("retry_after", text)

    async def perform(exchange: Exchange) -> None:
        await exchange.refuse(problem)

    return OnCall(perform)


@action
def html_page(code: int = 502) -> OnCall:
    """Answer with the page of a gateway."""
    return _instead(HTMLResponse(_PAGE.format(code), checks.http_status("code", code)))


@action
def error_in_200(error_code: str = "internal_error", message: str | None = None) -> OnCall:
    """Answer 200 with an error in the body."""
    problem = _problem(500, error_code, message)

    async def perform(exchange: Exchange) -> None:
        body = {"data": None, **problem.body(exchange.call.generation)}
        await exchange.answer(JSONResponse(body))

    return OnCall(perform)


@action
def bad_json() -> OnCall:
    """Answer 200 with JSON that breaks off."""
    return _instead(Response(b'{"data": {"id": "c0ff', media_type="application/json"))


@action
def empty_body(code: int = 200) -> OnCall:
    """Answer without a body."""
    return _instead(Response(b"", checks.http_status("code", code), media_type="application/json"))


@action
def redirect(code: int = 302, to: str | None = None) -> OnCall:
    """Send the client elsewhere: to a URL, or to the same path under the other name of loopback."""
    checks.http_status("code", code)
    if to is not None:
        checks.words("to", to)

    async def perform(exchange: Exchange) -> None:
        location = _elsewhere(exchange) if to is None else to
        await exchange.answer(Response(b"", code, headers={"Location": location}))

    return OnCall(perform)


@action
def hang() -> OnCall:
    """Never answer: the call ends when the client leaves."""

    async def perform(exchange: Exchange) -> None:
        break_off()
        await client_left(exchange)

    return OnCall(perform)


@action
def then_status(code: int, error_code: str | None = None) -> OnCall:
    """Do the work (a job exists and is charged), then answer with an error."""
    problem = _problem(code, error_code, None)

    async def perform(exchange: Exchange) -> None:
        await exchange.collect()
        await exchange.refuse(problem)

    return OnCall(perform)


@action
def then_delay(seconds: float) -> OnCall:
    """Do the work, then answer late, in real seconds; until then the idempotency key counts as in progress."""
    checks.seconds("seconds", seconds)

    async def perform(exchange: Exchange) -> None:
        answer = await exchange.collect()
        held, name = exchange.service.faults.lasting.held_until, (exchange.call.path, exchange.call.key or "")
        held[name] = float("inf")
        try:
            await pause(exchange, seconds)
        finally:
            held[name] = 0.0
        await exchange.resend(answer, answer.body)

    return OnCall(perform)


@action
def then_cut(n: int = 0) -> OnCall:
    """Do the work, then break off after `n` bytes of the answer. Needs a socket."""
    checks.count("n", n)

    async def perform(exchange: Exchange) -> None:
        await send_part(exchange, n)

    return OnCall(perform)


@action
def delay(seconds: float) -> OnCall:
    """Wait so many real seconds, then work as usual."""
    checks.seconds("seconds", seconds)

    async def perform(exchange: Exchange) -> None:
        await pause(exchange, seconds)
        await exchange.work()

    return OnCall(perform)


@action
def in_flight(seconds: float) -> OnCall:
    """Do the work, but say 409 `request_in_progress` to its key for so many virtual seconds."""
    checks.seconds("seconds", seconds)

    async def perform(exchange: Exchange) -> None:
        answer = await exchange.collect()
        if answer.status >= 400:
            await exchange.resend(answer, answer.body)
            return
        with exchange.service.open() as (_, now):
            exchange.service.faults.lasting.held_until[exchange.call.path, exchange.call.key or ""] = now + seconds
        await exchange.refuse(in_progress())

    return OnCall(perform, _is_first_of_key)


def _is_first_of_key(call: CallFacts, lasting: Lasting) -> bool:
    return call.key is not None and (call.path, call.key) not in lasting.held_until


def _problem(code: int, error_code: str | None, message: str | None) -> Problem:
    checks.http_status("code", code)
    word = checks.words("error_code", error_code if error_code is not None else _CODES.get(code, "internal_error"))
    return Problem(code, word, checks.words("message", message if message is not None else f"The sandbox says {word}"))


def _instead(response: Response) -> OnCall:
    async def perform(exchange: Exchange) -> None:
        await exchange.answer(response)

    return OnCall(perform)


def _elsewhere(exchange: Exchange) -> str:
    url = URL(scope=exchange.scope)
    return str(url.replace(hostname="127.0.0.1" if url.hostname == "localhost" else "localhost"))
