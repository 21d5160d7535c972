"""What a database keeps of deleted rows: stale bytes in its pages, and the log of changes it writes ahead.

SQLite overwrites what is deleted with zeros (https://sqlite.org/pragma.html#pragma_secure_delete), but not the
copies that stay behind in a page when its rows are moved to a neighbour. PostgreSQL frees a dead row's place at
VACUUM and writes zeros nowhere. Both leave them until other rows come there, or the table is written anew: that
is done at once where it takes a moment, and by ``rewrite`` when somebody says that it may take longer.

SQLite's write-ahead log is emptied here. PostgreSQL's segments stay until they are removed, or recycled and
written over (``wal_recycle``), and in an archive for as long as that keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import peewee
import psycopg2

from ..errors import Unavailable
from ..store import Store

A_MOMENT = 128 * 2**20
"""Bytes of database that are written anew at once: a second or two in which nobody else writes."""
TRIES_FOR = 10.0
"""Seconds that readers may keep SQLite's write-ahead log from being emptied."""
_WRITERS_WAIT_MS = 50
_LOCKS_WITHIN = "SET lock_timeout = '5s'"

TOUCHED = (
    "data_subjects", "data_subject_links", "link_history", "link_conflicts", "events", "rights_requests",
    "audit_salts", "audit_salt_subjects", "activity_salts", "act_payloads", "idempotency_keys", "users",
    "sessions", "memberships", "invitations", "recovery_codes", "api_keys", "sso_identities", "scim_users",
    "scim_group_members", "password_resets", "packages", "identity_checks", "messages", "legal_holds",
    "obligations", "erasure_orders", "subject_merges",
)  # fmt: skip


def clean(store: Store, patience: float = TRIES_FOR, *, at_once: int = A_MOMENT) -> bool:
    """Make the database let go of what was deleted, after the commit. False when stale bytes may be left in its
    files: because there are more than ``at_once``, somebody reads on and on, or the caller's transaction isn't
    over."""
    if store.database.in_transaction():
        return False
    try:
        small = _size(store) <= at_once
        if store.dialect == "sqlite":
            rewritten = small and _vacuum(store)
            return _empty_wal(store, patience) and rewritten
        return _rewrite_tables(store) if small else _free_places(store)
    except (Unavailable, peewee.DatabaseError, psycopg2.Error):  # what was erased is erased all the same
        return False


def rewrite(store: Store, patience: float = TRIES_FOR) -> bool:
    """Write everything anew, however long it takes: nobody else writes meanwhile, on PostgreSQL nobody reads
    either. False when stale bytes may be left, and where a PostgreSQL recycles its log."""
    if store.dialect == "sqlite":
        return _vacuum(store) and _empty_wal(store, patience)
    if not _rewrite_tables(store):
        return False
    with suppress(psycopg2.Error):  # only who may write checkpoints (pg_checkpoint) can do it at once
        _execute(store, ["CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"])
        return str(store.database.execute_sql("SHOW wal_recycle").fetchone()[0]) == "off"
    return False


def _size(store: Store) -> int:
    ask: Any = store.database.execute_sql
    if store.dialect == "sqlite":
        return int(ask("PRAGMA page_count").fetchone()[0]) * int(ask("PRAGMA page_size").fetchone()[0])
    names = ", ".join(f"('{table}')" for table in TOUCHED)
    total = f"SELECT sum(pg_total_relation_size(name::regclass)) FROM (VALUES {names}) AS touched (name)"  # noqa: S608  # our own names
    return int(ask(total).fetchone()[0])


def _vacuum(store: Store) -> bool:
    try:
        with store.turn():
            store.database.execute_sql("VACUUM")
    except Unavailable:  # another process writes on and on, or the disk has no room for a second file
        return False
    return True


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


def _rewrite_tables(store: Store) -> bool:
    try:
        _execute(store, [_LOCKS_WITHIN, *(f"VACUUM FULL {table}" for table in TOUCHED)])
    except psycopg2.errors.LockNotAvailable:
        return _free_places(store)
    finally:
        _execute(store, ["RESET lock_timeout"])
    return True


def _free_places(store: Store) -> bool:
    """What PostgreSQL can do without keeping anybody waiting; always False."""
    _execute(store, [f"VACUUM {table}" for table in TOUCHED])
    return False


def _execute(store: Store, statements: Sequence[str]) -> None:
    connection = store.database.connection()
    before = connection.autocommit
    try:
        connection.autocommit = True  # none of these can run inside a transaction
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.autocommit = before
