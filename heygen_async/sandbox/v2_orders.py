"""From a checked `POST /v2/video/generate` body to an order."""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve

from heygen_async.sandbox import prices
from heygen_async.sandbox.core import Order
from heygen_async.sandbox.plan import Backdrop, Framing, Overlay, Plan, Scene, Voice, even
from heygen_async.sandbox.scenes import clip, colour, picture, recorded_scene, silent_scene, spoken_scene
from heygen_async.sandbox.sources import Resolve, media, nothing

Json = dict[str, Any]

DEFAULT_SIZE: Final = (1920, 1080)
DEFAULT_BACKDROP: Final = "#ffffff"
DEFAULT_FPS: Final = 25
MIN_FPS: Final = 5
OVERLAY_CHARACTERS: Final = 2000

FAR_OFF: Final = 10.0
"""How many frames away things are placed at most: whatever is further off is as invisible there."""


def order_v2(body: Json, *, resolve: Resolve = nothing) -> Order:
    """Return what the body asks for; `test` videos cost nothing. `resolve` finds the files of assets."""
    width, height = _size(body.get("dimension"))
    mode = body.get("caption_mode") or ("both" if body.get("caption") else None)
    burned_in = mode in {"both", "burn_in"}
    plan = Plan(
        width=width,
        height=height,
        scenes=tuple(_scene(scene, (width, height), resolve) for scene in body["video_inputs"]),
        fps=max(MIN_FPS, round(body.get("fps") or DEFAULT_FPS)),
        captions=burned_in,
    )
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
        burned_in=burned_in,
    )


def _size(dimension: Json | None) -> tuple[int, int]:
    if dimension is None:
        return DEFAULT_SIZE
    return even(dimension["width"]), even(dimension["height"])


def _scene(scene: Json, size: tuple[int, int], resolve: Resolve) -> Scene:
    character: Json = scene.get("character") or {}
    presenter = character.get("avatar_id") or character.get("talking_photo_id")
    if character.get("avatar_style") in {"voice_only", "voiceOnly"}:
        presenter = None
    backdrop, voice = _backdrop(scene.get("background"), resolve), scene["voice"]
    shown: Json = {"framing": _framing(character), "overlay": _overlay(scene.get("text"), size)}
    spoken = _speaking(voice, resolve, backdrop=backdrop, presenter=presenter, **shown)
    return evolve(spoken, lasts="clip") if backdrop.play_style == "full_video" else spoken


def _speaking(voice: Json, resolve: Resolve, **shown: Any) -> Scene:
    match voice["type"]:
        case "text":
            return spoken_scene(voice["input_text"], voice=_voice(voice), **shown)
        case "audio":
            return recorded_scene(media(voice.get("audio_url") or voice["audio_asset_id"], resolve), **shown)
        case _:
            return silent_scene(float(voice.get("duration") or 1), **shown)


def _voice(voice: Json) -> Voice:
    return Voice(
        id=voice.get("voice_id") or "",
        speed=voice.get("speed") or 1.0,
        pitch=voice.get("pitch") or 0.0,
        locale=voice.get("locale"),
    )


def _framing(character: Json) -> Framing:
    offset: Json = character.get("offset") or {}
    style = character.get("avatar_style") or character.get("talking_photo_style")
    return Framing(
        style=style if style in {"circle", "closeUp"} else "normal",
        scale=character.get("scale") or 1.0,
        offset_x=_within(offset.get("x") or 0.0, FAR_OFF),
        offset_y=_within(offset.get("y") or 0.0, FAR_OFF),
        circle_color=character.get("circle_background_color"),
    )


def _overlay(text: Json | None, size: tuple[int, int]) -> Overlay | None:
    """Read a text overlay; positions up to 1 are shares of the frame, larger ones pixels: HeyGen does not say which."""
    if text is None:
        return None
    position: Json = text.get("position") or {}
    x, y = (_pixels(position.get(axis) or 0.0, side) for axis, side in zip("xy", size, strict=True))
    align = text.get("text_align")
    return Overlay(
        text=text["text"][:OVERLAY_CHARACTERS],
        x=x,
        y=y,
        size=min(text.get("font_size") or 12.0, max(size)),
        color=text.get("color") or "#ffffff",
        align=align if align in {"center", "right"} else "left",
        line_height=min(text.get("line_height") or 1.0, FAR_OFF),
        width=min(text.get("width") or 500.0, FAR_OFF * max(size)),
        bold=text.get("font_weight") == "bold",
    )


def _pixels(position: float, side: int) -> float:
    pixels = position * side if abs(position) <= 1 else position
    return _within(pixels, FAR_OFF * side)


def _within(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))


def _backdrop(background: Json | None, resolve: Resolve) -> Backdrop:
    if background is None:
        return colour(None, DEFAULT_BACKDROP)
    fit = background.get("fit") or "cover"
    match background["type"]:
        case "color":
            return colour(background["value"], DEFAULT_BACKDROP)
        case "image":
            return picture(background.get("url") or background["image_asset_id"], resolve, fit=fit)
        case _:
            style = background.get("play_style") or "fit_to_scene"
            return clip(background.get("url") or background["video_asset_id"], resolve, fit=fit, play_style=style)


def _price(body: Json, plan: Plan) -> float:
    rates = [_rate(scene.get("character") or {}) for scene in body["video_inputs"]]
    return round(sum(scene.seconds * rate for scene, rate in zip(plan.scenes, rates, strict=False)), 6)


def _rate(character: Json) -> float:
    if not character:
        return prices.STILL_PER_SECOND
    engine = "avatar_iv" if character.get("use_avatar_iv_model") else "avatar_iii"
    return prices.per_second(engine, photo=character.get("type") == "talking_photo")
