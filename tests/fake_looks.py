"""A HeyGen without HTTP for the coordinator: renders that pass through words at given ages, and scripted faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import anyio
from attrs import define, field

from heygen_async._protocol.looks import BulkStatus, VideoPage
from heygen_async.errors import NotFoundError
from heygen_async.models.video import ApiVersion, Video, VideoFailure, VideoStatus

Fault = Callable[[str, object], Exception | None]


@define(slots=False)
class Render:
    """One video: `words` are (age, status) in order, `url_at` the age at which a completed one has its URL."""

    id: str
    created: float
    words: Sequence[tuple[float, str]]
    url_at: float = 0.0
    visible_at: float = 0.0
    failure: VideoFailure | None = None
    captioned_at: float = float("inf")

    def word(self, age: float) -> str:
        return [word for since, word in self.words if since <= age][-1]

    def video(self, now: float) -> Video:
        age = now - self.created
        status = VideoStatus(self.word(age))
        done = status == VideoStatus.COMPLETED
        return Video(
            id=self.id,
            status=status,
            created_at=1_700_000_000 + self.created,
            video_url=f"https://files.example/{self.id}.mp4" if done and age >= self.url_at else None,
            captioned_video_url=f"https://files.example/{self.id}.c.mp4" if done and age >= self.captioned_at else None,
            failure=self.failure if status == VideoStatus.FAILED else None,
        )


@define(eq=False, slots=False)
class FakeLooks:
    """Answer looks from `renders`; `fault(kind, argument)` may return an exception to raise instead.

    Every call is noted in `calls` as (time, kind, argument) and takes `latency` seconds.
    """

    latency: float = 0.0
    fault: Fault | None = None
    renders: dict[str, Render] = field(factory=dict)
    calls: list[tuple[float, str, object]] = field(factory=list)
    list_has_urls: bool = True
    hang: set[str] = field(factory=set)

    @property
    def counts(self) -> Counter[str]:
        return Counter(kind for _, kind, _ in self.calls)

    def times(self, kind: str | None = None) -> list[float]:
        return [at for at, called, _ in self.calls if kind in {None, called}]

    def render(self, video_id: str, seconds: float = 60.0, **extra: object) -> Render:
        """Begin a render now that completes after `seconds`."""
        words = extra.pop("words", [(0, "waiting"), (5, "processing"), (seconds, "completed")])
        made = Render(video_id, anyio.current_time(), words, **extra)  # type: ignore[arg-type]
        self.renders[video_id] = made
        return made

    async def bulk(self, video_ids: Sequence[str]) -> Sequence[BulkStatus]:
        assert 0 < len(video_ids) <= 100
        assert len(set(video_ids)) == len(video_ids)
        await self._call("bulk", tuple(video_ids))
        now = anyio.current_time()
        return [BulkStatus(video_id=video_id, status=self._bulk_word(video_id, now)) for video_id in video_ids]

    async def one(self, video_id: str, wire: ApiVersion) -> Video:
        await self._call("one" if wire == "v3" else "one-v1", video_id)
        now = anyio.current_time()
        found = self._visible(video_id, now)
        if found is None:
            raise NotFoundError("Video not found", status_code=404, code="video_not_found")
        return found.video(now)

    async def page(self, wire: ApiVersion, token: str | None) -> VideoPage:
        await self._call("page" if wire == "v3" else "page-v1", token)
        now, start = anyio.current_time(), int(token or 0)
        newest = list(reversed([render for render in self.renders.values() if self._visible(render.id, now)]))
        videos = [self._item(render, wire, now) for render in newest[start : start + 100]]
        more = start + 100 < len(newest)
        return VideoPage(videos=videos, next_token=str(start + 100) if more else None)

    def _item(self, render: Render, wire: ApiVersion, now: float) -> Video:
        video = render.video(now)
        if wire == "v3" and self.list_has_urls:
            return video
        return Video(id=video.id, status=video.status, created_at=video.created_at)

    def _bulk_word(self, video_id: str, now: float) -> str:
        found = self._visible(video_id, now)
        if found is None:
            return "not_found"
        word = found.word(now - found.created)
        return "queued" if word in {"waiting", "pending"} else word

    def _visible(self, video_id: str, now: float) -> Render | None:
        found = self.renders.get(video_id)
        return found if found is not None and now - found.created >= found.visible_at else None

    async def _call(self, kind: str, argument: object) -> None:
        self.calls.append((anyio.current_time(), kind, argument))
        if self.latency:
            await anyio.sleep(self.latency)
        if self.hang and self.hang.intersection(argument if isinstance(argument, tuple) else (argument,)):
            await anyio.sleep_forever()
        error = self.fault(kind, argument) if self.fault else None
        if error is not None:
            raise error
