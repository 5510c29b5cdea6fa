"""The calls of v1 and v2: generate, status, list, delete."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.answers import list_item_v1, status_v1, token_after, video_v2
from heygen_async.sandbox.envelopes import v2
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.service import Service, read_json, read_limit, read_token
from heygen_async.sandbox.v2_orders import order_v2
from heygen_async.sandbox.v2_schema import GENERATE_VIDEO

WARNING: Final = {
    "message": (
        "This v2 endpoint is Legacy and will be removed on 2026-10-31. Please migrate to the v3 API for new features."
    ),
    "v3_endpoint": "POST /v3/videos",
    "docs_url": "https://developers.heygen.com/reference/create-video",
    "sunset_date": "2026-10-31",
}


async def generate(service: Service, request: Request) -> Response:
    """Answer `POST /v2/video/generate`."""
    body = await read_json(request, GENERATE_VIDEO, lenient=True)
    job = await service.accept(order_v2(body, resolve=service.assets.path))
    answer: dict[str, Any] = {"error": None, "data": {"video_id": job.id}}
    if service.switches.deprecation:
        answer["warning"] = WARNING
    return JSONResponse(answer)


async def get_status(service: Service, request: Request) -> Response:
    """Answer `GET /v1/video_status.get`."""
    job, status = service.look(_video_id(request))
    data = status_v1(job, status, service.links(request))
    return JSONResponse({"code": 100, "data": data, "message": "Success"})


async def get_video(service: Service, request: Request) -> Response:
    """Answer `GET /v2/videos/{video_id}`."""
    job, status = service.look(request.path_params["video_id"])
    return v2(service, video_v2(job, status, service.links(request)), successor="GET /v3/videos/{video_id}")


async def list_videos(service: Service, request: Request) -> Response:
    """Answer `GET /v1/video.list`."""
    query = request.query_params
    jobs, more = service.page(
        before=read_token(query.get("token")),
        limit=read_limit(query.get("limit"), low=0, high=100, default=100),
        title=query.get("title"),
        folder_id=query.get("folder_id"),
    )
    data: dict[str, Any] = {
        "token": token_after(jobs[-1][0]) if more and jobs else None,
        "videos": [list_item_v1(job, status) for job, status in jobs],
    }
    return JSONResponse({"code": 100, "data": data, "message": None})


async def delete(service: Service, request: Request) -> Response:
    """Answer `DELETE /v1/video.delete`."""
    service.delete(_video_id(request))
    return JSONResponse({"code": 100, "data": None, "msg": None})


def _video_id(request: Request) -> str:
    video_id = request.query_params.get("video_id")
    if not video_id:
        raise Problem.invalid("video_id", "video_id is required")
    return video_id
