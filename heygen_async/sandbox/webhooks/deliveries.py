"""Deliveries and when they are due: values and a queue, pure, asked with the time of the question."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from attrs import asdict, evolve, field, frozen

from heygen_async.sandbox.webhooks.happenings import WebhookEvent
from heygen_async.sandbox.webhooks.twists import Twist

Json = dict[str, Any]

State = Literal["waiting", "sending", "delivered", "failed", "refused", "dropped"]
"""`waiting` for its time or its next attempt; `failed` after the last one; `refused` because the sandbox does not send
to that host; `dropped` by a fault."""

Wire = Literal["v1", "v3"]

RETRY_DELAYS: Final = (10.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0, 43200.0)
"""Virtual seconds between attempts: eight of them in 20.6 hours. An assumption: HeyGen says that it retries, others say
for up to 24 hours, nobody says when."""

KEPT: Final = 10_000

_OPEN: Final = frozenset({"waiting", "sending"})


@frozen(kw_only=True)
class Attempt:
    """One request: `status` is None if no answer came, `error` says why it did not count. `at` is virtual."""

    at: float
    status: int | None
    error: str | None = None
    headers: Json = field(factory=dict[str, Any], repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen(kw_only=True)
class Delivery:
    """One event on its way to one URL; `endpoint_id` is None for a request's `callback_url`.

    `due_at` is the virtual time of the next attempt, None when there is none. `reason` tells why it is not delivered.
    `method` is `OPTIONS` for the probe of a new endpoint.
    """

    number: int
    event: WebhookEvent
    url: str
    endpoint_id: str | None
    wire: Wire
    state: State = "waiting"
    due_at: float | None = None
    attempts: tuple[Attempt, ...] = ()
    reason: str | None = None
    method: Literal["POST", "OPTIONS"] = "POST"
    twist: Twist = field(factory=Twist, repr=False)
    secret: str | None = field(default=None, repr=False)
    held: bool = False

    @property
    def is_over(self) -> bool:
        """Say whether there will be no further attempt."""
        return self.state not in _OPEN

    @property
    def headers(self) -> Json:
        """Return the headers of the last attempt."""
        return self.attempts[-1].headers if self.attempts else {}

    @property
    def body(self) -> bytes:
        """Return the body of the last attempt."""
        return self.attempts[-1].body if self.attempts else b""

    def after(self, attempt: Attempt) -> Delivery:
        """Return it with one attempt more: delivered, waiting for the next, or failed."""
        done = evolve(self, attempts=(*self.attempts, attempt), due_at=None, reason=attempt.error)
        if attempt.error is None:
            return evolve(done, state="delivered")
        if self.method == "OPTIONS" or len(done.attempts) > len(RETRY_DELAYS):
            return evolve(done, state="failed")
        return evolve(done, state="waiting", due_at=attempt.at + RETRY_DELAYS[len(self.attempts)])


class Deliveries:
    """All deliveries, oldest first; of those that are over, the newest 10,000."""

    def __init__(self, *, above: int = 0) -> None:
        self._all: OrderedDict[int, Delivery] = OrderedDict()
        self._open: OrderedDict[int, Delivery] = OrderedDict()
        self._made = above

    def __iter__(self) -> Iterator[Delivery]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def emptied(self) -> Deliveries:
        """Return an empty queue that goes on counting: what is being sent right now must not be taken for a new one."""
        return Deliveries(above=self._made)

    @property
    def has_work(self) -> bool:
        """Say whether any is on its way or waits for its time."""
        return any(not one.held for one in self._open.values())

    def get(self, number: int) -> Delivery | None:
        """Return one as it is now."""
        return self._all.get(number)

    def add(
        self,
        event: WebhookEvent,
        url: str,
        *,
        endpoint_id: str | None,
        wire: Wire,
        now: float,
        twist: Twist,
        secret: str | None = None,
        method: Literal["POST", "OPTIONS"] = "POST",
    ) -> Delivery:
        """Put one into the queue, as often as its twist says; return the (first) delivery."""
        first = self._made + 1
        for _ in range(twist.copies):
            self._made += 1
            delivery = Delivery(
                number=self._made,
                event=event,
                url=url,
                endpoint_id=endpoint_id,
                wire=wire,
                due_at=now + twist.late,
                method=method,
                twist=twist,
                secret=secret,
                held=twist.hold and not any(one.held and one.url == url for one in self._open.values()),
            )
            self._keep(evolve(delivery, state="dropped", due_at=None, reason="a fault") if twist.drop else delivery)
        return self._all[first]

    def take(self, now: float, may_send: Callable[[str], bool]) -> Delivery | None:
        """Return the first one that is due to a URL that may be sent to, as `sending`."""
        for delivery in self._open.values():
            due = delivery.due_at is not None and delivery.due_at <= now
            if due and delivery.state == "waiting" and not delivery.held and may_send(delivery.url):
                return self._keep(evolve(delivery, state="sending"))
        return None

    def record(self, number: int, attempt: Attempt) -> None:
        """Write down an attempt; it lets go what was held back behind it. One that is over stays so."""
        delivery = self._all.get(number)
        if delivery is not None and not delivery.is_over:
            self._keep(delivery.after(attempt))
            self._let_go(delivery.url)

    def take_back(self) -> None:
        """Let what was `sending` wait again: nobody is sending it any more."""
        for delivery in list(self._open.values()):
            if delivery.state == "sending":
                self._keep(evolve(delivery, state="waiting"))

    def refuse(self, number: int, reason: str) -> None:
        """End a delivery that is not sent at all."""
        delivery = self._all[number]
        self._keep(evolve(delivery, state="refused", due_at=None, reason=reason))
        self._let_go(delivery.url)

    def drop_endpoint(self, endpoint_id: str) -> None:
        """End what still waits for an endpoint that is gone."""
        for delivery in list(self._open.values()):
            if delivery.endpoint_id == endpoint_id:
                self._keep(evolve(delivery, state="failed", due_at=None, reason="the endpoint was deleted", held=False))

    def _let_go(self, url: str) -> None:
        for delivery in list(self._open.values()):
            if delivery.held and delivery.url == url:
                self._keep(evolve(delivery, held=False))

    def _keep(self, delivery: Delivery) -> Delivery:
        self._all[delivery.number] = delivery
        if delivery.is_over:
            self._open.pop(delivery.number, None)
        else:
            self._open[delivery.number] = delivery
        while len(self._all) - len(self._open) > KEPT:
            self._all.pop(next(number for number in self._all if number not in self._open))
        return delivery

    def to_json(self) -> Json:
        """Return all of them as JSON; those on their way start again."""
        return {"made": self._made, "deliveries": [_to_json(delivery) for delivery in self._all.values()]}

    def from_json(self, value: Json) -> None:
        """Hold what `to_json` returned, and nothing else."""
        read = [_from_json(one) for one in value["deliveries"]]
        self._made = int(value["made"])
        self._all.clear()
        self._open.clear()
        for delivery in read:
            self._keep(delivery)


def _to_json(delivery: Delivery) -> Json:
    flat = asdict(delivery)
    flat["state"] = "waiting" if delivery.state == "sending" else delivery.state
    flat["attempts"] = [{**one, "body": one["body"].decode()} for one in flat["attempts"]]
    return flat


def _from_json(value: Json) -> Delivery:
    fields: Json = {
        **value,
        "attempts": tuple(_attempt(one) for one in value["attempts"]),
        "event": WebhookEvent(**value["event"]),
        "twist": Twist(**value["twist"]),
    }
    return Delivery(**fields)


def _attempt(value: Json) -> Attempt:
    fields: Json = {**value, "body": value["body"].encode()}
    return Attempt(**fields)
