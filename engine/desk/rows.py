"""Requests as plain dictionaries, as the command line prints them; nobody is named in them."""

from __future__ import annotations

from typing import Any

from ..store import models
from . import moves

Row = dict[str, Any]

REQUEST = {
    "id": "Id",
    "type": "Asked for",
    "state": "State",
    "due": "Due",
    "regime": "Regime",
    "source": "Came through",
    "received_at": "Received",
}
REQUEST_IN_FULL = REQUEST | {
    "jurisdiction": "Jurisdiction",
    "subject_id": "Data subject",
    "acknowledge_by": "Acknowledge by",
    "acknowledged_at": "Acknowledged",
    "verified_by": "Identity",
    "verified_at": "Verified",
    "extended_at": "Extended",
    "decision": "Decision",
    "denial_reason": "Denied because",
    "responded_at": "Answered",
    "closed_at": "Closed",
    "actions": "Next",
}
DRY_RUN = {"type": "Asked for", "effect": "What would happen", "counts": "About", "blocked": "In the way"}

_KEPT = (
    "id", "tenant_id", "type", "state", "due", "regime", "jurisdiction", "source", "subject_id", "received_at",
    "acknowledge_by", "acknowledged_at", "verified_by", "verified_at", "extended_at", "decision",
    "denial_reason", "responded_at", "closed_at", "duplicate_of", "language", "clock",
)  # fmt: skip


def request(row: models.RightsRequest) -> Row:
    """A request with its clock, and the acts that its state allows."""
    return {**{name: getattr(row, name) for name in _KEPT}, "actions": moves.allowed(row)}
