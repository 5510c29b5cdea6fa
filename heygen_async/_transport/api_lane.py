"""The lane to HeyGen's API: it has the key, and never follows a redirect."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import anyio
import httpx
from attrs import define, field, frozen

from heygen_async._policies import Limits, Timeouts
from heygen_async._protocol.envelopes import RawAnswer
from heygen_async._protocol.settings import Settings
from heygen_async._transport.failures import FailureKinds, describe, kinds_of
from heygen_async._transport.idling import make_idling_cheap
from heygen_async._transport.log_redaction import install, quiet
from heygen_async._transport.run_guard import RunGuard
from heygen_async._transport.tls import SharedTls
from heygen_async._version import USER_AGENT
from heygen_async.errors import APIConnectionError, APITimeoutError, ConfigurationError

# Below the usual 60 s after which load balancers drop an idle connection, above the interval of our looks.
KEEPALIVE_EXPIRY: Final = 50.0
# Traffic to this machine never goes through a proxy, whatever the environment says.
LOOPBACK_MOUNTS: Final[Mapping[str, None]] = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}


@frozen(kw_only=True)
class ApiCall:
    """One call of the API: `path` is relative to the base URL, `endpoint` names it without ids."""

    method: str
    path: str
    endpoint: str
    params: Mapping[str, str | int] = field(factory=dict[str, "str | int"])
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    idempotency_key: str | None = None

    @property
    def changes_something(self) -> bool:
        """Say whether the call gets the long time-out of calls that create or delete."""
        return self.method != "GET"


@define(eq=False)
class ApiLane:
    """Send single attempts to the API.

    A limiter of our own, no larger than the pool, stands in front of it: httpcore's pool leaks slots when requests
    are cancelled while they queue inside it (encode/httpcore#1093), and with the limiter nothing queues there.
    Time spent in our queue does not count against an attempt's time-out.
    """

    _settings: Settings
    _limits: Limits
    _tls: SharedTls
    _guard: RunGuard
    _supplied: httpx.AsyncClient | None = None
    _own: httpx.AsyncClient | None = field(default=None, init=False)
    _limiter: anyio.CapacityLimiter = field(init=False)
    _building: anyio.Lock = field(factory=anyio.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        _check_kind(self._supplied)
        size = min(self._limits.max_connections, pool_size(self._supplied) or self._limits.max_connections)
        self._limiter = anyio.CapacityLimiter(size)

    def check(self) -> None:
        """Raise `ConfigurationError` if the client was closed, or belongs to another event loop."""
        self._guard.check()

    async def send(self, call: ApiCall, timeouts: Timeouts) -> RawAnswer:
        """Make one attempt and return whatever answer came.

        Raise `APITimeoutError` or `APIConnectionError` when none came. Cancelling aborts the request; the server may
        have acted on it.
        """
        self.check()
        client = await self._client()
        borrower = object()
        await self._limiter.acquire_on_behalf_of(borrower)
        try:
            return await self._attempt(client, call, timeouts)
        finally:
            self._limiter.release_on_behalf_of(borrower)

    async def aclose(self) -> None:
        """Close the pool if it is ours; a client that was brought along stays open."""
        own, self._own = self._own, None
        if own is not None:
            await own.aclose()

    async def _attempt(self, client: httpx.AsyncClient, call: ApiCall, timeouts: Timeouts) -> RawAnswer:
        total = timeouts.write if call.changes_something else timeouts.read
        request = self._request(client, call, (timeouts.connect, total, total, None))
        kinds = kinds_of(client)
        with anyio.move_on_after(total) as scope:
            try:
                with quiet():
                    response = await client.send(request, follow_redirects=False)
            except kinds.refused as error:
                # A caller's client may have a hook that raises for bad statuses: they are answers all the same.
                response = error.response
            except kinds.any as error:
                raise _translated(call, self._settings.base_url, error, kinds) from error
            make_idling_cheap(response.extensions.get("network_stream"))
            return self._answer(call, response)
        assert scope.cancelled_caught  # noqa: S101 - the body returns or raises
        raise APITimeoutError(f"{call.method} {call.path} had no complete answer within {total:g} s")

    def _request(
        self, client: httpx.AsyncClient, call: ApiCall, timeout: tuple[float, float, float, None]
    ) -> httpx.Request:
        headers = {
            "X-Api-Key": self._settings.api_key,
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        }
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        return client.build_request(
            call.method,
            self._settings.base_url + call.path,
            params=dict(call.params) or None,
            json=call.body,
            headers=headers,
            timeout=timeout,
        )

    def _answer(self, call: ApiCall, response: httpx.Response) -> RawAnswer:
        return RawAnswer(
            method=call.method,
            path=call.path,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=_content_of(response),
            wall_clock=time.time(),
            secrets=(self._settings.api_key,),
        )

    async def _client(self) -> httpx.AsyncClient:
        install()
        if self._supplied is not None:
            if getattr(self._supplied, "is_closed", False):
                raise ConfigurationError("The http_client that was passed in is closed. Close it after this client.")
            return self._supplied
        async with self._building:
            if self._own is None:
                size = self._limits.max_connections
                self._own = httpx.AsyncClient(
                    verify=await self._tls.context(),
                    mounts=LOOPBACK_MOUNTS,
                    limits=httpx.Limits(
                        max_connections=size, max_keepalive_connections=size, keepalive_expiry=KEEPALIVE_EXPIRY
                    ),
                )
            return self._own


def _check_kind(client: object) -> None:
    """Refuse what cannot be used as a client: `httpx.Client`, which cannot be awaited, is an easy mistake."""
    wrong = isinstance(client, type) or (hasattr(client, "close") and not hasattr(client, "aclose"))
    if client is not None and (wrong or not hasattr(client, "send") or not hasattr(client, "build_request")):
        raise ConfigurationError(f"http_client must be an httpx.AsyncClient, not {type(client).__name__}")


def _content_of(response: httpx.Response) -> bytes:
    try:
        return response.content
    except RuntimeError:
        return b""


def _translated(call: ApiCall, base_url: str, error: Exception, kinds: FailureKinds) -> APIConnectionError:
    sent = not isinstance(error, kinds.before_sending)
    what = f"{call.method} {base_url}{call.path} failed: {describe(error)}"
    if isinstance(error, kinds.timeout):
        return APITimeoutError(what, request_sent=sent)
    return APIConnectionError(what, request_sent=sent)


def pool_size(client: object) -> int | None:
    """Return how many connections a caller's own client allows, where it can be seen."""
    pool = getattr(getattr(client, "_transport", None), "_pool", None)
    size = getattr(pool, "_max_connections", None)
    return size if isinstance(size, int) and size > 0 else None
