"""Events: the list with its filters, one event with its way, replay and discard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....engine import machine, steps
from ....engine.access.roles import Permission
from ....engine.errors import IllegalMove, Invalid
from ....engine.outbox import ACTIVE
from ....engine.services.traffic import event_search, events
from ....engine.store import models
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import advice, drawing, event_filters, path

_TABS = ("failed", "retrying", "running", "received", "done", "discarded")  # what needs a person comes first
_PER_PAGE = 50
_FOLLOWING = 8


def screens(shared: Desk) -> dict[str, Screen]:
    """The list, one event, and what may be done with it."""
    look, act = Permission.LOOK, Permission.ACT
    return {
        "/events": Screen(shared, get=Way(listing, look)),
        "/events/{event_id}": Screen(shared, get=Way(show, look)),
        "/events/{event_id}/replay": Screen(shared, post=Way(replay, act)),
        "/events/{event_id}/discard": Screen(shared, post=Way(discard, act)),
    }


@dataclass(frozen=True, slots=True)
class Traces:
    """What an event left behind: the rows a reader will want to see next."""

    connector: models.Connector | None
    subject: models.DataSubject | None
    activity: models.ProcessingActivity | None
    request: models.RightsRequest | None
    following: list[models.Event]
    """The next events about the same data subject."""


def listing(visit: Visit) -> Page | Redirect:
    """The filters of ``event_filters``, and ``?before=`` (a seq)."""
    connectors = _connectors(visit.tenant_id)
    asked = event_filters.read(visit.query, connectors)
    if any(name in visit.query and name not in asked.given for name in event_filters.FIELDS):
        return Redirect(f"{visit.base}/events{asked.query()}")  # a form sends its empty fields too
    found = event_search.Found([])
    if not asked.wrong:
        found = event_search.search(visit.tenant_id, asked.filters, limit=_PER_PAGE, before=asked.before)
    values = {
        "asked": asked,
        "state": asked.filters.state,
        "states": _TABS,
        "chips": asked.chips(connectors),
        "connectors": connectors,
        "sources": event_search.SOURCES,
        "workflows": tuple(machine.WORKFLOWS),
        "found": found,
        "window": event_search.WINDOW,
    }
    return Page("traffic/events.html", values, 422 if asked.wrong else 200)


def show(visit: Visit) -> Page:
    """One event."""
    return _page(visit)


def replay(visit: Visit) -> Redirect:
    """Try again, then back to where the button was."""
    events.replay(visit.core, visit.tenant_id, visit.path["event_id"], visit.signed.actor)
    return Redirect(visit.back, note="event.replayed")


def discard(visit: Visit) -> Page | Redirect:
    """Give up, with a reason; without one the form comes back."""
    reason = visit.form.get("reason", "")
    try:
        events.discard(visit.core, visit.tenant_id, visit.path["event_id"], reason, visit.signed.actor)
    except Invalid as error:
        return _page(visit, reason=reason, refusal=error.detail)
    return Redirect(f"{visit.base}/events/{visit.path['event_id']}", note="event.discarded")


def _page(visit: Visit, *, reason: str = "", refusal: str = "") -> Page:
    event = events.show(visit.tenant_id, visit.path["event_id"])
    most = _most_attempts(visit, event)
    values = {
        "event": event,
        "stops": path.of(event, visit.signed.actor),
        "drawing": drawing.of(event),
        "traces": _traces(event),
        "advice": advice.of(event.workflow, event.step, event.error),
        "gave_up_early": event.state == "failed" and event.attempts < most,
        "max_attempts": most,
        "under_way": event.state in ACTIVE,
        "ignored": event.state == "done" and not event.history,
        "replayable": event.state in events.REPLAYABLE,
        "discardable": event.state not in ("done", "discarded"),
        "reason_length": events.REASON_LENGTH,
        "reason": reason,
        "refusal": refusal,
    }
    return Page("traffic/event.html", values, 422 if refusal else 200)


def _most_attempts(visit: Visit, event: models.Event) -> int:
    """How often its step is tried."""
    try:
        policy = steps.find(event.workflow, event.step).policy
    except IllegalMove:  # done, or a step of another version
        policy = None
    return (policy or visit.core.policy).max_attempts


def _traces(event: models.Event) -> Traces:
    here = {"tenant_id": event.tenant_id}
    own = event.workflow == "processing_activity"
    activity = {"id": event.entity_id} if own else {"event_id": event.id}
    asked = {"id": event.entity_id} if event.workflow == "rights_request" else {"event_id": event.id}
    return Traces(
        connector=models.Connector.get_or_none(id=event.connector_id, **here),
        subject=models.DataSubject.get_or_none(id=event.subject_id, **here) if event.subject_id else None,
        activity=models.ProcessingActivity.get_or_none(**activity, **here),
        request=models.RightsRequest.get_or_none(**asked, **here),
        following=_following(event) if event.subject_id else [],
    )


def _following(event: models.Event) -> list[models.Event]:
    other: Any = models.Event
    query = other.select(*events.COLUMNS).where(
        other.tenant_id == event.tenant_id,
        other.subject_id == event.subject_id,
        other.seq + 0 > event.seq,  # of a sum there is no index: the person's own is taken
    )
    return list(query.order_by(other.received_at, other.seq).limit(_FOLLOWING))


def _connectors(tenant_id: str) -> dict[str, str]:
    """Names of connectors by id, as they are listed."""
    row = models.Connector
    rows = row.select(row.id, row.name, row.platform).where(row.tenant_id == tenant_id)
    return {one.id: one.name for one in rows.order_by(row.created_at, row.id)}
