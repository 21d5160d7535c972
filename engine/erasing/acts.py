"""What people did about a person: the sealed text of an act goes with its salt.

An act may concern several people (a list that somebody read). It must not become unprovable about the others
because one of them is forgotten: what it said of them is stated again, in a leaf of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ..core import Core
from ..errors import DxflowError
from ..services import acts
from ..store import models

RESTATED = "personal_data.read_restated"
_OF_SEVERAL = (acts.READ, RESTATED)
_OF_WORKFLOWS = ("workflow.step", "workflow.failed")
_PAGE = 500


def shred_acts(core: Core, tenant_id: str, ids: Sequence[str]) -> int:
    """Before the salts go; how many acts."""
    gone, payload = 0, models.ActPayload
    for page in _pages(tenant_id, ids):
        for row in page:
            if row.kind in _OF_SEVERAL:
                _restate(core, tenant_id, row, set(ids))
        named = [str(json.loads(row.leaf).get("act")) for row in page]
        done = payload.delete().where(payload.tenant_id == tenant_id, payload.id.in_(named))
        gone += int(done.execute())
    return gone


def _pages(tenant_id: str, ids: Sequence[str]) -> Iterator[list[models.AuditEntry]]:
    """Entries about these people that aren't a workflow's, in order; none that is written meanwhile."""
    entry, concerned, last = models.AuditEntry, models.AuditSaltSubject, -1
    end = models.AuditHead.get_by_id(tenant_id).size
    while True:
        mine = concerned.select(concerned.seq).where(
            concerned.subject_id.in_(list(ids)), concerned.tenant_id == tenant_id, concerned.seq > last
        )
        query = entry.select(entry.seq, entry.kind, entry.leaf).where(
            entry.tenant_id == tenant_id,
            entry.seq.in_(mine),
            entry.seq < end,
            entry.kind.not_in(_OF_WORKFLOWS),
        )
        page = list(query.order_by(entry.seq).limit(_PAGE))
        if not page:
            return
        yield page
        last = page[-1].seq


def _restate(core: Core, tenant_id: str, entry: models.AuditEntry, ids: set[str]) -> None:
    leaf = json.loads(entry.leaf)
    others = [one for one in _people(core, tenant_id, int(entry.seq)) if one not in ids]
    if others:
        body = {"page": leaf.get("page"), "people": len(others), "of": int(entry.seq)}
        acts.record(core, tenant_id, RESTATED, str(leaf.get("actor")), {"subjects": others}, others, **body)


def _people(core: Core, tenant_id: str, seq: int) -> list[str]:
    try:
        changed = acts.opened(core, tenant_id, seq).changed or {}
    except DxflowError:
        return []
    named = changed.get("subjects")
    return [str(one) for one in named] if isinstance(named, list) else []
