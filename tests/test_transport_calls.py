"""The API's calls one by one, against routes mocked with respx: method, path, query, body and headers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import respx

from heygen_async import AsyncHeyGen, PollPolicy, RetryPolicy
from tests.clock import virtual_time
from tests.fake_heygen import KEY
from tests.sdk import AVATAR, AVATAR_JSON, quick_start

pytestmark = pytest.mark.anyio

API = "https://api.heygen.com"


@pytest.fixture
def router() -> respx.MockRouter:
    return respx.MockRouter(assert_all_called=True)


@asynccontextmanager
async def heygen_behind(router: respx.MockRouter, **options: Any) -> AsyncIterator[AsyncHeyGen]:
    transport = httpx.MockTransport(router.async_handler)
    async with httpx.AsyncClient(transport=transport) as http, AsyncHeyGen(KEY, http_client=http, **options) as heygen:
        yield heygen
    router.assert_all_called()


async def test_create_v3(router: respx.MockRouter) -> None:
    """POST /v3/videos with the key, an idempotency key and the request's JSON."""
    route = router.post(
        f"{API}/v3/videos",
        json=AVATAR_JSON,
        headers={"X-Api-Key": KEY, "Idempotency-Key": "order-1", "Accept": "application/json"},
    ).respond(json={"data": {"video_id": "v1", "status": "waiting"}})
    async with heygen_behind(router) as heygen:
        job = await heygen.videos.create(AVATAR, idempotency_key="order-1")
    assert (job.id, route.call_count) == ("v1", 1)


async def test_create_v2(router: respx.MockRouter) -> None:
    """POST /v2/video/generate; v2 knows no idempotency key, so none is sent."""
    route = router.post(f"{API}/v2/video/generate", headers={"X-Api-Key": KEY}).respond(
        json={"error": None, "data": {"video_id": "v1"}}
    )
    async with heygen_behind(router) as heygen:
        assert (await heygen.videos.create(quick_start())).id == "v1"
    assert "idempotency-key" not in route.calls.last.request.headers


async def test_get_and_delete_v3(router: respx.MockRouter) -> None:
    """The id is in the path."""
    router.get(f"{API}/v3/videos/v1").respond(json={"data": {"id": "v1", "status": "pending"}})
    router.delete(f"{API}/v3/videos/v1").respond(json={"data": {"id": "v1", "deleted": True}})
    async with heygen_behind(router) as heygen:
        assert (await heygen.videos.get("v1")).status == "pending"
        await heygen.videos.delete("v1")


async def test_get_and_delete_v1(router: respx.MockRouter) -> None:
    """The id is in the query."""
    router.get(f"{API}/v1/video_status.get", params={"video_id": "v1"}).respond(
        json={"code": 100, "data": {"id": "v1", "status": "processing"}, "message": "Success"}
    )
    router.delete(f"{API}/v1/video.delete", params={"video_id": "v1"}).respond(
        json={"code": 100, "data": None, "msg": None}
    )
    async with heygen_behind(router, api_version="v2") as heygen:
        assert (await heygen.videos.get("v1")).status == "processing"
        await heygen.videos.delete("v1")


async def test_an_empty_delete_answer_is_fine(router: respx.MockRouter) -> None:
    """204 without a body says all there is to say."""
    route = router.delete(f"{API}/v3/videos/v1").respond(204)
    async with heygen_behind(router) as heygen:
        await heygen.videos.delete("v1")
    assert route.call_count == 1


@virtual_time
async def test_wait_v3(router: respx.MockRouter) -> None:
    """Looks go to the bulk endpoint; the finished video is read once for its URL."""
    bulk = router.get(f"{API}/v3/videos/statuses", params={"video_ids": "v1"})
    bulk.side_effect = [
        httpx.Response(200, json={"data": [{"video_id": "v1", "status": word}], "has_more": False})
        for word in ("queued", "processing", "completed")
    ]
    one = router.get(f"{API}/v3/videos/v1").respond(
        json={"data": {"id": "v1", "status": "completed", "video_url": "https://f.test/v.mp4?Signature=1"}}
    )
    async with heygen_behind(router, polling=PollPolicy(first_after=1)) as heygen:
        video = await heygen.videos.job("v1").wait()
    assert video.video_url == "https://f.test/v.mp4?Signature=1"
    assert bulk.call_count <= 3
    assert one.call_count >= 1


@virtual_time
async def test_a_get_is_repeated_by_policy(router: respx.MockRouter) -> None:
    """Reads are safe: as often as `max_attempts` says, then the last error."""
    route = router.get(f"{API}/v3/videos/v1")
    route.side_effect = [
        httpx.Response(500),
        httpx.ReadError("reset"),
        httpx.Response(200, json={"data": {"id": "v1", "status": "pending"}}),
    ]
    async with heygen_behind(router, retries=RetryPolicy(max_attempts=3)) as heygen:
        assert (await heygen.videos.get("v1")).id == "v1"
    assert route.call_count == 3


@virtual_time
async def test_a_delete_is_repeated_too(router: respx.MockRouter) -> None:
    """Deleting twice does no harm; what the repeat finds is the end."""
    route = router.delete(f"{API}/v3/videos/v1")
    route.side_effect = [
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(200, json={"data": {"id": "v1", "deleted": True}}),
    ]
    async with heygen_behind(router) as heygen:
        await heygen.videos.delete("v1")
    assert route.call_count == 2
