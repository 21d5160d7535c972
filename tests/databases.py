"""The databases of tests. dxflow's role is no superuser: those are above row-level security."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from dxflow.engine.store import models

ROLE = "dxflow"

_databases = itertools.count()


def made_for(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> str:
    """The address of a database of this kind: empty, or a copy of a migrated one for who asks for ``store``."""
    wanted = "store" in request.fixturenames
    if kind == "sqlite":
        path = tmp_path / "dx flow.db"
        if wanted:
            shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    template = str(request.getfixturevalue("migrated_postgresql")) if wanted else "template1"
    return new_database(str(request.getfixturevalue("postgresql")), template)


@pytest.fixture
def usually_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite, unless a test asks for the other kind too (``BOTH`` of ``visitors``). For rooms in which they
    differ little; a conftest names it ``database_url``."""
    return made_for(request, tmp_path, getattr(request, "param", "sqlite"))


def new_database(postgresql: str, template: str) -> str:
    """The address of a new database of dxflow's role."""
    name = f"test_{next(_databases)}"
    execute(postgresql, f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template}")
    return as_role(postgresql, name)


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
