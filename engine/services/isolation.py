"""Whether PostgreSQL itself keeps tenants apart here, in words."""

from __future__ import annotations

from ..store import Store

_ABOVE = "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
_POLICIES = (
    "SELECT count(*) FROM pg_policies WHERE policyname = 'one_tenant' AND schemaname = current_schema()"
)


def said(store: Store) -> str:
    """``stands behind every query``, or why it doesn't. Raises Unavailable."""
    role, is_superuser, bypasses = store.database.execute_sql(_ABOVE).fetchone()
    if is_superuser or bypasses:
        kind = "a superuser" if is_superuser else "a role with BYPASSRLS"
        return f"doesn't apply: {role} is {kind}; give dxflow a role of its own that owns its database"
    policies = int(store.database.execute_sql(_POLICIES).fetchone()[0])
    if not policies:
        return "isn't there yet; `dxflow migrate` adds it"
    return f"stands behind every query: {policies} tables let a session reach one tenant's rows"
