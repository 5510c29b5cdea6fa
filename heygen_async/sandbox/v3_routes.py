"""The calls of v3: create, look, look at many, list, delete."""

from __future__ import annotations

from functools import partial

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heygen_async.sandbox.answers import bulk_item, created_v3, token_after, video_v3
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.once import answer_once
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.service import BULK_IDS, Service, read_json, read_limit, read_token
from heygen_async.sandbox.v3_orders import order_v3
from heygen_async.sandbox.v3_schema import CREATE_VIDEO


class V3Routes:
    """Handlers for `/v3`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Return the routes, relative to `/v3`."""
        return [
            Route("/videos", self.create, methods=["POST"]),
            Route("/videos", self.list, methods=["GET"]),
            Route("/videos/statuses", self.statuses, methods=["GET"]),
            Route("/videos/{video_id}", self.get, methods=["GET"]),
            Route("/videos/{video_id}", self.delete, methods=["DELETE"]),
        ]

    async def create(self, request: Request) -> Response:
        """Answer `POST /v3/videos`."""
        return await answer_once(self._service, request, partial(self._create, request))

    async def _create(self, request: Request, key: str | None) -> Answer:
        body = await read_json(request, CREATE_VIDEO, lenient=self._service.switches.lenient)
        job = self._service.submit(order_v3(body, idempotency_key=key))
        # Shielded: a client that leaves while it waits has a job all the same, and its key must lead to it.
        with anyio.CancelScope(shield=True):
            await anyio.sleep(self._service.switches.create_delay)
        return Answer(200, created_v3(job))

    async def get(self, request: Request) -> Response:
        """Answer `GET /v3/videos/{id}`."""
        job, status = self._service.look(request.path_params["video_id"])
        return JSONResponse({"data": video_v3(job, status, self._service.links(request))})

    async def list(self, request: Request) -> Response:
        """Answer `GET /v3/videos`."""
        query = request.query_params
        jobs, more = self._service.page(
            before=read_token(query.get("token")),
            limit=read_limit(query.get("limit"), low=1, high=100, default=10),
            title=query.get("title"),
            folder_id=query.get("folder_id"),
        )
        link = self._service.links(request)
        data = [video_v3(job, status, link) for job, status in jobs]
        return JSONResponse({"data": data, "has_more": more, "next_token": token_after(jobs[-1][0]) if more else None})

    async def statuses(self, request: Request) -> Response:
        """Answer `GET /v3/videos/statuses`."""
        ids = [video_id for video_id in request.query_params.get("video_ids", "").split(",") if video_id]
        if not 1 <= len(ids) <= BULK_IDS:
            raise Problem.invalid("video_ids", f"video_ids should hold 1 to {BULK_IDS} ids")
        data = [bulk_item(video_id, job, status) for video_id, job, status in self._service.look_at_all(ids)]
        return JSONResponse({"data": data, "has_more": False, "next_token": None})

    async def delete(self, request: Request) -> Response:
        """Answer `DELETE /v3/videos/{id}`."""
        video_id: str = request.path_params["video_id"]
        self._service.delete(video_id)
        return JSONResponse({"data": {"id": video_id, "deleted": True}})
