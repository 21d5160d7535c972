"""What a database keeps of deleted rows: stale bytes of pages, and the log of changes it writes ahead.

SQLite overwrites deleted bytes with zeros (https://sqlite.org/pragma.html#pragma_secure_delete), and its
write-ahead log is emptied here. PostgreSQL keeps dead rows until VACUUM, and its WAL segments until they are
recycled or, where they are archived, for as long as the archive is kept.
"""

from __future__ import annotations

import time

from ..store import Store

TRIES_FOR = 10.0
"""Seconds that readers may keep SQLite's write-ahead log from being emptied."""

_TOUCHED = (
    "data_subjects", "data_subject_links", "link_history", "link_conflicts", "events", "rights_requests",
    "audit_salts", "audit_salt_subjects", "activity_salts", "act_payloads", "idempotency_keys", "users",
)  # fmt: skip


def clean(store: Store, patience: float = TRIES_FOR) -> bool:
    """Make the database let go of what was deleted, after the commit. False when somebody reads on and on, and
    inside a transaction, whose owner has to do it."""
    if store.database.in_transaction():
        return False
    return _sqlite(store, patience) if store.dialect == "sqlite" else _postgresql(store)


def _sqlite(store: Store, patience: float) -> bool:
    deadline, pause = time.monotonic() + patience, 0.01
    while True:
        busy, *_ = store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 2, 0.5)


def _postgresql(store: Store) -> bool:
    connection = store.database.connection()
    before = connection.autocommit
    try:
        connection.autocommit = True  # VACUUM can't run inside a transaction
        with connection.cursor() as cursor:
            for table in _TOUCHED:
                cursor.execute(f"VACUUM {table}")
    finally:
        connection.autocommit = before
    return True
