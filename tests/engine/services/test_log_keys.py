"""The key that signs the logs changes while they are written, and whoever trusted the old one can follow."""

from __future__ import annotations

import json

import pytest

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, LogBroken
from dxflow.engine.ledger import note, signing
from dxflow.engine.ledger.log import INSTALLATION, Leaf, TenantLog
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import log_keys, verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


@pytest.fixture(autouse=True)
def _installation_log(core: Core) -> None:
    with core.store.transaction():
        core.log.open_installation()


def _opens(checkpoint: str, origin: str, key: note.SigningKey) -> bool:
    try:
        return note.open_checkpoint(checkpoint, [key.named(origin).verifier]).origin == origin
    except LogBroken:
        return False


def test_while_keys_overlap_every_checkpoint_bears_both_signatures(core: Core, tenant: NewTenant) -> None:
    before = core.signing.active()
    log_keys.rotate(core)
    assert core.signing.active()[0].public_key == before[0].public_key
    for tenant_id in (tenant.controller.id, INSTALLATION):
        head = core.log.head(tenant_id)
        assert [_opens(head.checkpoint, head.origin, key) for key in core.signing.active()] == [True, True]


def test_each_log_says_which_key_was_added(core: Core, tenant: NewTenant) -> None:
    told = log_keys.rotate(core)
    newest = core.signing.active()[-1].public_key
    for tenant_id in (tenant.controller.id, INSTALLATION):
        index = log_keys.leaf_of(tenant_id, newest)
        assert index is not None
        leaf = json.loads(core.log.entry(tenant_id, index).leaf)
        assert (leaf["kind"], leaf["key"], leaf["actor"]) == ("log_key.added", newest.hex(), "system")
    assert told["added"] == newest.hex()
    assert log_keys.leaf_of(tenant.controller.id, core.signing.active()[0].public_key) is None


def test_a_retired_key_signs_no_more_and_what_it_signed_still_verifies(core: Core, tenant: NewTenant) -> None:
    old_checkpoint = core.log.head(tenant.controller.id).checkpoint
    (old,) = core.signing.active()
    log_keys.rotate(core)
    assert log_keys.retire(core)["retired"] == [old.public_key.hex()]
    with core.store.transaction():
        core.log.append(tenant.controller.id, [Leaf("test", {})])
    head = core.log.head(tenant.controller.id)
    assert not _opens(head.checkpoint, head.origin, old)
    assert _opens(head.checkpoint, head.origin, core.signing.active()[0])
    assert note.open_checkpoint(old_checkpoint, core.signing.verifiers(head.origin)).origin == head.origin
    assert verifying.verify_logs(core).problems == []


def test_a_rotation_that_was_interrupted_goes_on_with_the_same_key(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        tenants.create(core, f"shop {number}", "EU")
    appended, append = [], TenantLog.append

    def interrupted(*given: object, **named: object) -> object:
        if len(appended) == 2:
            raise KeyboardInterrupt
        appended.append(1)
        return append(*given, **named)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(TenantLog, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        log_keys.rotate(core)
    with pytest.raises(Conflict, match="rotate-key"):
        log_keys.retire(core)
    newest = core.signing.active()[-1].public_key
    monkeypatch.undo()
    assert log_keys.rotate(core)["added"] == newest.hex()
    leaves = models.AuditEntry.select().where(models.AuditEntry.kind == "log_key.added")
    assert len({leaf.tenant_id for leaf in leaves}) == len(list(leaves)) == log_keys.log_count() == 5
    log_keys.retire(core)


def test_one_key_alone_is_never_retired(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(Conflict, match="only one log key"):
        log_keys.retire(core)


def test_another_process_hears_of_a_rotation(core: Core, tenant: NewTenant) -> None:
    now = [0.0]
    other = signing.CheckpointKeys(core.store, core.keys, core.clock, "dx.example", lambda: now[0])
    assert len(other.active()) == 1
    log_keys.rotate(core)
    assert len(other.active()) == 1
    now[0] += signing.KNOWN_FOR + 1
    assert [key.public_key for key in other.active()] == [key.public_key for key in core.signing.active()]


def test_a_log_opened_while_keys_overlap_knows_both(core: Core, tenant: NewTenant) -> None:
    log_keys.rotate(core)
    newcomer = tenants.create(core, "new shop", "EU").controller.id
    head = core.log.head(newcomer)
    assert all(_opens(head.checkpoint, head.origin, key) for key in core.signing.active())
    log_keys.retire(core)
    assert verifying.verify_logs(core).problems == []
