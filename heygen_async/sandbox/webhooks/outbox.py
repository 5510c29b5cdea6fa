"""From an event to signed requests: who hears of it, what faults do to it, what it looks like on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from heygen_async.sandbox.webhooks.courier import Parcel, refusal_of
from heygen_async.sandbox.webhooks.deliveries import Attempt, Deliveries, Delivery
from heygen_async.sandbox.webhooks.endpoints import Endpoints, WebhookEndpoint, Wire
from heygen_async.sandbox.webhooks.happenings import WebhookEvent
from heygen_async.sandbox.webhooks.signing import HeaderStyle, new_secret, signed_headers
from heygen_async.sandbox.webhooks.twists import NamedAction, Twist

if TYPE_CHECKING:
    from heygen_async.sandbox.faults.engine import Faults

ADDED: Final = "endpoint.added"
"""As what the faults are asked about a new endpoint: `EVENT endpoint.added probe()`. It is never delivered."""

Json = dict[str, Any]


@frozen
class _Subject:
    """What the faults are asked about."""

    type: str
    video_id: str | None


class Outbox:
    """Endpoints and deliveries together. Not safe to use from several threads: its owner has the lock."""

    def __init__(self, faults: Callable[[], Faults], hosts: Collection[str]) -> None:
        self._faults = faults
        self._hosts = frozenset(host.lower() for host in hosts)
        self.endpoints = Endpoints()
        self.deliveries = Deliveries()
        self._foreseen: dict[_Subject, list[NamedAction]] = {}

    def clear(self) -> None:
        """Forget endpoints and deliveries."""
        self.endpoints, self.deliveries = Endpoints(), self.deliveries.emptied()
        self._foreseen.clear()

    def comes_early(self, event_type: str, video_id: str) -> bool:
        """Ask the faults whether an event is told before its time; what else they say is kept for its delivery."""
        if not self._may_fire("early"):
            return False
        subject = _Subject(event_type, video_id)
        actions = self._foreseen[subject] = self._actions(subject)
        return any(action.name == "early" for action in actions)

    def tell(self, event: WebhookEvent, *, callback_url: str | None, wire: Wire, now: float) -> list[Delivery]:
        """Queue an event for every endpoint that wants it, and for the callback of `wire`."""
        told = [self.queue(event, one.url, one, now=now) for one in self.endpoints if one.wants(event)]
        if callback_url:
            told.append(self.queue(event, callback_url, None, now=now, wire=wire))
        return told

    def queue(
        self,
        event: WebhookEvent,
        url: str,
        endpoint: WebhookEndpoint | None,
        *,
        now: float,
        wire: Wire = "v3",
        secret: str | None = None,
    ) -> Delivery:
        """Queue an event for one URL, as the faults will have it."""
        twist = self._twist(_Subject(event.type, event.video_id))
        if twist.rotate and endpoint is not None:
            self.endpoints.rotate(endpoint)
        if twist.probe:
            self._probe(url, now)
        return self.deliveries.add(
            event,
            url,
            endpoint_id=endpoint.id if endpoint else None,
            wire=endpoint.wire if endpoint else wire,
            now=now,
            twist=twist,
            secret=secret,
        )

    def endpoint_added(self, endpoint: WebhookEndpoint, now: float) -> None:
        """Probe a new endpoint if a fault says so."""
        if self._may_fire("probe") and self._twist(_Subject(ADDED, None)).probe:
            self._probe(endpoint.url, now)

    def next(self, may_send: Callable[[str], bool], now: float) -> Parcel | None:
        """Return the next request that is due, signed as of now; URLs that are not delivered to are passed over."""
        while (delivery := self.deliveries.take(now, may_send)) is not None:
            reason = refusal_of(delivery.url, self._hosts)
            if reason is None:
                return self._parcel(delivery)
            self.deliveries.refuse(delivery.number, reason)
        return None

    def record(self, parcel: Parcel, *, status: int | None, error: str | None, now: float) -> None:
        """Write down what became of a request."""
        attempt = Attempt(at=now, status=status, error=error, headers=parcel.headers, body=parcel.body)
        self.deliveries.record(parcel.number, attempt)

    def _probe(self, url: str, now: float) -> None:
        event = WebhookEvent(number=0, id="", type="probe", created_at=now)
        self.deliveries.add(event, url, endpoint_id=None, wire="v3", now=now, twist=Twist(), method="OPTIONS")

    def _parcel(self, delivery: Delivery) -> Parcel:
        headers = {"User-Agent": "HeyGen-Sandbox"}
        if delivery.method == "OPTIONS":
            return Parcel(number=delivery.number, method="OPTIONS", url=delivery.url, headers=headers, body=b"")
        event = delivery.event.on_v3() if delivery.wire == "v3" else delivery.event.on_v1()
        body = json.dumps(delivery.twist.apply(event), ensure_ascii=False, separators=(",", ":")).encode()
        headers |= {"Content-Type": "application/json"} | self._signature(delivery, body)
        return Parcel(number=delivery.number, method="POST", url=delivery.url, headers=headers, body=body)

    def _signature(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        endpoint, twist = self.endpoints.get(delivery.endpoint_id), delivery.twist
        secret = delivery.secret or (endpoint.secret if endpoint else None)
        if secret is None:
            return {}
        style: HeaderStyle = twist.style or delivery.wire
        return signed_headers(
            body,
            style=style,
            secret=new_secret() if twist.bad_signature else secret,
            event_id=delivery.event.id,
            # Receivers compare it with the real time, not with the virtual one.
            timestamp=time.time() + twist.timestamp_shift,
        )

    def _twist(self, subject: _Subject) -> Twist:
        actions = self._foreseen.pop(subject, None)
        return Twist.of(self._actions(subject) if actions is None else actions)

    def _actions(self, subject: _Subject) -> list[NamedAction]:
        return list(self._faults().for_delivery(subject))

    def _may_fire(self, name: str) -> bool:
        return any(active.rule.action.name == name for active in self._faults())
