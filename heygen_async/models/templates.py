"""Templates made in HeyGen's editor, and requests for videos from them, the same on both wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, get_args

from attrs import Attribute, field, frozen
from attrs.validators import optional

from heygen_async._protocol.redaction import redact_url
from heygen_async.models import _checks as check
from heygen_async.models import _shape_checks as shape
from heygen_async.models._canvas import Dimension, Position
from heygen_async.models.template_variables import TemplateVariable
from heygen_async.models.video import ApiVersion

TemplateFrameRate = Literal[25, 30, 60]

_MOST_SCENES = 1000


@frozen(kw_only=True)
class TemplateSummary:
    """A template as lists show it: the v2 wire tells only id, name and picture. Times are unix seconds."""

    id: str
    name: str | None = None
    thumbnail_url: str | None = field(default=None, repr=redact_url)
    aspect_ratio: str | None = None
    created_at: float | None = None
    updated_at: float | None = None
    raw: Mapping[str, Any] = field(factory=dict[str, Any], repr=False, eq=False)


@frozen(kw_only=True)
class DeclaredVariable:
    """A variable as the template declares it: its type, and the value it has there in the fields of v3."""

    name: str
    type: str
    value: Mapping[str, Any] = field(factory=dict[str, Any], repr=False)


@frozen(kw_only=True)
class TemplateScene:
    """A scene: its script with `{{name}}` where variables are, and the names of its variables."""

    id: str
    script: str | None = None
    variables: tuple[str, ...] = ()


@frozen(kw_only=True)
class Template(TemplateSummary):
    """A template with its variables, as `api_version` shows it.

    `request` turns plain values, such as a row of a CSV file, into a request. Scenes are told by v3 only.
    """

    api_version: ApiVersion
    variables: Mapping[str, DeclaredVariable]
    scenes: tuple[TemplateScene, ...] = ()

    def request(
        self, values: Mapping[str, object], *, keep_defaults: bool = False, **fields: Any
    ) -> GenerateFromTemplate:
        """Return the request for a video with these values.

        A value is a typed variable, or plain: a text or number for a `text`, a URL or an asset's id for an `image`,
        `video` or `audio`, an id for a `character` or `voice`; what the template says beside it (fit, play style)
        stays. `fields` are those of `GenerateFromTemplate`. Every variable (of the scenes in `scene_ids`, if given)
        must have a value, unless `keep_defaults` leaves the others as they are in the template.

        Raise `ValueError` naming all variables that are unknown, missing, or of another type.
        """
        # The rules are the protocol's; imported here because they need this module's classes.
        from heygen_async._protocol.template_values import filled  # noqa: PLC0415

        return filled(self, values, keep_defaults=keep_defaults, **fields)


@frozen(kw_only=True)
class TemplateSubtitles:
    """The style of burned-in subtitles, such as `preset_name="classic"`."""

    preset_name: str = field(validator=check.text())
    alignment: int | None = field(default=None, validator=optional(check.integer(-(10**6), 10**6)))
    font_size: int | None = field(default=None, validator=optional(check.integer(1, 10**6)))
    position: Position | None = field(default=None, validator=optional(shape.part(Position)))
    disable_highlight: bool | None = field(default=None, validator=optional(check.flag))


def _variables(_instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, Mapping) or not value:
        check.refuse(attribute.name, "must be a mapping of names to variables with at least one entry")
    for name, variable in cast("Mapping[object, object]", value).items():
        check.check_text(attribute.name, name)
        if not isinstance(variable, get_args(TemplateVariable)):
            classes = check.either(cls.__name__ for cls in get_args(TemplateVariable))
            check.refuse(f"{attribute.name}.{name}", f"must be {classes}, not {check.shown(variable)}")


def _frame_rate(_instance: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or value not in {25, 30, 60}:
        check.refuse(attribute.name, f"must be 25, 30 or 60, not {check.shown(value)}")


def _own(value: Mapping[str, TemplateVariable]) -> Mapping[str, TemplateVariable]:
    given = cast("object", value)
    return dict(value) if isinstance(given, Mapping) else value


def _scene_ids(value: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if value is None else shape.as_tuple(value)


@frozen(kw_only=True)
class GenerateFromTemplate:
    """Ask for a video from a template; `Template.request` makes one from plain values and checks their names.

    `api_version` is the wire it goes out on: old templates exist on v2 only. Each entry of `variables` replaces one
    placeholder, the others stay as in the template. `scene_ids` choose, reorder and repeat scenes. `dimension` must
    keep the template's aspect ratio. `test` is for v2. `extra` holds fields that this version does not know; they are
    sent as they are.

    Raise `ValueError`, naming the field, for what HeyGen would refuse.
    """

    template_id: str = field(validator=check.text())
    variables: Mapping[str, TemplateVariable] = field(converter=_own, validator=_variables, hash=False)
    api_version: ApiVersion = field(default="v3", validator=check.choice(ApiVersion))
    title: str | None = field(default=None, validator=optional(check.text(empty=True)))
    caption: bool | None = field(default=None, validator=optional(check.flag))
    dimension: Dimension | None = field(default=None, validator=optional(shape.part(Dimension)))
    fps: TemplateFrameRate | None = field(default=None, validator=optional(_frame_rate))
    scene_ids: tuple[str, ...] | None = field(
        default=None, converter=_scene_ids, validator=optional(shape.texts(low=1, high=_MOST_SCENES))
    )
    reorder_music: bool | None = field(default=None, validator=optional(check.flag))
    keep_text_vertically_centered: bool | None = field(default=None, validator=optional(check.flag))
    subtitles: TemplateSubtitles | None = field(default=None, validator=optional(shape.part(TemplateSubtitles)))
    include_gif: bool | None = field(default=None, validator=optional(check.flag))
    enable_sharing: bool | None = field(default=None, validator=optional(check.flag))
    folder_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    brand_voice_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_id: str | None = field(default=None, validator=optional(check.text(empty=True)))
    callback_url: str | None = field(default=None, validator=optional(check.url), repr=redact_url)
    test: bool | None = field(default=None, validator=optional(check.flag))
    extra: Mapping[str, Any] = field(
        factory=dict[str, Any], converter=shape.own_copy, validator=shape.additions, hash=False
    )

    def __attrs_post_init__(self) -> None:
        if self.test is not None and self.api_version == "v3":
            check.refuse("test", "is for api_version 'v2': v3 has no test mode and would charge for the video")
