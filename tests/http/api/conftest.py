"""The whole edge over real HTTP: a threaded server on a socket, callers with keys of their own."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from callers import Around, Caller
from flow import Sender

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials
from dxflow.engine.services.tenants import NewTenant
from dxflow.http.app import HttpSettings, Outside, build

MAX_BODY_BYTES = 100_000


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

    app = build(
        core, Outside(around.read, around.checks), HttpSettings(MAX_BODY_BYTES, "http://edge.example")
    )
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
