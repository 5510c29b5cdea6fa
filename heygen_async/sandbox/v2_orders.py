"""From a checked `POST /v2/video/generate` body to an order."""

from __future__ import annotations

from typing import Any, Final

from heygen_async.sandbox import prices
from heygen_async.sandbox.core import Order
from heygen_async.sandbox.plan import Backdrop, Plan, Scene, even
from heygen_async.sandbox.scenes import clip, colour, picture, recorded_scene, silent_scene, spoken_scene

Json = dict[str, Any]

DEFAULT_SIZE: Final = (1920, 1080)
DEFAULT_BACKDROP: Final = "#ffffff"
DEFAULT_FPS: Final = 25
MIN_FPS: Final = 5


def order_v2(body: Json) -> Order:
    """Return what the body asks for; `test` videos cost nothing."""
    width, height = _size(body.get("dimension"))
    scenes = tuple(_scene(scene) for scene in body["video_inputs"])
    fps = max(MIN_FPS, round(body.get("fps") or DEFAULT_FPS))
    plan = Plan(width=width, height=height, scenes=scenes, fps=fps)
    mode = body.get("caption_mode") or ("both" if body.get("caption") else None)
    return Order(
        wire="v2",
        plan=plan.capped(),
        asked_seconds=plan.seconds,
        usd=0.0 if body.get("test") else _price(body, plan.capped()),
        request=body,
        title=body.get("title"),
        callback_id=body.get("callback_id"),
        folder_id=body.get("folder_id"),
        subtitles=mode is not None,
        burned_in=mode in {"both", "burn_in"},
    )


def _size(dimension: Json | None) -> tuple[int, int]:
    if dimension is None:
        return DEFAULT_SIZE
    return even(dimension["width"]), even(dimension["height"])


def _scene(scene: Json) -> Scene:
    character: Json = scene.get("character") or {}
    presenter = character.get("avatar_id") or character.get("talking_photo_id")
    if character.get("avatar_style") in {"voice_only", "voiceOnly"}:
        presenter = None
    backdrop, voice = _backdrop(scene.get("background")), scene["voice"]
    match voice["type"]:
        case "text":
            speed = voice.get("speed") or 1.0
            return spoken_scene(voice["input_text"], backdrop=backdrop, presenter=presenter, speed=speed)
        case "audio":
            source = voice.get("audio_url") or voice["audio_asset_id"]
            return recorded_scene(source, backdrop=backdrop, presenter=presenter)
        case _:
            return silent_scene(float(voice.get("duration") or 1), backdrop=backdrop, presenter=presenter)


def _backdrop(background: Json | None) -> Backdrop:
    if background is None:
        return colour(None, DEFAULT_BACKDROP)
    match background["type"]:
        case "color":
            return colour(background["value"], DEFAULT_BACKDROP)
        case "image":
            return picture(background.get("url") or background["image_asset_id"])
        case _:
            return clip(background.get("url") or background["video_asset_id"])


def _price(body: Json, plan: Plan) -> float:
    rates = [_rate(scene.get("character") or {}) for scene in body["video_inputs"]]
    return round(sum(scene.seconds * rate for scene, rate in zip(plan.scenes, rates, strict=False)), 6)


def _rate(character: Json) -> float:
    if not character:
        return prices.STILL_PER_SECOND
    engine = "avatar_iv" if character.get("use_avatar_iv_model") else "avatar_iii"
    return prices.per_second(engine, photo=character.get("type") == "talking_photo")
