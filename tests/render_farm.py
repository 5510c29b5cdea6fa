"""A HeyGen of v3 that only keeps time and counts, quick enough for thousands of videos on a virtual clock."""

from __future__ import annotations

import heapq
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import anyio
import httpx

from heygen_async import AsyncHeyGen
from tests.fake_heygen import KEY

MANY = 100


class RenderFarm:
    """Renders take `seconds(n)` for the n-th video; `cap` jobs run at once, `others` of them are other programs'."""

    def __init__(
        self, *, cap: int | None = 10, seconds: Callable[[int], float] = lambda n: 60.0, retry_after: str | None = "5"
    ) -> None:
        self.cap, self.others, self.retry_after = cap, 0, retry_after
        self.seconds, self.latency = seconds, 0.0
        self.ends: dict[str, float] = {}
        self.begins: dict[str, float] = {}
        self.by_key: dict[str, str] = {}
        self.requests: Counter[str] = Counter()
        self.submitted_at: list[float] = []
        self.refused_at: list[float] = []
        self.most_running = 0
        self.work = 0.0
        self.fail: dict[int, str] = {}
        self.failed: dict[str, str] = {}
        self.refuse: Callable[[int, dict[str, Any]], httpx.Response | None] = lambda n, body: None
        self._running: list[float] = []

    @property
    def paid(self) -> int:
        return len(self.ends)

    def running(self) -> int:
        now = anyio.current_time()
        while self._running and self._running[0] <= now:
            heapq.heappop(self._running)
        return len(self._running)

    def client(self, **options: Any) -> AsyncHeyGen:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer), trust_env=False)
        return AsyncHeyGen(KEY, http_client=http, **options)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        name = f"{request.method} {path}" if path.endswith(("/videos", "/statuses")) else f"{request.method} one"
        self.requests[name] += 1
        if request.method == "POST":
            answer = self._create(request.headers["idempotency-key"], json.loads(request.content))
        elif path.endswith("/statuses"):
            ids = request.url.params["video_ids"].split(",")
            answer = _good([{"video_id": one, "status": self._word(one)} for one in ids])
        elif path == "/v3/videos":
            answer = _good([self._video(one) for one in list(self.ends)[-MANY:][::-1]])
        else:
            answer = _good(self._video(path.rsplit("/", 1)[1]))
        await anyio.sleep(self.latency)
        return answer

    def _create(self, key: str, body: dict[str, Any]) -> httpx.Response:
        now = anyio.current_time()
        if key in self.by_key:
            return _good({"video_id": self.by_key[key], "status": "waiting"})
        refusal = self.refuse(self.paid, body)
        if refusal is None and self.cap is not None and self.running() + self.others >= self.cap:
            refusal = refused(429, "rate_limit_exceeded", self.retry_after)
        if refusal is not None:
            self.refused_at.append(now)
            return refusal
        number = self.paid
        video_id, length = f"video-{number}", self.seconds(number)
        self.by_key[key] = video_id
        self.begins[video_id], self.ends[video_id] = now, now + length
        if number in self.fail:
            self.failed[video_id] = self.fail[number]
        self.work += length
        self.submitted_at.append(now)
        heapq.heappush(self._running, now + length)
        self.most_running = max(self.most_running, self.running())
        return _good({"video_id": video_id, "status": "waiting"})

    def _word(self, video_id: str) -> str:
        now = anyio.current_time()
        if now < self.ends[video_id]:
            return "processing" if now > self.begins[video_id] + 5 else "pending"
        return "failed" if video_id in self.failed else "completed"

    def _video(self, video_id: str) -> dict[str, Any]:
        word = self._word(video_id)
        code = self.failed.get(video_id) if word == "failed" else None
        url = f"https://files.heygen.test/{video_id}.mp4" if word == "completed" else None
        return {"id": video_id, "status": word, "video_url": url, "failure_code": code, "failure_message": code}


def _good(data: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": data})


def refused(status: int, code: str, retry_after: str | None = None) -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return httpx.Response(status, headers=headers, json={"error": {"code": code, "message": f"refused: {code}"}})


def one_to_twelve_minutes(seed: int = 1) -> Callable[[int], float]:
    rng = random.Random(seed)
    return lambda n: rng.uniform(60, 720)
