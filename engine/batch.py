"""What the events of one message share: their preparation, their leaves, and the messages they go on in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from . import announcing, machine, moments, notices, retry
from .chain import Chain, Lost
from .core import Core
from .faults import describe
from .outbox import BATCH, Dispatch, Outbox
from .report import Report
from .steps import Prepare, Prepared, Step, find, nothing
from .store import models

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Batch:
    """The working state of one message. ``prepared`` has what each function made that prepared something."""

    core: Core
    tenant_id: str
    family: str
    prepared: dict[Prepare, Prepared]
    report: Report
    now: datetime
    _mark: int | None = None
    """The newest event's ``seq`` before this message wrote anything."""
    _grown: bool = False
    _messages: dict[tuple[str, str], tuple[str, list[str]]] = field(default_factory=dict)
    """(workflow, step) to go on with → (message id, ids of the events committed to it)"""

    def runs(self, workflow: str, step: str) -> bool:
        """Whether this step can run here: its queue is this one, and all it needs is prepared."""
        if step == machine.DONE or machine.queue_family(workflow, step) != self.family:
            return False
        return find(workflow, step).prepare in self.prepared

    def begin(self) -> None:
        """In a transaction that is about to run events: what the database captures from here on is theirs."""
        if self._mark is None and self.family == machine.WORKFLOW:  # steps of other families bring forth none
            self._mark = Outbox(self.core).newest(self.tenant_id)

    def restart(self) -> None:
        """The last transaction was undone, with whatever it brought forth: what comes now is sought anew."""
        self._grown = False

    def offspring(self) -> list[models.Event]:
        """Events that the database captured since this message began, as far as they can run here; once. A step
        that prepares something can't: it was prepared for the message's own events alone."""
        if self._grown or self._mark is None:
            return []
        self._grown = True
        room = dict.fromkeys(machine.WORKFLOWS, BATCH)  # what follows from them must fit into one message
        found = []
        for event in Outbox(self.core).captured(self.tenant_id, self._mark):
            step = find(event.workflow, event.step)
            if step.prepare is nothing and room.get(event.workflow) and self.runs(event.workflow, event.step):
                room[event.workflow] -= 1
                found.append(event)
        return found

    def stop(self, chain: Chain, step: Step, error: BaseException) -> None:
        """The chain ends with a failure: wait for the next attempt, or fail and say so."""
        attempt, policy = chain.event.attempts + 1, step.policy or self.core.policy
        decision = retry.decide(attempt, error, policy, self.core.spread)
        chain.alert = retry.alert(attempt, decision, policy)
        if decision.retry_in is not None:
            chain.wait(describe(error), decision.retry_in)
            return
        chain.fail(describe(error))
        step.on_failure(self.core, chain.event)
        notices.event_failed(self.core, chain.event)
        announcing.event_failed(self.core, chain.event)

    def commit(self, chain: Chain) -> None:
        """Move the event's row, and lease it to the message it goes on in. Raises Lost."""
        if chain.travels:
            key = (chain.event.workflow, chain.event.step)
            message_id = self._messages.setdefault(key, (self.core.new_id(), []))[0]
            chain.travel(message_id, moments.after(self.now, self.core.dispatch_lease))
        chain.commit()

    def fail(self, event: models.Event, step: Step, error: BaseException) -> list[Chain]:
        """Write down that this step failed for the event; nothing when somebody else moved it first."""
        chain = Chain(event, self.now)
        try:
            with self.core.store.savepoint():
                self.stop(chain, step, error)
                chain.commit()
        except Lost:
            return []
        return [chain]

    def append(self, chains: Sequence[Chain]) -> None:
        """All that these chains have for the audit log, at once: one signature."""
        leaves = [leaf for chain in chains for leaf in chain.leaves]
        if leaves:
            self.core.log.append(self.tenant_id, leaves)

    def account(self, chains: Sequence[Chain]) -> None:
        """What is committed counts, and who is to hear of used up attempts hears now."""
        for chain in chains:
            event = chain.event
            self.report.add(chain)
            if chain.travels:
                self._messages[event.workflow, event.step][1].append(event.id)
            if chain.alert is not None:
                told = {"event_id": event.id, "tenant_id": event.tenant_id, "step": event.step}
                logger.warning("attempts_used", **told, attempts=event.attempts, percent=chain.alert)

    def follow_ups(self) -> list[Dispatch]:
        """The messages that what is committed goes on in."""
        return [
            Dispatch(message_id, self.tenant_id, workflow, step, tuple(ids))
            for (workflow, step), (message_id, ids) in self._messages.items()
            if ids  # none, when all of them were lost to somebody faster
        ]
