"""The privacy team's notices: the list, and what has been read."""

from __future__ import annotations

from datetime import datetime

from ..core import Core
from ..lookups import there
from ..store import models
from . import acts
from .pages import Page, by_time


def listing(
    tenant_id: str, *, unread: bool = False, limit: int = 50, cursor: str | None = None
) -> Page[models.Notification]:
    """Newest first; ``unread`` leaves out what was read."""
    notice = models.Notification
    query = notice.select().where(notice.tenant_id == tenant_id)
    if unread:
        query = query.where(notice.read_at.is_null())
    return by_time(query, notice.created_at, notice.id, limit=limit, cursor=cursor)


def read(
    core: Core, tenant_id: str, notification_id: str, actor: str, user_id: str | None = None
) -> models.Notification:
    """Mark a notice as read; who read it first stays. ``user_id`` is null for programs. Raises NotFound."""
    model = models.Notification
    with core.store.transaction():
        first = (
            model.update(read_at=core.clock(), read_by=user_id)
            .where(model.id == notification_id, model.tenant_id == tenant_id, model.read_at.is_null())
            .execute()
        )
        found = model.get_or_none(id=notification_id, tenant_id=tenant_id)
        notice = there(found, "no such notification")
        if first:
            acts.record(core, tenant_id, "notification.read", actor, notification=notice.id)
    return notice


def read_all(core: Core, tenant_id: str, until: datetime, actor: str, user_id: str | None = None) -> int:
    """Mark every notice read that isn't newer than ``until``: what came since stays unread. How many."""
    model = models.Notification
    with core.store.transaction():
        count = int(
            model.update(read_at=core.clock(), read_by=user_id)
            .where(model.tenant_id == tenant_id, model.read_at.is_null(), model.created_at <= until)
            .execute()
        )
        if count:
            acts.record(core, tenant_id, "notification.all_read", actor, notifications=count)
    return count
