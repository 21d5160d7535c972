"""The register of requests: when each came, what for and how, and what it was answered (11 CCR §7101(b); GDPR
Art. 5(2)). It names nobody: erasing a person takes nothing from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, cast

from ..store import models
from .periods import Period
from .report import Cell

TITLE = "Register of privacy requests"
COLUMNS: Mapping[str, str] = {
    "request": "Request",
    "received": "Received",
    "nature": "What for",
    "regime": "Law",
    "jurisdiction": "Jurisdiction",
    "manner": "How it came",
    "due": "Due",
    "acknowledged": "Acknowledged",
    "extended": "Extended",
    "responded": "Answered",
    "response": "Answer",
    "denial_basis": "Denied because",
    "days": "Days",
    "late": "Late",
    "state": "State",
}
NOTES = (
    "11 CCR §7101(b): the date of a request, its nature, the manner in which it was made, the date and nature "
    "of the response, and the basis of a denial. Records are kept for at least 24 months (§7101(a)).",
    "Days are calendar days from receipt to the answer. The register names nobody; requests of people who were "
    "erased stay in it.",
)

_COLUMNS = (
    "id", "received_at", "type", "regime", "jurisdiction", "source", "due", "acknowledged_at", "extended_at",
    "responded_at", "closed_at", "decision", "denial_reason", "state",
)  # fmt: skip


def rows(tenant_id: str, period: Period) -> list[Mapping[str, Cell]]:
    """One row per request received in the period, oldest first."""
    request = models.RightsRequest
    query = request.select(*(getattr(request, name) for name in _COLUMNS))
    query = query.where(request.tenant_id == tenant_id).order_by(request.received_at, request.id)
    if period.begin is not None:
        query = query.where(request.received_at >= period.begin)
    if period.end is not None:
        query = query.where(request.received_at < period.end)
    found = cast("Iterable[tuple[Any, ...]]", query.tuples())
    return [_row(dict(zip(_COLUMNS, values, strict=True)), period) for values in found]


def answered_at(state: str, responded_at: Any, closed_at: Any) -> Any:
    """When a request was answered: rows of versions before 0.3 know only when they were closed."""
    return responded_at or (closed_at if state in ("completed", "rejected") else None)


def outcome(state: str, decision: str | None) -> str | None:
    """How it ended: fulfilled, partly, denied, cancelled or duplicate; None while it is open."""
    if decision:
        return decision
    return {"completed": "fulfilled", "rejected": "denied"}.get(
        state, state if state in ("cancelled", "duplicate") else None
    )


def _row(found: Mapping[str, Any], period: Period) -> Mapping[str, Cell]:
    received = period.day(found["received_at"])
    answered = period.day(answered_at(found["state"], found["responded_at"], found["closed_at"]))
    ended = answered or period.day(found["closed_at"])
    return {
        "request": found["id"],
        "received": _text(received),
        "nature": found["type"],
        "regime": found["regime"],
        "jurisdiction": found["jurisdiction"],
        "manner": found["source"],
        "due": found["due"],
        "acknowledged": _text(period.day(found["acknowledged_at"])),
        "extended": _text(period.day(found["extended_at"])),
        "responded": _text(answered),
        "response": outcome(found["state"], found["decision"]),
        "denial_basis": found["denial_reason"],
        "days": (answered - received).days if answered and received else None,
        "late": bool(ended and found["due"] and ended.isoformat() > found["due"]),
        "state": found["state"],
    }


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
