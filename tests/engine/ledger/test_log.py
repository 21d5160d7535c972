"""The stored log: appending under a head, refusing the stale, proving what was appended."""

from __future__ import annotations

import json

import pymerkle
import pytest
from flow import at_once

from dxflow.engine.core import Core
from dxflow.engine.errors import LogBroken, NotFound, StaleFence
from dxflow.engine.ledger import leaves, merkle, note
from dxflow.engine.ledger.log import Appended, Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import audit, verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _append(core: Core, tenant: NewTenant, count: int = 1, fence: int | None = None) -> Appended:
    with core.store.transaction():
        return core.log.append(
            tenant.controller.id, [Leaf("test", {"n": n}, {"secret": n}) for n in range(count)], fence
        )


def _hashes(tenant: NewTenant) -> list[bytes]:
    rows = audit.entries(tenant.controller.id, limit=10_000)
    return [merkle.leaf_hash(row.leaf.encode()) for row in reversed(rows)]


def test_entries_follow_each_other_without_a_gap(core: Core, tenant: NewTenant) -> None:
    size = core.log.head(tenant.controller.id).size
    assert _append(core, tenant, 3) == Appended(size, size + 3)
    assert _append(core, tenant) == Appended(size + 3, size + 4)
    rows = audit.entries(tenant.controller.id)
    assert [row.seq for row in rows] == list(range(size + 3, -1, -1))
    assert [json.loads(row.leaf)["seq"] for row in rows] == [row.seq for row in rows]


def test_an_empty_batch_changes_nothing(core: Core, tenant: NewTenant) -> None:
    before = core.log.head(tenant.controller.id).checkpoint
    _append(core, tenant, 0)
    head = core.log.head(tenant.controller.id)
    assert note.open_checkpoint(head.checkpoint, core.signing.verifiers(head.origin)).size == head.size
    assert note.open_checkpoint(before, core.signing.verifiers(head.origin)).root.hex() == head.root


def test_a_leaf_is_canonical_and_commits_to_what_it_does_not_say(core: Core, tenant: NewTenant) -> None:
    index = _append(core, tenant).first
    entry = core.log.entry(tenant.controller.id, index)
    content = json.loads(entry.leaf)
    assert entry.leaf.encode() == leaves.encode(content)
    salt = models.AuditSalt.get(models.AuditSalt.seq == index).salt
    assert content["commitment"] == leaves.commit(salt, {"secret": 0})
    assert "secret" not in entry.leaf


def test_the_checkpoint_is_signed_and_says_where_the_log_ends(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant, 5)
    head = core.log.head(tenant.controller.id)
    checkpoint = note.open_checkpoint(head.checkpoint, core.signing.verifiers(head.origin))
    assert checkpoint.origin == f"dxflow.example/log/{tenant.controller.did}"
    assert (checkpoint.size, checkpoint.root.hex()) == (head.size, head.root)


def test_the_root_is_what_an_independent_implementation_computes(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant, 300)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for row in reversed(audit.entries(tenant.controller.id, limit=1000)):
        tree.append_entry(row.leaf.encode())
    assert tree.get_root().hex() == core.log.head(tenant.controller.id).root


def test_every_entry_is_proven_in_every_later_tree(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant, 270)
    hashes = _hashes(tenant)
    size = len(hashes)
    for index in (0, 1, 127, 255, 256, size - 1):
        for tree in {index + 1, size}:
            frontier = merkle.Frontier()
            for leaf_hash in hashes[:tree]:
                frontier.append(leaf_hash)
            proof = core.log.inclusion(tenant.controller.id, index, tree)
            merkle.verify_inclusion(hashes[index], index, tree, proof, frontier.root())


def test_the_log_is_proven_to_have_only_grown(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant, 3)
    old = core.log.head(tenant.controller.id)
    _append(core, tenant, 260)
    new = core.log.head(tenant.controller.id)
    proof = core.log.consistency(tenant.controller.id, old.size, new.size)
    merkle.verify_consistency(old.size, new.size, bytes.fromhex(old.root), bytes.fromhex(new.root), proof)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000])
def test_a_batch_of_any_size_commits_each_leaf_under_a_salt_of_its_own(
    core: Core, tenant: NewTenant, count: int
) -> None:
    first = _append(core, tenant, count).first
    rows = models.AuditSalt.select().where(models.AuditSalt.tenant_id == tenant.controller.id)
    salts = {row.seq: row.salt for row in rows}
    assert [*sorted(salts)][-count:] == list(range(first, first + count))
    assert len(set(salts.values())) == len(salts)
    for row in audit.entries(tenant.controller.id, limit=count):
        said = json.loads(row.leaf)
        assert said["commitment"] == leaves.commit(salts[row.seq], {"secret": said["n"]})
    assert verifying.verify_logs(core).ok


def test_a_leaf_without_a_payload_has_neither_commitment_nor_salt(core: Core, tenant: NewTenant) -> None:
    batch = [Leaf("test", {"n": 0}), Leaf("test", {"n": 1}, {"secret": 1}), Leaf("test", {"n": 2})]
    with core.store.transaction():
        first = core.log.append(tenant.controller.id, batch).first
    said = [json.loads(core.log.entry(tenant.controller.id, first + n).leaf) for n in range(3)]
    assert ["commitment" in leaf for leaf in said] == [False, True, False]
    salt = models.AuditSalt.get(models.AuditSalt.seq >= first)
    assert (salt.seq, said[1]["commitment"]) == (first + 1, leaves.commit(salt.salt, {"secret": 1}))


def test_proofs_for_a_size_that_was_committed_hold_while_the_log_grows(core: Core, tenant: NewTenant) -> None:
    _append(core, tenant, 300)
    head, older = core.log.head(tenant.controller.id), 257
    hashes, root = _hashes(tenant), bytes.fromhex(core.log.head(tenant.controller.id).root)
    older_root = _root(hashes[:older])

    def prove() -> None:
        for index in range(0, head.size, 29):
            proof = core.log.inclusion(tenant.controller.id, index, head.size)
            merkle.verify_inclusion(hashes[index], index, head.size, proof, root)
            proof = core.log.consistency(tenant.controller.id, older, head.size)
            merkle.verify_consistency(older, head.size, older_root, root, proof)

    results = at_once(core, [lambda: _append(core, tenant, 60), prove] * 4)
    assert [result for result in results if isinstance(result, BaseException)] == []
    assert core.log.head(tenant.controller.id).size == head.size + 240


def _root(hashes: list[bytes]) -> bytes:
    frontier = merkle.Frontier()
    frontier.extend(hashes)
    return frontier.root()


def test_a_stale_fence_is_refused_and_writes_nothing(core: Core, tenant: NewTenant) -> None:
    stale = core.log.fence(tenant.controller.id)
    newest = core.log.fence(tenant.controller.id)
    assert newest > stale
    size = core.log.head(tenant.controller.id).size
    with pytest.raises(StaleFence):
        _append(core, tenant, fence=stale)
    assert core.log.head(tenant.controller.id).size == size
    assert len(audit.entries(tenant.controller.id)) == size
    _append(core, tenant, fence=newest)


def test_a_fence_handed_out_while_a_batch_is_written_refuses_the_batch(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder looked, slept past its lease, and goes on writing."""
    fence = core.log.fence(tenant.controller.id)
    original = type(core.log)._advance

    def slept(self: object, head: models.AuditHead, *rest: object) -> None:
        models.AuditHead.update(fence=models.AuditHead.fence + 1).execute()
        original(self, head, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(core.log), "_advance", slept)
    with pytest.raises(StaleFence):
        _append(core, tenant, fence=fence)
    monkeypatch.undo()
    assert verifying.verify_logs(core).ok
    assert core.log.head(tenant.controller.id).fence == fence, "rolled back with the batch"


def test_thirty_writers_at_once_leave_one_unbroken_log(core: Core, tenant: NewTenant) -> None:
    size = core.log.head(tenant.controller.id).size
    results = at_once(core, [lambda: _append(core, tenant, 3)] * 30)
    assert all(isinstance(result, Appended) for result in results), results
    firsts = sorted(result.first for result in results)  # type: ignore[union-attr]
    assert firsts == list(range(size, size + 90, 3))
    assert verifying.verify_logs(core).ok


def test_what_rolls_back_leaves_no_entry_no_tile_and_no_head(core: Core, tenant: NewTenant) -> None:
    before = core.log.head(tenant.controller.id).checkpoint
    with pytest.raises(RuntimeError):
        _append_and_fail(core, tenant)
    assert core.log.head(tenant.controller.id).checkpoint == before
    assert verifying.verify_logs(core).ok


def _append_and_fail(core: Core, tenant: NewTenant) -> None:
    with core.store.transaction():
        core.log.append(tenant.controller.id, [Leaf("test", {})] * 5)
        raise RuntimeError


def test_a_frontier_of_another_size_than_the_head_s_is_not_appended_to(core: Core, tenant: NewTenant) -> None:
    wrong = merkle.Frontier()
    wrong.extend([merkle.leaf_hash(b"")] * (core.log.head(tenant.controller.id).size + 1))
    models.AuditHead.update(frontier=wrong.to_bytes()).execute()
    with pytest.raises(LogBroken, match="its frontier"):
        _append(core, tenant)


def test_two_tenants_have_two_logs(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR")
    _append(core, tenant, 4)
    heads = {head.tenant_id: head for head in models.AuditHead.select()}
    assert heads[other.controller.id].size == 2
    assert heads[other.controller.id].origin != heads[tenant.controller.id].origin


def test_what_is_not_there_is_not_found(core: Core, tenant: NewTenant) -> None:
    nobody = "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01"
    with pytest.raises(NotFound):
        core.log.head(nobody)
    with pytest.raises(NotFound):
        core.log.entry(tenant.controller.id, 10_000)
    with pytest.raises(LogBroken), core.store.transaction():
        core.log.append(nobody, [Leaf("test", {})])
    with pytest.raises(LogBroken):
        core.log.inclusion(tenant.controller.id, 5, 300)
