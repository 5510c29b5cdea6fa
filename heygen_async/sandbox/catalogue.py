"""What an account can choose from: groups of avatars with their looks, and voices; public ones and its own."""

from __future__ import annotations

from typing import Literal

from attrs import define, field

from heygen_async.sandbox.progress import Progress

AvatarType = Literal["studio_avatar", "digital_twin", "photo_avatar"]
Stage = Literal["processing", "pending_consent", "completed"]

ENGINES = ("avatar_v", "avatar_iv", "avatar_iii")


@define(kw_only=True)
class Training:
    """How far something of one's own is: it moves by the same rule as jobs; `looks` counts the calls that read it."""

    began: float
    looks: int = 0
    ended: bool = False

    def look(self) -> None:
        """Count a call that reads it."""
        if not self.ended:
            self.looks += 1

    def is_over(self, progress: Progress, now: float) -> bool:
        """Say whether it is usable now; what is usable stays so."""
        if not self.ended:
            due = progress.due(admitted_at=self.began, looks=self.looks, now=now)
            self.ended = due is not None and due <= now
        return self.ended


@define(kw_only=True)
class Voice:
    """A voice; only one's own has a `training`."""

    id: str
    number: int
    name: str
    language: str
    gender: str
    engines: tuple[str, ...] = ("starfish",)
    emotion: bool = False
    interactive: bool = False
    locale: bool = False
    created_at: float | None = None
    training: Training | None = None


@define(kw_only=True)
class Look:
    """A look of an avatar: its id is the `avatar_id` of requests. `image` is the asset that it was made from."""

    id: str
    number: int
    group_id: str
    name: str
    avatar_type: AvatarType
    gender: str | None
    voice_id: str | None
    engines: tuple[str, ...] = ENGINES
    tags: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    image: str | None = None
    training: Training | None = None


@define(kw_only=True)
class Group:
    """An avatar with its looks. `consent` is None where none is needed, else `pending` or `completed`."""

    id: str
    number: int
    name: str
    gender: str | None
    voice_id: str | None
    created_at: float
    own: bool = False
    consent: Literal["pending", "completed"] | None = None


@define(eq=False)
class Catalogue:
    """The groups, looks and voices of one account by id; public ones are there from the start."""

    groups: dict[str, Group] = field(factory=dict[str, Group])
    looks: dict[str, Look] = field(factory=dict[str, Look])
    voices: dict[str, Voice] = field(factory=dict[str, Voice])

    def next_number(self) -> int:
        """Return a number above all that were given: the newest stands first in every list."""
        tables = (self.groups, self.looks, self.voices)
        return max((row.number for table in tables for row in table.values()), default=0) + 1

    def looks_of(self, group_id: str) -> list[Look]:
        """Return the looks of a group, newest first."""
        found = [look for look in self.looks.values() if look.group_id == group_id]
        return sorted(found, key=lambda look: look.number, reverse=True)

    def is_own(self, look: Look) -> bool:
        """Say whether a look belongs to the account."""
        return self.groups[look.group_id].own

    def is_photo(self, look_id: str) -> bool:
        """Say whether a look is a photo that talks, which costs less; of unknown looks it is not known."""
        look = self.looks.get(look_id)
        return look is not None and look.avatar_type == "photo_avatar"

    def default_voice(self, look_id: str) -> str | None:
        """Return the voice of a look that is given none, None for looks that are not known."""
        look = self.looks.get(look_id)
        return look.voice_id if look is not None else None

    def stage(self, look: Look, progress: Progress, now: float) -> Stage:
        """Return how far a look is; digital twins wait for the consent of the person after their training."""
        if look.training is not None and not look.training.is_over(progress.of(look.id), now):
            return "processing"
        return "pending_consent" if self.groups[look.group_id].consent == "pending" else "completed"

    def group_stage(self, group: Group, progress: Progress, now: float) -> Stage:
        """Return how far a group is: as far as the first of its looks that is ready."""
        stages = {self.stage(look, progress, now) for look in self.looks_of(group.id)}
        if stages == {"processing"}:
            return "processing"
        return "pending_consent" if group.consent == "pending" else "completed"

    def remove_group(self, group_id: str) -> None:
        """Remove a group and all its looks."""
        del self.groups[group_id]
        for look in self.looks_of(group_id):
            del self.looks[look.id]
