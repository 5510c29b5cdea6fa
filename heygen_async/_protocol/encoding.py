"""Make a request ready for its wire: check it, and turn it into the JSON that goes out.

A typed request was checked by its constructor. A plain mapping (JSON from HeyGen's documents) is checked here against
the same classes and goes out unchanged, fields that this version does not know included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
from attrs import field, frozen

from heygen_async._protocol.templates import flattened, is_template, nested_variables, template_wire
from heygen_async.models import _checks as check
from heygen_async.models._shape_checks import json_copy
from heygen_async.models.requests import AvatarVideo, CinematicVideo, ImageVideo, StudioVideo, V3Request
from heygen_async.models.templates import GenerateFromTemplate
from heygen_async.models.video import ApiVersion

if TYPE_CHECKING:
    from types import ModuleType

    from heygen_async.models.v2_request import VideoRequest

_V3_CLASSES: Final[Mapping[str, type[V3Request]]] = {
    "avatar": AvatarVideo,
    "image": ImageVideo,
    "cinematic_avatar": CinematicVideo,
    "studio": StudioVideo,
}


@frozen(kw_only=True)
class Prepared:
    """A checked request: its wire, its JSON, and its typed form.

    `request` is None for a v3 type that this version does not know. For a mapping it lacks the fields that this
    version does not know, so whatever must see those (`to_v3`) takes `payload`.
    """

    wire: ApiVersion
    payload: dict[str, Any] = field(repr=False)
    request: V3Request | VideoRequest | GenerateFromTemplate | None


def prepare(request: object) -> Prepared:
    """Check a request of any kind and return it ready for its wire.

    Raise `ValueError` naming the field, with its path, for what HeyGen would refuse.
    """
    if isinstance(request, Mapping):
        payload: dict[str, Any] = json_copy(cast("Mapping[str, Any]", request), "")
        return Prepared(wire=_wire_of_mapping(payload), payload=payload, request=_typed(payload))
    wire = wire_of(request)
    typed = cast("V3Request | VideoRequest | GenerateFromTemplate", request)
    return Prepared(wire=wire, payload=encode(typed), request=typed)


def wire_of(request: object) -> ApiVersion:
    """Return the wire that a request is written for: `video_inputs` makes a mapping v2, `type` makes it v3.

    A template's request says it itself, and as a mapping by the form of its variables.
    """
    if isinstance(request, GenerateFromTemplate):
        return request.api_version
    if isinstance(request, V3Request):
        return "v3"
    if isinstance(request, Mapping):
        return _wire_of_mapping(cast("Mapping[str, Any]", request))
    if not isinstance(request, _v2_class()):
        kinds = "AvatarVideo, ImageVideo, CinematicVideo, StudioVideo, GenerateFromTemplate, v2.VideoRequest"
        check.refuse("request", f"must be one of {kinds}, or a mapping, not {check.shown(request)}")
    return "v2"


def _wire_of_mapping(request: Mapping[str, Any]) -> ApiVersion:
    if is_template(request):
        return template_wire(request)
    if "video_inputs" not in request and "type" not in request:
        names = "video_inputs (that makes it v2) or type (that makes it v3), or template_id"
        check.refuse("request", f"must have {names}; has none of them")
    return "v2" if "video_inputs" in request else "v3"


def encode(request: V3Request | VideoRequest | GenerateFromTemplate) -> dict[str, Any]:
    """Return the JSON of a typed request: no None, every part with its type, `extra` merged in."""
    payload: dict[str, Any] = _shapes().to_json(request)
    if isinstance(request, GenerateFromTemplate):
        del payload["api_version"]
        return payload if request.api_version == "v3" else nested_variables(payload)
    return payload


def checked_payload(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of a mapping, unchanged, after checking everything in it that this version knows.

    Raise `ValueError` naming the path of every field that HeyGen would refuse, such as
    `video_inputs[0].voice.input_text`.
    """
    return prepare(request).payload


def from_mapping_v2(request: Mapping[str, Any]) -> tuple[VideoRequest, list[str]]:
    """Return a v2 mapping as its class, and the paths of the fields that the class does not know.

    Raise `ValueError` as `checked_payload` does.
    """
    payload: dict[str, Any] = json_copy(request, "")
    typed = _typed_v2(payload)
    return typed, list(_unknown_paths(payload, typed, ""))


def callback_id_of(payload: Mapping[str, Any]) -> str | None:
    """Return the caller's own callback id; an empty one is none."""
    callback_id = payload.get("callback_id")
    return callback_id if isinstance(callback_id, str) and callback_id else None


def payload_hash(payload: Mapping[str, Any]) -> str:
    """Return a SHA-256 in hex that is the same for the same JSON, whatever the order of its names."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _typed(payload: dict[str, Any]) -> V3Request | VideoRequest | GenerateFromTemplate | None:
    if is_template(payload):
        fields = {**flattened(payload), "api_version": template_wire(payload)}
        request: GenerateFromTemplate = _shapes().from_json(fields, GenerateFromTemplate)
        return request
    if _wire_of_mapping(payload) == "v2":
        return _typed_v2(payload)
    kind = check.check_text("type", payload["type"])
    cls = _V3_CLASSES.get(kind)
    typed: V3Request | None = _shapes().from_json(payload, cls) if cls else None
    return typed


def _typed_v2(payload: dict[str, Any]) -> VideoRequest:
    typed: VideoRequest = _shapes().from_json(payload, _v2_class())
    for index, scene in enumerate(payload["video_inputs"]):
        _check_single_source(scene["voice"], f"video_inputs[{index}].voice")
    return typed


def _check_single_source(voice: dict[str, Any], path: str) -> None:
    """Refuse a second audio source, which the class chosen by the voice's type does not know."""
    given = [name for name in ("input_text", "audio_url", "audio_asset_id") if voice.get(name)]
    if len(given) > 1:
        check.refuse(f"{path}.{given[1]}", f"cannot go with {given[0]}; give exactly one audio source")


def _unknown_paths(payload: Mapping[str, Any], typed: Any, path: str) -> Iterator[str]:
    for name, value in payload.items():
        here = f"{path}.{name}".lstrip(".")
        part = getattr(typed, name, None)
        if name == "extra" or name not in attrs.fields_dict(typed.__class__):
            if value is not None:
                yield here
        elif isinstance(part, tuple):
            for index, item in enumerate(value):
                yield from _unknown_paths(item, getattr(typed, name)[index], f"{here}[{index}]")
        elif attrs.has(part.__class__):
            yield from _unknown_paths(value, part, here)


def _v2_class() -> type[VideoRequest]:
    # Making the v2 classes takes as long as making the v3 ones, and who speaks v3 only needs none of them.
    from heygen_async.models.v2_request import VideoRequest  # noqa: PLC0415

    return VideoRequest


def _shapes() -> ModuleType:
    # cattrs takes a while to import, too.
    from heygen_async._protocol import request_shapes  # noqa: PLC0415

    return request_shapes
