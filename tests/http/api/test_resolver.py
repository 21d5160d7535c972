"""``/1.0/identifiers/{did}``: DID Resolution as the Universal Resolver calls it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from callers import Around, Caller
from falcon import testing
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.services.audit import log_keys
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from dxflow.http.app import HttpSettings, Outside, build

IDENTIFIERS = "/1.0/identifiers/"
PROFILED = 'application/ld+json;profile="https://w3id.org/did-resolution"'
UNKNOWN = "did:dep:" + "0" * 64


def error_of(answer: object) -> str:
    result = answer.json()  # type: ignore[attr-defined]
    assert result["didDocument"] is None
    return str(result["didResolutionMetadata"]["error"]["type"])


def test_a_tenant_resolves_to_the_keys_its_log_is_signed_with(anybody: Caller, tenant: NewTenant) -> None:
    name = tenant.controller.did
    answer = anybody.get(IDENTIFIERS + name)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/did-resolution"
    result = answer.json()
    assert result["didDocument"]["id"] == name
    assert len(result["didDocument"]["assertionMethod"]) == 1
    assert result["didDocumentMetadata"]["created"].endswith("Z")


def test_a_person_resolves_to_its_controller_and_nothing_else(
    api: Caller, anybody: Caller, tenant: NewTenant
) -> None:
    name = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["did"]
    document = anybody.get(IDENTIFIERS + name).json()["didDocument"]
    assert set(document) == {"@context", "id", "controller"}
    assert (document["id"], document["controller"]) == (name, tenant.controller.did)


def test_an_activity_resolves_once_it_is_registered(
    api: Caller, anybody: Caller, drain: Callable[[], int]
) -> None:
    body = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    name = api.post("/api/v1/processing-activities", body).json()["did"]
    assert anybody.get(IDENTIFIERS + name).status_code == 404
    drain()
    assert anybody.get(IDENTIFIERS + name).json()["didDocument"]["id"] == name


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        (UNKNOWN, 404, "NOT_FOUND"),
        (UNKNOWN.replace("0", "F"), 404, "NOT_FOUND"),
        ("nonsense", 400, "INVALID_DID"),
        ("did:dep:", 400, "INVALID_DID"),
        ("did:dep:1234", 400, "INVALID_DID"),
        ("DID:dep:" + "0" * 64, 400, "INVALID_DID"),
        ("did:dep:" + "0" * 64 + "%00", 400, "INVALID_DID"),
        ("%FF", 400, "INVALID_DID"),
        (UNKNOWN + "/path", 400, "INVALID_DID_URL"),
        (UNKNOWN + "%23key", 400, "INVALID_DID_URL"),
        (UNKNOWN + "%3FversionId=1", 400, "INVALID_DID_URL"),
        (UNKNOWN + "?noCache=perhaps", 400, "INVALID_OPTIONS"),
        (UNKNOWN + "?noCache", 400, "INVALID_OPTIONS"),
        (UNKNOWN + "?noCache=true&noCache=false", 400, "INVALID_OPTIONS"),
        (UNKNOWN + "?versionId=1", 501, "FEATURE_NOT_SUPPORTED"),
        (UNKNOWN + "?versionTime=2026-01-01T00:00:00Z", 501, "FEATURE_NOT_SUPPORTED"),
        ("did:web:example.com", 501, "METHOD_NOT_SUPPORTED"),
        ("did:web:example.com?versionId=1", 501, "METHOD_NOT_SUPPORTED"),
        ("", 400, "INVALID_DID"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_resolved_says_why_as_a_resolution_result(
    anybody: Caller, name: str, status: int, error: str
) -> None:
    answer = anybody.get(IDENTIFIERS + name)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/did-resolution"
    assert error_of(answer) == f"https://www.w3.org/ns/did#{error}"
    assert answer.json()["didDocumentMetadata"] == {}
    assert set(answer.json()["didResolutionMetadata"]["error"]) == {"type", "title", "detail"}


@pytest.mark.parametrize("query", ["?noCache=true", "?nocache=false&expandRelativeUrls=true", "?"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_options_that_change_nothing_are_taken(anybody: Caller, tenant: NewTenant, query: str) -> None:
    assert anybody.get(IDENTIFIERS + tenant.controller.did + query).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_did_may_be_percent_encoded(anybody: Caller, tenant: NewTenant) -> None:
    name = tenant.controller.did
    answer = anybody.get(IDENTIFIERS + name.replace(":", "%3A"))
    assert answer.json()["didDocument"]["id"] == name
    assert anybody.get(IDENTIFIERS + name.replace(":", "%253A")).status_code == 400


def test_upper_case_digits_name_the_same_did(anybody: Caller, tenant: NewTenant) -> None:
    name = tenant.controller.did
    shouted = "did:dep:" + name.removeprefix("did:dep:").upper()
    assert anybody.get(IDENTIFIERS + shouted).json()["didDocument"]["id"] == name


def test_a_deactivated_did_is_gone_and_still_described(api: Caller, anybody: Caller, core: Core) -> None:
    name = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["did"]
    models.Did.update(deactivated_at=core.clock()).where(models.Did.did == name).execute()
    answer = anybody.get(IDENTIFIERS + name)
    assert answer.status_code == 410
    metadata = answer.json()["didDocumentMetadata"]
    assert metadata["deactivated"] is True
    assert metadata["updated"] >= metadata["created"]
    assert answer.json()["didDocument"]["id"] == name
    alone = anybody.get(IDENTIFIERS + name, headers={"Accept": "application/did"})
    assert (alone.status_code, alone.headers["Content-Type"]) == (410, "application/did")
    assert alone.json()["id"] == name


@pytest.mark.parametrize(
    ("accept", "content_type", "whole"),
    [
        ("*/*", "application/did-resolution", True),
        ("application/did-resolution", "application/did-resolution", True),
        ("application/json", "application/json", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/did-resolution", True),
        (PROFILED, PROFILED, True),
        (f"application/did+ld+json;q=0.5,{PROFILED}", PROFILED, True),
        ("application/did-resolution;q=0.1,application/did;q=0.2", "application/did", False),
        ("application/did-resolution;q=0,*/*", "application/json", True),
        ("application/did", "application/did", False),
        ("application/did+ld+json", "application/did+ld+json", False),
        ("application/did+json", "application/did+json", False),
        ("application/ld+json", "application/ld+json", False),
        ("Application/DID+JSON", "application/did+json", False),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_caller_chooses_the_whole_result_or_the_document(
    anybody: Caller, tenant: NewTenant, accept: str, content_type: str, whole: bool
) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert ("didDocument" in answer.json()) is whole
    assert (answer.json().get("id") == tenant.controller.did) is not whole
    assert ("@context" in answer.json()) is (content_type != "application/did+json")
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_driver_of_the_universal_resolver_is_understood(anybody: Caller, tenant: NewTenant) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": "application/ld+json"})
    result = answer.json()
    assert answer.status_code == 200
    assert result.get("didDocument", result)["id"] == tenant.controller.did


@pytest.mark.parametrize(
    "accept", ["text/html", "nonsense", "application/did;q=much", "application/did-url-dereferencing"]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_representation_nobody_makes_is_406(anybody: Caller, tenant: NewTenant, accept: str) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": accept})
    assert answer.status_code == 406
    assert error_of(answer).endswith("#REPRESENTATION_NOT_SUPPORTED")


def test_the_did_is_the_one_its_uuid_gives(api: Caller, anybody: Caller) -> None:
    made = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()
    assert anybody.get(IDENTIFIERS + did.derive(made["id"])).status_code == 200


def test_a_controller_s_document_names_its_log(anybody: Caller, tenant: NewTenant) -> None:
    document = anybody.get(IDENTIFIERS + tenant.controller.did).json()["didDocument"]
    [service] = document["service"]
    assert service["type"] == "TransparencyLog"
    assert {"TransparencyLog": "https://c2sp.org/tlog-tiles"} in document["@context"]
    assert service["serviceEndpoint"].endswith(f"/log/{tenant.controller.did}")
    path = "/log/" + service["serviceEndpoint"].partition("/log/")[2]
    assert anybody.get(f"{path}/checkpoint").status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_json_has_no_context_and_a_page_of_any_origin_may_read_it(anybody: Caller, tenant: NewTenant) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": "application/did+json"})
    assert "@context" not in answer.json()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_controller_s_document_follows_the_keys_of_its_log(
    anybody: Caller, tenant: NewTenant, core: Core, clock: HandClock
) -> None:
    """Both while they overlap; one that is retired proves nothing from then on, so it isn't there."""

    def seen() -> tuple[list[str], str]:
        result = anybody.get(IDENTIFIERS + tenant.controller.did).json()
        document = result["didDocument"]
        keys = [method["id"] for method in document["verificationMethod"]]
        assert document["assertionMethod"] == keys
        return keys, result["didDocumentMetadata"].get("updated", "")

    keys, updated = [], [""]
    for change in (lambda _: None, log_keys.rotate, log_keys.retire):
        clock.forward(60)
        change(core)
        names, moment = seen()
        keys.append(names)
        updated.append(moment)
    first, both, second = keys
    assert (len(first), len(both), len(second)) == (1, 2, 1)
    assert both == first + second
    assert updated[1] < updated[2] < updated[3]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_is_told_in_the_media_type_of_results_that_was_asked_for(anybody: Caller) -> None:
    for accept, told in (
        ("application/json", "application/json"),
        ("application/did", "application/did-resolution"),
    ):
        answer = anybody.get(IDENTIFIERS + UNKNOWN, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, told)
        assert error_of(answer).endswith("#NOT_FOUND")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_head_answers_as_get_without_a_body(anybody: Caller, tenant: NewTenant) -> None:
    for name, status in ((tenant.controller.did, 200), (UNKNOWN, 404)):
        answer = anybody.send("HEAD", IDENTIFIERS + name)
        assert (answer.status_code, answer.content) == (status, b"")
        assert answer.headers["Content-Type"] == "application/did-resolution"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_browser_that_asks_first_may_go_on(anybody: Caller, tenant: NewTenant) -> None:
    answer = anybody.send(
        "OPTIONS", IDENTIFIERS + tenant.controller.did, headers={"Origin": "https://a.example"}
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "Accept"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_the_registry_nothing_is_said_of_a_did(
    anybody: Caller, tenant: NewTenant, core: Core
) -> None:
    """Its table is taken away for a moment: a DID that can't be looked up isn't a DID that doesn't exist."""
    name = tenant.controller.did
    core.store.database.execute_sql("ALTER TABLE dids RENAME TO hidden")
    broken = anybody.get(IDENTIFIERS + name)
    core.store.database.execute_sql("ALTER TABLE hidden RENAME TO dids")
    assert broken.status_code == 503
    assert broken.headers["Content-Type"] == "application/problem+json"
    assert anybody.get(IDENTIFIERS + name).status_code == 200


@pytest.mark.parametrize(
    ("public_url", "mounted"),
    [
        ("https://shop.example/privacy", ""),
        ("https://shop.example/privacy/", "/privacy"),
        ("https://shop.example", "/privacy"),
    ],
    ids=["a proxy takes it away", "mounted", "mounted, and the setting doesn't say so"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_under_a_prefix_the_document_names_addresses_as_they_are_outside(
    core: Core, tenant: NewTenant, around: Around, public_url: str, mounted: str
) -> None:
    app = build(core, Outside(around.read, around.checks), HttpSettings(1000, public_url))
    name = tenant.controller.did
    answer = testing.TestClient(app).simulate_get(IDENTIFIERS + name, root_path=mounted)
    [service] = answer.json["didDocument"]["service"]
    assert service["serviceEndpoint"] == f"https://shop.example/privacy/log/{name}"
