"""Ways to save a file, each run once in a process of its own, beside a heartbeat and if wanted a FastAPI handler.

    python -m benchmarks.file_ways WAY URL FILES FOLDER [--handler]

prints one line of JSON: seconds, by how many bytes the process grew, how much longer than asked a sleep of 1 ms took
in its event loop (milliseconds, 99th percentile and worst), and the worst answer time of the handler, asked by another
process all the while. Only the SDK flushes to disk.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import importlib.util
import json
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
import httpx

from benchmarks.file_hosts import PEM

Way = Callable[[str, list[Path]], Awaitable[None]]

ASKING = """
import http.client, sys, time
link, worst = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])), 0.0
print(flush=True)
import select
while not select.select([sys.stdin], [], [], 0.02)[0]:
    began = time.perf_counter()
    link.request("GET", "/health")
    assert link.getresponse().read() == b'{"ok":true}'
    worst = max(worst, time.perf_counter() - began)
print(worst * 1000)
"""


async def programs(command: list[str], url: str, targets: list[Path]) -> None:
    """As many programs as files; `{}` stands for the target's folder, `{name}` for its name."""
    async with anyio.create_task_group() as group:
        for target in targets:
            filled = [part.format(folder=target.parent, name=target.name, path=target) for part in command]
            group.start_soon(anyio.run_process, [*filled, url])


async def all_of(save: Callable[[str, Path], Awaitable[None]], url: str, targets: list[Path]) -> None:
    async with anyio.create_task_group() as group:
        for target in targets:
            group.start_soon(save, url, target)


async def quick_start(url: str, targets: list[Path]) -> None:
    """HeyGen's Quick Start: `requests.get`, then all of `response.content` into a file; here in threads."""
    import requests

    def save(target: Path) -> None:
        response = requests.get(url, timeout=60, verify=str(PEM))
        target.write_bytes(response.content)

    await all_of(lambda _, target: anyio.to_thread.run_sync(save, target), url, targets)


async def obvious_httpx(url: str, targets: list[Path]) -> None:
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as client:

        async def save(url: str, target: Path) -> None:
            async with await anyio.open_file(target, "wb") as file, client.stream("GET", url) as response:
                async for chunk in response.aiter_bytes():
                    await file.write(chunk)

        await all_of(save, url, targets)


async def blocking_writes(url: str, targets: list[Path]) -> None:
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as client:

        async def save(url: str, target: Path) -> None:
            with target.open("wb") as file:
                async with client.stream("GET", url) as response:
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)

        await all_of(save, url, targets)


async def aiohttp_chunks(url: str, targets: list[Path]) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def save(url: str, target: Path) -> None:
            async with await anyio.open_file(target, "wb") as file, session.get(url, ssl=tls()) as response:
                async for chunk in response.content.iter_chunked(1024 * 1024):
                    await file.write(chunk)

        await all_of(save, url, targets)


async def ours(url: str, targets: list[Path]) -> None:
    from heygen_async import AsyncHeyGen

    async with AsyncHeyGen("key", base_url="http://127.0.0.1:9") as heygen:
        heygen._services.downloader._lane._tls = OwnTls()  # type: ignore[attr-defined,assignment]
        async with anyio.create_task_group() as group:
            for target in targets:
                group.start_soon(heygen.download, url, target)


class OwnTls:
    """A context that trusts the certificate of the benchmark's host."""

    async def context(self) -> ssl.SSLContext:
        return await anyio.to_thread.run_sync(lambda: httpx.HTTPTransport(verify=tls()) and tls())


@functools.cache
def tls() -> ssl.SSLContext:
    """Make the context for all ways that need one; it takes 30 ms, before the time that is measured."""
    return ssl.create_default_context(cafile=PEM)


_CURL = ["curl", "-s", "--cacert", str(PEM), "-o", "{path}"]
_ARIA = ["aria2c", "-q", "--file-allocation=none", "--check-certificate=false", "-d", "{folder}", "-o", "{name}"]
WAYS: dict[str, tuple[str, Way, str]] = {
    "ours": ("heygen-async", ours, ""),
    "curl": ("curl", functools.partial(programs, _CURL), "curl"),
    "curl_sync": (
        "curl, then sync",
        functools.partial(programs, ["sh", "-c", f"{' '.join(_CURL)} $0 && sync {{path}}"]),
        "curl",
    ),
    "wget": ("wget", functools.partial(programs, ["wget", "-q", f"--ca-certificate={PEM}", "-O", "{path}"]), "wget"),
    "aria2": ("aria2c", functools.partial(programs, [*_ARIA, "-x1", "-s1"]), "aria2c"),
    "aria2_x4": ("aria2c -x4", functools.partial(programs, [*_ARIA, "-x4", "-s4", "-k1M"]), "aria2c"),
    "aiohttp": ("aiohttp, anyio.open_file", aiohttp_chunks, "aiohttp"),
    "httpx": ("httpx, anyio.open_file (the obvious loop)", obvious_httpx, ""),
    "httpx_blocking": ("httpx, writing in the event loop", blocking_writes, ""),
    "quick_start": ("Quick Start's requests.get, in threads", quick_start, "requests"),
}
"""By name: what it is, how it saves, and the program or package it needs."""


def prepare(way: str) -> None:
    """Do what any program has done before its event loop runs: import what the way needs."""
    from heygen_async import AsyncHeyGen

    tls()
    AsyncHeyGen("key")
    if importlib.util.find_spec(WAYS[way][2] or "httpx") is not None:
        importlib.import_module(WAYS[way][2] or "httpx")


def is_there(way: str) -> bool:
    """Say whether a way can be run here."""
    needs = WAYS[way][2]
    return not needs or shutil.which(needs) is not None or importlib.util.find_spec(needs) is not None


def resident() -> int:
    """Return the resident memory of this process in bytes; its peak since it was reset last is read by `peak`."""
    return _status("VmRSS")


def peak() -> int:
    """Return the most that was resident."""
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.asynccontextmanager
async def handler() -> AsyncIterator[Callable[[], float]]:
    """Serve a FastAPI handler from this event loop; give a function that ends the asking and tells the worst answer."""
    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, bool]:
        return {"ok": True}

    class Server(uvicorn.Server):
        def install_signal_handlers(self) -> None:
            pass

    server = Server(uvicorn.Config(app, port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await anyio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    await anyio.to_thread.run_sync(asking.stdout.readline)
    try:
        yield lambda: float(asking.communicate("\n")[0])
    finally:
        server.should_exit = True
        await serving


async def measured(way: Way, url: str, targets: list[Path], *, with_handler: bool) -> dict[str, float]:
    """Run one way beside a heartbeat."""
    gaps: list[float] = []

    async def heartbeat() -> None:
        while True:
            before = time.perf_counter()
            await anyio.sleep(0.001)
            gaps.append(time.perf_counter() - before - 0.001)

    async with contextlib.AsyncExitStack() as stack:
        worst_answer = await stack.enter_async_context(handler()) if with_handler else lambda: 0.0
        async with anyio.create_task_group() as group:
            group.start_soon(heartbeat)
            await anyio.sleep(0.05)
            gaps.clear()
            Path("/proc/self/clear_refs").write_text("5")  # begins a new peak
            before, began = resident(), time.perf_counter()
            await way(url, targets)
            took, grown = time.perf_counter() - began, peak() - before
            group.cancel_scope.cancel()
        answer = await anyio.to_thread.run_sync(worst_answer)
    gaps.sort()
    p99, worst = gaps[int(len(gaps) * 0.99)] * 1000, gaps[-1] * 1000
    return {"seconds": took, "grown": grown, "p99": p99, "worst": worst, "answer": answer}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("url")
    parser.add_argument("files", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--handler", action="store_true")
    options = parser.parse_args()
    targets = [options.folder / f"{number}.mp4" for number in range(options.files)]
    prepare(options.way)
    way = WAYS[options.way][1]
    print(json.dumps(anyio.run(functools.partial(measured, way, options.url, targets, with_handler=options.handler))))


if __name__ == "__main__":
    main()
