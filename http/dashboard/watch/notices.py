"""The privacy team's inbox: what happened that a person should know of, and the door to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from ....engine import moments
from ....engine.access.roles import Permission
from ....engine.errors import Invalid
from ....engine.services import notifications
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way

_PER_PAGE = 50

_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_FAILED = re.compile(r"^(\S+) (\S+) failed at step \S+$")
_THROUGH = re.compile(r"^(Received through )([a-z_]+)(?=\.)")
_PLATFORM = re.compile(r"\b(?:shopify|stripe|mailchimp|mandrill|woocommerce|hasura)\b(?![./:@-])")


class Door(NamedTuple):
    """Where a notice leads: ``path`` takes the id of what it is about. ``takes`` is what opens that page."""

    path: str
    text: str
    takes: Permission = Permission.LOOK


_DOORS: Mapping[str, Door] = {
    "event": Door("/events/{}", "Open the event"),
    "rights_request": Door("/requests/{}", "Open the request"),
    "data_subject": Door("/subjects/{}", "Open the data subject"),
    "processing_activity": Door("/activities/{}", "Open the processing activity"),
    "connector": Door("/connectors/{}", "Open the connector"),
    "obligation": Door("/obligations/{}", "Open the obligation"),
    "webhook_endpoint": Door("/webhooks/{}", "Open the endpoint", Permission.MANAGE_TENANT),
    "data_controller": Door("/audit", "Open the log"),
}
"""By what a notice is about (``engine.notices``)."""

_DECISIONS: Mapping[str, Door] = {
    "link.conflict": Door("/subjects/conflicts", "Decide whether they are one person"),
}
"""By the kind of a notice: where what it asks for is done."""


class Told(NamedTuple):
    """A notice and where it leads."""

    notice: models.Notification
    title: str
    body: str
    doors: tuple[Door, ...]


class Day(NamedTuple):
    """The notices of one day (UTC), the newest on top."""

    title: str
    told: tuple[Told, ...]


def screens(shared: Desk) -> dict[str, Screen]:
    """The inbox."""
    look, act = Permission.LOOK, Permission.ACT
    return {
        "/notices": Screen(shared, get=Way(listing, look), post=Way(read_all, act)),
        "/notices/{notice_id}/read": Screen(shared, post=Way(read, act)),
    }


def listing(visit: Visit) -> Page:
    """Unread ones; ``?view=all`` shows those read too, ``?cursor=`` continues."""
    unread, cursor = visit.query.get("view") != "all", visit.query.get("cursor")
    page = notifications.listing(visit.tenant_id, unread=unread, limit=_PER_PAGE, cursor=cursor)
    values = {
        "unread_only": unread,
        "days": _by_day(page.rows, visit),
        "newest": moments.to_text(page.rows[0].created_at) if page.rows else "",
        "cursor": page.next_cursor,
        "paged": cursor is not None,
    }
    return Page("watch/notices.html", values)


def read(visit: Visit) -> Redirect:
    """Mark one notice read, for the whole team."""
    wanted = identifier(visit.path["notice_id"], "notice")
    notifications.read(visit.core, visit.tenant_id, wanted, visit.signed.actor, visit.signed.user_id)
    return Redirect(visit.back, note="notice.read")


def read_all(visit: Visit) -> Redirect:
    """Mark every notice read that is as old as the newest on the page; one that came since stays unread."""
    until = _moment(visit.form.get("until", ""))
    notifications.read_all(visit.core, visit.tenant_id, until, visit.signed.actor, visit.signed.user_id)
    return Redirect(visit.back, note="notices.read")


def _by_day(notices: Sequence[models.Notification], visit: Visit) -> list[Day]:
    today = visit.now.astimezone(UTC).date()
    near = {today: "Today", today - timedelta(days=1): "Yesterday"}
    days = groupby(notices, key=lambda one: one.created_at.astimezone(UTC).date())
    return [
        Day(near.get(day, words.written(day)), tuple(_told(one, visit) for one in some)) for day, some in days
    ]


def _told(notice: models.Notification, visit: Visit) -> Told:
    """Notices are kept in the engine's own names, as the API gives them; here they are put in words."""
    title = words.sentence(_worded(_FAILED.sub(_failed, notice.title))).removesuffix(".")
    return Told(notice, title, words.sentence(_worded(notice.body)), _doors(notice, visit))


def _worded(text: str) -> str:
    text = _DAY.sub(_day, text)
    text = _THROUGH.sub(lambda found: f"{found[1]}{words.source(found[2])}", text)
    return _PLATFORM.sub(lambda name: words.source(name[0]), text)


def _day(found: re.Match[str]) -> str:
    try:
        return words.written(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def _failed(found: re.Match[str]) -> str:
    source, topic = found.groups()
    return f"“{words.topic(source, topic)}” from {words.source(source)} failed"


def _doors(notice: models.Notification, visit: Visit) -> tuple[Door, ...]:
    """Those that this reader can open."""
    known = (_DECISIONS.get(notice.kind), _DOORS.get(notice.entity_kind or ""))
    return tuple(
        door._replace(path=door.path.format(notice.entity_id))
        for door in known
        if door is not None and visit.may(door.takes)
    )


def _moment(text: str) -> datetime:
    try:
        return moments.from_text(text)
    except (ValueError, OverflowError):
        raise Invalid("until", "is not a time") from None
