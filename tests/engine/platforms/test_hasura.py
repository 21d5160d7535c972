from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms import get, hasura_rows
from dxflow.engine.platforms.base import Change, Person, RequestSignal, Trust
from dxflow.engine.platforms.hasura import DEFAULT_TABLES
from dxflow.engine.rights import regimes
from dxflow.engine.rights.types import RequestType

CREATED = datetime(2026, 3, 18, 18, 42, 7, 307020, tzinfo=UTC)
UPDATED = datetime(2026, 3, 18, 18, 0, tzinfo=UTC)
SUBJECT = {
    "id": 42,
    "email": "ada@example.com",
    "phone_number": "+33612345678",
    "first_name": "Ada",
    "last_name": "Byron",
    "city": "Paris",
    "newsletter": True,
    "updated_at": "2026-03-18T18:00:00",
}


def trigger(table: str, op: str = "INSERT", new: object = None, old: object = None) -> dict[str, object]:
    return {
        "id": "85558393-c75d-4d2f-9c15-e80591b83894",
        "created_at": "2026-03-18T18:42:07.30702Z",
        "trigger": {"name": "on_change"},
        "table": {"schema": "public", "name": table},
        "event": {
            "session_variables": {"x-hasura-role": "admin", "x-hasura-user-id": "1"},
            "op": op,
            "data": {"old": old, "new": new},
        },
    }


@pytest.fixture
def hasura(sender):
    return sender("hasura")


@pytest.mark.parametrize(
    "spelling", ["Hasura-Action-Secret", "hasura-action-secret", " HASURA-ACTION-SECRET "]
)
def test_the_secret_header_may_have_any_name_in_any_case(spelling, sender):
    side = sender("hasura", secret_header=spelling)
    delivery = side.delivery("", trigger("users"), hasura_action_secret="a-secret-of-the-platform")
    assert side.verify(delivery) is Trust.BEARER
    with pytest.raises(NotAuthentic):
        side.verify(side.delivery("", trigger("users")))


def test_an_event_is_named_by_its_id_on_every_try(hasura):
    first = trigger("data_subjects", new=SUBJECT)
    again = {**first, "delivery_info": {"max_retries": 4, "current_retry": 2}}
    identity = hasura.identify("", first)
    assert identity.key == hasura.identify("", again).key == (first["id"],)
    assert (identity.topic, identity.handled) == ("data_subjects.INSERT", True)
    assert identity.meta == {
        "event_id": first["id"],
        "workflow": "data_subject",
        "table": "data_subjects",
        "schema": "public",
        "op": "INSERT",
        "trigger": "on_change",
        "created_at": "2026-03-18T18:42:07.30702Z",
    }


@pytest.mark.parametrize("missing", ["id", "created_at", "event", "table", "trigger"])
def test_a_payload_without_its_parts_is_malformed(missing, hasura):
    for body in ({**trigger("users"), missing: None}, {**trigger("users"), missing: {}}):
        with pytest.raises(Malformed):
            hasura.identify("", body)


@pytest.mark.parametrize(("table", "workflow"), DEFAULT_TABLES.items())
def test_each_default_table_runs_its_workflow(table, workflow, hasura):
    assert hasura.identify("", trigger(table, new={"id": 1})).meta["workflow"] == workflow
    assert hasura.extract("", trigger(table, new={"id": 1})).record == {"id": 1}


def test_an_unknown_table_is_left_alone(hasura):
    identity = hasura.identify("", trigger("orders", new={"id": 1}))
    assert (identity.handled, identity.meta.get("workflow")) == (False, None)
    with pytest.raises(PermanentError):
        hasura.extract("", trigger("orders", new={"id": 1}))


@pytest.mark.parametrize(
    ("options", "workflow"),
    [
        ({"table.people": "data_subject"}, "data_subject"),
        ({"table.public.people": "user"}, "user"),
        ({"table.people": "data_subject", "table.public.people": "user"}, "user"),
        ({"table.crm.people": "user"}, None),
        ({"table.people": "launch_rockets"}, None),
    ],
)
def test_options_map_tables_to_workflows(options, workflow, sender):
    side = sender("hasura", **options)
    identity = side.identify("", trigger("people", new={"id": 1}))
    assert (identity.meta.get("workflow"), identity.handled) == (workflow, workflow is not None)


def test_an_option_can_take_a_default_table_out(sender):
    side = sender("hasura", **{"table.users": "none"})
    assert not side.identify("", trigger("users", new={"id": 1})).handled


def test_a_person_is_read_by_the_usual_columns(hasura):
    found = hasura.extract("", trigger("data_subjects", "UPDATE", new=SUBJECT, old=None))
    assert found.change is Change.UPSERT
    assert found.person == Person(
        "ada@example.com", "+33612345678", "Ada Byron", external_ids=(("hasura:c7:data_subjects", "42"),)
    )
    assert found.fields == ("address", "email", "name", "phone")
    assert found.record == SUBJECT
    assert (found.occurred_at, found.consents) == (UPDATED, ())


def test_without_a_column_the_time_is_hasuras(hasura):
    row = {**SUBJECT, "updated_at": None}
    assert hasura.extract("", trigger("data_subjects", new=row)).occurred_at == CREATED


def test_a_deleted_row_is_the_old_one_and_only_matches(sender):
    side = sender("hasura", consent_column="newsletter")
    found = side.extract("", trigger("data_subjects", "DELETE", old=SUBJECT))
    assert (found.change, found.consents, found.occurred_at) == (Change.MATCH_ONLY, (), CREATED)
    assert found.record == SUBJECT


@pytest.mark.parametrize(
    ("op", "new", "old"),
    [("INSERT", None, SUBJECT), ("UPDATE", None, SUBJECT), ("DELETE", SUBJECT, None), ("MANUAL", [], None)],
)
def test_an_operation_without_its_row_is_refused(op, new, old, hasura):
    with pytest.raises(PermanentError):
        hasura.extract("", trigger("data_subjects", op, new, old))


def test_an_unknown_operation_is_left_alone(hasura):
    body = trigger("data_subjects", "TRUNCATE", new=SUBJECT)
    assert not hasura.identify("", body).handled
    with pytest.raises(PermanentError):
        hasura.extract("", body)


def test_consent_is_read_from_the_column_the_operator_names(sender):
    body = trigger("data_subjects", new=SUBJECT)
    (signal,) = sender("hasura", consent_column="newsletter").extract("", body).consents
    assert (signal.state, signal.occurred_at) == ("granted", UPDATED)
    assert sender("hasura", consent_column="absent").extract("", body).consents == ()


def test_a_processing_activity_states_itself(hasura):
    row = {
        "id": 7,
        "data_subject_id": 42,
        "activity_type": "newsletter sent",
        "legal_basis": "consent",
        "purpose": "marketing",
        "fields": ["name", "email", "", 3],
        "occurred_at": "2026-03-18T18:00:00+00:00",
    }
    found = hasura.extract("", trigger("data_processing_activities", new=row))
    assert (found.activity_type, found.purpose) == ("newsletter sent", "marketing")
    assert (found.legal_basis, found.fields) == ("consent", ("email", "name"))
    assert found.occurred_at == UPDATED
    assert found.person == Person(external_ids=(("hasura:c7:data_subjects", "42"),))


def test_a_foreign_key_points_to_the_table_the_operator_mapped(sender):
    side = sender("hasura", **{"table.crm.people": "data_subject"})
    row = {"id": 7, "subject_id": "p-1", "fields": "email, name"}
    found = side.extract("", trigger("data_processing_activities", new=row))
    assert found.person.external_ids == (("hasura:c7:people", "p-1"),)
    assert found.fields == ("email", "name")


def test_what_a_processing_activity_leaves_out_is_never_guessed(hasura):
    found = hasura.extract("", trigger("data_processing_activities", new={"id": 7}))
    assert {found.activity_type, found.purpose, found.legal_basis} == {"unspecified"}
    assert (found.change, found.person) == (Change.NOBODY, None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"type": "erasure"}, ("erasure", "")),
        ({"request_type": "Data Portability", "regime": "uk_gdpr"}, ("portability", "uk_gdpr")),
        ({"type": "DELETE", "regime": "ccpa"}, ("erasure", "ccpa")),
        ({"type": "do-not-sell", "regime": "mars"}, ("sale_opt_out", "")),
        ({"type": "levitation"}, ("other", "")),
        ({}, ("other", "")),
    ],
)
def test_a_rights_request_has_a_known_type_and_names_its_regime_or_leaves_it_open(row, expected, hasura):
    full = {"id": 9, "email": "ada@example.com", "data_subject_id": 42, **row}
    found = hasura.extract("", trigger("data_subjects_rights_requests", new=full))
    assert found.request == RequestSignal(*expected, reference="9")
    assert found.person == Person("ada@example.com", external_ids=(("hasura:c7:data_subjects", "42"),))


def test_a_deleted_request_row_requests_nothing(hasura):
    old = {"id": 9, "type": "erasure", "email": "ada@example.com"}
    assert hasura.extract("", trigger("data_subjects_rights_requests", "DELETE", old=old)).request is None


def test_a_membership_belongs_to_its_user_and_a_controller_to_nobody(hasura):
    member = hasura.extract("", trigger("data_controller_users", new={"id": 3, "user_id": 5}))
    assert member.person.external_ids == (("hasura:c7:users", "5"),)
    controller = hasura.extract("", trigger("data_controllers", new={"id": 1, "email": "dpo@example.com"}))
    assert (controller.change, controller.person) == (Change.NOBODY, None)


def test_session_variables_change_nothing(hasura):
    body = trigger("data_subjects", new=SUBJECT)
    body["event"] = {**body["event"], "session_variables": None}
    assert hasura.extract("", body) == hasura.extract("", trigger("data_subjects", new=SUBJECT))
    assert hasura.identify("", body).meta == hasura.identify("", trigger("data_subjects", new=SUBJECT)).meta


def test_a_row_under_another_topic_is_refused(hasura):
    body = json.dumps(trigger("data_subjects", new=SUBJECT)).encode()
    with pytest.raises(PermanentError):
        get("hasura").extract("users.INSERT", body, {}, hasura.endpoint)


def test_the_adapter_and_the_rights_engine_know_the_same_types_and_regimes():
    assert {kind.value for kind in RequestType} == hasura_rows.REQUEST_TYPES
    assert set(regimes.REGIMES) == hasura_rows.REGIMES
    assert set(hasura_rows.REQUEST_SYNONYMS.values()) < hasura_rows.REQUEST_TYPES
