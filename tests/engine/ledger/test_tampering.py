"""Somebody owns the database: what they can do to it, and what ``audit verify`` says of it.

Each test plays the owner, without triggers and without the root key, on SQLite's file or PostgreSQL's tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flow import Sender, customer, settle

from dxflow.engine.core import Core
from dxflow.engine.ledger import merkle, tiles, verify
from dxflow.engine.ledger.log import INSTALLATION, Leaf
from dxflow.engine.ledger.memory import Memory
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import covering, verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

TABLES = (
    "audit_entries",
    "audit_heads",
    "audit_tiles",
    "audit_salts",
    "registrations",
    "covered_checkpoints",
)


@pytest.fixture
def core(core: Core, tmp_path: Path) -> Core:
    """With a memory outside the database."""
    object.__setattr__(core, "memory", Memory(tmp_path / "memory"))
    return core


@pytest.fixture
def log(core: Core, tenant: NewTenant, shopify: Sender) -> Owner:
    """A log with registrations, covered and verified once: what was seen is remembered."""
    for number in range(3):
        shopify.send("customers/create", customer(number))
    settle(core)
    with core.store.transaction():
        core.log.append(tenant.controller.id, [Leaf("test", {"actor": "system", "n": n}) for n in range(300)])
    covering.cover(core)
    owner = Owner(core, tenant.controller.id)
    assert verifying.verify_logs(core).problems == []
    return owner


class Owner:
    """The database in somebody's hands."""

    def __init__(self, core: Core, tenant_id: str) -> None:
        self.core, self.tenant_id = core, tenant_id
        if core.store.dialect == "sqlite":
            for name in ("update", "delete", "replace"):
                core.store.database.execute_sql(f"DROP TRIGGER audit_entries_no_{name}")

    def run(self, statement: str, *values: object) -> None:
        """SQL, as the owner may run it."""
        database = self.core.store.database
        postgresql = self.core.store.dialect == "postgresql"
        if postgresql:
            database.execute_sql("SET session_replication_role = replica")
        database.execute_sql(statement.replace("?", "%s") if postgresql else statement, values)
        if postgresql:
            database.execute_sql("SET session_replication_role = origin")

    def save(self) -> Callable[[], None]:
        """All rows of the logs as they are; what is returned puts them back."""
        kept = {
            name: self.core.store.database.execute_sql(f"SELECT * FROM {name}").fetchall() for name in TABLES
        }

        def restore() -> None:
            for name, rows in kept.items():
                self.run(f"DELETE FROM {name}")
                for row in rows:
                    self.run(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", *row)

        return restore

    def append(self, count: int) -> None:
        with self.core.store.transaction():
            self.core.log.append(self.tenant_id, [Leaf("test", {"actor": "system"})] * count)

    def problems(self) -> str:
        found = verifying.verify_logs(self.core)
        assert not found.ok
        return "\n".join(found.problems)

    def rebuild(self) -> None:
        """Make tiles, frontier and head agree with the entries: all but the signature, for want of the key."""
        entry = models.AuditEntry
        rows = entry.select(entry.leaf).where(entry.tenant_id == self.tenant_id).order_by(entry.seq)
        hashes = [merkle.leaf_hash(row.leaf.encode()) for row in rows]
        tree = merkle.Frontier()
        made = tiles.extend(_Nothing(), tree, hashes)
        self.run("DELETE FROM audit_tiles WHERE tenant_id = ?", self.tenant_id)
        for (level, index), content in made.items():
            self.run(
                "INSERT INTO audit_tiles (tenant_id, level, idx, hashes) VALUES (?, ?, ?, ?)",
                *(self.tenant_id, level, index, content),
            )
        self.run(
            "UPDATE audit_heads SET size = ?, root = ?, frontier = ? WHERE tenant_id = ?",
            *(tree.size, tree.root().hex(), tree.to_bytes(), self.tenant_id),
        )


class _Nothing:
    def read(self, level: int, index: int) -> bytes:
        return b""


def _forged(leaf: str) -> str:
    return json.dumps(json.loads(leaf) | {"actor": "nobody"}, sort_keys=True, separators=(",", ":"))


def test_one_changed_entry_is_named_as_a_change(log: Owner) -> None:
    leaf = log.core.log.entry(log.tenant_id, 5).leaf
    log.run("UPDATE audit_entries SET leaf = ? WHERE tenant_id = ? AND seq = 5", _forged(leaf), log.tenant_id)
    assert "don't give the root of the head: one was changed" in log.problems()
    log.rebuild()
    assert "the signed checkpoint speaks of another tree" in log.problems()


def test_the_last_ten_deleted_are_named_as_missing(log: Owner) -> None:
    size = log.core.log.head(log.tenant_id).size
    log.run("DELETE FROM audit_entries WHERE tenant_id = ? AND seq >= ?", log.tenant_id, size - 10)
    assert f"the head counts {size} entries, there are {size - 10}" in log.problems()


def test_the_last_ten_deleted_with_an_older_genuine_checkpoint_put_back_are_a_rollback(log: Owner) -> None:
    restore = log.save()
    log.append(10)
    assert verifying.verify_logs(log.core).problems == []
    restore()
    assert "rolled back" in log.problems()
    assert "10 more were signed" in log.problems()


def test_yesterday_s_file_is_a_rollback_also_of_what_only_the_minute_s_round_remembered(log: Owner) -> None:
    restore = log.save()
    log.append(7)
    covering.cover(log.core)
    restore()
    problems = log.problems()
    assert "7 more were signed" in problems
    assert problems.count("rolled back") == 2  # the tenant's log, and the installation's


def test_yesterday_s_file_that_went_on_is_a_fork(log: Owner) -> None:
    restore = log.save()
    log.append(7)
    assert verifying.verify_logs(log.core).problems == []
    restore()
    log.append(20)
    assert "forked" in log.problems()


@pytest.mark.parametrize(("first", "second"), [(5, 6), (0, 250)])
def test_exchanged_entries_are_named(log: Owner, first: int, second: int) -> None:
    leaves = [log.core.log.entry(log.tenant_id, index).leaf for index in (first, second)]
    for index, leaf in zip((second, first), leaves, strict=True):
        log.run(
            "UPDATE audit_entries SET leaf = ? WHERE tenant_id = ? AND seq = ?", leaf, log.tenant_id, index
        )
    assert f"entry {first} doesn't say what its row says" in log.problems()


def test_a_whole_log_removed_is_missed(log: Owner) -> None:
    other = tenants.create(log.core, "Gone", "FR").controller
    covering.cover(log.core)
    if log.core.store.dialect == "sqlite":
        log.core.store.database.execute_sql("PRAGMA foreign_keys = off")
    for table in (*TABLES[:4], "covered_checkpoints"):
        log.run(f"DELETE FROM {table} WHERE tenant_id = ?", other.id)
    log.run("DELETE FROM data_controllers WHERE id = ?", other.id)
    assert "the whole log is gone" in log.problems()


def test_the_installation_s_log_is_verified_too(log: Owner) -> None:
    leaf = log.core.log.entry(INSTALLATION, 0).leaf
    log.run("UPDATE audit_entries SET leaf = ? WHERE tenant_id = ? AND seq = 0", _forged(leaf), INSTALLATION)
    assert "don't give the root" in log.problems()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM covered_checkpoints", "what entry 0 commits to is missing"),
        ("UPDATE covered_checkpoints SET size = size + 1", "forked"),
        ("UPDATE audit_salts SET salt = ? WHERE tenant_id = ?", "commits to another checkpoint"),
    ],
)
def test_what_the_installation_s_log_commits_to_is_held_against_it(
    log: Owner, statement: str, named: str
) -> None:
    log.run(statement, *((b"x" * 32, INSTALLATION) if "?" in statement else ()))
    assert named in log.problems()


def test_an_untouched_log_is_not_blamed_for_another_s_fault(log: Owner) -> None:
    other = tenants.create(log.core, "Whole", "FR").controller
    log.run("UPDATE audit_entries SET kind = 'x' WHERE tenant_id = ? AND seq = 1", log.tenant_id)
    found = verifying.verify_logs(log.core)
    assert [other.did in problem for problem in found.problems] == [False]


def interrupt(log: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify the first 256 entries, and no more; from here on they are verified by so many."""
    monkeypatch.setattr(verify, "CHUNK", 256)

    def stop(count: int) -> None:
        if count == 256:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verifying.verify_logs(log.core, log.tenant_id, stop)


def test_an_interrupted_verification_goes_on_where_it_stopped(
    log: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(log, monkeypatch)
    found = verifying.verify_logs(log.core, log.tenant_id)
    assert found.ok
    assert ["went on at entry 256" in one for one in found.resumed] == [True]
    assert found.entries == log.core.log.head(log.tenant_id).size
    assert verifying.verify_logs(log.core, log.tenant_id).resumed == []


def test_a_run_begins_anew_when_told_so_or_when_the_kept_progress_is_no_one_s(
    log: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(log, monkeypatch)
    assert verifying.verify_logs(log.core, log.tenant_id, fresh=True).resumed == []
    interrupt(log, monkeypatch)
    assert log.core.memory is not None
    log.core.memory.keep_progress(log.tenant_id, b"\x01" + b"forged" * 20)
    assert verifying.verify_logs(log.core, log.tenant_id).resumed == []


def test_a_fault_found_before_the_interruption_is_not_forgotten(
    log: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = models.AuditTile.get(tenant_id=log.tenant_id, level=0, idx=0)
    log.run(
        "UPDATE audit_tiles SET hashes = ? WHERE tenant_id = ? AND level = 0 AND idx = 0",
        *(b"\0" * len(tile.hashes), log.tenant_id),
    )

    interrupt(log, monkeypatch)
    found = verifying.verify_logs(log.core, log.tenant_id)
    assert found.resumed
    assert any("tile 0/0" in problem for problem in found.problems)
