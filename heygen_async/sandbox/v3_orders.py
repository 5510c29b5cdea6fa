"""From a checked `POST /v3/videos` body to an order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from heygen_async.sandbox import prices
from heygen_async.sandbox.core import Order
from heygen_async.sandbox.plan import Backdrop, Plan, Scene, Voice, Watermark, even
from heygen_async.sandbox.scenes import (
    CLIP_SECONDS,
    clip,
    clip_of,
    colour,
    picture,
    picture_of,
    recorded_scene,
    silent_scene,
    spoken_scene,
)
from heygen_async.sandbox.script import speak
from heygen_async.sandbox.sources import Resolve, asset_media, asset_name, media, nothing

Json = dict[str, Any]

DEFAULT_BACKDROP: Final = "#f6f6fc"
DEFAULT_RESOLUTION: Final = "1080p"
CINEMATIC_SECONDS: Final = 10

_SHORT_SIDES: Final = {"720p": 720, "1080p": 1080, "4k": 2160}
_RATIOS: Final = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1), "4:5": (4, 5), "5:4": (5, 4)}


def order_v3(
    body: Json,
    *,
    idempotency_key: str | None,
    resolve: Resolve = nothing,
    is_photo: Callable[[str], bool] = lambda _: False,
) -> Order:
    """Return what the body asks for; `resolve` finds files of assets, `is_photo` knows which looks are photos."""
    width, height = frame_size(body.get("aspect_ratio"), body.get("resolution"), kind=body["type"])
    caption = body.get("caption")
    burned_in = caption is not None and caption.get("style") is not None
    plan = Plan(
        width=width,
        height=height,
        scenes=tuple(scenes_of(body, resolve)),
        alpha=body.get("output_format") == "webm",
        captions=burned_in,
        watermark=_watermark(body.get("watermark"), resolve),
    )
    return Order(
        wire="v3",
        plan=plan.capped(),
        asked_seconds=plan.seconds,
        usd=price(body, plan.capped(), is_photo),
        request=body,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
        subtitles=caption is not None,
        burned_in=burned_in,
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


def scenes_of(body: Json, resolve: Resolve = nothing) -> list[Scene]:
    """Return the scenes of any of the four types."""
    match body["type"]:
        case "avatar":
            backdrop = _backdrop(body.get("background"), resolve)
            return [_speaking(body, resolve, presenter=body["avatar_id"], backdrop=backdrop)]
        case "image":
            return [_talking_photo(body, resolve, backdrop=_backdrop(body.get("background"), resolve))]
        case "cinematic_avatar":
            return [_cinematic(body)]
        case _:
            return [_studio_scene(scene, resolve) for scene in body["scenes"]]


def price(body: Json, plan: Plan, is_photo: Callable[[str], bool] = lambda _: False) -> float:
    """Return the price of the whole video in USD."""
    if body["type"] == "cinematic_avatar":
        return prices.CINEMATIC_PER_VIDEO
    if body["type"] != "studio":
        return round(plan.seconds * _rate(body, is_photo), 6)
    rates = [_rate(scene.get("input", scene), is_photo) for scene in body["scenes"]]
    return round(sum(scene.seconds * rate for scene, rate in zip(plan.scenes, rates, strict=False)), 6)


def _rate(source: Json, is_photo: Callable[[str], bool]) -> float:
    if "avatar_id" not in source and "image" not in source:
        return prices.STILL_PER_SECOND
    engine: Json = source.get("engine") or {}
    return prices.per_second(engine.get("type"), photo="image" in source or is_photo(source["avatar_id"]))


def _studio_scene(scene: Json, resolve: Resolve) -> Scene:
    if scene["type"] == "video":
        return _clip_scene(scene, resolve)
    if scene["type"] == "image":
        backdrop = picture_of(asset_media(scene["source"], resolve))
        if scene.get("duration") is not None:
            return silent_scene(scene["duration"], backdrop=backdrop)
        return _speaking(scene, resolve, presenter=None, backdrop=backdrop)
    source = scene["input"]
    background: Json = source.get("background") or {}
    backdrop = colour(background.get("color"), DEFAULT_BACKDROP)
    if source["type"] == "avatar":
        return _speaking(source, resolve, presenter=source["avatar_id"], backdrop=backdrop)
    return _talking_photo(source, resolve, backdrop=backdrop)


def _clip_scene(scene: Json, resolve: Resolve) -> Scene:
    playback: Json = scene.get("playback") or {}
    volume = 0.0 if playback.get("mute") else playback.get("volume", 1.0)
    backdrop = clip_of(asset_media(scene["source"], resolve), play_style="full_video")
    return silent_scene(CLIP_SECONDS, backdrop=backdrop, lasts="clip", clip_volume=volume)


def _talking_photo(source: Json, resolve: Resolve, *, backdrop: Backdrop) -> Scene:
    """Return the picture itself if it can be opened, else a drawn presenter in its place."""
    photo = asset_media(source["image"], resolve)
    if photo.is_reachable:
        shown = picture_of(photo, fit=source.get("fit") or "cover")
        return _speaking(source, resolve, presenter=None, backdrop=shown)
    return _speaking(source, resolve, presenter=asset_name(source["image"]), backdrop=backdrop)


def _speaking(source: Json, resolve: Resolve, *, presenter: str | None, backdrop: Backdrop) -> Scene:
    script, voice = source.get("script"), _voice(source)
    if script is None:
        recording = media(source.get("audio_url") or source["audio_asset_id"], resolve)
        return recorded_scene(recording, backdrop=backdrop, presenter=presenter, volume=voice.volume)
    return spoken_scene(script, backdrop=backdrop, presenter=presenter, voice=voice)


def _voice(source: Json) -> Voice:
    settings: Json = source.get("voice_settings") or {}
    return Voice(
        id=source.get("voice_id") or "",
        speed=settings.get("speed", 1.0),
        pitch=settings.get("pitch", 0.0),
        volume=settings.get("volume", 1.0),
        locale=settings.get("locale"),
    )


def _cinematic(body: Json) -> Scene:
    backdrop, presenter = clip("cinematic scene"), body["avatar_id"][0]
    if body.get("auto_duration"):
        seconds = min(15.0, max(4.0, speak(body["prompt"]).seconds))
    else:
        seconds = float(body.get("duration") or CINEMATIC_SECONDS)
    return silent_scene(seconds, backdrop=backdrop, presenter=presenter)


def _backdrop(background: Json | None, resolve: Resolve) -> Backdrop:
    if background is None:
        return colour(None, DEFAULT_BACKDROP)
    if background["type"] == "color":
        return colour(background["value"], DEFAULT_BACKDROP)
    return picture(background.get("url") or background["asset_id"], resolve)


def _watermark(watermark: Json | None, resolve: Resolve) -> Watermark | None:
    if watermark is None:
        return None
    placement: Json = watermark.get("placement") or {}
    return Watermark(
        image=asset_media(watermark["image"], resolve),
        opacity=watermark.get("opacity", 1.0),
        scale=watermark.get("scale", 1.0),
        corner=placement.get("position", "bottom_right"),
        offset_x=placement.get("offset_x") or 0.0,
        offset_y=placement.get("offset_y") or 0.0,
    )
