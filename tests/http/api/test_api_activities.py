"""Processing activities: recorded through the API, registered by the workflow, proven by the log."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from anchored import written
from callers import Caller

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.services.audit import covering
from dxflow.engine.store import models

ACTIVITIES = "/api/v1/processing-activities"
ORDER = {
    "activity_type": "order",
    "legal_basis": "contract",
    "purpose": "order fulfilment",
    "fields": ["email", "address"],
    "occurred_at": "2026-02-01T12:00:00.5+01:00",
}


def test_an_activity_is_pending_at_first_and_has_its_did_at_once(api: Caller, core: Core) -> None:
    core.bell.clear()
    answer = api.post(ACTIVITIES, ORDER)
    assert answer.status_code == 201
    activity = answer.json()
    assert activity["did"] == did.derive(activity["id"])
    nothing = {"log_index": None, "tree_size": None, "anchor": None}
    assert activity["registration"] == {"state": "pending", **nothing}
    assert activity["occurred_at"] == "2026-02-01T11:00:00.500Z"
    assert (activity["subject_id"], activity["fields"]) == (None, ["email", "address"])
    assert core.bell.is_set()


def test_the_workflow_registers_it_under_the_same_did(api: Caller, drain: Callable[[], int]) -> None:
    made = api.post(ACTIVITIES, ORDER).json()
    drain()
    now = api.get(f"{ACTIVITIES}/{made['id']}").json()
    registration = now["registration"]
    assert (now["did"], registration["state"]) == (made["did"], "registered")
    entry = next(
        entry
        for entry in api.listed("/api/v1/audit/entries?limit=200")
        if entry["index"] == registration["log_index"]
    )
    assert entry["leaf"]["activity"] == made["did"]
    assert registration["tree_size"] > registration["log_index"]
    assert api.listed(ACTIVITIES) == [now]


def test_activities_are_listed_for_one_person(api: Caller) -> None:
    person = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"]
    hers = api.post(ACTIVITIES, {**ORDER, "subject_id": person}).json()
    api.post(ACTIVITIES, ORDER)
    assert api.listed(f"{ACTIVITIES}?subject_id={person}") == [hers]
    assert len(api.listed(ACTIVITIES)) == 2


def test_an_activity_cannot_name_another_tenants_person(api: Caller, stranger: Caller) -> None:
    person = stranger.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"]
    for subject_id in (person, str(uuid.uuid4())):
        answer = api.post(ACTIVITIES, {**ORDER, "subject_id": subject_id})
        assert answer.status_code == 404
        assert answer.json()["errors"] == [{"field": "subject_id", "detail": "no such data subject"}]
        assert api.get(f"{ACTIVITIES}?subject_id={subject_id}").status_code == 404
    assert models.ProcessingActivity.select().count() == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"legal_basis": "because we want to"}, "legal_basis"),
        ({"activity_type": " "}, "activity_type"),
        ({"purpose": None}, "purpose"),
        ({"fields": "email"}, "fields"),
        ({"fields": [1]}, "fields.0"),
        ({"occurred_at": "2026-02-01T12:00:00"}, "occurred_at"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": 1_700_000_000}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"subject_id": "42"}, "subject_id"),
        ({"tenant_id": str(uuid.uuid4())}, "tenant_id"),
        ({"registration_state": "registered"}, "registration_state"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_not_as_it_must_be_is_refused_by_name(
    api: Caller, change: dict[str, object], field: str
) -> None:
    answer = api.post(ACTIVITIES, {**ORDER, **change})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("spelling", ["Legitimate Interest", "legitimate-interests", "legitimate_interests"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_legal_basis_is_read_as_people_write_it(api: Caller, spelling: str) -> None:
    answer = api.post(ACTIVITIES, {**ORDER, "legal_basis": spelling})
    assert answer.json()["legal_basis"] == "legitimate_interests"


def test_a_row_from_plain_sql_is_listed_too_with_its_did(api: Caller, core: Core, tenant: object) -> None:
    tenant_id = models.DataController.get().id
    mark = "?" if core.store.dialect == "sqlite" else "%s"
    core.store.database.execute_sql(
        "INSERT INTO data_processing_activities (tenant_id, activity_type, legal_basis, purpose, fields) "
        f"VALUES ({mark}, 'export', 'unspecified', 'backup', '{{\"not\": \"a list\"}}')",
        (tenant_id,),
    )
    (activity,) = api.listed(ACTIVITIES)
    assert (activity["did"], activity["fields"]) == (did.derive(activity["id"]), ["not"])


def test_each_activity_says_which_block_first_covered_it(
    api: Caller, core: Core, drain: Callable[[], int]
) -> None:
    for height in (7, 8):
        for _ in range(2):
            api.post(ACTIVITIES, ORDER)
        drain()
        covering.cover(core)
        _in_block(core, height)
    api.post(ACTIVITIES, ORDER)
    drain()
    newest, *others = [one["registration"]["anchor"] for one in api.listed(ACTIVITIES)]
    nothing = dict.fromkeys(("chain_id", "tx", "block", "confirmations"))
    assert newest == {"state": "logged", **nothing}
    assert [one["block"] for one in others] == [8, 8, 7, 7]
    assert others[-1] == {
        "state": "anchored",
        "chain_id": 31337,
        "tx": f"0x{7:064x}",
        "block": 7,
        "confirmations": 1,
    }
    covering.cover(core)
    assert api.listed(ACTIVITIES)[0]["registration"]["anchor"]["state"] == "logged"


def _in_block(core: Core, height: int) -> None:
    written(
        core,
        nonce=height,
        tx_hash=f"0x{height:064x}",
        state="anchored",
        block_number=height,
        block_hash="0x" + "cd" * 32,
        confirmations=1,
    )
