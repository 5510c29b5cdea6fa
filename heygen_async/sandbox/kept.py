"""The stores of a sandbox that outlive it: each as JSON, and back into a sandbox that is still empty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cattrs import Converter

from heygen_async.sandbox.assets import Asset
from heygen_async.sandbox.batches import Batch
from heygen_async.sandbox.catalogue import Catalogue
from heygen_async.sandbox.core import Charge, Job, Rendering
from heygen_async.sandbox.plan import Plan
from heygen_async.sandbox.render.pool import Render
from heygen_async.sandbox.service import Service
from heygen_async.sandbox.state import Json, Kept
from heygen_async.sandbox.stock_catalogue import stock


def _json_converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(Plan, lambda plan: plan.to_json())
    converter.register_structure_hook(Plan, lambda value, _: Plan.from_json(value))
    converter.register_unstructure_hook(Path, lambda path: path.name)
    converter.register_unstructure_hook(Rendering, lambda _: None)
    converter.register_structure_hook(Rendering, lambda rendering, _: rendering)
    return converter


_JSON: Final = _json_converter()
_CATALOGUE: Final = ("groups", "looks", "voices")


def stores_of(service: Service) -> dict[str, Kept]:
    """Return all stores in the order in which they are taken back: the events of webhooks need the jobs."""
    return {
        "clock": KeptClock(service),
        "links": KeptLinks(service),
        "assets": KeptAssets(service),
        "account": KeptAccount(service),
        "idempotency": service.idempotency,
        "webhooks": service.webhooks,
    }


@frozen
class KeptClock:
    """The virtual time; it goes on from where it stood, or from where the new clock begins if that is later."""

    _service: Service

    def to_json(self) -> Json:
        """Return the time."""
        return {"now": self._service.clock.now()}

    def from_json(self, value: Json) -> None:
        """Go forward to the time."""
        self._service.clock.advance(max(0.0, float(value["now"]) - self._service.clock.now()))


@frozen
class KeptLinks:
    """What links are signed with, so that they stay good."""

    _service: Service

    def to_json(self) -> Json:
        """Return the secrets."""
        return {"files": self._service.signer.secret.hex(), "uploads": self._service.assets.uploads.secret.hex()}

    def from_json(self, value: Json) -> None:
        """Sign with the secrets."""
        self._service.signer.secret = bytes.fromhex(value["files"])
        self._service.assets.uploads.secret = bytes.fromhex(value["uploads"])


@frozen
class KeptAssets:
    """The uploaded files; their bytes stay where they are."""

    _service: Service

    def to_json(self) -> Json:
        """Return what is known of them."""
        store = self._service.assets
        return {
            "assets": [_JSON.unstructure(asset) for asset in store.by_id.values()],
            "spoken": [_JSON.unstructure(asset) for asset in store.spoken.values()],
        }

    def from_json(self, value: Json) -> None:
        """Know them again."""
        store = self._service.assets
        for name, table in (("assets", store.by_id), ("spoken", store.spoken)):
            for one in value.get(name, ()):
                asset = _JSON.structure({**one, "path": store.folder / Path(one["path"]).name}, Asset)
                table[asset.id] = asset


@frozen
class KeptAccount:
    """Jobs, charges, wallet, batches, and what was added to the catalogue; not the settings, which each start gives."""

    _service: Service

    def to_json(self) -> Json:
        """Return them; renders are known by their plans."""
        account = self._service.account
        return {
            "wallet": account.wallet,
            "made": dict(account.made),
            "jobs": [_JSON.unstructure(job) for job in account.jobs.values()],
            "charges": [_JSON.unstructure(charge) for charge in account.charges.values()],
            "batches": [_JSON.unstructure(batch) for batch in account.batches.values()],
            "catalogue": _own(account.catalogue),
        }

    def from_json(self, value: Json) -> None:
        """Hold them; renders that did not end are begun again."""
        account = self._service.account
        jobs = [self._job(one) for one in value["jobs"]]
        charges = [_JSON.structure(one, Charge) for one in value["charges"]]
        batches = [_JSON.structure(one, Batch) for one in value["batches"]]
        own = _JSON.structure(value["catalogue"], Catalogue)
        account.restore({job.id: job for job in jobs}, made=value["made"])
        account.wallet = float(value["wallet"])
        account.charges.update({charge.video_id: charge for charge in charges})
        account.batches.update({batch.id: batch for batch in batches})
        for table in _CATALOGUE:
            getattr(account.catalogue, table).update(getattr(own, table))

    def _job(self, value: Json) -> Job:
        plan = Plan.from_json(value["order"]["plan"])
        rendering = self._service.renderer.submit(plan) if value["failure"] is None else _no_render(plan)
        return _JSON.structure({**value, "rendering": rendering}, Job)


def _no_render(plan: Plan) -> Render:
    return Render(plan, Path(), done_at=0.0)


def _own(catalogue: Catalogue) -> Json:
    """Return the rows that a new account does not have."""
    new = stock()
    return {table: _differing(getattr(catalogue, table), getattr(new, table)) for table in _CATALOGUE}


def _differing(rows: Mapping[str, Any], others: Mapping[str, Any]) -> Json:
    return {name: _JSON.unstructure(row) for name, row in rows.items() if others.get(name) != row}
