"""One database: SQLite in WAL mode with durable commits, or PostgreSQL 14 and later.

Duties. *Durability*: when ``transaction()`` ends without an error its rows survive a crash of the process and
of the machine (SQLite ``synchronous=FULL``). *Concurrency*: any thread may call anything; each thread has its
own connection. On SQLite a process-wide lock lets writers take turns before they reach the file, because
SQLite's own wait is a poll with back-off and writers that fight over it pay in the tail.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import unquote

import peewee

from ..errors import Deadlock, Unavailable
from . import models, scope
from .guarded import GuardedPostgresql
from .migrations import MIGRATIONS
from .turns import Turns

_SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "busy_timeout": 20_000,
    "secure_delete": 1,
    "recursive_triggers": 0,
}
_CONNECT_TIMEOUT_S = 5
DEADLOCKS = 5
"""How often work that the database undid to end a deadlock runs again at once, before anybody hears of it."""
_DEADLOCKS = ("40P01", "40001")
"""deadlock_detected and serialization_failure (PostgreSQL, appendix A)"""
_CALLED = "fallback_application_name=dxflow"

T = TypeVar("T")


class Store:
    """An open database. ``dialect`` is ``sqlite`` or ``postgresql``."""

    def __init__(self, url: str) -> None:
        """Prepare, without connecting. Raises ValueError for a scheme that is neither."""
        self.dialect, self.database = _database(url)
        models.database.initialize(self.database)
        turns = Turns() if self.dialect == "sqlite" else None
        self._writers: AbstractContextManager[Any] = turns or nullcontext()
        self._urgent: AbstractContextManager[Any] = turns.urgent if turns else nullcontext()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this thread's connection; other threads close their own by ending."""
        if not self.database.is_closed():
            self.database.close()

    @contextmanager
    def transaction(self, *, urgent: bool = False) -> Iterator[None]:
        """A write transaction; nested ones are savepoints. Raises Unavailable without an answer.

        An ``urgent`` one, for whoever keeps somebody outside waiting, goes before others of this process.
        """
        if self.database.in_transaction():
            with self.savepoint():
                yield
            return
        kind = ("IMMEDIATE",) if self.dialect == "sqlite" else ()
        with self._urgent if urgent else self._writers, self.reachable(), self.database.atomic(*kind):
            yield

    def in_one_go(self, work: Callable[[], T]) -> T:
        """Run work that reads all it needs in one transaction, and again when the database undid it to end a
        deadlock. Raises Deadlock when that happens again and again, and at once inside another transaction,
        which was undone with it."""
        left = 0 if self.database.in_transaction() else DEADLOCKS
        while True:
            try:
                with self.transaction():
                    return work()
            except Deadlock:
                if not left:
                    raise
                left -= 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Other writers of this process wait, without a transaction: for what takes a whole SQLite file."""
        with self._writers, self.reachable():
            yield

    def savepoint(self) -> Savepoint:
        """A part of a transaction that can be undone by itself. Raises Unavailable without an answer."""
        return Savepoint(self)

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Turn a lost or refused connection into Unavailable, and drop it so that the next call reconnects.

        Raises Deadlock where this transaction was undone to end one."""
        try:
            yield
        except (peewee.OperationalError, peewee.InterfaceError) as error:
            if _is_defect(error):
                raise
            if getattr(error.__cause__ or error.__context__, "pgcode", None) in _DEADLOCKS:
                raise Deadlock("the database ended a deadlock by undoing this transaction") from error
            if not self.database.in_transaction():
                self.close()
            raise Unavailable(f"the database doesn't answer ({type(error).__name__})") from error

    def ping(self) -> None:
        """Ask the database for an answer. Raises Unavailable."""
        with self.reachable():
            self.database.execute_sql("SELECT 1").fetchone()

    def version(self) -> int:
        """Number of the newest migration applied; 0 for an empty database."""
        with self.reachable():
            if not self.database.table_exists("schema_migrations"):
                return 0
            row = self.database.execute_sql("SELECT max(number) FROM schema_migrations").fetchone()
        return int(row[0] or 0)

    def up_to_date(self) -> bool:
        """Whether every migration of this version is applied."""
        return self.version() == MIGRATIONS[-1].number

    def migrate(self, upto: int | None = None) -> list[str]:
        """Apply what is missing (up to this number), in one transaction; returns the names."""
        applied = []
        with scope.everyone("a migration moves all rows"), self.transaction():
            self._lock_schema()
            self.database.execute_sql(
                "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)"
            )
            present = self.version()
            for migration in MIGRATIONS:
                if present < migration.number <= (upto or migration.number):
                    for statement in migration.statements(self.dialect):
                        self.database.execute_sql(statement)
                    self._record(migration.number, migration.name)
                    applied.append(migration.name)
        return applied

    def announce(self) -> None:
        """Tell other processes that events are due, once this transaction commits; a SQLite file they watch."""
        if self.dialect == "postgresql":
            self.database.execute_sql("SELECT pg_notify('dxflow_events', '')")

    def for_update(self, query: Any) -> Any:
        """Lock the rows of a SELECT where the dialect can; on SQLite the transaction already holds the file."""
        return query if self.dialect == "sqlite" else query.for_update()

    def _record(self, number: int, name: str) -> None:
        statement = "INSERT INTO schema_migrations VALUES (?, ?)".replace("?", self.database.param)
        self.database.execute_sql(statement, (number, name))

    def _lock_schema(self) -> None:
        """Two processes that migrate at once take turns (SQLite's IMMEDIATE transaction does it by itself)."""
        if self.dialect == "postgresql":
            self.database.execute_sql("SELECT pg_advisory_xact_lock(722511)")


class Savepoint:
    """Undone when its block ends with an error. All have one name: the database takes the newest for it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> None:
        self._execute("SAVEPOINT part")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._execute("ROLLBACK TO SAVEPOINT part")
        self._execute("RELEASE SAVEPOINT part")

    def _execute(self, statement: str) -> None:
        with self._store.reachable():
            self._store.database.execute_sql(statement)


def _database(url: str) -> tuple[str, peewee.Database]:
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        path = Path(unquote(rest.removeprefix("/")))
        return "sqlite", peewee.SqliteDatabase(str(path), pragmas=_SQLITE_PRAGMAS)
    if scheme in ("postgresql", "postgres"):
        return "postgresql", GuardedPostgresql(_with_patience(url))
    raise ValueError(f"database address of an unknown kind: {scheme!r}; allowed are sqlite and postgresql")


def _with_patience(url: str) -> str:
    """The address with a name for our sessions, and an end to the waiting for a server that is there and says
    nothing, unless it has them."""
    for word in (f"connect_timeout={_CONNECT_TIMEOUT_S}", _CALLED):
        if f"{word.partition('=')[0]}=" not in url:
            url += f"{'&' if '?' in url else '?'}{word}"
    return url


def _is_defect(error: Exception) -> bool:
    """SQLite calls a statement it can't run an operational error too; trying that again would never end."""
    cause = error.args[0] if error.args else None
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorname", "") == "SQLITE_ERROR"
