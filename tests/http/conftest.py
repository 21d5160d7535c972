"""A real edge for the tests of webhook addresses: ``web`` alone, no Redis, nobody who processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from books import Books
from flow import customer
from server import Installation, Server, edge_alone
from wire import Client, Door

LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Installation]]:
    """One for all tests of a module; bodies may have 64 KiB."""
    directory = tmp_path_factory.mktemp("edge") / "data"
    with edge_alone(directory, max_body_bytes=LIMIT, log_level="debug") as running:
        yield running


@pytest.fixture(scope="module")
def server(edge: tuple[Server, Installation]) -> Server:
    return edge[0]


@pytest.fixture(scope="module")
def installation(edge: tuple[Server, Installation]) -> Installation:
    return edge[1]


@pytest.fixture(scope="module")
def doors(installation: Installation) -> dict[str, Door]:
    """The address and secret of each platform."""
    return dict(installation.doors)


@pytest.fixture(scope="module")
def books(installation: Installation) -> Books:
    return Books(installation.directory)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A connection of its own for each test: after a body it hasn't read the server closes it."""
    opened = Client(server.port)
    yield opened
    opened.close()


@pytest.fixture
def unharmed(server: Server, doors: dict[str, Door]) -> Iterator[None]:
    """After the test the edge still takes deliveries and has logged no defect."""
    logged = len(server.log())
    yield
    fresh = Client(server.port)
    body = json.dumps(customer(1)).encode()
    answer = fresh.deliver(doors["shopify"], "customers/create", body, uuid4().hex)
    fresh.close()
    assert (answer.status, answer.document["status"]) == (200, "accepted")
    for sign in ("Traceback", "defect", "not_stored", "[error", "critical"):
        assert sign not in server.log()[logged:]
