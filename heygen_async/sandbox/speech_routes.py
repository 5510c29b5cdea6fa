"""Speech without a video: the call of v3, and that of v1 which answers the same."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.asset_links import asset_link
from heygen_async.sandbox.assets import Asset
from heygen_async.sandbox.catalogue_schema import SPEECH
from heygen_async.sandbox.core import Account
from heygen_async.sandbox.envelopes import v2
from heygen_async.sandbox.plan import Plan, Voice
from heygen_async.sandbox.prices import SPEECH_PER_SECOND
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.render.pool import Said
from heygen_async.sandbox.saying import is_speakable, say, speech_plan, text_of, word_timestamps
from heygen_async.sandbox.service import Service, read_json
from heygen_async.sandbox.uploads import new_asset

Json = dict[str, Any]

ENGINE: Final = "starfish"
"""The one engine that speaks without a video."""


async def speak_v3(service: Service, request: Request) -> Response:
    """Answer `POST /v3/voices/speech`; it knows no idempotency key, so each call is charged."""
    body = await read_json(request, SPEECH, lenient=service.switches.lenient)
    answer, said = await _spoken(service, request, body)
    return _told(JSONResponse({"data": answer}), said)


async def speak_v1(service: Service, request: Request) -> Response:
    """Answer `POST /v1/audio/text_to_speech`, which has v2's envelope."""
    answer, said = await _spoken(service, request, await read_json(request, SPEECH, lenient=True))
    return _told(v2(service, answer, successor="POST /v3/voices/speech"), said)


async def _spoken(service: Service, request: Request, body: Json) -> tuple[Json, Said]:
    plan = _plan(service, body)
    with service.assets.incoming() as path:
        try:
            said = await anyio.to_thread.run_sync(partial(say, service.renderer, plan, path), abandon_on_cancel=True)
        except RuntimeError as error:
            raise Problem(500, "voice_provider_error", f"The voice could not speak: {error}") from None
        with service.open() as (account, now):
            size = path.stat().st_size
            asset = new_asset(service, account, now, name="speech", media_type="audio/wav", size=size)
            path.replace(asset.path)
            asset.arrived, asset.completed_at = True, now
            service.assets.spoken[asset.id] = asset
            # What was said is paid, even if the wallet held a little less than its true length costs.
            usd = min(_price(said.seconds), max(0.0, account.wallet))
            account.pay(asset.id, usd=usd, seconds=said.seconds, now=now)
    return _answer(service, request, asset, said), said


def _plan(service: Service, body: Json) -> Plan:
    """Return what is to be said; raise the `Problem` for what cannot be said, by this voice, for this money."""
    text = text_of(body["text"], ssml=body.get("input_type") == "ssml")
    if not is_speakable(text):
        raise Problem(400, "tts_text_invalid", "There is nothing to say in this text", param="text")
    voice = Voice(id=body["voice_id"], speed=body.get("speed", 1.0), locale=body.get("locale"))
    plan = speech_plan(text, voice)
    with service.open() as (account, now):
        service.checker().body({"voice_id": voice.id})
        _refuse_other_engines(account, voice.id)
        account.settle(now)
        if _price(plan.seconds) > account.wallet:
            raise Problem(402, "insufficient_credit", "Insufficient credit: top up your wallet.")
    return plan


def _refuse_other_engines(account: Account, voice_id: str) -> None:
    voice = account.catalogue.voices.get(voice_id)
    if voice is not None and ENGINE not in voice.engines:
        raise Problem.invalid("voice_id", f"Voice {voice_id} does not run on {ENGINE}")


def _price(seconds: float) -> float:
    return round(seconds * SPEECH_PER_SECOND, 6)


def _answer(service: Service, request: Request, asset: Asset, said: Said) -> Json:
    seconds = round(said.seconds, 3)
    return {
        "audio_url": asset_link(service, request, asset),
        "duration": seconds,
        "request_id": asset.id,
        "word_timestamps": word_timestamps(said.cues, seconds),
    }


def _told(answer: Response, said: Said) -> Response:
    if said.voice is not None:
        answer.headers["X-Sandbox-Voice"] = said.voice
    return answer
