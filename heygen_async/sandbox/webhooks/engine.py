"""Webhooks of the sandbox as one thing: it hears of jobs, makes events and has them delivered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio

from heygen_async.sandbox.answers import Link
from heygen_async.sandbox.batches import Batch
from heygen_async.sandbox.core import Account, Job
from heygen_async.sandbox.webhooks.courier import Courier, Parcel
from heygen_async.sandbox.webhooks.deliveries import Deliveries, Delivery
from heygen_async.sandbox.webhooks.endpoints import Endpoints, WebhookEndpoint, Wire
from heygen_async.sandbox.webhooks.happenings import (
    WebhookEvent,
    batch_data,
    data_of,
    end_of,
    event_id,
    sample_data,
)
from heygen_async.sandbox.webhooks.outbox import Outbox

if TYPE_CHECKING:
    from heygen_async.sandbox.service import Service

KEPT: Final = 10_000
LISTED: Final = 10
OUTCOME_SECONDS: Final = 6.0
"""Real seconds: longer than one attempt may take."""

SUCCESS: Final = "avatar_video.success"

Json = dict[str, Any]


class Webhooks:
    """The events of an account, where they go, and what became of them.

    Events are made when a job ends on the virtual clock, whoever asks first; deliveries are carried out by a thread of
    its own that lives as long as there is an endpoint, or an unfinished job with a `callback_url`. It sends to this
    machine only, and to `hosts`. Safe to use from several threads.
    """

    def __init__(self, service: Service, *, hosts: Collection[str] = ()) -> None:
        self._service = service
        self._outbox = Outbox(lambda: service.faults, hosts)
        self._courier = Courier(self)
        self._link: Link | None = None
        self._events: deque[WebhookEvent] = deque(maxlen=KEPT)
        self._made = 0
        self._awaited: dict[str, Job] = {}
        self._batches: dict[str, Batch] = {}
        self._told_early: set[str] = set()
        self._early: dict[str, list[Delivery]] = {}

    @property
    def events(self) -> list[WebhookEvent]:
        """Return what happened since the start or the last reset, oldest first, delivered or not."""
        with self._current():
            return list(self._events)

    @property
    def deliveries(self) -> list[Delivery]:
        """Return all deliveries, oldest first, each as it is now."""
        with self._current():
            return list(self._outbox.deliveries)

    @property
    def endpoints(self) -> list[WebhookEndpoint]:
        """Return the registered endpoints with their secrets, oldest first."""
        with self._service.open():
            return list(self._outbox.endpoints)

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
            endpoint = next((one for one in self._outbox.endpoints if one.url == url), None)
            return self._outbox.queue(self._record(event, data, now), url, endpoint, now=now, secret=secret)

    async def outcome(self, delivery: Delivery, *, timeout: float = OUTCOME_SECONDS) -> Delivery:
        """Wait, at most `timeout` real seconds, until a delivery was tried, and return it as it is then."""
        with anyio.move_on_after(timeout):
            while not delivery.attempts and not delivery.is_over:
                await anyio.sleep(0.005)
                with self._service.open():
                    delivery = self._outbox.deliveries.get(delivery.number) or delivery
        return delivery

    def called_at(self, link: Link) -> None:
        """Take note of where the newest API call came to: there the links in events lead."""
        self._link = link

    def submitted(self, job: Job) -> None:
        """Hear of a new job; the service's lock is held, so that its end was not told yet."""
        if job.failure is None and self._outbox.comes_early(SUCCESS, job.id):
            self._told_early.add(job.id)
            self._early[job.id] = self._tell_end(job, SUCCESS, at=job.created_at, now=job.created_at)
        self._await(job)
        self._courier.wake()

    def batch_opened(self, batch: Batch) -> None:
        """Hear of a new batch of videos: its end is an event of its own."""
        with self._current():
            self._batches[batch.id] = batch

    async def tell_early(self, job: Job) -> None:
        """Wait until the event that a fault wants before the create call's answer was delivered, if there is one."""
        for delivery in self._early.pop(job.id, []):
            await self.outcome(delivery)

    def add_endpoint(
        self, url: str, *, events: Sequence[str] | None = None, wire: Wire = "v3", entity_id: str | None = None
    ) -> WebhookEndpoint:
        """Register a URL, as the API does, and return it with its secret; it hears of what happens from now on.

        `events` None means all. `wire` decides how deliveries are signed.
        """
        with self._current() as (account, now):
            endpoint = self._outbox.endpoints.add(
                url, events=events, wire=wire, entity_id=entity_id, seed=account.seed, now=now
            )
            self._outbox.endpoint_added(endpoint, now)
            return endpoint

    def change_endpoint(self, endpoint_id: str, **changes: Any) -> WebhookEndpoint | None:
        """Change `url`, `events`; return None if there is no such endpoint."""
        with self._current():
            endpoint = self._outbox.endpoints.get(endpoint_id)
            return endpoint and self._outbox.endpoints.change(endpoint, **changes)

    def rotate_secret(self, endpoint_id: str) -> WebhookEndpoint | None:
        """Give an endpoint a new secret, at once; return None if there is no such endpoint."""
        with self._current():
            endpoint = self._outbox.endpoints.get(endpoint_id)
            return endpoint and self._outbox.endpoints.rotate(endpoint)

    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Forget an endpoint and what was to be delivered to it; say whether there was one."""
        with self._current():
            found = self._outbox.endpoints.remove(endpoint_id)
            self._outbox.deliveries.drop_endpoint(endpoint_id)
            return found

    def reset(self) -> None:
        """Forget endpoints, events and deliveries; the thread ends by itself."""
        with self._service.open():
            self._outbox.clear()
            self._events.clear()
            self._made = 0
            self._awaited.clear()
            self._batches.clear()
            self._told_early.clear()
            self._early.clear()

    def stop(self) -> None:
        """End the thread."""
        self._courier.stop()

    def to_json(self) -> Json:
        """Return endpoints with their secrets, events and deliveries as JSON."""
        with self._current():
            return {
                "endpoints": self._outbox.endpoints.to_json(),
                "events": [event.to_json() for event in self._events],
                "events_made": self._made,
                "deliveries": self._outbox.deliveries.to_json(),
                "open_batches": list(self._batches),
            }

    def from_json(self, value: Json) -> None:
        """Hold what `to_json` returned, and nothing else; the account must be there already. Deliveries go on."""
        with self._service.open() as (account, _):
            events = [WebhookEvent(**one) for one in value["events"]]
            endpoints, deliveries = Endpoints(), Deliveries()
            endpoints.from_json(value["endpoints"])
            deliveries.from_json(value["deliveries"])
            made, names = int(value["events_made"]), list(value["open_batches"])
            self.reset()
            self._outbox.endpoints, self._outbox.deliveries, self._made = endpoints, deliveries, made
            self._events.extend(events)
            self._batches |= {name: account.batches[name] for name in names if name in account.batches}
            for job in account.jobs.values():
                if job.finished_at is None and not job.deleted:
                    self._await(job)
            self._courier.wake()

    def lock(self) -> AbstractContextManager[Any]:
        """Return what guards all this: the service's lock."""
        return self._service.open()

    def has_work(self) -> bool:
        """Say whether there is anybody to deliver to; the lock is held."""
        callback = any(batch.callback_url for batch in self._batches.values())
        return bool(len(self._outbox.endpoints) or self._awaited or callback or self._outbox.deliveries.has_work)

    def begin(self) -> None:
        """Take back what was being sent when the thread was last stopped."""
        with self._service.open():
            self._outbox.deliveries.take_back()

    def next(self, may_send: Callable[[str], bool]) -> Parcel | None:
        """Return the next request to be sent, signed as of now."""
        with self._current() as (_, now):
            return self._outbox.next(may_send, now)

    def sent(self, parcel: Parcel, status: int | None, error: str | None) -> None:
        """Write down what became of a request."""
        with self._service.open() as (_, now):
            self._outbox.record(parcel, status=status, error=error, now=now)

    @contextmanager
    def _current(self) -> Generator[tuple[Account, float]]:
        """Hold the account with all its events made; whatever there is to deliver afterwards is on its way."""
        with self._service.open() as (account, now):
            account.settle(now)
            self._tell_of_jobs(account, now)
            self._tell_of_batches(account, now)
            yield account, now
            self._courier.wake()

    def _await(self, job: Job) -> None:
        if job.order.request.get("callback_url"):
            self._awaited[job.id] = job

    def _tell_of_jobs(self, account: Account, now: float) -> None:
        while account.ended:
            job = account.ended.popleft()
            event_type, at = end_of(job), job.finished_at
            if event_type != SUCCESS or job.id not in self._told_early:
                self._tell_end(job, event_type, at=now if at is None else at, now=now)
        for job in [job for job in self._awaited.values() if job.finished_at is not None or job.deleted]:
            del self._awaited[job.id]

    def _tell_of_batches(self, account: Account, now: float) -> None:
        for batch in list(self._batches.values()):
            data = batch_data(batch, account.jobs)
            if data is not None:
                del self._batches[batch.id]
                event = self._record("batch.finished", data, now)
                self._outbox.tell(event, callback_url=batch.callback_url, wire="v3", now=now)

    def _tell_end(self, job: Job, event_type: str, *, at: float, now: float) -> list[Delivery]:
        event = self._record(event_type, data_of(job, event_type, self._link), at)
        callback_url, wire = job.order.request.get("callback_url"), job.order.wire
        return self._outbox.tell(event, callback_url=callback_url, wire="v3" if wire == "v3" else "v1", now=now)

    def _record(self, event_type: str, data: Json, at: float) -> WebhookEvent:
        self._made += 1
        number, seed = self._made, self._service.account.seed
        event = WebhookEvent(number=number, id=event_id(seed, number), type=event_type, created_at=at, data=data)
        self._events.append(event)
        return event

    def _why_not(self, event_type: str | None, video_id: str | None, timeout: float) -> str:
        asked = f"{event_type or 'an event'}{f' of video {video_id}' if video_id else ''}"
        deliveries = self.deliveries
        lines = [f"{asked} was not delivered within {timeout:g} s."]
        if not deliveries:
            lines.append(f"Nothing was: {len(self.endpoints)} endpoint(s), {len(self.events)} event(s).")
        return "\n".join(lines + [_line(delivery) for delivery in deliveries[-LISTED:]])


def _line(delivery: Delivery) -> str:
    reason = f" ({delivery.reason})" if delivery.reason else ""
    about = f" of video {delivery.event.video_id}" if delivery.event.video_id else ""
    return f"- {delivery.event.type}{about} to {delivery.url}: {delivery.state}{reason}"
