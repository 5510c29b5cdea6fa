"""What a video will probably cost, and the prices that say so."""

from __future__ import annotations

from typing import Any, Final

from attrs import Attribute, field, frozen

from heygen_async.models import _checks as check


def _price(_instance: object, attribute: Attribute[Any], value: object) -> None:
    check.check_number(attribute.name, value, 0)


@frozen(kw_only=True)
class PriceTable:
    """HeyGen's list prices in USD, as published at `as_of`: replace what your contract says otherwise.

    The four rates are per second of the finished video, and the same for every resolution. `twin` stands for digital
    twins and studio avatars, `photo` for photo avatars and pictures; those without `iii` are for Avatar IV and V.
    Raise `ValueError` for a price that is no number of at least 0.
    """

    as_of: str = field(default="late 2026", validator=check.text())
    twin: float = field(default=0.0667, validator=_price)
    photo: float = field(default=0.05, validator=_price)
    twin_iii: float = field(default=0.0167, validator=_price)
    photo_iii: float = field(default=0.0433, validator=_price)
    cinematic_video: float = field(default=7.0, validator=_price)


PRICES: Final = PriceTable()
"""The list prices."""


@frozen(kw_only=True)
class Estimate:
    """A video's probable length in seconds and price in USD, on the safe side; `basis` says how they came about."""

    seconds: float
    usd: float
    basis: str
