"""The statements that make the database itself capture changes and refuse rewriting.

Change capture: every INSERT, DELETE, and UPDATE of a column that means something to the outside, writes an
event row in the same transaction, whoever made the change. Columns a workflow itself fills in (``did``,
registration results) are left out, so no workflow starts itself again.

Refusals are a seat-belt, not evidence: whoever owns the file or the cluster can take triggers away. The Merkle
log is what shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class Capture(NamedTuple):
    """One captured table: which workflow a change starts, at which step, on which columns' UPDATE."""

    table: str
    workflow: str
    first_step: str
    columns: tuple[str, ...]
    tenant: str = "tenant_id"


CAPTURES = (
    Capture("data_controllers", "data_controller", "derive", ("name", "jurisdiction"), "id"),
    Capture("data_subjects", "data_subject", "derive", ("intake", "profile_sealed", "state")),
    Capture(
        "data_processing_activities",
        "processing_activity",
        "publish",
        ("subject_id", "activity_type", "legal_basis", "purpose", "fields", "occurred_at"),
    ),
    Capture("rights_requests", "rights_request", "record", ("type", "state", "subject_id")),
    Capture("users", "user", "identify", ("email_sealed", "active")),
)

MEMBERSHIPS = Capture("memberships", "membership", "identify", ("role", "active"))
"""Captured since migration 5."""

RIGHTS = (
    Capture("messages", "message", "send", ("state",)),
    Capture("obligations", "obligation", "call", ("state",)),
    Capture("consent_pushes", "consent_push", "push", ("state",)),
    Capture("announcements", "announcement", "deliver", ("state",)),
)
"""Captured since migration 7."""

DASHBOARD = (
    Capture("bulk_replays", "bulk_replay", "decide", ("until_seq",)),
    Capture("status_callbacks", "status_callback", "deliver", ("number",)),
)
"""Captured since migration 8."""

APPEND_ONLY = ("audit_entries", "consents")
_REFUSAL = "{table} is append-only"

SQLITE_ID = (
    "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || "
    "substr('89ab', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
)


def sqlite() -> list[str]:
    """Triggers for SQLite. ``INSERT OR REPLACE`` deletes without firing DELETE triggers, hence the third."""
    statements = []
    for table in APPEND_ONLY:
        raise_it = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL.format(table=table)}'); END"
        key = "tenant_id = NEW.tenant_id AND seq = NEW.seq" if table == "audit_entries" else "seq = NEW.seq"
        statements += [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {raise_it}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {raise_it}",
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key}) {raise_it}",
        ]
    return statements + [statement for capture in CAPTURES for statement in capturing("sqlite", capture)]


def capturing(dialect: str, capture: Capture) -> list[str]:
    """The triggers that capture one table."""
    if dialect == "sqlite":
        return [_sqlite_capture(capture, operation) for operation in ("INSERT", "UPDATE", "DELETE")]
    arguments = f"'{capture.workflow}', '{capture.first_step}', '{capture.tenant}'"
    changed = " OR ".join(f"OLD.{c} IS DISTINCT FROM NEW.{c}" for c in capture.columns)
    return [
        f"CREATE TRIGGER {capture.table}_capture AFTER INSERT OR DELETE ON {capture.table} "
        f"FOR EACH ROW EXECUTE FUNCTION dxflow_capture({arguments})",
        f"CREATE TRIGGER {capture.table}_capture_update AFTER UPDATE ON {capture.table} "
        f"FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION dxflow_capture({arguments})",
    ]


def _sqlite_capture(capture: Capture, operation: str) -> str:
    row = "OLD" if operation == "DELETE" else "NEW"
    when = f"UPDATE OF {', '.join(capture.columns)}" if operation == "UPDATE" else operation
    changed = " OR ".join(f"OLD.{c} IS NOT NEW.{c}" for c in capture.columns)
    condition = f"WHEN {changed} " if operation == "UPDATE" else ""
    return (
        f"CREATE TRIGGER {capture.table}_capture_{operation.lower()} AFTER {when} ON {capture.table} "
        f"{condition}BEGIN INSERT INTO events (id, tenant_id, source, topic, workflow, step, entity_id) "
        f"VALUES ({SQLITE_ID}, {row}.{capture.tenant}, 'database', '{capture.table}.{operation}', "
        f"'{capture.workflow}', '{capture.first_step}', {row}.id); END"
    )


def postgresql() -> list[str]:
    """Triggers for PostgreSQL; TRUNCATE needs a statement trigger of its own."""
    statements = [_POSTGRESQL_REFUSE, _POSTGRESQL_CAPTURE]
    for table in APPEND_ONLY:
        statements += [
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION dxflow_refuse()",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION dxflow_refuse()",
        ]
    return statements + [statement for capture in CAPTURES for statement in capturing("postgresql", capture)]


_POSTGRESQL_REFUSE = """
CREATE FUNCTION dxflow_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only';
END $$
"""

_POSTGRESQL_CAPTURE = """
CREATE FUNCTION dxflow_capture() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
  INSERT INTO events (tenant_id, source, topic, workflow, step, entity_id)
  VALUES ((changed ->> TG_ARGV[2])::uuid, 'database', TG_TABLE_NAME || '.' || TG_OP, TG_ARGV[0], TG_ARGV[1],
          (changed ->> 'id')::uuid);
  PERFORM pg_notify('dxflow_events', '');
  RETURN NULL;
END $$
"""
