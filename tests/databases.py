"""PostgreSQL as tests have it: dxflow's role is no superuser, because those are above row-level security."""

from __future__ import annotations

import psycopg2

ROLE = "dxflow"


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
