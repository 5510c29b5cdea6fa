"""The calls of v3: create, look, list, delete."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.answers import created_v3, token_after, video_v3
from heygen_async.sandbox.core import Order
from heygen_async.sandbox.default_voices import with_default_voices
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.look_rules import look_faults
from heygen_async.sandbox.once import once
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.service import Service, read_json, read_limit, read_token
from heygen_async.sandbox.v3_orders import order_v3
from heygen_async.sandbox.v3_schema import CREATE_VIDEO


@once
async def create(service: Service, request: Request, key: str | None) -> Answer:
    """Answer `POST /v3/videos`."""
    body = await read_json(request, CREATE_VIDEO, lenient=service.switches.lenient)
    job = await service.accept(order_of(service, body, key))
    return Answer(200, created_v3(job))


def order_of(service: Service, body: dict[str, Any], key: str | None) -> Order:
    """Return what a checked body asks of this account: with its files, and with the voices of its looks.

    Raise the 400 for what these looks and voices cannot do.
    """
    with service.open() as (account, _):
        catalogue = account.catalogue
        if faults := list(look_faults(body, catalogue)):
            raise Problem.from_faults(faults)
        spoken = with_default_voices(body, catalogue)
        order = order_v3(spoken, idempotency_key=key, resolve=service.assets.path, is_photo=catalogue.is_photo)
    return evolve(order, request=body)


async def get(service: Service, request: Request) -> Response:
    """Answer `GET /v3/videos/{id}`."""
    job, status = service.look(request.path_params["video_id"])
    return JSONResponse({"data": video_v3(job, status, service.links(request))})


async def list_videos(service: Service, request: Request) -> Response:
    """Answer `GET /v3/videos`."""
    query = request.query_params
    jobs, more = service.page(
        before=read_token(query.get("token")),
        limit=read_limit(query.get("limit"), low=1, high=100, default=10),
        title=query.get("title"),
        folder_id=query.get("folder_id"),
    )
    link = service.links(request)
    data = [video_v3(job, status, link) for job, status in jobs]
    return JSONResponse({"data": data, "has_more": more, "next_token": token_after(jobs[-1][0]) if more else None})


async def delete(service: Service, request: Request) -> Response:
    """Answer `DELETE /v3/videos/{id}`."""
    video_id: str = request.path_params["video_id"]
    service.delete(video_id)
    return JSONResponse({"data": {"id": video_id, "deleted": True}})
