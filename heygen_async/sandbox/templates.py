"""Two sample templates, and what a request makes of them; variables are in v3's form here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from heygen_async.sandbox import prices
from heygen_async.sandbox.core import Order, Wire
from heygen_async.sandbox.plan import Backdrop, Plan, Scene, Voice
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.scenes import clip, colour, picture, spoken_scene
from heygen_async.sandbox.sources import Resolve, nothing

Json = dict[str, Any]

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@frozen(kw_only=True)
class SampleScene:
    """A scene of a template: its script, and the names of the variables that it shows or says."""

    id: str
    script: str
    variables: tuple[str, ...]


@frozen(kw_only=True)
class SampleTemplate:
    """A template as the editor would have made it."""

    id: str
    name: str
    ratio: str
    size: tuple[int, int]
    scenes: tuple[SampleScene, ...]
    variables: Mapping[str, Json] = field(repr=False)


SAMPLES: Final[Mapping[str, SampleTemplate]] = {
    sample.id: sample
    for sample in (
        SampleTemplate(
            id="template-welcome",
            name="Welcome a customer",
            ratio="16:9",
            size=(1280, 720),
            scenes=(
                SampleScene(
                    id="scene-hello",
                    script="Hello {{first_name}}, welcome to {{company}}!",
                    variables=("first_name", "company", "presenter", "logo"),
                ),
                SampleScene(id="scene-bye", script="See you soon, {{first_name}}.", variables=("first_name",)),
            ),
            variables={
                "first_name": {"type": "text", "content": "Alex"},
                "company": {"type": "text", "content": "our company"},
                "presenter": {"type": "character", "character_id": "sandbox-anna", "character_type": "avatar"},
                "logo": {"type": "image", "url": "https://example.com/logo.png", "asset_id": None, "fit": "contain"},
            },
        ),
        SampleTemplate(
            id="template-product",
            name="Show a product",
            ratio="9:16",
            size=(720, 1280),
            scenes=(
                SampleScene(
                    id="scene-product", script="{{headline}}", variables=("headline", "footage", "music", "speaker")
                ),
            ),
            variables={
                "headline": {"type": "text", "content": "Meet our new product."},
                "footage": {"type": "video", "url": "https://example.com/product.mp4", "play_style": "loop"},
                "music": {"type": "audio", "asset_id": "sandbox-tune"},
                "speaker": {"type": "voice", "voice_id": "sandbox-voice"},
            },
        ),
    )
}
"""The templates of every sandbox account, by id."""


def sample(template_id: str) -> SampleTemplate:
    """Return a template, or raise the 404."""
    found = SAMPLES.get(template_id)
    if found is None:
        raise Problem(404, "template_not_found", f"Template {template_id} not found")
    return found


def order_from(
    template: SampleTemplate,
    body: Json,
    *,
    wire: Wire,
    idempotency_key: str | None = None,
    resolve: Resolve = nothing,
) -> Order:
    """Return what a checked body asks for; raise the 400 for variables and scenes that the template does not have.

    `resolve` finds the files of assets.
    """
    values = {**template.variables, **_matching(template, body["variables"])}
    scenes = [_scene(scene, values, resolve) for scene in _chosen(template, body.get("scene_ids"))]
    width, height = _size(template, body.get("dimension"))
    burned_in = body.get("subtitles") is not None or bool(body.get("caption"))
    fps = round(body.get("fps") or 25)
    plan = Plan(width=width, height=height, scenes=tuple(scenes), fps=fps, captions=burned_in)
    return Order(
        wire=wire,
        plan=plan.capped(),
        asked_seconds=plan.seconds,
        usd=0.0 if body.get("test") else _price(plan.capped(), values.values()),
        request=body,
        title=body.get("title") or "Untitled Video",
        callback_id=body.get("callback_id"),
        folder_id=body.get("folder_id"),
        subtitles=burned_in,
        burned_in=burned_in,
        idempotency_key=idempotency_key,
    )


def _price(plan: Plan, values: Iterable[Json]) -> float:
    photo = any(value.get("character_type") == "talking_photo" for value in values)
    return round(plan.seconds * prices.per_second(None, photo=photo), 6)


def _matching(template: SampleTemplate, variables: Mapping[str, Json]) -> Mapping[str, Json]:
    for name, value in variables.items():
        declared = template.variables.get(name)
        if declared is None:
            raise Problem.invalid(f"variables.{name}", f"Template {template.id} has no variable {name}")
        if declared["type"] != value["type"]:
            raise Problem.invalid(f"variables.{name}.type", f"Variable {name} is of type {declared['type']}")
    return variables


def _chosen(template: SampleTemplate, scene_ids: Iterable[str] | None) -> Iterable[SampleScene]:
    if scene_ids is None:
        return template.scenes
    scenes = {scene.id: scene for scene in template.scenes}
    unknown = [scene_id for scene_id in scene_ids if scene_id not in scenes]
    if unknown:
        raise Problem.invalid("scene_ids", f"Template {template.id} has no scene {unknown[0]}")
    return [scenes[scene_id] for scene_id in scene_ids]


def _size(template: SampleTemplate, dimension: Json | None) -> tuple[int, int]:
    width, height = template.size
    if dimension is None:
        return width, height
    if dimension["width"] * height != dimension["height"] * width:
        raise Problem.invalid("dimension", f"dimension should keep the aspect ratio {template.ratio}")
    return dimension["width"], dimension["height"]


def _scene(scene: SampleScene, values: Mapping[str, Json], resolve: Resolve) -> Scene:
    def said(found: re.Match[str]) -> str:
        return str(values[found[1]]["content"])

    presenter = next((value["character_id"] for value in values.values() if value["type"] == "character"), None)
    voice_id = next((value["voice_id"] for value in values.values() if value["type"] == "voice"), "")
    return spoken_scene(
        _PLACEHOLDER.sub(said, scene.script),
        backdrop=_backdrop((values[name] for name in scene.variables), resolve),
        presenter=presenter,
        voice=Voice(id=voice_id),
    )


def _backdrop(values: Iterable[Json], resolve: Resolve) -> Backdrop:
    for value in values:
        if value["type"] in {"image", "video"}:
            source = str(value.get("url") or value.get("asset_id"))
            return picture(source, resolve) if value["type"] == "image" else clip(source, resolve)
    return colour(None, "#f6f6fc")
