"""What v1 and v2 put around their data."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.service import Service

_MESSAGE: Final = (
    "This v2 endpoint is Legacy and will be removed on 2026-10-31. Please migrate to the v3 API for new features."
)


def v1(data: Any) -> Response:
    """Return data in v1's envelope: 100 is its word for success."""
    return JSONResponse({"code": 100, "data": data, "msg": None, "message": None})


def v2(service: Service, data: Any, *, successor: str) -> Response:
    """Return data in v2's envelope, with the note that names the call of v3 that takes its place."""
    answer: dict[str, Any] = {"error": None, "data": data}
    if service.switches.deprecation:
        answer["warning"] = {
            "message": _MESSAGE,
            "v3_endpoint": successor,
            "docs_url": "https://developers.heygen.com/docs/endpoint-version-comparison",
            "sunset_date": "2026-10-31",
        }
    return JSONResponse(answer)
