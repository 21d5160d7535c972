"""Data subjects: matched or created, listed without a name, shown and found by who may know."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from bodies import email_state
from callers import Caller
from flow import Sender, customer

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

PEOPLE = "/api/v1/data-subjects"
ADA = {
    "email": "Ada@Example.com",
    "name": "Ada Byron",
    "phone": "030 23125 112",
    "external_ids": {"crm": "42"},
}


def entered(api: Caller, **body: object) -> str:
    answer = api.post(PEOPLE, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_an_unknown_person_is_created_with_a_did(api: Caller) -> None:
    answer = api.post(PEOPLE, ADA)
    assert answer.status_code == 201
    body = answer.json()
    assert body == {"id": body["id"], "did": did.derive(body["id"]), "created": True}
    assert answer.headers["Location"] == f"{PEOPLE}/{body['id']}"


def test_a_known_person_is_matched_by_any_spelling_of_any_identifier(api: Caller) -> None:
    first = entered(api, **ADA)
    for body in ({"email": "ADA@example.COM"}, {"phone": "+49 30 23125112"}, {"external_ids": {"crm": 42}}):
        answer = api.post(PEOPLE, body)
        assert answer.status_code == 201
        assert (answer.json()["id"], answer.json()["created"]) == (first, False), body


def test_a_name_alone_never_matches_nor_creates(api: Caller) -> None:
    answer = api.post(PEOPLE, {"name": "Ada Byron"})
    assert answer.status_code == 422
    assert api.listed(PEOPLE) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"email": ""}, "email"),
        ({"email": 7}, "email"),
        ({"external_ids": {" ": "1"}}, "external_ids"),
        ({"external_ids": {"crm": True}}, "external_ids"),
        ({"external_ids": "crm"}, "external_ids"),
        ({"e-mail": "ada@example.com"}, "e-mail"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_no_identifier_is_refused_by_name(api: Caller, body: object, field: str) -> None:
    answer = api.post(PEOPLE, body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [fault["field"].split(".")[0] for fault in answer.json()["errors"]] == [field]


def test_every_entry_is_in_the_audit_log_without_naming_the_person(
    api: Caller, core: Core, tenant: NewTenant
) -> None:
    person, _ = entered(api, **ADA), entered(api, email="ada@example.com")
    leaves = [json.loads(row.leaf) for row in models.AuditEntry.select().order_by(models.AuditEntry.seq)]
    acts = [leaf for leaf in leaves if leaf["kind"].startswith("data_subject.")]
    assert [leaf["kind"] for leaf in acts] == ["data_subject.created", "data_subject.matched"]
    assert acts[0]["identifiers"] == ["email", "external_id", "phone"]
    assert acts[0]["actor"].startswith("key:")
    everything = json.dumps(leaves).lower()
    assert not [
        word for word in ("ada@", "example.com", "23125", '"42"', ':42"', person) if word in everything
    ]


def test_identifiers_of_two_people_are_noticed_and_never_merged(api: Caller) -> None:
    one, two = entered(api, email="one@example.com"), entered(api, external_ids={"crm": "2"})
    both = {"email": "one@example.com", "external_ids": {"crm": "2"}}
    assert {entered(api, **both), entered(api, **both)} <= {one, two}
    (notice,) = api.listed("/api/v1/notifications")
    assert (notice["kind"], notice["entity_kind"]) == ("link.conflict", "data_subject")
    assert "one@example.com" not in json.dumps(notice)
    assert models.DataSubject.select().count() == 2


def test_a_list_shows_kinds_of_identifiers_and_no_personal_data(api: Caller) -> None:
    person = entered(api, **ADA)
    answer = api.get(PEOPLE)
    (item,) = answer.json()["items"]
    assert item == {
        "id": person,
        "did": did.derive(person),
        "state": "active",
        "created_at": item["created_at"],
        "links": ["email", "external_id", "phone"],
    }
    assert not re.search(r"\bada\b", answer.text, re.IGNORECASE)  # hexadecimal digits may spell it
    assert item["created_at"].endswith("Z")


def test_a_record_shows_the_stored_profile_the_consents_and_the_counts(
    api: Caller, shop: Sender, drain: Callable[[], int]
) -> None:
    consent = email_state("subscribed", "2026-02-28T10:00:00Z")
    shop.send("customers/create", customer(1, email_marketing_consent=consent))
    drain()
    (item,) = api.listed(PEOPLE)
    record = api.get(f"{PEOPLE}/{item['id']}").json()
    assert record["profile"]["email"] == "person1@shop.example"
    assert record["profile"]["name"] == "Ada Byron"
    assert record["links"] == ["email", "external_id"]
    assert [(one["channel"], one["state"]) for one in record["consents"]] == [("email", "granted")]
    assert record["counts"]["consents"] == 1
    assert record["counts"]["processing_activities"] == 1
    assert record["counts"]["events"] >= 1
    assert record["counts"]["rights_requests"] == 0


@pytest.mark.parametrize(
    "identifier",
    [
        {"email": "ADA@example.com"},
        {"phone": "03023125112"},
        {"external_id": {"crm": "42"}},
        {"external_id": {"crm": 42}},
        {"external_id": "crm:42"},
        {"external_id": "42"},
        {"external_id": 42},
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_person_is_found_by_one_identifier(api: Caller, identifier: object) -> None:
    person = entered(api, **ADA)
    answer = api.post(f"{PEOPLE}/lookup", identifier)
    assert answer.status_code == 200, answer.text
    assert answer.json() == api.get(f"{PEOPLE}/{person}").json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "nobody@example.com"}, 404),
        ({"external_id": "43"}, 404),
        ({"email": "nonsense"}, 422),
        ({}, 422),
        ({"email": "ada@example.com", "phone": "+493023125112"}, 422),
        ({"external_id": {"crm": "42", "erp": "42"}}, 422),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lookup_takes_exactly_one_identifier_that_somebody_has(
    api: Caller, body: object, status: int
) -> None:
    entered(api, **ADA)
    assert api.post(f"{PEOPLE}/lookup", body).status_code == status


def test_an_id_that_several_scopes_know_needs_its_scope(api: Caller) -> None:
    entered(api, external_ids={"crm": "42"})
    other = entered(api, external_ids={"erp": "42"})
    assert api.post(f"{PEOPLE}/lookup", {"external_id": "42"}).status_code == 409
    assert api.post(f"{PEOPLE}/lookup", {"external_id": "erp:42"}).json()["id"] == other


def test_the_same_person_is_somebody_else_for_another_tenant(api: Caller, stranger: Caller) -> None:
    ours, theirs = entered(api, **ADA), entered(stranger, email="ada@example.com")
    assert ours != theirs
    assert [item["id"] for item in stranger.listed(PEOPLE)] == [theirs]
    assert stranger.get(f"{PEOPLE}/{ours}").status_code == 404
    assert stranger.post(f"{PEOPLE}/lookup", {"phone": "+493023125112"}).status_code == 404
    assert stranger.post(f"{PEOPLE}/lookup", {"external_id": "42"}).status_code == 404


def test_a_list_is_paged_without_gaps_or_repeats_while_rows_arrive(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [entered(api, email=f"person{n}@example.com") for n in range(7)]
    models.DataSubject.update(created_at="2026-01-01T00:00:00.000Z").where(
        models.DataSubject.id.in_(people[:5])
    ).execute()  # equal times: only the id tells them apart
    seen, cursor = [], None
    while True:
        parameters = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = api.get(PEOPLE, params=parameters).json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        entered(api, email=f"latecomer{len(seen)}@example.com")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[:2] == [people[6], people[5]]
    assert seen[2:] == sorted(people[:5], reverse=True)
