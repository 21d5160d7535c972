"""Events that are due, and who has them: the event table seen as an outbox.

``due_at`` says when an event must be handed to a worker. Handing it over moves ``due_at`` one dispatch lease
ahead and notes the message's id; a step that commits moves it again. So whatever is lost in between (Redis
wiped, a worker killed, this process gone before the enqueue) comes due by itself: recovery is the normal path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from . import moments
from .core import Core
from .store import models

BATCH = 64
"""Events of one tenant and step that travel in one message and commit in one transaction."""

ACTIVE = ("received", "running", "retrying")


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One message to be: up to ``BATCH`` events of one tenant at one step."""

    message_id: str
    tenant_id: str
    workflow: str
    step: str
    event_ids: tuple[str, ...]


Known = Callable[[Iterable[str]], set[str]]
"""Asks the dispatcher which of these message ids it still has."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """All processes may run one; claims are exclusive."""

    core: Core

    def due(self, limit: int, busy: Iterable[str] = ()) -> list[models.Event]:
        """Events whose time has come, oldest first, without those of ``busy`` tenants: only the columns a
        dispatch needs."""
        event = models.Event
        query = (
            event.select(event.id, event.tenant_id, event.workflow, event.step, event.message_id, event.seq)
            .where(event.due_at <= self.core.clock())
            .order_by(event.seq)
            .limit(limit)
        )
        excluded = list(busy)
        if excluded:
            query = query.where(event.tenant_id.not_in(excluded))
        with self.core.store.reachable():
            return list(query)

    def claim(self, rows: Sequence[models.Event], known: Known) -> list[Dispatch]:
        """Take due rows for dispatch. Those whose message the dispatcher still has only get a longer lease."""
        held = known({row.message_id for row in rows if row.message_id})
        waiting = [row for row in rows if row.message_id in held]
        fresh = [row for row in rows if row.message_id not in held]
        dispatches = []
        with self.core.store.transaction():
            if waiting:
                self._lease([row.id for row in waiting], None)
            for group in _groups(fresh):
                message_id = self.core.new_id()
                taken = self._lease([row.id for row in group], message_id)
                ids = tuple(row.id for row in group if row.id in taken)
                if ids:
                    first = group[0]
                    dispatches.append(Dispatch(message_id, first.tenant_id, first.workflow, first.step, ids))
        return dispatches

    def claimed(self) -> dict[str, str]:
        """Event id → message id of everything that was handed over, or was about to be."""
        event = models.Event
        query = event.select(event.id, event.message_id).where(
            event.due_at.is_null(False), event.message_id.is_null(False)
        )
        with self.core.store.reachable():
            return dict(query.tuples())

    def release(self, event_ids: Iterable[str]) -> None:
        """What couldn't be handed over is due again at once."""
        event = models.Event
        with self.core.store.transaction():
            event.update(due_at=self.core.clock(), message_id=None).where(
                event.id.in_(list(event_ids)), event.state.in_(ACTIVE)
            ).execute()

    def postpone(self, event_ids: Iterable[str], seconds: float) -> None:
        """Nothing is wrong with these events, only with the moment: due again a little later, no try spent."""
        event = models.Event
        with self.core.store.transaction():
            event.update(due_at=moments.after(self.core.clock(), seconds), message_id=None).where(
                event.id.in_(list(event_ids)), event.state.in_(ACTIVE)
            ).execute()

    def release_all(self) -> int:
        """The dispatcher lost everything it had: every event under way is due again. Returns how many."""
        event = models.Event
        with self.core.store.transaction():
            return int(
                event.update(due_at=self.core.clock(), message_id=None)
                .where(event.due_at.is_null(False), event.message_id.is_null(False))
                .execute()
            )

    def next_due(self) -> datetime | None:
        """When the next event comes due, None while nothing is under way."""
        event = models.Event
        with self.core.store.reachable():
            row = event.select(event.due_at).where(event.due_at.is_null(False)).order_by(event.due_at).first()
        return None if row is None else row.due_at

    def _lease(self, ids: Sequence[str], message_id: str | None) -> set[str]:
        event, now = models.Event, self.core.clock()
        changes: dict[str, object] = {"due_at": moments.after(now, self.core.dispatch_lease)}
        if message_id is not None:
            changes["message_id"] = message_id
        query = event.update(**changes).where(event.id.in_(list(ids)), event.due_at <= now)
        return {str(row.id) for row in query.returning(event.id).execute()}


def _groups(rows: Sequence[models.Event]) -> list[list[models.Event]]:
    """Rows of one tenant, workflow and step together, in order, at most ``BATCH`` in a group."""
    groups: list[list[models.Event]] = []
    open_groups: dict[tuple[str, str, str], list[models.Event]] = {}
    for row in rows:
        key = (row.tenant_id, row.workflow, row.step)
        group = open_groups.get(key)
        if group is None or len(group) >= BATCH:
            group = open_groups[key] = []
            groups.append(group)
        group.append(row)
    return groups
