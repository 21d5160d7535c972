"""Every answer of every route carries the headers that keep browsers from doing more with it than is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping

import falcon.testing
import pytest
from callers import Around

from dxflow.engine.core import Core
from dxflow.engine.services.people import sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.http.app import HttpSettings, Outside, assemble, waiting
from dxflow.http.gate import Gate

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE")
ID = "919108f7-52d1-4320-9bac-f847db4148a8"
VARIABLE = re.compile(r"{(\w+)[^}]*}")
NOWHERE = ("/nothing", "/api/v1/nothing", "/dashboard/nothing", "/log/nothing", "/%00", "/../x", "/webhooks")


@pytest.fixture
def around() -> Around:
    return Around()


def made(core: Core, around: Around, scheme: str) -> tuple[falcon.testing.TestClient, Gate]:
    settings = HttpSettings(1000, f"{scheme}://edge.example")
    app, gate = assemble(core, Outside(around.read, around.checks), settings)
    return falcon.testing.TestClient(app), gate


def paths(gate: Gate, did: str) -> list[str]:
    known = {"platform": "shopify", "identifier": did, "rest": "0/000", "epoch": "1", "name": "app.css"}
    routes = sorted({route.path for route in gate.routes()})
    tenants_log = [path.replace("{name}", did) if path.startswith("/log") else path for path in routes]
    return [VARIABLE.sub(lambda found: known.get(found[1], ID), path) for path in tenants_log]


def check(answer: falcon.testing.Result, scheme: str) -> None:
    headers: Mapping[str, str] = answer.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["cross-origin-opener-policy"] == "same-origin"
    shared = headers.get("access-control-allow-origin") == "*"
    assert headers["cross-origin-resource-policy"] == ("cross-origin" if shared else "same-origin")
    assert headers["cache-control"]
    assert ("strict-transport-security" in headers) == (scheme == "https")
    assert not re.search(r"\d", headers.get("server", ""))
    assert "x-powered-by" not in headers
    for cookie in (value for name, value in answer.headers.items() if name.lower() == "set-cookie"):
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= attributes
        assert ("secure" in attributes) == (scheme == "https")
        assert cookie.startswith("__Host-") == (scheme == "https")


@SCHEMES
def test_every_method_of_every_route_for_anybody(
    core: Core, around: Around, tenant: NewTenant, scheme: str
) -> None:
    client, gate = made(core, around, scheme)
    for path in (*paths(gate, tenant.controller.did), *NOWHERE):
        for method in METHODS:
            answer = client.simulate_request(method, path)
            assert answer.status_code < 500, (method, path)
            check(answer, scheme)


@SCHEMES
def test_every_route_for_who_may_come_in(core: Core, around: Around, tenant: NewTenant, scheme: str) -> None:
    client, gate = made(core, around, scheme)
    users.create(core, tenant.controller.id, "ada@example.com", "owner", password="four plain words together")
    form = "email=ada%40example.com&password=four+plain+words+together"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    entered = client.simulate_post("/dashboard/sign-in", body=form, headers=kind)
    assert entered.status_code == 303
    check(entered, scheme)
    (session,) = (cookie.value for cookie in entered.cookies.values() if cookie.name.endswith("session"))
    assert sessions.find(core, session)
    name = next(iter(entered.cookies))
    known = {"Authorization": f"Bearer {tenant.api_key}", "Cookie": f"{name}={session}"}
    seen = set()
    for path in paths(gate, tenant.controller.did):
        for method in ("GET", "POST"):
            if path != "/dashboard/sign-out":
                answer = client.simulate_request(method, path, headers=known)
                # RFC 7644 section 3.4.3: 501 for a search over all kinds at the root, which this server hasn't.
                assert answer.status_code < 500 or path == "/scim/v2/.search", (method, path)
                check(answer, scheme)
                seen.add(answer.status_code)
    assert {200, 303, 400, 403, 404, 405, 422} <= seen | {303}


def test_what_holds_a_credential_or_a_person_is_kept_by_no_cache(
    core: Core, around: Around, tenant: NewTenant
) -> None:
    client, gate = made(core, around, "https")
    for path in paths(gate, tenant.controller.did):
        if path.startswith(("/api", "/dashboard", "/webhooks", "/events")) and "/static/" not in path:
            assert client.simulate_get(path).headers["cache-control"] == "no-store", path


@pytest.mark.usefixtures("database_url")
def test_an_edge_that_waits_for_its_database_answers_no_less_safely() -> None:
    client = falcon.testing.TestClient(waiting())
    for path in ("/healthz", "/api/v1/events", "/dashboard/"):
        check(client.simulate_get(path), "http")
