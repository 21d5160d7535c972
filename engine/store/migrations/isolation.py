"""Row-level security on PostgreSQL: a session reaches the rows of the tenant in ``dxflow.tenant`` alone.

It stands behind the scope that every query carries anyway (``engine.store.scope``), for the query that forgets.
The setting is ``none`` for nobody, ``*`` for everyone, or a tenant's id; sessions of ours always have one.
Where it was never set, the session is somebody else's, an operator's or another program's, and PostgreSQL's own
rights decide: plain SQL goes on working. Superusers and roles with BYPASSRLS are above all policies.
"""

from __future__ import annotations

from collections.abc import Iterable

TABLES = (
    "act_payloads", "activity_salts", "agent_checkpoints", "api_keys", "audit_entries", "audit_heads",
    "audit_salt_subjects", "audit_salts", "audit_tiles", "connector_secrets", "connectors", "consents",
    "data_processing_activities", "data_subject_links", "data_subjects", "erasures", "events",
    "idempotency_keys", "invitations", "link_conflicts", "link_history", "log_epochs", "log_key_leaves",
    "memberships", "notifications", "registrations", "rights_requests", "scim_group_members", "scim_groups",
    "scim_users", "sso_flows", "sso_identities", "sso_providers",
)  # fmt: skip
"""Those of migration 6. A later table of a tenant's calls ``isolating`` in its own migration."""

RIGHTS = (
    "announcements", "connector_apis", "consent_pushes", "erasure_orders", "identity_checks", "legal_holds",
    "messages", "obligations", "packages", "privacy_agents", "request_holds", "rights_desks", "subject_limits",
    "suppressions", "webhook_endpoints",
)  # fmt: skip
"""Those of migration 7."""

DASHBOARD = (
    "auditor_links", "bulk_replays", "refused_deliveries", "status_callbacks", "subject_merges",
    "undone_consents",
)  # fmt: skip
"""Those of migration 8."""

_SETTING = "current_setting('dxflow.tenant', true)"
# A setting that was once local to a transaction is empty afterwards, not null.
_OWN = f"coalesce({_SETTING}, '') IN ('', '*') OR tenant_id::text = {_SETTING}"
# The same as a case. Of two such conditions planners expect one row in sixty to fulfil either, and read whole
# tables where they had an index for the first few rows; of a case they expect one in two.
_EASIER = f"CASE WHEN coalesce({_SETTING}, '') IN ('', '*') THEN true ELSE tenant_id::text = {_SETTING} END"

# The view shows what its reader may see, where the server can do that (15 and later); on 14 what its owner
# may, who is this role, and bound by the policies too.
_VIEW = """
DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 150000 THEN
    EXECUTE 'ALTER VIEW consents_current SET (security_invoker = true)';
  END IF;
END $$
"""

# What is captured belongs to the tenant of the row that its writer was allowed to write, whoever's scope it
# was: a user may have been brought in by another data controller than the one that changes them.
_CAPTURE = """
CREATE OR REPLACE FUNCTION dxflow_capture() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
  scope text := current_setting('dxflow.tenant', true);
BEGIN
  PERFORM set_config('dxflow.tenant', '*', true);
  INSERT INTO events (tenant_id, source, topic, workflow, step, entity_id)
  VALUES ((changed ->> TG_ARGV[2])::uuid, 'database', TG_TABLE_NAME || '.' || TG_OP, TG_ARGV[0], TG_ARGV[1],
          (changed ->> 'id')::uuid);
  PERFORM set_config('dxflow.tenant', scope, true);
  PERFORM pg_notify('dxflow_events', '');
  RETURN NULL;
END $$
"""


def isolating(dialect: str, tables: Iterable[str]) -> list[str]:
    """The policies of these tables; FORCE binds their owner too, who is the role that dxflow runs as."""
    if dialect != "postgresql":
        return []
    return [
        statement
        for table in tables
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY one_tenant ON {table} USING ({_OWN})",
        )
    ]


def renewing(dialect: str) -> list[str]:
    """All policies that there are by migration 8, in words that planners estimate better."""
    if dialect != "postgresql":
        return []
    tables = (*TABLES, *RIGHTS, *DASHBOARD)
    return [f"ALTER POLICY one_tenant ON {table} USING ({_EASIER})" for table in tables]


def statements(dialect: str) -> list[str]:
    """Migration 6."""
    return [*isolating(dialect, TABLES), _VIEW, _CAPTURE] if dialect == "postgresql" else []


def view(dialect: str) -> list[str]:
    """What a view that was made anew needs again."""
    return [_VIEW] if dialect == "postgresql" else []
