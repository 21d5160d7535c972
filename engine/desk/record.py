"""What was done about a request, as the log has it: who, when, and the entry that shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL

from ..core import Core
from ..store import models

MOST = 100
"""Entries about one request, the newest; few have more than twenty."""

_ABOUT = {
    "sqlite": "json_extract(leaf, '$.request')",
    "postgresql": "(leaf::jsonb ->> 'request')",
}
_NOT_DELIVERED = "kind NOT IN ('workflow.step', 'activity.registered', 'workflow.failed')"
"""Both in the words of the index that has them (migration 8)."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One entry of the log. ``facts`` are what it says in the open, ids and closed lists."""

    index: int
    kind: str
    actor: str
    at: datetime
    facts: Mapping[str, Any]


def of(core: Core, tenant_id: str, request_id: str) -> list[Noted]:
    """The entries about a request, oldest first; of more than ``MOST`` the newest."""
    entry = models.AuditEntry
    mine = SQL(f"{_ABOUT[core.store.dialect]} = {core.store.database.param}", (str(request_id),))
    query = entry.select().where(entry.tenant_id == tenant_id, SQL(_NOT_DELIVERED), mine)
    return [_noted(row) for row in reversed(list(query.order_by(entry.seq.desc()).limit(MOST)))]


def _noted(row: models.AuditEntry) -> Noted:
    leaf = json.loads(row.leaf)
    return Noted(row.seq, row.kind, str(leaf.get("actor", "")), row.recorded_at, leaf)
