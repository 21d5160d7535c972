"""``/openapi.json`` says what the application does: every route, every schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import falcon.inspect
import pytest
from callers import Around, Caller

from dxflow.engine.core import Core
from dxflow.http.api.table import OPERATIONS
from dxflow.http.app import HttpSettings, Outside, build

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OTHERS = ("/dashboard", "/request", "/scim", "/log", "/drp")
"""Pages for people, and protocols that are described elsewhere."""
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def document(anybody: Caller) -> dict[str, Any]:
    answer = anybody.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_an_openapi_3_1_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(document["info"])
    assert all(path.startswith("/") for path in document["paths"])


def test_every_route_of_the_application_is_in_it(
    document: dict[str, Any], core: Core, around: Around
) -> None:
    app = build(core, Outside(around.read, around.checks), HttpSettings(1000, "http://edge.example"))
    served = {
        (re.sub(r"{identifier:path}", "{did}", route.path), method.method)
        for route in falcon.inspect.inspect_routes(app)
        for method in route.methods
        if method.method in METHODS and not method.internal
        if not route.path.startswith(OTHERS)
    }
    described = {(path, method.upper()) for path, method, _ in operations(document)}
    assert served == described


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    found = set(references(document))
    assert found
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= set(schemas)
    assert set(references(document["paths"])) >= {"#/components/schemas/Problem"}


def test_every_parameter_of_a_path_is_declared_and_required(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        declared = {one["name"] for one in operation["parameters"] if one["in"] == "path" and one["required"]}
        assert declared == set(re.findall(r"{(\w+)}", path))
        names = [(one["in"], one["name"]) for one in operation["parameters"]]
        assert len(names) == len(set(names))


def test_operation_ids_are_unique_and_every_operation_is_described(document: dict[str, Any]) -> None:
    found = [operation for _, _, operation in operations(document)]
    assert len({operation["operationId"] for operation in found}) == len(found)
    for operation in found:
        assert operation["summary"]
        assert any(status.startswith("2") for status in operation["responses"])
        assert all(answer["description"] for answer in operation["responses"].values())


def test_every_operation_of_the_table_names_its_scope_its_body_and_its_refusals(
    document: dict[str, Any],
) -> None:
    for one in OPERATIONS:
        described = document["paths"][one.path][one.method.lower()]
        assert described["security"] == ([{"key": [one.scope]}] if one.permission else [])
        assert {"401", "403"} <= set(described["responses"])
        headers = [parameter["name"] for parameter in described["parameters"] if parameter["in"] == "header"]
        assert headers == (["Idempotency-Key"] if one.method == "POST" else [])
        query = {parameter["name"] for parameter in described["parameters"] if parameter["in"] == "query"}
        assert query == {field.alias or name for name, field in one.query.model_fields.items()}


def test_every_list_describes_its_own_cursors(document: dict[str, Any]) -> None:
    described = [
        parameter["schema"]["anyOf"][0].get("pattern")
        for _, _, operation in operations(document)
        for parameter in operation["parameters"]
        if parameter["name"] == "cursor"
    ]
    assert described
    assert None not in described, "a list without place_in"
    assert len(set(described)) == len(described)


@pytest.mark.parametrize("size", [2, 5])
def test_cursors_are_as_described(api: Caller, document: dict[str, Any], size: int) -> None:
    for number in range(size):
        api.post("/api/v1/data-subjects", {"email": f"person{number}@example.com"})
    for path in ("/api/v1/data-subjects", "/api/v1/events"):
        cursor = api.get(f"{path}?limit=1").json()["next_cursor"]
        (parameter,) = (
            one for one in document["paths"][path]["get"]["parameters"] if one["name"] == "cursor"
        )
        assert re.search(parameter["schema"]["anyOf"][0]["pattern"], cursor)


def test_the_described_fields_are_those_that_validate(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["NewSubject"]["additionalProperties"] is False
    assert set(schemas["NewActivity"]["required"]) == {"activity_type", "legal_basis", "purpose"}
    assert schemas["Activity"]["properties"]["occurred_at"] == {
        "type": "string",
        "format": "date-time",
        "title": "Occurred At",
    }
    assert "access" in schemas["RequestType"]["enum"]
