"""Failed events decided about together: those of one cause or since a time, tried again or given up.

The rule: who asks only writes down which events are meant: those that have failed by now, up to the newest that
there is (``until_seq``). A workflow of its own decides about them in batches, in their order, and never looks
back: so what fails again isn't tried twice, what fails meanwhile isn't given up unseen, and a crash costs the
batch that hadn't committed, which comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL, Case, fn

from ... import moments
from ...core import Core
from ...errors import Conflict
from ...lookups import identifier, there
from ...store import models, quick
from .. import acts
from . import decisions
from .failures import ANY, Cause

BATCH = 64
"""Events of one transaction: about as long as nobody minds to wait for their turn to write."""
MOST = 1000
"""Of what failed again no more are counted."""

_FAILED: Any = models.Event.state == SQL(
    "'failed'"
)  # spelled out: a partial index isn't found by a parameter
_NAMED: Any = models.Event.workflow > ""  # always so; it leads planners to the index of failed events
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """Which failed events, and what is to become of them: tried again, or given up for ``discard_reason``.
    Without a cause or a time all of them are meant."""

    cause: Cause | None = None
    since: datetime | None = None
    discard_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where it stands. ``run`` is the event that carries it on, None once it was tidied away; ``failed_again``
    counts no further than ``MOST``."""

    row: models.BulkReplay
    run: models.Event | None
    failed_again: int

    @property
    def passed_over(self) -> int:
        """Chosen, and not failed any more when their turn came: somebody was faster."""
        return max(0, self.row.chosen - self.row.decided) if self.row.finished_at else 0


def ask(core: Core, tenant_id: str, wish: Wish, actor: str) -> models.BulkReplay:
    """Have every failed event that fits decided about; the work itself goes on in the background. Raises
    Invalid (reason), or Conflict where nothing fits."""
    reason = None if wish.discard_reason is None else decisions.clean_reason(wish.discard_reason)
    cause = wish.cause or ANY
    with core.store.transaction():
        event, now = models.Event, core.clock()
        fits = [*_fitting(tenant_id, cause, wish.since), _NAMED, _failed_by(now)]
        query = event.select(fn.MIN(event.seq), fn.COUNT(event.seq)).where(*fits)
        first, count = query.scalar(as_tuple=True)
        newest = event.select(fn.MAX(event.seq)).where(event.tenant_id == tenant_id).scalar()
        if not count:
            raise Conflict("no failed event fits this any more; somebody was faster")
        row = models.BulkReplay.create(
            id=core.new_id(), tenant_id=tenant_id, actor=actor, workflow=cause.workflow, step=cause.step,
            error=cause.error, since=wish.since, discard_reason=reason, from_seq=first, after_seq=first - 1,
            until_seq=newest, chosen=count, decided=0, created_at=now, force_insert=True,
        )  # fmt: skip
        _record(core, row)
    core.bell.set()
    return row


def _record(core: Core, row: models.BulkReplay) -> None:
    since = None if row.since is None else moments.to_text(row.since)
    changed = {"error": row.error, "since": since, "reason": row.discard_reason}
    kind = "events.replay_asked" if row.discard_reason is None else "events.discard_asked"
    about = {"replay": row.id, "workflow": row.workflow, "step": row.step, "events": row.chosen}
    acts.record_all(core, row.tenant_id, row.actor, [acts.Act(kind, about, changed)])


def go_on(core: Core, row: models.BulkReplay) -> int:
    """Decide about the next batch, in the caller's transaction and with the row locked; returns about how many
    it was. The row says whether that was the last."""
    event, now = models.Event, core.clock()
    cause = Cause(row.workflow, row.step, row.error)
    fits = [*_fitting(row.tenant_id, cause, row.since), _failed_by(row.created_at)]
    ahead = (event.seq > row.after_seq, event.seq <= row.until_seq)
    query = event.select(*decisions.COLUMNS).where(*fits, *ahead).order_by(event.seq).limit(BATCH)
    events = list(query)
    reason = row.discard_reason
    decision = decisions.replaying(now) if reason is None else decisions.discarding(reason)
    decided = len(decisions.take(core, row.tenant_id, events, decision, row.actor))
    row.after_seq = events[-1].seq if len(events) == BATCH else row.until_seq
    row.decided += decided
    row.finished_at = now if row.after_seq >= row.until_seq else None
    names = ("after_seq", "decided", "finished_at")
    quick.update(models.BulkReplay, {"id": row.id}, {name: getattr(row, name) for name in names})
    return decided


def show(tenant_id: str, replay_id: str) -> Progress:
    """One, and how far it came. Raises NotFound."""
    missing = "no such replay"
    wanted = identifier(replay_id, missing)
    row = there(models.BulkReplay.get_or_none(id=wanted, tenant_id=tenant_id), missing)
    event = models.Event
    carrier = event.select(*decisions.COLUMNS).where(
        event.tenant_id == tenant_id,
        event.seq > row.until_seq,  # captured when it was asked for, and so among the first behind
        event.workflow == "bulk_replay",
        event.entity_id == row.id,
    )
    return Progress(row, carrier.order_by(event.seq).first(), _failed_again(row))


def recent(tenant_id: str) -> Sequence[models.BulkReplay]:
    """The last few, newest first."""
    row = models.BulkReplay
    query = row.select().where(row.tenant_id == tenant_id).order_by(row.created_at.desc())
    return list(query.limit(_SHOWN))


def _failed_again(row: models.BulkReplay) -> int:
    """Events that failed after they were tried again, whatever they failed of."""
    if row.discard_reason is not None:
        return 0
    event: Any = models.Event
    fits = _fitting(row.tenant_id, Cause(row.workflow, None, None), row.since)
    # Of a sum there is no index: the one of failed events is read, which knows all that is asked here.
    fits += [_NAMED, event.seq + 0 >= row.from_seq, event.seq + 0 <= row.after_seq]
    again = event.select(event.seq).where(*fits, event.updated_at > row.created_at)
    return int(again.limit(MOST).count())


def _failed_by(moment: datetime) -> Any:
    """Failed already when somebody asked. Said as a case: no planner takes an index on times for it."""
    return Case(None, [(models.Event.updated_at <= moment, 1)], 0) == 1


def _fitting(tenant_id: str, cause: Cause, since: datetime | None) -> list[Any]:
    """The failed events that are meant."""
    event = models.Event
    fits = [event.tenant_id == tenant_id, _FAILED]
    if since is not None:
        fits.append(event.received_at >= since)
    named = ((event.workflow, cause.workflow), (event.step, cause.step), (event.error, cause.error))
    return fits + [column == value for column, value in named if value is not None]
