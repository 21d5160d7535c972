"""A recipient is asked for what it has to do: done, not before a day, or by a person. call → done"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ..core import Core
from ..errors import DxflowError, PermanentError
from ..recipients import RECIPIENTS, Api, Later, Receipt, credentials, obligations
from ..recipients.base import Target
from ..store import models, quick
from .base import Outcome, Prepared, Step

AT_ONCE = 8
"""Recipients asked at the same time: one that says nothing keeps nobody else waiting."""

Answer = Receipt | Later | Exception | None
"""None: a person has to."""


def ask(core: Core, events: Sequence[models.Event], _: int | None) -> Prepared:
    """What each recipient says, under its event's id; asked before anybody waits for the transaction."""
    tenant_id = events[0].tenant_id
    with core.store.reachable():
        rows = quick.by_ids(models.Obligation, (event.entity_id for event in events), tenant_id=tenant_id)
        due = [event for event in events if _due(rows.get(event.entity_id), event)]
        wanted = {event.entity_id: rows[event.entity_id] for event in due}
        apis = credentials.apis(core, tenant_id, (row.connector_id for row in wanted.values()))
        wishes = [_Wish(core, row, apis.get(row.connector_id)) for row in wanted.values()]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = dict(zip(wanted, pool.map(_Wish.answer, wishes), strict=True))
    return {event.id: found[event.entity_id] for event in due}


def call(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Write down what was answered. Raises what asking ended with."""
    row = quick.lock(models.Obligation, id=event.entity_id, tenant_id=event.tenant_id)
    if row is None:
        return Outcome("gone", {"change": event.topic})
    if event.id not in prepared or not _due(row, event):
        return Outcome("unchanged", {"obligation": row.id, "state": row.state})
    answer: Answer = prepared[event.id]
    told = {"obligation": row.id, "recipient": row.recipient, "what": row.kind}
    if isinstance(answer, Exception):
        raise answer
    if answer is None:
        obligations.needs_a_person(core, row, "manual", "this recipient can't be asked by API here")
        return Outcome("manual", told)
    state = obligations.answered(core, row, answer)
    return Outcome("done" if state == "done" else "waiting", told)


def give_up(core: Core, event: models.Event) -> None:
    """The attempts are used up, or trying again can't help: a person hears, and decides."""
    row = quick.lock(models.Obligation, id=event.entity_id, tenant_id=event.tenant_id)
    if row is not None and row.state == "pending":
        obligations.needs_a_person(core, row, "failed", event.error or "the recipient couldn't be asked")


def _due(row: models.Obligation | None, event: models.Event) -> bool:
    """Whether this event is to ask: also one that failed before and is replayed, which others made meanwhile
    have no history of."""
    return row is not None and (row.state == "pending" or (row.state == "failed" and bool(event.history)))


class _Wish:
    """One call, with all that it takes from the database: it runs in a thread of its own."""

    def __init__(self, core: Core, row: models.Obligation, api: Api | None) -> None:
        recipient = RECIPIENTS.get(row.recipient)
        self._verb = recipient.verb(row.kind) if recipient is not None else None
        self._api = api and replace(api, reference=row.id, before=dict(row.receipt or {}))
        self._target: Target | Exception
        try:
            self._target = obligations.target_of(core, row)
        except DxflowError as error:
            self._target = error

    def answer(self) -> Answer:
        """What was answered, or the error that asking ended with; None where there is nobody to ask."""
        if self._api is None or self._verb is None:
            return None
        if isinstance(self._target, Exception):
            return self._target
        if self._target.nobody:
            return PermanentError("nothing is known of whom this recipient is asked about")
        try:
            return self._verb(self._api, self._target)
        except Exception as error:  # noqa: BLE001  # it is the event's own, and raised where its step runs
            return error


STEPS = {"call": Step(call, ask, give_up)}
