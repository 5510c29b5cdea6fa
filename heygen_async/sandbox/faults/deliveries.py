"""Faults of webhook deliveries: what the delivery engine is told to do, by name and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heygen_async.sandbox.faults import checks
from heygen_async.sandbox.faults.action import OnDelivery, action
from heygen_async.sandbox.webhooks.signing import HEADER_STYLES


@action
def drop() -> OnDelivery:
    """Do not deliver the event; the history has it all the same."""
    return OnDelivery()


@action
def duplicate(times: int = 2) -> OnDelivery:
    """Deliver the event so many times in all, with one event id."""
    checks.count("times", times, low=2)
    return OnDelivery()


@action
def reorder() -> OnDelivery:
    """Deliver the event after the next one."""
    return OnDelivery()


@action
def early() -> OnDelivery:
    """Deliver the event of a video's end before its create call is answered."""
    return OnDelivery()


@action
def late(seconds: float) -> OnDelivery:
    """Deliver the event so many virtual seconds later."""
    checks.seconds("seconds", seconds)
    return OnDelivery()


@action
def bad_signature() -> OnDelivery:
    """Sign with another secret."""
    return OnDelivery()


@action
def old_timestamp(seconds: float = 3600.0) -> OnDelivery:
    """Stamp the delivery so many seconds in the past."""
    checks.seconds("seconds", seconds)
    return OnDelivery()


@action
def header_style(name: str) -> OnDelivery:
    """Sign under other header names: see `HEADER_STYLES`."""
    checks.one_of("name", name, HEADER_STYLES)
    return OnDelivery()


@action
def patch_event(patch: dict[str, Any], remove: Sequence[str] = ()) -> OnDelivery:
    """Lay `patch` over the event and take `remove` out, as `patch_answer` does; the signature fits what is sent."""
    checks.json_object("patch", patch)
    checks.paths("remove", remove)
    return OnDelivery()


@action
def rotate_secret() -> OnDelivery:
    """Give the endpoint a fresh secret first: the receiver's is out of date."""
    return OnDelivery()


@action
def probe() -> OnDelivery:
    """Send an `OPTIONS` request to the receiver first."""
    return OnDelivery()
