"""How things of one's own come into being: avatars from photos, footage or words, and cloned voices."""

from __future__ import annotations

from typing import Any, Final

from heygen_async.sandbox.catalogue import ENGINES, AvatarType, Group, Look, Training, Voice
from heygen_async.sandbox.core import Account, InsufficientCreditError
from heygen_async.sandbox.prices import AVATAR_CREATION
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.schema import as_object
from heygen_async.sandbox.stock_catalogue import PAIGE

Json = dict[str, Any]

_TYPES: Final[dict[str, AvatarType]] = {
    "photo": "photo_avatar",
    "prompt": "photo_avatar",
    "digital_twin": "digital_twin",
}


def make_avatar(account: Account, body: Json, *, group: Group | None, now: float) -> Look:
    """Charge and return a new look for a checked body, in a new group if none is given; raise the 402."""
    look_id = account.new_id("look")
    try:
        account.pay(look_id, usd=AVATAR_CREATION, now=now)
    except InsufficientCreditError:
        raise Problem(402, "insufficient_credit", "Insufficient credit: top up your wallet.") from None
    kind, source = _TYPES[body["type"]], as_object(body.get("file")) or {}
    if group is None:
        group = new_group(account, body["name"], now=now)
    if kind == "digital_twin" and group.consent is None:
        group.consent = "pending"
    image = source.get("asset_id")
    return new_look(account, group, look_id, body["name"], kind, training=Training(began=now), image=image)


def make_talking_photo(account: Account, asset_id: str, *, now: float) -> Look:
    """Return a look that was made from an uploaded photo and is ready at once: v1's way."""
    look_id = account.new_id("look")
    group = new_group(account, f"Photo {look_id[:6]}", now=now)
    training = Training(began=now, ended=True)
    return new_look(account, group, look_id, group.name, "photo_avatar", training=training, image=asset_id)


def make_voice(account: Account, body: Json, *, now: float) -> Voice:
    """Return a new voice for a checked clone request."""
    voice = Voice(
        id=account.new_id("voice"),
        number=account.catalogue.next_number(),
        name=body["voice_name"],
        language=body.get("language") or "English",
        gender="unknown",
        created_at=now,
        training=Training(began=now),
    )
    account.catalogue.voices[voice.id] = voice
    return voice


def new_group(account: Account, name: str, *, now: float) -> Group:
    """Keep and return an empty group of one's own."""
    group = Group(
        id=account.new_id("group"),
        number=account.catalogue.next_number(),
        name=name,
        gender=None,
        voice_id=PAIGE,
        created_at=now,
        own=True,
    )
    account.catalogue.groups[group.id] = group
    return group


def new_look(
    account: Account, group: Group, look_id: str, name: str, kind: AvatarType, *, training: Training, image: str | None
) -> Look:
    """Keep and return a look of one's own."""
    look = Look(
        id=look_id,
        number=account.catalogue.next_number(),
        group_id=group.id,
        name=name,
        avatar_type=kind,
        gender=group.gender,
        voice_id=group.voice_id,
        engines=ENGINES[1:] if kind == "photo_avatar" else ENGINES,
        image=image,
        training=training,
    )
    account.catalogue.looks[look.id] = look
    return look
