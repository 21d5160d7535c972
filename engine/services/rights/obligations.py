"""What recipients still have to be told, as people see it: list, look, close by hand, try again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from peewee import fn

from ...core import Core
from ...errors import Conflict, Invalid
from ...lookups import there
from ...recipients import obligations
from ...recipients.base import Target
from ...store import models, quick
from .. import acts
from ..pages import Page, Place, cut, newest, read_place

_LONGEST = 2000


def listing(
    tenant_id: str,
    *,
    state: str | None = None,
    request_id: str | None = None,
    order_id: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[models.Obligation]:
    """Newest first; of one request or order, in one state, or all."""
    wanted = {"state": state, "request_id": request_id, "order_id": order_id}
    return newest(tenant_id, models.Obligation.created_at, limit=limit, cursor=cursor, **wanted)


def open_ones(
    tenant_id: str, *, states: Sequence[str] = obligations.OPEN, limit: int = 50, cursor: str | None = None
) -> Page[models.Obligation]:
    """What is still owed, in these states, the oldest first."""
    row, kind = models.Obligation, "open_obligations"
    query = row.select().where(row.tenant_id == tenant_id, row.finished_at.is_null(), row.state.in_(states))
    if cursor is not None:
        after = read_place(kind, cursor)
        later = (row.created_at > after.spelled) | (row.id > after.row_id)
        query = query.where(row.created_at >= after.spelled, later)
    rows = list(query.order_by(row.created_at, row.id).limit(limit + 1))
    return cut(kind, rows, limit, lambda one: Place(one.created_at, str(one.id)))


def counts(tenant_id: str) -> dict[str, int]:
    """How many are open in each state; none where there are none. An index has the open ones alone."""
    row = models.Obligation
    query = row.select(row.state, fn.COUNT(row.id)).where(
        row.tenant_id == tenant_id, row.finished_at.is_null()
    )
    found = dict(cast("Iterable[tuple[str, int]]", query.group_by(row.state).tuples()))
    return {state: int(found.get(state, 0)) for state in obligations.OPEN}


def get(tenant_id: str, obligation_id: str) -> models.Obligation:
    """One. Raises NotFound."""
    return there(quick.get(models.Obligation, id=obligation_id, tenant_id=tenant_id), "no such obligation")


def whom(core: Core, row: models.Obligation, actor: str) -> Target:
    """As whom the person is known to the recipient, once it is written down that ``actor`` reads it; nobody
    when it is over."""
    acts.people_read(core, row.tenant_id, actor, "obligation", [row.subject_id], obligation=row.id)
    return obligations.target_of(core, row)


def close(
    core: Core, tenant_id: str, obligation_id: str, actor: str, reason: str, remains: str | None = None
) -> models.Obligation:
    """A person did it, or decides that nothing is to be done: ``reason`` says which, ``remains`` what the
    recipient keeps. Neither may name anybody. Raises NotFound, Invalid, Conflict for one that is over."""
    for name, text in (("reason", reason), ("remains", remains or "-")):
        if not text.strip() or len(text) > _LONGEST:
            raise Invalid(name, f"must have 1 to {_LONGEST} characters")
    with core.store.transaction():
        row = _open(tenant_id, obligation_id)
        changes = {
            "state": "closed",
            "reason": reason.strip(),
            "remains": remains.strip() if remains else row.remains,
            "closed_by": actor,
            "finished_at": core.clock(),
            "target_sealed": None,
            "not_before": None,
        }
        quick.update(models.Obligation, {"id": row.id}, changes)
        _record(core, row, "obligation.closed", actor, {"reason": reason.strip(), "was": row.state})
    return get(tenant_id, obligation_id)


def retry(core: Core, tenant_id: str, obligation_id: str, actor: str) -> models.Obligation:
    """Ask the recipient now: what failed, what waited for a person or a day. Raises NotFound, Conflict for one
    that is over, or under way."""
    with core.store.transaction():
        row = _open(tenant_id, obligation_id)
        if row.state == "pending":
            raise Conflict("this recipient is being asked already")
        said = dict(row.receipt or {})
        if row.state == "failed":  # begin anew there: what it was asked for may have come to nothing
            said = {"again": int(said.get("again", 0)) + 1}
        changes = {"state": "pending", "not_before": None, "reason": None, "receipt": said}
        quick.update(models.Obligation, {"id": row.id}, changes)
        _record(core, row, "obligation.retried", actor, {"was": row.state})
    core.bell.set()
    return get(tenant_id, obligation_id)


def _open(tenant_id: str, obligation_id: str) -> models.Obligation:
    row = there(quick.lock(models.Obligation, id=obligation_id, tenant_id=tenant_id), "no such obligation")
    if row.state not in obligations.OPEN:
        raise Conflict(f"this obligation is {row.state} already")
    return row


def _record(core: Core, row: models.Obligation, kind: str, actor: str, changed: dict[str, object]) -> None:
    named = {"obligation": row.id, "recipient": row.recipient, "what": row.kind, "request": row.request_id}
    acts.record(core, row.tenant_id, kind, actor, changed, [row.subject_id], **named)
