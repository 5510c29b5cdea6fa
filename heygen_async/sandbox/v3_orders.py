"""From a checked `POST /v3/videos` body to an order."""

from __future__ import annotations

from typing import Any, Final

from heygen_async.sandbox import prices
from heygen_async.sandbox.core import Order
from heygen_async.sandbox.plan import Backdrop, Plan, Scene, even
from heygen_async.sandbox.scenes import (
    CLIP_SECONDS,
    asset_name,
    clip,
    colour,
    picture,
    recorded_scene,
    silent_scene,
    spoken_scene,
)
from heygen_async.sandbox.script import speak

Json = dict[str, Any]

DEFAULT_BACKDROP: Final = "#f6f6fc"
DEFAULT_RESOLUTION: Final = "1080p"
CINEMATIC_SECONDS: Final = 10

_SHORT_SIDES: Final = {"720p": 720, "1080p": 1080, "4k": 2160}
_RATIOS: Final = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:5": (4, 5), "5:4": (5, 4)}


def order_v3(body: Json, *, idempotency_key: str | None) -> Order:
    """Return what the body asks for."""
    width, height = frame_size(body.get("aspect_ratio"), body.get("resolution"), kind=body["type"])
    scenes = scenes_of(body)
    plan = Plan(width=width, height=height, scenes=tuple(scenes), alpha=body.get("output_format") == "webm")
    caption = body.get("caption")
    return Order(
        wire="v3",
        plan=plan.capped(),
        asked_seconds=plan.seconds,
        usd=price(body, plan.capped()),
        request=body,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
        subtitles=caption is not None,
        burned_in=caption is not None and caption.get("style") is not None,
        flat_price=body["type"] == "cinematic_avatar",
        idempotency_key=idempotency_key,
    )


def frame_size(ratio: str | None, resolution: str | None, *, kind: str) -> tuple[int, int]:
    """Return width and height; the resolution names the short side."""
    default = "720p" if kind == "cinematic_avatar" else DEFAULT_RESOLUTION
    short = _SHORT_SIDES[resolution or default]
    across, down = _RATIOS.get(ratio or "", _RATIOS["16:9"])
    if across >= down:
        return even(short * across // down), short
    return short, even(short * down // across)


def scenes_of(body: Json) -> list[Scene]:
    """Return the scenes of any of the four types."""
    match body["type"]:
        case "avatar":
            return [_speaking(body, presenter=body["avatar_id"], backdrop=_backdrop(body.get("background")))]
        case "image":
            presenter = asset_name(body["image"])
            return [_speaking(body, presenter=presenter, backdrop=_backdrop(body.get("background")))]
        case "cinematic_avatar":
            return [_cinematic(body)]
        case _:
            return [_studio_scene(scene) for scene in body["scenes"]]


def price(body: Json, plan: Plan) -> float:
    """Return the price of the whole video in USD."""
    if body["type"] == "cinematic_avatar":
        return prices.CINEMATIC_PER_VIDEO
    if body["type"] != "studio":
        return round(plan.seconds * _rate(body), 6)
    rates = [_rate(scene.get("input", scene)) for scene in body["scenes"]]
    return round(sum(scene.seconds * rate for scene, rate in zip(plan.scenes, rates, strict=False)), 6)


def _rate(source: Json) -> float:
    if "avatar_id" not in source and "image" not in source:
        return prices.STILL_PER_SECOND
    engine: Json = source.get("engine") or {}
    return prices.per_second(engine.get("type"), photo="image" in source)


def _studio_scene(scene: Json) -> Scene:
    if scene["type"] == "video":
        return silent_scene(CLIP_SECONDS, backdrop=clip(asset_name(scene["source"])))
    if scene["type"] == "image":
        backdrop = picture(asset_name(scene["source"]))
        if scene.get("duration") is not None:
            return silent_scene(scene["duration"], backdrop=backdrop)
        return _speaking(scene, presenter=None, backdrop=backdrop)
    source = scene["input"]
    presenter = source["avatar_id"] if source["type"] == "avatar" else asset_name(source["image"])
    background: Json = source.get("background") or {}
    return _speaking(source, presenter=presenter, backdrop=colour(background.get("color"), DEFAULT_BACKDROP))


def _speaking(source: Json, *, presenter: str | None, backdrop: Backdrop) -> Scene:
    script = source.get("script")
    if script is None:
        return recorded_scene(
            source.get("audio_url") or source["audio_asset_id"], backdrop=backdrop, presenter=presenter
        )
    voice: Json = source.get("voice_settings") or {}
    return spoken_scene(script, backdrop=backdrop, presenter=presenter, speed=voice.get("speed", 1.0))


def _cinematic(body: Json) -> Scene:
    backdrop, presenter = clip("cinematic scene"), body["avatar_id"][0]
    if body.get("auto_duration"):
        seconds = min(15.0, max(4.0, speak(body["prompt"]).seconds))
    else:
        seconds = float(body.get("duration") or CINEMATIC_SECONDS)
    return silent_scene(seconds, backdrop=backdrop, presenter=presenter)


def _backdrop(background: Json | None) -> Backdrop:
    if background is None:
        return colour(None, DEFAULT_BACKDROP)
    if background["type"] == "color":
        return colour(background["value"], DEFAULT_BACKDROP)
    return picture(background.get("url") or background["asset_id"])
