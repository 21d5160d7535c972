"""Versioned migrations: numbered, applied once, in order, each in one transaction with its number.

A released migration never changes; what comes later is a new number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib import resources
from typing import NamedTuple

from . import isolation, statistics, triggers

_WORDS: Mapping[str, Mapping[str, str]] = {
    "sqlite": {
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "uuid": "TEXT",
        "moment": "TEXT",
        "bytes": "BLOB",
        "json": "TEXT",
        "boolean": "INTEGER",
        "bigint": "INTEGER",
        "true": "1",
        "false": "0",
        "now": "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
        "new_id": f"({triggers.SQLITE_ID})",
        "clustered": "WITHOUT ROWID",
        "leaf_event": "json_extract(a.leaf, '$.event')",
        "leaf_request": "json_extract(leaf, '$.request')",
        "new_consents_current": "DROP VIEW consents_current;\nCREATE VIEW consents_current",
    },
    "postgresql": {
        "serial": "BIGSERIAL PRIMARY KEY",
        "uuid": "UUID",
        "moment": "TIMESTAMPTZ",
        "bytes": "BYTEA",
        "json": "JSONB",
        "boolean": "BOOLEAN",
        "bigint": "BIGINT",
        "true": "TRUE",
        "false": "FALSE",
        "now": "date_trunc('milliseconds', clock_timestamp())",
        "new_id": "gen_random_uuid()",
        "clustered": "",
        "leaf_event": "(a.leaf::jsonb ->> 'event')::uuid",
        "leaf_request": "(leaf::jsonb ->> 'request')",
        # Not dropped: what an operator granted on it, or built on it, stays.
        "new_consents_current": "CREATE OR REPLACE VIEW consents_current",
    },
}


class Migration(NamedTuple):
    """One step of the schema: its number, a name for people, and its statements per dialect."""

    number: int
    name: str
    statements: Callable[[str], list[str]]


def _initial(dialect: str) -> list[str]:
    capture = triggers.sqlite() if dialect == "sqlite" else triggers.postgresql()
    return [*_statements_of("0001_initial.sql", dialect), *capture]


def _access(dialect: str) -> list[str]:
    return [*_statements_of("0005_access.sql", dialect), *triggers.capturing(dialect, triggers.MEMBERSHIPS)]


def _rights(dialect: str) -> list[str]:
    capture = [trigger for one in triggers.RIGHTS for trigger in triggers.capturing(dialect, one)]
    isolated = isolation.isolating(dialect, isolation.RIGHTS)
    tables = _statements_of("0007_rights.sql", dialect)
    return [*tables, *capture, *isolated, *statistics.forgetting(dialect)]


def _dashboard(dialect: str) -> list[str]:
    capture = [trigger for one in triggers.DASHBOARD for trigger in triggers.capturing(dialect, one)]
    return [
        *_statements_of("0008_dashboard.sql", dialect),
        *capture,
        *isolation.isolating(dialect, isolation.DASHBOARD),
        *isolation.renewing(dialect),
        *isolation.view(dialect),
        *statistics.forgetting(dialect),
    ]


def _statements_of(file: str, dialect: str) -> list[str]:
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    bare = re.sub(r"^--.*$", "", text, flags=re.MULTILINE)
    spoken = re.sub(r"\{\{(\w+)\}\}", lambda word: _WORDS[dialect][word.group(1)], bare)
    return [statement.strip() for statement in spoken.split(";\n") if statement.strip()]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "initial", _initial),
    Migration(2, "queues", partial(_statements_of, "0002_queues.sql")),
    Migration(3, "ledger", partial(_statements_of, "0003_ledger.sql")),
    Migration(4, "keys", partial(_statements_of, "0004_keys.sql")),
    Migration(5, "access", _access),
    Migration(6, "isolation", isolation.statements),
    Migration(7, "rights", _rights),
    Migration(8, "dashboard", _dashboard),
)
