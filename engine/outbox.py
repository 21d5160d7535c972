"""Events that are due, and who has them: the event table seen as an outbox.

``due_at`` says when an event must be handed to a worker. Handing it over moves ``due_at`` one dispatch lease
ahead and notes the message's id; a step that commits moves it again. So whatever is lost in between (Redis
wiped, a worker killed, this process gone before the enqueue) comes due by itself: recovery is the normal path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

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


class Due(NamedTuple):
    """What a dispatch needs of an event; sorts by age."""

    seq: int
    id: str
    tenant_id: str
    workflow: str
    step: str
    message_id: str | None


Known = Callable[[Iterable[tuple[str, str]]], set[str]]
"""Asks the dispatcher which of these messages, given as (tenant id, message id), it still has."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """All processes may run one; claims are exclusive."""

    core: Core

    def due(self, limit: int, busy: Iterable[str] = ()) -> list[Due]:
        """Events whose time has come, longest due first, without those of ``busy`` tenants.

        In that order the index gives them: asked by age, SQLite would read every event there ever was.
        """
        excluded = list(busy)
        others = f" AND tenant_id NOT IN ({self._marks(len(excluded))})" if excluded else ""
        statement = (
            f"SELECT seq, id, tenant_id, workflow, step, message_id FROM events WHERE due_at <= {self._mark}"  # noqa: S608  # marks and our own names only
            f"{others} ORDER BY due_at, seq LIMIT {int(limit)}"
        )
        with self.core.store.reachable():
            rows = self._execute(statement, moments.to_text(self.core.clock()), *excluded).fetchall()
        # PostgreSQL's driver makes UUID objects; ids are texts everywhere else.
        return sorted(Due(seq, str(id_), str(tenant_id), *rest) for seq, id_, tenant_id, *rest in rows)

    def claim(self, rows: Sequence[Due], known: Known) -> list[Dispatch]:
        """Take due rows for dispatch. Those whose message the dispatcher still has only get a longer lease."""
        if not rows:  # no tenant has room: the edge needn't wait behind an empty transaction
            return []
        held = known({(row.tenant_id, row.message_id) for row in rows if row.message_id})
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

    def claimed(self) -> dict[str, tuple[str, str]]:
        """Event id → (tenant id, message id) of everything that was handed over, or was about to be."""
        event = models.Event
        query = event.select(event.id, event.tenant_id, event.message_id).where(
            event.due_at.is_null(False), event.message_id.is_null(False)
        )
        with self.core.store.reachable():
            return {row.id: (row.tenant_id, str(row.message_id)) for row in query}

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
        with self.core.store.reachable():
            row = self._execute("SELECT min(due_at) FROM events WHERE due_at IS NOT NULL").fetchone()
        due: datetime | None = models.Event.due_at.python_value(row[0])
        return due

    def _lease(self, ids: Sequence[str], message_id: str | None) -> set[str]:
        now = self.core.clock()
        until = moments.to_text(moments.after(now, self.core.dispatch_lease))
        statement = (
            f"UPDATE events SET due_at = {self._mark}, message_id = coalesce({self._mark}, message_id) "  # noqa: S608  # marks and our own names only
            f"WHERE id IN ({self._marks(len(ids))}) AND due_at <= {self._mark} RETURNING id"
        )
        cursor = self._execute(statement, until, message_id, *ids, moments.to_text(now))
        return {str(row[0]) for row in cursor.fetchall()}

    @property
    def _mark(self) -> str:
        return str(self.core.store.database.param)

    def _marks(self, count: int) -> str:
        return ", ".join([self._mark] * count)

    def _execute(self, statement: str, *values: object) -> Any:
        return self.core.store.database.execute_sql(statement, values)


def _groups(rows: Sequence[Due]) -> list[list[Due]]:
    """Rows of one tenant, workflow and step together, in order, at most ``BATCH`` in a group."""
    groups: list[list[Due]] = []
    open_groups: dict[tuple[str, str, str], list[Due]] = {}
    for row in rows:
        key = (row.tenant_id, row.workflow, row.step)
        group = open_groups.get(key)
        if group is None or len(group) >= BATCH:
            group = open_groups[key] = []
            groups.append(group)
        group.append(row)
    return groups
