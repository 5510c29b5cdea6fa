"""The calls about templates on both wires: list, read, generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heygen_async.sandbox.answers import video_v3
from heygen_async.sandbox.core import Job, Order
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.once import answer_once
from heygen_async.sandbox.service import Service, read_json, read_limit
from heygen_async.sandbox.template_schema import FROM_TEMPLATE_V2, FROM_TEMPLATE_V3
from heygen_async.sandbox.templates import SAMPLES, SampleTemplate, order_from, sample
from heygen_async.sandbox.v2_routes import WARNING

Json = dict[str, Any]

_CREATED_AT: Final = 1_780_000_000


class TemplateRoutes:
    """Handlers for the template calls."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def v2_routes(self) -> list[Route]:
        """Return the routes, relative to `/v2`."""
        return [
            Route("/templates", self.list_v2, methods=["GET"]),
            Route("/template/{template_id}", self.get_v2, methods=["GET"]),
            Route("/template/{template_id}/generate", self.generate_v2, methods=["POST"]),
        ]

    def v3_routes(self) -> list[Route]:
        """Return the routes, relative to `/v3`."""
        return [
            Route("/templates", self.list_v3, methods=["GET"]),
            Route("/templates/{template_id}", self.get_v3, methods=["GET"]),
            Route("/templates/{template_id}", self.generate_v3, methods=["POST"]),
        ]

    async def list_v2(self, _request: Request) -> Response:
        """Answer `GET /v2/templates`."""
        rows = [
            {"template_id": one.id, "name": one.name, "thumbnail_image_url": _thumbnail(one)}
            for one in SAMPLES.values()
        ]
        return self._v2({"templates": rows})

    async def get_v2(self, request: Request) -> Response:
        """Answer `GET /v2/template/{id}`, which says neither the template's id nor its name."""
        template = sample(request.path_params["template_id"])
        return self._v2({"variables": {name: _nested(name, value) for name, value in template.variables.items()}})

    async def generate_v2(self, request: Request) -> Response:
        """Answer `POST /v2/template/{id}/generate`."""
        template = sample(request.path_params["template_id"])
        body = await read_json(request, FROM_TEMPLATE_V2, lenient=True)
        flat = {**body, "variables": {name: _flat(value) for name, value in body["variables"].items()}}
        job = await self._accepted(order_from(template, flat, wire="v2"))
        return self._v2({"video_id": job.id})

    async def list_v3(self, request: Request) -> Response:
        """Answer `GET /v3/templates`; the token is the id of the last template before the page."""
        query = request.query_params
        limit, token = read_limit(query.get("limit"), low=1, high=100, default=10), query.get("token")
        ids = list(SAMPLES)
        start = ids.index(token) + 1 if token in ids else 0
        page, more = ids[start : start + limit], start + limit < len(ids)
        data = [_summary(SAMPLES[template_id]) for template_id in page]
        return JSONResponse({"data": data, "has_more": more, "next_token": page[-1] if more else None})

    async def get_v3(self, request: Request) -> Response:
        """Answer `GET /v3/templates/{id}`."""
        template = sample(request.path_params["template_id"])
        scenes = [
            {"scene_id": scene.id, "script": scene.script, "variables": _declared(template, scene.variables)}
            for scene in template.scenes
        ]
        detail = {"scene_ids": [scene.id for scene in template.scenes], "scenes": scenes}
        return JSONResponse({"data": {**_summary(template), **detail, "variables": dict(template.variables)}})

    async def generate_v3(self, request: Request) -> Response:
        """Answer `POST /v3/templates/{id}` with the video as it is at its creation."""

        async def make(key: str | None) -> Answer:
            template = sample(request.path_params["template_id"])
            body = await read_json(request, FROM_TEMPLATE_V3, lenient=self._service.switches.lenient)
            job = await self._accepted(order_from(template, body, wire="v3", idempotency_key=key))
            return Answer(200, {"data": video_v3(job, "waiting", self._service.links(request))})

        return await answer_once(self._service, request, make)

    async def _accepted(self, order: Order) -> Job:
        job = self._service.submit(order)
        # Shielded: a client that leaves while it waits has a job all the same, and its key must lead to it.
        with anyio.CancelScope(shield=True):
            await anyio.sleep(self._service.switches.create_delay)
        return job

    def _v2(self, data: Json) -> Response:
        answer: Json = {"error": None, "data": data}
        if self._service.switches.deprecation:
            answer["warning"] = {**WARNING, "v3_endpoint": "/v3/templates"}
        return JSONResponse(answer)


def _thumbnail(template: SampleTemplate) -> str:
    return f"https://example.com/{template.id}.jpg"


def _summary(template: SampleTemplate) -> Json:
    return {
        "id": template.id,
        "name": template.name,
        "thumbnail_url": _thumbnail(template),
        "aspect_ratio": template.ratio,
        "created_at": _CREATED_AT,
        "updated_at": _CREATED_AT,
    }


def _declared(template: SampleTemplate, names: tuple[str, ...]) -> list[Json]:
    return [{"name": name, "variable_type": template.variables[name]["type"]} for name in names]


def _nested(name: str, variable: Mapping[str, Any]) -> Json:
    properties = {key: value for key, value in variable.items() if key not in {"type", "character_type"}}
    if "character_type" in variable:
        properties["type"] = variable["character_type"]
    return {"name": name, "type": variable["type"], "properties": properties}


def _flat(variable: Mapping[str, Any]) -> Json:
    return {**variable["properties"], "type": variable["type"]}
