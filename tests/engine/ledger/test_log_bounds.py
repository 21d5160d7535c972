"""What a platform or a person says can't be too long for the log: it commits, or it is said by its hash."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable

import bodies
import pytest
from flow import Sender, settle

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.ledger import leaves
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services.audit import audit, verifying
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

LONG = ", ".join(["a very long name"] * 6_400)  # more than 100 KB


@pytest.fixture
def hasura(core: Core, tenant: NewTenant) -> Sender:
    return Sender(core, tenant.controller.id, "hasura")


def _row(activity_type: str) -> dict[str, object]:
    row = {"id": str(uuid.uuid4()), "purpose": "monthly letter", "legal_basis": "consent"}
    return {**row, "activity_type": activity_type, "fields": ["email"]}


def test_an_activity_with_a_name_of_100_kb_is_registered_between_its_neighbours(
    core: Core, tenant: NewTenant, hasura: Sender
) -> None:
    rows = [_row("newsletter"), _row(LONG), _row("newsletter")]
    for number, row in enumerate(rows):
        hasura.send("", bodies.hasura("data_processing_activities", "INSERT", row, f"e{number}"))
    assert [event.state for event in settle(core)] == ["done"] * 3
    activities = {activity.id: activity for activity in models.ProcessingActivity.select()}
    for row in rows:
        activity = activities[row["id"]]
        assert (activity.registration_state, activity.did) == ("registered", did.derive(activity.id))
        assert activity.activity_type == row["activity_type"]
    said = [entry.leaf for entry in audit.entries(tenant.controller.id, limit=1000)]
    assert max(map(len, said)) < leaves.MEMBER_BYTES
    digest = hashlib.sha256(json.dumps(LONG).encode()).hexdigest()
    assert sum(digest in leaf for leaf in said) == 1, "the step that wrote the activity down says so"
    found = verifying.verify_logs(core)
    assert found.ok, found.problems


@pytest.mark.parametrize("long", [LONG, [LONG], {"name": LONG}, [["x", "y", "z"]] * 30_000])
def test_no_member_of_a_leaf_makes_a_batch_fail(
    core: Core, tenant: NewTenant, long: object, drain: Callable[[], int]
) -> None:
    drain()
    batch = [Leaf("test", {"n": 1}), Leaf("test", {"n": 2, "said": long}), Leaf("test", {"n": 3})]
    with core.store.transaction():
        first = core.log.append(tenant.controller.id, batch).first
    said = [json.loads(core.log.entry(tenant.controller.id, first + n).leaf) for n in range(3)]
    assert [leaf["n"] for leaf in said] == [1, 2, 3]
    data = leaves.canonical({"": long})[4:-1]
    assert said[1]["said"] == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert verifying.verify_logs(core).ok


def test_a_payload_of_any_length_is_committed_to(core: Core, tenant: NewTenant) -> None:
    payload = {"notes": LONG}
    with core.store.transaction():
        index = core.log.append(tenant.controller.id, [Leaf("test", {}, payload)]).first
    salt = models.AuditSalt.get(models.AuditSalt.seq == index).salt
    content = json.loads(core.log.entry(tenant.controller.id, index).leaf)
    assert content["commitment"] == leaves.commit(salt, payload)
