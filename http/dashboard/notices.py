"""The privacy team's notices: what happened that a person should know of, and the door to it."""

from __future__ import annotations

from datetime import datetime

from ...engine import moments
from ...engine.errors import Invalid, NotFound
from ...engine.identity import did
from ...engine.services import acts, notifications
from ...engine.services.roles import Permission, require
from ...engine.store import models
from .answers import Page, Redirect
from .screens import Visit

_PER_PAGE = 50
_DOORS = {"event": "events", "rights_request": "requests"}


def listing(visit: Visit) -> Page:
    """Unread ones; ``?view=all`` shows those read too, ``?cursor=`` continues."""
    unread, cursor = visit.query.get("view") != "all", visit.query.get("cursor")
    page = notifications.listing(visit.tenant_id, unread=unread, limit=_PER_PAGE, cursor=cursor)
    values = {
        "unread_only": unread,
        "notices": page.rows,
        "newest": moments.to_text(page.rows[0].created_at) if page.rows else "",
        "cursor": page.next_cursor,
        "paged": cursor is not None,
        "doors": _DOORS,
    }
    return Page("notices.html", values)


def read(visit: Visit) -> Redirect:
    """Mark one notice read, for the whole team."""
    require(visit.signed.role, Permission.ACT)
    try:
        identifier = did.canonical(visit.path["notice_id"])
    except Invalid:
        raise NotFound("no such notice") from None
    notifications.read(visit.core, visit.tenant_id, identifier, visit.signed.actor, visit.signed.user_id)
    return Redirect(visit.back, note="notice.read")


def read_all(visit: Visit) -> Redirect:
    """Mark every notice read that is as old as the newest on the page; one that came since stays unread."""
    require(visit.signed.role, Permission.ACT)
    notice, until = models.Notification, _moment(visit.form.get("until", ""))
    with visit.core.store.transaction():
        count = (
            notice.update(read_at=visit.now, read_by=visit.signed.user_id)
            .where(notice.tenant_id == visit.tenant_id, notice.read_at.is_null(), notice.created_at <= until)
            .execute()
        )
        if count:
            acts.record(
                visit.core, visit.tenant_id, "notification.all_read", visit.signed.actor, notifications=count
            )
    return Redirect(visit.back, note="notices.read")


def _moment(text: str) -> datetime:
    try:
        return moments.from_text(text)
    except (ValueError, OverflowError):
        raise Invalid("until", "is not a time") from None
