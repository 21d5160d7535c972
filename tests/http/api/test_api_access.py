"""Who may call what: asked of every operation in the table, so that a new one can't be forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from callers import Caller
from flow import Sender, customer
from requests import Response

from dxflow.engine import announcing
from dxflow.engine.access.roles import Scope, scopes_with
from dxflow.engine.core import Core
from dxflow.engine.recipients.base import Target
from dxflow.engine.recipients.obligations import oblige
from dxflow.engine.recipients.targets import BY_HAND, Addressed
from dxflow.engine.services.people import credentials, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from dxflow.http.api.operation import Operation
from dxflow.http.api.table import OPERATIONS
from dxflow.http.api.values import Optional

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

KEYED = [operation for operation in OPERATIONS if operation.permission is not None]
OF_ONE_ROW = [operation for operation in OPERATIONS if operation.parameters]
LISTS = [operation for operation in OPERATIONS if "cursor" in operation.query.model_fields]


NOWHERE = {"base_url": "http://127.0.0.1:1", "credentials": {"access_token": "x"}}
BODIES: dict[str, dict[str, object]] = {
    "About": {"subject_id": "919108f7-52d1-4320-9bac-f847db4148a8"},
    "Answer": {"decision": "fulfilled"},
    "Closing": {"reason": "x"},
    "Corrections": {"name": "Ada"},
    "Decision": {"reason": "x"},
    "Denial": {"reason": "other"},
    "Discard": {"reason": "x"},
    "Extension": {"reason": "x"},
    "Hold": {"reason": "fee"},
    "Lifting": {"kind": "objection"},
    "NewApi": NOWHERE,
    "NewLegalHold": {"reason": "x"},
    "NewLimit": {"kind": "objection"},
    "NewMerge": {"other": "919108f7-52d1-4320-9bac-f847db4148a8", "reason": "x"},
    "NewRole": {"role": "member"},
    "Original": {"of": "919108f7-52d1-4320-9bac-f847db4148a8"},
    "Reason": {"reason": "x"},
    "Refusal": {"reason": "x"},
    "Resolution": {"kept_id": "919108f7-52d1-4320-9bac-f847db4148a8", "reason": "x"},
}
TAKES_A_PERSON = ("erasures_approve",)
"""What a key that belongs to nobody can't do, whatever its scopes."""


def body_of(operation: Operation) -> dict[str, object]:
    """What a call of an operation on one row must bring along."""
    return {} if issubclass(operation.body, Optional) else {"json": BODIES[operation.body.__name__]}


def call(
    caller: Caller, operation: Operation, row_id: object = None, hold_id: object = None, **options: object
) -> Response:
    path = operation.path.replace("{id}", str(row_id or uuid.uuid4()))
    path = path.replace("{hold_id}", str(hold_id or uuid.uuid4()))
    return caller.send(operation.method, path, **options)


def is_problem(answer: Response) -> bool:
    members = {"type", "title", "status", "detail", "instance"}
    return answer.headers["Content-Type"] == "application/problem+json" and members <= set(answer.json())


def test_without_a_key_in_force_every_answer_is_401(anybody: Caller, core: Core, tenant: NewTenant) -> None:
    row, revoked = credentials.create_key(core, tenant.controller.id, "old", ["read", "write"], "system")
    credentials.revoke(core, tenant.controller.id, row.id, "system")
    good = tenant.api_key
    for operation in KEYED:
        assert call(anybody, operation).status_code == 401, operation.name
    for presented in ("", "Bearer", "Bearer ", "Bearer dxk_guess", f"Basic {good}", good, f"Bearer {revoked}",
                      f"Bearer {good}x", f"Bearer {good} {good}"):  # fmt: skip
        answer = call(anybody, OPERATIONS[0], headers={"Authorization": presented})
        assert answer.status_code == 401, presented
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert is_problem(answer)


def test_without_the_scope_every_answer_is_403(with_scopes: Callable[..., Caller]) -> None:
    for operation in KEYED:
        assert operation.permission is not None
        enough = scopes_with(operation.permission)
        answer = call(with_scopes(*(set(Scope) - set(enough))), operation)
        assert answer.status_code == 403, operation.name
        assert is_problem(answer)
        assert all(scope in answer.json()["detail"] for scope in enough)


def test_the_scope_alone_is_enough(with_scopes: Callable[..., Caller]) -> None:
    callers = {scope: with_scopes(scope) for scope in Scope}
    for operation in KEYED:
        assert operation.scope is not None
        assert call(callers[operation.scope], operation).status_code not in (401, 403), operation.name


def test_what_is_not_there_is_404_whatever_its_id_looks_like(api: Caller) -> None:
    for operation in OF_ONE_ROW:
        options = body_of(operation)
        for row_id in (uuid.uuid4(), uuid.UUID(int=0), "1", "x" * 5000, "%00", "%FF", "null", "1' OR '1'='1"):
            answer = call(api, operation, row_id, **options)
            assert answer.status_code == 404, (operation.name, row_id)
            assert is_problem(answer)


def test_another_tenants_rows_are_404_in_every_operation(
    api: Caller,
    stranger: Caller,
    shop: Sender,
    core: Core,
    tenant: NewTenant,
    drain: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    asked = {"type": "access", "subject": {"email": "ada@example.com"}}
    earlier = api.post("/api/v1/rights-requests", asked).json()["id"]
    monkeypatch.setitem(BODIES, "Original", {"of": earlier})
    rows = {
        "data-subjects": api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"],
        "processing-activities": api.post("/api/v1/processing-activities", order).json()["id"],
        "rights-requests": api.post("/api/v1/rights-requests", asked).json()["id"],
        "events": shop.send("customers/create", customer()).event_id,
        "users": users.create(core, tenant.controller.id, "boss@example.com", "owner")[0].id,
        "invitations": api.post("/api/v1/invitations", {"email": "new@example.com"}).json()["id"],
        "api-keys": api.post("/api/v1/api-keys", {"name": "ci", "scopes": ["read"]}).json()["id"],
    }
    drain()
    person = api.listed("/api/v1/data-subjects")[0]["id"]
    held = f"/api/v1/data-subjects/{rows['data-subjects']}/legal-holds"
    hold = api.post(held, {"reason": "x"}).json()["id"]
    rows["erasure-orders"] = api.post("/api/v1/erasure-orders", {"subject_id": person}).json()["id"]
    rows["connectors"] = shop.connector.id
    rows["webhook-endpoints"] = _listening(core, tenant)
    assert api.post(f"/api/v1/connectors/{shop.connector.id}/api", NOWHERE).status_code == 200
    rows["obligations"] = _owed(core, tenant, shop).id
    rows["notifications"] = api.listed("/api/v1/notifications")[0]["id"]
    rows["messages"] = api.listed(f"/api/v1/rights-requests/{rows['rights-requests']}/messages")[0]["id"]
    monkeypatch.setitem(BODIES, "About", {"subject_id": rows["data-subjects"]})
    rows["link-conflicts"], kept = _in_conflict(api)
    monkeypatch.setitem(BODIES, "NewMerge", {"other": kept, "reason": "x"})
    monkeypatch.setitem(BODIES, "Resolution", {"kept_id": kept, "reason": "x"})
    for operation in OF_ONE_ROW:
        row_id = rows[operation.path.split("/")[3]]
        options = body_of(operation)
        assert call(stranger, operation, row_id, hold, **options).status_code == 404, operation.name
        mine = (403,) if operation.name in TAKES_A_PERSON else (200, 201, 409)
        assert call(api, operation, row_id, hold, **options).status_code in mine, operation.name
    for operation in LISTS:
        if operation not in OF_ONE_ROW and "audit" not in operation.path:
            theirs = [item.get("id") for item in call(stranger, operation).json()["items"]]
            assert not set(theirs) & set(rows.values()), operation.name


def _in_conflict(api: Caller) -> tuple[str, str]:
    """A conflict between two data subjects, and one of them."""
    one = api.post("/api/v1/data-subjects", {"email": "one@example.com"}).json()["id"]
    api.post("/api/v1/data-subjects", {"external_ids": {"crm": "2"}})
    api.post("/api/v1/data-subjects", {"email": "one@example.com", "external_ids": {"crm": "2"}})
    return api.listed("/api/v1/link-conflicts")[0]["id"], one


def _owed(core: Core, tenant: NewTenant, shop: Sender) -> models.Obligation:
    one = Addressed(shop.connector.id, "shopify", Target(("1",)), BY_HAND)
    with core.store.transaction():
        return oblige(core, tenant.controller.id, "erase", one, subject_id=None)


def _listening(core: Core, tenant: NewTenant) -> str:
    """A webhook endpoint, where nobody looks whether somebody is there."""
    mine, row_id, secret = tenant.controller.id, core.new_id(), announcing.new_secret()
    models.WebhookEndpoint.create(
        id=row_id,
        tenant_id=mine,
        url="http://127.0.0.1:1/",
        secret_sealed=announcing.seal_secret(core, mine, row_id, "secret_sealed", secret),
        topics=[],
        created_at=core.clock(),
        force_insert=True,
    )
    return row_id


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
