"""Run a message: events of one tenant, each through all steps that can run here, every effect once.

The rule: an event moves only by a compare-and-set on (state, step, version), in the same transaction as the
rows its steps wrote, their audit leaves, and the address of its next message. A message that comes twice finds
nothing to move. One poison event neither rolls its neighbours back nor stops them: each runs in a savepoint of
its own, and each of its steps in one within it, so that a step that fails takes nothing but its own rows away.

What the events bring forth (a new data subject, an activity) is captured by the database as events of its own.
They run in the same transaction when their turn comes in it; of those that don't the relay hears, like of any
other: they are due.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

import structlog

from . import machine
from .batch import Batch
from .chain import Chain, Lost
from .core import Core
from .errors import Deadlock, IllegalMove, LogBroken, StaleFence, Unavailable
from .faults import describe, where
from .outbox import ACTIVE
from .report import Report
from .steps import Outcome, Step, find, nothing
from .store import DEADLOCKS, models, quick, scope

SLICE = 0.025
"""Seconds after which a batch commits what it has and goes on in a new transaction."""

logger = structlog.get_logger(__name__)


def run_step(
    core: Core,
    workflow: str,
    step_name: str,
    event_ids: Sequence[str],
    fence: int | None = None,
    report: Report | None = None,
) -> Report:
    """Run those of the events that still stand at ``step_name``, as far as they come here, in as few
    transactions as may be.

    ``fence`` is the fencing token of the tenant's lock, for steps that run under it. Raises StaleFence,
    Unavailable or TransientError when the batch as a whole couldn't run (on); what was committed before stays,
    and stands in the caller's ``report``: hand its follow-ups over all the same.
    """
    report = Report() if report is None else report
    step = find(workflow, step_name)
    events = _load(core, workflow, step_name, event_ids)
    if events:
        with scope.of(events[0].tenant_id):
            _run(core, step, events, fence, report)
    return report


def _run(core: Core, step: Step, events: Sequence[models.Event], fence: int | None, report: Report) -> None:
    workflow, step_name, event_ids = events[0].workflow, events[0].step, [event.id for event in events]
    family = machine.queue_family(workflow, step_name)
    prepared = {nothing: {}, step.prepare: step.prepare(core, events, fence)}
    batch = Batch(core, events[0].tenant_id, family, prepared, report, core.clock())
    queue, deadlocks = deque(events), 0
    try:
        while queue:
            try:
                _run_slice(batch, queue)
            except (
                Deadlock
            ):  # what was undone still stands in the database; the rows here know of their moves
                deadlocks += 1
                if deadlocks > DEADLOCKS:
                    raise
                queue = deque(_load(core, workflow, step_name, event_ids))
                batch.restart()
    finally:
        report.follow_ups += batch.follow_ups()


def _run_slice(batch: Batch, queue: deque[models.Event]) -> None:
    """One transaction: as many events as fit into ``SLICE`` seconds, so that nobody waits long for the turn to
    write; the rest stays in the queue."""
    chains = list[Chain]()
    with batch.core.store.transaction():
        started = time.monotonic()  # with the turn: who waited for it long needn't hurry
        batch.begin()
        while queue:
            chains += _run_event(batch, queue.popleft())
            if not queue:
                queue.extend(batch.offspring())
            if time.monotonic() - started > SLICE:
                break
        batch.append(chains)
    batch.account(chains)


def _run_event(batch: Batch, event: models.Event) -> list[Chain]:
    """The event's chain; none when somebody else moved it first."""
    chain = Chain(event, batch.now)
    version = event.version
    try:
        with batch.core.store.reachable(), batch.core.store.savepoint():
            _walk(batch, chain)
            batch.commit(chain)
    except Lost:
        return []
    except (Unavailable, StaleFence):
        raise
    except Exception as error:  # noqa: BLE001  # the row took none of it: the event stands where it stood
        logger.warning("move_refused", event_id=event.id, **where(error))
        stood = quick.get(models.Event, id=event.id, version=version)
        return [] if stood is None else batch.fail(stood, find(stood.workflow, stood.step), error)
    return [chain]


def _walk(batch: Batch, chain: Chain) -> None:
    """Step after step until one fails, or the next can't run here."""
    core, event = batch.core, chain.event
    while True:
        step, here = find(event.workflow, event.step), event.step
        try:
            with core.store.reachable(), core.store.savepoint():
                outcome = step.apply(core, event, batch.prepared[step.prepare])
                following = machine.move(event.workflow, event.step, outcome.name)
        except (Unavailable, StaleFence):
            raise
        except Exception as error:  # noqa: BLE001  # the step's own error: written down with the steps before it
            logger.warning("step_failed", event_id=event.id, step=event.step, **where(error))
            batch.stop(chain, step, error)
            return
        chain.move(outcome, following)
        # A step that leads to itself has more to do than one transaction should hold.
        if following == here or not batch.runs(event.workflow, following):
            return


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
    report, step = Report(), _failing(workflow, step_name)
    events = _load(core, workflow, step_name, event_ids)
    if not events:
        return report
    batch = Batch(core, events[0].tenant_id, "", {}, report, core.clock())
    with scope.of(batch.tenant_id), core.store.transaction():
        chains = [chain for event in events for chain in batch.fail(event, step, error)]
        if logged:
            batch.append(chains)
    batch.account(chains)
    return report


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


__all__ = ["SLICE", "Report", "describe", "fail_batch", "run_step", "where"]
