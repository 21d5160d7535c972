"""Run one step for a batch of events: shared transactions, every effect once.

The rule: an event moves only by a compare-and-set on (state, step, version), in the same transaction as the
rows its step wrote, its audit leaf, and the address of its next message. A message that comes twice finds
nothing to move. One poison event neither rolls its neighbours back nor stops them: each runs in a savepoint of
its own, and its failure is written down beside their success.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from . import machine, moments, notices, retry
from .core import Core
from .errors import DxflowError, IllegalMove, LogBroken, StaleFence, Unavailable
from .ledger.log import Leaf
from .outbox import ACTIVE, Dispatch
from .steps import Outcome, Step, find
from .store import models, quick

ERROR_LENGTH = 500

SLICE = 0.025
"""Seconds after which a batch commits what it has and goes on in a new transaction."""

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Report:
    """What a batch came to. ``follow_ups`` are committed and leased: enqueue them, or release their events."""

    moved: int = 0
    retrying: int = 0
    failed: int = 0
    done: int = 0
    follow_ups: list[Dispatch] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """The working state of one message: ``leaves`` are those of the transaction under way."""

    core: Core
    step: Step
    now: datetime
    prepared: Mapping[str, object]
    report: Report = field(default_factory=Report)
    leaves: list[Leaf] = field(default_factory=list)
    following: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """next step → (message id, event ids); one message, however many transactions it took to get there"""


def run_step(
    core: Core, workflow: str, step_name: str, event_ids: Sequence[str], fence: int | None = None
) -> Report:
    """Run ``step_name`` for those of the events that still stand there, in as few transactions as may be.

    ``fence`` is the fencing token of the tenant's lock, for steps that run under it. Raises StaleFence,
    Unavailable or TransientError when the batch as a whole couldn't run (on); what was committed stays.
    """
    step = find(workflow, step_name)
    events = _load(core, workflow, step_name, event_ids)
    if not events:
        return Report()
    tenant_id = events[0].tenant_id
    batch = _Batch(core, step, core.clock(), step.prepare(core, events, fence))
    while events:
        events = _run_slice(batch, events)
    batch.report.follow_ups = [
        Dispatch(message_id, tenant_id, workflow, following, tuple(ids))
        for following, (message_id, ids) in batch.following.items()
        if ids  # none, when all of them were lost to somebody faster
    ]
    return batch.report


def _run_slice(batch: _Batch, events: list[models.Event]) -> list[models.Event]:
    """One transaction: as many events as fit into ``SLICE`` seconds, so that nobody waits long for the turn to
    write. Returns those that are left."""
    core, started, ran = batch.core, time.monotonic(), 0
    batch.leaves = []
    with core.store.transaction():
        for event in events:
            _run_one(batch, event)
            ran += 1
            if time.monotonic() - started > SLICE:
                break
        if batch.leaves:
            core.log.append(events[0].tenant_id, batch.leaves)
    return events[ran:]


def fail_batch(
    core: Core, workflow: str, step_name: str, event_ids: Sequence[str], error: BaseException
) -> Report:
    """Write down that a whole message failed: every event of it waits for its next attempt, or has failed.

    Where the tenant's log itself is broken the failure is written without its leaf: people must hear of it.
    """
    try:
        return _fail(core, workflow, step_name, event_ids, error, logged=True)
    except LogBroken as broken:
        logger.error("log_broken", reason=str(broken))
        return _fail(core, workflow, step_name, event_ids, broken, logged=False)


def _fail(
    core: Core, workflow: str, step_name: str, event_ids: Sequence[str], error: BaseException, *, logged: bool
) -> Report:
    events = _load(core, workflow, step_name, event_ids)
    batch = _Batch(core, _failing(workflow, step_name), core.clock(), {})
    with core.store.transaction():
        for event in events:
            _write_failure(batch, event, error)
        if batch.leaves and logged:
            core.log.append(events[0].tenant_id, batch.leaves)
    return batch.report


def _failing(workflow: str, step_name: str) -> Step:
    """The step that failed. One that another version of dxflow left behind must be able to fail too."""

    def unknown(*_: object) -> Outcome:
        raise IllegalMove(f"no step {workflow}.{step_name}")

    try:
        return find(workflow, step_name)
    except IllegalMove:
        return Step(unknown)


def _load(core: Core, workflow: str, step: str, event_ids: Sequence[str]) -> list[models.Event]:
    with core.store.reachable():
        rows = quick.by_ids(models.Event, event_ids, workflow=workflow, step=step).values()
    return sorted((row for row in rows if row.state in ACTIVE), key=lambda row: row.seq)


def _run_one(batch: _Batch, event: models.Event) -> None:
    try:
        with batch.core.store.transaction():
            outcome = batch.step.apply(batch.core, event, batch.prepared)
            _advance(batch, event, outcome)
    except (Unavailable, StaleFence):
        raise
    except _Lost:
        return
    except Exception as error:  # noqa: BLE001  # any other error is this event's own, and is written down with it
        logger.warning("step_failed", event_id=event.id, step=event.step, **where(error))
        _write_failure(batch, event, error)


def _advance(batch: _Batch, event: models.Event, outcome: Outcome) -> None:
    following = machine.move(event.workflow, event.step, outcome.name)
    over = following == machine.DONE
    changes: dict[str, object] = dict(outcome.changes)
    changes["history"] = [*event.history, _entry(batch.now, event, {"outcome": outcome.name})]
    if over:
        changes.update(state="done", due_at=None, message_id=None)
    else:
        message_id = batch.following.setdefault(following, (batch.core.new_id(), []))[0]
        lease = moments.after(batch.now, batch.core.dispatch_lease)
        changes.update(state="running", due_at=lease, message_id=message_id)
    _compare_and_set(batch, event, {**changes, "step": following, "attempts": 0, "error": None})
    body = {
        "actor": f"workflow:{event.workflow}",
        "event": event.id,
        "workflow": event.workflow,
        "step": event.step,
        "outcome": outcome.name,
        "source": event.source,
        **outcome.leaf,
    }
    batch.leaves.append(Leaf("workflow.step", body))
    batch.report.moved += 1
    batch.report.done += over
    if not over:
        batch.following[following][1].append(event.id)


def _write_failure(batch: _Batch, event: models.Event, error: BaseException) -> None:
    core, attempt = batch.core, event.attempts + 1
    decision = retry.decide(attempt, error, core.policy, core.spread)
    text = describe(error)
    entry = _entry(batch.now, event, {"error": text, "attempt": attempt})
    changes: dict[str, object] = {
        "attempts": attempt,
        "error": text,
        "message_id": None,
        "history": [*event.history, entry],
    }
    if decision.retry_in is None:
        changes.update(state="failed", due_at=None)
    else:
        changes.update(state="retrying", due_at=moments.after(batch.now, decision.retry_in))
    try:
        _compare_and_set(batch, event, changes)
    except _Lost:
        return
    event.error = text
    if decision.failed:
        _bury(batch, event, attempt)
    else:
        batch.report.retrying += 1


def _bury(batch: _Batch, event: models.Event, attempt: int) -> None:
    batch.report.failed += 1
    batch.step.on_failure(batch.core, event)
    notices.event_failed(batch.core, event)
    body = {
        "actor": f"workflow:{event.workflow}",
        "event": event.id,
        "workflow": event.workflow,
        "step": event.step,
        "attempts": attempt,
    }
    batch.leaves.append(Leaf("workflow.failed", body))


class _Lost(Exception):
    """Somebody else moved the event first: whatever this step wrote is rolled back with its savepoint."""


def _compare_and_set(batch: _Batch, event: models.Event, changes: Mapping[str, object]) -> None:
    stands = {"id": event.id, "state": event.state, "step": event.step, "version": event.version}
    moved = quick.update(
        models.Event, stands, {"version": event.version + 1, "updated_at": batch.now, **changes}
    )
    if moved != 1:
        raise _Lost


def _entry(now: datetime, event: models.Event, what: Mapping[str, object]) -> dict[str, object]:
    return {"at": moments.to_text(now), "step": event.step, **what}


def describe(error: BaseException) -> str:
    """An error as people may read it: dxflow's own texts as they are; of others only the kind, because their
    texts can quote the data they choked on."""
    if isinstance(error, IllegalMove):
        return f"a defect in dxflow: {error}"[:ERROR_LENGTH]
    if isinstance(error, DxflowError):
        return str(error)[:ERROR_LENGTH]
    return f"unexpected {type(error).__name__}; the process log has where it happened"


def where(error: BaseException) -> dict[str, str]:
    """The kind of an error and the last places it passed, for the process log; never its text."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return {"error": type(error).__name__, "at": places}
