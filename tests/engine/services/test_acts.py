"""Administrative acts: each leaves a leaf that commits to what it changed, and the catalogue names them all."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow import Sender, customer, settle

from dxflow.engine.core import Core
from dxflow.engine.ledger.log import TenantLog
from dxflow.engine.services import acts, tenants
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.people import credentials
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = (ROOT / "docs" / "audit-log.md").read_text(encoding="utf-8")
KIND = re.compile(r"[a-z_]+\.[a-z_]+")
SOMEBODY = "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01"
FROM_OUTCOMES = {"data_subject.created", "data_subject.matched"}
"""Written with the outcome of a match in place."""


def _catalogued() -> set[str]:
    rows = [line for line in CATALOGUE.splitlines() if line.startswith("| `")]
    return {kind for row in rows for kind in re.findall(r"`([a-z_]+\.[a-z_]+)`", row.split("|")[1])}


def _literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KIND.fullmatch(node.value):
            yield node.value


def _sources() -> Iterator[ast.AST]:
    for room in ("engine", "http"):
        for file in sorted((ROOT / room).rglob("*.py")):
            if file.name == "audit_words.py":
                continue  # it only says what kinds are called
            yield ast.parse(file.read_text(encoding="utf-8"))


def _recorded() -> set[str]:
    """Kinds that stand in calls of ``record``, ``Act``, ``Decision`` and ``Leaf``."""
    found = set()
    for tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in ("record", "Act", "Decision", "Leaf"):
                    found |= {kind for argument in node.args for kind in _literals(argument)}
    return found


def test_every_kind_that_is_written_is_in_the_catalogue() -> None:
    recorded = _recorded()
    assert len(recorded) > 10
    assert recorded - _catalogued() == set()


def test_every_kind_in_the_catalogue_is_written_somewhere() -> None:
    known = {kind for tree in _sources() for kind in _literals(tree)} | FROM_OUTCOMES
    assert _catalogued() - known == set()


def test_what_has_words_of_its_own_is_in_the_catalogue() -> None:
    named = ROOT / "http" / "dashboard" / "audit" / "audit_words.py"
    assert set(_literals(ast.parse(named.read_text(encoding="utf-8")))) <= _catalogued()


def _last(core: Core, tenant: NewTenant) -> acts.Opened:
    index = core.log.head(tenant.controller.id).size - 1
    return acts.opened(core, tenant.controller.id, index)


def test_an_act_says_who_and_commits_to_what_changed(core: Core, tenant: NewTenant) -> None:
    row, _ = credentials.create_key(core, tenant.controller.id, "for the shop", ["read"], "user:7")
    found = _last(core, tenant)
    assert (found.leaf["kind"], found.leaf["actor"], found.leaf["key"]) == (
        "api_key.created",
        "user:7",
        row.id,
    )
    assert found.changed is not None
    assert (found.changed["name"], found.holds) == ("for the shop", True)
    assert "for the shop" not in json.dumps(found.leaf)


def test_a_rotated_connector_and_another_role_say_from_and_to(core: Core, tenant: NewTenant) -> None:
    connector = connectors.add(core, tenant.controller.id, "shopify", ["shhh"])
    connectors.rotate(core, tenant.controller.id, connector.id, "newer", actor="user:1")
    rotated = _last(core, tenant)
    assert rotated.changed is not None
    assert "older_secrets_until" in rotated.changed
    assert "newer" not in json.dumps([rotated.leaf, rotated.changed])
    tenants.set_queue_weight(core, tenant.controller.id, 4, "system")
    weighted = _last(core, tenant)
    assert weighted.changed is not None
    assert (weighted.changed["from"], weighted.changed["to"]) == (1, 4)


def test_a_changed_payload_no_longer_opens_the_leaf(core: Core, tenant: NewTenant) -> None:
    tenants.set_queue_weight(core, tenant.controller.id, 2, "system")
    tenants.set_queue_weight(core, tenant.controller.id, 3, "system")
    index = core.log.head(tenant.controller.id).size - 1
    salt = models.AuditSalt.get(tenant_id=tenant.controller.id, seq=index - 1).salt
    models.AuditSalt.update(salt=salt).where(
        models.AuditSalt.tenant_id == tenant.controller.id, models.AuditSalt.seq == index
    ).execute()
    assert acts.opened(core, tenant.controller.id, index).holds is False


def test_an_erased_payload_leaves_a_leaf_that_nobody_can_open(core: Core, tenant: NewTenant) -> None:
    acts.people_read(core, tenant.controller.id, "user:1", "data_subject", [SOMEBODY])
    found = _last(core, tenant)
    assert found.changed is not None
    assert found.changed["subjects"] == [SOMEBODY]
    models.ActPayload.delete().execute()
    assert (_last(core, tenant).changed, _last(core, tenant).holds) == (None, None)


def test_an_act_that_cannot_be_written_down_does_not_happen(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no log")

    monkeypatch.setattr(TenantLog, "append", broken)
    with pytest.raises(OSError, match="no log"):
        credentials.create_key(core, tenant.controller.id, "x", ["read"], "user:7")
    assert [row.name for row in credentials.keys(tenant.controller.id)] == ["first key"]


def test_a_workflow_s_leaves_commit_to_what_each_step_wrote(
    core: Core, tenant: NewTenant, worked: list[dict[str, object]]
) -> None:
    assert worked
    for leaf in worked:
        assert re.fullmatch(r"[0-9a-f]{64}", str(leaf["commitment"]))
        assert leaf["actor"] == f"workflow:{leaf['workflow']}"


@pytest.fixture
def worked(core: Core, tenant: NewTenant) -> list[dict[str, object]]:
    """The leaves of a webhook's workflows from end to end."""
    Sender(core, tenant.controller.id).send("customers/create", customer(1))
    settle(core)
    rows = models.AuditEntry.select().where(models.AuditEntry.kind == "workflow.step")
    return [json.loads(row.leaf) for row in rows]
