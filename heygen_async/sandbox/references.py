"""Checks the ids that a request names: whether they exist, and may be used yet.

By default any id will do, because users try the sandbox with the ids of their own account. What the sandbox knows is
its own: an avatar that is still in training, or an upload that never arrived, is refused always. With the switch
`known_ids` unknown ids are refused too, as HeyGen does: on v3 with a 404, on v1 and v2 with a 404 for avatars and a
failed video for everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, cast

from attrs import evolve, frozen

from heygen_async.sandbox.assets import AssetStore
from heygen_async.sandbox.catalogue import Look
from heygen_async.sandbox.core import Account, Order
from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.problems import Problem

Kind = Literal["avatar", "voice", "asset"]

_KINDS: Final[dict[str, Kind]] = {
    "avatar_id": "avatar",
    "reference_look_id": "avatar",
    "talking_photo_id": "avatar",
    "character_id": "avatar",
    "voice_id": "voice",
    "asset_id": "asset",
    "audio_asset_id": "asset",
    "image_asset_id": "asset",
    "video_asset_id": "asset",
}
_MESSAGES: Final = {"avatar": "Avatar look {} not found", "voice": "Voice {} not found", "asset": "Asset {} not found"}
_V2_AVATAR: Final = "avatar look not found"


@frozen
class Reference:
    """One id in a request, and the path of its field."""

    kind: Kind
    id: str
    path: str


def references(value: Any, path: str = "") -> Iterator[Reference]:
    """Yield the ids in a checked body, from its start to its end."""
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            here = f"{path}.{name}" if path else name
            kind = _KINDS.get(name)
            ids = _texts(inner) if kind else []
            yield from (Reference(kind, one, here) for one in ids if kind)
            if not ids:
                yield from references(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from references(inner, f"{path}.{index}")


@frozen(kw_only=True)
class Checker:
    """Checks ids against what the account holds at one moment; `lag` is how long new uploads stay unknown."""

    account: Account
    assets: AssetStore
    now: float
    known_only: bool
    lag: float = 0.0

    def order(self, order: Order) -> Order:
        """Return the order, failing if it must; raise the `Problem` for an id that cannot be used."""
        for reference in references(order.request):
            problem = self.refusal(reference)
            if problem is None:
                continue
            failure = _later(reference) if order.wire == "v2" and problem.status == 404 else None
            if failure is None:
                raise _on_v2(reference, problem) if order.wire == "v2" else problem
            order = evolve(order, failure=failure)
        return order

    def body(self, body: Any) -> None:
        """Raise the `Problem` for the first id in a body that cannot be used."""
        for reference in references(body):
            if (problem := self.refusal(reference)) is not None:
                raise problem

    def refusal(self, reference: Reference) -> Problem | None:
        """Return why an id cannot be used, None if it can."""
        match reference.kind:
            case "avatar":
                look = self.account.catalogue.looks.get(reference.id)
                return self._unknown(reference) if look is None else self._look(look)
            case "voice":
                return self._voice(reference)
            case "asset":
                return self._asset(reference)

    def _look(self, look: Look) -> Problem | None:
        match self.account.catalogue.stage(look, self.account.progress, self.now):
            case "processing":
                return Problem(409, "resource_not_ready", f"Avatar look {look.id} is still processing")
            case "pending_consent":
                text = f"Avatar look {look.id} needs the consent of the person it shows"
                return Problem(400, "avatar_consent_required", text)
            case "completed":
                return None

    def _voice(self, reference: Reference) -> Problem | None:
        voice = self.account.catalogue.voices.get(reference.id)
        if voice is None:
            return self._unknown(reference)
        if voice.training is None or voice.training.is_over(self.account.progress.of(voice.id), self.now):
            return None
        return Problem(409, "resource_not_ready", f"Voice {voice.id} is still processing")

    def _asset(self, reference: Reference) -> Problem | None:
        asset = self.assets.by_id.get(reference.id)
        if asset is None:
            return None if self.assets.is_known(reference.id) else self._unknown(reference)
        if asset.completed_at is None:
            return Problem(409, "asset_not_available", f"Asset {asset.id} is not available yet")
        return _not_found(reference) if self.now < asset.completed_at + self.lag else None

    def _unknown(self, reference: Reference) -> Problem | None:
        return _not_found(reference) if self.known_only else None


def _not_found(reference: Reference) -> Problem:
    text = _MESSAGES[reference.kind].format(reference.id)
    return Problem(404, f"{reference.kind}_not_found", text, param=reference.path)


def _on_v2(reference: Reference, problem: Problem) -> Problem:
    if problem.status == 404 and reference.kind == "avatar":
        return Problem(404, problem.code, _V2_AVATAR)
    return problem


def _later(reference: Reference) -> Failure | None:
    """Return how a v2 video fails that was accepted with an unknown id; unknown avatars are refused at once."""
    if reference.kind == "voice":
        return Failure.of(400548)
    if reference.kind == "asset":
        return Failure.of(40044, detail=f"Failed to open audio file: {reference.id}")
    return None


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [entry for entry in cast("list[object]", value) if isinstance(entry, str)]
    return []
