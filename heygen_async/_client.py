"""The client: settings, machinery, and the resources that hang on it.

What a client works with is imported when the first one is made: a program that only parses its arguments, or defines
its routes, need not wait for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

import anyio

from heygen_async._policies import Limits, PollPolicy, RetryPolicy, Timeouts
from heygen_async._protocol.arguments import check_kind
from heygen_async._protocol.settings import ApiVersionChoice, settings_from
from heygen_async.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    from heygen_async.events import Event
    from heygen_async.models.progress import DownloadProgress, SavedFile
    from heygen_async.models.video import Asset

# Closing sockets is quick; a peer that does not answer must not hold up a shutdown.
_CLOSE_WITHIN: Final = 5.0
_OPTIONS: Final = {"timeouts": Timeouts, "retries": RetryPolicy, "polling": PollPolicy, "limits": Limits}


class WebhookEventLike(Protocol):
    """Anything that says which video it is about, such as a verified webhook event."""

    @property
    def video_id(self) -> str | None:
        """Return the id of the video, if the event is about one."""


class AsyncHeyGen:
    """Talk to HeyGen: create videos, wait for them, save them.

    `api_key` defaults to `$HEYGEN_API_KEY`, `base_url` to `$HEYGEN_API_BASE`, else https://api.heygen.com, and
    `api_version` to `$HEYGEN_API_VERSION`, else `"auto"`: the request decides the wire, and v2 requests are translated
    once HeyGen has removed v2. `"v3"` translates every v2 request, `"v2"` none. `http_client` and `download_client`
    are used for the API and for files instead of the client's own, and never closed. `on_event` hears what the client
    does. `http://` base URLs are for this machine only, unless `allow_insecure`.

    Use it as `async with AsyncHeyGen() as heygen`, or call `aclose()` yourself. Nothing runs in the background: whoever
    waits does the work. It may be entered in one task and closed in another, but not used from a second event loop.
    Raise `ConfigurationError` for a missing key or an unusable URL, and from every call after `aclose()`.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        api_version: ApiVersionChoice = "auto",
        http_client: httpx.AsyncClient | None = None,
        download_client: httpx.AsyncClient | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen values; the defaults are visible in the signature
        retries: RetryPolicy = RetryPolicy(),  # noqa: B008
        polling: PollPolicy = PollPolicy(),  # noqa: B008
        limits: Limits = Limits(),  # noqa: B008
        on_event: Callable[[Event], None] | None = None,
        allow_insecure: bool = False,
    ) -> None:
        _check_options(timeouts=timeouts, retries=retries, polling=polling, limits=limits)
        if on_event is not None and not callable(on_event):
            raise ConfigurationError(f"on_event must be a function, not {type(on_event).__name__}")
        settings = settings_from(
            api_key=api_key,
            base_url=base_url,
            api_version=api_version,
            allow_insecure=allow_insecure,
            environment=os.environ,
        )
        from heygen_async._assembly import assembled  # noqa: PLC0415

        self._machinery = assembled(settings, limits, http_client, download_client, timeouts, retries, on_event)
        self._use(timeouts, retries, polling)

    def with_options(
        self,
        *,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        polling: PollPolicy | None = None,
    ) -> Self:
        """Return a client with other rules that shares everything else: pool, limits, coordinator and `aclose()`."""
        services = self._services
        timeouts = services.timeouts if timeouts is None else timeouts
        retries = services.retries if retries is None else retries
        polling = services.polling if polling is None else polling
        _check_options(timeouts=timeouts, retries=retries, polling=polling)
        copy = object.__new__(type(self))
        copy._machinery = self._machinery
        copy._use(timeouts, retries, polling)
        return copy

    def _use(self, timeouts: Timeouts, retries: RetryPolicy, polling: PollPolicy) -> None:
        from heygen_async._assembly import services_of  # noqa: PLC0415
        from heygen_async.resources.templates import Templates  # noqa: PLC0415
        from heygen_async.resources.videos import Videos  # noqa: PLC0415

        self._services = services_of(self._machinery, timeouts, retries, polling)
        self.videos = Videos(self._services)
        self.templates = Templates(self._services)

    @property
    def base_url(self) -> str:
        """Return the origin that the key is sent to."""
        return self._machinery.settings.base_url

    @property
    def api_version(self) -> ApiVersionChoice:
        """Return the choice of wire: `auto`, `v2` or `v3`."""
        return self._machinery.settings.api_version

    async def download(
        self,
        url: str,
        path: str | Path,
        *,
        asset: Asset | None = None,
        overwrite: bool = False,
        on_progress: Callable[[DownloadProgress], None] | None = None,
        digest: str | None = None,
        max_bytes: int | None = None,
    ) -> SavedFile:
        """Save any presigned URL under `path`, with the same care as `VideoJob.save`; the key is not sent.

        What the file must be is judged by `asset`, or else by the suffix of `path`. Raise `DownloadUrlError` for a URL
        that is not https (http is for this machine only), `DownloadExpiredError` when the host refuses the link, and
        what `VideoJob.save` raises. Cancelling keeps the part file.
        """
        from heygen_async._download import FileSource, check_arguments  # noqa: PLC0415

        services = self._services
        check_kind("url", url, str, "a str")
        check_arguments(asset, max_bytes, on_progress)
        await services.downloader.check_target(path, overwrite=overwrite, digest=digest)
        return await services.downloader.save(
            FileSource(url=url),
            path,
            asset=asset,
            overwrite=overwrite,
            on_progress=on_progress,
            digest=digest,
            max_bytes=max_bytes,
            retries=services.retries,
            stall=services.timeouts.download_stall,
            connect=services.timeouts.connect,
        )

    def notify(self, event: WebhookEventLike) -> None:
        """Wake the waiters of the video that a webhook event is about: they look at once.

        The event is only a hint, the state is read from the API; polling stays as the safety net. An event that comes
        before anybody waits is remembered for a while. No I/O; call it in the client's event loop.
        """
        if not hasattr(event, "video_id"):
            raise ValueError(f"event must be a webhook event, or have a video_id as that has, not {event!r}")
        if event.video_id is not None:
            check_kind("event.video_id", event.video_id, str, "a str or None")
            self._machinery.coordinator.notify(event.video_id)

    async def aclose(self) -> None:
        """Close the client's own connections and end the waits that still go on, each with its job id.

        Calling it again does nothing. Clients that were passed in stay open. Bounded to 5 seconds, also when cancelled.
        """
        shared = self._machinery
        if shared.guard.closed:
            return
        shared.guard.closed = True
        shared.coordinator.end_all(ConfigurationError("This AsyncHeyGen client was closed during the wait."))
        if not shared.guard.is_home:
            return
        with anyio.move_on_after(_CLOSE_WITHIN, shield=True):
            await shared.api_lane.aclose()
            await shared.file_lane.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        limits = self._machinery.limits
        return f"AsyncHeyGen(base_url={self.base_url!r}, api_version={self.api_version!r}, limits={limits})"


def _check_options(**options: object) -> None:
    for name, value in options.items():
        if not isinstance(value, _OPTIONS[name]):
            raise ConfigurationError(f"{name} must be a {_OPTIONS[name].__name__}, not {type(value).__name__}")
