"""What a request brings about, through the API: a package, a limit, what is right; and nothing to strangers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from callers import Caller
from flow import drain

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
REQUESTS = "/api/v1/rights-requests"
ADA = {"email": "ada@example.com", "name": "Ada Byron"}
Asked = Callable[..., str]


@pytest.fixture
def asked(core: Core, api: Caller) -> Asked:
    """Makes a proven request of Ada's that is being worked on; its path."""

    def make(type: str, **changes: object) -> str:
        api.post("/api/v1/data-subjects", ADA)
        row = api.post(REQUESTS, {"type": type, "subject": {"email": ADA["email"]}}).json()
        columns = {"state": "data_collection", "verified_at": core.clock(), **changes}
        models.RightsRequest.update(**columns).where(models.RightsRequest.id == row["id"]).execute()
        drain(core)
        return f"{REQUESTS}/{row['id']}"

    return make


def test_a_package_is_made_and_shown_without_what_is_in_it(
    api: Caller, asked: Asked, tenant: NewTenant
) -> None:
    path = asked("access")
    assert api.get(f"{path}/package").status_code == 409
    made = api.post(f"{path}/package")
    assert made.status_code == 200, made.text
    package = made.json()
    assert package["address"] == f"http://edge.example/request/{tenant.controller.id}/package/{package['id']}"
    assert (package["fetches"], package["fetched_at"]) == (0, None)
    assert api.get(f"{path}/package").json() == package
    assert "Byron" not in made.text
    assert "passphrase" not in made.text


def test_a_limit_is_put_in_force_by_its_request(api: Caller, asked: Asked) -> None:
    path = asked("objection")
    told = api.post(f"{path}/fulfil", {"purposes": ["direct marketing", "customer research"]})
    assert told.json() == {"limits": ["objection", "objection"]}
    assert api.post(f"{asked('sale_opt_out')}/fulfil").json()["limits"][-1] == "sale_opt_out"
    subject = api.post("/api/v1/data-subjects/lookup", {"email": ADA["email"]}).json()
    purposes = [one["purpose"] for one in subject["limits"]]
    assert purposes == ["direct marketing", "customer research", ""]
    assert api.post(f"{asked('access')}/fulfil").status_code == 409


def test_what_is_stored_is_put_right(api: Caller, asked: Asked) -> None:
    path = asked("rectification")
    answer = api.post(f"{path}/rectify", {"name": "Ada Lovelace", "external_ids": {"crm": 7}})
    assert (answer.status_code, answer.json()) == (200, {"recipients": []})
    profile = api.post("/api/v1/data-subjects/lookup", {"email": ADA["email"]}).json()["profile"]
    assert (profile["name"], profile["external_ids"]) == ("Ada Lovelace", {"crm": "7"})
    assert api.post(f"{path}/rectify", {"email": "no address"}).status_code == 422
    assert api.post(f"{path}/rectify", {}).status_code == 422
    assert api.post(f"{path}/rectify", {"iban": "DE00"}).status_code == 422
    api.post("/api/v1/data-subjects", {"email": "ben@example.com"})
    assert api.post(f"{path}/rectify", {"email": "ben@example.com"}).status_code == 409
    gone = api.post(f"{path}/rectify", {"external_ids": {"crm": None}})
    assert gone.status_code == 200, gone.text
    assert api.post("/api/v1/data-subjects/lookup", {"external_id": {"crm": "7"}}).status_code == 404


@pytest.mark.parametrize("act", ["package", "fulfil", "rectify"])
def test_only_the_tenants_desk_brings_anything_about(
    api: Caller, stranger: Caller, with_scopes: Callable[..., Caller], asked: Asked, act: str
) -> None:
    path = asked("rectification" if act == "rectify" else "access" if act == "package" else "restriction")
    body = {"name": "X"} if act == "rectify" else None
    assert stranger.post(f"{path}/{act}", body).status_code == 404
    assert with_scopes("read").post(f"{path}/{act}", body).status_code == 403
    assert (models.Package.select().count(), models.SubjectLimit.select().count()) == (0, 0)


def test_a_package_asked_for_twice_with_one_key_is_made_once(api: Caller, asked: Asked) -> None:
    path, key = asked("portability"), {"Idempotency-Key": "k" * 20}
    first, second = (api.post(f"{path}/package", headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert models.Package.select().count() == 1
