"""The calls of v3 about voices: list, read, find by description, clone, delete."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.asset_links import voice_link
from heygen_async.sandbox.catalogue import Voice
from heygen_async.sandbox.catalogue_schema import CLONE_VOICE, DESIGN_VOICE
from heygen_async.sandbox.core import Account
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.making import make_voice
from heygen_async.sandbox.once import once
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.queries import one_of
from heygen_async.sandbox.service import Service, read_json

Json = dict[str, Any]

MATCHES: Final = 3
"""How many voices a description finds at most."""

_LANGUAGES: Final = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "ja": "Japanese",
    "pt": "Portuguese",
}


async def list_voices(service: Service, request: Request) -> Response:
    """Answer `GET /v3/voices`; without a type the public ones."""
    kind, query = one_of(request, "type", ("public", "private")) or "public", request.query_params
    page = Page.of(request, "voices", high=100, default=20)
    with service.open() as (account, _):
        found = [
            voice
            for voice in account.catalogue.voices.values()
            if _type(voice) == kind
            and query.get("language") in {None, "", voice.language}
            and query.get("gender") in {None, "", voice.gender}
            and query.get("engine") in {None, "", *voice.engines}
        ]
        rows, token = page.cut(found)
    return listing([voice_v3(service, request, voice) for voice in rows], token)


async def get(service: Service, request: Request) -> Response:
    """Answer `GET /v3/voices/{voice_id}`."""
    with service.open() as (account, _):
        voice = _voice(account, request)
        if voice.training is not None:
            voice.training.look()
        return JSONResponse({"data": _detail(service, request, voice)})


@once
async def clone(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/voices/clone`."""
    body = await read_json(request, CLONE_VOICE, lenient=service.switches.lenient)
    with service.open() as (account, now):
        service.checker().body(body)
        voice = make_voice(account, body, now=now)
    return Answer(200, {"data": {"voice_clone_id": voice.id}})


async def design(service: Service, request: Request) -> Response:
    """Answer `POST /v3/voices`: equal descriptions and seeds find equal voices, the next seed the next ones."""
    body = await read_json(request, DESIGN_VOICE, lenient=service.switches.lenient)
    gender, seed = body.get("gender"), body.get("seed", 0)
    language = _LANGUAGES.get((body.get("locale") or "").partition("-")[0].lower())
    with service.open() as (account, _):
        fitting = [
            voice
            for voice in account.catalogue.voices.values()
            if _type(voice) == "public"
            and language in {None, voice.language}
            and (gender is None or gender.lower() == voice.gender)
        ]
    start = seed * MATCHES % max(1, len(fitting))
    found = (fitting[start:] + fitting[:start])[:MATCHES]
    return JSONResponse({"data": {"seed": seed, "voices": [voice_v3(service, request, voice) for voice in found]}})


async def delete(service: Service, request: Request) -> Response:
    """Answer `DELETE /v3/voices/{voice_id}`: only one's own."""
    with service.open() as (account, _):
        voice = _voice(account, request)
        if voice.training is None:
            raise Problem(403, "resource_access_denied", f"Voice {voice.id} is public and cannot be deleted")
        del account.catalogue.voices[voice.id]
    return JSONResponse({"data": {"voice_id": voice.id}})


def voice_v3(service: Service, request: Request, voice: Voice) -> Json:
    """Return a voice as lists show it."""
    return {
        "voice_id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "type": _type(voice),
        "preview_audio_url": voice_link(service, request, voice),
        "support_pause": True,
        "support_locale": voice.locale,
    }


def _detail(service: Service, request: Request, voice: Voice) -> Json:
    status = None
    if voice.training is not None:
        rule = service.account.progress.of(voice.id)
        status = "complete" if voice.training.is_over(rule, service.clock.now()) else "processing"
    return {
        "voice_id": voice.id,
        "name": voice.name,
        "language": voice.language,
        "gender": voice.gender,
        "preview_audio_url": voice_link(service, request, voice),
        "support_pause": True,
        "support_interactive_avatar": voice.interactive,
        "created_at": int(voice.created_at) if voice.created_at is not None else None,
        "status": status,
        "failure_message": None,
    }


def _voice(account: Account, request: Request) -> Voice:
    voice_id = request.path_params["voice_id"]
    voice = account.catalogue.voices.get(voice_id)
    if voice is None:
        raise Problem(404, "voice_not_found", f"Voice {voice_id} not found")
    return voice


def _type(voice: Voice) -> str:
    return "public" if voice.training is None else "private"
