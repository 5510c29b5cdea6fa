"""How fast files reach the disk, and what that does to the event loop, next to curl and the obvious loops.

    python -m benchmarks.download [--size MIB] [--rounds N] [--plain | --tls] [--folder DIR]

A separate process serves one big file on loopback: nginx if it is installed, else a sendfile server of our own. Every
round runs every method once, in turn, so that the ratios compare neighbours; the table shows medians over the rounds.
A stall is how much longer than asked a sleep of 1 ms took beside the download: on a machine with few cores the server
competes with the client, and even curl, in processes of its own, makes the loop wait. Only the SDK flushes to disk.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import httpx

from heygen_async._download import Downloader, FileSource
from heygen_async._partfile import PartFile
from heygen_async._policies import Limits
from heygen_async._transport import file_line
from heygen_async._transport.file_lane import FileLane
from heygen_async._transport.run_guard import RunGuard

MIB = 1024 * 1024
PEM = Path(__file__).parent.parent / "tests" / "loopback.pem"
# The start of an MP4 film; the rest is zeros of a sparse file, as good as any bytes on loopback.
FILM = b"\0\0\0\x18ftypisom\0\0\2\0isommp41"

NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
    ssl_certificate {pem}; ssl_certificate_key {pem}; root {folder}/www;
  }}
}}
"""

SERVER = """
import os, socket, ssl, sys, threading
path, port, pem = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = None
if pem:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
def serve(connection):
    with connection, open(path, "rb") as file:
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        connection.recv(65536)
        size = os.fstat(file.fileno()).st_size
        head = f"HTTP/1.1 200 OK\\r\\nContent-Length: {size}\\r\\nETag: \\"x\\"\\r\\nConnection: close\\r\\n\\r\\n"
        connection.sendall(head.encode())
        connection.sendfile(file)
with socket.create_server(("127.0.0.1", port)) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, *, tls: bool) -> Iterator[tuple[str, str]]:
    """Serve `folder/www/film.mp4` from another process; give its URL and what serves it."""
    plain, secure = free_port(), free_port()
    nginx = os.environ.get("NGINX") or shutil.which("nginx")
    if nginx:
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, plain=plain, tls=secure, pem=PEM))
        folder.chmod(0o755)
        command = [nginx, "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    else:
        port = secure if tls else plain
        command = [sys.executable, "-c", SERVER, str(folder / "www/film.mp4"), str(port), str(PEM) if tls else ""]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(secure if tls else plain)
        url = f"https://localhost:{secure}/film.mp4" if tls else f"http://127.0.0.1:{plain}/film.mp4"
        yield url, "nginx" if nginx else "own sendfile server"
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("the file server did not start")


class Tls:
    def __init__(self) -> None:
        self._context = ssl.create_default_context(cafile=PEM)

    async def context(self) -> ssl.SSLContext:
        return self._context


TLS = Tls()
Method = Callable[[str, list[Path]], Awaitable[None]]


async def curl(url: str, targets: list[Path]) -> None:
    """As many curls as files, without a flush to disk."""
    async with anyio.create_task_group() as group:
        for target in targets:
            command = ["curl", "-s", "--cacert", str(PEM), "-o", str(target), url]
            group.start_soon(anyio.run_process, command)


def obvious(url: str, target: Path, client: httpx.AsyncClient) -> Awaitable[None]:
    async def run() -> None:
        with target.open("wb") as file:
            async with client.stream("GET", url) as response:
                async for chunk in response.aiter_bytes():
                    file.write(chunk)

    return run()


def polite(url: str, target: Path, client: httpx.AsyncClient) -> Awaitable[None]:
    async def run() -> None:
        async with await anyio.open_file(target, "wb") as file, client.stream("GET", url) as response:
            async for chunk in response.aiter_bytes():
                await file.write(chunk)

    return run()


async def through_httpx(loop: Callable[..., Awaitable[None]], url: str, targets: list[Path]) -> None:
    async with (
        httpx.AsyncClient(verify=await TLS.context(), trust_env=False) as client,
        anyio.create_task_group() as group,
    ):
        for target in targets:
            group.start_soon(loop, url, target, client)


async def ours(url: str, targets: list[Path], *, lane: str, direct: bool = True, flush: bool = True) -> None:
    """The SDK: part file, checks, flush, rename; optionally without its two costs and gains."""
    async with contextlib.AsyncExitStack() as stack:
        if not direct:
            stack.enter_context(swapped(file_line.Line, "body_socket", lambda *_: None))
        if not flush:
            stack.enter_context(swapped(PartFile, "flush", lambda _: None))
        client = None
        if lane == "async":
            client = await stack.enter_async_context(httpx.AsyncClient(verify=await TLS.context(), trust_env=False))
        file_lane = FileLane(Limits(), TLS, RunGuard(), client)  # type: ignore[arg-type]
        stack.push_async_callback(file_lane.aclose)
        downloader = Downloader(file_lane, emit=lambda _: None)
        async with anyio.create_task_group() as group:
            for target in targets:
                group.start_soon(downloader.save, FileSource(url=url), target)


@contextlib.contextmanager
def swapped(owner: type, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


METHODS: dict[str, Method] = {
    "curl": curl,
    "httpx, write in the loop": partial(through_httpx, obvious),
    "httpx, anyio.open_file": partial(through_httpx, polite),
    "async lane (a caller's client)": partial(ours, lane="async"),
    "thread lane, through httpx": partial(ours, lane="thread", direct=False),
    "thread lane, no flush to disk": partial(ours, lane="thread", flush=False),
    "thread lane (the default)": partial(ours, lane="thread"),
}


@dataclass
class Figures:
    rates: list[float] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


async def measured(method: Method, url: str, folder: Path, files: int, size: int, figures: Figures) -> None:
    """Run one method once, beside a heartbeat."""
    targets = [folder / f"{number}.mp4" for number in range(files)]
    gaps: list[float] = []

    async def heartbeat() -> None:
        while True:
            before = time.perf_counter()
            await anyio.sleep(0.001)
            gaps.append(time.perf_counter() - before - 0.001)

    async with anyio.create_task_group() as group:
        group.start_soon(heartbeat)
        await anyio.sleep(0.05)
        gaps.clear()
        began = time.perf_counter()
        await method(url, targets)
        took = time.perf_counter() - began
        group.cancel_scope.cancel()
    for target in targets:
        if target.stat().st_size != size:
            raise SystemExit(f"{target} is not whole")
        target.unlink()
    gaps.sort()
    figures.rates.append(files * size / took / MIB)
    figures.worst.append(gaps[-1] * 1000)
    figures.p99.append(gaps[int(len(gaps) * 0.99)] * 1000)


def table(title: str, results: dict[str, Figures]) -> None:
    print(f"\n{title}")
    print(f"{'':34}{'MiB/s':>8}{'x curl':>8}{'p99 stall ms':>14}{'worst':>8}{'worst ever':>12}")
    base = results.get("curl")
    for name, figures in results.items():
        ratio = "-"
        if base is not None:
            ratio = f"{statistics.median(a / b for a, b in zip(figures.rates, base.rates, strict=True)):.2f}"
        worst = f"{statistics.median(figures.worst):>8.1f}{max(figures.worst):>12.1f}"
        stalls = f"{statistics.median(figures.p99):>14.1f}{worst}"
        print(f"{name:34}{statistics.median(figures.rates):>8.0f}{ratio:>8}{stalls}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB per file (1024)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write (the folder for temporary files)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--plain", action="store_true", help="only http")
    kind.add_argument("--tls", action="store_true", help="only https")
    options = parser.parse_args()
    methods = {name: method for name, method in METHODS.items() if name != "curl" or shutil.which("curl")}
    size = options.size * MIB
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        (folder / "www").mkdir()
        with (folder / "www/film.mp4").open("wb") as film:
            film.write(FILM)
            film.truncate(size)
        for tls in [True] if options.tls else [False] if options.plain else [False, True]:
            with serving(folder, tls=tls) as (url, server):
                for files in (1, 4):
                    results = {method: Figures() for method in methods}
                    for round_number in range(-1, options.rounds):
                        for method, run in methods.items():
                            # The first round only warms caches up.
                            figures = results[method] if round_number >= 0 else Figures()
                            anyio.run(measured, run, url, folder, files, size, figures)
                    scheme = "https" if tls else "http"
                    table(f"{files} x {options.size} MiB over {scheme} from {server}, {options.rounds} rounds", results)


if __name__ == "__main__":
    main()
