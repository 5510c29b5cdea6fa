"""The calls of v1 and v2: generate, status, list, delete."""

from __future__ import annotations

from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heygen_async.sandbox.answers import list_item_v1, status_v1, token_after
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


class V2Routes:
    """Handlers for `/v1` and `/v2`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def v1_routes(self) -> list[Route]:
        """Return the routes, relative to `/v1`."""
        return [
            Route("/video_status.get", self.status, methods=["GET"]),
            Route("/video.list", self.list, methods=["GET"]),
            Route("/video.delete", self.delete, methods=["DELETE"]),
        ]

    def v2_routes(self) -> list[Route]:
        """Return the routes, relative to `/v2`."""
        return [Route("/video/generate", self.generate, methods=["POST"])]

    async def generate(self, request: Request) -> Response:
        """Answer `POST /v2/video/generate`."""
        body = await read_json(request, GENERATE_VIDEO, lenient=True)
        job = self._service.submit(order_v2(body))
        with anyio.CancelScope(shield=True):
            await anyio.sleep(self._service.switches.create_delay)
        answer: dict[str, Any] = {"error": None, "data": {"video_id": job.id}}
        if self._service.switches.deprecation:
            answer["warning"] = WARNING
        return JSONResponse(answer)

    async def status(self, request: Request) -> Response:
        """Answer `GET /v1/video_status.get`."""
        job, status = self._service.look(_video_id(request))
        data = status_v1(job, status, self._service.links(request))
        return JSONResponse({"code": 100, "data": data, "message": "Success"})

    async def list(self, request: Request) -> Response:
        """Answer `GET /v1/video.list`."""
        query = request.query_params
        jobs, more = self._service.page(
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

    async def delete(self, request: Request) -> Response:
        """Answer `DELETE /v1/video.delete`."""
        self._service.delete(_video_id(request))
        return JSONResponse({"code": 100, "data": None, "msg": None})


def _video_id(request: Request) -> str:
    video_id = request.query_params.get("video_id")
    if not video_id:
        raise Problem.invalid("video_id", "video_id is required")
    return video_id
