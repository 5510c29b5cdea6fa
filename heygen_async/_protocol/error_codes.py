"""What HeyGen's machine codes mean, on both wires.

The v3 words come from the public error catalogue, the numbers from the v1/v2 list and third-party notes; where a
code's HTTP status was only inferred it is inferred here too. Codes are open strings: an unknown one is no error.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Category = Literal["retryable", "request", "account", "billing"]

UNAUTHORIZED: Final = frozenset(
    {
        "unauthorized",
        "authentication_failed",
        "invalid_credentials",
        "access_token_expired",
        "invalid_access_token",
        "40009",
        "40102",
        "400112",
        "401056",
        "401057",
    }
)
BILLING: Final = frozenset(
    {
        "insufficient_credit",
        "movio_payment_insufficient_credit",
        "trial_limit_exceeded",
        "plan_upgrade_required",
        "subscription_required",
        "tier_not_support",
        "tts_paid_voice_err",
        "400551",
        "400599",
    }
)
# Waiting for seconds does not help: the allowance of the day or month is used up (scenarios 12f and 25).
QUOTA: Final = frozenset(
    {"quota_exceeded", "trial_limit_exceeded", "trial_video_limit_exceeded", "400140", "400664", "10015"}
)
FORBIDDEN: Final = frozenset(
    {
        "forbidden",
        "permission_denied",
        "resource_access_denied",
        "ai_vendor_access_restricted",
        "voice_not_usable",
        "user_blocked",
        "avatar_usage_not_permitted",
        "phone_verification_required",
        "10013",
        "400562",
        "400573",
        "400631",
        "400685",
    }
)
NOT_FOUND: Final = frozenset(
    {
        "not_found",
        "resource_not_found",
        "video_not_found",
        "avatar_not_found",
        "avatar_group_not_found",
        "voice_not_found",
        "template_not_found",
        "asset_not_found",
        "webhook_not_found",
        "photar_not_found",
        "user_not_found",
        "space_not_found",
        "10006",
        "10012",
        "40104",
        "400101",
        "400116",
        "400131",
        "400144",
        "400174",
        "400561",
    }
)
RATE_LIMITED: Final = frozenset({"rate_limit_exceeded", "400123", "10007", "10014"})
CONFLICT: Final = frozenset({"conflict", "request_in_progress", "resource_not_ready", "asset_not_available"})
SERVER_FAULT: Final = frozenset(
    {"internal_error", "service_unavailable", "gateway_timeout", "voice_provider_error", "video_delete_failed"}
)
BAD_REQUEST: Final = frozenset(
    {
        "invalid_parameter",
        "validation_error",
        "avatar_consent_required",
        "avatar_not_usable",
        "avatar_expired",
        "voice_unavailable",
        "script_too_short",
        "tts_text_invalid",
        "content_policy_violation",
        "download_failed",
        "resource_limit_reached",
        "resource_limit_exceeded",
        "unlimited_mode_disabled",
        "missing_params",
        "image_format_not_supported",
        "no_face_error",
        "too_many_faces_error",
        "bad_quality_image",
        "video_format_not_supported",
        "invalid_query_param",
        "invalid_video_id",
        "invalid_text_input",
        "invalid_audio_format",
        "invalid_video_infos",
        "invalid_avatar_info",
        "blocked_words_detected",
        "invalid_file_type",
        "movio_photar_duration_too_long",
        "movio_video_is_too_long",
        "movio_video_too_short",
        "inappropriate_content",
        "asset_format_not_supported",
        "tts_voice_unavailable_err",
        "tts_customer_voice_err",
        "empty_video_stream",
        "empty_audio_stream",
        "celebrity_content",
        "tts_language_error",
        "video_file_corrupted",
        "unsafe_prompt",
        "moderation_policy_violated",
        "audio_length_mismatch",
        "child_safety_moderation_failed",
        "celebrity_moderation_failed",
        "inappropriate_content_moderation_failed",
        "audio_duration_too_long",
    }
)

_HTTP_STATUS: Final = re.compile(r"[45][0-9]{2}")
# The v1/v2 list says 400 for most of its numbers, and so does this module for all that it does not list elsewhere.
_APPLICATION_CODE: Final = re.compile(r"[0-9]{4,}")
_BY_STATUS: Final[tuple[tuple[int, frozenset[str]], ...]] = (
    (401, UNAUTHORIZED),
    (402, BILLING),
    (429, QUOTA),
    (429, RATE_LIMITED),
    (403, FORBIDDEN),
    (404, NOT_FOUND),
    (409, CONFLICT),
    (500, SERVER_FAULT),
    (400, BAD_REQUEST),
)


def status_of_code(code: str | None) -> int | None:
    """Return the HTTP status that a code stands for, or None for an unknown one; some codes are HTTP statuses."""
    if code is None:
        return None
    word = code.lower()
    if _HTTP_STATUS.fullmatch(word):
        return int(word)
    known = next((status for status, codes in _BY_STATUS if word in codes), None)
    return 400 if known is None and _APPLICATION_CODE.fullmatch(word) else known


def effective_status(status: int, code: str | None) -> int:
    """Return the status that decides an error's class.

    The HTTP status decides, with two exceptions: an error inside a 2xx has only its code, and a 400 whose code is
    about the key or the money is that (v1/v2 and older gateways answer 400 for both; scenario 11). Any other code in
    a 400, `internal_error` included, stays a bad request (scenario 10).
    """
    meant = status_of_code(code)
    if status < 400:
        return meant or status
    if status in {400, 422} and meant in {401, 402}:
        return meant
    return status


def is_used_up(code: str | None) -> bool:
    """Say whether a code is about money or an allowance that waiting does not bring back (scenario 12f)."""
    return code is not None and (code.lower() in QUOTA or code.lower() in BILLING)


def category_of(status: int | None, code: str | None) -> Category:
    """Say who can do something about an error: waiting, the request's author, the account's owner, or money."""
    word = (code or "").lower()
    if word in BILLING or word in QUOTA or status == 402:
        return "billing"
    decisive = effective_status(status, code) if status is not None else status_of_code(code)
    if decisive in {401, 403}:
        return "account"
    if decisive in {408, 429} or (decisive is not None and decisive >= 500) or word == "request_in_progress":
        return "retryable"
    return "request"
