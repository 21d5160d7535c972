"""What people decide about events: try again, give up. For one event, or many in one transaction.

The rule: each event moves by a compare-and-set from where it was read, and with its entry in the audit log;
one that moved meanwhile is left alone, and costs its neighbours nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ... import moments
from ...core import Core
from ...errors import Invalid
from ...store import models, quick
from .. import acts

REASON_LENGTH = 500

COLUMNS = tuple(one for name, one in models.Event._meta.fields.items() if name != "payload_sealed")
"""What a decision reads of an event: everything but the body."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``kind`` is the act in the log and in the event's history, ``changes`` what it sets in the event's row,
    ``told`` what the history says on top."""

    kind: str
    changes: Mapping[str, object]
    told: Mapping[str, str] = field(default_factory=dict)


def replaying(now: datetime) -> Decision:
    """Again from the step where it stopped, with all its attempts."""
    again = {"state": "received", "attempts": 0, "error": None, "due_at": now, "message_id": None}
    return Decision("event.replayed", again)


def discarding(reason: str) -> Decision:
    """Given up, for a reason that stays with the event. Raises Invalid (reason)."""
    over = {"state": "discarded", "due_at": None, "message_id": None}
    return Decision("event.discarded", over, {"reason": clean_reason(reason)})


def clean_reason(reason: str) -> str:
    """The reason on one line. Raises Invalid (reason)."""
    clean = " ".join(reason.split())
    if not clean or len(clean) > REASON_LENGTH:
        raise Invalid("reason", f"must have 1 to {REASON_LENGTH} characters")
    return clean


def take(
    core: Core, tenant_id: str, events: Sequence[models.Event], decision: Decision, actor: str
) -> list[models.Event]:
    """Decide so about these events of one tenant, in the caller's transaction; returns those that still stood
    where they were read."""
    now = core.clock()
    moved = [event for event in events if _move(event, decision, actor, now)]
    acts.record_all(core, tenant_id, actor, [_act(event, decision) for event in moved])
    return moved


def _move(event: models.Event, decision: Decision, actor: str, now: datetime) -> bool:
    at = moments.to_text(now)
    entry = {"at": at, "step": event.step, "act": decision.kind, "actor": actor, **decision.told}
    changes = {"version": event.version + 1, "updated_at": now, "history": [*event.history, entry]}
    stands = {"id": event.id, "version": event.version}
    return quick.update(models.Event, stands, {**changes, **decision.changes}) == 1


def _act(event: models.Event, decision: Decision) -> acts.Act:
    body = {"event": event.id, "workflow": event.workflow, "step": event.step}
    changed = {"from": event.state, "to": str(decision.changes["state"]), **decision.told}
    return acts.Act(decision.kind, body, changed, [event.subject_id])
