"""What the handles of one client work with."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from heygen_async._admission import Admission, StatusBell
from heygen_async._api import Api
from heygen_async._calls import one_call, understood
from heygen_async._coordinator import Coordinator
from heygen_async._download import Downloader
from heygen_async._policies import PollPolicy, RetryPolicy, Timeouts
from heygen_async._protocol.settings import ApiVersionChoice
from heygen_async._protocol.videos import video_from
from heygen_async._submission import Submitter
from heygen_async.events import Event
from heygen_async.models.video import ApiVersion, Video


@frozen(kw_only=True)
class Services:
    """The machinery of one client under its present options; copies share all but the options."""

    api: Api
    submitter: Submitter
    coordinator: Coordinator
    downloader: Downloader
    polling: PollPolicy
    choice: ApiVersionChoice
    admission: Admission
    statuses: StatusBell
    emit: Callable[[Event], None]

    @property
    def timeouts(self) -> Timeouts:
        """Return the time-outs in force."""
        return self.api.timeouts

    @property
    def retries(self) -> RetryPolicy:
        """Return the retry rules in force."""
        return self.api.retries

    @property
    def lookup_wire(self) -> ApiVersion:
        """Return the wire on which a bare id is looked up."""
        return "v2" if self.choice == "v2" else "v3"

    @property
    def may_switch(self) -> bool:
        """Say whether a job of the v2 wire may be watched on v3 once v1 is gone: ids are readable on both."""
        return self.choice != "v2"

    async def read(self, video_id: str, wire: ApiVersion) -> Video:
        """Return a video as it is now; raise the `APIError` of a read that kept failing."""
        call = one_call(video_id, wire)
        answer = await self.api.call(call)
        return understood(answer, lambda: video_from(answer.data, known_id=video_id), call)
