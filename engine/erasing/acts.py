"""What people did about a person: the sealed text of an act goes with its salt.

An act may concern several people (a list that somebody read). It must not become unprovable about the others
because one of them is forgotten: what it said of them is stated again, in a leaf of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..core import Core
from ..errors import DxflowError
from ..services import acts
from ..store import models

RESTATED = "personal_data.read_restated"
_OF_WORKFLOWS = ("workflow.step", "workflow.failed")


def shred_acts(core: Core, tenant_id: str, ids: Sequence[str]) -> int:
    """Before the salts go; how many acts."""
    entry, concerned, payload = models.AuditEntry, models.AuditSaltSubject, models.ActPayload
    mine = concerned.select(concerned.seq).where(
        concerned.subject_id.in_(list(ids)), concerned.tenant_id == tenant_id
    )
    query = entry.select(entry.seq, entry.kind, entry.leaf).where(
        entry.tenant_id == tenant_id, entry.seq.in_(mine), entry.kind.not_in(_OF_WORKFLOWS)
    )
    done = [_shred_act(core, tenant_id, row, set(ids)) for row in list(query.order_by(entry.seq))]
    payload.delete().where(payload.tenant_id == tenant_id, payload.id.in_(done)).execute()
    return len(done)


def _shred_act(core: Core, tenant_id: str, entry: models.AuditEntry, ids: set[str]) -> str | None:
    leaf = json.loads(entry.leaf)
    others = [one for one in _people(core, tenant_id, int(entry.seq)) if one not in ids]
    if others:
        body = {"page": leaf.get("page"), "people": len(others), "of": int(entry.seq)}
        acts.record(core, tenant_id, RESTATED, str(leaf.get("actor")), {"subjects": others}, others, **body)
    act = leaf.get("act")
    return None if act is None else str(act)


def _people(core: Core, tenant_id: str, seq: int) -> list[str]:
    try:
        changed = acts.opened(core, tenant_id, seq).changed or {}
    except DxflowError:
        return []
    named = changed.get("subjects")
    return [str(one) for one in named] if isinstance(named, list) else []
