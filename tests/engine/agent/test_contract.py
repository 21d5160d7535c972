"""What every dx-agent must do, embedded or elsewhere: one suite for both.

The one elsewhere is a real ``run.py agent`` that is asked over real sockets.
"""

from __future__ import annotations

import json
import uuid

import pytest
from agents import engine, items, proved_leaf, register
from flow import at_once

from dxflow.engine import core as cores
from dxflow.engine.agent import Item, Receipt
from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, LogBroken, StaleFence
from dxflow.engine.identity import did
from dxflow.engine.ledger import merkle, note
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models


@pytest.fixture(params=["embedded", "http"])
def core(request: pytest.FixtureRequest, store: Store) -> Core:
    """An engine on each kind of agent, and the one elsewhere on each kind of database."""
    if request.param == "embedded":
        return cores.build(store, b"k" * 32, host="engine.example", spread=lambda: 1.0)
    name = "agent" if store.dialect == "sqlite" else "agent_on_postgresql"
    return engine(store, request.getfixturevalue(name).url)


def _leaf(core: Core, tenant: NewTenant, receipt: Receipt) -> dict[str, object]:
    """What the leaf says that a receipt points at, proved under a checkpoint of its log."""
    if receipt.origin:
        return proved_leaf(receipt)
    head, row = core.log.head(tenant.controller.id), core.log.entry(tenant.controller.id, receipt.log_index)
    root = note.open_checkpoint(head.checkpoint, core.signing.verifiers(head.origin)).root
    proof = core.log.inclusion(tenant.controller.id, receipt.log_index, head.size)
    merkle.verify_inclusion(merkle.leaf_hash(row.leaf.encode()), receipt.log_index, head.size, proof, root)
    return dict(json.loads(row.leaf))


def _places(receipts: list[Receipt]) -> list[tuple[str, str, int]]:
    return [(receipt.activity_id, receipt.did, receipt.log_index) for receipt in receipts]


@pytest.mark.parametrize("count", [1, 5, 64])
def test_a_batch_gets_receipts_in_its_own_order(core: Core, tenant: NewTenant, count: int) -> None:
    batch = items(count)
    receipts = register(core, tenant, batch)
    assert [receipt.activity_id for receipt in receipts] == [item.activity_id for item in batch]
    assert [receipt.did for receipt in receipts] == [did.derive(item.activity_id) for item in batch]
    first = receipts[0].log_index
    assert [receipt.log_index for receipt in receipts] == list(range(first, first + count))
    assert {receipt.tree_size for receipt in receipts} == {first + count}


def test_each_leaf_is_proved_and_commits_to_what_was_sent(core: Core, tenant: NewTenant) -> None:
    batch = items(9)
    for item, receipt in zip(batch, register(core, tenant, batch), strict=True):
        leaf = _leaf(core, tenant, receipt)
        assert set(leaf) == {"v", "seq", "ts", "kind", "actor", "activity", "event", "commitment"}
        assert (leaf["kind"], leaf["seq"]) == ("activity.registered", receipt.log_index)
        assert (leaf["activity"], leaf["event"]) == (receipt.did, item.event_id)
        assert leaf["commitment"] == item.commitment


def test_every_receipt_is_kept_with_what_was_committed_to(core: Core, tenant: NewTenant) -> None:
    batch = items(3)
    for item, receipt in zip(batch, register(core, tenant, batch), strict=True):
        row = models.Registration.get(models.Registration.activity_id == item.activity_id)
        assert (row.did, row.log_index, row.tree_size) == (receipt.did, receipt.log_index, receipt.tree_size)
        assert (row.origin, row.commitment) == (receipt.origin, item.commitment)


def test_registering_again_gives_the_same_receipts_and_writes_nothing(core: Core, tenant: NewTenant) -> None:
    batch = items(3)
    first = register(core, tenant, batch)
    assert register(core, tenant, batch) == first
    assert register(core, tenant, batch[::-1]) == first[::-1]
    (after,) = register(core, tenant, items(1))
    assert after.log_index == first[-1].log_index + 1


def test_a_batch_of_old_and_new_registers_the_new_alone(core: Core, tenant: NewTenant) -> None:
    batch = items(4)
    first = register(core, tenant, batch[:2])
    receipts = register(core, tenant, [batch[2], batch[0], batch[3], batch[1]])
    assert [receipts[1], receipts[3]] == first
    assert [receipts[0].log_index, receipts[2].log_index] == [first[1].log_index + 1, first[1].log_index + 2]


def test_an_activity_that_stands_twice_in_a_batch_is_registered_once(core: Core, tenant: NewTenant) -> None:
    one, other = items(2)
    again = Item(one.activity_id, str(uuid.uuid4()), one.commitment)
    receipts = register(core, tenant, [one, other, again])
    assert receipts[0] == receipts[2] != receipts[1]
    assert models.Registration.select().count() == 2


def test_a_stale_fence_is_refused_and_writes_nothing(core: Core, tenant: NewTenant) -> None:
    stale, batch = core.log.fence(tenant.controller.id), items(2)
    (before,) = register(core, tenant, items(1))
    with pytest.raises(StaleFence):
        core.agent.register(tenant.controller.id, batch, stale)
    assert models.Registration.select().count() == 1
    assert register(core, tenant, batch)[0].log_index == before.log_index + 1


def test_a_stale_fence_is_refused_for_what_is_registered_already(core: Core, tenant: NewTenant) -> None:
    stale, batch = core.log.fence(tenant.controller.id), items(2)
    register(core, tenant, batch)
    with pytest.raises(StaleFence):
        core.agent.register(tenant.controller.id, batch, stale)


def test_a_batch_with_another_tenants_activity_registers_nobody(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other Shop", "FR")
    (taken,) = items(1)
    register(core, other, [taken])
    first, second = items(2)
    with pytest.raises(Conflict):
        register(core, tenant, [first, taken, second])
    assert models.Registration.select().count() == 1
    receipts = register(core, tenant, [first, second])
    assert receipts[1].log_index == receipts[0].log_index + 1


def test_tenants_have_logs_of_their_own(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other Shop", "FR")
    first, second = register(core, tenant, items(2)), register(core, other, items(2))
    assert [receipt.log_index for receipt in first] == [receipt.log_index for receipt in second]


def test_a_tenant_that_nobody_knows_is_refused(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(LogBroken):
        core.agent.register(str(uuid.uuid4()), items(1), 1)
    assert models.Registration.select().count() == 0


def test_lock_holders_who_overlap_register_each_activity_once(core: Core, tenant: NewTenant) -> None:
    batch = items(8)
    results = at_once(core, [lambda: register(core, tenant, batch)] * 6)
    receipts = [result for result in results if isinstance(result, list)]
    assert receipts
    assert all(isinstance(result, list | StaleFence) for result in results), results
    assert all(_places(found) == _places(receipts[0]) for found in receipts)
    assert models.Registration.select().count() == 8
    (after,) = register(core, tenant, items(1))
    assert after.log_index == receipts[0][-1].log_index + 1


def test_tenants_register_at_the_same_time(core: Core, tenant: NewTenant) -> None:
    others = [tenants.create(core, f"Shop {number}", "FR") for number in range(5)]
    results = at_once(core, [lambda one=one: register(core, one, items(8)) for one in others])
    assert all(isinstance(result, list) for result in results), results
    assert models.Registration.select().count() == 40
