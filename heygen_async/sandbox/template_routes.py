"""The calls about templates on both wires: list, read, generate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.answers import video_v3
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.once import once
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.service import Service, read_json
from heygen_async.sandbox.template_schema import FROM_TEMPLATE_V2, FROM_TEMPLATE_V3
from heygen_async.sandbox.templates import SAMPLES, SampleTemplate, order_from, sample
from heygen_async.sandbox.v2_routes import WARNING

Json = dict[str, Any]

_CREATED_AT: Final = 1_780_000_000


@frozen
class _Row:
    number: int
    template: SampleTemplate


async def list_v2(service: Service, _request: Request) -> Response:
    """Answer `GET /v2/templates`."""
    rows = [
        {"template_id": one.id, "name": one.name, "thumbnail_image_url": _thumbnail(one)} for one in SAMPLES.values()
    ]
    return _v2(service, {"templates": rows})


async def get_v2(service: Service, request: Request) -> Response:
    """Answer `GET /v2/template/{id}`, which says neither the template's id nor its name."""
    template = sample(request.path_params["template_id"])
    return _v2(service, {"variables": {name: _nested(name, value) for name, value in template.variables.items()}})


async def generate_v2(service: Service, request: Request) -> Response:
    """Answer `POST /v2/template/{id}/generate`."""
    template = sample(request.path_params["template_id"])
    body = await read_json(request, FROM_TEMPLATE_V2, lenient=True)
    flat = {**body, "variables": {name: _flat(value) for name, value in body["variables"].items()}}
    job = await service.accept(order_from(template, flat, wire="v2", resolve=service.assets.path))
    return _v2(service, {"video_id": job.id})


async def list_v3(_service: Service, request: Request) -> Response:
    """Answer `GET /v3/templates`."""
    page = Page.of(request, "templates", high=100, default=10)
    rows, token = page.cut(_Row(-place, template) for place, template in enumerate(SAMPLES.values()))
    return listing([_summary(row.template) for row in rows], token)


async def get_v3(_service: Service, request: Request) -> Response:
    """Answer `GET /v3/templates/{id}`."""
    template = sample(request.path_params["template_id"])
    scenes = [
        {"scene_id": scene.id, "script": scene.script, "variables": _declared(template, scene.variables)}
        for scene in template.scenes
    ]
    detail = {"scene_ids": [scene.id for scene in template.scenes], "scenes": scenes}
    return JSONResponse({"data": {**_summary(template), **detail, "variables": dict(template.variables)}})


@once
async def generate_v3(service: Service, request: Request, key: str | None) -> Answer:
    """Answer `POST /v3/templates/{id}` with the video as it is at its creation."""
    template = sample(request.path_params["template_id"])
    body = await read_json(request, FROM_TEMPLATE_V3, lenient=service.switches.lenient)
    order = order_from(template, body, wire="v3", idempotency_key=key, resolve=service.assets.path)
    job = await service.accept(order)
    return Answer(200, {"data": video_v3(job, "waiting", service.links(request))})


def _v2(service: Service, data: Json) -> Response:
    answer: Json = {"error": None, "data": data}
    if service.switches.deprecation:
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
    properties: Json = variable["properties"]
    kind = {"character_type": properties["type"]} if "type" in properties else {}
    return {**properties, **kind, "type": variable["type"]}
