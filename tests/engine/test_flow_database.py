"""Changes that another program makes by plain SQL start the same workflows as everything else."""

from __future__ import annotations

import json
import uuid

import pytest
from flow import HandClock, check_invariants, drain, events, leaves, settle

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

V1 = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
PERSON = {"email": "Ada@Shop.Example", "phone": "030 123456", "name": "Ada", "external_ids": {"crm": 42}}


def _insert(core: Core, table: str, **values: object) -> str:
    """INSERT as any program would; documents as JSON text. Returns the row's id."""
    row = {"id": str(uuid.uuid4()), **values}
    mark = core.store.database.param
    plain = tuple(json.dumps(value) if isinstance(value, dict | list) else value for value in row.values())
    core.store.database.execute_sql(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join([mark] * len(row))})", plain
    )
    return str(row["id"])


def _delete(core: Core, table: str, row_id: str) -> None:
    core.store.database.execute_sql(f"DELETE FROM {table} WHERE id = {core.store.database.param}", (row_id,))


def _activity(core: Core, tenant: NewTenant, **values: object) -> str:
    row = {"activity_type": "newsletter", "legal_basis": "consent", "purpose": "marketing"}
    return _insert(core, "data_processing_activities", tenant_id=tenant.controller.id, **{**row, **values})


def _last(workflow: str) -> models.Event:
    return events(workflow)[-1]


def test_an_inserted_subject_gets_its_did_its_sealed_profile_and_its_links(
    core: Core, tenant: NewTenant
) -> None:
    row_id = _insert(core, "data_subjects", tenant_id=tenant.controller.id, intake=PERSON)
    settle(core)
    subject = models.DataSubject.get_by_id(row_id)
    assert subject.did == did.derive(row_id)
    assert subject.intake is None
    assert core.subjects.profile(subject) == {**PERSON, "external_ids": {"crm": "42"}}
    for person in (
        Person(email="ada@shop.example"),
        Person(phone="+4930123456"),
        Person(external_ids=(("crm", "42"),)),
    ):
        found = core.subjects.find(tenant.controller.id, person)
        assert found is not None
        assert found.id == row_id
    assert {event.state for event in events("data_subject")} == {"done"}
    assert b"Ada" not in bytes(subject.profile_sealed)


def test_an_inserted_subject_without_intake_gets_its_did(core: Core, tenant: NewTenant) -> None:
    row_id = _insert(core, "data_subjects", tenant_id=tenant.controller.id)
    settle(core)
    assert models.DataSubject.get_by_id(row_id).did == did.derive(row_id)
    assert models.Did.get(models.Did.entity_id == row_id).kind == "data_subject"


def test_an_inserted_subject_whose_address_is_taken_is_a_conflict(core: Core, tenant: NewTenant) -> None:
    first, second = (
        _insert(core, "data_subjects", tenant_id=tenant.controller.id, intake={"email": "ada@shop.example"})
        for _ in range(2)
    )
    settle(core)
    conflict = models.LinkConflict.get()
    assert {conflict.subject_id, conflict.other_subject_id} == {first, second}
    assert models.DataSubjectLink.select().count() == 1
    assert {subject.intake for subject in models.DataSubject.select()} == {None}


def test_a_subject_whose_id_can_be_guessed_fails_and_the_event_names_the_fault(
    core: Core, tenant: NewTenant
) -> None:
    _insert(core, "data_subjects", id=V1, tenant_id=tenant.controller.id, intake=PERSON)
    settle(core)
    event = _last("data_subject")
    assert (event.state, event.attempts) == ("failed", 1)
    assert "version 4" in event.error
    assert models.DataSubject.get_by_id(V1).did is None
    assert models.Notification.select().where(models.Notification.entity_id == event.id).exists()


@pytest.mark.parametrize(
    ("intake", "named"),
    [("[1]", "intake"), ('{"email": 5}', "email"), ('{"external_ids": [1]}', "external_ids")],
)
def test_an_intake_that_is_no_person_fails_and_names_the_field(
    core: Core, tenant: NewTenant, intake: str, named: str
) -> None:
    _insert(core, "data_subjects", tenant_id=tenant.controller.id, intake=intake)
    settle(core)
    event = _last("data_subject")
    assert (event.state, event.step) == ("failed", "link")
    assert event.error.startswith(named)


def test_an_inserted_activity_is_registered(core: Core, tenant: NewTenant) -> None:
    row_id = _activity(core, tenant, fields=["email", "name"])
    settle(core)
    activity = models.ProcessingActivity.get_by_id(row_id)
    assert (activity.registration_state, activity.did) == ("registered", did.derive(row_id))
    (leaf,) = leaves(tenant.controller.id, "activity.registered")
    assert leaf["activity"] == activity.did
    assert len(str(leaf["commitment"])) == 64


def test_an_activity_changed_before_it_was_registered_is_registered_once(
    core: Core, tenant: NewTenant
) -> None:
    """Both changes are in one batch, beside a neighbour that must not suffer."""
    row_id, neighbour = _activity(core, tenant), _activity(core, tenant)
    models.ProcessingActivity.update(purpose="another").where(
        models.ProcessingActivity.id == row_id
    ).execute()
    settle(core)
    assert {event.state for event in events("processing_activity")} == {"done"}
    assert models.Registration.select().count() == 2
    assert models.ProcessingActivity.get_by_id(neighbour).registration_state == "registered"


def test_an_activity_changed_afterwards_keeps_its_registration_and_the_change_is_logged(
    core: Core, tenant: NewTenant
) -> None:
    row_id = _activity(core, tenant)
    settle(core)
    models.ProcessingActivity.update(purpose="another").where(
        models.ProcessingActivity.id == row_id
    ).execute()
    settle(core)
    assert models.Registration.select().count() == 1
    leaf = leaves(tenant.controller.id, "workflow.step")[-1]
    assert (leaf["outcome"], leaf["change"]) == ("unchanged", "data_processing_activities.UPDATE")
    assert leaf["activity"] == did.derive(row_id)


@pytest.mark.parametrize("fields", ["5", '{"a": 12345678901234567890}', "[12345678901234567890]"])
def test_an_activity_that_no_leaf_can_hold_fails_and_its_neighbours_are_registered(
    core: Core, tenant: NewTenant, fields: str
) -> None:
    _activity(core, tenant)
    spoiled = _activity(core, tenant, fields=fields)
    _activity(core, tenant)
    settle(core)
    states = {a.id: a.registration_state for a in models.ProcessingActivity.select()}
    assert states.pop(spoiled) == "failed"
    assert set(states.values()) == {"registered"}
    (failed,) = [event for event in events("processing_activity") if event.state == "failed"]
    assert "can't be registered" in failed.error
    assert failed.attempts == 1


def test_an_activity_under_another_records_did_is_not_registered(core: Core, tenant: NewTenant) -> None:
    row_id = _insert(core, "data_subjects", tenant_id=tenant.controller.id)
    settle(core)
    _activity(core, tenant, id=row_id)
    settle(core)
    event = _last("processing_activity")
    assert (event.state, event.step) == ("failed", "publish")
    assert "another record" in event.error
    assert models.Registration.select().count() == 0


@pytest.mark.parametrize("table", ["data_subjects", "data_processing_activities", "rights_requests", "users"])
def test_a_deleted_row_leaves_a_leaf_that_says_gone(
    core: Core, tenant: NewTenant, clock: HandClock, table: str
) -> None:
    values: dict[str, dict[str, object]] = {
        "data_subjects": {},
        "data_processing_activities": {"activity_type": "a", "legal_basis": "consent", "purpose": "p"},
        "rights_requests": {"type": "access"},
        "users": {},
    }
    row_id = _insert(core, table, tenant_id=tenant.controller.id, **values[table])
    settle(core)
    _delete(core, table, row_id)
    settle(core)
    leaf = leaves(tenant.controller.id)[-1]
    assert (leaf["kind"], leaf["outcome"], leaf["change"]) == ("workflow.step", "gone", f"{table}.DELETE")
    assert {event.state for event in events()} == {"done"}


def test_an_activity_deleted_on_its_way_to_the_log_ends_beside_its_neighbours(
    core: Core, tenant: NewTenant
) -> None:
    from flow import advance, run

    kept, gone = _activity(core, tenant), _activity(core, tenant)
    waiting = advance(core, "register")
    _delete(core, "data_processing_activities", gone)
    for dispatch in waiting:
        run(core, dispatch)
    core.clock.forward(60)  # type: ignore[attr-defined]
    drain(core)
    check_invariants(core)
    by_entity = {
        event.entity_id: event.state for event in events("processing_activity") if "INSERT" in event.topic
    }
    assert by_entity == {kept: "done", gone: "done"}
    assert models.Registration.select().count() == 1


def test_an_inserted_rights_request_gets_its_clock_and_its_notice(core: Core, tenant: NewTenant) -> None:
    received = "2099-03-02T10:00:00.000Z"
    row_id = _insert(
        core, "rights_requests", tenant_id=tenant.controller.id, type="erasure", received_at=received
    )
    settle(core)
    request = models.RightsRequest.get_by_id(row_id)
    assert request.due == "2099-04-02"
    assert request.clock
    assert models.Notification.get().entity_id == row_id


def test_a_rights_request_under_an_unknown_regime_fails_and_names_it(core: Core, tenant: NewTenant) -> None:
    _insert(core, "rights_requests", tenant_id=tenant.controller.id, type="erasure", regime="hammurabi")
    settle(core)
    event = _last("rights_request")
    assert (event.state, event.attempts) == ("failed", 1)
    assert "regime" in event.error


def test_a_data_controller_inserted_by_another_program_becomes_a_whole_tenant(core: Core) -> None:
    row_id = _insert(core, "data_controllers", name="From elsewhere", jurisdiction="FR")
    settle(core)
    controller = models.DataController.get_by_id(row_id)
    assert controller.did == did.derive(row_id)
    assert core.log.head(row_id).origin.endswith(controller.did)
    _insert(core, "data_subjects", tenant_id=row_id, intake={"email": "ada@shop.example"})
    settle(core)
    assert {event.state for event in events()} == {"done"}


def test_a_renamed_data_controller_is_logged(core: Core, tenant: NewTenant) -> None:
    models.DataController.update(name="Renamed").where(
        models.DataController.id == tenant.controller.id
    ).execute()
    settle(core)
    leaf = leaves(tenant.controller.id)[-1]
    assert (leaf["outcome"], leaf["change"]) == ("unchanged", "data_controllers.UPDATE")


def test_a_user_becomes_a_data_subject_and_a_member(core: Core, tenant: NewTenant) -> None:
    user, _ = users.create(core, tenant.controller.id, "Owner@Shop.Example", "owner")
    settle(core)
    row = models.User.get_by_id(user.id)
    subject = models.DataSubject.get_by_id(row.subject_id)
    assert row.did == did.derive(user.id)
    assert core.subjects.profile(subject)["email"] == "owner@shop.example"
    assert models.Membership.get(models.Membership.user_id == user.id).role == "owner"


def test_a_user_who_is_a_customer_too_is_one_data_subject(core: Core, tenant: NewTenant) -> None:
    row_id = _insert(
        core, "data_subjects", tenant_id=tenant.controller.id, intake={"email": "ada@shop.example"}
    )
    settle(core)
    users.create(core, tenant.controller.id, "ada@shop.example", "owner")
    settle(core)
    assert models.DataSubject.select().count() == 1
    assert models.User.get().subject_id == row_id


def test_an_anonymous_user_is_nobody_yet(core: Core, tenant: NewTenant) -> None:
    _insert(core, "users", tenant_id=tenant.controller.id)
    settle(core)
    assert _last("user").history[-1]["outcome"] == "anonymous"
    assert models.DataSubject.select().count() == 0


def test_rows_of_two_tenants_never_meet(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "DE")
    for owner in (tenant, other):
        _insert(core, "data_subjects", tenant_id=owner.controller.id, intake=PERSON)
    settle(core)
    links = [(link.tenant_id, link.link) for link in models.DataSubjectLink.select()]
    assert len(links) == 6
    assert len({link for _, link in links}) == 6
    assert models.LinkConflict.select().count() == 0
