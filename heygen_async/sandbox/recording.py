"""Writes every call into the journal: what it brought, how it was answered, and why it was refused."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heygen_async._protocol.redaction import without_secrets
from heygen_async.sandbox.hints import field_hint, key_hint, route_hint
from heygen_async.sandbox.journal import Call, Journal
from heygen_async.sandbox.problems import Problem

logger: Final = logging.getLogger("heygen_async.sandbox")

BODY_KEPT: Final = 64 * 1024
_ANSWER_KEPT: Final = 16 * 1024
_MESSAGE_KEPT: Final = 300
_HEADERS_KEPT: Final = 64
_HEADER_KEPT: Final = 500
_SHORTEST_SECRET: Final = 8
_SCOPE_KEY: Final = "heygen_async.sandbox.call"
_SECRET_HEADERS: Final = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})
_SECRETS: Final = re.compile(r"\b(?:sk|whsec)[_-][A-Za-z0-9_\-]{12,}")
_HIDDEN: Final = "..."
_S3_ERROR: Final = re.compile(rb"<Code>([^<]*)</Code><Message>([^<]*)</Message>")

Json = dict[str, Any]


def call_of(scope: Scope) -> Call | None:
    """Return the journal's entry of the call being answered, None for calls that are not written down."""
    return cast("Call | None", scope.get(_SCOPE_KEY))


def note_refusal(scope: Scope, problem: Problem) -> None:
    """Write down what may have been meant by a refused call."""
    call = call_of(scope)
    if call is not None and problem.code == "unauthorized":
        call.hint = key_hint(Headers(scope=scope).get("x-api-key", ""))
    elif call is not None:
        call.hint = field_hint(problem.faults)


def note_hint(scope: Scope, hint: str) -> None:
    """Write down what is odd about a call, and log it."""
    call = call_of(scope)
    if call is not None:
        call.hint = hint
        logger.warning("%s %s (%s): %s", call.method, call.path, call.request_id, hint)


def is_private(method: str, path: str) -> bool:
    """Say whether a call belongs to the sandbox's own page and control, which are no part of the evidence."""
    return path.startswith("/_sandbox/") or path == "/favicon.ico" or (path == "/" and method in {"GET", "HEAD"})


class CallLog:
    """Gives every call a request id and writes it into the journal; `rules` are the calls that exist."""

    def __init__(self, app: ASGIApp, *, journal: Journal, now: Callable[[], float], rules: Sequence[str]) -> None:
        self._app = app
        self._journal = journal
        self._now = now
        self._rules = rules
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log one call and pass it on."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else ""
        if scope["type"] != "http" or is_private(scope["method"], path):
            await self._app(scope, receive, send)
            return
        self._number += 1
        call = _call(scope, path, at=self._now(), request_id=f"req_{self._number:08d}")
        brought, answer = _Brought(scope, receive), _Answer(call, send)
        call.headers, call.query = brought.headers, brought.without_keys(call.query)
        self._journal.add(call)
        scope[_SCOPE_KEY] = call
        started = time.monotonic()
        try:
            await self._app(scope, brought, answer)
        except ClientDisconnect:
            # Nobody is there to read an answer, and the server's traceback would tell nobody anything.
            logger.info("%s %s: the client left before it was answered", call.method, call.path)
        finally:
            call.seconds = time.monotonic() - started
            self._journal.detail(call, headers=brought.headers, body=brought.body())
            _explain(call, bytes(answer.body))
            if call.status in {404, 405} and call.hint is None:
                call.hint = route_hint(call.method, path, self._rules)


class _Brought:
    """Passes a request on, keeping a copy of a JSON body of reasonable size."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        keys = [headers.get("x-api-key", ""), headers.get("authorization", "").rpartition(" ")[2]]
        self._receive = receive
        # A shorter one is no secret, and a part of many words.
        self._keys = [key for key in keys if len(key) >= _SHORTEST_SECRET]
        self._wanted = "json" in headers.get("content-type", "")
        self._copy = bytearray()
        self.headers = {
            name: _HIDDEN if name in _SECRET_HEADERS else self.without_keys(value[:_HEADER_KEPT])
            for name, value in headers.items()[:_HEADERS_KEPT]
        }

    async def __call__(self) -> Message:
        message = await self._receive()
        if self._wanted and message["type"] == "http.request":
            self._copy += message.get("body", b"")
            if len(self._copy) > BODY_KEPT:
                self._wanted = False
                self._copy.clear()
        return message

    def body(self) -> str | None:
        if not self._copy:
            return None
        return self.without_keys(self._copy.decode(errors="replace"))

    def without_keys(self, text: str) -> str:
        """Return the text without the key of this call, and without whatever looks like one."""
        return _SECRETS.sub(_HIDDEN, without_secrets(text, self._keys))


class _Answer:
    """Passes an answer on with its request id, keeping the beginning of a refusal."""

    def __init__(self, call: Call, send: Send) -> None:
        self._call = call
        self._send = send
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._call.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self._call.request_id
        elif message["type"] == "http.response.body" and (self._call.status or 0) >= 400:
            self.body += message.get("body", b"")[: _ANSWER_KEPT - len(self.body)]
        await self._send(message)


def _call(scope: Scope, path: str, *, at: float, request_id: str) -> Call:
    headers = Headers(scope=scope)
    return Call(
        method=scope["method"],
        path=path,
        query="" if path.startswith("/files/") else scope["query_string"].decode("latin-1"),
        at=at,
        request_id=request_id,
        idempotency_key=headers.get("idempotency-key"),
        key_sent="x-api-key" in headers or "authorization" in headers,
    )


def _explain(call: Call, body: bytes) -> None:
    """Read code and message of a refusal out of any of the envelopes."""
    if not body:
        return
    if found := _S3_ERROR.search(body):
        code, message = found[1].decode(), found[2].decode()
    else:
        try:
            code, message = _from_json(json.loads(body))
        except ValueError:
            return
    call.error_code = code
    call.error = message[:_MESSAGE_KEPT] if message else None


def _from_json(answer: Any) -> tuple[str | None, str | None]:
    outer = cast("Json", answer) if isinstance(answer, dict) else {}
    inner = cast("Json", outer["error"]) if isinstance(outer.get("error"), dict) else outer
    code, message = inner.get("code"), inner.get("message")
    return (None if code is None else str(code)), (None if message is None else str(message))
