"""Deliveries that came under a restriction go on when it is lifted: each back to its matching, in order."""

from __future__ import annotations

from .. import moments
from ..core import Core
from ..platforms.activities import RESTRICTED_STORAGE
from ..steps import limited
from ..store import models, quick
from .people import family

_BACK_TO = {"webhook": "match", "data_subject": "link"}
ACT = "restriction.lifted"


def release(core: Core, subject: models.DataSubject, actor: str) -> int:
    """Send every delivery that was stored and not used back to its matching, inside a transaction that holds
    the subject; how many. The relay hands them out by their age.

    That each was stored has an activity already; what is done with it now gets one of its own.
    """
    ids, event = [one.id for one in family(subject)], models.Event
    query = event.select(*_columns()).where(
        event.tenant_id == subject.tenant_id, event.subject_id.in_(ids), event.workflow.in_(list(_BACK_TO))
    )
    waiting = [row for row in core.store.for_update(query.order_by(event.seq)) if limited.stored(row)]
    waiting = [row for row in waiting if row.state != "discarded"]
    for row in waiting:
        _send_back(core, row, actor)
    return len(waiting)


def _columns() -> list[object]:
    return [field for name, field in models.Event._meta.fields.items() if name != "payload_sealed"]


def _send_back(core: Core, event: models.Event, actor: str) -> None:
    """A worker that has it in hand loses it, because its version moves."""
    now, step = core.clock(), _BACK_TO[event.workflow]
    entry = {"at": moments.to_text(now), "step": event.step, "act": ACT, "actor": actor}
    changes = {
        "state": "received",
        "step": step,
        "version": event.version + 1,
        "attempts": 0,
        "error": None,
        "result": {},
        "due_at": now,
        "message_id": None,
        "updated_at": now,
        "history": [*event.history, entry],
    }
    quick.update(models.Event, {"id": event.id}, changes)
    activity = models.ProcessingActivity
    mere_storage = activity.activity_type == RESTRICTED_STORAGE.activity_type
    activity.update(event_id=None).where(activity.event_id == event.id, mere_storage).execute()
