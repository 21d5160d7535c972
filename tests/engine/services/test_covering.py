"""The installation's log: one root over the checkpoints of all tenants, which tells no tenant about another."""

from __future__ import annotations

import json

import pytest
from flow import at_once

from dxflow.engine import coverer as coverers
from dxflow.engine.core import Core
from dxflow.engine.coverer import Coverer
from dxflow.engine.errors import StaleFence
from dxflow.engine.ledger import leaves, merkle, note
from dxflow.engine.ledger.log import INSTALLATION, Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import covering
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from waiting import wait_until


def _append(core: Core, tenant_id: str, count: int = 1) -> None:
    with core.store.transaction():
        core.log.append(tenant_id, [Leaf("test", {"n": n}) for n in range(count)])


def _number(result: object) -> int:
    assert isinstance(result, int), result
    return result


def test_a_tenant_s_checkpoint_is_under_the_installation_s_root(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant.controller.id, 3)
    head = core.log.head(tenant.controller.id)
    assert covering.cover(core) == 1
    found = covering.newest(core, tenant.controller.id)
    assert found is not None
    assert found.checkpoint == head.checkpoint
    assert found.payload == {"origin": head.origin, "size": head.size, "root": head.root}
    assert json.loads(found.leaf)["commitment"] == leaves.commit(found.salt, found.payload)
    ours = note.open_checkpoint(
        found.installation.checkpoint, core.signing.verifiers(found.installation.origin)
    )
    leaf_hash = merkle.leaf_hash(found.leaf.encode())
    merkle.verify_inclusion(leaf_hash, found.index, ours.size, found.proof, ours.root)


def test_what_is_covered_is_not_covered_again(core: Core, tenant: NewTenant) -> None:
    covering.cover(core)
    size = core.log.head(INSTALLATION).size
    assert covering.cover(core) == 0
    assert core.log.head(INSTALLATION).size == size
    _append(core, tenant.controller.id)
    assert covering.cover(core) == 1


def test_before_the_first_round_there_is_none(core: Core, tenant: NewTenant) -> None:
    assert covering.newest(core, tenant.controller.id) is None


def test_more_tenants_than_one_transaction_takes(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(covering, "BATCH", 2)
    everyone = [tenant, *(tenants.create(core, f"shop {number}", "EU") for number in range(4))]
    assert covering.cover(core) == len(everyone)
    for one in everyone:
        assert covering.newest(core, one.controller.id) is not None


def test_one_tenant_alone_can_be_covered(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "another shop", "EU")
    assert covering.cover(core, other.controller.id) == 1
    assert covering.newest(core, tenant.controller.id) is None


def test_the_installation_s_leaves_tell_nothing_of_a_tenant(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant.controller.id, 1234)
    covering.cover(core)
    entries = models.AuditEntry.select().where(models.AuditEntry.tenant_id == INSTALLATION)
    assert {frozenset(json.loads(entry.leaf)) for entry in entries} == {
        frozenset(("actor", "commitment", "kind", "seq", "ts", "v"))
    }


def test_several_processes_cover_each_checkpoint_once(core: Core, tenant: NewTenant) -> None:
    for number in range(6):
        tenants.create(core, f"shop {number}", "EU")
    assert sum(map(_number, at_once(core, [lambda: covering.cover(core)] * 8))) == 7
    rows = list(models.CoveredCheckpoint.select())
    assert len(rows) == len({row.tenant_id for row in rows}) == core.log.head(INSTALLATION).size == 7


def test_covering_goes_on_beside_appends(core: Core, tenant: NewTenant) -> None:
    cover, append = (lambda: covering.cover(core)), (lambda: _append(core, tenant.controller.id, 5))
    results = at_once(core, [cover, append] * 6)
    assert [result for result in results if isinstance(result, BaseException)] == []
    covering.cover(core)
    found = covering.newest(core, tenant.controller.id)
    assert found is not None
    assert found.payload["size"] == core.log.head(tenant.controller.id).size


def test_the_thread_covers_what_grew_and_outlives_a_failing_round(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, cover = [], covering.cover

    def failing(given: Core) -> int:
        rounds.append(1)
        if len(rounds) == 1:
            raise StaleFence("somebody was faster")
        return cover(given)

    monkeypatch.setattr(coverers, "CHORES", (failing, *coverers.CHORES[1:]))
    coverer = Coverer(core, every=0.01)
    coverer.start()
    try:
        wait_until(lambda: covering.newest(core, tenant.controller.id) is not None)
    finally:
        coverer.stop(10)
    assert len(rounds) > 1
