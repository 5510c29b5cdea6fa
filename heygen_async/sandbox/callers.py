"""Who may see and steer a sandbox: programs of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

FORWARDED: Final = ("x-forwarded-for", "x-real-ip", "forwarded")
"""What proxies tell of whom they speak for: behind one, every client would seem to be of this machine."""

_REFUSAL: Final = {
    "code": "foreign_client",
    "message": "Only programs of this machine see and steer the sandbox: Sandbox(public_control=True) lets others too",
}


class NeighboursOnly:
    """Refuses clients of other machines, for a sandbox may be a part of an app that the world can reach.

    Where no address is known, as in process or behind a Unix socket, it lets them in; so it does if it is `public`.
    """

    def __init__(self, app: ASGIApp, *, public: bool) -> None:
        self._app = app
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on, or answer 403."""
        if not self._public and scope["type"] == "http" and is_stranger(scope):
            await JSONResponse({"error": _REFUSAL}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_stranger(scope: Scope) -> bool:
    """Say whether a call comes, or was forwarded, from another machine."""
    client = scope.get("client")
    if client is not None and _is_elsewhere(client[0], unreadable=False):
        return True
    return any(_is_elsewhere(address, unreadable=True) for address in _forwarded(Headers(scope=scope)))


def _forwarded(headers: Headers) -> Iterator[str]:
    for name in FORWARDED:
        for value in headers.getlist(name):
            yield from (address.strip() for address in value.split(","))


def _is_elsewhere(text: str, *, unreadable: bool) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return unreadable
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return not (mapped or address).is_loopback
