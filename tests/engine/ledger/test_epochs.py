"""A log that came back shorter than it was published goes on under another origin, says what is missing, and
never contradicts what was signed before."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.ledger import epochs as names
from dxflow.engine.ledger import merkle, note, verifier
from dxflow.engine.ledger.log import INSTALLATION, Leaf
from dxflow.engine.ledger.memory import Memory
from dxflow.engine.services.audit import covering, epochs, exports, verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _grow(core: Core, log_id: str, count: int = 5) -> None:
    with core.store.transaction():
        core.log.append(log_id, [Leaf("test", {"actor": "system", "n": n}) for n in range(count)])


def _published(core: Core, log_id: str, more: int = 7) -> str:
    """A checkpoint that was signed of entries that a restore took away."""
    head = core.log.head(log_id)
    return core.signing.sign(head.origin, head.size + more, b"\x07" * 32)


@pytest.fixture
def remembering(core: Core, tmp_path: Path) -> Core:
    return dataclasses.replace(core, memory=Memory(tmp_path / "memory"))


def test_a_log_goes_on_under_another_origin_and_says_what_is_missing(core: Core, tenant: NewTenant) -> None:
    log_id = tenant.controller.id
    _grow(core, log_id)
    before = core.log.head(log_id)
    checkpoint = _published(core, log_id)
    opened = epochs.open_epoch(core, log_id, checkpoint)
    assert opened.origin == f"{before.origin}/epoch/2"
    assert (opened.seq, opened.missing) == (before.size, 7)
    leaf = json.loads(core.log.entry(log_id, before.size).leaf)
    assert leaf["kind"] == "log.epoch_opened"
    assert leaf["previous"]["size"] == before.size
    assert leaf["published"] | {"sha256": ""} == {
        "origin": before.origin,
        "size": before.size + 7,
        "root": checkpoint.split("\n")[2],
        "sha256": "",
    }
    after = core.log.head(log_id)
    note.open_checkpoint(after.checkpoint, core.signing.verifiers(opened.origin))
    assert verifying.verify_logs(core).problems == []
    (told,) = verifying.verify_logs(core).epochs
    assert f"entries {before.size} to {before.size + 6}" in told


def test_what_was_proved_before_still_holds(core: Core, tenant: NewTenant) -> None:
    log_id = tenant.controller.id
    _grow(core, log_id)
    before = core.log.head(log_id)
    epochs.open_epoch(core, log_id, _published(core, log_id))
    _grow(core, log_id)
    after = core.log.head(log_id)
    old = note.open_checkpoint(before.checkpoint, core.signing.verifiers(before.origin))
    proof = core.log.consistency(log_id, old.size, after.size)
    merkle.verify_consistency(old.size, after.size, old.root, bytes.fromhex(after.root), proof)


def test_opening_it_again_changes_nothing(core: Core, tenant: NewTenant) -> None:
    checkpoint = _published(core, tenant.controller.id)
    first = epochs.open_epoch(core, tenant.controller.id, checkpoint)
    size = core.log.head(tenant.controller.id).size
    assert epochs.open_epoch(core, tenant.controller.id, checkpoint) == first
    assert core.log.head(tenant.controller.id).size == size


def test_a_second_rollback_opens_a_third_epoch(core: Core, tenant: NewTenant) -> None:
    log_id = tenant.controller.id
    epochs.open_epoch(core, log_id, _published(core, log_id))
    _grow(core, log_id)
    opened = epochs.open_epoch(core, log_id, _published(core, log_id, 3))
    assert (opened.epoch, names.number(opened.origin), opened.missing) == (3, 3, 3)
    assert verifying.verify_logs(core).problems == []


def test_a_backup_of_before_an_epoch_never_reuses_its_origin(core: Core, tenant: NewTenant) -> None:
    """The database that came back doesn't know of the second epoch, whose checkpoint was published."""
    head = core.log.head(tenant.controller.id)
    second = names.named(head.origin, 2)
    opened = epochs.open_epoch(core, tenant.controller.id, core.signing.sign(second, 2, b"\x01" * 32))
    assert opened.origin == names.named(head.origin, 3)
    assert verifying.verify_logs(core).problems == []
    with pytest.raises(NotFound):
        epochs.view(core, tenant.controller.id, 7)


def test_there_is_no_epoch_without_a_gap(core: Core, tenant: NewTenant) -> None:
    log_id = tenant.controller.id
    old = core.log.head(log_id).checkpoint
    _grow(core, log_id)
    with pytest.raises(Conflict, match="no gap"):
        epochs.open_epoch(core, log_id, old)
    with pytest.raises(Invalid):
        epochs.open_epoch(core, log_id, core.signing.sign("elsewhere.example/log", 99, b"\x01" * 32))
    with pytest.raises(Invalid):
        epochs.open_epoch(core, log_id, "nonsense")
    with pytest.raises(NotFound):
        epochs.open_epoch(core, core.new_id(), old)


def test_the_installations_log_has_epochs_too(core: Core, tenant: NewTenant) -> None:
    covering.cover(core)
    opened = epochs.open_epoch(core, INSTALLATION, _published(core, INSTALLATION))
    assert opened.origin == "dxflow.example/log/epoch/2"
    _grow(core, tenant.controller.id)
    covering.cover(core)
    assert verifying.verify_logs(core).problems == []


def test_the_memory_goes_over_to_the_new_epoch_and_keeps_the_old_as_evidence(
    remembering: Core, tenant: NewTenant, tmp_path: Path
) -> None:
    core, log_id = remembering, tenant.controller.id
    checkpoint = _published(core, log_id)
    assert core.memory is not None
    core.memory.remember(log_id, checkpoint)
    assert "rolled back" in str(verifying.verify_logs(core).problems)
    epochs.open_epoch(core, log_id, checkpoint)
    assert verifying.verify_logs(core).problems == []
    covering.cover(core)
    assert core.memory.recall(log_id) == core.log.head(log_id).checkpoint
    assert (tmp_path / "memory" / f"{log_id}.epoch-1").read_text() == checkpoint
    core.memory.remember(log_id, checkpoint)
    assert core.memory.recall(log_id) == core.log.head(log_id).checkpoint
    assert verifying.verify_logs(core).problems == []


def test_a_bundle_tells_of_the_gap_and_holds(core: Core, tenant: NewTenant, tmp_path: Path) -> None:
    log_id = tenant.controller.id
    _grow(core, log_id)
    covering.cover(core)
    kept = core.log.head(log_id).checkpoint
    epochs.open_epoch(core, log_id, _published(core, log_id))
    _grow(core, log_id)
    bundle = tmp_path / "bundle.zip"
    exports.export(core, log_id, bundle)
    report = verifier.check(bundle, [], kept)
    assert any("went missing" in one for one in report.notes)
    assert any("your own checkpoint" in one for one in report.holds)


def test_a_checkpoint_of_what_is_missing_convicts_the_bundle(
    core: Core, tenant: NewTenant, tmp_path: Path
) -> None:
    checkpoint = _published(core, tenant.controller.id)
    epochs.open_epoch(core, tenant.controller.id, checkpoint)
    _grow(core, tenant.controller.id, 20)
    exports.export(core, tenant.controller.id, tmp_path / "bundle.zip")
    with pytest.raises(verifier.Broken, match="went missing"):
        verifier.check(tmp_path / "bundle.zip", [], checkpoint)


@pytest.mark.parametrize("change", ["unlisted", "other gap", "other origin", "other tree"])
def test_an_epoch_that_nobody_opened_is_found_out(core: Core, tenant: NewTenant, change: str) -> None:
    log_id, row = tenant.controller.id, models.LogEpoch
    epochs.open_epoch(core, log_id, _published(core, log_id))
    head = core.log.head(log_id)
    if change == "unlisted":
        row.delete().execute()
    elif change == "other gap":
        less = core.signing.sign(names.base(head.origin), head.size + 1, b"\x07" * 32)
        row.update(published_size=head.size + 1, published_checkpoint=less).execute()
    elif change == "other tree":
        other = core.signing.sign(names.base(head.origin), int(head.size) - 1, b"\x05" * 32)
        row.update(restored_checkpoint=other).execute()
    else:
        origin = names.named(head.origin, 9)
        models.AuditHead.update(
            origin=origin, checkpoint=core.signing.sign(origin, head.size, bytes.fromhex(head.root))
        ).where(models.AuditHead.tenant_id == log_id).execute()
    assert any("epoch" in one for one in verifying.verify_logs(core).problems)


def test_readers_of_the_old_epoch_find_what_was_published_and_where_it_goes_on(
    core: Core, tenant: NewTenant
) -> None:
    log_id = tenant.controller.id
    _grow(core, log_id)
    size, checkpoint = core.log.head(log_id).size, _published(core, log_id)
    opened = epochs.open_epoch(core, log_id, checkpoint)
    _grow(core, log_id)
    first, second = epochs.view(core, log_id, 1), epochs.view(core, log_id, 2)
    assert (first.checkpoint, first.size) == (checkpoint, size)
    assert first.following is not None
    assert first.following.origin == opened.origin == second.origin
    assert second.checkpoint == core.log.head(log_id).checkpoint
    assert second.following is None


@pytest.mark.parametrize(
    ("origin", "base", "number"),
    [
        ("a.example/log/did:dep:x", "a.example/log/did:dep:x", 1),
        ("a.example/log/did:dep:x/epoch/2", "a.example/log/did:dep:x", 2),
        ("a.example/log/epoch/12", "a.example/log", 12),
        ("a.example/log/epoch/x", "a.example/log/epoch/x", 1),
    ],
)
def test_origins_name_their_epochs(origin: str, base: str, number: int) -> None:
    assert (names.base(origin), names.number(origin)) == (base, number)
    assert names.named(origin, number) == origin
