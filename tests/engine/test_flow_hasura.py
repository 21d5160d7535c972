"""Rows that Hasura sends: all six default tables, mapped ones, and ids of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import bodies
import pytest
from flow import Sender, drain, events, settle

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Connect = Callable[..., Sender]


@pytest.fixture
def hasura(connect: Connect) -> Sender:
    return connect("hasura")


def _send(sender: Sender, table: str, op: str, row: dict[str, object]) -> models.Event:
    accepted = sender.send("", bodies.hasura(table, op, row, str(uuid.uuid4())))
    settle(sender.core)
    event: models.Event = models.Event.get(models.Event.id == accepted.event_id)
    return event


def _outcome(event: models.Event, step: str) -> str:
    return next(entry["outcome"] for entry in event.history if entry["step"] == step)


def test_a_data_subjects_row_becomes_a_subject_under_its_own_id(core: Core, hasura: Sender) -> None:
    row_id = str(uuid.uuid4())
    event = _send(hasura, "data_subjects", "INSERT", {"id": row_id.upper(), "email": "ada@shop.example"})
    subject = models.DataSubject.get()
    assert (subject.id, subject.did, event.subject_id) == (row_id, did.derive(row_id), row_id)


@pytest.mark.parametrize("row_id", ["7", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", ""])
def test_a_row_whose_id_cannot_be_a_subjects_gets_another(core: Core, hasura: Sender, row_id: str) -> None:
    _send(hasura, "data_subjects", "INSERT", {"id": row_id, "email": "ada@shop.example"})
    assert uuid.UUID(models.DataSubject.get().id).version == 4
    assert models.DataSubject.get().id != row_id


def test_an_id_that_is_somebody_elses_already_is_not_taken_over(
    core: Core, hasura: Sender, tenant: NewTenant
) -> None:
    row_id = str(uuid.uuid4())
    _send(hasura, "data_subjects", "INSERT", {"id": row_id, "email": "ada@shop.example"})
    other = Sender(core, tenants.create(core, "Other", "FR").controller.id, "hasura")
    _send(other, "data_subjects", "INSERT", {"id": row_id, "email": "eve@shop.example"})
    activity = {"id": row_id, "activity_type": "newsletter", "purpose": "p", "legal_basis": "consent"}
    _send(other, "data_processing_activities", "INSERT", activity)
    assert {event.state for event in events()} == {"done"}
    assert (
        models.DataSubject.select().where(models.DataSubject.id == row_id).get().tenant_id
        == tenant.controller.id
    )
    assert models.DataSubject.select().count() == 2


def test_a_processing_activities_row_is_the_activity_itself(core: Core, hasura: Sender) -> None:
    subject_id, row_id = str(uuid.uuid4()), str(uuid.uuid4())
    _send(hasura, "data_subjects", "INSERT", {"id": subject_id, "email": "ada@shop.example"})
    row = {
        "id": row_id,
        "data_subject_id": subject_id,
        "activity_type": "newsletter",
        "purpose": "monthly letter",
        "legal_basis": "consent",
        "fields": ["email"],
        "occurred_at": "2026-02-01T08:00:00Z",
    }
    event = _send(hasura, "data_processing_activities", "INSERT", row)
    activity = models.ProcessingActivity.get_by_id(row_id)
    assert (activity.activity_type, activity.purpose, activity.fields) == (
        "newsletter",
        "monthly letter",
        ["email"],
    )
    assert (activity.did, activity.registration_state) == (did.derive(row_id), "registered")
    assert event.subject_id == activity.subject_id == subject_id


def test_a_rights_requests_row_joins_the_queue(core: Core, hasura: Sender) -> None:
    row = {"id": "31", "email": "ada@shop.example", "type": "Delete", "regime": "ccpa"}
    _send(hasura, "data_subjects_rights_requests", "INSERT", row)
    request = models.RightsRequest.get()
    assert (request.type, request.regime, request.reference, request.source) == (
        "erasure",
        "ccpa",
        "31",
        "hasura",
    )
    assert request.due


def test_a_rights_request_without_a_regime_falls_under_the_tenants_law(core: Core, hasura: Sender) -> None:
    _send(
        hasura,
        "data_subjects_rights_requests",
        "INSERT",
        {"id": "31", "email": "a@shop.example", "type": "access"},
    )
    assert models.RightsRequest.get().regime == "gdpr"


@pytest.mark.parametrize("table", ["users", "data_controller_users"])
def test_a_users_row_becomes_a_user_a_data_subject_and_a_member(
    core: Core, hasura: Sender, tenant: NewTenant, table: str
) -> None:
    event = _send(hasura, table, "INSERT", {"id": "7", "user_id": "7", "email": "Ada@Shop.Example"})
    assert _outcome(event, "provision") == "provisioned"
    user, subject = models.User.get(), models.DataSubject.get()
    assert users.email_of(core, user) == "ada@shop.example"
    assert (user.tenant_id, user.subject_id) == (tenant.controller.id, subject.id)
    membership = models.Membership.get()
    assert (membership.user_id, membership.tenant_id, membership.role) == (
        user.id,
        tenant.controller.id,
        "member",
    )


def test_a_user_and_their_membership_are_one_user(core: Core, hasura: Sender) -> None:
    _send(hasura, "users", "INSERT", {"id": "7", "email": "ada@shop.example"})
    event = _send(
        hasura, "data_controller_users", "INSERT", {"id": "1", "user_id": "7", "email": "ada@shop.example"}
    )
    assert _outcome(event, "provision") == "unchanged"
    assert models.User.select().count() == models.Membership.select().count() == 1
    assert models.DataSubject.select().count() == 1


@pytest.mark.parametrize("operation", ["INSERT", "UPDATE"])
def test_a_row_brings_nobody_in_who_has_an_account_already(
    core: Core, hasura: Sender, operation: str
) -> None:
    elsewhere = tenants.create(core, "Other", "FR").controller.id
    users.create(core, elsewhere, "ada@shop.example", "owner")
    settle(core)
    event = _send(hasura, "users", operation, {"id": "7", "email": "ada@shop.example"})
    assert _outcome(event, "provision") == "unchanged"
    roles = {membership.tenant_id: membership.role for membership in models.Membership.select()}
    assert roles == {elsewhere: "owner"}
    assert models.User.select().count() == 1


def test_a_user_without_an_address_is_not_taken_over(core: Core, hasura: Sender) -> None:
    event = _send(hasura, "users", "INSERT", {"id": "7", "name": "Ada"})
    assert _outcome(event, "provision") == "unchanged"
    assert models.User.select().count() == 0


def test_a_row_of_the_connectors_own_tenant_may_rename_it(
    core: Core, hasura: Sender, tenant: NewTenant
) -> None:
    row = {"id": tenant.controller.id.upper(), "name": "  New name "}
    assert _outcome(_send(hasura, "data_controllers", "UPDATE", row), "provision") == "provisioned"
    assert models.DataController.get_by_id(tenant.controller.id).name == "New name"
    assert (
        _outcome(_send(hasura, "data_controllers", "UPDATE", {**row, "name": ""}), "provision") == "unchanged"
    )


def test_a_row_of_another_tenant_changes_nobody(core: Core, hasura: Sender, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR").controller
    event = _send(hasura, "data_controllers", "UPDATE", {"id": other.id, "name": "Taken over"})
    assert event.state == "failed"
    assert models.DataController.get_by_id(other.id).name == "Other"
    assert "Taken over" not in event.error


@pytest.mark.parametrize(
    "table", ["data_subjects", "data_processing_activities", "data_subjects_rights_requests", "users"]
)
def test_a_deleted_row_creates_nothing_and_deletes_nothing(core: Core, hasura: Sender, table: str) -> None:
    row = {"id": str(uuid.uuid4()), "email": "ada@shop.example", "type": "erasure", "activity_type": "a"}
    event = _send(hasura, table, "DELETE", row)
    assert event.state == "done"
    for model in (models.DataSubject, models.User, models.RightsRequest):
        assert model.select().count() == 0
    assert models.ProcessingActivity.get().event_id == event.id


def test_a_mapped_table_runs_the_workflow_it_was_given(core: Core, connect: Connect) -> None:
    hasura = connect("hasura", **{"table.crm.patients": "data_subject", "table.users": "none"})
    body = bodies.hasura("patients", "INSERT", {"id": "1", "email": "ada@shop.example"}, "e1")
    hasura.send("", {**body, "table": {"schema": "crm", "name": "patients"}})
    settle(core)
    assert models.DataSubject.select().count() == 1
    assert hasura.send("", bodies.hasura("users", "INSERT", {"id": "1"}, "e2")).status == "ignored"
    assert hasura.send("", bodies.hasura("patients", "INSERT", {"id": "1"}, "e3")).status == "ignored"


def test_rows_that_point_at_each_other_meet_in_one_subject(core: Core, hasura: Sender) -> None:
    _send(hasura, "data_subjects", "INSERT", {"id": "5", "email": "ada@shop.example"})
    row = {"id": "9", "data_subject_id": "5", "type": "access"}
    _send(hasura, "data_subjects_rights_requests", "INSERT", row)
    assert models.RightsRequest.get().subject_id == models.DataSubject.get().id


def test_a_table_that_is_no_longer_mapped_fails_what_came_before(core: Core, hasura: Sender) -> None:
    hasura.send("", bodies.hasura("users", "INSERT", {"id": "1", "email": "a@shop.example"}, "e1"))
    models.Connector.update(options={"table.users": "none"}).execute()
    drain(core)
    assert [(event.state, event.step) for event in events("webhook")] == [("failed", "extract")]
