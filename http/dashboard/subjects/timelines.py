"""What happened to one person's data, as lines of one list: each with its kind, its words and its door."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ....engine.rights import consent_carry
from ....engine.services.subjects import timeline
from ....engine.services.subjects.timeline import Entry
from ....engine.store import models
from .. import words
from ..screens import Visit

_PER_PAGE = 30
KINDS: Mapping[str, str] = {
    "event": "Events",
    "consent": "Consents",
    "processing_activity": "Activities",
    "rights_request": "Requests",
}
ICONS: Mapping[str, str] = {
    "event": "events",
    "consent": "audit",
    "processing_activity": "activities",
    "rights_request": "requests",
}
_Words = tuple[str, str, str, str, str]
"""Title, detail, badge, tone and path of a line."""
_CONSENT_TONES = {"granted": "good", "pending": "warn", "denied": "bad", "withdrawn": "bad"}
_REGISTRATION_TONES = {"registered": "good", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. ``path`` is where more of it is, below the dashboard; empty where nothing is."""

    at: datetime
    kind: str
    icon: str
    title: str
    detail: str
    badge: str
    tone: str
    path: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of it. ``kind`` is the filter, empty for all."""

    lines: list[Line]
    kind: str
    cursor: str | None
    paged: bool


def of(visit: Visit, people: Sequence[str]) -> Timeline:
    """``?kind=`` and ``?cursor=`` of the address choose the page. Raises Invalid for a foreign cursor."""
    kind, cursor = visit.query.get("kind", ""), visit.query.get("cursor")
    kinds = (kind,) if kind in KINDS else timeline.KINDS
    page = timeline.of_people(visit.tenant_id, people, kinds=kinds, told=True, limit=_PER_PAGE, cursor=cursor)
    undone = consent_carry.undone(people) if any(one.kind == "consent" for one in page.rows) else set()
    lines = [_line(entry, undone) for entry in page.rows]
    return Timeline(lines, kind if kind in KINDS else "", page.next_cursor, cursor is not None)


def consent_tone(state: str) -> str:
    """The tone of a consent's state: neither yes nor no is quiet."""
    return _CONSENT_TONES.get(state, "quiet")


def registration_tone(state: str) -> str:
    """The tone of where an activity's registration stands."""
    return _REGISTRATION_TONES.get(state, "live")


def _line(entry: Entry, undone: set[str]) -> Line:
    row = entry.row
    title, detail, badge, tone, path = _TOLD[entry.kind](row)
    if row.id in undone:
        badge, tone = "taken back", "quiet"
    return Line(entry.at, entry.kind, ICONS[entry.kind], title, detail, badge, tone, path)


def _event(row: models.Event) -> _Words:
    detail = f"from {words.source(row.source)}"
    tone = words.STATE_TONES.get(row.state, "quiet")
    return words.topic(row.source, row.topic), detail, row.state, tone, f"/events/{row.id}"


def _consent(row: models.Consent) -> _Words:
    title = f"Consent: {words.plain(row.purpose)}, {words.channel(row.channel)}"
    detail = f"said through {words.source(row.source)}"
    path = f"/events/{row.event_id}" if row.event_id else ""
    return title, detail, words.plain(row.state), consent_tone(row.state), path


def _activity(row: models.ProcessingActivity) -> _Words:
    detail = f"for {words.plain(row.purpose)}, on {words.basis(row.legal_basis)}"
    state, index = row.registration_state, row.log_index
    badge = f"log entry {index:,}" if index is not None else words.plain(state)
    title = words.plain(row.activity_type).capitalize()
    return title, detail, badge, registration_tone(state), f"/activities/{row.id}"


def _request(row: models.RightsRequest) -> _Words:
    title = f"Request: {words.REQUEST_TYPES.get(row.type, words.plain(row.type))}"
    tone = "quiet" if row.closed_at is not None else "live"
    return (
        title,
        f"through {words.source(row.source)}",
        words.plain(row.state),
        tone,
        f"/requests/{row.id}",
    )


_TOLD: Mapping[str, Callable[[Any], _Words]] = {
    "event": _event,
    "consent": _consent,
    "processing_activity": _activity,
    "rights_request": _request,
}
