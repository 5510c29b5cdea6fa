"""A HeyGen that only answers, in a process of its own, so that its work is not counted.

Both wires: create, one status, bulk statuses, list, and a small file per video. A render lasts as long as the number
of its video says, between `--shortest` and `--longest` seconds. `GET /counts` tells requests and bytes so far. It says
its port on the first line, and ends when its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import ProxyHandler, build_opener

# The start of an MP4 film with its boxes in place, so that a careful reader takes it for one.
FILM = b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + b"\0\0\0\x08moov"
FILE_SIZE = 16 * 1024


def film() -> bytes:
    body = FILE_SIZE - len(FILM)
    return FILM + body.to_bytes(4, "big") + b"mdat" + bytes(body - 8)


class Farm:
    """The videos and what was counted."""

    def __init__(self, shortest: float, longest: float) -> None:
        self.shortest, self.longest, self.port = shortest, longest, 0
        self.ends: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.film = film()

    def answer(self, method: str, target: str, body: bytes) -> tuple[bytes, str]:
        url = urlsplit(target)
        path, query = url.path, parse_qs(url.query)
        if path.startswith("/files/"):
            self.counts["files"] += 1
            return self.film, "video/mp4"
        if path == "/counts":
            return json.dumps(self.counts).encode(), "application/json"
        self.counts["api"] += 1
        return json.dumps(self.data(method, path, query, body)).encode(), "application/json"

    def data(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Any:
        if method == "POST":
            self.counts["creates"] += 1
            json.loads(body)
            made = {"video_id": self.create(), "status": "waiting"}
            return {"error": None, "data": made} if path.startswith("/v2") else {"data": made}
        self.counts["looks"] += 1
        if path == "/v3/videos/statuses":
            ids = query["video_ids"][0].split(",")
            return {"data": [{"video_id": one, "status": self.word(one)} for one in ids]}
        if path == "/v3/videos":
            return self.page(int(query.get("token", ["0"])[0]))
        if path == "/v1/video_status.get":
            return {"code": 100, "data": self.video(query["video_id"][0]), "message": "Success"}
        return {"data": self.video(unquote(path.rpartition("/")[2]))}

    def page(self, begin: int) -> dict[str, Any]:
        ids = list(self.ends)[::-1]
        more = begin + 100 < len(ids)
        told = {"data": [self.video(one) for one in ids[begin : begin + 100]], "has_more": more}
        return {**told, "next_token": str(begin + 100)} if more else told

    def create(self) -> str:
        number = len(self.ends)
        # The golden ratio spreads the lengths evenly in whatever order they come, the same way in each run.
        length = self.shortest + (number * 0.618034 % 1) * (self.longest - self.shortest)
        name = f"{number:032x}"
        self.ends[name] = time.monotonic() + length
        return name

    def word(self, name: str) -> str:
        return "completed" if time.monotonic() >= self.ends[name] else "processing"

    def video(self, name: str) -> dict[str, Any]:
        word = self.word(name)
        done = word == "completed"
        link = f"http://127.0.0.1:{self.port}/files/{name}.mp4?Expires=1800000000&Signature={name}{name}"
        return {
            "id": name,
            "title": f"Benchmark {name[-4:]}",
            "status": word,
            "created_at": 1_790_000_000,
            "completed_at": 1_790_000_100 if done else None,
            "duration": 12.5 if done else None,
            "video_url": link if done else None,
            "thumbnail_url": link.replace(".mp4", ".jpg") if done else None,
            "gif_url": None,
            "captioned_video_url": None,
            "video_page_url": f"https://app.heygen.com/videos/{name}",
            "failure_code": None,
            "failure_message": None,
            "error": None,
        }


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as clients need."""

    def __init__(self, farm: Farm) -> None:
        self.farm, self.held = farm, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.farm.counts["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.farm.counts["bytes in"] += len(data)
        self.held += data
        while b"\r\n\r\n" in self.held:
            head, _, rest = self.held.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self.held = rest[length:]
            method, target, _ = lines[0].split(" ")
            body, kind = self.farm.answer(method, target, rest[:length])
            reply = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n".encode()
            reply += b'ETag: "1"\r\nAccept-Ranges: bytes\r\n' if kind == "video/mp4" else b"X-Request-Id: r\r\n"
            closes = headers.get("connection") == "close"
            reply += b"Connection: close\r\n\r\n" if closes else b"\r\n"
            self.transport.write(reply + body)
            self.farm.counts["bytes out"] += len(reply) + len(body)
            if closes:
                self.transport.close()


async def serve(farm: Farm) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(farm), "127.0.0.1", 0, backlog=1024)
    farm.port = server.sockets[0].getsockname()[1]
    print(farm.port, flush=True)
    closed = asyncio.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(closed.set)), daemon=True).start()
    await closed.wait()


@contextlib.contextmanager
def serving(shortest: float, longest: float) -> Iterator[int]:
    """Run the server inside the block; gives its port."""
    command = [sys.executable, "-m", "benchmarks.loopback", f"--shortest={shortest}", f"--longest={longest}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def counts_of(port: int) -> Counter[str]:
    """Return what the server has counted so far."""
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/counts") as answer:
        return Counter(json.load(answer))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shortest", type=float, default=10.0)
    parser.add_argument("--longest", type=float, default=30.0)
    options = parser.parse_args()
    asyncio.run(serve(Farm(options.shortest, options.longest)))
