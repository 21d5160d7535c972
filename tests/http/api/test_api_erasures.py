"""Erasing, recipients and marks over the API: two people, their keys, and what each may see."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import all_platforms
import pytest
from all_platforms import CREDENTIALS
from callers import Caller
from flow import HandClock, Sender, customer, drain
from recipients_servers import Playing

from dxflow.engine import core as cores
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.erasing import certified
from dxflow.engine.services.people import credentials, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

API = "/api/v1"
EMAIL = "person1@shop.example"


servers = all_platforms.servers


@pytest.fixture
def core(store: Store, clock: HandClock) -> Core:
    networks = (ipaddress.ip_network("127.0.0.0/8"),)
    return cores.build(store, b"k" * 32, host="dxflow.example", clock=clock, allowed_networks=networks)


@dataclass(frozen=True)
class Officer:
    """Somebody who may erase, with a key of their own."""

    caller: Caller
    user_id: str


@pytest.fixture
def officer(core: Core, base: str, tenant: NewTenant) -> Callable[..., Officer]:
    def make(name: str, role: Role = Role.DPO, *scopes: str) -> Officer:
        user, _ = users.create(core, tenant.controller.id, f"{name}@acme.example", role)
        scope, mine = scopes or ("read", "write", "admin"), f"user:{user.id}"  # made by the officer alone
        _, secret = credentials.create_key(core, tenant.controller.id, name, scope, mine, user_id=user.id)
        return Officer(Caller(base, secret), user.id)

    return make


@pytest.fixture
def whom(core: Core, shop: Sender) -> str:
    """A data subject whom a Shopify shop brought in."""
    shop.send("customers/create", customer())
    drain(core)
    return str(models.DataSubject.get().id)


def test_two_officers_erase_somebody_and_get_the_certificate(
    core: Core, officer: Any, api: Caller, whom: str, tenant: NewTenant
) -> None:
    first, second = officer("first").caller, officer("second").caller
    plan = first.get(f"{API}/data-subjects/{whom}/erasure-plan")
    assert plan.status_code == 200, plan.text
    assert plan.json()["what"]["people"] == 1
    made = first.post(f"{API}/erasure-orders", {"subject_id": whom, "reason": "retention_period"})
    assert made.status_code == 201, made.text
    order = made.json()
    assert made.headers["Location"].endswith(order["id"])
    assert order["plan"]["where"]["recipients"][0]["how"] == "by_hand"
    path = f"{API}/erasure-orders/{order['id']}"
    for refused in (first, api):
        answer = refused.post(f"{path}/approve")
        assert answer.status_code == 403, answer.text
    assert api.get(f"{path}/certificate").status_code == 409
    done = second.post(f"{path}/approve", headers={"Idempotency-Key": "once"})
    assert (done.status_code, done.json()["state"]) == (200, "executed"), done.text
    again = second.post(f"{path}/approve", headers={"Idempotency-Key": "once"})
    assert again.json() == done.json()
    assert second.post(f"{path}/approve").status_code == 409
    receipt = first.post(f"{path}/receipt").json()
    assert first.post(f"{path}/receipt").status_code == 409
    found = api.get(f"{path}/certificate").json()
    keys = core.signing.vkeys(core.log.head(tenant.controller.id).origin)
    assert certified.verify(found["note"], keys, receipt)["two_people"] is True
    assert api.listed(f"{API}/erasure-orders?state=executed")[0]["log_index"] is not None
    assert api.get(f"{API}/data-subjects/{whom}").json()["state"] == "erased"


def test_one_at_a_time_and_a_refusal_says_why(officer: Any, whom: str) -> None:
    first, second = officer("first").caller, officer("second").caller
    order = first.post(f"{API}/erasure-orders", {"subject_id": whom}).json()
    assert first.post(f"{API}/erasure-orders", {"subject_id": whom}).status_code == 409
    path = f"{API}/erasure-orders/{order['id']}/refuse"
    assert second.post(path, {}).status_code == 422
    assert second.post(path, {"reason": "they are a customer"}).json()["state"] == "refused"
    assert second.post(path, {"reason": "again"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"subject_id": "nobody"}, 422),
        ({"subject_id": "7f1f7a4e-7d53-4b0c-9a1e-0d4a2f4f9c11"}, 404),
        ({"request_id": "7f1f7a4e-7d53-4b0c-9a1e-0d4a2f4f9c11"}, 404),
        ({"subject_id": "7f1f7a4e-7d53-4b0c-9a1e-0d4a2f4f9c11", "reason": "restored_backup"}, 422),
        ({"subject_id": "7f1f7a4e-7d53-4b0c-9a1e-0d4a2f4f9c11", "at_once": True}, 422),
    ],
)
def test_a_wrong_proposal_is_refused(body: dict[str, Any], status: int, officer: Any) -> None:
    assert officer("first").caller.post(f"{API}/erasure-orders", body).status_code == status


def test_whose_role_may_not_erase_neither_proposes_nor_approves(officer: Any, whom: str) -> None:
    order = officer("first").caller.post(f"{API}/erasure-orders", {"subject_id": whom}).json()
    for name, role in (("developer", Role.DEVELOPER), ("auditor", Role.AUDITOR), ("member", Role.MEMBER)):
        caller = officer(name, role).caller
        assert caller.post(f"{API}/erasure-orders", {"subject_id": whom}).status_code == 403
        assert caller.post(f"{API}/erasure-orders/{order['id']}/approve").status_code == 403


def test_another_tenant_sees_none_of_it(officer: Any, stranger: Caller, whom: str, shop: Sender) -> None:
    first = officer("first").caller
    order = first.post(f"{API}/erasure-orders", {"subject_id": whom}).json()
    assert officer("second").caller.post(f"{API}/erasure-orders/{order['id']}/approve").status_code == 200
    (owed,) = first.listed(f"{API}/obligations")
    for path in (
        f"/data-subjects/{whom}/erasure-plan",
        f"/erasure-orders/{order['id']}",
        f"/erasure-orders/{order['id']}/certificate",
        f"/obligations/{owed['id']}",
        f"/connectors/{shop.connector.id}/api",
    ):
        assert stranger.get(API + path).status_code == 404, path
    for path, body in (
        (f"/erasure-orders/{order['id']}/refuse", {"reason": "x"}),
        (f"/obligations/{owed['id']}/close", {"reason": "x"}),
        (f"/obligations/{owed['id']}/retry", {}),
        (f"/connectors/{shop.connector.id}/api/check", {}),
    ):
        assert stranger.post(API + path, body).status_code == 404, path
    assert stranger.listed(f"{API}/obligations") == []
    assert stranger.listed(f"{API}/suppressions") == []


def test_a_manual_obligation_is_looked_at_and_closed(officer: Any, api: Caller, whom: str) -> None:
    first, second = officer("first").caller, officer("second").caller
    order = first.post(f"{API}/erasure-orders", {"subject_id": whom}).json()
    assert second.post(f"{API}/erasure-orders/{order['id']}/approve").status_code == 200
    (owed,) = api.listed(f"{API}/obligations?state=manual&order_id={order['id']}")
    assert EMAIL not in str(owed)
    shown = first.get(f"{API}/obligations/{owed['id']}").json()
    assert shown["known_as"]["ids"] == [str(customer()["id"])]
    path = f"{API}/obligations/{owed['id']}/close"
    assert first.post(path, {"reason": " "}).status_code == 422
    closed = first.post(path, {"reason": "erased in the admin", "remains": "orders"}).json()
    assert (closed["state"], closed["remains"]) == ("closed", "orders")
    assert closed["closed_by"].startswith("key:")
    assert first.post(path, {"reason": "again"}).status_code == 409
    assert first.get(f"{API}/obligations/{owed['id']}").json()["known_as"]["ids"] == []
    assert api.get(f"{API}/erasure-orders/{order['id']}/certificate").json()["state"] == "final"


def test_credentials_are_set_tried_and_taken_away_and_never_shown(
    core: Core, api: Caller, shop: Sender, servers: dict[str, Playing]
) -> None:
    path = f"{API}/connectors/{shop.connector.id}/api"
    assert api.get(path).status_code == 404
    given = {"base_url": servers["shopify"].url, "credentials": CREDENTIALS["shopify"]}
    for wrong in (
        {**given, "credentials": {}},
        {**given, "credentials": {"access_token": "x", "password": "y"}},
        {**given, "base_url": "ftp://shop.example"},
        {**given, "base_url": "https://shop.example/admin"},
        {**given, "base_url": "https://user:pass@shop.example"},
    ):
        assert api.post(path, wrong).status_code == 422, wrong
    answer = api.post(path, given)
    assert answer.status_code == 200, answer.text
    checked = api.post(f"{path}/check").json()
    assert (checked["ok"], checked["fault"]) == (True, None)
    api.post(path, {**given, "credentials": {"access_token": "stale"}})
    refused = api.post(f"{path}/check").json()
    assert refused["ok"] is False
    assert "access_token" in refused["fault"]
    for shown in (answer.text, api.get(path).text, str(refused)):
        assert not [one for one in ("stale", *CREDENTIALS["shopify"].values()) if one in shown]
    assert api.post(f"{path}/remove").status_code == 200
    assert api.get(path).status_code == 404


def test_a_platform_without_an_api_of_ours_takes_no_credentials(
    core: Core, api: Caller, tenant: NewTenant
) -> None:
    hasura = Sender(core, tenant.controller.id, "hasura").connector.id
    given = {"base_url": "https://hasura.example", "credentials": {"key": "x"}}
    assert api.post(f"{API}/connectors/{hasura}/api", given).status_code == 422


def test_marks_are_listed_and_lifted(core: Core, officer: Any, api: Caller, whom: str) -> None:
    order = officer("first").caller.post(f"{API}/erasure-orders", {"subject_id": whom}).json()
    officer("second").caller.post(f"{API}/erasure-orders/{order['id']}/approve")
    held = api.listed(f"{API}/suppressions?order_id={order['id']}")
    assert {one["field"] for one in held} == {"email", "external_id"}
    assert EMAIL not in str(held)
    assert api.post(f"{API}/data-subjects", {"email": EMAIL}).status_code == 409
    lift = f"{API}/suppressions/lift"
    assert api.post(lift, {"email": "else@shop.example", "reason": "came back"}).status_code == 404
    assert api.post(lift, {"email": EMAIL}).status_code == 422
    assert api.post(lift, {"reason": "came back"}).status_code == 422
    assert api.post(lift, {"email": EMAIL, "reason": "came back"}).json() == {"lifted": 2}
    assert api.post(f"{API}/data-subjects", {"email": EMAIL}).status_code == 201
