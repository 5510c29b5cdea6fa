"""JSON from HeyGen's documents is checked like a typed request, and goes out unchanged."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import v2
from heygen_async._protocol.encoding import (
    callback_id_of,
    checked_payload,
    encode,
    from_mapping_v2,
    payload_hash,
    prepare,
    wire_of,
)
from heygen_async.models.assets import RawPart
from heygen_async.models.requests import AvatarVideo, StudioVideo
from tests.strategies import json_values
from tests.test_requests_v2 import QUICK_START

# The sample of HeyGen's v2 reference.
SAMPLE: dict[str, Any] = {
    "title": "demo",
    "caption": False,
    "callback_id": "job-1",
    "dimension": {"width": 1280, "height": 720},
    "video_inputs": [
        {
            "character": {"type": "avatar", "avatar_id": "Daisy-inskirt-20220818", "avatar_style": "normal"},
            "voice": {"type": "text", "input_text": "Welcome.", "voice_id": "2d5b0e6cf36f460aa7fc47e3eee4ba54"},
            "background": {"type": "color", "value": "#008000"},
        },
        {
            "character": {"type": "talking_photo", "talking_photo_id": "p"},
            "voice": {"type": "audio", "audio_url": "https://example.com/a.mp3"},
            "background": {"type": "video", "url": "https://example.com/b.mp4", "play_style": "loop"},
        },
    ],
}
AVATAR: dict[str, Any] = {"type": "avatar", "avatar_id": "look_1", "voice_id": "voice_1", "script": "Hello."}
STUDIO: dict[str, Any] = {
    "type": "studio",
    "scenes": [
        {"type": "avatar_video", "input": {"type": "avatar", "avatar_id": "a", "script": "One."}},
        {"type": "image", "source": {"type": "asset_id", "asset_id": "A1"}, "duration": 3},
    ],
}


def changed(request: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with the value at a dotted path replaced (or left out, for `...`)."""
    result = copy.deepcopy(request)
    target: Any = result
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        target = target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return result


@pytest.mark.parametrize("request_", [QUICK_START, SAMPLE, AVATAR, STUDIO])
def test_pasted_json_goes_out_unchanged(request_: dict[str, Any]) -> None:
    """The payload equals the mapping and shares nothing with it."""
    before = copy.deepcopy(request_)
    prepared = prepare(request_)
    assert prepared.payload == before
    prepared.payload.clear()
    assert request_ == before


def test_the_quick_start_mapping_means_the_quick_start_request() -> None:
    """Typed and pasted are the same."""
    prepared = prepare(QUICK_START)
    assert prepared.wire == "v2"
    assert isinstance(prepared.request, v2.VideoRequest)
    assert encode(prepared.request) == QUICK_START


def test_a_typed_request_is_prepared_without_a_detour() -> None:
    """The typed form stays, the payload is its JSON."""
    request = AvatarVideo(avatar_id="look_1", voice_id="voice_1", script="Hello.")
    prepared = prepare(request)
    assert prepared.request is request
    assert (prepared.wire, prepared.payload) == ("v3", AVATAR)


def test_mappings_of_any_kind_are_taken() -> None:
    """Read-only mappings and tuples become JSON's own types."""
    given_ = MappingProxyType(STUDIO | {"scenes": tuple(MappingProxyType(scene) for scene in STUDIO["scenes"])})
    payload = checked_payload(given_)
    assert payload == STUDIO
    assert type(payload["scenes"][0]) is dict


def test_unknown_fields_are_passed_on() -> None:
    """HeyGen adds fields faster than SDKs do."""
    request = changed(SAMPLE, "video_inputs.0.voice.newer", {"x": [None, 1.5]}) | {"folder_id": "f", "newer": None}
    assert prepare(request).payload == request
    assert prepare(AVATAR | {"brand_glossary_id": "g", "extra": {"x": 1}}).payload["extra"] == {"x": 1}


def test_null_means_left_out() -> None:
    """Samples hold nulls; they are sent as pasted."""
    request = changed(QUICK_START, "video_inputs.0.background", None) | {"callback_id": None, "dimension": None}
    prepared = prepare(request)
    assert prepared.payload["dimension"] is None
    assert isinstance(prepared.request, v2.VideoRequest)
    assert prepared.request.dimension is None
    assert prepare(AVATAR | {"engine": None, "background": None}).payload["engine"] is None


def test_types_that_v3_may_have_added_are_passed_on() -> None:
    """An engine, scene, asset or whole request of a later API version is HeyGen's to judge."""
    request = AVATAR | {
        "engine": {"type": "avatar_vi"},
        "expressiveness": "low",
        "voice_settings": {"engine_settings": {"engine_type": "newer"}},
    }
    prepared = prepare(request)
    assert isinstance(prepared.request, AvatarVideo)
    assert prepared.request.engine == RawPart({"type": "avatar_vi"})
    assert prepared.payload == request
    scenes = prepare(changed(STUDIO, "scenes.0", {"type": "podcast", "hosts": 2})).request
    assert isinstance(scenes, StudioVideo)
    assert scenes.scenes[0] == RawPart({"type": "podcast", "hosts": 2})
    unknown = prepare({"type": "podcast", "script": ""})
    assert (unknown.wire, unknown.request, unknown.payload) == ("v3", None, {"type": "podcast", "script": ""})


REFUSED: dict[str, dict[str, Any]] = {
    "video_inputs[0].voice.input_text: must not be empty or blank": changed(
        QUICK_START, "video_inputs.0.voice.input_text", " "
    ),
    "video_inputs[1].voice.audio_url: must be an http:// or https:// URL": changed(
        SAMPLE, "video_inputs.1.voice.audio_url", "a.mp3"
    ),
    "video_inputs[0].voice.input_text: must have at most 5,000 characters, not 5,001": changed(
        QUICK_START, "video_inputs.0.voice.input_text", "x" * 5001
    ),
    "video_inputs[0].voice.input_text: must be a string, not 5": changed(
        QUICK_START, "video_inputs.0.voice.input_text", 5
    ),
    "video_inputs[0].voice.input_text: is missing": changed(QUICK_START, "video_inputs.0.voice.input_text", ...),
    "video_inputs[0].voice: is missing": changed(QUICK_START, "video_inputs.0.voice", ...),
    "video_inputs[0].voice: must be an object, not None": changed(QUICK_START, "video_inputs.0.voice", None),
    "video_inputs[0].voice.type: must be 'text', 'audio' or 'silence', not 'song'": changed(
        QUICK_START, "video_inputs.0.voice.type", "song"
    ),
    "video_inputs[0].voice.type: must be 'text', 'audio' or 'silence', not None": changed(
        QUICK_START, "video_inputs.0.voice.type", ...
    ),
    "video_inputs[0].voice.audio_url: cannot go with input_text": changed(
        QUICK_START, "video_inputs.0.voice.audio_url", "https://example.com/a.mp3"
    ),
    "video_inputs[1].voice.audio_asset_id: cannot go with audio_url": changed(
        SAMPLE, "video_inputs.1.voice.audio_asset_id", "a"
    ),
    "video_inputs[0].background.type: must be 'color', 'image' or 'video', not 'gradient'": changed(
        QUICK_START, "video_inputs.0.background.type", "gradient"
    ),
    "video_inputs[0].background.value: must be a hex colour": changed(
        QUICK_START, "video_inputs.0.background.value", "green"
    ),
    "video_inputs[0].character.type: must be 'avatar' or 'talking_photo', not 'robot'": changed(
        QUICK_START, "video_inputs.0.character.type", "robot"
    ),
    "video_inputs[0].character: must be an object, not 'Daisy'": changed(
        QUICK_START, "video_inputs.0.character", "Daisy"
    ),
    "video_inputs[1]: must be an object, not 5": changed(SAMPLE, "video_inputs.1", 5),
    "video_inputs: must be a list, not dict": changed(SAMPLE, "video_inputs", {}),
    "video_inputs: must have 1 to 50 items, not 0": changed(SAMPLE, "video_inputs", []),
    "dimension.width: must be even, not 1281": changed(QUICK_START, "dimension.width", 1281),
    "dimension.height: must be at least 128": changed(QUICK_START, "dimension.height", 100),
    "dimension: must be an object, not list": changed(QUICK_START, "dimension", [1280, 720]),
    "title: must be text that UTF-8 can carry": SAMPLE | {"title": "\ud800"},
    "newer.x[1]: must be a number, not nan": SAMPLE | {"newer": {"x": [1, math.nan]}},
    "newer: must be something that JSON can say, not set": SAMPLE | {"newer": {1}},
    "newer: must have names that are strings, not 1": SAMPLE | {"newer": {1: 2}},
    "request: must have names that are strings, not 1": {**SAMPLE, 1: 2},  # type: ignore[dict-item]
    "script: is missing": {"type": "avatar", "avatar_id": "a"},
    "avatar_id: is missing": {"type": "avatar", "script": "x"},
    "audio_url: cannot go with script": AVATAR | {"audio_url": "https://example.com/a.mp3"},
    "background.type: must be 'color' or 'image', not 'video'": AVATAR | {"background": {"type": "video"}},
    "background.type: is missing": AVATAR | {"background": {"url": "https://example.com/a.png"}},
    "background: must be an object, not '#008000'": AVATAR | {"background": "#008000"},
    "engine.type: must be 'avatar_iii', 'avatar_iv' or 'avatar_v', not None": AVATAR | {"engine": {}},
    "resolution: must be": AVATAR | {"resolution": 720},
    "scenes[0].input.script: is missing": changed(STUDIO, "scenes.0.input.script", ...),
    "scenes[1].source.asset_id: must not be empty": changed(STUDIO, "scenes.1.source.asset_id", ""),
    "avatar_id: must be a list, not 'a'": {"type": "cinematic_avatar", "prompt": "x", "avatar_id": "a"},
    "type: must be a string, not 5": {"type": 5},
    "type: must not be empty": {"type": ""},
    "request: must have video_inputs (that makes it v2) or type (that makes it v3)": {"script": "x"},
}


@pytest.mark.parametrize(("problem", "request_"), REFUSED.items(), ids=list(REFUSED))
def test_what_heygen_would_refuse_is_refused_with_its_path(problem: str, request_: dict[str, Any]) -> None:
    """One plain ValueError, no exception group, that starts with the path of the field."""
    with pytest.raises(ValueError) as refusal:
        prepare(request_)
    assert type(refusal.value) is ValueError
    assert refusal.value.__cause__ is None
    assert str(refusal.value).startswith(problem)


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Nobody likes to mend a request one field per attempt."""
    request = changed(changed(QUICK_START, "video_inputs.0.voice.speed", 9), "dimension.width", 7)
    with pytest.raises(ValueError, match=r"^video_inputs\[0\]\.voice\.speed: .*; dimension\.width: "):
        prepare(request)


@pytest.mark.parametrize("request_", [5, None, "text", ["list"], v2.Dimension(1280, 720)])
def test_what_is_no_request_at_all_is_refused(request_: object) -> None:
    """The error says what a request looks like."""
    with pytest.raises(ValueError, match=r"AvatarVideo.*mapping"):
        prepare(request_)


def test_video_inputs_makes_v2_and_type_makes_v3() -> None:
    """The shape decides the wire."""
    assert wire_of(QUICK_START) == "v2"
    assert wire_of(QUICK_START | {"type": "avatar"}) == "v2"
    assert wire_of(AVATAR) == "v3"
    assert wire_of(prepare(QUICK_START).request) == "v2"
    assert wire_of(prepare(STUDIO).request) == "v3"


def test_unknown_fields_are_listed_with_their_paths() -> None:
    """Translation must know what the classes do not."""
    request = changed(SAMPLE, "video_inputs.0.voice.newer", 1)
    request = changed(request, "video_inputs.1.background.newer", {"x": 1}) | {"newer": [], "unset": None, "extra": 5}
    typed, unknown = from_mapping_v2(request)
    assert unknown == [
        "video_inputs[0].voice.newer",
        "video_inputs[1].background.newer",
        "newer",
        "extra",
    ]
    assert typed == from_mapping_v2(SAMPLE)[0]


def test_a_callback_id_is_the_callers_own() -> None:
    """An empty one is none: nothing can be found by it."""
    assert callback_id_of({"callback_id": "job-1"}) == "job-1"
    assert callback_id_of({"callback_id": ""}) is None
    assert callback_id_of({"callback_id": 5}) is None
    assert callback_id_of({}) is None


@given(st.dictionaries(st.text(max_size=3), json_values, min_size=1, max_size=4))
def test_a_payloads_hash_ignores_order_and_nothing_else(payload: Mapping[str, Any]) -> None:
    """The same JSON has the same hash in every process; another value has another one."""
    backwards = dict(reversed(payload.items()))
    assert payload_hash(payload) == payload_hash(backwards)
    assert payload_hash(payload | {"another": 1}) != payload_hash(payload | {"another": 2})


def test_a_payloads_hash_stays_the_same_between_versions() -> None:
    """Journals keep it: a change of the recipe would orphan them."""
    known = "e6079cc869da30fa7778650261b5c569a08642cba6de37e7cffd9ab5d28d87c8"
    assert payload_hash({"b": [1, "ü"], "a": None}) == known
