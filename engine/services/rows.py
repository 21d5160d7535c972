"""Rows as plain dictionaries, as the command line prints them.

A secret is in none but those named ``new_…``, which are shown once; a person's address is in a user's alone.
The constants name the columns that people see, by key; JSON has every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import Core
from ..ledger.verify import Verification
from ..store import models
from .connectors import connectors
from .traffic.top import Picture, Tenant

Row = dict[str, Any]

CHECK = {"name": "Check", "ok": "Well", "detail": "Found"}
MIGRATION = {"applied": "Applied", "version": "Version"}
TENANT = {
    "did": "DID",
    "name": "Name",
    "jurisdiction": "Jurisdiction",
    "region": "Region",
    "created_at": "Made",
}
TENANT_IN_FULL = TENANT | {
    "queue_weight": "Queue weight",
    "paused_at": "Paused",
    "connectors": "Connectors",
    "log_entries": "Log entries",
    "log_access": "Log read by",
}
LOG_ACCESS = {"did": "DID", "name": "Name", "log_access": "Log read by"}
NEW_KEY = {"api_key": "API key"}
API_KEY = {
    "id": "Id",
    "name": "Name",
    "prefix": "Begins",
    "scopes": "Scopes",
    "created_at": "Made",
    "expires_at": "Ends",
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
HISTORY = {"history": "History"}
REPLAYED = {"replayed": "Replayed"}
QUEUE = {
    "name": "Queue",
    "weight": "Weight",
    "ready": "Ready",
    "in_flight": "In flight",
    "delayed": "Delayed",
    "failed": "Failed",
    "parked_until": "Parked",
    "oldest_age": "Oldest",
}
PAUSE = {"did": "DID", "name": "Name", "paused_at": "Paused"}
QUEUE_WEIGHT = {"did": "DID", "name": "Name", "queue_weight": "Queue weight"}
TOP = {
    "name": "Tenant",
    "did": "DID",
    "weight": "Weight",
    "ready": "Ready",
    "in_flight": "In flight",
    "delayed": "Delayed",
    "failed": "Failed",
    "done_per_second": "Done/s",
    "parked": "Parked",
    "oldest_age": "Oldest",
}
CLOCK = {"date": "Date", "what": "What", "why": "Why", "citation": "Where it stands"}
VERIFICATION = {
    "ok": "All well",
    "tenants": "Tenants",
    "entries": "Entries",
    "problems": "Problems",
    "epochs": "Gaps the logs tell of",
}
CHECKPOINT = {
    "did": "DID",
    "size": "Entries",
    "root": "Root",
    "checkpoint": "Checkpoint",
    "vkey": "Verifier key",
}


def tenant(row: models.DataController) -> Row:
    """``{"id", "did", "name", "jurisdiction", "region", "queue_weight", "paused_at", "created_at"}``"""
    return {
        "id": row.id,
        "did": row.did,
        "name": row.name,
        "jurisdiction": row.jurisdiction,
        "region": row.region,
        "queue_weight": row.queue_weight,
        "paused_at": row.paused_at,
        "created_at": row.created_at,
    }


def tenant_in_full(core: Core, row: models.DataController) -> Row:
    """The tenant, how many ``connectors`` it has and how many ``log_entries``, and its ``log_access``."""
    counts = {"connectors": len(connectors.every(row.id)), "log_entries": core.log.head(row.id).size}
    return tenant(row) | counts | {"log_access": row.log_access}


def api_key(row: models.ApiKey) -> Row:
    """``{"id", "name", "prefix", "scopes", "user_id", "created_at", "expires_at", "revoked_at"}``: the key
    itself is kept nowhere."""
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": list(row.scopes),
        "user_id": row.user_id,
        "expires_at": row.expires_at,
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


def new_connector(core: Core, row: models.Connector, base: str) -> Row:
    """The connector just added or rotated, with its whole address: the one time that it is shown."""
    return connector(core, row, base) | {"url": connectors.address(core, row, base)}


def event(row: models.Event) -> Row:
    """The contract's event, its trust grade and its tenant."""
    return {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "source": row.source,
        "topic": row.topic,
        "workflow": row.workflow,
        "step": row.step,
        "state": row.state,
        "trust": row.trust,
        "attempts": row.attempts,
        "error": row.error,
        "next_attempt_at": row.due_at if row.state == "retrying" else None,
        "received_at": row.received_at,
        "history": row.history,
    }


def story(row: models.Event, *, as_json: bool) -> Row:
    """An event with its history: entries for programs, lines of time, step and what happened for people."""
    told = event(row)
    if not as_json:
        told["history"] = "\n".join(_line(entry) for entry in row.history) or "nothing yet"
    return told


def _line(entry: Mapping[str, object]) -> str:
    what = entry.get("outcome") or entry.get("error") or entry.get("act") or ""
    return "  ".join(
        str(part) for part in (entry["at"], entry["step"], what, entry.get("reason", "")) if part
    )


def masked(url: str) -> str:
    """A connector's address without the secret that may be in its query."""
    address, question, _ = url.partition("?")
    return f"{address}?key=***" if question else address


def verification(found: Verification) -> Row:
    """``{"ok", "tenants", "entries", "problems", "resumed", "epochs"}``"""
    return {
        "ok": found.ok,
        "tenants": found.tenants,
        "entries": found.entries,
        "problems": found.problems,
        "resumed": found.resumed,
        "epochs": found.epochs,
    }


def checkpoint(core: Core, tenant_id: str) -> Row:
    """``{"did", "origin", "size", "root", "checkpoint", "vkey"}``: the note, and the key to check it with."""
    head = core.log.head(tenant_id)
    return {
        "did": models.DataController.get_by_id(tenant_id).did,
        "origin": head.origin,
        "size": head.size,
        "root": head.root,
        "checkpoint": head.checkpoint,
        "vkey": core.signing.vkeys(head.origin)[0],
    }


def top(picture: Picture) -> Row:
    """``{"at", "redis", "busy", "ready", "in_flight", "delayed", "failed", "oldest_age", "done_per_second",
    "tenants": […]}``: totals of the installation, and the tenants as ``top_tenant`` has them."""
    totals = top_tenant(picture.total)
    for key in ("did", "name", "weight", "parked", "parked_until"):
        del totals[key]
    tenants = [top_tenant(tenant) for tenant in picture.tenants]
    return {
        "at": picture.at,
        "redis": picture.error is None,
        "busy": picture.busy,
        **totals,
        "tenants": tenants,
    }


def top_tenant(tenant: Tenant) -> Row:
    """``{"did", "name", "weight", "ready", "in_flight", "delayed", "failed", "parked", "parked_until",
    "oldest_age", "done_per_second"}``: events, seconds, and events that ended a second."""
    return {
        "did": tenant.did,
        "name": tenant.name,
        "weight": tenant.weight,
        "ready": tenant.ready,
        "in_flight": tenant.in_flight,
        "delayed": tenant.delayed,
        "failed": tenant.failed,
        "parked": tenant.parked_until is not None,
        "parked_until": tenant.parked_until,
        "oldest_age": tenant.oldest_age,
        "done_per_second": tenant.done_per_second,
    }
