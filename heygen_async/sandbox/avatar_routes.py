"""The calls of v3 about avatars: groups, looks, making one's own, consent."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from heygen_async.sandbox.avatar_answers import group_v3, look_v3
from heygen_async.sandbox.catalogue import Group, Look
from heygen_async.sandbox.catalogue_schema import CONSENT, CREATE_AVATAR, UPDATE_LOOK
from heygen_async.sandbox.core import Account
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.making import make_avatar
from heygen_async.sandbox.once import once
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.queries import one_of
from heygen_async.sandbox.service import Service, read_json

Json = dict[str, Any]

_OWNERSHIP: Final = ("public", "private")
_TYPES: Final = ("studio_avatar", "digital_twin", "photo_avatar")


async def list_groups(service: Service, request: Request) -> Response:
    """Answer `GET /v3/avatars`."""
    ownership = one_of(request, "ownership", _OWNERSHIP)
    page = Page.of(request, "avatars", high=50, default=20)
    with service.open() as (account, _):
        groups = [group for group in account.catalogue.groups.values() if _is_of(ownership, own=group.own)]
        rows, token = page.cut(groups)
        return listing([group_v3(service, request, group) for group in rows], token)


async def get_group(service: Service, request: Request) -> Response:
    """Answer `GET /v3/avatars/{group_id}`."""
    with service.open() as (account, _):
        group = _group(account, request.path_params["group_id"])
        for look in account.catalogue.looks_of(group.id):
            _count(look)
        return JSONResponse({"data": group_v3(service, request, group)})


async def delete_group(service: Service, request: Request) -> Response:
    """Answer `DELETE /v3/avatars/{group_id}`: all looks go with it."""
    with service.open() as (account, _):
        group = _own(_group(account, request.path_params["group_id"]))
        account.catalogue.remove_group(group.id)
    return JSONResponse({"data": {"id": group.id}})


@once
async def create(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/avatars`: a look that is trained as jobs move, in a new group or one of one's own."""
    body = await read_json(request, CREATE_AVATAR, lenient=service.switches.lenient)
    with service.open() as (account, now):
        group_id = body.get("avatar_group_id")
        group = _own(_group(account, group_id)) if group_id is not None else None
        service.checker().body(body)
        look = make_avatar(account, body, group=group, now=now)
        whole = group_v3(service, request, account.catalogue.groups[look.group_id])
        # What is trained at once is not said to be ready before it was looked at: HeyGen never does either.
        answer = {
            "avatar_item": {**look_v3(service, request, look), "status": "processing"},
            "avatar_group": whole if group is not None else {**whole, "status": "processing"},
        }
    return Answer(200, {"data": answer})


@once
async def consent(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/avatars/{group_id}/consent`: a video is the consent itself, else a page is opened for it."""
    body: Json = {}
    if await request.body():
        body = await read_json(request, CONSENT, lenient=service.switches.lenient)
    with service.open() as (account, _):
        group = _own(_group(account, request.path_params["group_id"]))
        service.checker().body(body)
        url = None
        if body.get("consent_video") is not None:
            group.consent = "completed"
        else:
            url = str(request.url_for("consent", group_id=group.id))
        return Answer(200, {"data": {"avatar_group": group_v3(service, request, group), "url": url}})


async def consent_page(service: Service, request: Request) -> Response:
    """Answer the page on which the person whom a digital twin shows gives consent: opening it is enough here."""
    with service.open() as (account, _):
        group = account.catalogue.groups.get(request.path_params["group_id"])
        if group is None or group.consent is None:
            return PlainTextResponse("There is nothing to consent to.\n", 404)
        group.consent = "completed"
    return PlainTextResponse(f"Sandbox: consent given for {group.name}.\n")


async def list_looks(service: Service, request: Request) -> Response:
    """Answer `GET /v3/avatars/looks`."""
    ownership, kind = one_of(request, "ownership", _OWNERSHIP), one_of(request, "avatar_type", _TYPES)
    group_id = request.query_params.get("group_id")
    page = Page.of(request, "looks", high=50, default=20)
    with service.open() as (account, _):
        looks = [
            look
            for look in account.catalogue.looks.values()
            if _is_of(ownership, own=account.catalogue.is_own(look))
            and kind in {None, look.avatar_type}
            and group_id in {None, look.group_id}
        ]
        rows, token = page.cut(looks)
        return listing([look_v3(service, request, look) for look in rows], token)


async def get_look(service: Service, request: Request) -> Response:
    """Answer `GET /v3/avatars/looks/{look_id}`."""
    with service.open() as (account, _):
        look = _look(account, request)
        _count(look)
        return JSONResponse({"data": look_v3(service, request, look)})


async def update_look(service: Service, request: Request) -> Response:
    """Answer `PATCH /v3/avatars/looks/{look_id}`."""
    body = await read_json(request, UPDATE_LOOK, lenient=service.switches.lenient)
    with service.open() as (account, _):
        look = _look(account, request)
        _own(account.catalogue.groups[look.group_id])
        look.name = body.get("name") or look.name
        return JSONResponse({"data": look_v3(service, request, look)})


async def delete_look(service: Service, request: Request) -> Response:
    """Answer `DELETE /v3/avatars/looks/{look_id}`; its group stays."""
    with service.open() as (account, _):
        look = _look(account, request)
        _own(account.catalogue.groups[look.group_id])
        del account.catalogue.looks[look.id]
    return JSONResponse({"data": {"id": look.id}})


def _is_of(ownership: str | None, *, own: bool) -> bool:
    return ownership is None or own == (ownership == "private")


def _group(account: Account, group_id: str) -> Group:
    group = account.catalogue.groups.get(group_id)
    if group is None:
        raise Problem(404, "avatar_group_not_found", f"Avatar group {group_id} not found")
    return group


def _look(account: Account, request: Request) -> Look:
    look_id = request.path_params["look_id"]
    look = account.catalogue.looks.get(look_id)
    if look is None:
        raise Problem(404, "avatar_not_found", f"Avatar look {look_id} not found")
    return look


def _own(group: Group) -> Group:
    if not group.own:
        raise Problem(403, "resource_access_denied", f"Avatar group {group.id} is public and cannot be changed")
    return group


def _count(look: Look) -> None:
    if look.training is not None:
        look.training.look()
