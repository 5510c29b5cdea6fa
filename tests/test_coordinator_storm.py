"""Whatever goes wrong at once: every wait ends, and nothing is left behind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import anyio
import pytest
from attrs import evolve

from heygen_async import errors
from heygen_async._protocol.looks import VideoPage
from heygen_async.models.video import ApiVersion, Video, VideoStatus
from tests.clock import virtual_time
from tests.test_coordinator import POLICY, World

pytestmark = [pytest.mark.anyio, virtual_time]

CALM_AFTER = 300.0
LONGEST = 3000.0


class Storm:
    """A world with slow, failing, hanging and lying looks, and waiters that come and go in every way."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = World(list_has_urls=self.dice.random() < 0.85)
        self.latency = self.dice.choice([0, 0.05, 0.5, 2])
        self.hangs, self.fails, self.lies = (self.dice.choice([0, 0, 0.02, 0.1]) for _ in range(3))
        self.circles = self.dice.random()
        self.outcomes: Counter[str] = Counter()
        self.began = 0.0
        looks = self.world.looks
        self._bulk, self._one, self._page = looks.bulk, looks.one, looks.page
        looks.bulk, looks.one, looks.page = self.bulk, self.one, self.page  # type: ignore[method-assign]

    async def weather(self) -> None:
        await anyio.sleep(self.dice.random() * 2 * self.latency)
        if anyio.current_time() - self.began > CALM_AFTER:
            return
        if self.dice.random() < self.hangs:
            await anyio.sleep(self.dice.choice([12, 40]))
        if self.dice.random() < self.fails:
            raise self.dice.choice(
                [
                    errors.InternalServerError("500", status_code=500),
                    errors.RateLimitError("429", status_code=429, retry_after=self.dice.choice([None, 1.0, 20.0])),
                    errors.APIConnectionError("reset"),
                ]
            )

    async def bulk(self, video_ids: object) -> object:
        await self.weather()
        return await self._bulk(video_ids)  # type: ignore[arg-type]

    async def one(self, video_id: str, wire: ApiVersion) -> Video:
        await self.weather()
        return await self._one(video_id, wire)

    async def page(self, wire: ApiVersion, token: str | None) -> VideoPage:
        await self.weather()
        found = await self._page(wire, token)
        if self.circles < 0.2:
            found = evolve(found, next_token=self.dice.choice([token, "0", "100", None]))
        if self.dice.random() < self.lies:
            stale = [evolve(one, status=VideoStatus("processing"), video_url=None) for one in found.videos]
            found = evolve(found, videos=stale)
        return found

    async def waiter(self, video_id: str) -> None:
        begin = anyio.current_time()
        wait: Callable[..., object] = self.dice.choice([self.wait, self.wait, self.wait, self.follow])
        with anyio.CancelScope() as scope:
            if self.dice.random() < 0.2:
                scope.deadline = begin + self.dice.random() * 200
            try:
                await wait(video_id)  # type: ignore[misc]
                self.outcomes["has it"] += 1
            except errors.HeyGenError as error:
                self.outcomes[type(error).__name__] += 1
        self.outcomes["cancelled"] += scope.cancelled_caught

    async def wait(self, video_id: str) -> None:
        wire = "v2" if self.dice.random() < 0.1 else "v3"
        asset = "captioned" if self.dice.random() < 0.15 else "video"
        fresh, policy = self.dice.random() < 0.8, evolve(POLICY, jitter=0.2, timeout=LONGEST)
        await self.world.wait(video_id, wire, policy=policy, asset=asset, fresh=fresh, may_switch=True)

    async def follow(self, video_id: str) -> None:
        policy = evolve(POLICY, timeout=LONGEST)
        updates = self.world.coordinator.updates(video_id, "v3", policy=policy, submitted_at=anyio.current_time())
        ended = False
        while not ended:
            with anyio.move_on_after(self.dice.choice([3, 30, 1000])):
                ended = (await anext(updates)).status.is_terminal
            await anyio.sleep(self.dice.random() * 10)

    async def rage(self) -> None:
        videos = [f"v{number}" for number in range(self.dice.choice([30, 150, 300]))]
        self.began = anyio.current_time()
        shortest = self.dice.choice([1, 30])
        async with anyio.create_task_group() as group:
            for video_id in videos:
                seconds = shortest + self.dice.uniform(0, self.dice.choice([1, 20, 120]))
                hidden, captioned = self.dice.choice([0, 0, 0, 8]), self.dice.choice([0, 200])
                self.world.looks.render(video_id, seconds, visible_at=hidden, captioned_at=captioned)
                for _ in range(self.dice.choice([0, 1, 1, 1, 2, 3])):
                    group.start_soon(self.waiter, video_id)
            for _ in range(self.dice.choice([0, 20, 100])):
                await anyio.sleep(self.dice.random() * 2)
                self.world.coordinator.notify(self.dice.choice(videos))


def assert_nothing_is_left(world: World) -> None:
    turns, board = world.coordinator._turns, world.coordinator._board
    looker = turns._looker
    assert world.coordinator.watched == 0
    assert board._watches == {}
    assert board.places._by_token == {}
    assert board.lead.is_idle
    assert [line.borrowed_tokens for line in (looker._bulks, looker._pages, looker._crowds, looker._singles)] == [0] * 4


@pytest.mark.parametrize("seed", range(12))
async def test_every_wait_ends_and_nothing_is_left(seed: int) -> None:
    """Who is not cancelled has the video long before the time-out; some were promised an asset that never came."""
    storm = Storm(seed)
    await storm.rage()
    assert storm.outcomes["has it"] > 0
    assert set(storm.outcomes) <= {"has it", "cancelled", "VideoNotAvailableError"}
    assert_nothing_is_left(storm.world)
