"""Pausing a data controller's work: deliveries are accepted and kept, and no worker takes them.

The rule: while ``data_controllers.paused_at`` is set, the relay hands over nothing of that tenant, and a worker
that gets a message of it puts its events back as they were. But mail about an account (a new password) goes: an
account is its owner's and may belong to other data controllers, and a link to a new password holds for an hour.
A message under way at that moment is finished;
what follows from it is put back. No attempt is spent, nothing moves, and whoever resumes has to do nothing
else: what gathered is due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from peewee import SQL

from ...core import Core
from ...errors import NotFound
from ...mail.catalogue import ACCOUNT
from ...outbox import BATCH, Due, Outbox
from ...store import models, quick
from .. import acts

MAIL = "message"
"""The workflow by which messages leave the house."""


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


def let_through(core: Core, tenant_id: str, message_id: str, event_ids: Sequence[str]) -> Sequence[str]:
    """Those events of this message that may run now: all, unless the tenant is paused. The others are due
    again, as if it had never been made. Raises Unavailable."""
    with core.store.reachable():
        if since(tenant_id) is None:
            return event_ids
        event, letter = models.Event, models.Message
        ours = event.select(event.id).join(letter, on=(letter.id == event.entity_id))
        ours = ours.where(event.id.in_(list(event_ids)), event.workflow == MAIL, letter.kind.in_(ACCOUNT))
        through = {one.id for one in ours}
    Outbox(core).postpone(message_id, [one for one in event_ids if one not in through], seconds=0.0)
    return [one for one in event_ids if one in through]


def account_mail(core: Core, tenant_ids: Collection[str]) -> list[Due]:
    """What is due of these tenants, who are paused, and goes all the same; oldest first, ``BATCH`` at most."""
    letter, event = models.Message, models.Event
    pending = (letter.state == SQL("'pending'")) & letter.kind.in_(ACCOUNT)  # spelled out: partial indexes
    with core.store.reachable():
        waiting = letter.select(letter.id).where(letter.tenant_id.in_(list(tenant_ids)), pending)
        ids = [one.id for one in waiting.order_by(letter.created_at).limit(BATCH)]
        if not ids:
            return []
        columns = (event.seq, event.id, event.tenant_id, event.workflow, event.step, event.message_id)
        due = event.entity_id.in_(ids) & (event.workflow == SQL(f"'{MAIL}'")) & (event.due_at <= core.clock())
        rows: Iterable[Any] = event.select(*columns).where(due).order_by(event.seq).tuples()
        return [Due(*row) for row in rows]


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
