"""A real edge over a log of more than a tile, and a hand that appends to it from another process's side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from forked import environment
from server import Installation, Server, edge_alone
from wire import Answer, Client

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.core import Core
from dxflow.engine.ledger.log import Leaf

ENTRIES = 700


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Installation]]:
    with edge_alone(tmp_path_factory.mktemp("log") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def core(edge: tuple[Server, Installation]) -> Iterator[Core]:
    """The same installation, opened here beside the server."""
    given = environment(edge[1].directory)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in given if name.startswith("DXFLOW_")]:
            patch.setenv(name, given[name])
        wiring.forget()
        opened = wiring.core_for(Settings.load(port=str(edge[0].port)))
        yield opened
        opened.store.close()
        wiring.forget()


@pytest.fixture(scope="module")
def tenant_id(edge: tuple[Server, Installation]) -> str:
    return edge[1].tenant["id"]


@pytest.fixture(scope="module")
def append(core: Core, tenant_id: str) -> Callable[[int], None]:
    """Append so many leaves in one batch."""

    def run(count: int) -> None:
        with core.store.transaction():
            core.log.append(
                tenant_id, [Leaf("test", {"actor": "system", "n": n}, {"n": n}) for n in range(count)]
            )

    run(ENTRIES)
    return run


@pytest.fixture(scope="module")
def address(edge: tuple[Server, Installation]) -> str:
    return f"/log/{quote(edge[1].tenant['did'], safe=':')}"


@pytest.fixture
def get(edge: tuple[Server, Installation], append: object) -> Iterator[Callable[..., Answer]]:
    """GET a path over a real connection."""
    client = Client(edge[0].port)

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        return client.request(
            method, path, None, {key.replace("_", "-"): value for key, value in headers.items()}
        )

    yield ask
    client.close()
