"""One call in the hands of a fault: let it work, collect its answer, answer in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, frozen
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heygen_async.sandbox.faults.calls import CallFacts
from heygen_async.sandbox.files import refused
from heygen_async.sandbox.problems import Problem

if TYPE_CHECKING:
    from heygen_async.sandbox.service import Service


@frozen
class Collected:
    """A finished answer; `headers` can be changed before it is sent."""

    status: int
    headers: MutableHeaders
    body: bytes


@define(eq=False)
class Exchange:
    """One HTTP call on its way through the sandbox."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    service: Service
    call: CallFacts

    async def work(self, send: Send | None = None) -> None:
        """Let the call be answered as without faults, through `send` if given."""
        out = self.send if send is None else send
        version = self.service.faults.lasting.tags[self.call.path] if self.call.is_file else 0
        scope = _untagged(self.scope, version) if version else self.scope
        await self.app(scope, self.receive, _tagging(out, version) if version else out)

    async def collect(self) -> Collected:
        """Let the call be answered and return the answer instead of sending it."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self.work(keep)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Collected(messages[0]["status"], MutableHeaders(raw=list(messages[0]["headers"])), body)

    async def body(self) -> bytes:
        """Read the whole request body; it can still be read by the call."""
        parts: list[bytes] = []
        more = True
        while more:
            message = await self.receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        whole, rest, given = b"".join(parts), self.receive, False

        async def again() -> Message:
            nonlocal given
            if given:
                return await rest()
            given = True
            return {"type": "http.request", "body": whole, "more_body": False}

        self.receive = again
        return whole

    async def answer(self, response: Response) -> None:
        """Send this answer."""
        await response(self.scope, self.receive, self.send)

    async def resend(self, answer: Collected, body: bytes) -> None:
        """Send a collected answer with another body."""
        answer.headers["Content-Length"] = str(len(body))
        await self.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers.raw})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse(self, problem: Problem) -> None:
        """Send a refusal in the words of the API generation or of the file host."""
        if self.call.is_file:
            response = refused(problem.status, problem.code, problem.message)
            response.headers.update(problem.headers)
        else:
            response = JSONResponse(problem.body(self.call.generation), problem.status, headers=problem.headers)
        await self.answer(response)

    def without_headers(self, *names: str) -> None:
        """Take headers out of the request."""
        gone = {name.encode() for name in names}
        self.scope = {**self.scope, "headers": [pair for pair in self.scope["headers"] if pair[0].lower() not in gone]}


def with_headers(send: Send, change: Callable[[Message, MutableHeaders], Any]) -> Send:
    """Return a `send` that changes the head of the answer."""

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            change(message, headers)
            message = {**message, "headers": headers.raw}
        await send(message)

    return changed


def _tagging(send: Send, version: int) -> Send:
    def tag(_message: Message, headers: MutableHeaders) -> None:
        if (etag := headers.get("etag")) is not None:
            headers["ETag"] = f'{etag[:-1]}-{version}"'

    return with_headers(send, tag)


def _untagged(scope: Scope, version: int) -> Scope:
    """Turn a condition on the present tag into one the file host knows, any other into one that fails."""
    end = f'-{version}"'.encode()

    def condition(value: bytes) -> bytes:
        return value.removesuffix(end) + b'"' if value.endswith(end) else b'"replaced"'

    headers = [(name, condition(value) if name == b"if-range" else value) for name, value in scope["headers"]]
    return {**scope, "headers": headers}
