"""Answer a creating call of v3 once per `Idempotency-Key`."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.faults.accounts import IGNORES_KEY, STORES_ERRORS
from heygen_async.sandbox.idempotency import KEY_PATTERN, Answer, RequestInProgressError
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.recording import note_hint
from heygen_async.sandbox.service import Service

_OTHER_BODY: Final = "this Idempotency-Key came with another body before: its first answer was returned, as HeyGen does"

Make = Callable[[Service, Request, str | None], Awaitable[Answer]]
"""Does the work and returns the answer; it is told the key."""


def once(make: Make) -> Callable[[Service, Request], Awaitable[Response]]:
    """Turn `make` into a handler that returns the stored answer if the key was seen on its path before."""

    @wraps(make)
    async def handler(service: Service, request: Request) -> Response:
        body = await request.body()  # the record must not stand open while a slow upload comes in
        return await answered_once(service, request, make, digest=hashlib.sha256(body).hexdigest())

    return handler


async def answered_once(service: Service, request: Request, make: Make, *, digest: str = "") -> Response:
    """Do the work of a call whose body has come in, or return the stored answer if its key was seen before.

    A `digest` of the body lets the journal tell of a key that came with another body.
    """
    key = _key_of(request)
    if key is None or IGNORES_KEY in request.scope:
        answer = await make(service, request, key)
    else:
        answer = await _once(service, request, key, make, digest)
    return JSONResponse(answer.body, answer.status)


async def _once(service: Service, request: Request, key: str, make: Make, digest: str) -> Answer:
    records, scope = service.idempotency, f"POST {request.url.path} {_account_of(request)}"
    with service.open() as (_, now):
        try:
            stored = records.begin(scope, key, now=now, digest=digest)
        except RequestInProgressError:
            text = "A request with this Idempotency-Key is still being processed"
            raise Problem(409, "request_in_progress", text) from None
    if stored is not None:
        if records.knows_other_body(scope, key, digest):
            note_hint(request.scope, _OTHER_BODY)
        return stored
    answer: Answer | None = None
    try:
        return (answer := await make(service, request, key))
    except Problem as problem:
        if request.scope.get(STORES_ERRORS, service.switches.store_errors):
            answer = Answer(problem.status, problem.body("v3"))
        raise
    finally:
        with service.open():
            records.finish(scope, key, answer)


def _account_of(request: Request) -> str:
    """Return what tells accounts apart; records may be written to a file, which is no place for an API key."""
    return hashlib.sha256(request.headers.get("x-api-key", "").encode()).hexdigest()[:16]


def _key_of(request: Request) -> str | None:
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not KEY_PATTERN.fullmatch(key):
        raise Problem.invalid("Idempotency-Key", "Idempotency-Key should be 1-255 characters of [A-Za-z0-9_:.-]")
    return key
