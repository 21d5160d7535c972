"""A PostgreSQL database: copied out of one transaction's snapshot, and loaded within one transaction.

COPY in its binary form, table by table; no program of PostgreSQL's own is needed. A load makes the schema as it
was when the backup was made, takes keys and indexes away, copies, and builds them again, which is faster than
to keep them up row by row, and lets tables come in any order. Triggers of ours sleep meanwhile: what is loaded
has happened already.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql

from ..errors import Conflict, Unavailable
from ..store import Store, models
from .archive import CHUNK, Moved, Reader, Writer
from .faults import BackupFault

_VIEWS = ("consents_current",)
_FUNCTIONS = ("dxflow_refuse", "dxflow_capture")
_DATA = ("data_controllers", "agent_tenants")
_PATIENCE = "10s"
_LINGER_S = 2.0
"""How long the session of a process may outlive it."""

_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_SEQUENCES = """
SELECT DISTINCT s.oid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid
WHERE s.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refobjid = ANY (%s::regclass[])
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND (usename = current_user OR application_name LIKE 'dxflow%%')
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype = 'f' FROM pg_constraint
WHERE conrelid = ANY (%s::regclass[]) AND contype IN ('f', 'p', 'u') ORDER BY contype = 'f', conname
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
WHERE indrelid = ANY (%s::regclass[])
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
_GUARDED = """
SELECT relname FROM pg_class WHERE oid = ANY (%s::regclass[]) AND relforcerowsecurity ORDER BY relname
"""


def tables() -> list[str]:
    """Every table of ours."""
    names = sorted(str(model._meta.table_name) for model in models.tables())
    return [*names, "schema_migrations"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One transaction that sees the database as it was when it began."""

    connection: Any

    @property
    def size(self) -> int:
        """Bytes, about."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT sum(pg_table_size(name::regclass)) FROM unnest(%s) name", [tables()])
            return int(cursor.fetchone()[0])

    def rows(self, query: str) -> Iterable[tuple[Any, ...]]:
        """What a SELECT gives, a page at a time."""
        with self.connection.cursor("rows") as cursor:
            cursor.execute(query)
            yield from cursor

    def write(self, archive: Writer) -> dict[str, object]:
        """A member per table.

        ``{"tables": {name: {"columns", "rows"}}, "sequences": {name: [last value, whether it was used]}}``
        """
        with self.connection.cursor() as cursor:
            written = {table: _copy_out(cursor, table, archive) for table in tables()}
            return {"tables": written, "sequences": dict(_sequences(cursor))}


@contextmanager
def snapshot(store: Store) -> Iterator[Snapshot]:
    """The database as it is now. Raises Unavailable, BackupFault."""
    try:
        with closing(psycopg2.connect(store.database.database)) as connection:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            connection.set_client_encoding("UTF8")
            yield Snapshot(connection)
    except psycopg2.OperationalError as error:
        raise Unavailable(f"the database doesn't answer ({type(error).__name__})") from error


def _copy_out(cursor: Any, table: str, archive: Writer) -> dict[str, object]:
    cursor.execute(_COLUMNS, [table])
    columns = [name for (name,) in cursor.fetchall()]
    with archive.member(_member(table)) as target:
        cursor.copy_expert(_copy(table, columns, "TO STDOUT"), target)
    return {"columns": columns, "rows": cursor.rowcount}


def _sequences(cursor: Any) -> Iterator[tuple[str, list[object]]]:
    """Read after the rows: they may have gone on since, and never back."""
    cursor.execute(_SEQUENCES, [tables()])
    for (name,) in cursor.fetchall():
        cursor.execute(
            sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(*name.split(".")))
        )
        yield name, list(cursor.fetchone())


def _member(table: str) -> str:
    return f"tables/{table}"


def _copy(table: str, columns: Iterable[str], direction: str) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    text = sql.SQL("COPY {} ({}) " + direction + " (FORMAT binary)")
    return text.format(sql.Identifier(table), names)


def holds_data(store: Store) -> bool:
    """Whether there is something to lose in a database."""
    there = [table for table in _DATA if store.database.table_exists(table)]
    return any(store.database.execute_sql(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in there)  # noqa: S608 - our own names


def require_unused(store: Store) -> None:
    """Raises Conflict while another session of this user, or of a dxflow, is connected."""
    deadline = time.monotonic() + _LINGER_S
    while others := int(store.database.execute_sql(_OTHERS).fetchone()[0]):
        if time.monotonic() < deadline:
            time.sleep(0.05)
            continue
        raise Conflict(
            f"{others} other session{'s are' if others > 1 else ' is'} connected to the database; stop "
            "dxflow's processes first, on every machine"
        )


@contextmanager
def _said() -> Iterator[None]:
    """PostgreSQL's own texts may quote rows: only the kind of an error goes on."""
    try:
        yield
    except psycopg2.errors.LockNotAvailable:
        raise Conflict("the tables are in use; stop dxflow's processes first, on every machine") from None
    except psycopg2.Error as error:
        raise BackupFault(f"the database refused the backup ({type(error).__name__})") from error


def load(store: Store, schema: int, told: Mapping[str, Any], archive: Reader, moved: Moved) -> None:
    """Replace everything by what is in the archive, inside the caller's transaction. Raises BackupFault."""
    store.database.execute_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    store.database.execute_sql("SET LOCAL maintenance_work_mem = '128MB'")
    if store.version() > schema:
        store.migrate()
        _drop_all(store)
    store.migrate(schema)
    names = list(told["tables"])
    with _said(), store.database.cursor() as cursor, _asleep(cursor, names), _bare(cursor, names):
        cursor.execute(sql.SQL("TRUNCATE {}").format(_listed(names)))
        for table, written in told["tables"].items():
            with archive.member(_member(table)) as source:
                cursor.copy_expert(
                    _copy(table, written["columns"], "FROM STDIN"), _Counted(source, moved), CHUNK
                )
            if cursor.rowcount != written["rows"]:
                raise BackupFault(
                    f"{archive.path}: {table} has {cursor.rowcount} rows, not {written['rows']}"
                )
        for name, (last, called) in told["sequences"].items():
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", [name, last, called])


@dataclass(frozen=True, slots=True)
class _Counted:
    """A member as COPY reads it."""

    source: Any
    moved: Moved

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data: bytes = self.source.read(size)
        self.moved(len(data))
        return data


def _drop_all(store: Store) -> None:
    """Only where the schema is newer than the backup's: there is no way back but to begin again."""
    with store.database.cursor() as cursor:
        cursor.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(_listed(_VIEWS)))
        cursor.execute(sql.SQL("DROP TABLE {}").format(_listed(tables())))
        cursor.execute(sql.SQL("DROP FUNCTION IF EXISTS {}").format(_listed(_FUNCTIONS)))


def _listed(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


@contextmanager
def _asleep(cursor: Any, names: Iterable[str]) -> Iterator[None]:
    """Nothing is captured, and nothing refused: as the tables' owner, who needs to be no superuser for it."""
    cursor.execute(_GUARDED, [names])
    guarded = [name for (name,) in cursor.fetchall()]
    _alter(cursor, names, "DISABLE TRIGGER USER")
    _alter(cursor, guarded, "NO FORCE ROW LEVEL SECURITY")  # PostgreSQL has no COPY FROM under policies
    yield
    _alter(cursor, guarded, "FORCE ROW LEVEL SECURITY")
    _alter(cursor, names, "ENABLE TRIGGER USER")


def _alter(cursor: Any, names: Iterable[str], how: str) -> None:
    for table in names:
        cursor.execute(sql.SQL("ALTER TABLE {} " + how).format(sql.Identifier(table)))


@contextmanager
def _bare(cursor: Any, names: list[str]) -> Iterator[None]:
    """Tables without keys and indexes, which come back at the end, and with them all that they refuse."""
    cursor.execute(_CONSTRAINTS, [names])
    constraints = cursor.fetchall()  # foreign keys last
    for table, name, _, _ in reversed(constraints):
        cursor.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.SQL(table), sql.Identifier(name))
        )
    cursor.execute(_INDEXES, [names])
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    for table, name, definition, _ in constraints:
        cursor.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                sql.SQL(table), sql.Identifier(name), sql.SQL(definition)
            )
        )
