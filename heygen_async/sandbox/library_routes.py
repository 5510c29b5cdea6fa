"""Small public shelves of v3: sounds, brand kits and glossaries."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from heygen_async.sandbox.asset_links import stock_link
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.queries import one_of, wanted
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.stock_files import STOCK_FILES, StockFile

Json = dict[str, Any]

_MADE: Final = "2026-01-01T00:00:00Z"


@frozen
class _Row:
    number: int
    shown: Json


_KITS: Final = (
    _Row(2, {"brand_kit_id": "sandbox-kit", "name": "Sandbox", "colors": ["#1a2b3c", "#f6c945"], "logo_url": None}),
    _Row(1, {"brand_kit_id": "sandbox-kit-plain", "name": "Plain", "colors": [], "logo_url": None}),
)
_GLOSSARIES: Final = (
    _Row(
        1,
        {
            "brand_glossary_id": "sandbox-glossary",
            "name": "Product names",
            "created_at": _MADE,
            "updated_at": _MADE,
        },
    ),
)


async def sounds(service: Service, request: Request) -> Response:
    """Answer `GET /v3/audio/sounds`: the score is the share of the query's words that a sound has."""
    query = wanted(request, "query").lower().split()
    kind = one_of(request, "type", ("music", "sound_effects")) or "music"
    least = _share(request, "min_score", default=0.7)
    page = Page.of(request, "sounds", high=50, default=10)
    scores = {file.id: _score(file, query) for file in STOCK_FILES.values() if file.kind == kind}
    rows, token = page.cut(STOCK_FILES[file_id] for file_id, score in scores.items() if score >= least)
    return listing([_sound(service, request, file, scores[file.id]) for file in rows], token)


async def brand_kits(_service: Service, request: Request) -> Response:
    """Answer `GET /v3/brand-kits`."""
    rows, token = Page.of(request, "brand kits", high=100, default=20).cut(_KITS)
    return listing([row.shown for row in rows], token)


async def brand_glossaries(_service: Service, request: Request) -> Response:
    """Answer `GET /v3/brand-glossaries`."""
    rows, token = Page.of(request, "brand glossaries", high=100, default=10).cut(_GLOSSARIES)
    return listing([row.shown for row in rows], token)


def _sound(service: Service, request: Request, file: StockFile, score: float) -> Json:
    return {
        "id": file.id,
        "name": file.id.removeprefix("sandbox-").capitalize(),
        "description": file.words,
        "type": file.kind,
        "score": score,
        "duration": file.seconds,
        "audio_url": stock_link(service, request, file.id),
        "peak_offset": None,
        "placement": None,
    }


def _score(file: StockFile, query: list[str]) -> float:
    return round(sum(word in file.words for word in query) / max(1, len(query)), 3)


def _share(request: Request, name: str, *, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise Problem.invalid(name, f"{name} should be a number from 0 to 1")
    return value
