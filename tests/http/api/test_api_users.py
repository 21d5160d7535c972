"""Users, invitations and keys over the API."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from callers import Caller

from dxflow.engine.core import Core
from dxflow.engine.services.people import credentials, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PASSWORD = "four plain words together"
ADA = "ada@acme.example"


@pytest.fixture
def owner(core: Core, tenant: NewTenant) -> models.User:
    return users.create(core, tenant.controller.id, "boss@acme.example", "owner", password=PASSWORD)[0]


def leaves(kind: str) -> list[dict[str, object]]:
    rows = models.AuditEntry.select().where(models.AuditEntry.kind == kind).order_by(models.AuditEntry.seq)
    return [json.loads(row.leaf) for row in rows]


def test_somebody_is_invited_and_accepts_without_a_key(api: Caller, anybody: Caller, core: Core) -> None:
    made = api.post("/api/v1/invitations", {"email": ADA, "role": "dpo"})
    assert made.status_code == 201
    assert (made.json()["state"], made.json()["role"]) == ("pending", "dpo")
    assert made.json()["token"] not in made.json()["address"]
    wish = {"token": made.json()["token"], "email": ADA, "password": PASSWORD}
    accepted = anybody.post("/api/v1/invitations/accept", wish)
    assert accepted.status_code == 200
    assert (accepted.json()["role"], accepted.json()["one_time_password"]) == ("dpo", None)
    assert sessions.find(core, sessions.sign_in(core, ADA, PASSWORD)) is not None
    [item] = api.listed("/api/v1/invitations")
    assert (item["state"], item["user_id"]) == ("accepted", accepted.json()["user_id"])
    assert "token" not in item
    [member] = api.listed("/api/v1/users")
    assert (member["email"], member["role"], member["source"]) == (ADA, "dpo", "invitation")


def test_an_invitation_is_not_accepted_twice_nor_by_another_address(api: Caller, anybody: Caller) -> None:
    token = api.post("/api/v1/invitations", {"email": ADA}).json()["token"]
    eve = {"token": token, "email": "eve@acme.example", "password": PASSWORD}
    assert anybody.post("/api/v1/invitations/accept", eve).status_code == 403
    assert anybody.post("/api/v1/invitations/accept", {"token": token}).status_code == 200
    again = anybody.post("/api/v1/invitations/accept", {"token": token})
    assert again.status_code == 404
    assert "ask for a new one" in again.json()["detail"]
    assert token not in again.text


def test_a_secret_is_shown_once_even_to_whoever_asks_again(api: Caller) -> None:
    for path, body, secret in (
        ("/api/v1/invitations", {"email": ADA}, "token"),
        ("/api/v1/api-keys", {"name": "ci", "scopes": ["read"]}, "api_key"),
    ):
        first, second = (
            api.send("POST", path, json=body, headers={"Idempotency-Key": f"once {secret}"}) for _ in range(2)
        )
        assert first.json()[secret]
        assert second.headers["Idempotency-Replayed"] == "true"
        assert second.json() == {**first.json(), secret: None}


def test_a_role_is_changed_from_the_next_request_on(
    api: Caller, base: str, core: Core, tenant: NewTenant, owner: models.User
) -> None:
    person, _ = users.create(core, tenant.controller.id, ADA, "admin")
    _, key = credentials.create_key(
        core, tenant.controller.id, "mine", credentials.ALL_SCOPES, "system", user_id=person.id
    )
    mine = Caller(base, key)
    assert mine.get("/api/v1/users").status_code == 200
    assert api.post(f"/api/v1/users/{person.id}/role", {"role": "member"}).json()["role"] == "member"
    refused = mine.get("/api/v1/users")
    assert refused.status_code == 403
    assert "its owner's role" in refused.json()["detail"]


@pytest.mark.parametrize("ending", ["shut-out", "remove"])
def test_who_is_shut_out_has_no_key_in_the_next_request(
    api: Caller, base: str, core: Core, tenant: NewTenant, owner: models.User, ending: str
) -> None:
    person, _ = users.create(core, tenant.controller.id, ADA, "admin")
    _, key = credentials.create_key(core, tenant.controller.id, "mine", ["read"], "system", user_id=person.id)
    assert Caller(base, key).get("/api/v1/events").status_code == 200
    assert api.post(f"/api/v1/users/{person.id}/{ending}").status_code == 200
    assert Caller(base, key).get("/api/v1/events").status_code == 401


def test_the_last_owner_can_neither_leave_nor_step_down(
    base: str, api: Caller, core: Core, tenant: NewTenant, owner: models.User
) -> None:
    _, key = credentials.create_key(
        core, tenant.controller.id, "mine", credentials.ALL_SCOPES, "system", user_id=owner.id
    )
    for caller in (api, Caller(base, key)):
        for path, body in (("role", {"role": "admin"}), ("shut-out", None), ("remove", None)):
            answer = caller.post(f"/api/v1/users/{owner.id}/{path}", body)
            assert answer.status_code == 409, path
            assert "last owner" in answer.json()["detail"]


def test_an_admin_makes_no_owners(base: str, core: Core, tenant: NewTenant, owner: models.User) -> None:
    person, _ = users.create(core, tenant.controller.id, ADA, "admin")
    _, key = credentials.create_key(
        core, tenant.controller.id, "mine", credentials.ALL_SCOPES, "system", user_id=person.id
    )
    admin = Caller(base, key)
    assert admin.post("/api/v1/invitations", {"email": "x@acme.example", "role": "owner"}).status_code == 403
    assert admin.post(f"/api/v1/users/{person.id}/role", {"role": "owner"}).status_code == 403
    assert admin.post(f"/api/v1/users/{owner.id}/remove").status_code == 403
    assert admin.post("/api/v1/invitations", {"email": "x@acme.example", "role": "dpo"}).status_code == 201


def test_a_key_makes_none_that_may_do_more(with_scopes: Callable[..., Caller]) -> None:
    narrow = with_scopes("admin")
    refused = narrow.post("/api/v1/api-keys", {"name": "more", "scopes": ["read"]})
    assert refused.status_code == 403
    assert narrow.post("/api/v1/api-keys", {"name": "same", "scopes": ["admin"]}).status_code == 201


def test_a_users_key_sees_and_revokes_that_users_keys_alone(
    base: str, api: Caller, core: Core, tenant: NewTenant, owner: models.User
) -> None:
    tenant_id = tenant.controller.id
    row, key = credentials.create_key(
        core, tenant_id, "mine", credentials.ALL_SCOPES, "system", user_id=owner.id
    )
    mine = Caller(base, key)
    assert [item["id"] for item in mine.listed("/api/v1/api-keys")] == [row.id]
    assert len(api.listed("/api/v1/api-keys")) == 2
    other = next(item for item in api.listed("/api/v1/api-keys") if item["id"] != row.id)
    assert mine.post(f"/api/v1/api-keys/{other['id']}/revoke").status_code == 404
    made = mine.post("/api/v1/api-keys", {"name": "more", "scopes": ["read"]}).json()
    assert made["user_id"] == owner.id
    assert mine.post(f"/api/v1/api-keys/{made['id']}/revoke").json()["revoked_at"] is not None


def test_a_key_ends_when_it_says(base: str, api: Caller, core: Core, clock: Callable[[], object]) -> None:
    soon = {"name": "soon", "scopes": ["read"], "expires_at": "2099-03-02T10:00:00Z"}
    made = api.post("/api/v1/api-keys", soon)
    assert made.status_code == 201
    short = Caller(base, made.json()["api_key"])
    assert short.get("/api/v1/events").status_code == 200
    clock.forward(3600)  # type: ignore[attr-defined]  # a clock moved by hand
    assert short.get("/api/v1/events").status_code == 401
    late = api.post("/api/v1/api-keys", {**soon, "expires_at": "2001-01-01T00:00:00Z"})
    assert late.status_code == 409
    assert late.json()["errors"][0]["field"] == "expires_at"


def test_every_look_at_who_works_here_is_an_entry(api: Caller, owner: models.User) -> None:
    api.listed("/api/v1/users")
    api.get(f"/api/v1/users/{owner.id}")
    api.listed("/api/v1/invitations")
    found = [(leaf["page"], leaf["users"]) for leaf in leaves("personal_data.read")]
    assert found == [("users", 1), ("users", 1), ("invitations", 0)]
