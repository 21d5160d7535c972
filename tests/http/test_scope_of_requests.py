"""A request runs in the scope of its caller's tenant, or nobody's, and leaves nothing behind on its thread."""

from __future__ import annotations

from collections.abc import Callable

import falcon
import pytest
from falcon import testing

from dxflow.engine.access.roles import Permission
from dxflow.engine.errors import Forbidden, NotAuthentic
from dxflow.engine.store import scope
from dxflow.http import problems
from dxflow.http.gate import Door, Gate, open_to_all, with_key

TENANT = "919108f7-52d1-4320-9bac-f847db4148a8"


class Caller:
    """Whoever knocks with a key."""

    tenant_id, actor = TENANT, "key:test"

    def require(self, permission: Permission) -> None:
        if permission is Permission.ACT:
            raise Forbidden("not with this key")


class Crash(BaseException):
    """What no error handler catches: a worker that is being ended."""


class Seen:
    """Notes the scope that each request runs in, then does what it is told."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.then: Callable[[], None] = lambda: None

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.scopes.append(scope.current())
        self.then()

    on_post = on_get


class Later:
    """A middleware behind the gate, which still works on the answer."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_: object) -> None:
        self._seen.scopes.append(scope.current())


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def client(seen: Seen) -> testing.TestClient:
    def known(req: falcon.Request) -> Caller:
        if not req.auth:
            raise NotAuthentic("a key is needed")
        return Caller()

    app = falcon.App()
    app.add_error_handler(Exception, problems.on_any)
    app.add_error_handler(falcon.HTTPError, problems.on_http)
    app.add_error_handler((Forbidden, NotAuthentic), problems.on_own)
    gate = Gate({Door.KEY: known})
    rules = {"GET": with_key(Permission.LOOK), "POST": with_key(Permission.ACT)}
    gate.add(app, "/known", seen, rules)
    gate.add(app, "/open", seen, open_to_all("a test"))
    app.add_middleware([gate, Later(seen)])
    return testing.TestClient(app, headers={"Authorization": "Bearer key"})


def _raise(error: BaseException) -> Callable[[], None]:
    def then() -> None:
        raise error

    return then


def test_a_known_caller_runs_in_the_scope_of_their_tenant_to_the_end(
    client: testing.TestClient, seen: Seen
) -> None:
    assert client.simulate_get("/known").status_code == 200
    assert seen.scopes == [TENANT, TENANT]


def test_what_is_open_to_all_runs_in_nobodys_scope(client: testing.TestClient, seen: Seen) -> None:
    assert client.simulate_get("/open").status_code == 200
    assert seen.scopes == [scope.NOBODY, scope.NOBODY]


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda client: client.simulate_get("/known"), 200),
        (lambda client: client.simulate_get("/known", headers={"Authorization": ""}), 401),
        (lambda client: client.simulate_post("/known"), 403),
        (lambda client: client.simulate_put("/known"), 405),
        (lambda client: client.simulate_get("/nowhere"), 404),
        (lambda client: client.simulate_get("/open"), 200),
    ],
)
def test_however_it_ends_the_thread_is_as_it_was(
    client: testing.TestClient, ask: Callable[[testing.TestClient], testing.Result], status: int
) -> None:
    assert ask(client).status_code == status
    assert scope.current() == scope.EVERYONE  # the test's own


@pytest.mark.parametrize("error", [ValueError("a defect"), falcon.HTTPConflict(), Forbidden("no")])
def test_after_an_error_too(client: testing.TestClient, seen: Seen, error: Exception) -> None:
    seen.then = _raise(error)
    assert client.simulate_get("/known").status_code in (403, 409, 500)
    assert scope.current() == scope.EVERYONE


def test_also_when_the_request_never_reached_the_gate() -> None:
    class Refusing:
        def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
            raise falcon.HTTPBadRequest

    app = falcon.App()
    app.add_middleware([Refusing(), Gate({})])
    assert testing.TestClient(app).simulate_get("/").status_code == 400
    assert scope.current() == scope.EVERYONE


def test_a_request_that_was_torn_off_leaves_its_scope_to_nobody(
    client: testing.TestClient, seen: Seen
) -> None:
    outside = scope.begin()
    try:
        seen.then = _raise(Crash())
        with pytest.raises(Crash):
            client.simulate_get("/known")
        seen.then = lambda: None
        seen.scopes.clear()
        client.simulate_get("/open")
        assert seen.scopes == [scope.NOBODY, scope.NOBODY]
    finally:
        scope.leave(outside)
