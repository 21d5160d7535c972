"""A request for erasure that ends takes its order along: nobody is erased for who took the wish back."""

from __future__ import annotations

from ..core import Core
from ..services import acts
from ..store import models, quick


def ended(core: Core, tenant_id: str, request_id: str) -> int:
    """Close the orders of a request that wait to be decided, in the transaction that ends it and under its
    lock; how many."""
    row, closed = models.ErasureOrder, 0
    waiting = row.select().where(
        row.tenant_id == tenant_id, row.request_id == request_id, row.state == "proposed"
    )
    for order in core.store.for_update(waiting):
        decided = {"state": "refused", "decided_by": acts.SYSTEM, "decided_at": core.clock()}
        quick.update(row, {"id": order.id}, decided)
        changed = {"reason": "the request that it was to answer ended"}
        about = {"order": order.id, "request": request_id}
        acts.record(core, tenant_id, "erasure.refused", acts.SYSTEM, changed, [order.subject_id], **about)
        closed += 1
    return closed


__all__ = ["ended"]
