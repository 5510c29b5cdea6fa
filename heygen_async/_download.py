"""Files from presigned links: to the disk, whole or not at all, or chunk by chunk for passing on."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from pathlib import Path

from attrs import define, field

from heygen_async import _partfile
from heygen_async._policies import RetryPolicy
from heygen_async._protocol.file_urls import check_file_url, source_of
from heygen_async._protocol.redaction import redact_url
from heygen_async._protocol.segments import SegmentRules
from heygen_async._protocol.targets import expectation_for, new_digest, target_path
from heygen_async._saving import FileSource, Saving
from heygen_async._streaming import FileStream, open_stream
from heygen_async._transfer import Transfer
from heygen_async._transport.file_lane import FileLane
from heygen_async._transport.file_requests import FileRules
from heygen_async.errors import DownloadBusyError, DownloadError
from heygen_async.events import Event
from heygen_async.models.progress import DownloadProgress, SavedFile
from heygen_async.models.video import ASSETS, Asset

__all__ = ["Downloader", "FileSource", "FileStream"]


@define(eq=False)
class Downloader:
    """Save and stream files for one client, through its file lane."""

    _lane: FileLane
    _emit: Callable[[Event], None] = field(kw_only=True, alias="emit")
    _segments: SegmentRules = field(factory=SegmentRules, kw_only=True, alias="segments")
    _allow_insecure: bool = field(default=False, kw_only=True, alias="allow_insecure")
    _claimed: set[str] = field(factory=set[str], init=False)

    async def check_target(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, digest: str | None = None
    ) -> None:
        """Raise what saving under `path` would surely end in, before anything is spent on it; leaves no trace.

        `IsADirectoryError`, `FileExistsError`, `NotADirectoryError` or `PermissionError` for the target, `ValueError`
        for an unknown digest, `ConfigurationError` for a client that is closed or belongs to another event loop.
        """
        target = self._checked(path, digest)
        await self._lane.threads.run(partial(_partfile.check_target, target, overwrite=overwrite))

    async def save(
        self,
        source: FileSource,
        path: str | os.PathLike[str],
        *,
        asset: Asset | None = None,
        overwrite: bool = False,
        on_progress: Callable[[DownloadProgress], None] | None = None,
        digest: str | None = None,
        max_bytes: int | None = None,
        retries: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        stall: float = 60.0,
        connect: float = 5.0,
    ) -> SavedFile:
        """Save a file under `path`: streamed to `<name>.part`, verified, flushed to disk, renamed.

        It goes on as long as it gets somewhere: what breaks off is continued, an expired link is renewed, a changed
        file is started over. After `retries.max_attempts` attempts without useful progress it gives up, and keeps a
        part file that a later save, in any process, can continue. `stall` is how long, in seconds, it may bring next
        to nothing before the connection is given up, `connect` how long connecting may take. Bytes that were spoiled on
        the way show only in the `digest`.

        Raise an `OSError` for an impossible target and `ValueError` for a bad argument, all before the file host is
        asked, or a `DownloadError`. Who has to pay or wait for the link first calls `check_target` before that. An
        exception in `on_progress`, which is called in the event loop, ends the save. However it ends, also by
        cancelling, nothing of it goes on afterwards, the part file is unlocked, and an existing target is as it was.
        """
        check_arguments(asset, max_bytes, on_progress)
        target = self._checked(path, digest)
        expected = expectation_for(asset, target)
        if source.url is not None:
            check_file_url(source.url, allow_insecure=self._allow_insecure)
        with self._claim(target, source):
            async with self._lane.slot():
                url = source.url
                if url is None and source.identity is None and source.refresh is not None:
                    url = await source.refresh()
                saving = Saving(
                    lane=self._lane,
                    source=source,
                    url=url,
                    transfer=Transfer(
                        target=target,
                        expected=expected,
                        source=source.identity or source_of(url or ""),
                        digest_name=digest,
                        max_bytes=max_bytes,
                    ),
                    overwrite=overwrite,
                    rules=FileRules(connect=connect, stall=stall, allow_insecure=self._allow_insecure),
                    retries=retries,
                    segments=self._segments,
                    emit=self._emit,
                    on_progress=on_progress,
                )
                return await saving.run()

    async def length_of(self, url: str, *, stall: float = 60.0, connect: float = 5.0) -> int | None:
        """Return a file's length as its host tells it, or None if it does not tell."""
        rules = FileRules(connect=connect, stall=stall, allow_insecure=self._allow_insecure)
        try:
            check_file_url(url, allow_insecure=self._allow_insecure)
            return await self._lane.length_of(url, rules)
        except DownloadError:
            return None

    def open_stream(
        self,
        source: FileSource,
        *,
        asset: Asset | None = None,
        range_header: str | None = None,
        retries: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        stall: float = 60.0,
        connect: float = 5.0,
    ) -> AbstractAsyncContextManager[FileStream]:
        """Open a file for passing on; see `FileStream`."""
        rules = FileRules(connect=connect, stall=stall, allow_insecure=self._allow_insecure)
        return open_stream(self._lane, source, rules, retries, asset=asset, range_header=range_header)

    def _checked(self, path: str | os.PathLike[str], digest: str | None) -> Path:
        self._lane.check()
        target = target_path(path)
        if digest is not None:
            new_digest(digest)
        return target

    @contextmanager
    def _claim(self, target: Path, source: FileSource) -> Generator[None]:
        """Refuse a target that this client is writing to already, also while the other save waits for its turn."""
        key = os.path.normcase(target.absolute())
        if key in self._claimed:
            url = redact_url(source.url or "")
            raise DownloadBusyError(f"{target}: another download is writing to this target", url=url)
        self._claimed.add(key)
        try:
            yield
        finally:
            self._claimed.discard(key)


def check_arguments(asset: Asset | None, max_bytes: int | None = None, on_progress: object = None) -> None:
    """Raise `ValueError` for what no download can do, before anything is spent on it."""
    if asset is not None and asset not in ASSETS:
        raise ValueError(f"asset must be one of {', '.join(ASSETS)}, not {asset!r}")
    if max_bytes is not None and (type(max_bytes) is not int or max_bytes < 1):
        raise ValueError(f"max_bytes must be a whole number of at least 1, not {max_bytes!r}")
    if inspect.iscoroutinefunction(on_progress):
        raise ValueError("on_progress must be a plain function: it is called, not awaited")
    if on_progress is not None and not callable(on_progress):
        raise ValueError(f"on_progress must be a function, not {type(on_progress).__name__}")


def check_range(range_header: object) -> None:
    """Raise `ValueError` for what cannot be the value of a `Range` header."""
    if range_header is not None and not (isinstance(range_header, str) and range_header.isprintable()):
        raise ValueError(f"range_header must be the value of a Range header, such as 'bytes=0-', not {range_header!r}")
