"""Rows as plain dictionaries, as the command line prints them. No secret and no personal data is in any.

The constants name the columns that people see, by key; JSON has every key.
"""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..store import models
from . import connectors

Row = dict[str, Any]

TENANT = {"did": "DID", "name": "Name", "jurisdiction": "Jurisdiction", "region": "Region", "created_at": "Made"}
API_KEY = {
    "id": "Id",
    "name": "Name",
    "prefix": "Begins",
    "scopes": "Scopes",
    "created_at": "Made",
    "revoked_at": "Revoked",
}
CONNECTOR = {"id": "Id", "platform": "Platform", "name": "Name", "url": "Address", "secrets": "Secrets"}
DELIVERIES = {
    "verdict": "In short",
    "platform": "Platform",
    "url": "Address",
    "deliveries": "Deliveries",
    "last_delivery_at": "Last one",
    "failed": "Failed",
    "last_error": "Last error",
}
EVENT = {
    "id": "Id",
    "received_at": "Received",
    "source": "Source",
    "topic": "Topic",
    "step": "Step",
    "state": "State",
    "attempts": "Attempts",
    "error": "Error",
}
HISTORY = {"at": "At", "step": "Step", "outcome": "Outcome", "act": "Act", "error": "Error"}
USER = {"id": "Id", "email": "E-mail", "role": "Role", "active": "Active", "created_at": "Joined"}


def tenant(row: models.DataController) -> Row:
    """``{"id", "did", "name", "jurisdiction", "region", "created_at"}``"""
    return {
        "id": row.id,
        "did": row.did,
        "name": row.name,
        "jurisdiction": row.jurisdiction,
        "region": row.region,
        "created_at": row.created_at,
    }


def api_key(row: models.ApiKey) -> Row:
    """``{"id", "name", "prefix", "scopes", "created_at", "revoked_at"}``: the key itself is kept nowhere."""
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": list(row.scopes),
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    }


def connector(core: Core, row: models.Connector, base: str) -> Row:
    """``{"id", "platform", "name", "url", "options", "secrets", "created_at", "disabled_at"}``: ``secrets`` is
    how many are in force, and one that is part of the address is left out of it."""
    return {
        "id": row.id,
        "platform": row.platform,
        "name": row.name,
        "url": masked(connectors.address(core, row, base)),
        "options": row.options,
        "secrets": len(connectors.secrets_of(core, row)),
        "created_at": row.created_at,
        "disabled_at": row.disabled_at,
    }


def event(row: models.Event) -> Row:
    """The contract's event, and its tenant."""
    return {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "source": row.source,
        "topic": row.topic,
        "workflow": row.workflow,
        "step": row.step,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.error,
        "next_attempt_at": row.due_at if row.state == "retrying" else None,
        "received_at": row.received_at,
        "history": row.history,
    }


def masked(url: str) -> str:
    """A connector's address without the secret that may be in its query."""
    address, question, _ = url.partition("?")
    return f"{address}?key=***" if question else address
