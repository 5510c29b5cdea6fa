"""The calls of v3 about webhooks: endpoints, their secrets, types of events, what happened."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.once import once
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.schema import items, nullable, record, required, text, url
from heygen_async.sandbox.service import Service, read_json
from heygen_async.sandbox.webhooks.endpoints import WebhookEndpoint
from heygen_async.sandbox.webhooks.happenings import EVENT_TYPES

_EVENTS: Final = nullable(items(text(one_of=list(EVENT_TYPES))))

CREATE_ENDPOINT: Final = record({"url": required(url), "events": _EVENTS, "entity_id": nullable(text())})
UPDATE_ENDPOINT: Final = record({"url": nullable(url), "events": _EVENTS})


@once
async def create(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/webhooks/endpoints`: the one answer that shows the secret, besides that of a rotation."""
    body = await read_json(request, CREATE_ENDPOINT, lenient=service.switches.lenient)
    endpoint = service.webhooks.add_endpoint(
        body["url"], events=body.get("events"), wire="v3", entity_id=body.get("entity_id")
    )
    return Answer(200, {"data": endpoint.on_v3(with_secret=True)})


async def list_endpoints(service: Service, request: Request) -> Response:
    """Answer `GET /v3/webhooks/endpoints`."""
    page = Page.of(request, "webhook_endpoints", high=100, default=10)
    endpoints, token = page.cut(service.webhooks.endpoints)
    return listing([endpoint.on_v3() for endpoint in endpoints], token)


async def update(service: Service, request: Request) -> Response:
    """Answer `PATCH /v3/webhooks/endpoints/{id}`."""
    body = await read_json(request, UPDATE_ENDPOINT, lenient=service.switches.lenient)
    changes = changes_in(body)
    return JSONResponse({"data": known(service.webhooks.change_endpoint(_id(request), **changes)).on_v3()})


async def delete(service: Service, request: Request) -> Response:
    """Answer `DELETE /v3/webhooks/endpoints/{id}`."""
    if not service.webhooks.remove_endpoint(_id(request)):
        raise no_endpoint()
    return JSONResponse({"data": {}, "error": None})


@once
async def rotate(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/webhooks/endpoints/{id}/rotate-secret`: the old secret signs nothing from now on."""
    endpoint = known(service.webhooks.rotate_secret(_id(request)))
    return Answer(200, {"data": {"endpoint_id": endpoint.id, "secret": endpoint.secret}})


async def event_types(_service: Service, _request: Request) -> Response:
    """Answer `GET /v3/webhooks/event-types`."""
    return listing([{"event_type": name, "description": words} for name, words in EVENT_TYPES.items()], None)


async def events(service: Service, request: Request) -> Response:
    """Answer `GET /v3/webhooks/events`: all that happened, whether anybody was told or not."""
    event_type, entity_id = request.query_params.get("event_type"), request.query_params.get("entity_id")
    if event_type is not None and event_type not in EVENT_TYPES:
        raise Problem.invalid("event_type", "event_type should be one of GET /v3/webhooks/event-types")
    page = Page.of(request, "webhook_events", high=100, default=10)
    fitting = [
        event
        for event in service.webhooks.events
        if event_type in {None, event.type} and entity_id in {None, event.entity_id}
    ]
    found, token = page.cut(fitting)
    return listing([event.on_v3() for event in found], token)


def changes_in(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a body changes: a null `url` nothing, null `events` to all events."""
    return {name: body[name] for name in ("url", "events") if name in body and (name, body[name]) != ("url", None)}


def known(endpoint: WebhookEndpoint | None) -> WebhookEndpoint:
    """Return the endpoint; raise the 404 if there is none."""
    if endpoint is None:
        raise no_endpoint()
    return endpoint


def no_endpoint() -> Problem:
    """Say that there is no such endpoint."""
    return Problem(404, "webhook_not_found", "Webhook endpoint not found")


def _id(request: Request) -> str:
    endpoint_id: str = request.path_params["endpoint_id"]
    return endpoint_id
