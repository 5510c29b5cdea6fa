"""All routes of the sandbox in one app: three generations of the API, each behind its gate, and the file host."""

from __future__ import annotations

from typing import Final

import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from heygen_async.sandbox.files import refused, send_file, stored_name
from heygen_async.sandbox.gate import ApiGate
from heygen_async.sandbox.problems import Generation
from heygen_async.sandbox.recording import CallLog
from heygen_async.sandbox.render.pool import Render
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.table import TABLE, Endpoint

WELCOME: Final = """\
This is a local sandbox, not HeyGen. It speaks HeyGen's v1, v2 and v3 API for videos and templates and renders real
small files.
Point a client at it with HEYGEN_API_BASE={url} and any HEYGEN_API_KEY.
"""


def application(service: Service) -> Starlette:
    """Build the app around the state it serves."""

    def gated(generation: Generation) -> Mount:
        gate = Middleware(ApiGate, generation=generation, switches=service.switches)
        routes = [_route(service, endpoint) for endpoint in TABLE if endpoint.generation == generation]
        return Mount(f"/{generation}", routes=routes, middleware=[gate])

    async def file(request: Request) -> Response:
        return await _file(service, request)

    async def welcome(request: Request) -> Response:
        return PlainTextResponse(WELCOME.format(url=str(request.base_url).rstrip("/")))

    rules = [endpoint.rule for endpoint in TABLE]
    return Starlette(
        routes=[
            gated("v3"),
            gated("v2"),
            gated("v1"),
            Route("/files/{video_id}/{name}", file, methods=["GET"], name="file"),
            Route("/", welcome, methods=["GET"]),
        ],
        middleware=[Middleware(CallLog, journal=service.journal, now=service.clock.now, rules=rules)],
    )


def _route(service: Service, endpoint: Endpoint) -> Route:
    async def answer(request: Request) -> Response:
        return await endpoint.handler(service, request)

    return Route(endpoint.path, answer, methods=[endpoint.method])


async def _file(service: Service, request: Request) -> Response:
    video_id, name = request.path_params["video_id"], request.path_params["name"]
    if "x-api-key" in request.headers or "authorization" in request.headers:
        return refused(400, "InvalidArgument", "Only one auth mechanism allowed: send no key to the file host")
    refusal = service.signer.refusal(video_id, name, request.query_params)
    if refusal is not None:
        return refusal
    with service.open() as (account, _):
        job = account.jobs.get(video_id)
    if job is None or job.deleted or not isinstance(job.rendering, Render):
        return refused(404, "NoSuchKey", "The specified key does not exist.")
    stored = stored_name(name, job.order.plan)
    # In a thread: fast mode makes the file now, and a large one takes its time.
    path = await anyio.to_thread.run_sync(job.rendering.file, stored) if stored else None
    if path is None:
        return refused(404, "NoSuchKey", "The specified key does not exist.")
    return send_file(path)
