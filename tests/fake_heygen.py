"""A small scripted HeyGen for the tests: both wires, paid jobs that can be counted, and faults that can be queued.

It shares no code with the SDK or its sandbox, so that a misreading of the API in one of them shows. `FakeHeyGen` holds
the state and answers requests; `fake.client()` puts it behind an `httpx.AsyncClient` (virtual time, no sockets) and
`fake.serve()` on a loopback socket in threads of its own (pools, resets, cancelled connections).
"""

from __future__ import annotations

import contextlib
import fnmatch
import gzip
import itertools
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import anyio
import httpx

KEY = "sk-fake-0123456789-topsecret"
SIGNATURE = "s1gn4tur3-of-a-presigned-link"
SUNSET = {"Deprecation": "true", "Sunset": "Sat, 31 Oct 2026 00:00:00 GMT"}

V3_FIELDS = {
    "avatar": "aspect_ratio audio_asset_id audio_url avatar_id background callback_id callback_url caption engine "
    "expressiveness fit motion_prompt output_format remove_background resolution script title type voice_id "
    "voice_settings watermark",
    "image": "aspect_ratio audio_asset_id audio_url background callback_id callback_url caption expressiveness fit "
    "image motion_prompt output_format remove_background resolution script title type voice_id voice_settings "
    "watermark",
    "cinematic_avatar": "aspect_ratio auto_duration avatar_id duration enhance_prompt prompt references resolution "
    "title type",
    "studio": "aspect_ratio callback_id callback_url caption resolution scenes title type watermark",
}


@dataclass(frozen=True)
class Received:
    """A request as it arrived; `time` is on the server's clock, `headers` have lower-case names."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    time: float

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.url).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def route(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


@dataclass
class Reply:
    """An answer; `end` says how the connection behaves: ok, reset or fin (closed before any byte of the answer)."""

    status: int = 200
    payload: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0
    end: str | Exception = "ok"

    @property
    def body(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.payload).encode()

    def all_headers(self) -> dict[str, str]:
        defaults = {"Content-Type": "application/json", "X-Request-Id": "req-fake"}
        return {name: value for name, value in (defaults | self.headers).items() if value != ""}


Work = Callable[[], Reply]
Fault = Callable[["FakeHeyGen", Received, Work], Reply]


@dataclass
class Rule:
    """A queued fault: it answers the first `times` requests that match `route` (None: all), after `skip` others."""

    route: str
    fault: Fault
    times: int | None = 1
    skip: int = 0
    fired: int = 0

    def takes(self, request: Received) -> bool:
        if not fnmatch.fnmatchcase(request.route, self.route):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True


@dataclass
class Job:
    """A paid video. `plan` gives its state: by looks (a list of words) or by age (a mapping of seconds to words)."""

    id: str
    wire: str
    request: dict[str, Any]
    created: float
    created_at: int
    plan: list[str] | dict[float, str]
    looks: int = 0
    visible_after: float = 0.0
    url_after: float = 0.0
    completed_at: float | None = None
    failure: Any = None
    patch_v1: dict[str, Any] = field(default_factory=dict)
    patch_v3: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False

    def look(self, now: float) -> str:
        """Count a look and return the status word."""
        self.looks += 1
        word = self.word(now)
        if word == "completed" and self.completed_at is None:
            self.completed_at = now
        return word

    def word(self, now: float) -> str:
        if isinstance(self.plan, list):
            return self.plan[min(max(self.looks, 1), len(self.plan)) - 1]
        return [word for age, word in sorted(self.plan.items()) if now - self.created >= age][-1]

    def has_url(self, now: float) -> bool:
        return self.completed_at is not None and now - self.completed_at >= self.url_after


class FakeHeyGen:
    """HeyGen's servers, as far as one account's videos go."""

    def __init__(self, *, plan: list[str] | dict[float, str] | None = None) -> None:
        self.key = KEY
        self.plan: list[str] | dict[float, str] = plan or ["pending", "processing", "completed"]
        self.jobs: dict[str, Job] = {}
        self.requests: list[Received] = []
        self.replays = 0
        self.concurrency: int | None = None
        self.retry_after = "5"
        self.deprecated = False
        self.v2_gone: Fault | None = None
        self.missing_avatars: set[str] = set()
        self.ignore_key = False
        self.latency = 0.0
        self.skew = 0.0
        self.files_url = "https://files.heygen.test"
        self.file = mp4()
        self.clock: Callable[[], float] = time.monotonic
        self._rules: list[Rule] = []
        self._records: dict[str, tuple[Reply, float]] = {}
        self._signatures = itertools.count(1)
        self._lock = threading.RLock()

    # What tests ask and arrange

    @property
    def paid(self) -> int:
        return len(self.jobs)

    @property
    def job(self) -> Job:
        (job,) = self.jobs.values()
        return job

    def on(self, route: str, fault: Fault, *, times: int | None = 1, skip: int = 0) -> Rule:
        """Queue a fault for `METHOD /path` (with `*` as wildcard); rules are asked in the order they were made."""
        rule = Rule(route, fault, times, skip)
        self._rules.append(rule)
        return rule

    def seen(self, route: str) -> list[Received]:
        return [request for request in self.requests if fnmatch.fnmatchcase(request.route, route)]

    @property
    def posts(self) -> list[Received]:
        return [request for request in self.requests if request.method == "POST"]

    @property
    def keys(self) -> set[str | None]:
        return {request.key for request in self.posts}

    def routes(self) -> Counter[str]:
        return Counter(request.route for request in self.requests)

    def add(self, video_id: str, *, wire: str = "v3", **fields: Any) -> Job:
        """Put in a video that somebody else made; it counts as paid."""
        request = {name: fields.pop(name) for name in ("title", "callback_id") if name in fields}
        return self._put(video_id, wire, request, **fields)

    def _put(self, video_id: str, wire: str, request: dict[str, Any], **fields: Any) -> Job:
        fields = {"plan": self.plan, "created_at": int(time.time() + self.skew)} | fields
        self.jobs[video_id] = Job(id=video_id, wire=wire, request=request, created=self.clock(), **fields)
        return self.jobs[video_id]

    def hold_key(self, request: Received, seconds: float) -> None:
        """Let the first attempt of a key run for a while: repeats are answered with 409 until then."""
        if request.key in self._records:
            self._records[request.key] = (self._records[request.key][0], self.clock() + seconds)

    # Answering

    def handle(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Reply:
        with self._lock:
            lower = {name.lower(): value for name, value in headers.items()}
            request = Received(method, url, lower, body, self.clock())
            self.requests.append(request)
            for rule in self._rules:
                if rule.takes(request):
                    return rule.fault(self, request, lambda: self._answer(request))
            return self._answer(request)

    def _answer(self, request: Received) -> Reply:
        if request.path.startswith("/files/"):
            return self._file(request)
        legacy = request.path.startswith(("/v1/", "/v2/"))
        if legacy and self.v2_gone is not None:
            reply = self.v2_gone(self, request, lambda: self._route(request))
            reply.headers |= SUNSET if self.deprecated else {}
            return reply
        if request.headers.get("x-api-key") != self.key:
            return error(401, "unauthorized", "Unauthorized", style="v1" if request.path.startswith("/v1/") else "v3")
        reply = self._route(request)
        if legacy and self.deprecated:
            reply.headers |= SUNSET
            if request.path.startswith("/v2/") and isinstance(reply.payload, dict):
                reply.payload["warning"] = {
                    "message": "This v2 endpoint is Legacy and will be removed on 2026-10-31.",
                    "v3_endpoint": "POST /v3/videos",
                    "docs_url": "https://developers.heygen.com/reference/create-video",
                    "sunset_date": "2026-10-31",
                }
        return reply

    def _route(self, request: Received) -> Reply:
        match request.route:
            case "POST /v3/videos":
                return self._create_v3(request)
            case "POST /v2/video/generate":
                return self._create_v2(request)
            case "GET /v3/videos/statuses":
                return self._bulk(request)
            case "GET /v3/videos":
                return self._list_v3(request)
            case "GET /v1/video.list":
                return self._list_v1(request)
            case "GET /v1/video_status.get":
                return self._status_v1(request)
            case "DELETE /v1/video.delete":
                return self._delete(request.query.get("video_id", ""), "v1")
        if found := re.fullmatch(r"(GET|DELETE) /v3/videos/([^/]+)", request.route):
            return self._status_v3(found[2]) if found[1] == "GET" else self._delete(found[2], "v3")
        return error(404, "not_found", "Not Found")

    def _create_v3(self, request: Received) -> Reply:
        if request.key is not None and not re.fullmatch(r"[A-Za-z0-9_\-:.]{1,255}", request.key):
            return error(400, "invalid_parameter", "Invalid Idempotency-Key", param="Idempotency-Key")
        if request.key in self._records and not self.ignore_key:
            reply, running_until = self._records[request.key]
            if self.clock() < running_until:
                return error(409, "request_in_progress", "The first request with this key is still running")
            self.replays += 1
            return Reply(reply.status, json.loads(json.dumps(reply.payload)))
        body = request.json
        if (refused := self._refuse(body)) is not None:
            return refused
        job = self._new_job("v3", body)
        reply = Reply(200, {"data": {"video_id": job.id, "status": "waiting", "output_format": "mp4"}})
        if request.key is not None:
            self._records[request.key] = (Reply(200, json.loads(json.dumps(reply.payload))), 0.0)
        return reply

    def _refuse(self, body: Any) -> Reply | None:
        if not isinstance(body, dict) or body.get("type") not in V3_FIELDS:
            return error(400, "invalid_parameter", "type must be one of the four", param="type")
        unknown = sorted(set(body) - set(V3_FIELDS[body["type"]].split()))
        if unknown:
            return error(400, "invalid_parameter", "Extra inputs are not permitted", param=unknown[0])
        if self.missing_avatars & {str(body.get("avatar_id"))}:
            return error(404, "avatar_not_found", "avatar look not found")
        return self._refuse_for_limit()

    def _refuse_for_limit(self) -> Reply | None:
        running = [job for job in self.jobs.values() if job.word(self.clock()) not in {"completed", "failed"}]
        if self.concurrency is not None and len(running) >= self.concurrency:
            reply = error(429, "rate_limit_exceeded", "Too many concurrent jobs")
            reply.headers["Retry-After"] = self.retry_after
            return reply
        return None

    def _create_v2(self, request: Received) -> Reply:
        body = request.json
        if not isinstance(body, dict) or not body.get("video_inputs"):
            return error(400, "invalid_parameter", "video_inputs is required", style="v2")
        avatars = {scene.get("character", {}).get("avatar_id") for scene in body["video_inputs"]}
        if self.missing_avatars & avatars:
            return error(404, "avatar_not_found", "avatar look not found", style="v2")
        return Reply(200, {"error": None, "data": {"video_id": self._new_job("v2", body).id}})

    def _new_job(self, wire: str, body: dict[str, Any]) -> Job:
        return self._put(f"video-{len(self.jobs) + 1:04d}", wire, body)

    def _visible(self, video_id: str) -> Job | None:
        job = self.jobs.get(video_id)
        if job is None or job.deleted or self.clock() - job.created < job.visible_after:
            return None
        return job

    def _url(self, job: Job, name: str) -> str:
        expiry = job.created_at + 7 * 86400
        return f"{self.files_url}/files/{job.id}{name}?Expires={expiry}&Signature={SIGNATURE}-{next(self._signatures)}"

    def _status_v3(self, video_id: str) -> Reply:
        if (job := self._visible(video_id)) is None:
            return error(404, "video_not_found", f"Video {video_id} not found")
        return Reply(200, {"data": self._video_v3(job, job.look(self.clock())) | job.patch_v3})

    def _video_v3(self, job: Job, word: str) -> dict[str, Any]:
        ready = word == "completed" and job.has_url(self.clock())
        failure = job.failure if word == "failed" and isinstance(job.failure, dict) else {}
        return {
            "id": job.id,
            "title": job.request.get("title"),
            "status": word,
            "created_at": job.created_at,
            "completed_at": job.created_at + 60 if job.completed_at is not None else None,
            "video_url": self._url(job, ".mp4") if ready else None,
            "thumbnail_url": self._url(job, ".jpg") if ready else None,
            "gif_url": self._url(job, ".gif") if ready else None,
            "captioned_video_url": None,
            "subtitle_url": None,
            "duration": 4.2 if word == "completed" else None,
            "folder_id": None,
            "output_language": None,
            "failure_code": failure.get("code"),
            "failure_message": failure.get("message"),
            "video_page_url": f"https://app.heygen.com/video/{job.id}",
        }

    def _status_v1(self, request: Received) -> Reply:
        if (job := self._visible(request.query.get("video_id", ""))) is None:
            return error(404, 40104, "Video not found", style="v1")
        word = job.look(self.clock())
        ready = word == "completed" and job.has_url(self.clock())
        data = {
            "callback_id": job.request.get("callback_id"),
            "caption_url": None,
            "created_at": job.created_at,
            "duration": 4.2 if word == "completed" else None,
            "error": job.failure if word == "failed" else None,
            "gif_url": self._url(job, ".gif") if ready else None,
            "id": job.id,
            "status": word,
            "thumbnail_url": self._url(job, ".jpg") if ready else None,
            "video_url": self._url(job, ".mp4") if ready else None,
            "video_url_caption": None,
        }
        return Reply(200, {"code": 100, "data": data | job.patch_v1, "message": "Success"})

    def _bulk(self, request: Received) -> Reply:
        ids = [video_id for video_id in request.query.get("video_ids", "").split(",") if video_id]
        if not 1 <= len(ids) <= 100:
            return error(400, "invalid_parameter", "1 to 100 ids", param="video_ids")
        return Reply(
            200, {"data": [self._bulk_item(video_id) for video_id in ids], "has_more": False, "next_token": None}
        )

    def _bulk_item(self, video_id: str) -> dict[str, Any]:
        job = self._visible(video_id)
        word = "not_found" if job is None else job.look(self.clock())
        word = {"waiting": "queued", "pending": "queued"}.get(word, word)
        failure = job.failure if job is not None and word == "failed" and isinstance(job.failure, dict) else None
        shown = failure and {"code": str(failure.get("code")), "message": failure.get("message")}
        return {"video_id": video_id, "status": word, "error": shown, "batch_id": None, "item_index": None}

    def _page(self, request: Received, default: int) -> tuple[list[Job], str | None]:
        wanted = request.query.get("title", "")
        newest = [job for video_id in reversed(self.jobs) if (job := self._visible(video_id)) is not None]
        found = [job for job in newest if wanted in str(job.request.get("title") or "")]
        start, limit = int(request.query.get("token") or 0), int(request.query.get("limit") or default)
        if not 1 <= limit <= 100:
            raise AssertionError(f"limit {limit} is out of range")
        token = str(start + limit) if start + limit < len(found) else None
        return found[start : start + limit], token

    def _list_v3(self, request: Received) -> Reply:
        jobs, token = self._page(request, 10)
        data = [self._video_v3(job, job.word(self.clock())) for job in jobs]
        return Reply(200, {"data": data, "has_more": token is not None, "next_token": token})

    def _list_v1(self, request: Received) -> Reply:
        jobs, token = self._page(request, 100)
        videos = [
            {
                "video_id": job.id,
                "video_title": job.request.get("title"),
                "status": job.word(self.clock()),
                "created_at": job.created_at,
                "type": "GENERATED",
            }
            for job in jobs
        ]
        return Reply(200, {"code": 100, "data": {"token": token, "videos": videos}, "message": None})

    def _delete(self, video_id: str, wire: str) -> Reply:
        job = self._visible(video_id)
        if job is None:
            return error(404, 40104 if wire == "v1" else "video_not_found", "Video not found", style=wire)
        job.deleted = True
        if wire == "v1":
            return Reply(200, {"code": 100, "data": None, "msg": None})
        return Reply(200, {"data": {"id": video_id, "deleted": True}})

    def _file(self, request: Received) -> Reply:
        if SIGNATURE not in urlsplit(request.url).query:
            body = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
            return Reply(403, raw=body, headers={"Content-Type": "application/xml"})
        headers = {"Content-Type": "video/mp4", "ETag": '"strong-etag"', "Accept-Ranges": "bytes"}
        return Reply(200, raw=self.file, headers=headers)

    # The two ways in

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Return a client without sockets; delays happen on the event loop's clock, virtual or not."""
        self.clock = anyio.current_time
        return httpx.AsyncClient(transport=httpx.MockTransport(self._mock), **options)

    async def _mock(self, request: httpx.Request) -> httpx.Response:
        headers = dict(request.headers.items())
        reply = self.handle(request.method, str(request.url), headers, await request.aread())
        await anyio.sleep(self.latency + reply.delay)
        if reply.end == "reset":
            raise httpx.ReadError("connection reset", request=request)
        if reply.end == "fin":
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        if isinstance(reply.end, Exception):
            raise reply.end
        return httpx.Response(reply.status, headers=reply.all_headers(), content=reply.body, request=request)

    @contextlib.contextmanager
    def serve(self) -> Iterator[LoopbackServer]:
        """Answer on a loopback port until the block is left."""
        server = LoopbackServer(self)
        self.files_url = server.url
        try:
            yield server
        finally:
            server.close()


class LoopbackServer:
    """An HTTP/1.1 server with one thread per connection that counts connections and can break them."""

    def __init__(self, fake: FakeHeyGen) -> None:
        self.fake = fake
        self.connections = 0
        self.idle_timeout: float | None = None
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closing.is_set():
                connection.close()
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
                while self._one(connection, stream):
                    pass
        finally:
            with self._lock:
                self._open.discard(connection)

    def _one(self, connection: socket.socket, stream: Any) -> bool:
        connection.settimeout(self.idle_timeout)
        line = stream.readline()
        if not line:
            return False
        connection.settimeout(None)
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while (field_line := stream.readline().strip()) != b"":
            name, _, value = field_line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", "0")))
        url = target if "://" in target else f"http://{headers.get('host', '')}{target}"
        reply = self.fake.handle(method, url, headers, body)
        if self._closing.wait(self.fake.latency + reply.delay):
            return False
        return self._send(connection, method, reply)

    def _send(self, connection: socket.socket, method: str, reply: Reply) -> bool:
        if reply.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if reply.end != "ok":
            return False
        body = reply.body
        head = f"HTTP/1.1 {reply.status} Fake\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in reply.all_headers().items())
        connection.sendall(head.encode("latin-1") + b"\r\n" + (b"" if method == "HEAD" else body))
        return True

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)


def mp4(padding: int = 2000) -> bytes:
    """Return a small file that has an MP4's boxes and no pictures."""

    def box(kind: bytes, content: bytes = b"") -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    return box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2mp41") + box(b"moov", box(b"free")) + box(b"mdat", bytes(padding))


def error(
    status: int, code: str | int, message: str = "Something is wrong", *, param: str | None = None, style: str = "v3"
) -> Reply:
    """Return an error in one of the three envelopes."""
    said: dict[str, Any] = {"code": code, "message": message}
    if style == "v1":
        return Reply(status, said)
    if style == "v2":
        return Reply(status, {"data": None, "error": said})
    return Reply(status, {"error": said | ({"param": param} if param else {}) | {"doc_url": None}})


# Faults


def answer(status: int, code: str | int = "some_code", *, style: str = "v3", **more: Any) -> Fault:
    """Answer with an error instead of working; `retry_after=` sets the header, `headers=` any other."""
    headers = dict(more.pop("headers", {}))
    if (retry_after := more.pop("retry_after", None)) is not None:
        headers["Retry-After"] = str(retry_after)

    def fault(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        reply = error(status, code, style=style, **more)
        reply.headers |= headers
        return reply

    return fault


def raw(body: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> Fault:
    """Answer with exactly these bytes instead of working."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda fake, request, work: Reply(status, raw=body, headers={"Content-Type": content_type} | named)


def html(status: int) -> Fault:
    """Answer with a gateway's page instead of working."""
    body = f"<html><head><title>{status}</title></head><body><h1>Gateway says {status}</h1></body></html>"
    return raw(body.encode(), status, "text/html; charset=utf-8")


def after_work(fault: Fault) -> Fault:
    """Do the work (a create is paid), then misbehave."""

    def both(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        work()
        return fault(fake, request, work)

    return both


def broken(end: str | Exception = "reset", *, delay: float = 0.0) -> Fault:
    """Do nothing and break the connection: `reset`, `fin`, or raise an exception in the client's transport."""
    return lambda fake, request, work: Reply(end=end, delay=delay)


def slow(seconds: float, *, works: bool = True) -> Fault:
    """Work at once and answer late; the key counts as running until then. Or never work, only be slow."""

    def fault(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        reply = work() if works else error(503, "service_unavailable")
        fake.hold_key(request, seconds)
        reply.delay += seconds
        return reply

    return fault


def lost(seconds: float = 0.0) -> Fault:
    """Work, reset the connection, and keep the key running for a while."""

    def fault(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        work()
        fake.hold_key(request, seconds)
        return Reply(end="reset")

    return fault


def patched(change: Callable[[Any], Any]) -> Fault:
    """Alter a good answer's JSON; `change` returns the new one, or None after changing it in place."""

    def fault(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        reply = work()
        changed = change(reply.payload)
        reply.payload = reply.payload if changed is None else changed
        return reply

    return fault


def encoded(how: str) -> Fault:
    """Send a good answer as HeyGen's gateways might: `bom`, `gzip`, or `text` (a wrong content type)."""

    def fault(fake: FakeHeyGen, request: Received, work: Work) -> Reply:
        reply = work()
        body = json.dumps(reply.payload).encode()
        if how == "bom":
            return Reply(reply.status, raw=b"\xef\xbb\xbf" + body)
        if how == "gzip":
            return Reply(reply.status, raw=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return Reply(reply.status, raw=body, headers={"Content-Type": "text/plain"})

    return fault


def redirect(status: int, to: str) -> Fault:
    """Send the caller elsewhere instead of working."""
    return lambda fake, request, work: Reply(status, raw=b"", headers={"Location": to})


GONE: dict[str, tuple[bytes, str]] = {
    "html": (b"<!doctype html><html><body><h1>Not Found</h1></body></html>", "text/html"),
    "empty": (b"", ""),
    "detail": (b'{"detail":"Not Found"}', "application/json"),
    "v1": (b'{"code":"not_found","message":"Not Found"}', "application/json"),
    "v3": (b'{"error":{"code":"not_found","message":"Not Found"}}', "application/json"),
}


def gone(status: int, style: str = "html") -> Fault:
    """Answer as a route that does not exist any more, in one of the body styles of `GONE`."""
    body, content_type = GONE[style]
    return raw(body, status, content_type)
