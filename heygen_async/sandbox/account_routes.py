"""Who the account is and what it has left, on all three wires."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.assets import OWNER
from heygen_async.sandbox.envelopes import v1, v2
from heygen_async.sandbox.service import Service

UNITS_PER_USD: Final = 60
"""How much of v2's quota a dollar is: the quota counts sixtieths of a credit."""

_PERSON: Final[dict[str, Any]] = {
    "username": OWNER,
    "email": "sandbox@example.com",
    "first_name": "Sandbox",
    "last_name": "User",
}


async def me_v3(service: Service, _request: Request) -> Response:
    """Answer `GET /v3/users/me`: calls with an API key are paid from a wallet."""
    wallet = {
        "currency": "usd",
        "remaining_balance": _left(service),
        "auto_reload": {"enabled": False, "amount_usd": None, "threshold_usd": None},
    }
    billing = {"billing_type": "wallet", "wallet": wallet, "subscription": None, "usage_based": None}
    return JSONResponse({"data": {**_PERSON, **billing}})


async def me_v1(_service: Service, _request: Request) -> Response:
    """Answer `GET /v1/user/me`."""
    return v1(_PERSON)


async def remaining_quota(service: Service, _request: Request) -> Response:
    """Answer `GET /v2/user/remaining_quota`: the same money, in units."""
    units = max(0, int(_left(service) * UNITS_PER_USD))
    details = {
        "api": units,
        "seat": 0,
        "plan_credit": 0,
        "streaming_avatar": 0,
        "streaming_avatar_instance_quota": 0,
        "avatar_ivi": 0,
        "personalized_video_ivi": 0,
    }
    return v2(service, {"remaining_quota": units, "details": details}, successor="GET /v3/users/me")


def _left(service: Service) -> float:
    with service.open() as (account, now):
        account.settle(now)
        return account.wallet
