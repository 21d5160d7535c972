"""``/1.0/identifiers/{did}``: DID Resolution as the Universal Resolver calls it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from callers import Caller

from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

IDENTIFIERS = "/1.0/identifiers/"
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
        (UNKNOWN + "?versionId=1", 400, "INVALID_OPTIONS"),
        ("did:web:example.com", 501, "METHOD_NOT_SUPPORTED"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_resolved_says_why_as_a_resolution_result(
    anybody: Caller, name: str, status: int, error: str
) -> None:
    answer = anybody.get(IDENTIFIERS + name)
    assert answer.status_code == status
    assert error_of(answer) == f"https://www.w3.org/ns/did#{error}"


def test_upper_case_digits_name_the_same_did(anybody: Caller, tenant: NewTenant) -> None:
    name = tenant.controller.did
    shouted = "did:dep:" + name.removeprefix("did:dep:").upper()
    assert anybody.get(IDENTIFIERS + shouted).json()["didDocument"]["id"] == name


def test_a_deactivated_did_is_gone_and_still_described(api: Caller, anybody: Caller, core: Core) -> None:
    name = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["did"]
    models.Did.update(deactivated_at=core.clock()).where(models.Did.did == name).execute()
    answer = anybody.get(IDENTIFIERS + name)
    assert answer.status_code == 410
    assert answer.json()["didDocumentMetadata"]["deactivated"] is True
    assert answer.json()["didDocument"]["id"] == name


@pytest.mark.parametrize(
    ("accept", "content_type", "whole"),
    [
        ("*/*", "application/did-resolution", True),
        ("application/did-resolution", "application/did-resolution", True),
        ("application/json", "application/json", True),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/did-resolution", True),
        ("application/did", "application/did", False),
        ("application/did+ld+json", "application/did+ld+json", False),
        ("application/did+json", "application/did+json", False),
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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_driver_of_the_universal_resolver_is_understood(anybody: Caller, tenant: NewTenant) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": "application/ld+json"})
    result = answer.json()
    assert answer.status_code == 200
    assert result.get("didDocument", result)["id"] == tenant.controller.did


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_representation_nobody_makes_is_406(anybody: Caller, tenant: NewTenant) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": "text/html"})
    assert answer.status_code == 406
    assert error_of(answer).endswith("#REPRESENTATION_NOT_SUPPORTED")


def test_the_did_is_the_one_its_uuid_gives(api: Caller, anybody: Caller) -> None:
    made = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()
    assert anybody.get(IDENTIFIERS + did.derive(made["id"])).status_code == 200


def test_a_controller_s_document_names_its_log(anybody: Caller, tenant: NewTenant) -> None:
    document = anybody.get(IDENTIFIERS + tenant.controller.did).json()["didDocument"]
    [service] = document["service"]
    assert service["type"] == "TransparencyLog"
    assert service["serviceEndpoint"].endswith(f"/log/{tenant.controller.did}")
    path = "/log/" + service["serviceEndpoint"].partition("/log/")[2]
    assert anybody.get(f"{path}/checkpoint").status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_json_has_no_context_and_a_page_of_any_origin_may_read_it(anybody: Caller, tenant: NewTenant) -> None:
    answer = anybody.get(IDENTIFIERS + tenant.controller.did, headers={"Accept": "application/did+json"})
    assert "@context" not in answer.json()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
