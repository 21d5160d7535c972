"""What came in and what became of it: look, replay, discard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, get_args

from ...core import Core
from ...errors import Conflict, Invalid, NotFound
from ...identity import did
from ...store import models
from . import decisions

State = Literal["received", "running", "retrying", "done", "failed", "discarded"]
STATES: tuple[str, ...] = get_args(State)
REPLAYABLE = ("failed", "discarded")
REASON_LENGTH = decisions.REASON_LENGTH
NO_REASON = "no reason given"
COLUMNS = decisions.COLUMNS
"""What a list reads of an event: everything but the body."""


def listing(
    tenant_id: str | None,
    *,
    state: str | None = None,
    source: str | None = None,
    q: str | None = None,
    limit: int = 50,
) -> list[models.Event]:
    """Newest first, of one tenant or of all; for the command line, which waits for however long it takes
    (``event_search`` doesn't). ``q`` looks in topic, error and id."""
    event = models.Event
    query = event.select(*COLUMNS).order_by(event.seq.desc()).limit(limit)
    if tenant_id is not None:
        query = query.where(event.tenant_id == tenant_id)
    if state is not None:
        if state not in STATES:
            raise Invalid("state", f"{state[:40]!r}; allowed are {', '.join(STATES)}")
        query = query.where(event.state == state)
    if source is not None:
        query = query.where(event.source == source)
    if q:
        query = query.where(event.topic.contains(q) | event.error.contains(q) | (event.id == id_or_none(q)))
    return list(query)


def show(tenant_id: str | None, event_id: str) -> models.Event:
    """One event. Raises NotFound."""
    identifier = id_or_none(event_id)
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
    return _decide(core, event, decisions.replaying(core.clock()), actor)


def discard(core: Core, tenant_id: str | None, event_id: str, reason: str, actor: str) -> models.Event:
    """Give an event up for a reason that stays with it. Raises NotFound, Invalid or Conflict."""
    event = show(tenant_id, event_id)
    decision = decisions.discarding(reason)
    if event.state in ("done", "discarded"):
        raise Conflict(f"this event is {event.state}; there is nothing to discard")
    return _decide(core, event, decision, actor)


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
        query = query.where(event.id.in_([known for known in map(id_or_none, ids) if known]))
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


def _decide(core: Core, event: models.Event, decision: decisions.Decision, actor: str) -> models.Event:
    with core.store.transaction():
        if not decisions.take(core, event.tenant_id, [event], decision, actor):
            raise Conflict("this event has just moved; look again")
    core.bell.set()
    return show(event.tenant_id, event.id)


def id_or_none(text: str) -> str | None:
    """The id that this text spells, if it spells one."""
    try:
        return did.canonical(text)
    except Invalid:
        return None
