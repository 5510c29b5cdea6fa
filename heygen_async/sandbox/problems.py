"""Refusals in the envelopes of the three API generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from heygen_async.sandbox.schema import Fault

Generation = Literal["v1", "v2", "v3"]

_V1_NUMBERS: Final = {
    "invalid_parameter": 400,
    "unauthorized": 400112,
    "video_not_found": 40104,
    "rate_limit_exceeded": 400123,
    "avatar_not_found": 400144,
    "voice_not_found": 400116,
    "asset_format_not_supported": 400543,
    "not_found": 404,
    "gone": 410,
    "webhook_not_found": 400131,
    "webhook_url_invalid": 400542,
}
_V1_MESSAGES: Final = {
    "invalid_parameter": "Invlid parameters",  # the service spells it like this
    "video_not_found": "Video not found",
}


class Problem(Exception):  # noqa: N818 - an answer on its way out, not a failure of the sandbox
    """A refusal: raised anywhere in a handler, written by the gate in its generation's envelope."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.faults = faults
        self.headers = dict(headers or {})

    @classmethod
    def invalid(cls, param: str, message: str) -> Problem:
        """Refuse one field."""
        return cls(400, "invalid_parameter", message, param=param)

    @classmethod
    def from_faults(cls, faults: Sequence[Fault]) -> Problem:
        """Refuse a body; the first fault leads, all are listed."""
        where = faults[0].path or "body"
        return cls(400, "invalid_parameter", f"{where}: {faults[0].message}", param=where, faults=faults)

    @classmethod
    def unauthorized(cls) -> Problem:
        """Refuse a missing or wrong key."""
        return cls(401, "unauthorized", "Unauthorized")

    @classmethod
    def no_video(cls, video_id: str) -> Problem:
        """Say that there is no such video."""
        return cls(404, "video_not_found", f"Video {video_id} not found")

    def body(self, generation: Generation) -> dict[str, Any]:
        """Return the JSON of the answer."""
        match generation:
            case "v1":
                return self._v1()
            case "v2":
                return {"data": None, "error": {"code": self.code, "message": self._v2_message()}}
            case "v3":
                return {"error": self._v3()}

    def _v1(self) -> dict[str, Any]:
        return {
            "code": _V1_NUMBERS.get(self.code, self.status),
            "message": _V1_MESSAGES.get(self.code, self.message),
        }

    def _v2_message(self) -> str:
        if not self.faults:
            return self.message
        return "; ".join(f"{fault.path} is invalid: {fault.message}" for fault in self.faults)

    def _v3(self) -> dict[str, Any]:
        anchor = self.code.replace("_", "-")
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "doc_url": f"https://developers.heygen.com/docs/error-codes#{anchor}",
        }
        if self.param is not None:
            error["param"] = self.param
        if len(self.faults) > 1:
            error["errors"] = [
                {"code": self.code, "message": fault.message, "path": fault.path} for fault in self.faults
            ]
        return error
