"""The sandbox as its page and its command line show it: plain JSON of a bounded size, without secrets."""

from __future__ import annotations

from typing import Any, Final, cast

from heygen_async._protocol.redaction import redact_text
from heygen_async._version import __version__
from heygen_async.sandbox.answers import Link
from heygen_async.sandbox.core import Account, Job, Status
from heygen_async.sandbox.failures import Failure
from heygen_async.sandbox.faults.engine import Faults
from heygen_async.sandbox.files import file_name, stored_name
from heygen_async.sandbox.journal import Call, Journal
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.webhooks.deliveries import Delivery

SHOWN: Final = 100
"""How many of the newest jobs and calls are shown."""

LONGEST_TEXT: Final = 10_000
"""Characters: every script is shown whole, a file that came as base64 is not."""

_SHOWN_OF_IT: Final = 100

Json = dict[str, Any]


def state_json(service: Service) -> Json:
    """Return everything at one moment, in sections; only the clock's `now` changes by itself."""
    with service.open() as (account, now):
        account.settle(now)
        jobs = list(account.jobs.values())[: -SHOWN - 1 : -1]
        deliveries = service.webhooks.deliveries
        return {
            "version": __version__,
            "clock": {"now": now, "rate": service.clock.rate, "moves": service.clock.moves},
            "account": _account_json(account),
            "jobs": [job_json(account, job, now) for job in jobs],
            "requests": [call_json(call) for call in service.journal.newest(SHOWN)],
            "requests_total": len(service.journal),
            "faults": faults_json(service.faults),
            "webhooks": [delivery_json(one) for one in deliveries[: -SHOWN - 1 : -1]],
            "webhooks_total": len(deliveries),
        }


def jobs_json(service: Service, link: Link, *, video_id: str | None = None) -> list[Json]:
    """Return the newest jobs, or one, with what was asked for and fresh links to the files of completed ones."""
    with service.open() as (account, now):
        account.settle(now)
        jobs = list(account.jobs.values())[: -SHOWN - 1 : -1]
        if video_id is not None:
            jobs = [account.jobs[video_id]] if video_id in account.jobs else []
        return [_full_job(account, job, now, link) for job in jobs]


def requests_json(journal: Journal, count: int) -> Json:
    """Return the newest calls with their headers and bodies."""
    calls = [call_json(call) | {"headers": dict(call.headers), "json": call.json} for call in journal.newest(count)]
    return {"total": len(journal), "requests": calls}


def job_json(account: Account, job: Job, now: float) -> Json:
    """Return one job; times are virtual unix seconds."""
    order, charge = job.order, account.charges.get(job.id)
    return {
        "id": job.id,
        "number": job.number,
        "wire": order.wire,
        "status": account.status(job, now=now),
        "title": order.title,
        "callback_id": order.callback_id,
        "width": order.plan.width,
        "height": order.plan.height,
        "duration": round(job.seconds, 3),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "looks": job.looks,
        "usd": charge.usd if charge else 0.0,
        "refunded": charge.refunded if charge else False,
        "failure": _failure_json(job.failure),
        "deleted": job.deleted,
    }


def call_json(call: Call) -> Json:
    """Return one call without headers and body."""
    names = ("number", "method", "path", "query", "at", "request_id", "idempotency_key", "key_sent", "status")
    more = ("error_code", "error", "hint", "fault")
    seconds = None if call.seconds is None else round(call.seconds, 4)
    return {name: getattr(call, name) for name in (*names, *more)} | {"seconds": seconds}


def faults_json(faults: Faults) -> list[Json]:
    """Return the rules in force with their counts."""
    return [
        {"number": number, "rule": str(active), "matched": active.matched, "fired": active.fired}
        for number, active in enumerate(faults.rules, 1)
    ]


def delivery_json(delivery: Delivery) -> Json:
    """Return one webhook delivery as it is now, without its body."""
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "number": delivery.number,
        "event": delivery.event.type,
        "video_id": delivery.event.video_id,
        "url": redact_text(delivery.url),
        "state": delivery.state,
        "attempts": len(delivery.attempts),
        "due_at": delivery.due_at,
        "status": last.status if last else None,
        "reason": delivery.reason,
    }


def _account_json(account: Account) -> Json:
    charges = [charge for charge in account.charges.values() if not charge.refunded]
    unfinished = [job for job in account.jobs.values() if job.finished_at is None and not job.deleted]
    return {
        "wallet": account.wallet,
        "spent": round(sum(charge.usd for charge in charges), 6),
        "charges": len(charges),
        "concurrency": account.concurrency,
        "progress": str(account.progress),
        "running": sum(job.admitted_at is not None for job in unfinished),
        "waiting": sum(job.admitted_at is None for job in unfinished),
        "jobs": len(account.jobs),
    }


def _full_job(account: Account, job: Job, now: float, link: Link) -> Json:
    shown = job_json(account, job, now)
    status: Status = shown["status"]
    links: Json = {}
    if status == "completed" and not job.deleted:
        kinds = ("video", "captioned", "thumbnail", "gif", "srt")
        links = {kind: link(job, kind) for kind in kinds if stored_name(file_name(kind, job), job.order.plan)}
    return shown | {"request": _shortened(job.order.request), "links": links}


def _shortened(value: Any) -> Any:
    """Return a request without the megabytes that a file in it takes."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:_SHOWN_OF_IT]}... ({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _shortened(inner) for name, inner in cast("Json", value).items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in cast("list[object]", value)]
    return value


def _failure_json(failure: Failure | None) -> Json | None:
    return None if failure is None else {"code": failure.code, "message": failure.message}
