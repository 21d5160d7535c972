"""The whole edge over real HTTP: a threaded server on a socket, callers with keys of their own."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import requests
from flow import Sender

from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.services import credentials, tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.http.app import HttpSettings, Outside, build

MAX_BODY_BYTES = 100_000


@dataclass
class Around:
    """What the edge is told about the rest of its process; a test may break it."""

    depths: dict[str, Any] = field(default_factory=dict)
    redis_is_up: bool = True
    checks: dict[str, Callable[[], str]] = field(default_factory=lambda: {"database": lambda: "answers"})

    def read(self, names: Any) -> Mapping[str, Any]:
        if not self.redis_is_up:
            raise Unavailable("Redis doesn't answer")
        empty = SimpleNamespace(ready=0, in_flight=0, delayed=0, oldest_enqueued_ms=None)
        return {name: self.depths.get(name, empty) for name in names}


@dataclass
class Caller:
    """Sends requests to the server, with a key or without."""

    base: str
    key: str | None = None

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", {}))
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        answer = requests.request(method, self.base + path, headers=headers, timeout=30, **options)
        assert answer.status_code < 500 or answer.status_code in (501, 503), answer.text
        return answer

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        return self.send("POST", path, **({} if body is None else {"json": body}), **options)

    def listed(self, path: str, **options: Any) -> list[dict[str, Any]]:
        """The items of a list that fits on one page."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        assert answer.json()["next_cursor"] is None
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def base(core: Core, around: Around) -> Iterator[str]:
    """The address of a running edge."""

    class Server(socketserver.ThreadingMixIn, WSGIServer):
        daemon_threads = True

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            super().process_request_thread(request, client_address)
            core.store.close()  # this thread's connection

    app = build(core, Outside(around.read, around.checks), HttpSettings(MAX_BODY_BYTES, "http://edge.example"))
    server = make_server("127.0.0.1", 0, app, server_class=Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def anybody(base: str) -> Caller:
    """Somebody without a key."""
    return Caller(base)


@pytest.fixture
def api(base: str, tenant: NewTenant) -> Caller:
    """The tenant's own program, with every scope."""
    return Caller(base, tenant.api_key)


@pytest.fixture
def other_tenant(core: Core) -> NewTenant:
    return tenants.create(core, "Another Shop", "UK")


@pytest.fixture
def stranger(base: str, other_tenant: NewTenant) -> Caller:
    """Another tenant's program, with every scope."""
    return Caller(base, other_tenant.api_key)


@pytest.fixture
def with_scopes(core: Core, base: str, tenant: NewTenant) -> Callable[..., Caller]:
    """A caller of the tenant whose key has just these scopes."""

    def make(*scopes: str) -> Caller:
        _, secret = credentials.create_key(core, tenant.controller.id, "narrow", scopes, "system")
        return Caller(base, secret)

    return make


@pytest.fixture
def shop(core: Core, tenant: NewTenant) -> Sender:
    """A Shopify shop of the tenant."""
    return Sender(core, tenant.controller.id)
