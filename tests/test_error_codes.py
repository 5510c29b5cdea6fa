"""HeyGen's machine codes, and who can do something about them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async._protocol import error_codes
from heygen_async._protocol.error_codes import category_of, effective_status, is_used_up, status_of_code

SETS = [value for name, value in vars(error_codes).items() if name.isupper() and isinstance(value, frozenset)]

# HeyGen's lists as far as they are public: v3 words, v1/v2 numbers, and the names of the numbers.
MEANT: dict[int, str] = {
    401: "unauthorized authentication_failed 40009 invalid_credentials 40102 400112 401056 access_token_expired 401057 "
    "invalid_access_token",
    402: "insufficient_credit plan_upgrade_required subscription_required trial_limit_exceeded 400551 400599 "
    "tier_not_support MOVIO_PAYMENT_INSUFFICIENT_CREDIT",
    403: "forbidden resource_access_denied ai_vendor_access_restricted voice_not_usable 400562 400573 "
    "permission_denied 400631 user_blocked 400685 avatar_usage_not_permitted 10013",
    404: "not_found resource_not_found video_not_found avatar_not_found avatar_group_not_found voice_not_found "
    "template_not_found asset_not_found webhook_not_found 40104 400101 user_not_found 400116 400131 400144 400174 "
    "photar_not_found 400561 space_not_found 10006 10012",
    409: "conflict request_in_progress resource_not_ready",
    429: "rate_limit_exceeded quota_exceeded 400123 400140 400664 10007 10014 10015",
    500: "internal_error service_unavailable gateway_timeout voice_provider_error video_delete_failed",
    400: "invalid_parameter validation_error download_failed avatar_not_usable script_too_short "
    "content_policy_violation 40001 40002 40004 40005 40006 40010 40012 40031 40039 40044 40065 40090 40118 "
    "40119 400009 400014 400105 400111 400128 400150 400165 400168 400175 400542 400543 400548 400552 400621 "
    "400624 400625 400634 400652 400680 401003 401035 402007 402008 402009 1000022 MOVIO_VIDEO_IS_TOO_LONG "
    "TTS_VOICE_UNAVAILABLE_ERR VIDEO_FILE_CORRUPTED",
}
CASES = [(code, status) for status, codes in MEANT.items() for code in codes.split()]


@pytest.mark.parametrize(("code", "status"), CASES)
def test_every_documented_code_has_a_status(code: str, status: int) -> None:
    """In any letters: an error in a 200 has nothing but its code."""
    assert status_of_code(code) == status_of_code(code.upper()) == status_of_code(code.lower()) == status
    assert effective_status(200, code) == status


@pytest.mark.parametrize(
    ("code", "status"),
    [("400", 400), ("404", 404), ("429", 429), ("503", 503), ("599", 599), ("777777", 400), ("99999", 400)],
)
def test_numbers_that_are_not_listed(code: str, status: int) -> None:
    """Three digits are an HTTP status; other numbers are v1 codes, most of which mean 400."""
    assert status_of_code(code) == status


@pytest.mark.parametrize(
    "code", [None, "", "brand_new", "100", "200", "302", "600", "1", "-404", "404.0", "４０４", "error"]
)
def test_unknown_codes_stand_for_nothing(code: str | None) -> None:
    """Then the class says only that there was an error."""
    assert status_of_code(code) is None


def test_the_sets_are_disjoint_and_in_lower_case() -> None:
    """Only the used-up trial is both money and quota; a code in two sets would mean whichever comes first."""
    words = [word for codes in SETS for word in codes]
    assert {word for word in words if words.count(word) > 1} == {"trial_limit_exceeded"}
    assert all(word == word.lower() for word in words)


@given(st.integers(400, 599), st.sampled_from([code for code, _ in CASES]) | st.none() | st.text())
def test_the_http_status_decides(status: int, code: str | None) -> None:
    """Never the code's words (scenario 10), except that a 400 about key or money is about that (scenario 11)."""
    meant = effective_status(status, code)
    if status in {400, 422} and status_of_code(code) in {401, 402}:
        assert meant == status_of_code(code)
    else:
        assert meant == status


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(("code", "meant"), [case for case in CASES if case[1] in {401, 402}])
def test_11_a_refusal_about_key_or_money_is_about_that(status: int, code: str, meant: int) -> None:
    """Older gateways answer 400 to both; a 403 or 404 with such a code stays what it is."""
    assert effective_status(status, code) == meant
    assert effective_status(403, code) == 403
    assert effective_status(404, code) == 404


@pytest.mark.parametrize(
    "code", ["quota_exceeded", "TRIAL_LIMIT_EXCEEDED", "400140", "400664", "10015", "insufficient_credit"]
)
def test_12f_used_up_allowances(code: str) -> None:
    """Waiting does not bring them back."""
    assert is_used_up(code)
    assert category_of(429, code) == category_of(None, code) == category_of(400, code) == "billing"


@pytest.mark.parametrize("code", [None, "", "rate_limit_exceeded", "400123", "internal_error", "40104"])
def test_what_is_not_used_up(code: str | None) -> None:
    """The other refusals pass, or are about something else."""
    assert not is_used_up(code)


@pytest.mark.parametrize(
    ("status", "code", "category"),
    [
        (402, None, "billing"),
        (402, "brand_new", "billing"),
        (400, "insufficient_credit", "billing"),
        (None, "MOVIO_PAYMENT_INSUFFICIENT_CREDIT", "billing"),
        (None, "400140", "billing"),
        (401, None, "account"),
        (403, "forbidden", "account"),
        (None, "400112", "account"),
        (200, "400562", "account"),
        (429, None, "retryable"),
        (429, "rate_limit_exceeded", "retryable"),
        (408, None, "retryable"),
        (500, None, "retryable"),
        (503, "service_unavailable", "retryable"),
        (409, "request_in_progress", "retryable"),
        (200, "internal_error", "retryable"),
        (None, "voice_provider_error", "retryable"),
        (400, "internal_error", "request"),
        (404, "avatar_not_found", "request"),
        (409, "conflict", "request"),
        (None, "40119", "request"),
        (None, "brand_new", "request"),
        (None, None, "request"),
    ],
)
def test_category(status: int | None, code: str | None, category: Any) -> None:
    """Who can do something about it: waiting, the author of the request, the account's owner, or money."""
    assert category_of(status, code) == category
