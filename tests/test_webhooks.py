"""`webhooks.unwrap`: what is HeyGen's is read, whatever else arrives is refused (scenarios 51a to 51k)."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers as StarletteHeaders

from heygen_async import WebhookVerificationError, webhooks

SECRET = "whsec_k7x9m2p4q6r8s0t1"
NOW = 1_790_000_000.0
DATA = {"video_id": "v-1", "url": "https://files.heygen.ai/v.mp4?Signature=hidden", "callback_id": "cb-1"}
EVENT = {
    "event_id": "evt_1",
    "event_type": "avatar_video.success",
    "event_data": DATA,
    "created_at": "2026-03-25T12:00:00Z",
}
BODY = json.dumps(EVENT).encode()


def signature(body: bytes = BODY, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed(body: bytes = BODY, *, secret: str = SECRET, **changes: str | None) -> dict[str, str]:
    """Return the headers of v3; underscores stand for dashes, None drops a header."""
    headers: dict[str, str | None] = {
        "Heygen-Signature": signature(body, secret),
        "Heygen-Timestamp": f"{NOW:.0f}",
        "Heygen-Event-Id": "evt_header",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in headers.items() if value is not None}


def opened(body: bytes = BODY, headers: object = None, secret: object = SECRET, **options) -> webhooks.WebhookEvent:
    return webhooks.unwrap(body, signed(body) if headers is None else headers, secret, **{"now": NOW, **options})


def event_with(**changes: object) -> bytes:
    return json.dumps({**EVENT, **changes}).encode()


def test_a_signed_delivery_becomes_an_event():
    """All that the contract names, and the whole body besides."""
    event = opened()
    assert (event.type, event.id, event.video_id) == ("avatar_video.success", "evt_1", "v-1")
    assert (event.callback_id, event.created_at, event.verified) == ("cb-1", 1_774_440_000.0, True)
    assert event.data == DATA
    assert event.raw == EVENT


def test_the_signature_is_a_known_one():
    """A fixed vector, so that the test's own computation is not the only judge: RFC 4231, case 2."""
    body, secret = b"what do ya want for nothing?", "Jefe"
    right = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature(body, secret) == right
    with pytest.raises(WebhookVerificationError, match="not a JSON object"):
        webhooks.unwrap(body, {"Heygen-Signature": right}, secret)
    with pytest.raises(WebhookVerificationError, match="fits none"):
        webhooks.unwrap(body, {"Heygen-Signature": right}, "Jeff")


@settings(deadline=None)
@given(position=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_51a_any_changed_byte_is_refused(position: int, change: int):
    tampered = bytearray(BODY)
    tampered[position] ^= change
    with pytest.raises(WebhookVerificationError, match="fits none"):
        opened(bytes(tampered), signed())


@settings(deadline=None)
@given(extra=st.binary(min_size=1, max_size=20), cut=st.integers(1, len(BODY)))
def test_51a_longer_and_shorter_bodies_are_refused(extra: bytes, cut: int):
    for body in (BODY + extra, extra + BODY, BODY[:-cut]):
        with pytest.raises(WebhookVerificationError, match="fits none"):
            opened(body, signed())


@settings(deadline=None)
@given(position=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_51a_any_changed_digit_of_the_signature_is_refused(position: int, digit: str):
    right = signature()
    wrong = right[:position] + digit + right[position + 1 :]
    headers = signed(Heygen_Signature=wrong)
    if wrong == right:
        assert opened(headers=headers).id == "evt_1"
    else:
        with pytest.raises(WebhookVerificationError, match="fits none"):
            opened(headers=headers)


def test_51a_the_same_event_dumped_again_is_another_body():
    with pytest.raises(WebhookVerificationError, match="as it came"):
        opened(json.dumps(EVENT, separators=(",", ":")).encode(), signed())


@pytest.mark.parametrize("value", [None, "", "  ", ","], ids=repr)
def test_51a_a_missing_signature_is_refused(value: str | None):
    with pytest.raises(WebhookVerificationError):
        opened(headers=signed(Heygen_Signature=value))


STRANGE_SIGNATURES = {
    "not ASCII": "\xe9" * 64,
    "named": "sha256=" + "0" * 64,
    "short": "0" * 63,
    "words": "nothing hexadecimal",
    "a null": "\x00",
}


@pytest.mark.parametrize("value", STRANGE_SIGNATURES.values(), ids=STRANGE_SIGNATURES.keys())
def test_51a_a_strange_signature_is_refused_like_a_wrong_one(value: str):
    with pytest.raises(WebhookVerificationError, match="fits none"):
        opened(headers=signed(Heygen_Signature=value))


def test_51a_the_error_of_an_unsigned_delivery_leads_to_the_callback_reader():
    with pytest.raises(WebhookVerificationError, match="unwrap_unsigned"):
        opened(headers={"Content-Type": "application/json"})


HEADER_SHAPES = {
    "as sent": signed(),
    "lower case": {name.lower(): value for name, value in signed().items()},
    "upper case": {name.upper(): value for name, value in signed().items()},
    "upper-case digits": signed(Heygen_Signature=signature().upper()),
    "padded": signed(Heygen_Signature=f" {signature()} "),
    "v1": {"Signature": signature()},
    "v1, lower case": {"signature": signature()},
    "both": {**signed(), "Signature": signature()},
    "both, one of them foreign": {**signed(), "Signature": "0" * 64},
    "pairs": list(signed().items()),
    "a generator": (pair for pair in signed().items()),
    "pairs of bytes": [(name.lower().encode(), value.encode()) for name, value in signed().items()],
    "starlette": StarletteHeaders(signed()),
    "lists of values": {name: [value] for name, value in signed().items()},
}


@pytest.mark.parametrize("headers", HEADER_SHAPES.values(), ids=HEADER_SHAPES.keys())
def test_51b_headers_of_both_generations_in_any_frameworks_words(headers: object):
    assert opened(headers=headers).video_id == "v-1"


def test_51b_other_spellings_are_refused():
    """One community note names this header; HeyGen's pages do not."""
    with pytest.raises(WebhookVerificationError, match="Heygen-Signature"):
        opened(headers={"X-Heygen-Signature": signature()})


def test_51c_several_secrets_are_accepted_while_one_is_replaced():
    both = ["whsec_old", SECRET]
    assert opened(secret=both).id == "evt_1"
    assert opened(headers=signed(secret="whsec_old"), secret=both).id == "evt_1"
    assert opened(secret=tuple(both)).id == "evt_1"
    with pytest.raises(WebhookVerificationError, match=r"none of the 2 secret"):
        opened(headers=signed(secret="whsec_other"), secret=both)


def test_the_prefix_is_a_part_of_the_key():
    bare = SECRET.removeprefix("whsec_")
    with pytest.raises(WebhookVerificationError):
        opened(headers=signed(secret=bare))


def test_a_secret_with_a_line_end_from_a_file_works():
    assert opened(secret=f"{SECRET}\n").id == "evt_1"


@pytest.mark.parametrize("secret", ["", " ", [], [""], [SECRET, ""], None, [SECRET, None]], ids=repr)
def test_an_empty_secret_is_refused_whatever_the_signature(secret: object):
    """Also one among others: with an empty key anybody can sign."""
    for key in ("", SECRET):
        with pytest.raises(WebhookVerificationError, match="secret is empty"):
            opened(headers=signed(secret=key), secret=secret)


AGES = {"just now": 0.0, "old": -300.0, "early": 300.0}


@pytest.mark.parametrize("age", AGES.values(), ids=AGES.keys())
def test_51d_a_timestamp_within_the_tolerance_is_fine(age: float):
    assert opened(headers=signed(Heygen_Timestamp=f"{NOW + age:.0f}")).id == "evt_1"


@pytest.mark.parametrize(("shift", "words"), [(-301, "301 s in the past"), (301, "301 s in the future")])
def test_51d_a_timestamp_beyond_the_tolerance_is_refused_on_both_sides(shift: int, words: str):
    stamp = str(int(NOW) + shift)
    with pytest.raises(WebhookVerificationError, match=words):
        opened(headers=signed(Heygen_Timestamp=stamp))
    assert opened(headers=signed(Heygen_Timestamp=stamp), tolerance=400).id == "evt_1"
    assert opened(headers=signed(Heygen_Timestamp=stamp), tolerance=math.inf).id == "evt_1"


STAMPS = {
    "milliseconds": f"{NOW * 1000:.0f}",
    "fractions": f"{NOW + 0.5}",
    "ISO": "2026-09-21T14:13:20Z",
    "ISO with offset": "2026-09-21T16:13:20+02:00",
    "ISO without zone": "2026-09-21T14:13:20.000",
}


@pytest.mark.parametrize("stamp", STAMPS.values(), ids=STAMPS.keys())
def test_51d_the_timestamp_is_read_in_any_likely_form(stamp: str):
    assert opened(headers=signed(Heygen_Timestamp=stamp)).id == "evt_1"
    with pytest.raises(WebhookVerificationError, match="in the past"):
        opened(headers=signed(Heygen_Timestamp=stamp), now=NOW + 3600)


NO_TIMES = ["", "soon", "nan", "inf", "-inf", "1e400", "9" * 5000, "0x10", "2026-99-99"]


@pytest.mark.parametrize("stamp", NO_TIMES, ids=lambda stamp: stamp[:10] or "empty")
def test_51d_what_is_no_time_is_refused(stamp: str):
    with pytest.raises(WebhookVerificationError, match="Timestamp"):
        opened(headers=signed(Heygen_Timestamp=stamp))


def test_51d_no_timestamp_is_accepted_as_v1_sends_none():
    assert opened(headers=signed(Heygen_Timestamp=None)).id == "evt_1"


def test_51d_of_two_timestamps_both_must_be_right():
    headers = [*signed().items(), ("Heygen-Timestamp", "12")]
    with pytest.raises(WebhookVerificationError, match="in the past"):
        opened(headers=headers)


def test_the_real_clock_is_the_default():
    headers = signed(Heygen_Timestamp=f"{time.time():.0f}")
    assert webhooks.unwrap(BODY, headers, SECRET).id == "evt_1"
    with pytest.raises(WebhookVerificationError, match="Heygen-Timestamp is"):
        webhooks.unwrap(BODY, signed(Heygen_Timestamp="1000000000"), SECRET)


def test_51e_a_duplicate_has_the_same_id():
    """The body's id wins over the header's, which nobody signed; without either it is made from the body."""
    assert opened().id == opened().id == "evt_1"
    without = event_with(event_id=None)
    assert opened(without).id == "evt_header"
    bare = signed(without, Heygen_Event_Id=None)
    assert opened(without, bare).id == f"sha256:{hashlib.sha256(without).hexdigest()}"
    other = event_with(event_id=None, event_type="avatar_video.fail")
    assert opened(other, signed(other, Heygen_Event_Id="")).id != opened(without, bare).id


def test_51g_an_unknown_type_is_an_event_like_any_other():
    event = opened(event_with(event_type="hologram.success", event_data={"hologram_id": "h-1"}))
    assert (event.type, event.video_id, event.data) == ("hologram.success", None, {"hologram_id": "h-1"})


STRANGE = {
    "no data": {"event_data": None},
    "data is a list": {"event_data": [1]},
    "no ids": {"event_data": {"callback_id": None, "folder_id": None, "url": None}},
    "empty video id": {"event_data": {"video_id": ""}},
    "no type": {"event_type": None},
    "a number for a type": {"event_type": 7},
    "no time": {"created_at": "yesterday"},
}


@pytest.mark.parametrize("changes", STRANGE.values(), ids=STRANGE.keys())
def test_51h_missing_and_strange_fields_are_none(changes: dict):
    event = opened(event_with(**changes))
    assert event.video_id == ("v-1" if "event_data" not in changes else None)
    assert event.type == ("unknown" if "event_type" in changes else "avatar_video.success")
    assert (event.created_at is None) == ("created_at" in changes)


NO_EVENTS = {
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "broken": b"{",
    "no text": b"\xff\xfe\xfd",
    "very deep": b"[" * 100_000,
    "a huge number": b"1" * 10_000,
}


@pytest.mark.parametrize("body", NO_EVENTS.values(), ids=NO_EVENTS.keys())
def test_a_signed_body_that_is_no_event_is_refused(body: bytes):
    with pytest.raises(WebhookVerificationError, match="not a JSON object"):
        opened(body)


@pytest.mark.parametrize("body", [BODY.decode(), EVENT, None, 7], ids=["text", "parsed", "none", "number"])
def test_a_body_that_is_not_bytes_is_a_programming_error(body: object):
    with pytest.raises(TypeError, match="raw bytes of the request"):
        webhooks.unwrap(body, signed(), SECRET)
    with pytest.raises(TypeError, match="raw bytes of the request"):
        webhooks.unwrap_unsigned(body)


def test_a_bytearray_is_bytes_enough():
    assert opened(bytearray(BODY), signed()).id == "evt_1"


@settings(deadline=None)
@given(body=st.binary(max_size=60), headers=st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_nothing_but_the_one_error_comes_out(body: bytes, headers: dict):
    """Whatever the internet sends, a handler has one error to answer with 400."""
    headers = {**headers, "Heygen-Signature": "00"}
    with pytest.raises(WebhookVerificationError):
        opened(body, headers)


@settings(deadline=None)
@given(stamp=st.text(max_size=30))
def test_no_timestamp_breaks_it(stamp: str):
    refusal = None
    try:
        opened(headers=signed(Heygen_Timestamp=stamp))
    except WebhookVerificationError as error:
        refusal = str(error)
    assert refusal is None or "Timestamp" in refusal


def test_51j_an_unsigned_callback_is_read_and_marked():
    event = webhooks.unwrap_unsigned(BODY)
    assert (event.video_id, event.callback_id, event.verified) == ("v-1", "cb-1", False)
    with pytest.raises(WebhookVerificationError, match="not a JSON object"):
        webhooks.unwrap_unsigned(b"<html>")


def test_neither_secrets_nor_signed_urls_are_shown():
    """Errors and reprs may end in a log."""
    failures = (signed(secret="whsec_other"), signed(Heygen_Timestamp="12"), {})
    for headers in failures:
        with pytest.raises(WebhookVerificationError) as caught:
            opened(headers=headers)
        shown = f"{caught.value}{caught.value!r}{caught.value.__dict__}"
        assert SECRET not in shown
        assert signature() not in shown
    assert "Signature=hidden" not in repr(opened())


def test_the_error_pickles():
    with pytest.raises(WebhookVerificationError) as caught:
        opened(headers={})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
