"""All routes of the sandbox in one app: three generations of the API, each behind its gate, and the file host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from heygen_async.sandbox import asset_links, avatar_routes
from heygen_async.sandbox.callers import NeighboursOnly
from heygen_async.sandbox.control import control
from heygen_async.sandbox.dashboard import front_page
from heygen_async.sandbox.faults.lane import FaultLane
from heygen_async.sandbox.files import refused, send_file, stored_name
from heygen_async.sandbox.gate import ApiGate
from heygen_async.sandbox.problems import Generation
from heygen_async.sandbox.recording import CallLog
from heygen_async.sandbox.render.pool import Render
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.table import TABLE, Handler


def application(service: Service, reset: Callable[[], None], *, public_control: bool) -> Starlette:
    """Build the app around the state it serves; `reset` empties it.

    `public_control` lets clients of other machines see and steer it.
    """
    neighbours = Middleware(NeighboursOnly, public=public_control)

    def gated(generation: Generation) -> Mount:
        gate = Middleware(ApiGate, generation=generation, switches=service.switches)
        paths: dict[str, dict[str, Handler]] = {}
        for endpoint in TABLE:
            if endpoint.generation == generation:
                paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint.handler
        routes = [_route(service, path, handlers) for path, handlers in paths.items()]
        # Without redirects: HeyGen knows no path with a slash at its end.
        return Mount(f"/{generation}", Router(routes, redirect_slashes=False), middleware=[gate])

    async def file(request: Request) -> Response:
        return await _file(service, request)

    rules = [endpoint.rule for endpoint in TABLE]
    app = Starlette(
        routes=[
            gated("v3"),
            gated("v2"),
            gated("v1"),
            Route("/files/{video_id}/{name}", file, methods=["GET"], name="file"),
            Route(asset_links.ROUTE, partial(asset_links.send, service), methods=["GET"], name="asset_file"),
            Route(asset_links.ROUTE, partial(asset_links.receive, service), methods=["PUT"], name="asset_upload"),
            Route("/consent/{group_id}", partial(avatar_routes.consent_page, service), methods=["GET"], name="consent"),
            control(service, reset, neighbours),
            Route("/", front_page, methods=["GET"], middleware=[neighbours]),
        ],
        middleware=[
            Middleware(CallLog, journal=service.journal, now=service.clock.now, rules=rules),
            Middleware(FaultLane, service=service),
        ],
    )
    app.router.redirect_slashes = False
    return app


def _route(service: Service, path: str, handlers: Mapping[str, Handler]) -> Route:
    """Return the route of all methods of a path, so that a 405 names each of them."""

    async def answer(request: Request) -> Response:
        service.webhooks.called_at(service.links(request))
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](service, request)

    return Route(path, answer, methods=list(handlers))


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
    answer = send_file(path)
    if job.rendering.voice is not None:
        answer.headers["X-Sandbox-Voice"] = job.rendering.voice
    return answer
