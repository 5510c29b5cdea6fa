"""Fill a template with plain values, such as a row of a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast, get_args
from urllib.parse import urlsplit

from heygen_async.models._checks import either, shown
from heygen_async.models.assets import RawPart
from heygen_async.models.template_variables import VARIABLE_CLASSES, TemplateVariable
from heygen_async.models.templates import DeclaredVariable, GenerateFromTemplate, Template

_ID_FIELDS: Final = {"character": "character_id", "voice": "voice_id"}
_MEDIA: Final = frozenset({"image", "video", "audio"})
# What stays as the template has it when a plain value replaces the rest.
_MANNERS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("fit",),
    "video": ("play_style", "fit"),
    "character": ("character_type",),
}


def filled(
    template: Template, values: Mapping[str, object], *, keep_defaults: bool = False, **fields: Any
) -> GenerateFromTemplate:
    """Return the request for a video from a template; see `Template.request`."""
    problems = list(_misnamed(template, values, fields.get("scene_ids"), keep_defaults=keep_defaults))
    variables: dict[str, TemplateVariable] = {}
    for name, value in values.items():
        declared = template.variables.get(name)
        if declared is None:
            continue
        try:
            variables[name] = variable_of(declared, value)
        except ValueError as error:
            problems.append(f"variables.{name}: {error}")
    if problems:
        raise ValueError(f"template {template.id!r}: {'; '.join(problems)}")
    fields.setdefault("api_version", template.api_version)
    return GenerateFromTemplate(template_id=template.id, variables=variables, **fields)


def variable_of(declared: DeclaredVariable, value: object) -> TemplateVariable:
    """Return a value as the variable that the template declares; raise `ValueError` if it is none."""
    if isinstance(value, get_args(TemplateVariable)):
        return _of_the_same_type(declared, cast("TemplateVariable", value))
    cls = VARIABLE_CLASSES.get(declared.type)
    if cls is None:
        raise ValueError(f"its type {declared.type!r} is not known to this version; give a RawPart with its v3 JSON")
    word = _word(value)
    manners = {name: declared.value[name] for name in _MANNERS.get(declared.type, ()) if declared.value.get(name)}
    variable: TemplateVariable = cls(**{_field(declared.type, word): word}, **manners)
    return variable


def _of_the_same_type(declared: DeclaredVariable, variable: TemplateVariable) -> TemplateVariable:
    kind = variable.raw.get("type") if isinstance(variable, RawPart) else variable.type
    if kind != declared.type:
        raise ValueError(f"is of type {declared.type!r} in the template, not {kind!r}")
    return variable


def _word(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"must be a text, a number or a typed variable, not {shown(value)}")  # noqa: TRY004
    return str(value)


def _field(kind: str, word: str) -> str:
    if kind in _MEDIA:
        return "url" if urlsplit(word).scheme.lower() in {"http", "https"} else "asset_id"
    return _ID_FIELDS.get(kind, "content")


def _misnamed(
    template: Template, values: Mapping[str, object], scene_ids: Iterable[str] | None, *, keep_defaults: bool
) -> Iterable[str]:
    unknown = [name for name in values if name not in template.variables]
    if unknown:
        known = either(map(repr, template.variables)) if template.variables else "none"
        yield f"unknown variables: {_listed(unknown)} (the template has {known})"
    scenes = [scene.id for scene in template.scenes]
    lost = [scene_id for scene_id in scene_ids or () if scenes and scene_id not in scenes]
    if lost:
        yield f"unknown scenes: {_listed(lost)} (the template has {either(map(repr, scenes))})"
    wanted = _wanted(template, scene_ids)
    missing = [name for name in wanted if name not in values]
    if missing and not keep_defaults:
        yield f"missing variables: {_listed(missing)}"


def _wanted(template: Template, scene_ids: Iterable[str] | None) -> Iterable[str]:
    """Return the variables that need a value: all, or those of the chosen scenes where the template tells them."""
    scenes = {scene.id: scene for scene in template.scenes}
    if scene_ids is None or not any(scene.variables for scene in template.scenes):
        return list(template.variables)
    chosen = {name for scene_id in scene_ids if scene_id in scenes for name in scenes[scene_id].variables}
    return [name for name in template.variables if name in chosen]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
