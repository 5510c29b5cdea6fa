"""A batch that is asked to stop brings what runs to its end, and begins nothing more."""

from __future__ import annotations

import anyio
import pytest

from heygen_async import PollPolicy
from heygen_async.models.outcomes import Skipped, Succeeded
from tests.clock import virtual_time
from tests.fake_heygen import FakeHeyGen
from tests.sdk import AVATAR, heygen_on

pytestmark = pytest.mark.anyio


@virtual_time
async def test_stopping_admits_nothing_more_and_wakes_those_who_wait() -> None:
    """At once, not when the next slot is free; the slots say how many run."""
    fake = FakeHeyGen(plan={0.0: "processing", 100.0: "completed"})
    requests = dict.fromkeys("abcd", AVATAR)
    polling = PollPolicy(first_after=1, max_interval=1, growth=1)
    async with (
        heygen_on(fake, polling=polling) as heygen,
        heygen.videos.generate_many(requests, max_in_flight=2) as outcomes,
    ):
        await anyio.sleep(10)
        assert outcomes.slots == (2, 2)
        began = anyio.current_time()
        outcomes.stop("enough")
        skipped = [await anext(outcomes), await anext(outcomes)]
        assert anyio.current_time() - began < 1
        assert skipped == [Skipped(key="c", reason="enough"), Skipped(key="d", reason="enough")]
        rest = [outcome async for outcome in outcomes]
    assert [type(outcome) for outcome in rest] == [Succeeded, Succeeded]
    assert fake.paid == 2
