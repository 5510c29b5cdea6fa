"""Talk to a sandbox that runs on this machine, and never to anybody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from heygen_async._protocol.settings import BASE_VARIABLE
from heygen_async.cli.serve import DEFAULT_PORT
from heygen_async.errors import ConfigurationError

Json = dict[str, Any]

_TIMEOUT: Final = 30.0


def address(environment: Mapping[str, str]) -> str:
    """Return where the sandbox is: `HEYGEN_API_BASE`, else the port that it serves on by default.

    Raise `ConfigurationError` for an address that is not of this machine.
    """
    base = environment.get(BASE_VARIABLE) or f"http://127.0.0.1:{DEFAULT_PORT}"
    try:
        host = urlsplit(base).hostname or ""
    except ValueError:
        host = ""
    if not _is_here(host):
        raise ConfigurationError(
            f"{BASE_VARIABLE} leads to {host or 'no host'}, but a sandbox is steered only on this machine: "
            "set it as `heygen-async sandbox` printed it"
        )
    return base.rstrip("/")


def ask(base: str, method: str, path: str, body: Json | None = None) -> Json:
    """Return what the sandbox answers under `/_sandbox/`.

    Raise `ValueError` with its words if it refuses, `ConfigurationError` if no sandbox answers there.
    """
    url = f"{base}/_sandbox/{path}"
    try:
        answer = httpx.request(method, url, json=body, timeout=_TIMEOUT, trust_env=False)
        content: Json = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConfigurationError(f"no sandbox answers at {base} ({error}): start one: heygen-async sandbox") from error
    except ValueError as error:
        raise ConfigurationError(f"what answers at {base} is no sandbox") from error
    if answer.is_success and isinstance(content, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - it is JSON
        return content
    try:
        raise ValueError(str(content["error"]["message"]))
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"what answers at {base} is no sandbox") from error


def status_lines(state: Json) -> list[str]:
    """Return the state for people."""
    account, clock = state["account"], state["clock"]
    limit = "" if account["concurrency"] is None else f" of {account['concurrency']}"
    facts = {
        "clock": f"{moment(clock['now'])}, {clock['rate']:g} times as fast as real time",
        "videos": f"{account['jobs']}, finishing {account['progress']}",
        "running": f"{account['running']}{limit}, {account['waiting']} waiting",
        "wallet": f"${account['wallet']:,.2f}, ${account['spent']:,.2f} spent on {account['charges']} videos",
        "calls": str(state["requests_total"]),
        "webhooks": str(state["webhooks_total"]),
    }
    return [f"{name}: {value}" for name, value in facts.items()] + fault_lines(state["faults"])


def fault_lines(faults: Iterable[Json]) -> list[str]:
    """Return the rules in force for people."""
    return [f"fault: {fault['rule']} (fired {fault['fired']} times)" for fault in faults]


def call_lines(calls: Iterable[Json]) -> list[str]:
    """Return calls for people, oldest first."""
    return [_call_line(call) for call in reversed(list(calls))]


def delivery_line(delivery: Json) -> str:
    """Return what became of a webhook delivery."""
    status = f" with HTTP {delivery['status']}" if delivery["status"] else ""
    reason = f": {delivery['reason']}" if delivery["reason"] else ""
    return f"{delivery['event']} to {delivery['url']}: {delivery['state']}{status}{reason}"


def moment(at: float) -> str:
    """Return a virtual time."""
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="seconds")


def _call_line(call: Json) -> str:
    why = ": ".join(filter(None, (call["error_code"], call["error"])))
    told = [why, call["hint"], f"fault {call['fault']}" if call["fault"] else None]
    rest = "; ".join(filter(None, told))
    query = f"?{call['query']}" if call["query"] else ""
    return f"#{call['number']} {call['status'] or '...'} {call['method']} {call['path']}{query}" + f"  {rest}" * bool(
        rest
    )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
