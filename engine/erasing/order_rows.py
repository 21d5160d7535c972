"""An order's row: its states, and how it is found and held."""

from __future__ import annotations

from typing import Literal

from ..errors import Conflict
from ..lookups import there
from ..store import models, quick

PROPOSED, REFUSED, EXECUTED = "proposed", "refused", "executed"
State = Literal["proposed", "refused", "executed"]
_MISSING = "no such erasure order"


def get(tenant_id: str, order_id: str) -> models.ErasureOrder:
    """One order. Raises NotFound."""
    return there(quick.get(models.ErasureOrder, id=order_id, tenant_id=tenant_id), _MISSING)


def held(tenant_id: str, order_id: str) -> models.ErasureOrder:
    """One order, which nobody else changes until this transaction ends. Raises NotFound."""
    return there(quick.lock(models.ErasureOrder, id=order_id, tenant_id=tenant_id), _MISSING)


def waiting(tenant_id: str, order_id: str) -> models.ErasureOrder:
    """An order that waits to be decided, and that nobody else decides meanwhile. Raises NotFound, Conflict."""
    order = held(tenant_id, order_id)
    if order.state != PROPOSED:
        raise Conflict(f"this order is {order.state} already")
    return order
