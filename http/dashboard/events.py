"""Events: the list by state, one event with its path, replay and discard."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.errors import Invalid
from ...engine.services import events
from ...engine.services.roles import Permission, require
from ...engine.store import models
from . import path
from .answers import Page, Redirect
from .screens import Visit

_TABS = ("failed", "retrying", "running", "received", "done", "discarded")  # what needs a person comes first
_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Traces:
    """What an event left behind: the rows a reader will want to see next."""

    connector: models.Connector | None
    subject: models.DataSubject | None
    activity: models.ProcessingActivity | None
    request: models.RightsRequest | None


def listing(visit: Visit) -> Page:
    """``?state=`` (a state; all without it) and ``?before=`` (a seq)."""
    state = visit.query.get("state") or None
    rows = events.listing(
        visit.tenant_id, state=state, limit=_PER_PAGE + 1, before=_whole(visit.query.get("before"))
    )
    values = {
        "state": state,
        "states": _TABS,
        "events": rows[:_PER_PAGE],
        "older": rows[_PER_PAGE - 1].seq if len(rows) > _PER_PAGE else None,
        "paged": "before" in visit.query,
    }
    return Page("events.html", values)


def show(visit: Visit) -> Page:
    """One event."""
    return _page(visit)


def replay(visit: Visit) -> Redirect:
    """Try again, then back to where the button was."""
    require(visit.signed.role, Permission.ACT)
    events.replay(visit.core, visit.tenant_id, visit.path["event_id"], visit.signed.actor)
    return Redirect(visit.back, note="event.replayed")


def discard(visit: Visit) -> Page | Redirect:
    """Give up, with a reason; without one the form comes back."""
    require(visit.signed.role, Permission.ACT)
    reason = visit.form.get("reason", "")
    try:
        events.discard(visit.core, visit.tenant_id, visit.path["event_id"], reason, visit.signed.actor)
    except Invalid as error:
        return _page(visit, reason=reason, refusal=error.detail)
    return Redirect(f"{visit.base}/events/{visit.path['event_id']}", note="event.discarded")


def _page(visit: Visit, *, reason: str = "", refusal: str = "") -> Page:
    event = events.show(visit.tenant_id, visit.path["event_id"])
    values = {
        "event": event,
        "stops": path.of(event, visit.signed.actor),
        "traces": _traces(event),
        "gave_up_early": event.state == "failed" and event.attempts < visit.core.policy.max_attempts,
        "unexpected": (event.error or "").startswith("unexpected "),
        "max_attempts": visit.core.policy.max_attempts,
        "replayable": event.state in events.REPLAYABLE,
        "discardable": event.state not in ("done", "discarded"),
        "reason_length": events.REASON_LENGTH,
        "reason": reason,
        "refusal": refusal,
    }
    return Page("event.html", values, 422 if refusal else 200)


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
    )


def _whole(text: str | None) -> int | None:
    """A page mark from the address; anything that isn't one means the first page."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None
