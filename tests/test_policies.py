"""Every number can be set, and a number that makes no sense is refused where it is set."""

from __future__ import annotations

import math
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heygen_async import Limits, PollPolicy, RetryPolicy, Timeouts

CLASSES: list[type[Any]] = [Timeouts, RetryPolicy, PollPolicy, Limits]
FIELDS = [(cls, field.name) for cls in CLASSES for field in attrs.fields(cls)]
WHOLE = {"max_attempts", "max_in_flight", "max_connections", "max_downloads", "max_segments"}
POSITIVE = WHOLE | {field.name for field in attrs.fields(Timeouts)} | {"max_interval", "growth", "request_worth"}


def test_the_defaults_are_as_documented() -> None:
    """They are a public promise."""
    assert attrs.asdict(Timeouts()) == {"connect": 5, "read": 30, "write": 120, "upload": 600, "download_stall": 60}
    assert attrs.asdict(RetryPolicy()) == {
        "max_attempts": 4,
        "base": 0.5,
        "max_delay": 30,
        "max_retry_after": 120,
        "reconcile_window": 60,
    }
    assert attrs.asdict(PollPolicy()) == {
        "first_after": 10,
        "growth": 1.4,
        "max_interval": 30,
        "jitter": 0.2,
        "timeout": 3600,
        "visibility_grace": 60,
        "url_grace": 60,
        "request_worth": 10,
    }
    assert attrs.asdict(Limits()) == {
        "max_in_flight": None,
        "max_connections": 16,
        "max_downloads": 4,
        "max_segments": 4,
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_policies_are_frozen_values(cls: type[Any]) -> None:
    """Equal by value, hashable, picklable, by keyword only, never changed in place."""
    assert cls() == cls() == pickle.loads(pickle.dumps(cls()))
    assert hash(cls()) == hash(cls())
    with pytest.raises(TypeError):
        cls(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(cls(), attrs.fields(cls)[0].name, 1)
    assert cls.__doc__


@pytest.mark.parametrize(("cls", "name"), FIELDS)
@pytest.mark.parametrize("wrong", [-1, -0.001, math.nan, -math.inf, "1", True, False, [], ..., {}], ids=repr)
def test_a_senseless_number_names_class_and_field(cls: type[Any], name: str, wrong: Any) -> None:
    """`True` is no number of seconds."""
    with pytest.raises(ValueError, match=rf"{cls.__name__}\.{name} must be"):
        cls(**{name: wrong})


@pytest.mark.parametrize(("cls", "name"), [(cls, name) for cls, name in FIELDS if name != "max_in_flight"])
def test_none_is_no_number(cls: type[Any], name: str) -> None:
    """Only `max_in_flight` may be left to HeyGen."""
    with pytest.raises(ValueError, match=name):
        cls(**{name: None})
    assert Limits(max_in_flight=None).max_in_flight is None


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_zero_is_allowed_where_it_means_something(cls: type[Any], name: str) -> None:
    """No pause, no grace; but no attempt, no connection and no time at all cannot work."""
    if name in POSITIVE:
        with pytest.raises(ValueError, match=name):
            cls(**{name: 0})
    else:
        assert getattr(cls(**{name: 0}), name) == 0


@pytest.mark.parametrize(("cls", "name"), [(cls, name) for cls, name in FIELDS if name in WHOLE])
def test_counts_are_whole(cls: type[Any], name: str) -> None:
    """Half a connection is none."""
    with pytest.raises(ValueError, match="whole number"):
        cls(**{name: 1.5})


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Timeouts)])
def test_a_timeout_is_finite(name: str) -> None:
    """Sockets take no infinity: it would fail in the middle of a call."""
    with pytest.raises(ValueError, match=rf"Timeouts\.{name} must be finite"):
        Timeouts(**{name: math.inf})


def test_shrinking_intervals_and_more_than_full_jitter_are_refused() -> None:
    """Growth below 1 would end in a busy loop, jitter above 1 in negative pauses."""
    with pytest.raises(ValueError, match="growth must be a number of at least 1,"):
        PollPolicy(growth=0.99)
    with pytest.raises(ValueError, match="jitter must be a number of at least 0 and at most 1,"):
        PollPolicy(jitter=1.01)
    assert PollPolicy(growth=1, jitter=1, timeout=math.inf).timeout == math.inf


@given(st.floats(0.001, 1e9), st.integers(1, 10**6))
def test_any_sensible_number_is_kept(seconds: float, count: int) -> None:
    """As it was given."""
    assert Timeouts(read=seconds).read == seconds
    assert RetryPolicy(base=seconds, max_attempts=count) == RetryPolicy(max_attempts=count, base=seconds)
