"""Pausing a data controller's work: deliveries are accepted and kept, and no worker takes them.

The rule: while ``data_controllers.paused_at`` is set, the relay hands over nothing of that tenant, and a worker
that gets a message of it puts its events back as they were. A message under way at that moment is finished;
what follows from it is put back. No attempt is spent, nothing moves, and whoever resumes has to do nothing
else: what gathered is due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ...core import Core
from ...errors import NotFound
from ...outbox import Outbox
from ...store import models, quick
from .. import acts


def pause(core: Core, tenant_id: str, actor: str) -> models.DataController:
    """No work for this tenant from here on. Who paused it first stays, and only that is written down."""

    def stop(controller: models.DataController) -> bool:
        if controller.paused_at is not None:
            return False
        controller.paused_at, controller.paused_by = core.clock(), actor
        acts.record(core, tenant_id, "tenant.paused", actor)
        return True

    return _changed(core, tenant_id, stop)


def resume(core: Core, tenant_id: str, actor: str) -> models.DataController:
    """Work goes on by itself, with what gathered meanwhile. Nothing happens where nothing was paused."""

    def go_on(controller: models.DataController) -> bool:
        if controller.paused_at is None:
            return False
        controller.paused_at = controller.paused_by = None
        acts.record(core, tenant_id, "tenant.resumed", actor)
        core.store.announce()
        return True

    controller = _changed(core, tenant_id, go_on)
    core.bell.set()
    return controller


def since(tenant_id: str) -> datetime | None:
    """When this tenant's work was paused; None while it goes on."""
    controller = quick.get(models.DataController, id=tenant_id)
    paused_at: datetime | None = None if controller is None else controller.paused_at
    return paused_at


def put_back(core: Core, tenant_id: str, message_id: str, event_ids: Sequence[str]) -> bool:
    """Whether the tenant is paused. If so the events of this message are due again, as if it had never been
    made. Raises Unavailable."""
    with core.store.reachable():
        if since(tenant_id) is None:
            return False
    Outbox(core).postpone(message_id, event_ids, seconds=0.0)
    return True


def _changed(
    core: Core, tenant_id: str, change: Callable[[models.DataController], bool]
) -> models.DataController:
    """The tenant, locked and changed. Raises NotFound."""
    with core.store.transaction():
        controller = quick.lock(models.DataController, id=tenant_id)
        if controller is None:
            raise NotFound("no such tenant")
        if change(controller):
            values = {"paused_at": controller.paused_at, "paused_by": controller.paused_by}
            quick.update(models.DataController, {"id": tenant_id}, values)
    return controller
