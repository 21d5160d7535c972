"""What recipients still have to be told (GDPR Art. 19), one row each, until each is done or closed.

    pending → done
            → waiting (the platform can't before a day) → pending
            → manual (a person has to) → closed
            → failed (attempts used up) → pending again, or closed

As whom the person is known there lies sealed in the row until it is done, and is deleted then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .. import notices
from ..core import Core
from ..store import models, quick
from .base import Later, Receipt, Target
from .targets import BY_API, Addressed

OPEN = ("pending", "waiting", "manual", "failed")
KINDS = ("erase", "rectify", "restrict", "opt_out", "lift")
"""``opt_out``: neither sell nor share it any more (Cal. Civ. Code 1798.120, 11 CCR 7026(f)). ``lift``: what was
restricted, or not to be sold, may be used again. No API says either, so a person does."""
State = Literal["pending", "waiting", "manual", "failed", "done", "closed"]


def oblige(
    core: Core,
    tenant_id: str,
    kind: str,
    one: Addressed,
    *,
    subject_id: str | None,
    request_id: str | None = None,
    order_id: str | None = None,
) -> models.Obligation:
    """Write one down, in the caller's transaction. One that no API can take waits for a person, who hears."""
    from . import RECIPIENTS

    recipient = RECIPIENTS.get(one.platform)
    able = one.how == BY_API and recipient is not None and recipient.verb(kind) is not None
    obligation_id = core.new_id()
    row = models.Obligation.create(
        id=obligation_id,
        tenant_id=tenant_id,
        request_id=request_id,
        order_id=order_id,
        subject_id=subject_id,
        kind=kind,
        recipient=one.platform,
        connector_id=one.connector_id,
        target_sealed=core.keys.seal(tenant_id, one.target.to_bytes(), **_place(obligation_id)),
        state="pending" if able else "manual",
        receipt={},
        created_at=core.clock(),
        force_insert=True,
    )
    if not able:
        notices.obligation_manual(core, row)
    return row


def target_of(core: Core, row: models.Obligation) -> Target:
    """As whom the person is known to the recipient; nobody once it is done."""
    if row.target_sealed is None:
        return Target()
    return Target.from_bytes(core.keys.unseal(row.tenant_id, bytes(row.target_sealed), **_place(row.id)))


def answered(core: Core, row: models.Obligation, found: Receipt | Later) -> str:
    """Write down what the recipient said, in the caller's transaction; the new state."""
    receipt, over = (found.receipt, False) if isinstance(found, Later) else (found, True)
    changes: dict[str, Any] = {
        "state": "done" if over else "waiting",
        "receipt": receipt.as_json(),
        "remains": _remains(receipt),
        "not_before": found.not_before if isinstance(found, Later) else None,
        "reason": None,
    }
    if over:
        changes |= {"target_sealed": None, "finished_at": core.clock()}
    quick.update(models.Obligation, {"id": row.id}, changes)
    return str(changes["state"])


def needs_a_person(core: Core, row: models.Obligation, state: str, reason: str) -> None:
    """Nobody but a person can go on: ``manual`` or ``failed``, and why; in the caller's transaction."""
    quick.update(models.Obligation, {"id": row.id}, {"state": state, "reason": reason})
    notices.obligation_manual(core, row)


def outstanding(
    tenant_id: str, *, request_id: str | None = None, order_id: str | None = None
) -> list[models.Obligation]:
    """What completing a request, or an order, still waits for; oldest first."""
    row = models.Obligation
    query = row.select().where(row.tenant_id == tenant_id, row.state.in_(OPEN))
    if request_id is not None:
        query = query.where(row.request_id == request_id)
    if order_id is not None:
        query = query.where(row.order_id == order_id)
    return list(query.order_by(row.created_at, row.id))


def wake(core: Core) -> int:
    """Those whose day has come are asked again; how many. For a periodic caller, who looks at everyone."""
    row = models.Obligation
    due = (row.state == "waiting") & (row.not_before <= core.clock())
    if not row.select().where(due).exists():
        return 0
    with core.store.transaction():
        woken = int(row.update(state="pending").where(due).execute())
    core.bell.set()
    return woken


def _remains(receipt: Receipt) -> str | None:
    parts = [receipt.remains, receipt.why and f"because {receipt.why}"]
    return ": ".join(part for part in parts if part) or None


def _place(obligation_id: str) -> Mapping[str, str]:
    return {"table": "obligations", "column": "target_sealed", "row_id": obligation_id}
