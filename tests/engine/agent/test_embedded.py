"""The embedded dx-agent, beyond what every agent must do (``test_contract.py``): the tenant's own log."""

from __future__ import annotations

import uuid

import peewee
import pytest
from agents import items, register
from flow import at_once, leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import StaleFence
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def test_it_appends_to_the_tenants_own_log(core: Core, tenant: NewTenant) -> None:
    size, batch = core.log.head(tenant.controller.id).size, items(5)
    receipts = register(core, tenant, batch)
    assert [receipt.log_index for receipt in receipts] == list(range(size, size + 5))
    assert {receipt.origin for receipt in receipts} == {""}
    logged = leaves(tenant.controller.id, "activity.registered")
    assert [leaf["commitment"] for leaf in logged] == [item.commitment for item in batch]
    assert {leaf["actor"] for leaf in logged} == {"workflow:processing_activity"}


def test_a_stale_fence_leaves_the_log_as_it_was(core: Core, tenant: NewTenant) -> None:
    stale = core.log.fence(tenant.controller.id)
    core.log.fence(tenant.controller.id)
    size = core.log.head(tenant.controller.id).size
    with pytest.raises(StaleFence):
        core.agent.register(tenant.controller.id, items(2), stale)
    assert core.log.head(tenant.controller.id).size == size
    assert models.Registration.select().count() == 0


def test_the_log_holds_after_lock_holders_overlapped(core: Core, tenant: NewTenant) -> None:
    batch = items(8)
    at_once(core, [lambda: register(core, tenant, batch)] * 6)
    assert len(leaves(tenant.controller.id, "activity.registered")) == 8
    assert verifying.verify_logs(core).ok


@pytest.mark.parametrize("same", ["activity_id", "did", "log_index"])
def test_the_database_itself_refuses_a_second_registration(core: Core, tenant: NewTenant, same: str) -> None:
    (receipt,) = register(core, tenant, items(1))
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
