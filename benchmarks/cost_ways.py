"""The ways to make many videos that `benchmarks.cost` compares; each runs in a process of its own.

`python -m benchmarks.cost_ways WAY PORT VIDEOS` makes them against a `benchmarks.loopback`, and prints a line of JSON:
the CPU seconds from the first submission to the last file, and the most memory in KiB. All ways but ours are what one
writes by hand: create, look every 5 seconds (the interval of HeyGen's Quick Start), download.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

INTERVAL = 5.0
KEY = {"X-Api-Key": "key"}
V2: dict[str, Any] = {
    "video_inputs": [
        {
            "character": {"type": "avatar", "avatar_id": "avatar", "avatar_style": "normal"},
            "voice": {"type": "text", "input_text": "Hello", "voice_id": "voice"},
        }
    ],
    "dimension": {"width": 1280, "height": 720},
}
V3 = {"type": "avatar", "avatar_id": "avatar", "voice_id": "voice", "script": "Hello"}
Started = Callable[[], None]


async def ours(
    base: str, videos: int, folder: Path, started: Started, *, http_client: Any = None, **options: Any
) -> None:
    # Imported by the first call otherwise; making httpx's own client imports the like before the time that counts.
    import httpcore  # noqa: F401

    import heygen_async._batch  # noqa: F401
    from heygen_async import AsyncHeyGen, AvatarVideo

    request = AvatarVideo(avatar_id="avatar", voice_id="voice", script="Hello")
    async with AsyncHeyGen("key", base_url=base, http_client=http_client) as heygen:
        started()
        report = await heygen.videos.generate_all(
            [request] * videos, save_to=folder / "{key}.mp4", max_in_flight=videos, **options
        )
        report.raise_for_failures()


async def ours_with_journal(base: str, videos: int, folder: Path, started: Started) -> None:
    await ours(base, videos, folder, started, journal=folder / "journal.db")


async def ours_over_httpx2(base: str, videos: int, folder: Path, started: Started) -> None:
    import httpx2

    limits = httpx2.Limits(max_connections=16)
    async with httpx2.AsyncClient(limits=limits, trust_env=False) as client:
        await ours(base, videos, folder, started, http_client=client)


async def httpx_gather(base: str, videos: int, folder: Path, started: Started) -> None:
    import httpx

    async def one(number: int) -> None:
        created = (await client.post("/v3/videos", json=V3)).raise_for_status().json()
        while True:
            await asyncio.sleep(INTERVAL)
            looked = await client.get(f"/v3/videos/{created['data']['video_id']}")
            video = looked.raise_for_status().json()["data"]
            if video["status"] == "completed":
                break
        file = (await files.get(video["video_url"])).raise_for_status()
        (folder / f"{number}.mp4").write_bytes(file.content)

    limits = httpx.Limits(max_connections=100)
    async with (
        httpx.AsyncClient(base_url=base, headers=KEY, limits=limits, timeout=60, trust_env=False) as client,
        httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as files,
    ):
        started()
        await asyncio.gather(*map(one, range(videos)))


async def aiohttp_gather(base: str, videos: int, folder: Path, started: Started) -> None:
    import aiohttp

    async def one(number: int) -> None:
        async with client.post(f"{base}/v3/videos", json=V3, headers=KEY) as answer:
            created = await answer.json()
        while True:
            await asyncio.sleep(INTERVAL)
            async with client.get(f"{base}/v3/videos/{created['data']['video_id']}", headers=KEY) as answer:
                video = (await answer.json())["data"]
            if video["status"] == "completed":
                break
        async with client.get(video["video_url"]) as file:
            (folder / f"{number}.mp4").write_bytes(await file.read())

    async with aiohttp.ClientSession(raise_for_status=True) as client:
        started()
        await asyncio.gather(*map(one, range(videos)))


def mcp_client() -> Any:
    """Load the one module of heygen-mcp that is its client: the package itself wants an MCP server of version 1."""
    package = importlib.util.find_spec("heygen_mcp")
    assert package is not None
    assert package.submodule_search_locations is not None
    source = Path(package.submodule_search_locations[0]) / "api_client.py"
    spec = importlib.util.spec_from_file_location("heygen_mcp_api_client", source)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def heygen_mcp(base: str, videos: int, folder: Path, started: Started) -> None:
    """The client of the PyPI package, which has no wait and no download: those are as in `httpx_gather`.

    Its HTTP client is replaced by one that waits longer than 5 s for its turn.
    """
    import httpx

    mcp = mcp_client()

    async def one(number: int) -> None:
        inputs = mcp.VideoInput(
            character=mcp.Character(avatar_id="avatar"), voice=mcp.Voice(input_text="Hello", voice_id="voice")
        )
        created = await client.generate_avatar_video(mcp.VideoGenerateRequest(video_inputs=[inputs]))
        while True:
            await asyncio.sleep(INTERVAL)
            video = await client.get_video_status(created.video_id)
            if video.status == "completed":
                break
        file = (await files.get(video.video_url)).raise_for_status()
        (folder / f"{number}.mp4").write_bytes(file.content)

    client = mcp.HeyGenApiClient("key")
    client.base_url = f"{base}/v2"
    client._client = httpx.AsyncClient(timeout=60, trust_env=False)
    async with httpx.AsyncClient(timeout=60, trust_env=False) as files:
        started()
        await asyncio.gather(*map(one, range(videos)))
    await client.close()


async def quick_start(base: str, videos: int, folder: Path, started: Started) -> None:
    """The loop of HeyGen's Quick Start, in as many threads as videos."""
    import requests

    def one(number: int) -> None:
        created = requests.post(f"{base}/v2/video/generate", json=V2, headers=KEY, timeout=60).json()
        url = f"{base}/v1/video_status.get?video_id={created['data']['video_id']}"
        while True:
            data = requests.get(url, headers=KEY, timeout=60).json()["data"]
            if data["status"] == "completed":
                break
            time.sleep(INTERVAL)
        (folder / f"{number}.mp4").write_bytes(requests.get(data["video_url"], timeout=60).content)

    started()
    with ThreadPoolExecutor(videos) as pool:
        await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(pool, one, n) for n in range(videos)))


WAYS: dict[str, Callable[[str, int, Path, Started], Coroutine[Any, Any, None]]] = {
    way.__name__: way
    for way in (ours, ours_with_journal, ours_over_httpx2, httpx_gather, aiohttp_gather, heygen_mcp, quick_start)
}


def main(way: str, port: int, videos: int) -> None:
    """Run one way, and tell what it cost."""
    began = 0.0

    def started() -> None:
        nonlocal began
        began = time.process_time()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(WAYS[way](f"http://127.0.0.1:{port}", videos, folder, started))
        cpu = time.process_time() - began
        saved = sum(1 for path in folder.iterdir() if path.suffix == ".mp4")
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": cpu, "rss": rss, "saved": saved}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
