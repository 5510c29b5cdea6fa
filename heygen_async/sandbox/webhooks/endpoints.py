"""The registered endpoints: where events go, which of them, and the secret that signs them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from attrs import evolve, field, frozen

from heygen_async.sandbox.webhooks.happenings import WebhookEvent
from heygen_async.sandbox.webhooks.signing import iso, new_secret

Json = dict[str, Any]

Wire = Literal["v1", "v3"]


@frozen(kw_only=True)
class WebhookEndpoint:
    """One registered URL.

    `events` None means all. `wire` is the generation of the API that made it and decides how deliveries are signed.
    `entity_id` narrows it to events about one thing. `created_at` is virtual, in unix seconds.
    """

    number: int
    id: str
    url: str
    secret: str = field(repr=False)
    wire: Wire
    created_at: float
    events: tuple[str, ...] | None = None
    entity_id: str | None = None

    def wants(self, event: WebhookEvent) -> bool:
        """Say whether an event goes there."""
        return self.events_include(event.type) and self.entity_id in {None, event.entity_id}

    def events_include(self, event_type: str) -> bool:
        """Say whether it subscribed to a type of event."""
        return self.events is None or event_type in self.events

    def on_v3(self, *, with_secret: bool = False) -> Json:
        """Return it as v3 shows it: the secret only once."""
        return {
            "endpoint_id": self.id,
            "url": self.url,
            "events": None if self.events is None else list(self.events),
            "status": "enabled",
            "created_at": iso(self.created_at),
            "secret": self.secret if with_secret else None,
        }

    def on_v1(self) -> Json:
        """Return it as v1 shows it: always with its secret."""
        stamp = iso(self.created_at).removesuffix("Z") + f".{self.created_at % 1 * 1e6:06.0f}"
        return {**self.on_v3(with_secret=True), "username": "sandbox", "created_at": stamp}


class Endpoints:
    """All endpoints of the account, of both generations."""

    def __init__(self) -> None:
        self._all: dict[str, WebhookEndpoint] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[WebhookEndpoint]:
        return iter(list(self._all.values()))

    def get(self, endpoint_id: str | None) -> WebhookEndpoint | None:
        """Return the endpoint, if there is one."""
        return self._all.get(endpoint_id or "")

    def add(
        self, url: str, *, events: Sequence[str] | None, wire: Wire, entity_id: str | None, seed: int, now: float
    ) -> WebhookEndpoint:
        """Register a URL, with a fresh secret."""
        self._made += 1
        name = hashlib.sha256(f"{seed}:endpoint:{self._made}".encode()).hexdigest()[:16]
        return self._keep(
            WebhookEndpoint(
                number=self._made,
                id=f"ep_{name}",
                url=url,
                secret=new_secret(),
                wire=wire,
                created_at=now,
                events=tuple(events) if events else None,
                entity_id=entity_id,
            )
        )

    def change(self, endpoint: WebhookEndpoint, **changes: Any) -> WebhookEndpoint:
        """Replace what is named; `events` empty or None means all."""
        if "events" in changes:
            changes["events"] = tuple(changes["events"] or ()) or None
        return self._keep(evolve(endpoint, **changes))

    def rotate(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        """Give it a fresh secret; the old one signs nothing from now on."""
        return self._keep(evolve(endpoint, secret=new_secret()))

    def remove(self, endpoint_id: str) -> bool:
        """Forget an endpoint; say whether there was one."""
        return self._all.pop(endpoint_id, None) is not None

    def to_json(self) -> Json:
        """Return all of them as JSON, secrets included."""
        return {
            "made": self._made,
            "endpoints": [
                {
                    "number": one.number,
                    "id": one.id,
                    "url": one.url,
                    "secret": one.secret,
                    "wire": one.wire,
                    "created_at": one.created_at,
                    "events": None if one.events is None else list(one.events),
                    "entity_id": one.entity_id,
                }
                for one in self._all.values()
            ],
        }

    def from_json(self, value: Json) -> None:
        """Hold what `to_json` returned, and nothing else."""
        kept: list[Json] = value["endpoints"]
        read = [_from_json(one) for one in kept]
        self._made = int(value["made"])
        self._all = {one.id: one for one in read}

    def _keep(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        self._all[endpoint.id] = endpoint
        return endpoint


def _from_json(value: Json) -> WebhookEndpoint:
    fields: Json = {**value, "events": tuple(value["events"] or ()) or None}
    return WebhookEndpoint(**fields)
