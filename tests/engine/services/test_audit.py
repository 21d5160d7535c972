"""The log as its readers see it: entries, proofs, and what is asked for in vain."""

from __future__ import annotations

import pytest
from flow import Sender, customer, settle

from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotFound
from dxflow.engine.ledger import merkle
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import audit, verifying
from dxflow.engine.services.tenants import NewTenant


@pytest.fixture(autouse=True)
def traffic(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    settle(core)


def _hash(tenant: NewTenant, index: int) -> bytes:
    (entry,) = audit.entries(tenant.controller.id, limit=1, before=index + 1)
    assert entry.seq == index
    return merkle.leaf_hash(entry.leaf.encode())


def test_entries_come_newest_first_in_pages(core: Core, tenant: NewTenant) -> None:
    size = core.log.head(tenant.controller.id).size
    first = audit.entries(tenant.controller.id, limit=3)
    assert [entry.seq for entry in first] == [size - 1, size - 2, size - 3]
    rest = audit.entries(tenant.controller.id, limit=1000, before=first[-1].seq)
    assert [entry.seq for entry in rest] == list(range(size - 4, -1, -1))
    assert audit.leaf(rest[-1])["kind"] == "tenant.created"


def test_a_proof_convinces_whoever_has_the_checkpoint(core: Core, tenant: NewTenant) -> None:
    head = core.log.head(tenant.controller.id)
    size, proof = audit.inclusion(core, tenant.controller.id, 2)
    assert size == head.size
    path = [bytes.fromhex(node) for node in proof]
    merkle.verify_inclusion(_hash(tenant, 2), 2, size, path, bytes.fromhex(head.root))
    assert audit.inclusion(core, tenant.controller.id, 2, 3)[0] == 3


@pytest.mark.parametrize(
    ("index", "size"), [(-1, None), (10_000, None), (2, 2), (0, 0), (0, -1), (0, 10_000)]
)
def test_a_proof_of_what_the_tree_does_not_have_is_refused(
    core: Core, tenant: NewTenant, index: int, size: int | None
) -> None:
    with pytest.raises(Invalid):
        audit.inclusion(core, tenant.controller.id, index, size)


def test_a_proof_shows_that_the_log_only_grew(core: Core, tenant: NewTenant, shopify: Sender) -> None:
    old = core.log.head(tenant.controller.id)
    shopify.send("customers/create", customer(2))
    settle(core)
    new = core.log.head(tenant.controller.id)
    size, proof = audit.consistency(core, tenant.controller.id, old.size)
    roots = bytes.fromhex(old.root), bytes.fromhex(new.root)
    merkle.verify_consistency(old.size, size, *roots, [bytes.fromhex(node) for node in proof])
    assert audit.consistency(core, tenant.controller.id, old.size, old.size) == (old.size, [])


@pytest.mark.parametrize(("old", "new"), [(0, None), (-1, None), (10_000, None), (3, 2), (1, 0), (1, 10_000)])
def test_a_proof_between_trees_that_never_were_is_refused(
    core: Core, tenant: NewTenant, old: int, new: int | None
) -> None:
    with pytest.raises(Invalid):
        audit.consistency(core, tenant.controller.id, old, new)


def test_a_tenant_sees_its_own_log_alone(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    assert {entry.tenant_id for entry in audit.entries(other)} == {other}
    assert verifying.entry_count(other) == 2
    assert verifying.entry_count() == 2 + verifying.entry_count(tenant.controller.id)
    with pytest.raises(NotFound):
        audit.inclusion(core, "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01", 0)
