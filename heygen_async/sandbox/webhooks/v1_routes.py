"""The calls of v1 about webhooks; they see the endpoints of v3 too, and show every secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.schema import Fault, items, nullable, record, required, text
from heygen_async.sandbox.schema import url as check_url
from heygen_async.sandbox.service import Service, read_json
from heygen_async.sandbox.webhooks.happenings import EVENT_TYPES
from heygen_async.sandbox.webhooks.routes import changes_in, known, no_endpoint

_EVENTS: Final = nullable(items(text(one_of=list(EVENT_TYPES))))

ADD: Final = record({"url": required(text()), "events": _EVENTS, "entity_id": nullable(text())})
UPDATE: Final = record({"endpoint_id": required(text()), "url": nullable(text()), "events": _EVENTS})


async def event_names(_service: Service, _request: Request) -> Response:
    """Answer `GET /v1/webhook/webhook.list`."""
    return _answer(list(EVENT_TYPES))


async def add(service: Service, request: Request) -> Response:
    """Answer `POST /v1/webhook/endpoint.add`."""
    body = await read_json(request, ADD, lenient=True)
    _check_url(body["url"])
    endpoint = service.webhooks.add_endpoint(
        body["url"], events=body.get("events"), wire="v1", entity_id=body.get("entity_id")
    )
    return _answer(endpoint.on_v1())


async def update(service: Service, request: Request) -> Response:
    """Answer `PATCH /v1/webhook/endpoint.update`."""
    body = await read_json(request, UPDATE, lenient=True)
    if body.get("url") is not None:
        _check_url(body["url"])
    return _answer(known(service.webhooks.change_endpoint(body["endpoint_id"], **changes_in(body))).on_v1())


async def delete(service: Service, request: Request) -> Response:
    """Answer `DELETE /v1/webhook/endpoint.delete`."""
    if not service.webhooks.remove_endpoint(request.query_params.get("endpoint_id", "")):
        raise no_endpoint()
    return _answer(None)


async def list_endpoints(service: Service, _request: Request) -> Response:
    """Answer `GET /v1/webhook/endpoint.list`."""
    return _answer([endpoint.on_v1() for endpoint in service.webhooks.endpoints])


def _check_url(value: str) -> None:
    faults: Iterator[Fault] = check_url(value, "url")
    if any(True for _ in faults):
        raise Problem(400, "webhook_url_invalid", "Url of this webhook endpoint is invalid", param="url")


def _answer(data: Any) -> Response:
    return JSONResponse({"code": 100, "data": data, "msg": None, "message": None})
