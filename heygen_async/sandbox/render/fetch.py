"""Media of a request from an HTTP server on this machine, and from nowhere else."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import socket
import time
from typing import Final

import httpx

MAX_BYTES: Final = 32 * 1024 * 1024
"""The limit that HeyGen has for uploads."""

FETCH_SECONDS: Final = 20.0

_LOOKUP_PORT: Final = 80


class FetchError(Exception):
    """Say in a few words why media could not be had."""


def fetched(url: str, *, max_bytes: int = MAX_BYTES, patience: float = FETCH_SECONDS) -> bytes:
    """Return what a `data:` URL holds or a loopback URL answers; redirects are not followed. Raise `FetchError`."""
    if url.startswith("data:"):
        return _decoded(url, max_bytes)
    try:
        return _downloaded(httpx.URL(url), max_bytes, time.monotonic() + patience)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(f"{type(error).__name__}: {error}") from None


def _downloaded(url: httpx.URL, max_bytes: int, deadline: float) -> bytes:
    # Connecting to the address that was checked leaves a name no chance to mean another machine a moment later.
    direct = url.copy_with(host=loopback_address(url.host))
    headers, extensions = {"Host": url.netloc.decode()}, {"sni_hostname": url.host}
    with (
        httpx.Client(trust_env=False, timeout=10.0) as client,
        client.stream("GET", direct, headers=headers, extensions=extensions) as answer,
    ):
        if answer.status_code != 200:
            raise FetchError(f"HTTP {answer.status_code}")
        body = bytearray()
        for block in answer.iter_bytes():
            body += block
            if len(body) > max_bytes:
                raise FetchError(f"larger than {max_bytes // 1024 // 1024} MB")
            if time.monotonic() > deadline:
                raise FetchError("too slow")
    return bytes(body)


def loopback_address(host: str) -> str:
    """Return the address of a host if all that it has are on this machine; raise `FetchError` otherwise."""
    # Names below localhost are this machine by their definition (RFC 6761): no resolver needs to be asked.
    host = "localhost" if host.endswith(".localhost") else host
    try:
        found = socket.getaddrinfo(host, _LOOKUP_PORT, type=socket.SOCK_STREAM)
    except OSError:
        raise FetchError("unknown host") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise FetchError("not on this machine")
    # IPv4 first: most local servers listen there only.
    return min(addresses, key=lambda address: ":" in address)


def _decoded(url: str, max_bytes: int) -> bytes:
    _, _, data = url.partition(";base64,")
    if len(data) > max_bytes * 4 // 3 + 4:
        raise FetchError(f"larger than {max_bytes // 1024 // 1024} MB")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise FetchError("not base64") from None
