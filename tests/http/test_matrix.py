"""The permission matrix tried in full: every role at every route, at home, next door and without a name.

Generated from the gate itself, so that a route can't be forgotten.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import falcon
import falcon.inspect
import pytest
import requests
from callers import Around
from flow import Sender, customer
from serving import served

from dxflow.engine.access.roles import MATRIX, Permission, Role, of_scopes
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials, invitations, session_rows, sessions, users
from dxflow.engine.services.people.devices import NOWHERE
from dxflow.engine.services.people.session_rows import Opening
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from dxflow.http.app import HttpSettings, Outside, assemble
from dxflow.http.gate import Door, Gate, Route, Rule, open_to_all, with_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ALL = of_scopes(credentials.ALL_SCOPES)
SETTINGS = HttpSettings(100_000, "http://edge.example")


@dataclass
class Person:
    """Somebody with a role at a tenant: a key with every scope, and a session for each call."""

    core: Core
    tenant_id: str
    user_id: str
    key: str

    def call(self, site: str, route: Route, path: str) -> requests.Response:
        """Call a route in the way that its door asks for."""
        if route.rule.door is Door.SESSION:
            return self._in_browser(site, route, path)
        body = {"json": {}} if route.method not in ("GET", "DELETE") else {}
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.request(route.method, site + path, headers=headers, timeout=30, **body)

    def _in_browser(self, site: str, route: Route, path: str) -> requests.Response:
        opening = Opening(self.user_id, self.tenant_id, "password", NOWHERE)
        with self.core.store.transaction():
            token = session_rows.insert(self.core, opening)
        signed = sessions.find(self.core, token)
        assert signed is not None
        form = {"data": {"csrf": signed.csrf}} if route.method == "POST" else {}
        cookies = {"dxflow-session": token}
        return requests.request(
            route.method, site + path, cookies=cookies, allow_redirects=False, timeout=30, **form
        )


@pytest.fixture
def gate_and_site(core: Core) -> Iterator[tuple[Gate, str]]:
    around = Around()
    app, gate = assemble(core, Outside(around.read, around.checks), SETTINGS)
    with served(app, after=core.store.close) as site:
        yield gate, site


@pytest.fixture
def person(core: Core) -> Callable[[NewTenant, Role], Person]:
    def make(tenant: NewTenant, role: Role) -> Person:
        tenant_id = tenant.controller.id
        user, _ = users.create(core, tenant_id, f"{role}-{uuid.uuid4()}@acme.example", role)
        _, key = credentials.create_key(
            core, tenant_id, str(role), credentials.ALL_SCOPES, "system", user_id=user.id
        )
        return Person(core, tenant_id, user.id, key)

    return make


def somewhere(path: str, row_id: object = None) -> str:
    """A path with ids that are nobody's, or this one."""
    return re.sub(r"{[^}]+}", lambda _: str(row_id or uuid.uuid4()), path)


def refused(answer: requests.Response) -> bool:
    """Whether the gate turned somebody away for what they are."""
    text = answer.text.lower()
    named = "your role here is" in text or "lacks the scope" in text
    return answer.status_code == 403 and named


@pytest.mark.parametrize("role", Role)
def test_every_role_gets_through_where_the_matrix_says_so_and_nowhere_else(
    gate_and_site: tuple[Gate, str], person: Callable[..., Person], tenant: NewTenant, role: Role
) -> None:
    gate, site = gate_and_site
    somebody, wrong, tried = person(tenant, role), [], 0
    for route in gate.routes():
        permission = route.rule.permission
        if permission is None:
            continue
        mine = MATRIX[role] if route.rule.door is Door.SESSION else MATRIX[role] & ALL
        answer = somebody.call(site, route, somewhere(route.path))
        tried += 1
        if refused(answer) == (permission in mine) or answer.status_code in (401, 500):
            wrong.append((route.method, route.path, permission, answer.status_code))
    assert wrong == []
    assert tried > 60


def test_without_a_name_nobody_gets_through(gate_and_site: tuple[Gate, str]) -> None:
    gate, site = gate_and_site
    for route in gate.routes():
        body = {} if route.method in ("GET", "DELETE") else {"json": {}}
        path = site + somewhere(route.path)
        answer = requests.request(route.method, path, allow_redirects=False, timeout=30, **body)
        assert answer.status_code < 500 or route.path == "/readyz", route
        if route.rule.door is Door.KEY:
            assert answer.status_code == 401, route
        if route.rule.door is Door.SESSION:
            assert answer.status_code == 303, route
            assert "/dashboard/sign-in" in answer.headers["Location"]
            assert answer.text == ""


def test_next_door_no_row_of_this_tenant_is_found(
    core: Core,
    gate_and_site: tuple[Gate, str],
    person: Callable[..., Person],
    tenant: NewTenant,
    drain: Callable[[], int],
) -> None:
    gate, site = gate_and_site
    owner, tenant_id = person(tenant, Role.OWNER), tenant.controller.id
    stranger = person(tenants.create(core, "Other Shop", "FR"), Role.OWNER)
    Sender(core, tenant_id).send("customers/create", customer())
    invited, _ = invitations.invite(core, tenant_id, "new@acme.example", "member")
    drain()
    ids = [
        owner.user_id,
        invited.id,
        models.Event.get(tenant_id=tenant_id).id,
        models.DataSubject.get(tenant_id=tenant_id).id,
        models.ProcessingActivity.get(tenant_id=tenant_id).id,
        models.ApiKey.get(tenant_id=tenant_id).id,
    ]
    before = {model: snapshot(model, tenant_id) for model in (models.Membership, models.Event, models.ApiKey)}
    for route in gate.routes():
        if route.rule.permission is None or "{" not in route.path:
            continue
        for row_id in ids:
            answer = stranger.call(site, route, somewhere(route.path, row_id))
            assert answer.status_code in (404, 422, 400), (route, answer.status_code)
            assert row_id not in answer.text.replace(somewhere(route.path, row_id), "")
    assert before == {model: snapshot(model, tenant_id) for model in before}


def snapshot(model: type[models.Row], tenant_id: str) -> list[object]:
    return [sorted(map(str, row.__data__.items())) for row in model.select() if row.tenant_id == tenant_id]


def test_falcon_has_no_route_that_the_gate_does_not_know(core: Core) -> None:
    around = Around()
    app, gate = assemble(core, Outside(around.read, around.checks), SETTINGS)
    there = {route.path for route in falcon.inspect.inspect_routes(app)}
    assert there == {route.path for route in gate.routes()}


class Thing:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = "{}"

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = "{}"


def test_a_route_without_a_rule_for_each_method_does_not_start(core: Core) -> None:
    gate, app = Gate({}), falcon.App()
    read = with_key(Permission.LOOK)
    for rules in ({}, {"GET": read}, {"GET": read, "POST": read, "PUT": read}):
        with pytest.raises(ValueError, match="/thing"):
            gate.add(app, "/thing", Thing(), rules)
    with pytest.raises(ValueError, match="none at all"):
        gate.add(app, "/nothing", object(), read)
    assert list(gate.routes()) == []


def test_a_rule_says_who_or_why(core: Core) -> None:
    with pytest.raises(ValueError, match="reason"):
        open_to_all("")
    with pytest.raises(ValueError, match="permission"):
        Rule(Door.KEY, None)
    with pytest.raises(ValueError, match="permission"):
        Rule(Door.OPEN, Permission.LOOK, "and a reason")


def test_what_went_around_the_gate_lets_nobody_in(core: Core, tenant: NewTenant) -> None:
    around = Around()
    app, _ = assemble(core, Outside(around.read, around.checks), SETTINGS)
    app.add_route("/api/v1/forgotten", Thing())
    with served(app, after=core.store.close) as site:
        for headers in ({}, {"Authorization": f"Bearer {tenant.api_key}"}):
            answer = requests.get(f"{site}/api/v1/forgotten", headers=headers, timeout=30)
            assert answer.status_code == 403
