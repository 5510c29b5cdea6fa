"""Templates in pure code: the shapes of both wires, plain values, and requests."""

from __future__ import annotations

from typing import Any

import pytest

from heygen_async import (
    AudioVariable,
    CharacterVariable,
    GenerateFromTemplate,
    ImageVariable,
    Template,
    TemplateSubtitles,
    TextVariable,
    TranslationError,
    VideoVariable,
    VoiceVariable,
    v2,
)
from heygen_async._protocol.encoding import payload_hash, prepare
from heygen_async._protocol.templates import (
    UnreadableTemplateError,
    flattened,
    template_from,
    template_page_from,
    template_to_v3,
)
from heygen_async.models.assets import RawPart

FLAT: dict[str, Any] = {
    "name": {"type": "text", "content": "Alex"},
    "who": {"type": "character", "character_id": "anna", "character_type": "talking_photo"},
    "logo": {"type": "image", "url": "https://example.com/a.png", "asset_id": None, "fit": "contain"},
    "clip": {"type": "video", "url": "https://example.com/a.mp4", "play_style": "loop"},
    "tune": {"type": "audio", "asset_id": "old"},
    "voice": {"type": "voice", "voice_id": "v1"},
}
NESTED: dict[str, Any] = {
    "name": {"name": "name", "type": "text", "properties": {"content": "Alex"}},
    "who": {"name": "who", "type": "character", "properties": {"character_id": "anna", "type": "talking_photo"}},
    "logo": {
        "name": "logo",
        "type": "image",
        "properties": {"url": "https://example.com/a.png", "asset_id": None, "fit": "contain"},
    },
    "clip": {
        "name": "clip",
        "type": "video",
        "properties": {"url": "https://example.com/a.mp4", "play_style": "loop"},
    },
    "tune": {"name": "tune", "type": "audio", "properties": {"asset_id": "old"}},
    "voice": {"name": "voice", "type": "voice", "properties": {"voice_id": "v1"}},
}
ROW = {
    "name": "Ada",
    "who": "bob",
    "logo": "https://example.com/b.png",
    "clip": "clip-2",
    "tune": "tune-2",
    "voice": "v2",
}
TYPED = {
    "name": TextVariable("Ada"),
    "who": CharacterVariable("bob", character_type="talking_photo"),
    "logo": ImageVariable(url="https://example.com/b.png", fit="contain"),
    "clip": VideoVariable(asset_id="clip-2", play_style="loop"),
    "tune": AudioVariable(asset_id="tune-2"),
    "voice": VoiceVariable("v2"),
}
SCENES = [
    {"scene_id": "s1", "script": "Hi {{name}}", "variables": [{"name": "name", "variable_type": "text"}]},
    {"id": "s2", "script": None, "variables": [{"name": "logo"}, {"name": "who"}, "odd", {}]},
    {"script": "no id"},
]


def on_v3(**fields: Any) -> Template:
    data = {"id": "t", "name": "T", "aspect_ratio": "16:9", "created_at": 5, "variables": FLAT, "scenes": SCENES}
    return template_from(data | fields, known_id="t", wire="v3")


def on_v2() -> Template:
    return template_from({"variables": NESTED}, known_id="t", wire="v2")


def test_both_wires_show_the_same_variables() -> None:
    """v2 nests them under `properties` and calls a character's kind `type`; scenes and names are v3's."""
    assert on_v2().variables == on_v3().variables
    assert (on_v2().id, on_v2().name, on_v2().api_version, on_v2().scenes) == ("t", None, "v2", ())
    template = on_v3()
    assert (template.name, template.aspect_ratio, template.created_at, template.api_version) == ("T", "16:9", 5, "v3")
    assert [(scene.id, scene.variables) for scene in template.scenes] == [("s1", ("name",)), ("s2", ("logo", "who"))]
    assert template.variables["who"].value == {"character_id": "anna", "character_type": "talking_photo"}


@pytest.mark.parametrize("template", [on_v2(), on_v3()], ids=["v2", "v3"])
def test_a_row_of_plain_values_becomes_typed_variables(template: Template) -> None:
    """By the declared types: URLs and asset ids are told apart, fit and play style stay as in the template."""
    request = template.request(ROW, title="For Ada")
    assert request == GenerateFromTemplate(
        template_id="t", variables=TYPED, api_version=template.api_version, title="For Ada"
    )


def test_numbers_are_texts_and_typed_values_stay_as_they_are() -> None:
    """A CSV reader may have made a number of a cell; a character without a kind is an avatar."""
    logo = ImageVariable(asset_id="x", fit="cover")
    template = on_v3(variables={**FLAT, "who": {"type": "character", "character_id": "anna"}})
    request = template.request({"name": 7, "logo": logo, "who": "bob"}, keep_defaults=True)
    assert request.variables == {"name": TextVariable("7"), "logo": logo, "who": CharacterVariable("bob")}


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    """Unknown, missing and unfit values, each by its name."""
    values = {"nmae": "Ada", "name": None, "logo": True, "who": VoiceVariable("v"), "tune": ""}
    with pytest.raises(ValueError) as refusal:
        on_v3().request(values)
    said = str(refusal.value)
    assert said.startswith("template 't': unknown variables: 'nmae' (the template has 'name', 'who', ")
    assert "missing variables: 'clip', 'voice'; " in said
    assert "variables.name: must be a text, a number or a typed variable, not None" in said
    assert "variables.logo: must be a text" in said
    assert "variables.who: is of type 'character' in the template, not 'voice'" in said
    assert "variables.tune: asset_id: must not be empty" in said


def test_a_template_without_variables_takes_none() -> None:
    """The refusal says so."""
    with pytest.raises(ValueError, match=r"unknown variables: 'a' \(the template has none\)"):
        on_v3(variables={}).request({"a": "b"})


def test_only_the_variables_of_the_chosen_scenes_must_be_given() -> None:
    """Where the template tells them; on v2, which tells no scenes, all must."""
    assert on_v3().request({"name": "Ada"}, scene_ids=["s1", "s1"]).scene_ids == ("s1", "s1")
    with pytest.raises(ValueError, match=r"missing variables: 'who', 'logo'$"):
        on_v3().request({"name": "Ada"}, scene_ids=["s2"])
    with pytest.raises(ValueError, match=r"unknown scenes: 's9' \(the template has 's1' or 's2'\)$"):
        on_v3().request({"name": "Ada"}, scene_ids=["s9", "s1"])
    with pytest.raises(ValueError, match=r"missing variables: 'who', 'logo', 'clip', 'tune', 'voice'$"):
        on_v2().request({"name": "Ada"}, scene_ids=["s1"])


def test_a_kind_that_this_version_does_not_know_needs_its_json() -> None:
    """A plain value says too little; a raw one is sent as it is."""
    template = on_v3(variables={"smell": {"type": "smell", "strength": 3}, "odd": "?"})
    with pytest.raises(ValueError, match=r"variables\.smell: its type 'smell' is not known"):
        template.request({"smell": "rose"}, keep_defaults=True)
    with pytest.raises(ValueError, match="is of type 'smell' in the template, not 'text'"):
        template.request({"smell": RawPart({"type": "text"})}, keep_defaults=True)
    raw = {"type": "smell", "strength": 9}
    request = template.request({"smell": RawPart(raw)}, keep_defaults=True)
    assert prepare(request).payload == {"template_id": "t", "variables": {"smell": raw}}


def test_each_wire_gets_its_own_form() -> None:
    """Nothing of ours in it but the template's id, which goes into the URL."""
    common: dict[str, Any] = {
        "subtitles": TemplateSubtitles(preset_name="bold", alignment=2),
        "dimension": v2.Dimension(1280, 720),
        "fps": 30,
        "extra": {"novelty": 1},
    }
    sent: dict[str, Any] = {
        "template_id": "t",
        "subtitles": {"preset_name": "bold", "alignment": 2},
        "dimension": {"width": 1280, "height": 720},
        "fps": 30,
        "novelty": 1,
    }
    values = {"name": "Ada", "who": "bob"}
    flat = prepare(on_v3().request(values, keep_defaults=True, **common))
    assert (flat.wire, flat.payload) == (
        "v3",
        sent
        | {
            "variables": {
                "name": {"type": "text", "content": "Ada"},
                "who": {"type": "character", "character_id": "bob", "character_type": "talking_photo"},
            }
        },
    )
    nested = prepare(on_v2().request(values, keep_defaults=True, test=True, **common))
    properties = {"character_id": "bob", "type": "talking_photo"}
    assert (nested.wire, nested.payload) == (
        "v2",
        sent
        | {
            "test": True,
            "variables": {
                "name": {"name": "name", "type": "text", "properties": {"content": "Ada"}},
                "who": {"name": "who", "type": "character", "properties": properties},
            },
        },
    )


def test_a_mapping_goes_out_unchanged_on_the_wire_of_its_variables() -> None:
    """Fields that this version does not know included."""
    for variables, wire in ((FLAT, "v3"), (NESTED, "v2")):
        body = {"template_id": "t", "variables": variables, "novelty": {"a": 1}}
        prepared = prepare(body)
        assert (prepared.wire, prepared.payload) == (wire, body)
        assert isinstance(prepared.request, GenerateFromTemplate)


def test_the_template_is_a_part_of_what_a_key_stands_for() -> None:
    """The same values for another template are another request."""
    one, other = (prepare({"template_id": name, "variables": {"name": FLAT["name"]}}) for name in "ab")
    assert payload_hash(one.payload) != payload_hash(other.payload)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"variables": {}}, "variables: must be a mapping"),
        ({"variables": [1]}, "variables"),
        ({"variables": {"a": 5}}, "variables"),
        ({"variables": {"a": {"type": "image"}}}, "url: must be given"),
        ({"variables": {"a": {"type": "image", "url": "https://x.y", "asset_id": "b"}}}, "only one of them"),
        ({"variables": {"a": {"type": "voice"}}}, "voice_id: is missing"),
        ({"variables": {"a": {"type": "text", "properties": {"content": 5}}}}, "content: must be a string"),
        ({"template_id": " "}, "template_id: must not be empty"),
        ({"fps": 24}, "fps: must be 25, 30 or 60"),
        ({"scene_ids": []}, "scene_ids: must have 1 to"),
        ({"scene_ids": "s1"}, "scene_ids: must be a list"),
        ({"dimension": {"width": 127, "height": 128}}, "dimension.width"),
        ({"test": True}, "test: is for api_version 'v2'"),
        ({"subtitles": {}}, "subtitles.preset_name: is missing"),
        ({"callback_url": "ftp://x"}, "callback_url"),
    ],
)
def test_what_heygen_would_refuse_is_refused_before_it_is_sent(fields: dict[str, Any], problem: str) -> None:
    """As a plain ValueError that names the field."""
    body = {"template_id": "t", "variables": {"name": FLAT["name"]}} | fields
    with pytest.raises(ValueError, match=problem) as refusal:
        prepare(body)
    assert type(refusal.value) is ValueError


@pytest.mark.parametrize("variables", [{"a": "plain"}, {5: TextVariable("x")}, "text"])
def test_a_typed_request_takes_typed_variables_only(variables: Any) -> None:
    """A plain value needs the template to say what it is."""
    with pytest.raises(ValueError, match=r"^variables"):
        GenerateFromTemplate(template_id="t", variables=variables)


def test_a_request_keeps_its_variables_to_itself() -> None:
    """A later change of the caller's mapping does not reach it."""
    variables = {"name": TextVariable("Ada")}
    request = GenerateFromTemplate(template_id="t", variables=variables)
    variables.clear()
    assert request.variables == {"name": TextVariable("Ada")}


def test_a_v2_request_is_translated_for_v3() -> None:
    """The variables become flat; a test would cost money there."""
    body = {"template_id": "t", "variables": NESTED, "title": "T", "test": False}
    assert template_to_v3(body) == {"template_id": "t", "variables": FLAT, "title": "T"}
    with pytest.raises(TranslationError) as refusal:
        template_to_v3(body | {"test": True})
    assert refusal.value.losses == ["test"]
    assert flattened({"template_id": "t"}) == {"template_id": "t"}
    assert flattened({"variables": {"a": 5, "b": NESTED["name"]}}) == {"variables": {"a": 5, "b": FLAT["name"]}}


def test_pages_of_both_wires_are_read() -> None:
    """Rows without an id are left out; v2 calls the picture `thumbnail_image_url`."""
    row = {"template_id": "a", "name": "A", "thumbnail_image_url": "https://x/y?Signature=1"}
    old = template_page_from({"error": None, "data": {"templates": [row, {}, 5]}})
    assert [(one.id, one.name, one.thumbnail_url) for one in old.templates] == [("a", "A", "https://x/y?Signature=1")]
    assert old.next_token is None
    assert "Signature" not in repr(old)
    new = template_page_from({"data": [{"id": "b"}], "has_more": True, "next_token": "n"})
    assert ([one.id for one in new.templates], new.next_token) == (["b"], "n")
    assert template_page_from({"data": [], "has_more": False, "next_token": "n"}).next_token is None


@pytest.mark.parametrize("data", [None, 5, [], {"variables": 5}])
def test_an_answer_without_a_template_is_unreadable(data: Any) -> None:
    """It must not become a template without variables."""
    with pytest.raises(UnreadableTemplateError):
        template_from(data, known_id="t", wire="v3")


@pytest.mark.parametrize("data", [None, 5, {"templates": 5}, {}])
def test_an_answer_without_a_list_is_unreadable(data: Any) -> None:
    """It must not become an empty list."""
    with pytest.raises(UnreadableTemplateError):
        template_page_from({"data": data})
