"""The public avatars and voices of every sandbox account: few, made up, and always the same."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from heygen_async.sandbox.catalogue import ENGINES, AvatarType, Catalogue, Group, Look, Voice

CREATED_AT: Final = 1_711_929_600.0
"""When all of it was made: 1 April 2024."""

_STUDIO: Final[AvatarType] = "studio_avatar"
_TWIN: Final[AvatarType] = "digital_twin"
_PHOTO: Final[AvatarType] = "photo_avatar"


class _Avatar(NamedTuple):
    name: str
    gender: str
    kind: AvatarType
    voice: str
    looks: tuple[tuple[str, str], ...]  # id, name


SARA: Final = "1bd001e7e50f421d891986aad5158bc8"
PAIGE: Final = "2d5b0e6cf36f460aa7fc47e3eee4ba54"


def hex_id(kind: str, name: str) -> str:
    """Return an id as opaque as HeyGen's, the same in every sandbox."""
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()[:32]


def _voice(seed: str) -> str:
    return hex_id("voice", seed)  # the number in a seed chooses an id that sounds like its name: ids make the timbre


_AVATARS: Final = (
    _Avatar("Daisy", "female", _STUDIO, PAIGE, (
        ("Daisy-inskirt-20220818", "Daisy in a skirt"),
        ("Daisy-insuit-20220818", "Daisy in a suit"),
        ("Daisy-outdoor-20220818", "Daisy outdoors"),
    )),
    _Avatar("Josh", "male", _STUDIO, _voice("Mark 13"), (
        ("josh_lite3_20230714", "Josh in a suit"), ("josh_casual_20230714", "Josh in a jumper"),
    )),
    _Avatar("Anna", "female", _STUDIO, "sandbox-voice", (
        ("sandbox-anna", "Anna in blue"),
        ("sandbox-anna-desk", "Anna at a desk"),
        ("sandbox-anna-coat", "Anna in a coat"),
    )),
    _Avatar("Tomas", "male", _STUDIO, _voice("Diego 2"), (
        ("sandbox-tomas", "Tomas in grey"), ("sandbox-tomas-lab", "Tomas in a lab coat"),
    )),
    _Avatar("Mei", "female", _STUDIO, _voice("Yuki 8"), (
        ("sandbox-mei", "Mei in green"), ("sandbox-mei-sofa", "Mei on a sofa"),
    )),
    _Avatar("Kofi", "male", _STUDIO, _voice("Oliver 10"), (
        ("sandbox-kofi", "Kofi in a shirt"), ("sandbox-kofi-stage", "Kofi on a stage"),
    )),
    _Avatar("Ingrid", "female", _TWIN, _voice("Clara 1"), (
        ("sandbox-ingrid", "Ingrid at home"), ("sandbox-ingrid-office", "Ingrid in the office"),
    )),
    _Avatar("Rafael", "male", _TWIN, _voice("Diego 2"), (("sandbox-rafael", "Rafael in a workshop"),)),
    _Avatar("Priya", "female", _TWIN, SARA, (
        ("sandbox-priya", "Priya in red"), ("sandbox-priya-garden", "Priya in a garden"),
    )),
    _Avatar("Leo", "male", _PHOTO, _voice("Mark 13"), (
        (hex_id("look", "Leo"), "Leo"), (hex_id("look", "Leo by the sea"), "Leo by the sea"),
    )),
    _Avatar("Nora", "female", _PHOTO, _voice("Amelie 2"), ((hex_id("look", "Nora"), "Nora"),)),
    _Avatar("Sam", "unknown", _PHOTO, _voice("Robin 6"), (
        (hex_id("look", "Sam"), "Sam"), (hex_id("look", "Sam in winter"), "Sam in winter"),
    )),
)  # fmt: skip

_VOICES: Final = (
    # id, name, language, gender, engines
    (PAIGE, "Paige", "English", "female", ("starfish", "elevenlabs")),
    (SARA, "Sara", "English", "female", ("starfish",)),
    (_voice("Mark 13"), "Mark", "English", "male", ("starfish", "elevenlabs")),
    (_voice("Oliver 10"), "Oliver", "English", "male", ("starfish", "fish")),
    ("sandbox-voice", "Vera", "English", "female", ("starfish",)),
    (_voice("Robin 6"), "Robin", "English", "unknown", ("starfish",)),
    (_voice("Diego 2"), "Diego", "Spanish", "male", ("starfish", "elevenlabs")),
    (_voice("Lucia 5"), "Lucia", "Spanish", "female", ("starfish",)),
    (_voice("Amelie 2"), "Amelie", "French", "female", ("starfish",)),
    (_voice("Clara 1"), "Clara", "German", "female", ("starfish", "elevenlabs")),
    (_voice("Jonas 3"), "Jonas", "German", "male", ("fish",)),
    (_voice("Yuki 8"), "Yuki", "Japanese", "female", ("starfish",)),
    (_voice("Joao 2"), "João", "Portuguese", "male", ("starfish",)),
)


def stock() -> Catalogue:
    """Return a fresh catalogue with everything public."""
    catalogue = Catalogue()
    number = len(_AVATARS)
    for avatar in _AVATARS:
        group = _group(avatar, number)
        catalogue.groups[group.id] = group
        number -= 1
    looks = [(avatar, look_id, name) for avatar in _AVATARS for look_id, name in avatar.looks]
    for number, (avatar, look_id, name) in enumerate(reversed(looks), 1):
        catalogue.looks[look_id] = _look(avatar, look_id, name, number)
    for number, (voice_id, name, language, gender, engines) in enumerate(reversed(_VOICES), 1):
        catalogue.voices[voice_id] = Voice(
            id=voice_id,
            number=number,
            name=name,
            language=language,
            gender=gender,
            engines=engines,
            emotion="elevenlabs" in engines,
            interactive="starfish" in engines,
            locale=language == "English",
        )
    return catalogue


def _group(avatar: _Avatar, number: int) -> Group:
    return Group(
        id=hex_id("group", avatar.name),
        number=number,
        name=avatar.name,
        gender=avatar.gender,
        voice_id=avatar.voice,
        created_at=CREATED_AT,
    )


def _look(avatar: _Avatar, look_id: str, name: str, number: int) -> Look:
    photo = avatar.kind == _PHOTO
    return Look(
        id=look_id,
        number=number,
        group_id=hex_id("group", avatar.name),
        name=name,
        avatar_type=avatar.kind,
        gender=avatar.gender,
        voice_id=avatar.voice,
        engines=ENGINES[1:] if photo else ENGINES,
        size=(1024, 1024) if photo else (1920, 1080),
    )
