"""What a batch costs in memory: the slots and a bounded backlog, whatever its length."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from heygen_async import AsyncHeyGen, AvatarVideo, Succeeded, Video, VideoStatus
from heygen_async._protocol import bounded
from heygen_async._submission import Submission, Submitted, Submitter
from tests.sdk import AVATAR

pytestmark = pytest.mark.anyio


@pytest.mark.slow
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})], ids=["asyncio"])
async def test_10000_items_in_flat_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the 2,000th to the 9,000th item nothing is added; each is submitted once, and pulled when there is room."""
    keys: set[str] = set()
    pulled, most_ahead = 0, 0

    async def send(self: Submitter, submission: Submission, **rules: Any) -> Submitted:
        await anyio.lowlevel.checkpoint()
        keys.add(submission.key)
        return Submitted(video_id=submission.key, wire="v3", idempotency_key=submission.key, at=anyio.current_time())

    async def wait(video_id: str, wire: str, **rules: Any) -> Video:
        await anyio.lowlevel.checkpoint()
        return Video(id=video_id, status=VideoStatus.COMPLETED)

    def requests() -> Iterator[AvatarVideo]:
        nonlocal pulled
        for _ in range(10_000):
            pulled += 1
            yield AVATAR

    monkeypatch.setattr(bounded, "_CAPACITY", 100)
    monkeypatch.setattr(Submitter, "send", send)
    done, submitted, blocks = 0, 0, list[int]()
    async with AsyncHeyGen("key") as heygen:
        monkeypatch.setattr(heygen._services.coordinator, "wait", wait)
        async with heygen.videos.generate_many(requests()) as outcomes:
            async for outcome in outcomes:
                assert isinstance(outcome, Succeeded)
                done += 1
                most_ahead = max(most_ahead, pulled - done)
                if done in {2000, 9000}:
                    submitted += len(keys)
                    keys.clear()
                    gc.collect()
                    blocks.append(sys.getallocatedblocks())
    assert done == pulled == 10_000
    assert most_ahead < 300
    assert submitted + len(keys) == 10_000
    assert blocks[1] - blocks[0] < 1000
