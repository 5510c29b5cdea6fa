"""The sandbox's own calls under `/_sandbox/`: what its page and its command line see and steer it with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from heygen_async.sandbox.bodies import capped
from heygen_async.sandbox.durations import seconds_in
from heygen_async.sandbox.hints import field_hint
from heygen_async.sandbox.player import send_for_player
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.progress import Progress
from heygen_async.sandbox.schema import Check, Fault, nullable, number, record, required, text, url
from heygen_async.sandbox.service import Service, read_json, read_limit
from heygen_async.sandbox.snapshot import SHOWN, delivery_json, faults_json, jobs_json, requests_json, state_json
from heygen_async.sandbox.stream import changes

MAX_BODY: Final = 64 * 1024
"""Bytes of a call: the longest rule has two thousand characters."""

Handler = Callable[[Service, Request], Awaitable[Response]]


def _read_by(reader: Callable[[Any], object]) -> Check:
    """Check a value by reading it; its own words on it need not name the field once more."""

    def check(value: Any, path: str) -> Iterator[Fault]:
        try:
            reader(value)
        except (ValueError, TypeError, AttributeError) as error:
            yield Fault(path, str(error).removeprefix(f"{path}: "))

    return check


_NOTHING: Final = record({}, closed=True)
_CLOCK: Final = record(
    {"advance": _read_by(seconds_in), "rate": number(0, 1e6), "progress": _read_by(Progress.parse)}, closed=True
)
_RULE: Final = record({"rule": required(text(shortest=1, longest=2000))}, closed=True)
_RULE_OR_ALL: Final = record({"rule": text()}, closed=True)
_TRIGGER: Final = record(
    {
        "event": required(text(shortest=1, longest=200)),
        "url": required(url),
        "video_id": nullable(text()),
        "secret": nullable(text()),
    },
    closed=True,
)


def control(service: Service, reset: Callable[[], None], neighbours: Middleware) -> Mount:
    """Return the routes; `reset` empties the sandbox, `neighbours` says who may call."""

    async def start_over(service: Service, request: Request) -> Response:
        await read_json(request, _NOTHING, lenient=False)
        reset()
        return _state(service)

    def route(path: str, handler: Handler, method: str = "GET") -> Route:
        async def answer(request: Request) -> Response:
            return await handler(service, request)

        return Route(path, answer, methods=[method])

    return Mount(
        "/_sandbox",
        routes=[
            route("/state", _get_state),
            route("/events", _get_events),
            route("/jobs", _get_jobs),
            route("/requests", _get_requests),
            route("/files/{video_id}/{name}", send_for_player),
            route("/clock", _set_clock, "POST"),
            route("/faults", _add_fault, "POST"),
            route("/faults", _remove_faults, "DELETE"),
            route("/trigger", _trigger, "POST"),
            route("/reset", start_over, "POST"),
        ],
        middleware=[neighbours, Middleware(OwnPagesOnly)],
    )


class OwnPagesOnly:
    """Lets in the sandbox's own page and programs; the pages of other sites could make calls too.

    Browsers say where a call comes from, and send `application/json` to another site only after a preflight, which is
    never answered.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one call and pass it on, or answer why not."""
        headers = Headers(scope=scope)
        try:
            if scope["type"] == "http":
                _check(scope["method"], headers)
            await self._app(scope, capped(receive, headers, limit=MAX_BODY), send)
        except (Problem, HTTPException) as refusal:
            await _refusal(refusal)(scope, receive, send)


def _check(method: str, headers: Headers) -> None:
    origin = headers.get("origin")
    foreign = origin is not None and origin.partition("://")[2] != headers.get("host")
    if foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Problem(403, "foreign_origin", "Only the sandbox's own page may call this")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method not in {"GET", "HEAD"} and media_type != "application/json":
        raise Problem(415, "unsupported_media_type", "Send the body as Content-Type: application/json")


def _refusal(refusal: Problem | HTTPException) -> Response:
    if isinstance(refusal, HTTPException):
        error = {"code": "not_found" if refusal.status_code == 404 else "refused", "message": refusal.detail}
        return JSONResponse({"error": error}, refusal.status_code, headers=dict(refusal.headers or {}))
    hint = field_hint(refusal.faults)
    said = "; ".join(f"{fault.path or 'body'}: {fault.message}" for fault in refusal.faults) or refusal.message
    message = said if hint is None else f"{said} ({hint})"
    return JSONResponse({"error": {"code": refusal.code, "message": message}}, refusal.status)


def _state(service: Service) -> Response:
    return JSONResponse(state_json(service))


async def _get_state(service: Service, _request: Request) -> Response:
    return _state(service)


async def _get_events(service: Service, _request: Request) -> Response:
    events = changes(lambda: state_json(service), lambda: service.closing)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _get_jobs(service: Service, request: Request) -> Response:
    jobs = jobs_json(service, service.links(request), video_id=request.query_params.get("id"))
    return JSONResponse({"jobs": jobs})


async def _get_requests(service: Service, request: Request) -> Response:
    count = read_limit(request.query_params.get("limit"), low=1, high=10_000, default=SHOWN)
    return JSONResponse(requests_json(service.journal, count))


async def _set_clock(service: Service, request: Request) -> Response:
    """Jump, change the rate, or change how jobs move; nothing is done unless all of it can be."""
    body = await read_json(request, _CLOCK, lenient=False)
    if "rate" in body:
        service.clock.rate = body["rate"]
    if "advance" in body:
        service.clock.advance(seconds_in(body["advance"]))
    if "progress" in body:
        with service.open() as (account, now):
            account.settle(now)
            account.progress = Progress.parse(body["progress"])
    return _state(service)


async def _add_fault(service: Service, request: Request) -> Response:
    body = await read_json(request, _RULE, lenient=False)
    try:
        added = service.faults.add(body["rule"])
    except ValueError as error:
        raise Problem.invalid("rule", str(error)) from None
    return JSONResponse({"rule": str(added), "faults": faults_json(service.faults)})


async def _remove_faults(service: Service, request: Request) -> Response:
    """Take the rules of one text out of force, or all rules with what they left behind."""
    body = await read_json(request, _RULE_OR_ALL, lenient=False)
    if "rule" not in body:
        service.faults.clear()
    for active in service.faults.rules:
        if str(active) == body.get("rule"):
            service.faults.remove(active)
    return JSONResponse({"faults": faults_json(service.faults)})


async def _trigger(service: Service, request: Request) -> Response:
    """Send a webhook event, and answer when its first attempt is over."""
    body = await read_json(request, _TRIGGER, lenient=False)
    delivery = service.webhooks.trigger(**body)
    return JSONResponse(delivery_json(await service.webhooks.outcome(delivery)))
