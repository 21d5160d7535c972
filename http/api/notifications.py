"""``/api/v1/notifications``: the privacy team's notices. Their texts name nobody."""

from __future__ import annotations

from typing import Annotated

from ...engine.services import notifications as service
from ...engine.services.pages import Order
from ...engine.store import models
from .operation import Call
from .values import Flag, Id, Listed, Moment, Nothing, Paging, Shape, place_in


class Notification(Shape):
    """A notice; ``entity_kind`` and ``entity_id`` say what it is about."""

    id: Id
    kind: str
    severity: str
    title: str
    body: str
    entity_kind: str | None
    entity_id: Id | None
    created_at: Moment
    read_at: Moment | None


class NotificationPage(Listed[Notification]):
    """Notices, newest first."""


class NotificationQuery(Paging):
    """``unread=true`` leaves out what was read."""

    cursor: Annotated[str | None, place_in("notifications", Order.TIME)] = None
    unread: Flag = False


def listing(call: Call[NotificationQuery, Nothing]) -> NotificationPage:
    """Newest first."""
    query = call.query
    page = service.listing(call.tenant_id, unread=query.unread, limit=query.limit, cursor=query.cursor)
    return NotificationPage.of(page, _shape)


def read(call: Call[Nothing, Nothing]) -> Notification:
    """Mark one as read."""
    return _shape(service.read(call.core, call.tenant_id, call.id, call.caller.actor))


def _shape(row: models.Notification) -> Notification:
    return Notification.model_validate({name: getattr(row, name) for name in Notification.model_fields})
