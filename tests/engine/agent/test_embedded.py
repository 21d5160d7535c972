"""The embedded dx-agent: idempotent, atomic, and obedient to the newest fence."""

from __future__ import annotations

import uuid

import peewee
import pytest
from flow import at_once, leaves

from dxflow.engine.agent import Item, Receipt
from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, StaleFence
from dxflow.engine.identity import did
from dxflow.engine.ledger.leaves import commit
from dxflow.engine.services import audit
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _items(count: int) -> list[Item]:
    return [Item(str(uuid.uuid4()), str(uuid.uuid4()), {"purpose": f"p{n}"}) for n in range(count)]


def _register(core: Core, tenant: NewTenant, items: list[Item]) -> list[Receipt]:
    return core.agent.register(tenant.controller.id, items, core.log.fence(tenant.controller.id))


def test_a_batch_gets_receipts_in_its_own_order(core: Core, tenant: NewTenant) -> None:
    size, items = core.log.head(tenant.controller.id).size, _items(5)
    receipts = _register(core, tenant, items)
    assert [receipt.activity_id for receipt in receipts] == [item.activity_id for item in items]
    assert [receipt.log_index for receipt in receipts] == list(range(size, size + 5))
    assert {receipt.tree_size for receipt in receipts} == {size + 5}
    assert [receipt.did for receipt in receipts] == [did.derive(item.activity_id) for item in items]


def test_a_leaf_commits_to_its_payload_without_saying_it(core: Core, tenant: NewTenant) -> None:
    item = _items(1)[0]
    (receipt,) = _register(core, tenant, [item])
    (leaf,) = leaves(tenant.controller.id, "activity.registered")
    salt = models.AuditSalt.get(models.AuditSalt.seq == receipt.log_index).salt
    assert leaf["commitment"] == commit(salt, item.payload)
    assert (leaf["activity"], leaf["event"]) == (receipt.did, item.event_id)
    assert set(leaf) == {"v", "seq", "ts", "kind", "activity", "event", "commitment"}


def test_registering_again_gives_the_same_receipts_and_writes_nothing(core: Core, tenant: NewTenant) -> None:
    items = _items(3)
    first = _register(core, tenant, items)
    size = core.log.head(tenant.controller.id).size
    assert _register(core, tenant, items) == first
    assert _register(core, tenant, items[::-1]) == first[::-1]
    assert core.log.head(tenant.controller.id).size == size


def test_a_batch_of_old_and_new_registers_the_new_alone(core: Core, tenant: NewTenant) -> None:
    items = _items(4)
    first = _register(core, tenant, items[:2])
    assert _register(core, tenant, items)[:2] == first
    assert models.Registration.select().count() == 4


def test_an_activity_that_stands_twice_in_a_batch_is_registered_once(core: Core, tenant: NewTenant) -> None:
    one, other = _items(2)
    again = Item(one.activity_id, str(uuid.uuid4()), one.payload)
    receipts = _register(core, tenant, [one, other, again])
    assert receipts[0] == receipts[2] != receipts[1]
    assert models.Registration.select().count() == 2


def test_a_stale_fence_is_refused_and_writes_nothing(core: Core, tenant: NewTenant) -> None:
    stale = core.log.fence(tenant.controller.id)
    core.log.fence(tenant.controller.id)
    size = core.log.head(tenant.controller.id).size
    with pytest.raises(StaleFence):
        core.agent.register(tenant.controller.id, _items(2), stale)
    assert core.log.head(tenant.controller.id).size == size
    assert models.Registration.select().count() == models.AuditSalt.select().count() == 0


def test_a_batch_with_one_payload_that_cannot_be_committed_to_registers_nobody(
    core: Core, tenant: NewTenant
) -> None:
    size = core.log.head(tenant.controller.id).size
    with pytest.raises(Invalid):
        _register(core, tenant, [*_items(2), Item(str(uuid.uuid4()), str(uuid.uuid4()), {"n": 2**60})])
    assert core.log.head(tenant.controller.id).size == size
    assert models.Registration.select().count() == 0


def test_lock_holders_who_overlap_register_each_activity_once(core: Core, tenant: NewTenant) -> None:
    items = _items(8)
    results = at_once(core, [lambda: _register(core, tenant, items)] * 6)
    receipts = [result for result in results if isinstance(result, list)]
    assert receipts
    assert all(isinstance(result, list | StaleFence) for result in results), results
    assert all(found == receipts[0] for found in receipts)
    assert models.Registration.select().count() == 8
    assert audit.verify(core).ok


@pytest.mark.parametrize("same", ["activity_id", "did", "log_index"])
def test_the_database_itself_refuses_a_second_registration(core: Core, tenant: NewTenant, same: str) -> None:
    (receipt,) = _register(core, tenant, _items(1))
    row: dict[str, object] = {
        "activity_id": str(uuid.uuid4()),
        "tenant_id": tenant.controller.id,
        "did": "did:dep:another",
        "log_index": 9999,
        "tree_size": 10_000,
        "registered_at": core.clock(),
    }
    row[same] = getattr(receipt, same)
    with pytest.raises(peewee.IntegrityError), core.store.transaction():
        models.Registration.insert(**row).execute()
    assert models.Registration.select().count() == 1
