"""A log on a real server, a watcher of it, and hands on the database behind."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from forked import environment
from server import Installation, Server, edge_alone

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.core import Core
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.watching import RemoteLog, State, Watcher

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Watched:
    """A running edge, the same installation opened here, and the directory of a watcher."""

    server: Server
    installation: Installation
    core: Core
    directory: Path

    @property
    def tenant_id(self) -> str:
        return self.installation.tenant["id"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/log/{self.installation.tenant['did']}"

    def watcher(self, *keys: str, url: str = "") -> Watcher:
        state = State(self.directory)
        return Watcher(RemoteLog(url or self.url), state, state.cosigner("watch.example"), lambda: AT, keys)

    def append(self, count: int) -> None:
        with self.core.store.transaction():
            self.core.log.append(
                self.tenant_id, [Leaf("test", {"actor": "system", "n": n}) for n in range(count)]
            )

    def save(self) -> Callable[[], None]:
        """Yesterday's file; calling what is returned puts it back behind the running server."""
        file = self.installation.directory / "dxflow.db"
        copy = self.directory.parent / "yesterday.db"
        with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
            source.backup(target)

        def restore() -> None:
            with sqlite3.connect(copy) as source, sqlite3.connect(file) as target:
                source.backup(target)

        return restore

    def tamper(self, *statements: str) -> None:
        """SQL of the database's owner, triggers gone."""
        with sqlite3.connect(self.installation.directory / "dxflow.db") as database:
            for name in ("update", "delete", "replace"):
                database.execute(f"DROP TRIGGER IF EXISTS audit_entries_no_{name}")
            for statement in statements:
                database.execute(statement)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Installation]]:
    with edge_alone(tmp_path_factory.mktemp("watched") / "data") as running:
        yield running


@pytest.fixture
def watched(running: tuple[Server, Installation], tmp_path: Path) -> Iterator[Watched]:
    """Each test has the log as it was made: the file behind the server is put back afterwards."""
    server, installation = running
    pristine = tmp_path / "pristine.db"
    file = installation.directory / "dxflow.db"
    with sqlite3.connect(file) as source, sqlite3.connect(pristine) as target:
        source.backup(target)
    given = environment(installation.directory)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in given if name.startswith("DXFLOW_")]:
            patch.setenv(name, given[name])
        wiring.forget()
        core = wiring.core_for(Settings.load(port=str(server.port)))
        yield Watched(server, installation, core, tmp_path / "watch")
        core.store.close()
        wiring.forget()
    with sqlite3.connect(pristine) as source, sqlite3.connect(file) as target:
        source.backup(target)
    shutil.rmtree(installation.directory / "log-memory", ignore_errors=True)
