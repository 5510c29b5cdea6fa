"""How a sandbox begins, at first and after each `reset`: the account, the renderer and the switches it then has."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy

from attrs import fields, frozen

from heygen_async.sandbox.clock import VirtualClock
from heygen_async.sandbox.core import Account
from heygen_async.sandbox.fast import Padding
from heygen_async.sandbox.files import Signer
from heygen_async.sandbox.gate import Switches
from heygen_async.sandbox.idempotency import IdempotencyRecords
from heygen_async.sandbox.modes import set_padding
from heygen_async.sandbox.render.pool import Renderer
from heygen_async.sandbox.service import Service


@frozen(kw_only=True)
class Beginning:
    """What a sandbox was told at its construction; `account` and `renderer` make a new one each."""

    account: Callable[[], Account]
    renderer: Callable[[], Renderer]
    switches: Switches
    padding: Padding

    def service(self, clock: VirtualClock, *, url_lifetime: float, webhook_hosts: Collection[str]) -> Service:
        """Return a new service; links live `url_lifetime` virtual seconds."""
        return Service(
            clock=clock,
            renderer=self.renderer(),
            signer=Signer(now=clock.now, lifetime=url_lifetime),
            switches=copy(self.switches),
            account=self.account(),
            webhook_hosts=webhook_hosts,
        )

    def again(self, service: Service) -> None:
        """Make a service as it was at first, but for its clock, its renderer and the secrets of its links."""
        with service.open():
            service.account = self.account()
            service.idempotency = IdempotencyRecords()
            service.assets.clear()
            service.journal.clear()
            service.faults.clear()
            service.webhooks.reset()
            set_padding(service.renderer, self.padding)
            for switch in fields(Switches):
                setattr(service.switches, switch.name, getattr(self.switches, switch.name))
