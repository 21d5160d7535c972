"""The databases of tests. dxflow's role is no superuser: those are above row-level security."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest

from dxflow.engine.store import models

ROLE = "dxflow"
_USES = 40
"""Tests after which a database is left to itself: what they deleted lies in its files and costs time."""

_EMPTY = """
DO $$ DECLARE each text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR each IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relname <> 'schema_migrations'
        AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
    LOOP EXECUTE 'DELETE FROM ' || each; END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
END $$;
SELECT true
"""
_SHAPE = """
SELECT md5(string_agg(one, ' ' ORDER BY one)) FROM (
    SELECT format('%s %s %s %s %s %s', oid, relname, relnatts, relrowsecurity, relforcerowsecurity, relacl)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s', oid, tgenabled) FROM pg_trigger
    UNION ALL SELECT format('%s %s', oid, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s', oid, pg_get_expr(polqual, polrelid)) FROM pg_policy
    UNION ALL SELECT format('%s %s', oid, convalidated) FROM pg_constraint
    UNION ALL SELECT format('analysed %s', starelid) FROM pg_statistic JOIN pg_class ON oid = starelid
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s', setconfig) FROM pg_db_role_setting
    UNION ALL SELECT format('%s', number) FROM schema_migrations
) AS all_of_it(one)
"""
_ALONE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@pytest.fixture
def usually_sqlite(request: pytest.FixtureRequest, migrated: Callable[[str], str]) -> str:
    """SQLite, unless a test asks for the other kind too (``BOTH`` of ``visitors``). For rooms in which they
    differ little; a conftest names it ``database_url``."""
    return migrated(getattr(request, "param", "sqlite"))


def as_role(uri: str, database: str) -> str:
    """The address of this database for dxflow's role; ``uri`` is the superuser's."""
    return as_superuser(uri, database).replace("//postgres:", f"//{ROLE}:")


def as_superuser(uri: str, database: str) -> str:
    """The address of this database for whoever may do everything."""
    return uri.replace("/postgres?", f"/{database}?")


def execute(uri: str, *statements: str) -> None:
    """Run statements, each committed by itself."""
    connection = psycopg2.connect(uri)
    connection.autocommit = True
    for statement in statements:
        connection.cursor().execute(statement)
    connection.close()


@dataclass
class Databases:
    """A server's databases of dxflow's role; ``uri`` is the superuser's.

    Making one from a migrated template copies hundreds of files, and each test wants one: who is done with
    theirs leaves it to the next, emptied, unless a test changed more of it than rows.
    """

    uri: str
    _names: Iterator[str] = field(default_factory=lambda: (f"test_{number}" for number in itertools.count()))
    _left: list[tuple[str, int]] = field(default_factory=list)
    _open: dict[str, Any] = field(default_factory=dict)
    _shape: str | None = None

    def new(self, template: str = "template1") -> str:
        """The name of another database."""
        name = next(self._names)
        # Copying files takes a quarter of the time of writing every page of the template into the log.
        made = f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} STRATEGY FILE_COPY"
        execute(self.uri, made)
        return name

    def lent(self, template: str) -> Iterator[str]:
        """The name of a database as ``template`` is, which somebody else gets after the first ``next``."""
        name, uses = self._emptied(template)
        yield name
        if uses < _USES:
            self._left.append((name, uses + 1))

    def _emptied(self, template: str) -> tuple[str, int]:
        while self._left:
            name, uses = self._left.pop()
            if self._empty(name):
                return name, uses
        name = self.new(template)
        self._shape = self._shape or str(self._ask(name, _SHAPE))
        return name, 0

    def _empty(self, name: str) -> bool:
        """False where it isn't as it was made."""
        self._ask(name, _ALONE)
        if self._ask(name, _SHAPE) != self._shape:
            return False
        self._ask(name, _EMPTY)
        return True

    def _ask(self, name: str, query: str) -> Any:
        # Kept open: what a connection has learnt of the catalogue makes it five times as quick.
        if name not in self._open:
            self._open[name] = psycopg2.connect(as_superuser(self.uri, name))
            self._open[name].autocommit = True
        with self._open[name].cursor() as cursor:
            cursor.execute(query)
            found = cursor.fetchone()
        return found[0] if found else None


def columns() -> Iterator[tuple[str, bytes]]:
    """Every column of every row of every table, as it is stored."""
    for model in models.tables():
        table = model._meta.table_name
        cursor = model._meta.database.execute_sql(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            for name, value in zip(names, row, strict=True):
                raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                yield f"{table}.{name}", raw


def stored() -> bytes:
    """All values of all tables."""
    return b"\n".join(value for _, value in columns())
