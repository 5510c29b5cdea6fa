"""Why a job failed, in the words of both wires."""

from __future__ import annotations

from typing import Any, Final, Self

from attrs import frozen

_KNOWN: Final = {
    40044: ("INVALID_AUDIO_FORMAT", "Invalid audio format"),
    40056: ("TTS_GENERATE_FAILED", "Failed to generate audio"),
    40119: ("MOVIO_VIDEO_IS_TOO_LONG", "Video is too long"),
    400140: ("TRIAL_VIDEO_LIMIT_EXCEEDED", "Daily video limit reached"),
    400548: ("TTS_VOICE_UNAVAILABLE_ERR", "Voice validation failed for 1 voice(s)"),
}
_NUMBERS: Final = {name: number for number, (name, _) in _KNOWN.items()}
_MESSAGES: Final = {
    "MOVIO_PAYMENT_INSUFFICIENT_CREDIT": (
        "Insufficient credit. This operation requires 'plan_credit' or 'api' credits."
    ),
    "rendering_failed": "Avatar rendering timed out",
}


@frozen(kw_only=True)
class Failure:
    """`code` is what v3 says, `number` what v1 says; v1 also shows names where it has no number."""

    code: str
    message: str
    number: int | None = None
    detail: str | None = None

    @classmethod
    def of(cls, code: int | str, message: str | None = None, detail: str | None = None) -> Self:
        """Build a failure from either wire's code; known codes bring their message."""
        number = code if isinstance(code, int) else _NUMBERS.get(code)
        name, words = _KNOWN.get(number or 0, (str(code), _MESSAGES.get(str(code), "The video could not be made")))
        return cls(code=name, number=number, message=message or words, detail=detail)

    @classmethod
    def too_long(cls, limit: float) -> Self:
        """Build the failure of a video longer than the plan allows."""
        return cls.of(
            40119,
            detail=f"Video is too long (> {limit:.1f}s). Please upgrade your plan to generate longer videos",
        )

    def on_v1(self) -> dict[str, Any]:
        """Return the error object of `video_status.get`."""
        code = self.number if self.number is not None else self.code.upper()
        return {"code": code, "message": self.message, "detail": self.detail or self.message}
