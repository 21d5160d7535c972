"""What a database keeps of deleted rows: stale bytes of pages, and the log of changes it writes ahead.

SQLite overwrites deleted bytes with zeros (https://sqlite.org/pragma.html#pragma_secure_delete), and its
write-ahead log is emptied here: nothing is left. PostgreSQL frees a dead row's place at VACUUM and writes zeros
nowhere: its bytes stay until another row comes there, or the table is rewritten; and in WAL segments until they
are removed, or recycled and written over (``wal_recycle``), or for as long as an archive keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg2

from ..store import Store

TRIES_FOR = 10.0
"""Seconds that readers may keep SQLite's write-ahead log from being emptied."""
_WRITERS_WAIT_MS = 50

TOUCHED = (
    "data_subjects", "data_subject_links", "link_history", "link_conflicts", "events", "rights_requests",
    "audit_salts", "audit_salt_subjects", "activity_salts", "act_payloads", "idempotency_keys", "users",
    "sessions",
)  # fmt: skip


def clean(store: Store, patience: float = TRIES_FOR) -> bool:
    """Make the database let go of what was deleted, after the commit; nobody waits for it. False when somebody
    reads on and on, and inside a transaction, whose owner has to do it."""
    if store.database.in_transaction():
        return False
    if store.dialect == "sqlite":
        return _empty_wal(store, patience)
    _execute(store, [f"VACUUM {table}" for table in TOUCHED])
    return True


def rewrite(store: Store, patience: float = TRIES_FOR) -> bool:
    """Write the tables anew, so that no stale byte is left in their files. Nobody else writes meanwhile, on
    PostgreSQL nobody reads either. False when a write-ahead log may still hold what was deleted."""
    if store.dialect == "sqlite":
        store.database.execute_sql("VACUUM")
        return _empty_wal(store, patience)
    _execute(store, [f"VACUUM FULL {table}" for table in TOUCHED])
    with suppress(psycopg2.Error):  # only who may write checkpoints (pg_checkpoint) can do it at once
        _execute(store, ["CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"])
        return str(store.database.execute_sql("SHOW wal_recycle").fetchone()[0]) == "off"
    return False


def _empty_wal(store: Store, patience: float) -> bool:
    """Again and again, each time briefly: while it waits for readers, nobody can write."""
    ask: Any = store.database.execute_sql
    deadline, pause = time.monotonic() + patience, 0.01
    (usual,) = ask("PRAGMA busy_timeout").fetchone()
    ask(f"PRAGMA busy_timeout = {_WRITERS_WAIT_MS}")
    try:
        while ask("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.5)
    finally:
        ask(f"PRAGMA busy_timeout = {int(usual)}")
    return True


def _execute(store: Store, statements: Sequence[str]) -> None:
    connection: Any = store.database.connection()
    before = connection.autocommit
    try:
        connection.autocommit = True  # none of these can run inside a transaction
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.autocommit = before
