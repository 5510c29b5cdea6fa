"""What surrounds every call: keys, envelopes, deprecation marks, the Host check.

Plain ASGI, all of it: Starlette's `BaseHTTPMiddleware` would turn a body that breaks off into one that ends well.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Literal

from attrs import define
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heygen_async.sandbox.bodies import capped
from heygen_async.sandbox.problems import Generation, Problem
from heygen_async.sandbox.recording import note_refusal

SUNSET: Final = "Sat, 31 Oct 2026 00:00:00 GMT"
_BROKEN: Final = "The sandbox has a defect; its log says more."
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


@define(kw_only=True)
class Switches:
    """What can be turned while the sandbox runs.

    `keys`: the API keys that are accepted, None for any that is not empty. `deprecation`: mark v1/v2 answers as the
    service does. `v2_gone`: a status (410, 404, 405) with which v1 and v2 answer as retired. `lenient`: let unknown
    fields pass on v3. `retry_after`: seconds to say in a 429, None to leave the header out, `auto` for the
    time until a slot is free, in seconds of the client: those of the virtual clock by its rate. `store_errors`: keep
    refusals under their idempotency key too. `create_delay`: real seconds a create call takes after the job exists.
    `known_ids`: refuse avatars, voices and assets that the account does not have. `old_plan`: let v3 jobs above the
    limit wait, as v1/v2 jobs do, instead of refusing them with a 429. `asset_lag`: virtual seconds in which a new
    upload is not found by create calls.
    """

    keys: Collection[str] | None = None
    deprecation: bool = True
    v2_gone: int | None = None
    lenient: bool = False
    retry_after: int | Literal["auto"] | None = "auto"
    store_errors: bool = False
    create_delay: float = 0.0
    known_ids: bool = False
    old_plan: bool = False
    asset_lag: float = 0.0


class ApiGate:
    """Stands before one generation of the API: is it still there, is the key right, which envelope."""

    def __init__(self, app: ASGIApp, *, generation: Generation, switches: Switches) -> None:
        self._app = app
        self._generation: Generation = generation
        self._switches = switches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one call and pass it on, or answer with a refusal."""
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            await self._send(message, send)

        try:
            headers = Headers(scope=scope)
            self._check(headers)
            await self._app(scope, capped(receive, headers), answer)
        except (Problem, HTTPException) as refusal:
            problem = refusal if isinstance(refusal, Problem) else _from_router(refusal)
            await self._refuse(problem, scope, receive, answer)
        except ClientDisconnect:
            raise
        except Exception:
            if not begun:
                await self._refuse(Problem(500, "internal_error", _BROKEN), scope, receive, answer)
            raise  # a fault of the sandbox: the server logs it, and in process the caller sees it

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, answer: Send) -> None:
        note_refusal(scope, problem)
        body = problem.body(self._generation)
        await JSONResponse(body, problem.status, headers=problem.headers)(scope, receive, answer)

    def _check(self, headers: Headers) -> None:
        if self._generation != "v3" and self._switches.v2_gone is not None:
            raise gone(self._switches.v2_gone)
        key, accepted = headers.get("x-api-key", ""), self._switches.keys
        if not key or (accepted is not None and key not in accepted):
            raise Problem.unauthorized()

    async def _send(self, message: Message, send: Send) -> None:
        marks = self._generation != "v3" and self._switches.deprecation
        if marks and message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Deprecation"], headers["Sunset"] = "true", SUNSET
        await send(message)


class HostCheck:
    """Refuses calls that came under another name than loopback's: a web page must not reach the sandbox."""

    def __init__(self, app: ASGIApp, *, also: Sequence[str] = ()) -> None:
        self._app = app
        self._names = {*LOOPBACK_NAMES, *also}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on if its Host is loopback."""
        if scope["type"] == "http" and _host_name(Headers(scope=scope).get("host", "")) not in self._names:
            text = "This sandbox answers to 127.0.0.1 and localhost only.\n"
            await PlainTextResponse(text, status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _host_name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()


def _from_router(refusal: HTTPException) -> Problem:
    code = {404: "not_found", 405: "method_not_allowed"}.get(refusal.status_code, "bad_request")
    return Problem(refusal.status_code, code, refusal.detail, headers=dict(refusal.headers or {}))


def gone(status: int) -> Problem:
    """Return the answer of a retired call."""
    if status == 410:
        return Problem(410, "gone", "This API version has been retired. Use POST /v3/videos.")
    return Problem(status, "not_found", "The requested URL was not found on the server.")
