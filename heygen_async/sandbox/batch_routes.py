"""The batches of videos and of direct uploads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import anyio.to_thread
from attrs import evolve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.answers import bulk_word
from heygen_async.sandbox.asset_routes import direct_upload
from heygen_async.sandbox.asset_schema import COMPLETE_BATCH, DIRECT_UPLOAD_BATCH
from heygen_async.sandbox.assets import Asset
from heygen_async.sandbox.batches import MOST_ITEMS, NOT_FOUND, Item, State
from heygen_async.sandbox.core import Job, Status
from heygen_async.sandbox.families import Family, created
from heygen_async.sandbox.idempotency import Answer
from heygen_async.sandbox.once import once
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.schema import items, nullable, record, required, text, url
from heygen_async.sandbox.service import Service, read_json
from heygen_async.sandbox.uploads import announce, complete
from heygen_async.sandbox.v3_routes import order_of
from heygen_async.sandbox.v3_schema import CREATE_VIDEO

Json = dict[str, Any]

VIDEO_BATCH: Final = record(
    {
        "videos": required(items(record({}), fewest=1, most=MOST_ITEMS)),
        "title": nullable(text()),
        "callback_url": nullable(url),
    }
)
"""Checks the body of `POST /v3/videos/batches`; what is wrong inside of an item fails that item alone."""


def _videos(service: Service, video_ids: Sequence[str]) -> Sequence[State]:
    return [_video(job, status) for _, job, status in service.look_at_all(video_ids)]


def _video(job: Job | None, status: Status | None) -> State:
    if job is None or status is None:
        return NOT_FOUND
    failure = job.failure
    error = {"code": failure.code, "message": failure.message} if failure and status == "failed" else None
    return State(word=bulk_word(status), error=error, begun=status != "waiting")


def _assets(service: Service, asset_ids: Sequence[str]) -> Sequence[State]:
    return [_asset(service, service.assets.by_id.get(asset_id)) for asset_id in asset_ids]


def _asset(service: Service, asset: Asset | None) -> State:
    if asset is None:
        return NOT_FOUND
    if asset.completed_at is None:
        return State(word="queued")
    late = service.clock.now() < asset.completed_at + service.switches.asset_lag
    return State(word="processing" if late else "completed")


VIDEOS: Final = Family(kind="video", ids="video_ids", look=_videos)
ASSETS: Final = Family(kind="asset", ids="asset_ids", look=_assets)


@once
async def create_videos(service: Service, request: Request, key: str | None) -> Answer:
    """Answer `POST /v3/videos/batches`: each item is accepted or refused by itself, and waits for a free slot."""
    body = await read_json(request, VIDEO_BATCH, lenient=service.switches.lenient)
    made = [_made(service, video, key) for video in body["videos"]]
    batch = VIDEOS.open_batch(service, made, title=body.get("title"), callback_url=body.get("callback_url"))
    service.webhooks.batch_opened(batch)
    return Answer(202, created(batch))


@once
async def announce_assets(service: Service, request: Request, _key: str | None) -> Answer:
    """Answer `POST /v3/assets/direct-uploads/batches`: all files are taken, or none."""
    body = await read_json(request, DIRECT_UPLOAD_BATCH, lenient=service.switches.lenient)
    assets: list[Asset] = []
    try:
        for index, file in enumerate(body["files"]):
            assets.append(announce(service, file, path=f"files.{index}."))
    except Problem:
        with service.open():
            for asset in assets:
                service.assets.delete(asset.id)
        raise
    made = [Item(resource_id=asset.id) for asset in assets]
    batch = ASSETS.open_batch(service, made, title=body.get("title"), callback_url=body.get("callback_url"))
    types = [file["content_type"] for file in body["files"]]
    slots = [direct_upload(service, request, asset, kind) for asset, kind in zip(assets, types, strict=True)]
    return Answer(200, {"data": {"batch_id": batch.id, "items": slots}})


async def complete_assets(service: Service, request: Request) -> Response:
    """Answer `POST /v3/assets/complete/batches`; it may be repeated until every file has arrived."""
    body = await read_json(request, COMPLETE_BATCH, lenient=service.switches.lenient)
    with service.open():
        batch = ASSETS.batch(service, body["batch_id"])
        found = [service.assets.by_id.get(item.resource_id or "") for item in batch.items]
    for asset in found:
        if asset is not None and asset.arrived:
            await anyio.to_thread.run_sync(_complete, service, asset)
    return JSONResponse(created(batch), 202)


def _made(service: Service, video: Json, key: str | None) -> Item:
    faults = [fault for fault in CREATE_VIDEO(video, "") if not (service.switches.lenient and fault.unknown)]
    try:
        if faults:
            raise Problem.from_faults(faults)
        order = order_of(service, video, key)
        return Item(resource_id=service.submit(evolve(order, queues=True)).id)
    except Problem as problem:
        return Item(resource_id=None, error={"code": problem.code, "message": problem.message})


def _complete(service: Service, asset: Asset) -> None:
    """Complete one file of a batch; one that is not what was announced stays where it is."""
    try:
        complete(service, asset, checksum=None)
    except Problem:
        return
