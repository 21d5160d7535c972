"""The dx-agent that lives in this process and writes to the tenant's own log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..identity import did
from ..ledger.log import Leaf, TenantLog
from ..moments import Clock
from ..store import Store, models, quick
from .port import Item, Receipt


@dataclass(frozen=True, slots=True)
class EmbeddedAgent:
    """Registers by appending one ``activity.registered`` leaf per activity, in one transaction per batch."""

    store: Store
    log: TenantLog
    clock: Clock
    did_method: str

    def register(self, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
        """See ``DxAgent.register``."""
        with self.store.transaction():
            known = self._receipts([item.activity_id for item in items])
            fresh = {item.activity_id: item for item in items if item.activity_id not in known}
            if fresh:
                known.update(self._append(tenant_id, list(fresh.values()), fence))
        return [known[item.activity_id] for item in items]

    def _append(self, tenant_id: str, items: Sequence[Item], fence: int) -> dict[str, Receipt]:
        names = [did.derive(item.activity_id, self.did_method) for item in items]
        batch = [
            Leaf("activity.registered", {"activity": name, "event": item.event_id}, item.payload)
            for name, item in zip(names, items, strict=True)
        ]
        appended = self.log.append(tenant_id, batch, fence)
        receipts = [
            Receipt(item.activity_id, name, appended.first + n, appended.size)
            for n, (name, item) in enumerate(zip(names, items, strict=True))
        ]
        now = self.clock()
        for receipt in receipts:
            row = {"tenant_id": tenant_id, "registered_at": now, **asdict(receipt)}
            quick.insert(models.Registration, row)
        return {receipt.activity_id: receipt for receipt in receipts}

    def _receipts(self, activity_ids: Sequence[str]) -> dict[str, Receipt]:
        rows = quick.by_ids(models.Registration, activity_ids, key="activity_id").values()
        return {
            row.activity_id: Receipt(row.activity_id, row.did, row.log_index, row.tree_size) for row in rows
        }
