"""What came in and what became of it: look, replay, discard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from .. import moments
from ..core import Core
from ..errors import Conflict, Invalid, NotFound
from ..identity import did
from ..store import models
from . import acts

STATES = ("received", "running", "retrying", "done", "failed", "discarded")
REPLAYABLE = ("failed", "discarded")
REASON_LENGTH = 500
NO_REASON = "no reason given"


def listing(
    tenant_id: str | None,
    *,
    state: str | None = None,
    source: str | None = None,
    q: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[models.Event]:
    """Newest first. ``q`` looks in topic, error and id; ``before`` is a ``seq`` to continue from."""
    event = models.Event
    columns = [field for name, field in event._meta.fields.items() if name != "payload_sealed"]
    query = event.select(*columns).order_by(event.seq.desc()).limit(limit)
    if tenant_id is not None:
        query = query.where(event.tenant_id == tenant_id)
    if state is not None:
        if state not in STATES:
            raise Invalid("state", f"{state[:40]!r}; allowed are {', '.join(STATES)}")
        query = query.where(event.state == state)
    if source is not None:
        query = query.where(event.source == source)
    if q:
        query = query.where(event.topic.contains(q) | event.error.contains(q) | (event.id == _id_or_none(q)))
    if before is not None:
        query = query.where(event.seq < before)
    return list(query)


def show(tenant_id: str | None, event_id: str) -> models.Event:
    """One event. Raises NotFound."""
    identifier = _id_or_none(event_id)
    query = models.Event.select().where(models.Event.id == identifier)
    if tenant_id is not None:
        query = query.where(models.Event.tenant_id == tenant_id)
    event: models.Event | None = query.first() if identifier is not None else None
    if event is None:
        raise NotFound("no such event")
    return event


def replay(core: Core, tenant_id: str | None, event_id: str, actor: str) -> models.Event:
    """Try a failed or discarded event again, from the step where it stopped, with all its attempts.

    Raises NotFound, or Conflict for an event that hasn't stopped.
    """
    event = show(tenant_id, event_id)
    if event.state not in REPLAYABLE:
        raise Conflict(f"this event is {event.state}; only failed and discarded ones can be replayed")
    now = core.clock()
    changes = {"state": "received", "attempts": 0, "error": None, "due_at": now, "message_id": None}
    return _decide(core, event, changes, "event.replayed", actor, {})


def discard(core: Core, tenant_id: str | None, event_id: str, reason: str, actor: str) -> models.Event:
    """Give an event up for a reason that stays with it. Raises NotFound, Invalid or Conflict."""
    event = show(tenant_id, event_id)
    clean = " ".join(reason.split())
    if not clean or len(clean) > REASON_LENGTH:
        raise Invalid("reason", f"must have 1 to {REASON_LENGTH} characters")
    if event.state in ("done", "discarded"):
        raise Conflict(f"this event is {event.state}; there is nothing to discard")
    changes = {"state": "discarded", "due_at": None, "message_id": None}
    return _decide(core, event, changes, "event.discarded", actor, {"reason": clean})


def replay_many(
    core: Core,
    tenant_id: str | None,
    actor: str,
    *,
    error: str | None = None,
    since: datetime | None = None,
    ids: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Replay every failed event that fits: ``error`` is a part of its error, ``since`` its receipt. Returns
    how many were replayed; ``progress`` is told (done, of) after each."""
    event = models.Event
    query = event.select(event.id).where(event.state == "failed").order_by(event.seq)
    if tenant_id is not None:
        query = query.where(event.tenant_id == tenant_id)
    if error:
        query = query.where(event.error.contains(error))
    if since is not None:
        query = query.where(event.received_at >= since)
    if ids is not None:
        query = query.where(event.id.in_([known for known in map(_id_or_none, ids) if known]))
    chosen = [row.id for row in query]
    replayed = 0
    for number, event_id in enumerate(chosen, 1):
        try:
            replay(core, tenant_id, event_id, actor)
            replayed += 1
        except (Conflict, NotFound):  # somebody else was faster: it is no longer failed
            replayed += 0
        if progress is not None:
            progress(number, len(chosen))
    return replayed


def _decide(
    core: Core,
    event: models.Event,
    changes: Mapping[str, object],
    kind: str,
    actor: str,
    extra: dict[str, str],
) -> models.Event:
    model, now = models.Event, core.clock()
    entry = {"at": moments.to_text(now), "step": event.step, "act": kind, "actor": actor, **extra}
    with core.store.transaction():
        moved = (
            model.update(
                version=event.version + 1, updated_at=now, history=[*event.history, entry], **changes
            )
            .where(model.id == event.id, model.version == event.version)
            .execute()
        )
        if moved != 1:
            raise Conflict("this event has just moved; look again")
        changed = {"from": event.state, "to": str(changes.get("state")), **extra}
        body = {"event": event.id, "workflow": event.workflow, "step": event.step}
        acts.record(core, event.tenant_id, kind, actor, changed, [event.subject_id], **body)
    core.bell.set()
    return show(event.tenant_id, event.id)


def _id_or_none(text: str) -> str | None:
    try:
        return did.canonical(text)
    except Invalid:
        return None
