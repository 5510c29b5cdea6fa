"""The shapes of templates on both wires.

v2 puts a variable's fields under `properties` and calls a character's kind `type`; v3 has them flat, as
`character_type`. Everything here speaks v3's form and turns it at the edge. A request's payload carries `template_id`,
which becomes a part of the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from heygen_async._protocol.json_shapes import as_list, as_object, as_text, as_unix_seconds, as_word
from heygen_async._protocol.videos import UnreadableVideoError
from heygen_async.errors import TranslationError
from heygen_async.models.templates import DeclaredVariable, Template, TemplateScene, TemplateSummary
from heygen_async.models.video import ApiVersion

Json = dict[str, Any]

_NOT_VALUES: Final = frozenset({"type", "name", "properties"})


class UnreadableTemplateError(UnreadableVideoError):
    """Say that an answer holds no template that can be worked with."""


@frozen(kw_only=True)
class TemplatePage:
    """A page of the list of templates."""

    templates: tuple[TemplateSummary, ...]
    next_token: str | None


def is_template(payload: Mapping[str, Any]) -> bool:
    """Say whether a request is for a video from a template."""
    return "template_id" in payload and "type" not in payload and "video_inputs" not in payload


def template_wire(payload: Mapping[str, Any]) -> ApiVersion:
    """Return the wire that a template request is written for: v2 puts variables' fields under `properties`."""
    variables = as_object(payload.get("variables")) or {}
    return "v2" if any("properties" in (as_object(value) or {}) for value in variables.values()) else "v3"


def flat(variable: Mapping[str, Any]) -> Json:
    """Return a variable of either wire in v3's form."""
    kind, properties = variable.get("type"), as_object(variable.get("properties"))
    if properties is None:
        return {name: value for name, value in variable.items() if name not in _NOT_VALUES - {"type"}}
    fields = dict(properties)
    if kind == "character" and "type" in fields:
        fields["character_type"] = fields.pop("type")
    return {**fields, "type": kind}


def nested(name: str, variable: Mapping[str, Any]) -> Json:
    """Return a variable in v2's form."""
    properties = {key: value for key, value in variable.items() if key not in _NOT_VALUES}
    if variable.get("type") == "character" and "character_type" in properties:
        properties["type"] = properties.pop("character_type")
    return {"name": name, "type": variable.get("type"), "properties": properties}


def flattened(payload: Mapping[str, Any]) -> Json:
    """Return a template request with its variables in v3's form; what is no object stays as it is."""
    return _with_variables(payload, _flat)


def nested_variables(payload: Mapping[str, Any]) -> Json:
    """Return a template request with its variables in v2's form."""
    return _with_variables(payload, nested)


def _flat(_name: str, variable: Mapping[str, Any]) -> Json:
    return flat(variable)


def _with_variables(payload: Mapping[str, Any], turn: Callable[[str, Json], Json]) -> Json:
    variables = as_object(payload.get("variables"))
    if variables is None:
        return dict(payload)
    parts = {name: as_object(value) for name, value in variables.items()}
    turned = {name: turn(name, part) for name, part in parts.items() if part is not None}
    return {**payload, "variables": {**variables, **turned}}


def template_to_v3(payload: Mapping[str, Any]) -> Json:
    """Return a v2 template request for v3; raise `TranslationError` for a test, which v3 would charge."""
    if payload.get("test"):
        raise TranslationError(
            "This template request says what v3 cannot: test. v3 has no test mode and would charge for the video. "
            "Nothing was sent. Leave it out.",
            losses=["test"],
        )
    return flattened({name: value for name, value in payload.items() if name != "test"})


def template_page_from(body: Mapping[str, Any]) -> TemplatePage:
    """Return a page of either list: v2 has all templates in one object, v3 an array beside the paging fields."""
    data = body.get("data")
    inner = as_object(data)
    items = as_list(data) if inner is None else as_list(inner.get("templates"))
    if items is None:
        raise UnreadableTemplateError("the answer's data is not a list of templates")
    rows = [fields for item in items if (fields := as_object(item)) is not None and _id_of(fields)]
    token = as_text(body.get("next_token"))
    return TemplatePage(
        templates=tuple(TemplateSummary(**_summary(row, "")) for row in rows),
        next_token=None if body.get("has_more") is False else token,
    )


def template_from(data: object, *, known_id: str, wire: ApiVersion) -> Template:
    """Return the template in an answer's `data`; v2 says neither its id nor its name."""
    fields = as_object(data)
    variables = as_object(fields.get("variables", {})) if fields is not None else None
    if fields is None or variables is None:
        raise UnreadableTemplateError("the answer's data is not a template")
    scenes = [scene for item in as_list(fields.get("scenes")) or [] if (scene := _scene(as_object(item) or {}))]
    return Template(
        **_summary(fields, known_id),
        api_version=wire,
        variables={name: _declared(name, as_object(value) or {}) for name, value in variables.items()},
        scenes=tuple(scenes),
    )


def _id_of(fields: Json) -> str | None:
    return as_text(fields.get("template_id")) or as_text(fields.get("id"))


def _summary(fields: Json, known_id: str) -> Json:
    return {
        "id": _id_of(fields) or known_id,
        "name": as_text(fields.get("name")),
        "thumbnail_url": as_word(fields.get("thumbnail_url")) or as_word(fields.get("thumbnail_image_url")),
        "aspect_ratio": as_word(fields.get("aspect_ratio")),
        "created_at": as_unix_seconds(fields.get("created_at")),
        "updated_at": as_unix_seconds(fields.get("updated_at")),
        "raw": fields,
    }


def _declared(name: str, fields: Json) -> DeclaredVariable:
    value = flat(fields)
    kind = as_word(value.pop("type", None)) or ""
    return DeclaredVariable(name=name, type=kind, value=value)


def _scene(fields: Json) -> TemplateScene | None:
    scene_id = as_text(fields.get("scene_id")) or as_text(fields.get("id"))
    if scene_id is None:
        return None
    rows = [as_object(item) or {} for item in as_list(fields.get("variables")) or []]
    names = tuple(name for row in rows if (name := as_text(row.get("name"))))
    return TemplateScene(id=scene_id, script=as_word(fields.get("script")), variables=names)
