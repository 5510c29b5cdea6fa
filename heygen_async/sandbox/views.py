"""What a test sees of the sandbox's jobs: values that do not change under its hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from attrs import frozen

from heygen_async.sandbox.core import Account, Job, Status, Wire
from heygen_async.sandbox.failures import Failure


@frozen(kw_only=True)
class JobView:
    """One job at the moment of asking; times are virtual unix seconds, `looks` counts status calls for it."""

    id: str
    wire: Wire
    status: Status
    title: str | None
    callback_id: str | None
    idempotency_key: str | None
    width: int
    height: int
    duration: float
    created_at: float
    completed_at: float | None
    looks: int
    failure: Failure | None
    deleted: bool
    request: Mapping[str, Any]


class Jobs:
    """All jobs since the start or the last reset, oldest first, deleted ones included."""

    def __init__(self, hold: Callable[[], AbstractContextManager[tuple[Account, float]]]) -> None:
        self._hold = hold

    @property
    def count(self) -> int:
        """Return how many jobs were ever created: the number that "never pay twice" is about."""
        with self._hold() as (account, _):
            return len(account.jobs)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[JobView]:
        with self._hold() as (account, now):
            return iter([_view(account, job, now) for job in account.jobs.values()])

    def __getitem__(self, video_id: str) -> JobView:
        with self._hold() as (account, now):
            return _view(account, account.jobs[video_id], now)


def _view(account: Account, job: Job, now: float) -> JobView:
    order = job.order
    return JobView(
        id=job.id,
        wire=order.wire,
        status=account.status(job, now=now),
        title=order.title,
        callback_id=order.callback_id,
        idempotency_key=order.idempotency_key,
        width=order.plan.width,
        height=order.plan.height,
        duration=job.seconds,
        created_at=job.created_at,
        completed_at=job.finished_at,
        looks=job.looks,
        failure=job.failure,
        deleted=job.deleted,
        request=order.request,
    )
