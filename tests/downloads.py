"""A downloader in front of a scripted file host, as the download tests want it."""

from __future__ import annotations

import contextlib
import math
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from heygen_async import DownloadBusyError, DownloadError
from heygen_async._download import Downloader, FileSource
from heygen_async._policies import Limits, RetryPolicy
from heygen_async._protocol.segments import SegmentRules
from heygen_async._protocol.targets import part_path
from heygen_async._transport.file_lane import FileLane
from heygen_async._transport.run_guard import RunGuard
from heygen_async.events import DownloadInterrupted, Event, FileSaved
from heygen_async.models.progress import SavedFile
from tests.file_server import FileServer

QUICK = RetryPolicy(max_attempts=4, base=0.001, max_delay=0.01)
CONTEXT = ssl.create_default_context()
LANES = ["thread", "async"]
# Whatever its pace, a file gets three further connections as soon as it has been looked at.
EAGER = SegmentRules(
    smallest_rest=1,
    worthwhile=0,
    fast=math.inf,
    measure=0.0,
    sample=0,
    warm_up=0.0,
    gain=-math.inf,
    smallest_block=256 * 1024,
)


def loopback_tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's and the client's side of TLS with a certificate that is good for nothing but these tests."""
    pem = Path(__file__).with_name("loopback.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


class ReadyTls:
    """A TLS context that was built before the test."""

    def __init__(self, context: ssl.SSLContext = CONTEXT) -> None:
        self._context = context

    async def context(self) -> ssl.SSLContext:
        return self._context


@dataclass
class Kit:
    """A downloader with what it reported, and a host that it loads from."""

    server: FileServer
    folder: Path
    lane: FileLane
    downloader: Downloader
    events: list[Event]
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> Path:
        return self.folder / "film.mp4"

    @property
    def part(self) -> Path:
        return self.folder / "film.mp4.part"

    @property
    def files(self) -> list[str]:
        """Return the names of everything on the disk."""
        return sorted(path.name for path in self.folder.rglob("*") if path.is_file())

    @property
    def interruptions(self) -> list[DownloadInterrupted]:
        return [event for event in self.events if isinstance(event, DownloadInterrupted)]

    @property
    def saved_events(self) -> list[FileSaved]:
        return [event for event in self.events if isinstance(event, FileSaved)]

    async def save(
        self, source: FileSource | str | None = None, path: Path | str | None = None, **options: Any
    ) -> SavedFile:
        source = self.server.url if source is None else source
        if isinstance(source, str):
            source = FileSource(url=source)
        options = {"asset": "video", "retries": QUICK, "stall": 5.0, **self.defaults, **options}
        return await self.downloader.save(source, self.target if path is None else path, **options)

    async def fails(self, error: type[BaseException], *args: Any, **options: Any) -> Any:
        """Return the error that a save ends in, after checking that no secret is in it."""
        with pytest.raises(error) as raised:
            await self.save(*args, **options)
        caught = raised.value
        assert "s3cr3t" not in str(caught) + repr(caught)
        if isinstance(caught, DownloadError) and not isinstance(caught, DownloadBusyError):
            part = part_path(Path(options.get("path", self.target)))
            assert caught.bytes_done == (part.stat().st_size if part.exists() else 0)
        return caught

    def assert_only_the_film(self, content: bytes | None = None) -> None:
        assert self.target.read_bytes() == (self.server.body if content is None else content)
        assert self.files == [self.target.name]

    def assert_no_credentials(self) -> None:
        for seen in self.server.seen:
            assert not {"x-api-key", "authorization", "cookie"} & set(seen.headers)
            assert seen.headers["accept-encoding"] == "identity"


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """Give an empty folder in memory where there is one: the flush to disk is most of a small download's time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@contextlib.asynccontextmanager
async def kit_on(
    server: FileServer,
    folder: Path,
    *,
    lane: str = "thread",
    client: Any = None,
    limits: Limits | None = None,
    tls: Any = None,
    **options: Any,
) -> AsyncIterator[Kit]:
    """Open a downloader; `lane="async"` gives it a caller's client with credentials in its defaults."""
    async with contextlib.AsyncExitStack() as stack:
        if lane == "async" and client is None:
            headers = {"X-Api-Key": "key", "Authorization": "Bearer key", "Cookie": "a=b", "Accept-Encoding": "gzip"}
            client = await stack.enter_async_context(
                httpx.AsyncClient(headers=headers, auth=("user", "key"), trust_env=False, verify=CONTEXT)
            )
        file_lane = FileLane(limits or Limits(), tls or ReadyTls(), RunGuard(), client)
        events: list[Event] = []
        downloader = Downloader(file_lane, emit=events.append, **options)
        try:
            yield Kit(server, folder, file_lane, downloader, events)
        finally:
            await file_lane.aclose()


def renewing(*urls: str | Exception, first: str | None = None) -> tuple[FileSource, list[str]]:
    """Return a source that gets its fresh links from a list (the last one again and again), and a log of them."""
    given: list[str] = []
    rest = list(urls)

    async def refresh() -> str:
        url = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(url, Exception):
            raise url
        given.append(url)
        return url

    return FileSource(url=first, refresh=refresh, identity="video-1/video"), given


def steps(*actions: Callable[[], None]) -> Callable[[Any], None]:
    """Return a progress callback whose n-th call performs the n-th action."""
    rest = list(actions)

    def on_progress(_: Any) -> None:
        if rest:
            rest.pop(0)()

    return on_progress
