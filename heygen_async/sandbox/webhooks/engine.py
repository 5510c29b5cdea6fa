"""Webhooks of the sandbox as one thing: it hears of jobs, makes events, queues deliveries and has them carried out."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Collection, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio
from attrs import frozen

from heygen_async.sandbox.answers import Link
from heygen_async.sandbox.batches import Batch
from heygen_async.sandbox.core import Account, Job
from heygen_async.sandbox.webhooks.courier import Courier, Parcel, refusal_of
from heygen_async.sandbox.webhooks.deliveries import Attempt, Deliveries, Delivery
from heygen_async.sandbox.webhooks.endpoints import Endpoints, WebhookEndpoint
from heygen_async.sandbox.webhooks.endpoints import Wire as EndpointWire
from heygen_async.sandbox.webhooks.happenings import (
    WebhookEvent,
    batch_data,
    data_of,
    end_of,
    event_id,
    sample_data,
)
from heygen_async.sandbox.webhooks.signing import HeaderStyle, new_secret, signed_headers
from heygen_async.sandbox.webhooks.twists import NamedAction, Twist

if TYPE_CHECKING:
    from heygen_async.sandbox.service import Service

KEPT: Final = 10_000
LISTED: Final = 10
EARLY_SECONDS: Final = 6.0
"""Real seconds a create call waits at most for the delivery of its early event: longer than one attempt takes."""

ADDED: Final = "endpoint.added"
"""As what the faults are asked about a new endpoint: `EVENT endpoint.added probe()`. It is never delivered."""

Json = dict[str, Any]


class Webhooks:
    """The events of an account, where they go, and what became of them.

    Events are made when a job ends on the virtual clock, whoever asks first; deliveries are carried out by a thread of
    its own that lives as long as there is an endpoint, or an unfinished job with a `callback_url`. It sends to this
    machine only, and to `hosts`. Safe to use from several threads.
    """

    def __init__(self, service: Service, *, hosts: Collection[str] = ()) -> None:
        self._service = service
        self._hosts = frozenset(host.lower() for host in hosts)
        self._link: Link | None = None
        self._courier = Courier(self)
        self._deliveries = Deliveries()
        self._forget()

    def _forget(self) -> None:
        self._endpoints = Endpoints()
        self._deliveries = self._deliveries.emptied()
        self._events: deque[WebhookEvent] = deque(maxlen=KEPT)
        self._made = 0
        self._awaited: dict[str, Job] = {}
        self._open_batches: dict[str, Batch] = {}
        self._told_early: set[tuple[str, str]] = set()
        self._asked: dict[tuple[str, str], list[NamedAction]] = {}

    @property
    def events(self) -> list[WebhookEvent]:
        """Return what happened since the start or the last reset, oldest first, delivered or not."""
        with self._current():
            return list(self._events)

    @property
    def deliveries(self) -> list[Delivery]:
        """Return all deliveries, oldest first, each as it is now."""
        with self._current():
            return list(self._deliveries)

    @property
    def endpoints(self) -> list[WebhookEndpoint]:
        """Return the registered endpoints with their secrets, oldest first."""
        with self._service.open():
            return list(self._endpoints)

    def wait(self, event_type: str | None = None, *, video_id: str | None = None, timeout: float = 10.0) -> Delivery:
        """Block until a receiver has taken an event, and return the first such delivery, also one from before.

        Blocks its thread: a receiver in the same event loop needs `anyio.to_thread.run_sync` around it. Raise
        `TimeoutError` after `timeout` real seconds; it tells what was delivered instead, and what kept the rest.
        """
        deadline = time.monotonic() + timeout
        while True:
            for delivery in self.deliveries:
                fits = event_type in {None, delivery.event.type} and video_id in {None, delivery.event.video_id}
                if fits and delivery.state == "delivered" and delivery.method == "POST":
                    return delivery
            if time.monotonic() > deadline:
                raise TimeoutError(self._why_not(event_type, video_id, timeout))
            time.sleep(0.01)

    def trigger(self, event: str, url: str, video_id: str | None = None, *, secret: str | None = None) -> Delivery:
        """Send an event of any type to a URL, now, and return its delivery, which is still on its way.

        It tells about the video if there is one with that id, else it has made-up values. Signed with `secret`, else
        with that of the endpoint that has this URL, else not at all. Raise `ValueError` for an empty type or URL.
        """
        if not event or not url:
            raise ValueError("trigger: give the type of an event, such as 'avatar_video.success', and a URL")
        with self._current() as (account, now):
            job = account.jobs.get(video_id or "")
            data = data_of(job, event, self._link) if job else sample_data(event, video_id)
            endpoint = next((one for one in self._endpoints if one.url == url), None)
            return self._queue(self._record(event, data, now), url, endpoint, now=now, secret=secret)

    def emit(self, event_type: str, data: Json, *, callback_url: str | None = None) -> WebhookEvent:
        """Make an event that is not a video's end, and deliver it to whom it concerns."""
        with self._current() as (_, now):
            return self._tell(event_type, data, at=now, now=now, callback_url=callback_url, wire="v3")

    async def outcome(self, delivery: Delivery, *, timeout: float = EARLY_SECONDS) -> Delivery:
        """Wait, at most `timeout` real seconds, until a delivery was tried, and return it as it is then."""
        with anyio.move_on_after(timeout):
            while not delivery.attempts and not delivery.is_over:
                await anyio.sleep(0.005)
                with self._service.open():
                    delivery = self._deliveries.get(delivery.number) or delivery
        return delivery

    # Called by the API.

    def called_at(self, link: Link) -> None:
        """Take note of where the newest API call came to: there the links in events lead."""
        self._link = link

    def submitted(self, job: Job) -> None:
        """Hear of a new job; the service's lock is held."""
        if job.order.request.get("callback_url"):
            self._awaited[job.id] = job
            self._courier.wake()

    def batch_opened(self, batch: Batch) -> None:
        """Hear of a new batch of videos: its end is an event of its own."""
        with self._service.open():
            self._open_batches[batch.id] = batch
            self._courier.wake()

    async def tell_early(self, job: Job) -> None:
        """Deliver the event of a job's success before its create call is answered, if a fault says so."""
        if not self._may_fire("early"):
            return
        with self._service.open() as (_, now):
            success, before = "avatar_video.success", {one.number for one in self._deliveries}
            actions = self._actions(success, job.id)
            self._asked[job.id, success] = actions
            if all(action.name != "early" for action in actions):
                return
            self._told_early.add((job.id, success))
            self._tell_end(job, success, at=now, now=now)
            made = [one for one in self._deliveries if one.number not in before]
        for delivery in made:
            await self.outcome(delivery)

    def add_endpoint(
        self, url: str, *, events: list[str] | None, wire: EndpointWire, entity_id: str | None
    ) -> WebhookEndpoint:
        """Register a URL; it hears of what happens from now on."""
        with self._current() as (account, now):
            endpoint = self._endpoints.add(
                url, events=events, wire=wire, entity_id=entity_id, seed=account.seed, now=now
            )
            if self._may_fire("probe") and self._twist(ADDED, None).probe:
                self._probe(url, now)
            self._courier.wake()
            return endpoint

    def endpoint(self, endpoint_id: str | None) -> WebhookEndpoint | None:
        """Return the endpoint, if there is one."""
        with self._service.open():
            return self._endpoints.get(endpoint_id)

    def change_endpoint(self, endpoint_id: str, **changes: Any) -> WebhookEndpoint | None:
        """Change `url`, `events`; return None if there is no such endpoint."""
        with self._current():
            endpoint = self._endpoints.get(endpoint_id)
            return endpoint and self._endpoints.change(endpoint, **changes)

    def rotate_secret(self, endpoint_id: str) -> WebhookEndpoint | None:
        """Give an endpoint a new secret, at once; return None if there is no such endpoint."""
        with self._current():
            endpoint = self._endpoints.get(endpoint_id)
            return endpoint and self._endpoints.rotate(endpoint)

    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint and what was to be delivered to it; say whether there was one."""
        with self._current():
            found = self._endpoints.get(endpoint_id) is not None
            self._endpoints.remove(endpoint_id)
            self._deliveries.drop_endpoint(endpoint_id)
            return found

    # Called by the sandbox.

    def reset(self) -> None:
        """Forget endpoints, events and deliveries; the thread ends by itself."""
        with self._service.open():
            self._forget()

    def stop(self) -> None:
        """End the thread."""
        self._courier.stop()

    def to_json(self) -> Json:
        """Return endpoints with their secrets, events and deliveries as JSON."""
        self._collect()
        return {
            "endpoints": self._endpoints.to_json(),
            "events": [_event_json(event) for event in self._events],
            "events_made": self._made,
            "deliveries": self._deliveries.to_json(),
            "open_batches": list(self._open_batches),
        }

    def from_json(self, value: Json) -> None:
        """Hold what `to_json` returned, and nothing else; the account must be there already. Deliveries go on."""
        events = [WebhookEvent(**one) for one in value["events"]]
        endpoints, deliveries = Endpoints(), Deliveries()
        endpoints.from_json(value["endpoints"])
        deliveries.from_json(value["deliveries"])
        made, batches = int(value["events_made"]), self._service.account.batches
        open_batches = {name: batches[name] for name in value["open_batches"] if name in batches}
        self._forget()
        self._open_batches = open_batches
        self._endpoints, self._deliveries, self._made = endpoints, deliveries, made
        self._events.extend(events)
        for job in self._service.account.jobs.values():
            if job.finished_at is None and not job.deleted:
                self.submitted(job)
        self._courier.wake()

    # Called by the courier, from its thread.

    def lock(self) -> AbstractContextManager[Any]:
        """Return what guards all this: the service's lock."""
        return self._service.open()

    def has_work(self) -> bool:
        """Say whether there is anybody to deliver to."""
        for video_id in [video_id for video_id, job in self._awaited.items() if job.finished_at or job.deleted]:
            del self._awaited[video_id]
        batch = any(batch.callback_url for batch in self._open_batches.values())
        return bool(len(self._endpoints) or self._awaited or batch or self._deliveries.has_work)

    def next(self, may_send: Callable[[str], bool]) -> Parcel | None:
        """Return the next request to be sent, signed as of now."""
        with self._current() as (_, now):
            while (delivery := self._deliveries.take(now, may_send)) is not None:
                reason = refusal_of(delivery.url, self._hosts)
                if reason is None:
                    return self._parcel(delivery)
                self._deliveries.refuse(delivery.number, reason)
            return None

    def sent(self, parcel: Parcel, status: int | None, error: str | None) -> None:
        """Write down what became of a request."""
        with self._service.open() as (_, now):
            attempt = Attempt(at=now, status=status, error=error, headers=parcel.headers, body=parcel.body)
            self._deliveries.record(parcel.number, attempt)

    # Inside; the lock is held.

    @contextmanager
    def _current(self) -> Generator[tuple[Account, float]]:
        with self._service.open() as (account, now):
            self._collect()
            yield account, now

    def _collect(self) -> None:
        """Make the events of the jobs and batches that have ended."""
        with self._service.open() as (account, now):
            account.settle(now)
            while account.ended:
                job = account.ended.popleft()
                event_type, at = end_of(job), job.finished_at
                if (job.id, event_type) not in self._told_early:
                    self._tell_end(job, event_type, at=now if at is None else at, now=now)

            for batch in list(self._open_batches.values()):
                data = batch_data(batch, account.jobs)
                if data is not None:
                    del self._open_batches[batch.id]
                    self._tell("batch.finished", data, at=now, now=now, callback_url=batch.callback_url, wire="v3")

    def _tell_end(self, job: Job, event_type: str, *, at: float, now: float) -> None:
        data = data_of(job, event_type, self._link)
        wire: EndpointWire = "v3" if job.order.wire == "v3" else "v1"
        self._tell(event_type, data, at=at, now=now, callback_url=job.order.request.get("callback_url"), wire=wire)

    def _tell(
        self, event_type: str, data: Json, *, at: float, now: float, callback_url: str | None, wire: EndpointWire
    ) -> WebhookEvent:
        event = self._record(event_type, data, at)
        for endpoint in self._endpoints:
            if endpoint.wants(event):
                self._queue(event, endpoint.url, endpoint, now=now)
        if callback_url:
            self._queue(event, callback_url, None, now=now, wire=wire)
        return event

    def _record(self, event_type: str, data: Json, at: float) -> WebhookEvent:
        self._made += 1
        number, seed = self._made, self._service.account.seed
        event = WebhookEvent(number=number, id=event_id(seed, number), type=event_type, created_at=at, data=data)
        self._events.append(event)
        return event

    def _queue(
        self,
        event: WebhookEvent,
        url: str,
        endpoint: WebhookEndpoint | None,
        *,
        now: float,
        wire: EndpointWire = "v3",
        secret: str | None = None,
    ) -> Delivery:
        twist = self._twist(event.type, event.video_id)
        if twist.rotate and endpoint is not None:
            self._endpoints.rotate(endpoint)
        if twist.probe:
            self._probe(url, now)
        delivery = self._deliveries.add(
            event,
            url,
            endpoint_id=endpoint.id if endpoint else None,
            wire=endpoint.wire if endpoint else wire,
            now=now,
            twist=twist,
            secret=secret,
        )
        self._courier.wake()
        return delivery

    def _probe(self, url: str, now: float) -> None:
        event = WebhookEvent(number=0, id="", type="probe", created_at=now)
        self._deliveries.add(event, url, endpoint_id=None, wire="v3", now=now, twist=Twist(), method="OPTIONS")

    def _parcel(self, delivery: Delivery) -> Parcel:
        headers: Json = {"User-Agent": "HeyGen-Sandbox"}
        if delivery.method == "OPTIONS":
            return Parcel(number=delivery.number, method="OPTIONS", url=delivery.url, headers=headers, body=b"")
        event, twist = delivery.event, delivery.twist
        said = twist.apply(event.on_v3() if delivery.wire == "v3" else event.on_v1())
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        headers |= {"Content-Type": "application/json"} | self._signature(delivery, body)
        return Parcel(number=delivery.number, method="POST", url=delivery.url, headers=headers, body=body)

    def _signature(self, delivery: Delivery, body: bytes) -> Json:
        endpoint, twist = self._endpoints.get(delivery.endpoint_id), delivery.twist
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

    def _twist(self, event_type: str, video_id: str | None) -> Twist:
        asked = self._asked.pop((video_id or "", event_type), None)
        return Twist.of(self._actions(event_type, video_id) if asked is None else asked)

    def _actions(self, event_type: str, video_id: str | None) -> list[NamedAction]:
        return list(self._service.faults.for_delivery(_Subject(event_type, video_id)))

    def _may_fire(self, name: str) -> bool:
        return any(active.rule.action.name == name for active in self._service.faults)

    def _why_not(self, event_type: str | None, video_id: str | None, timeout: float) -> str:
        asked = f"{event_type or 'an event'}{f' of video {video_id}' if video_id else ''}"
        with self._current():
            lines = [f"{asked} was not delivered within {timeout:g} s."]
            if not self._deliveries:
                lines.append(f"Nothing was: {len(self._endpoints)} endpoint(s), {len(self._events)} event(s).")
            lines += [_line(delivery) for delivery in list(self._deliveries)[-LISTED:]]
        return "\n".join(lines)


@frozen
class _Subject:
    """What the faults are asked about."""

    type: str
    video_id: str | None


def _line(delivery: Delivery) -> str:
    reason = f" ({delivery.reason})" if delivery.reason else ""
    about = f" of video {delivery.event.video_id}" if delivery.event.video_id else ""
    return f"- {delivery.event.type}{about} to {delivery.url}: {delivery.state}{reason}"


def _event_json(event: WebhookEvent) -> Json:
    return {
        "number": event.number,
        "id": event.id,
        "type": event.type,
        "created_at": event.created_at,
        "data": event.data,
    }
