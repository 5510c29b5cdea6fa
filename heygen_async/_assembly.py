"""Put a client's machinery together.

A module of its own, because it takes all of the SDK that single videos need: `import heygen_async` does without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define

from heygen_async._admission import Admission, StatusBell
from heygen_async._api import Announcements, Api, logger
from heygen_async._calls import ApiLooks
from heygen_async._coordinator import Coordinator
from heygen_async._download import Downloader
from heygen_async._policies import Limits, PollPolicy, RetryPolicy, Timeouts
from heygen_async._protocol.segments import SegmentRules
from heygen_async._protocol.settings import Settings
from heygen_async._protocol.submission import SubmittedKeys
from heygen_async._reconcile import Reconciler
from heygen_async._services import Services
from heygen_async._submission import SubmissionMemory, Submitter
from heygen_async._transport.api_lane import ApiLane
from heygen_async._transport.file_lane import FileLane
from heygen_async._transport.run_guard import RunGuard
from heygen_async._transport.tls import SharedTls
from heygen_async.events import Event

if TYPE_CHECKING:
    import httpx


@define(eq=False)
class Machinery:
    """What the copies of one client share."""

    settings: Settings
    limits: Limits
    guard: RunGuard
    api_lane: ApiLane
    file_lane: FileLane
    announcements: Announcements
    coordinator: Coordinator
    reconciler: Reconciler
    downloader: Downloader
    memory: SubmissionMemory
    admission: Admission
    statuses: StatusBell
    emit: Callable[[Event], None]


def assembled(
    settings: Settings,
    limits: Limits,
    http_client: httpx.AsyncClient | None,
    download_client: httpx.AsyncClient | None,
    timeouts: Timeouts,
    retries: RetryPolicy,
    on_event: Callable[[Event], None] | None,
) -> Machinery:
    """Return new machinery, with nothing connected yet."""
    guard, tls, announcements, statuses = RunGuard(), SharedTls(), Announcements(), StatusBell()
    emit = _guarded(on_event)

    def emit_status(event: Event) -> None:
        statuses.hear(event)
        emit(event)

    api_lane = ApiLane(settings, limits, tls, guard, http_client)
    file_lane = FileLane(limits, tls, guard, download_client)
    api = Api(api_lane, timeouts, retries, emit, announcements)
    return Machinery(
        settings=settings,
        limits=limits,
        guard=guard,
        api_lane=api_lane,
        file_lane=file_lane,
        announcements=announcements,
        coordinator=Coordinator(ApiLooks(api), emit=emit_status, max_retry_after=retries.max_retry_after),
        reconciler=Reconciler(api, emit),
        downloader=Downloader(
            file_lane,
            emit=emit,
            segments=SegmentRules(most=limits.max_segments),
            allow_insecure=settings.allow_insecure,
        ),
        memory=SubmissionMemory(SubmittedKeys()),
        admission=Admission(limits.max_in_flight, retries, emit),
        statuses=statuses,
        emit=emit,
    )


def services_of(shared: Machinery, timeouts: Timeouts, retries: RetryPolicy, polling: PollPolicy) -> Services:
    """Return what handles and resources work with under these options."""
    api = Api(shared.api_lane, timeouts, retries, shared.emit, shared.announcements)
    return Services(
        api=api,
        submitter=Submitter(api, shared.settings.api_version, shared.memory, shared.reconciler, shared.emit),
        coordinator=shared.coordinator,
        downloader=shared.downloader,
        polling=polling,
        choice=shared.settings.api_version,
        admission=shared.admission,
        statuses=shared.statuses,
        emit=shared.emit,
    )


def _guarded(on_event: Callable[[Event], None] | None) -> Callable[[Event], None]:
    def emit(event: Event) -> None:
        if on_event is None:
            return
        try:
            on_event(event)
        except Exception:  # noqa: BLE001 - the caller's code may raise anything
            logger.exception("on_event failed on %s; the work goes on", type(event).__name__)

    return emit
