"""Verification finds, and names, whatever somebody with the database in their hands may change."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flow import HandClock, Sender, at_once, customer, drain, settle

from dxflow.engine.core import Core
from dxflow.engine.ledger import merkle, note, tiles
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.ledger.verify import Verification
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Tamper = Callable[..., None]
COUNT = 4


@pytest.fixture
def tamper(core: Core, shopify: Sender) -> Tamper:
    """SQL of somebody who took the triggers away, on a log with registrations in it."""
    for number in range(COUNT):
        shopify.send("customers/create", customer(number))
    settle(core)
    database = core.store.database
    if core.store.dialect == "sqlite":
        for name in ("update", "delete", "replace"):
            database.execute_sql(f"DROP TRIGGER audit_entries_no_{name}")

    def change(statement: str, *values: object) -> None:
        if core.store.dialect == "postgresql":
            database.execute_sql("SET session_replication_role = replica")
            statement = statement.replace("?", "%s")
        assert database.execute_sql(statement, values).rowcount > 0
        if core.store.dialect == "postgresql":
            database.execute_sql("SET session_replication_role = origin")

    return change


def _problem(core: Core) -> str:
    """The one problem that verification names."""
    found = verifying.verify_logs(core)
    assert not found.ok
    assert len(found.problems) == 1, found.problems
    return found.problems[0]


def _registered(tenant: NewTenant) -> models.Registration:
    model = models.Registration
    return model.select().where(model.tenant_id == tenant.controller.id).order_by(model.log_index).first()


def test_an_untouched_log_is_whole(core: Core, tamper: Tamper) -> None:
    found = verifying.verify_logs(core)
    assert (found.ok, found.tenants) == (True, 1)
    assert found.entries == verifying.entry_count() == models.AuditEntry.select().count()


def test_progress_counts_every_entry_once(core: Core, tamper: Tamper) -> None:
    counted: list[int] = []
    found = verifying.verify_logs(core, progress=counted.append)
    assert sum(counted) == found.entries


def test_a_changed_leaf_is_found(core: Core, tamper: Tamper, tenant: NewTenant) -> None:
    index = _registered(tenant).log_index
    content = json.loads(core.log.entry(tenant.controller.id, index).leaf)
    content["commitment"] = "0" * 64
    tamper("UPDATE audit_entries SET leaf = ? WHERE seq = ?", json.dumps(content), index)
    assert "don't give the root" in _problem(core)


def test_a_leaf_spelled_differently_is_found(core: Core, tamper: Tamper) -> None:
    tamper("UPDATE audit_entries SET leaf = leaf || ' ' WHERE seq = 3")
    assert "don't give the root" in _problem(core)


@pytest.mark.parametrize("leaf", ["no JSON", "[]", "{}"])
def test_a_leaf_that_is_no_leaf_is_found(core: Core, tamper: Tamper, leaf: str) -> None:
    tamper("UPDATE audit_entries SET leaf = ? WHERE seq = 3", leaf)
    assert "entry 3" in _problem(core)


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "another"), ("recorded_at", "2020-01-01T00:00:00.000Z")]
)
def test_a_row_that_says_otherwise_than_its_leaf_is_found(
    core: Core, tamper: Tamper, column: str, value: str
) -> None:
    tamper(f"UPDATE audit_entries SET {column} = ? WHERE seq = 3", value)
    assert "entry 3 doesn't say what its row says" in _problem(core)


def test_a_removed_leaf_is_found(core: Core, tamper: Tamper) -> None:
    tamper("DELETE FROM audit_entries WHERE seq = 3")
    assert "entry 3 is missing" in _problem(core)


def test_a_removed_end_is_found(core: Core, tamper: Tamper, tenant: NewTenant) -> None:
    size = core.log.head(tenant.controller.id).size
    tamper("DELETE FROM audit_entries WHERE seq = ?", size - 1)
    assert f"the head counts {size} entries, there are {size - 1}" in _problem(core)


def test_swapped_leaves_are_found(core: Core, tamper: Tamper) -> None:
    for old, new in ((3, 999), (4, 3), (999, 4)):
        tamper("UPDATE audit_entries SET seq = ? WHERE seq = ?", new, old)
    assert "entry 3 doesn't say what its row says" in _problem(core)


def test_an_extra_entry_is_found(core: Core, tamper: Tamper, tenant: NewTenant) -> None:
    size = core.log.head(tenant.controller.id).size
    tamper(
        "INSERT INTO audit_entries (tenant_id, seq, kind, leaf) VALUES (?, ?, 'x', '{}')",
        tenant.controller.id,
        size,
    )
    assert "entries beyond the head's size" in _problem(core)


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("root", "0" * 64, "don't give the root"),
        ("size", 3, "don't give the root"),
        ("size", 9999, "the head counts 9999 entries"),
        ("origin", "elsewhere/log/x", "this origin isn't that of /log/did:dep:"),
        ("frontier", merkle.Frontier().to_bytes(), "frontier"),
        ("checkpoint", "nothing", "not a signed note"),
    ],
)
def test_a_changed_head_is_found(core: Core, tamper: Tamper, column: str, value: object, named: str) -> None:
    tamper(f"UPDATE audit_heads SET {column} = ?", value)
    found = verifying.verify_logs(core)
    assert not found.ok
    assert named in found.problems[0]


def test_an_older_checkpoint_of_the_same_log_is_found(core: Core, tamper: Tamper, tenant: NewTenant) -> None:
    older = core.log.head(tenant.controller.id).checkpoint
    with core.store.transaction():
        core.log.append(tenant.controller.id, [Leaf("test", {})])
    tamper("UPDATE audit_heads SET checkpoint = ?", older)
    assert "speaks of another tree" in _problem(core)


def test_a_removed_head_is_found(core: Core, tamper: Tamper, tenant: NewTenant) -> None:
    tamper("DELETE FROM audit_heads")
    assert _problem(core) == f"{tenant.controller.did}: has no log"


def test_a_log_without_its_tenant_is_found(core: Core, tamper: Tamper) -> None:
    gone = tenants.create(core, "Gone", "FR").controller
    if core.store.dialect == "sqlite":
        core.store.database.execute_sql("PRAGMA foreign_keys = off")
    tamper("DELETE FROM data_controllers WHERE id = ?", gone.id)
    assert "the data controller of this log is gone" in _problem(core)


def test_a_rewritten_log_under_a_key_of_its_own_is_found(
    core: Core, tamper: Tamper, tenant: NewTenant
) -> None:
    """Leaves, tiles, root and checkpoint agree, and the key that signed it stands in the table."""
    head = core.log.head(tenant.controller.id)
    stranger = note.SigningKey.generate(head.origin)
    text = note.checkpoint_text(head.origin, head.size, bytes.fromhex(head.root))
    tamper("UPDATE audit_heads SET checkpoint = ?", stranger.sign_note(text))
    assert "no known key signed the note" in _problem(core)
    tamper(
        "INSERT INTO log_keys (name, vkey, seed_sealed) SELECT name, ?, seed_sealed FROM log_keys",
        stranger.vkey,
    )
    problems = verifying.verify_logs(core).problems
    assert any("no known key signed the note" in problem for problem in problems)
    assert f"log key {stranger.vkey} was not made by this installation" in problems
    assert stranger.vkey not in [verifier.vkey for verifier in core.signing.verifiers(head.origin)]


def test_a_changed_tile_is_found(core: Core, tamper: Tamper) -> None:
    tamper("UPDATE audit_tiles SET hashes = ?", b"x" * 32)
    assert "tile 0/0 holds other hashes" in _problem(core)


def test_a_removed_tile_is_found(core: Core, tamper: Tamper) -> None:
    tamper("DELETE FROM audit_tiles")
    assert "tile 0/0" in _problem(core)


def test_a_changed_hash_that_the_root_is_not_read_from_is_found(
    core: Core, tamper: Tamper, tenant: NewTenant
) -> None:
    """Above a full tile stands its root: only proofs read the hashes below, and they would be wrong."""
    with core.store.transaction():
        core.log.append(tenant.controller.id, [Leaf("test", {})] * tiles.TILE_WIDTH)
    tamper("UPDATE audit_tiles SET hashes = ? WHERE level = 0 AND idx = 0", b"x" * 32 * tiles.TILE_WIDTH)
    assert "tile 0/0 holds other hashes" in _problem(core)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE registrations SET log_index = 0 WHERE log_index = ?", "which isn't its leaf"),
        ("UPDATE registrations SET log_index = 9999 WHERE log_index = ?", "receipts beyond the head's size"),
        ("UPDATE registrations SET did = 'did:dep:x' WHERE log_index = ?", "which isn't its leaf"),
        ("UPDATE registrations SET tree_size = 1 WHERE log_index = ?", "doesn't say what its receipt says"),
        ("DELETE FROM registrations WHERE log_index = ?", "is missing"),
        (
            "UPDATE data_processing_activities SET log_index = 1 WHERE log_index = ?",
            "doesn't say what its receipt says",
        ),
        (
            "UPDATE data_processing_activities SET did = NULL WHERE log_index = ?",
            "doesn't say what its receipt says",
        ),
    ],
)
def test_a_receipt_that_points_elsewhere_is_found(
    core: Core, tamper: Tamper, tenant: NewTenant, statement: str, named: str
) -> None:
    tamper(statement, _registered(tenant).log_index)
    assert any(named in problem for problem in verifying.verify_logs(core).problems)


def test_an_activity_that_only_claims_to_be_registered_is_found(
    core: Core, tamper: Tamper, tenant: NewTenant
) -> None:
    tamper(
        "INSERT INTO data_processing_activities (tenant_id, activity_type, legal_basis, purpose, "
        "registration_state, log_index) VALUES (?, 'a', 'b', 'c', 'registered', 0)",
        tenant.controller.id,
    )
    assert "doesn't say what its receipt says" in _problem(core)


def test_the_broken_log_of_one_tenant_is_named_beside_the_whole_one_of_another(
    core: Core, tamper: Tamper, tenant: NewTenant
) -> None:
    other = tenants.create(core, "Other", "FR").controller
    tamper("DELETE FROM audit_entries WHERE seq = 1 AND tenant_id = ?", other.id)
    found = verifying.verify_logs(core)
    assert found.tenants == 2
    assert [other.did in problem for problem in found.problems] == [True]
    assert verifying.verify_logs(core, tenant.controller.id).ok
    assert not verifying.verify_logs(core, other.id).ok


def test_a_log_that_grows_while_it_is_verified_is_whole(
    core: Core, clock: HandClock, shopify: Sender
) -> None:
    def write() -> None:
        for number in range(12):
            shopify.send("customers/create", customer(number))
            drain(core)

    def verify() -> list[Verification]:
        return [verifying.verify_logs(core) for _ in range(40)]

    results = at_once(core, [write, verify, verify])
    problems = [found.problems for result in results[1:] for found in result]  # type: ignore[union-attr]
    assert results[0] is None
    assert problems == [[]] * 80
