"""Who may call what: asked of every operation in the table, so that a new one can't be forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from callers import Caller
from flow import Sender, customer
from requests import Response

from dxflow.engine.core import Core
from dxflow.engine.services import credentials
from dxflow.engine.services.tenants import NewTenant
from dxflow.http.api.operation import Operation
from dxflow.http.api.table import OPERATIONS
from dxflow.http.api.values import Nothing

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OF_ONE_ROW = [operation for operation in OPERATIONS if operation.parameters]
LISTS = [operation for operation in OPERATIONS if "cursor" in operation.query.model_fields]


def call(caller: Caller, operation: Operation, row_id: object = None, **options: object) -> Response:
    path = operation.path.replace("{id}", str(row_id or uuid.uuid4()))
    return caller.send(operation.method, path, **options)


def is_problem(answer: Response) -> bool:
    members = {"type", "title", "status", "detail", "instance"}
    return answer.headers["Content-Type"] == "application/problem+json" and members <= set(answer.json())


def test_without_a_key_in_force_every_answer_is_401(anybody: Caller, core: Core, tenant: NewTenant) -> None:
    row, revoked = credentials.create_key(core, tenant.controller.id, "old", ["read", "write"], "system")
    credentials.revoke(core, tenant.controller.id, row.id, "system")
    good = tenant.api_key
    for operation in OPERATIONS:
        assert call(anybody, operation).status_code == 401, operation.name
    for presented in ("", "Bearer", "Bearer ", "Bearer dxk_guess", f"Basic {good}", good, f"Bearer {revoked}",
                      f"Bearer {good}x", f"Bearer {good} {good}"):  # fmt: skip
        answer = call(anybody, OPERATIONS[0], headers={"Authorization": presented})
        assert answer.status_code == 401, presented
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert is_problem(answer)


def test_without_the_scope_every_answer_is_403(with_scopes: Callable[..., Caller]) -> None:
    for operation in OPERATIONS:
        answer = call(with_scopes(*({"read", "write", "admin"} - {operation.scope})), operation)
        assert answer.status_code == 403, operation.name
        assert is_problem(answer)
        assert operation.scope in answer.json()["detail"]


def test_the_scope_alone_is_enough(with_scopes: Callable[..., Caller]) -> None:
    callers = {scope: with_scopes(scope) for scope in ("read", "write")}
    for operation in OPERATIONS:
        assert call(callers[operation.scope], operation).status_code not in (401, 403), operation.name


def test_what_is_not_there_is_404_whatever_its_id_looks_like(api: Caller) -> None:
    for operation in OF_ONE_ROW:
        options = {"json": {"reason": "x"}} if operation.body is not Nothing else {}
        for row_id in (uuid.uuid4(), uuid.UUID(int=0), "1", "x" * 5000, "%00", "%FF", "null", "1' OR '1'='1"):
            answer = call(api, operation, row_id, **options)
            assert answer.status_code == 404, (operation.name, row_id)
            assert is_problem(answer)


def test_another_tenants_rows_are_404_in_every_operation(
    api: Caller, stranger: Caller, shop: Sender, drain: Callable[[], int]
) -> None:
    order = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    asked = {"type": "access", "subject": {"email": "ada@example.com"}}
    rows = {
        "data-subjects": api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"],
        "processing-activities": api.post("/api/v1/processing-activities", order).json()["id"],
        "rights-requests": api.post("/api/v1/rights-requests", asked).json()["id"],
        "events": shop.send("customers/create", customer()).event_id,
    }
    drain()
    rows["notifications"] = api.listed("/api/v1/notifications")[0]["id"]
    for operation in OF_ONE_ROW:
        row_id = rows[operation.path.split("/")[3]]
        options = {"json": {"reason": "x"}} if operation.body is not Nothing else {}
        assert call(stranger, operation, row_id, **options).status_code == 404, operation.name
        assert call(api, operation, row_id, **options).status_code in (200, 409), operation.name
    for operation in LISTS:
        if operation not in OF_ONE_ROW and "audit" not in operation.path:
            mine = [item.get("id") for item in call(stranger, operation).json()["items"]]
            assert not set(mine) & set(rows.values()), operation.name


def test_an_unknown_parameter_is_refused_by_name(api: Caller) -> None:
    for operation in OPERATIONS:
        answer = call(api, operation, params={"tenant_id": "1"}, json={})
        assert answer.status_code == 422, operation.name
        assert "tenant_id" in [fault["field"] for fault in answer.json()["errors"]]


def test_no_answer_may_be_stored_and_each_carries_an_id(api: Caller) -> None:
    for operation in OPERATIONS:
        answer = call(api, operation)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert uuid.UUID(answer.headers["X-Request-Id"]).version == 4


def test_another_method_is_405_and_names_the_right_ones(api: Caller) -> None:
    for operation in OPERATIONS:
        answer = api.send("DELETE", operation.path.replace("{id}", str(uuid.uuid4())))
        assert answer.status_code == 405
        assert operation.method in answer.headers["Allow"]
        assert is_problem(answer)


def test_a_list_answers_head_without_a_body(api: Caller) -> None:
    answer = api.send("HEAD", "/api/v1/events")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=1e2", "limit=9" * 9,
                                   "limit=1&limit=2", "cursor=x", "cursor=%00", "cursor=bnVsbA", "cursor=W10",
                                   "cursor=WyJldmVudHMiLC0xXQ", "cursor=WyJldmVudHMiLDFlOTldXQ"])  # fmt: skip
def test_a_page_that_cannot_be_is_refused(api: Caller, query: str) -> None:
    person = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"]
    for operation in LISTS:
        answer = call(api, operation, person, params=query)
        assert answer.status_code == 422, operation.name
        assert answer.json()["errors"][0]["field"].split(".")[0] in ("limit", "cursor")


def test_a_cursor_of_one_list_is_no_cursor_of_another(api: Caller) -> None:
    for number in range(2):
        api.post("/api/v1/data-subjects", {"email": f"person{number}@example.com"})
    cursor = api.get("/api/v1/data-subjects?limit=1").json()["next_cursor"]
    assert cursor is not None
    assert api.get(f"/api/v1/data-subjects?limit=1&cursor={cursor}").status_code == 200
    assert api.get(f"/api/v1/notifications?cursor={cursor}").status_code == 422


def test_an_unknown_path_is_a_problem_too(anybody: Caller) -> None:
    answer = anybody.get("/api/v1/nothing")
    assert answer.status_code == 404
    assert is_problem(answer)
    assert answer.json()["instance"] == "/api/v1/nothing"
