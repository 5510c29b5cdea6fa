"""The thread that carries deliveries out: it runs only while there is somebody to deliver to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, partial
from ipaddress import ip_address
from typing import Any, Final, Protocol

import anyio
import httpx
from attrs import frozen

STEP: Final = 0.02
"""Real seconds between two looks at the jobs: the account has no timers that could tell of an end."""

DELIVERY_SECONDS: Final = 5.0
"""Real seconds a receiver has for its whole answer."""

STOP_SECONDS: Final = 10.0


@frozen(kw_only=True)
class Parcel:
    """One request that is to be sent, and the delivery it belongs to."""

    number: int
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Desk(Protocol):
    """Where the courier fetches its parcels; it is called from the courier's thread."""

    def begin(self) -> None:
        """Take back what was being sent when the thread was last stopped."""
        ...

    def next(self, may_send: Callable[[str], bool]) -> Parcel | None:
        """Return what is due now, to a URL that may be sent to."""
        ...

    def sent(self, parcel: Parcel, status: int | None, error: str | None) -> None:
        """Take note of an attempt; `error` None means that it counts as delivered."""
        ...

    def has_work(self) -> bool:
        """Say whether anything may have to be delivered, now or later."""
        ...

    def lock(self) -> AbstractContextManager[Any]:
        """Return what guards the desk, and the courier's thread with it: one lock cannot be taken in two orders."""
        ...


class Courier:
    """Delivers in the order of events per URL; a slow receiver holds up nobody else's deliveries."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Start the thread if there is work and it does not run. The desk's lock may be held."""
        with self._desk.lock():
            runs = self._thread is not None and self._thread.is_alive()
            if not runs and self._desk.has_work():
                run = partial(anyio.run, self._deliver_all, self._stopping)
                self._thread = threading.Thread(target=run, name="heygen-sandbox-webhooks", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread, cutting off what it is doing. The desk's lock must not be held."""
        with self._desk.lock():
            thread, self._thread = self._thread, None
            self._stopping.set()
            self._stopping = threading.Event()
        if thread is not None:
            thread.join(STOP_SECONDS)

    async def _deliver_all(self, stopping: threading.Event) -> None:
        self._desk.begin()
        busy: set[str] = set()
        async with (
            httpx.AsyncClient(verify=_tls(), trust_env=False, timeout=None) as client,  # noqa: S113 - see `_send`
            anyio.create_task_group() as tasks,
        ):
            while self._goes_on(stopping):
                while (parcel := self._desk.next(lambda url: url not in busy)) is not None:
                    busy.add(parcel.url)
                    tasks.start_soon(self._deliver, client, parcel, busy)
                await anyio.sleep(STEP)
            tasks.cancel_scope.cancel()

    def _goes_on(self, stopping: threading.Event) -> bool:
        with self._desk.lock():
            if stopping.is_set():
                return False
            if not self._desk.has_work():
                self._thread = None
                return False
            return True

    async def _deliver(self, client: httpx.AsyncClient, parcel: Parcel, busy: set[str]) -> None:
        """Send one parcel, and after it whatever else is due to the same URL."""
        following: Parcel | None = parcel
        while following is not None:
            status, error = await _send(client, following)
            self._desk.sent(following, status, error)
            following = self._desk.next(lambda url: url == parcel.url)
        busy.discard(parcel.url)


@cache
def _tls() -> ssl.SSLContext:
    """Return the one TLS context of the process: it takes longer to make than all the rest."""
    return httpx.create_ssl_context(trust_env=False)


async def _send(client: httpx.AsyncClient, parcel: Parcel) -> tuple[int | None, str | None]:
    try:
        with anyio.fail_after(DELIVERY_SECONDS):
            answer = await client.request(parcel.method, parcel.url, headers=parcel.headers, content=parcel.body)
    except TimeoutError:
        return None, f"no answer within {DELIVERY_SECONDS:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"
    if answer.is_success:
        return answer.status_code, None
    return answer.status_code, f"the receiver answered {answer.status_code}"


def refusal_of(url: str, allowed: frozenset[str]) -> str | None:
    """Return why the sandbox does not send to a URL, None if it does: loopback only, unless told."""
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "the URL cannot be read"
    if target.scheme not in {"http", "https"}:
        return "the URL is not http or https"
    host = target.host.lower()
    if host in allowed or is_loopback(host):
        return None
    return f"{host or 'no host'} is not this machine: Sandbox(webhook_hosts=[...]) allows further hosts"


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine by its name; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
