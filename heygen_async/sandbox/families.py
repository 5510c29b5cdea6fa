"""The calls that every kind of resource with batches has: one batch in pages, and the statuses of many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from heygen_async.sandbox.batches import (
    MOST_ITEMS,
    NOT_FOUND,
    Batch,
    Item,
    Kind,
    State,
    counts,
    item_json,
    whole_status,
)
from heygen_async.sandbox.paging import Page, listing
from heygen_async.sandbox.problems import Problem
from heygen_async.sandbox.queries import ids_in
from heygen_async.sandbox.service import BULK_IDS, Service

Json = dict[str, Any]

Looker = Callable[[Service, Sequence[str]], Sequence[State]]
"""Tells how far some resources are, at one moment; looking counts, as every status call does."""


@frozen(kw_only=True)
class Family:
    """One kind of resource: what its batches hold, how its ids are asked for, and how to look at them."""

    kind: Kind
    ids: str
    look: Looker

    async def read(self, service: Service, request: Request) -> Response:
        """Answer `GET .../batches/{batch_id}`; here the paging stands inside of `data`."""
        page = Page.of(request, "items", high=MOST_ITEMS, default=MOST_ITEMS)
        with service.open():
            batch = self.batch(service, request.path_params["batch_id"])
            items = self.item_rows(service, batch)
        rows, token = page.cut(_Row(-index, item) for index, item in enumerate(items))
        shown = [{"item_index": -row.number, **row.item} for row in rows]
        data = {
            "batch_id": batch.id,
            "title": batch.title,
            "status": whole_status(items),
            "total_items": len(items),
            "counts_by_status": counts(items),
            "created_at": int(batch.created_at),
            "items": shown,
            "has_more": token is not None,
            "next_token": token,
        }
        return JSONResponse({"data": data})

    async def statuses(self, service: Service, request: Request) -> Response:
        """Answer `GET .../statuses`: up to 100 ids of resources and batches, the batches as their items."""
        ids, batch_ids = ids_in(request, self.ids), ids_in(request, "batch_ids")
        if not 1 <= len(ids) + len(batch_ids) <= BULK_IDS:
            raise Problem.invalid(self.ids, f"{self.ids} and batch_ids should hold 1 to {BULK_IDS} ids together")
        with service.open():
            singles = [_single(one, state) for one, state in zip(ids, self.look(service, ids), strict=True)]
            members = [member for batch_id in batch_ids for member in self._members(service, batch_id)]
        return listing([*singles, *members], None)

    def batch(self, service: Service, batch_id: str) -> Batch:
        """Return a batch of the family; raise the 404 if there is none. Call it while the service is open."""
        batch = service.account.batches.get(batch_id)
        if batch is None or batch.kind != self.kind:
            raise Problem(404, "not_found", f"Batch {batch_id} not found")
        return batch

    def item_rows(self, service: Service, batch: Batch) -> list[Json]:
        """Return all items as they are now. Call it while the service is open."""
        ids = [item.resource_id for item in batch.items if item.resource_id is not None]
        states = dict(zip(ids, self.look(service, ids), strict=True))
        return [item_json(item, states.get(item.resource_id or "")) for item in batch.items]

    def open_batch(
        self, service: Service, items: Sequence[Item], *, title: str | None, callback_url: str | None
    ) -> Batch:
        """Keep a new batch and return it."""
        with service.open() as (account, now):
            batch = Batch(
                id=account.new_id("batch"),
                kind=self.kind,
                created_at=now,
                items=tuple(items),
                title=title,
                callback_url=callback_url,
            )
            account.batches[batch.id] = batch
            return batch

    def _members(self, service: Service, batch_id: str) -> Iterator[Json]:
        batch = service.account.batches.get(batch_id)
        if batch is None or batch.kind != self.kind:
            yield {"video_id": None, "status": NOT_FOUND.word, "batch_id": batch_id, "item_index": None, "error": None}
            return
        for index, item in enumerate(self.item_rows(service, batch)):
            yield {**item, "batch_id": batch_id, "item_index": index}


@frozen
class _Row:
    number: int
    item: Json


def _single(resource_id: str, state: State) -> Json:
    return {"video_id": resource_id, "status": state.word, "batch_id": None, "item_index": None, "error": state.error}


def created(batch: Batch) -> Json:
    """Return the answer to a call that opens or goes on with a batch."""
    return {"data": {"batch_id": batch.id, "status": "processing", "total_items": len(batch.items)}}
