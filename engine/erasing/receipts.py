"""A person's receipt, where nobody asked and so no answer carries it: kept sealed with the order, and handed
over once."""

from __future__ import annotations

import json
from typing import Any

from ..core import Core
from ..errors import Conflict
from ..services import acts
from ..store import models, quick
from . import erasure, order_rows


def keep(core: Core, tenant_id: str, order_id: str, erased: erasure.Erased) -> None:
    """Keep it, inside the transaction that erases."""
    raw = json.dumps(erasure.with_proof(core, tenant_id, erased))
    sealed = core.keys.seal(tenant_id, raw.encode(), **_place(order_id))
    quick.update(models.ErasureOrder, {"id": order_id}, {"receipt_sealed": sealed})


def hand_over(core: Core, tenant_id: str, order_id: str, actor: str) -> dict[str, Any]:
    """The person's receipt, once: it is kept nowhere afterwards. Raises NotFound, Conflict where it isn't here:
    it went with the person's answer, somebody took it, or nobody is erased yet."""
    with core.store.transaction():
        order = order_rows.held(tenant_id, order_id)
        if order.receipt_sealed is None:
            raise Conflict("no receipt is kept for this order: it went with the answer, or somebody took it")
        found: dict[str, Any] = json.loads(
            core.keys.unseal(tenant_id, bytes(order.receipt_sealed), **_place(order.id))
        )
        quick.update(models.ErasureOrder, {"id": order.id}, {"receipt_sealed": None})
        acts.record(core, tenant_id, "erasure.receipt_handed_over", actor, order=order.id)
    return found


def _place(order_id: str) -> dict[str, str]:
    return {"table": "erasure_orders", "column": "receipt_sealed", "row_id": order_id}
