"""Events that are due, and who has them: the event table seen as an outbox.

``due_at`` says when an event must be handed to a worker. Handing it over moves ``due_at`` one dispatch lease
ahead and notes the message's id; a step that commits moves it again. So whatever is lost in between (Redis
wiped, a worker killed, this process gone before the enqueue) comes due by itself: recovery is the normal path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from . import moments
from .core import Core
from .store import models, quick

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


_DUE = "SELECT seq, id, tenant_id, workflow, step, message_id FROM events"
_FIRST = "00000000-0000-0000-0000-000000000000"
_TENANTS_DUE = """
WITH RECURSIVE tenants (id) AS (
  SELECT (SELECT tenant_id FROM events WHERE due_at IS NOT NULL AND tenant_id > ? ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (SELECT next.tenant_id FROM events next
          WHERE next.due_at IS NOT NULL AND next.tenant_id > tenants.id ORDER BY next.tenant_id LIMIT 1)
  FROM tenants WHERE tenants.id IS NOT NULL
)
SELECT id FROM tenants
WHERE (SELECT own.due_at FROM events own
       WHERE own.tenant_id = tenants.id AND own.due_at IS NOT NULL ORDER BY own.due_at LIMIT 1) <= ?
LIMIT ?
"""
"""The recursion walks the index (tenant_id, due_at) in order and ends with the LIMIT. Asked with EXISTS,
PostgreSQL would join instead, and read everything that is due."""

_CLAIMING = 722512
"""Class of the advisory locks under which a tenant's events are claimed."""

Known = Callable[[Iterable[tuple[str, str]]], set[str]]
"""Asks the dispatcher which of these messages, given as (tenant id, message id), it still has."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """All processes may run one; claims are exclusive."""

    core: Core

    def due(self, limit: int) -> list[Due]:
        """Events whose time has come, longest due first; sorted by age.

        In that order the index gives them: asked by age, SQLite would read every event there ever was.
        """
        statement = f"{_DUE} WHERE due_at <= {self._mark} ORDER BY due_at, tenant_id LIMIT {int(limit)}"
        with self.core.store.reachable():
            return self._rows(statement, self._now())

    def due_of(self, shares: Mapping[str, int]) -> list[Due]:
        """Like ``due``, for these tenants alone and up to so many events of each."""
        mark, now = self._mark, self._now()
        statement = f"{_DUE} WHERE tenant_id = {mark} AND due_at <= {mark} ORDER BY due_at LIMIT {mark}"
        with self.core.store.reachable():
            return [row for one, most in shares.items() for row in self._rows(statement, one, now, most)]

    def longest_due(self, limit: int) -> list[str]:
        """The tenants of the ``limit`` events that are due longest, one id per event: the index alone knows."""
        statement = (
            f"SELECT tenant_id FROM events WHERE due_at <= {self._mark} "  # noqa: S608  # a mark and a number
            f"ORDER BY due_at, tenant_id LIMIT {int(limit)}"
        )
        with self.core.store.reachable():
            return [str(row[0]) for row in self._execute(statement, self._now()).fetchall()]

    def tenants_due(self, limit: int, after: str = "") -> list[str]:
        """Tenants with something due, by id, up to ``limit`` of them behind ``after``.

        It steps from tenant to tenant in the index, whatever the length of anybody's backlog.
        """
        first = after or (_FIRST if self.core.store.dialect == "postgresql" else "")
        statement = _TENANTS_DUE.replace("?", self._mark)
        with self.core.store.reachable():
            rows = self._execute(statement, first, self._now(), int(limit)).fetchall()
        return [str(row[0]) for row in rows]

    def weights(self) -> dict[str, int]:
        """Tenants whose queues get more than one turn in a round, and how many."""
        statement = "SELECT id, queue_weight FROM data_controllers WHERE queue_weight <> 1"
        with self.core.store.reachable():
            return {str(id_): int(weight) for id_, weight in self._execute(statement).fetchall()}

    def paused(self) -> set[str]:
        """Tenants whose events are handed to nobody (``services.pausing``)."""
        statement = "SELECT id FROM data_controllers WHERE paused_at IS NOT NULL"
        with self.core.store.reachable():
            return {str(row[0]) for row in self._execute(statement).fetchall()}

    def claim(self, rows: Sequence[Due], known: Known) -> list[Dispatch]:
        """Take due rows for dispatch. Those whose message the dispatcher still has only get a longer lease."""
        if not rows:  # no tenant has room: the edge needn't wait behind an empty transaction
            return []
        held = known({(row.tenant_id, row.message_id) for row in rows if row.message_id})
        dispatches = []
        with self.core.store.transaction():
            ours = self._alone(rows)
            for group in _groups([row for row in ours if row.message_id in held]):
                self._lease(group, None)
            for group in _groups([row for row in ours if row.message_id not in held]):
                message_id = self.core.new_id()
                taken = self._lease(group, message_id)
                ids = tuple(row.id for row in group if row.id in taken)
                if ids:
                    first = group[0]
                    dispatches.append(Dispatch(message_id, first.tenant_id, first.workflow, first.step, ids))
        return dispatches

    def newest(self, tenant_id: str) -> int:
        """The ``seq`` of a tenant's newest event, 0 without any."""
        statement = f"SELECT max(seq) FROM events WHERE tenant_id = {self._mark}"  # noqa: S608  # a mark only
        row = self._execute(statement, tenant_id).fetchone()
        return int(row[0] or 0)

    def captured(self, tenant_id: str, after: int) -> list[models.Event]:
        """Events of a tenant that the database captured after the one with this ``seq`` and that nobody has."""
        fresh = quick.newer(models.Event, after, tenant_id=tenant_id, source="database", state="received")
        return [event for event in fresh if event.message_id is None]

    def claimed(self) -> dict[str, tuple[str, str]]:
        """Event id → (tenant id, message id) of everything that was handed over, or was about to be."""
        event = models.Event
        query = event.select(event.id, event.tenant_id, event.message_id).where(
            event.due_at.is_null(False), event.message_id.is_null(False)
        )
        with self.core.store.reachable():
            return {row.id: (row.tenant_id, str(row.message_id)) for row in query}

    def release(self, held: Mapping[str, str]) -> None:
        """What couldn't be handed over, as event id → message id, is due again at once."""
        self._free(held, set(held.values()), self.core.clock())

    def postpone(self, message_id: str, event_ids: Iterable[str], seconds: float) -> None:
        """Nothing is wrong with a message's events, only with the moment: due again a little later, no try
        spent. Those that have moved on meanwhile, or that another message has, are left alone."""
        self._free(event_ids, {message_id}, moments.after(self.core.clock(), seconds))

    def _free(self, event_ids: Iterable[str], message_ids: Iterable[str], due: datetime) -> None:
        event = models.Event
        with self.core.store.transaction():
            event.update(due_at=due, message_id=None).where(
                event.id.in_(list(event_ids)),
                event.message_id.in_(list(message_ids)),
                event.state.in_(ACTIVE),
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

    def next_due(self, *, coming: bool = False) -> datetime | None:
        """When the next event comes due, None while nothing is under way. ``coming`` leaves out what is due
        already: it waits for something else than its time."""
        after = self._now() if coming else moments.EVER
        statement = f"SELECT min(due_at) FROM events WHERE due_at > {self._mark}"  # noqa: S608  # a mark only
        with self.core.store.reachable():
            row = self._execute(statement, after).fetchone()
        due: datetime | None = models.Event.due_at.python_value(row[0])
        return due

    def _alone(self, rows: Sequence[Due]) -> Sequence[Due]:
        """Rows of tenants that no other process is claiming at this moment; until this transaction ends, these
        are ours alone. Two that claimed the same tenants in different order would wait for each other's rows
        until the database ends one of them, a second later (on SQLite there is one writer at a time)."""
        if self.core.store.dialect == "sqlite":
            return rows
        tenant_ids = {row.tenant_id for row in rows}
        wanted = ", ".join([f"({self._mark})"] * len(tenant_ids))
        statement = (
            f"SELECT id FROM (VALUES {wanted}) AS wanted (id) "  # noqa: S608  # marks and our own number only
            f"WHERE pg_try_advisory_xact_lock({_CLAIMING}, hashtext(id))"
        )
        ours = {row[0] for row in self._execute(statement, *tenant_ids).fetchall()}
        return [row for row in rows if row.tenant_id in ours]

    def _lease(self, group: Sequence[Due], message_id: str | None) -> set[str]:
        """The ids of those that are still due at the step where they were found."""
        until = moments.to_text(moments.after(self.core.clock(), self.core.dispatch_lease))
        statement = (
            f"UPDATE events SET due_at = {self._mark}, message_id = coalesce({self._mark}, message_id) "  # noqa: S608  # marks and our own names only
            f"WHERE id IN ({self._marks(len(group))}) AND step = {self._mark} AND due_at <= {self._mark} "
            "RETURNING id"
        )
        ids = [row.id for row in group]
        cursor = self._execute(statement, until, message_id, *ids, group[0].step, self._now())
        return {str(row[0]) for row in cursor.fetchall()}

    def _rows(self, statement: str, *values: object) -> list[Due]:
        rows = self._execute(statement, *values).fetchall()
        # PostgreSQL's driver makes UUID objects; ids are texts everywhere else.
        return sorted(Due(seq, str(id_), str(tenant_id), *rest) for seq, id_, tenant_id, *rest in rows)

    def _now(self) -> str:
        return moments.to_text(self.core.clock())

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
