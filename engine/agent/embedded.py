"""The dx-agent that lives in this process and writes to the tenant's own log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..errors import Conflict
from ..identity import did
from ..ledger.log import Leaf, TenantLog
from ..moments import Clock
from ..store import Store, models, quick, scope
from .port import Item, Receipt

KIND = "activity.registered"


@dataclass(frozen=True, slots=True)
class EmbeddedAgent:
    """Registers by appending one ``activity.registered`` leaf per activity, in one transaction per batch.

    ``actor`` stands in the leaves: on whose behalf they were written.
    """

    store: Store
    log: TenantLog
    clock: Clock
    did_method: str
    actor: str = "workflow:processing_activity"

    def register(self, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
        """See ``DxAgent.register``. Raises Conflict for an activity that is registered for another tenant."""
        with self.store.transaction():
            self.log.hold(tenant_id, fence)
            known = receipts(tenant_id, [item.activity_id for item in items])
            fresh = {item.activity_id: item for item in items if item.activity_id not in known}
            if fresh:
                known.update(self._append(tenant_id, list(fresh.values()), fence))
        return [known[item.activity_id] for item in items]

    def _append(self, tenant_id: str, items: Sequence[Item], fence: int) -> dict[str, Receipt]:
        names = [did.derive(item.activity_id, self.did_method) for item in items]
        batch = [self._leaf(name, item) for name, item in zip(names, items, strict=True)]
        appended = self.log.append(tenant_id, batch, fence)
        made = [
            Receipt(item.activity_id, name, appended.first + n, appended.size)
            for n, (name, item) in enumerate(zip(names, items, strict=True))
        ]
        common = {"tenant_id": tenant_id, "registered_at": self.clock()}
        rows = [
            {**common, **asdict(receipt), "commitment": item.commitment}
            for receipt, item in zip(made, items, strict=True)
        ]
        quick.insert_all(models.Registration, rows)
        return {receipt.activity_id: receipt for receipt in made}

    def _leaf(self, name: str, item: Item) -> Leaf:
        body = {"actor": self.actor, "activity": name, "event": item.event_id, "commitment": item.commitment}
        return Leaf(KIND, body)


@scope.everyone("an activity is registered once, whoever asks")
def receipts(tenant_id: str, activity_ids: Sequence[str]) -> dict[str, Receipt]:
    """The receipts there are, by activity id. Raises Conflict for an activity of another tenant."""
    rows = quick.by_ids(models.Registration, activity_ids, key="activity_id").values()
    if any(row.tenant_id != tenant_id for row in rows):
        raise Conflict("an activity of this id is registered for another tenant")
    return {
        row.activity_id: Receipt(row.activity_id, row.did, row.log_index, row.tree_size, row.origin)
        for row in rows
    }
