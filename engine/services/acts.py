"""Administrative acts in the audit log: who did what, in the same transaction as the change itself.

The leaf names the actor and ids; to what was changed it only commits, under a salt, because it may be
somebody's. The change itself is kept sealed beside it, so that the data controller can open the commitment, and
can erase it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core import Core
from ..ledger import leaves
from ..ledger.log import Leaf
from ..store import models, quick

SYSTEM = "system"
"""The actor of what dxflow does by itself, and of the command line on its own machine."""

READ = "personal_data.read"


@dataclass(frozen=True, slots=True)
class Opened:
    """A leaf, and what it commits to where that is at hand; ``holds`` is None where nothing can be compared."""

    leaf: dict[str, Any]
    changed: dict[str, Any] | None
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did. ``body`` holds ids and facts that anybody may read, ``changed`` plain JSON values that
    nobody may: columns and what they say now. ``subjects`` are the data subjects it concerns: with one of them
    its payload is erased."""

    kind: str
    body: Mapping[str, object]
    changed: Mapping[str, object] = field(default_factory=dict)
    subjects: Sequence[str | None] = ()


def record(
    core: Core,
    tenant_id: str,
    kind: str,
    actor: str,
    changed: Mapping[str, object] | None = None,
    subjects: Sequence[str | None] = (),
    **body: object,
) -> None:
    """Append one leaf (see ``Act``). ``actor`` is ``system``, ``key:<id>`` or ``user:<id>``."""
    record_all(core, tenant_id, actor, [Act(kind, body, changed or {}, subjects)])


def record_all(core: Core, tenant_id: str, actor: str, batch: Sequence[Act]) -> None:
    """Append a leaf for each of these acts: one signature for all of them."""
    if not batch:
        return
    ids = [core.new_id() for _ in batch]
    written = [_leaf(act, actor, name) for act, name in zip(batch, ids, strict=True)]
    first = core.log.append(tenant_id, written).first
    rows = list(enumerate(zip(ids, written, strict=True), first))
    concerned = [seq for seq, (_, leaf) in rows if leaf.subjects]
    salts = quick.by_ids(models.AuditSalt, concerned, key="seq", tenant_id=tenant_id).values()
    erased = set(concerned) - {salt.seq for salt in salts}  # nothing that opens them is kept
    kept = [
        {
            "id": name,
            "tenant_id": tenant_id,
            "payload_sealed": core.keys.seal(tenant_id, json.dumps(leaf.payload).encode(), **_place(name)),
        }
        for seq, (name, leaf) in rows
        if seq not in erased
    ]
    quick.insert_all(models.ActPayload, kept)


def _leaf(act: Act, actor: str, name: str) -> Leaf:
    if not act.body.keys().isdisjoint(("act", "actor", "v", "seq", "ts", "kind", "commitment")):
        raise ValueError(f"{act.kind}: an entry's act, actor and kind are its own")
    payload = {"act": name, "kind": act.kind, **act.body, **act.changed}
    concerned = tuple(sorted({subject for subject in act.subjects if subject is not None}))
    return Leaf(act.kind, {"actor": actor, "act": name, **act.body}, payload, concerned)


def handed_on(tenant_id: str, request_id: str, subject_id: str) -> None:
    """What was recorded about a request while it was nobody's concerns this data subject from now on, and is
    erased with them; in the transaction that says so."""
    row = models.AuditSaltSubject
    held = (row.tenant_id == tenant_id) & (row.subject_id == request_id)
    row.update(subject_id=subject_id).where(held).execute()


def people_read(
    core: Core, tenant_id: str, actor: str, page: str, subjects: Sequence[str | None], **body: object
) -> None:
    """Somebody is about to see personal data in the clear. Commits before it returns: what can't be
    written down isn't shown. The leaf says on which page and of how many people; to whom, it only commits."""
    whom = {"subjects": [subject for subject in subjects if subject is not None]}
    with core.store.transaction():
        record(core, tenant_id, READ, actor, whom, subjects, page=page, people=len(subjects), **body)


def opened(core: Core, tenant_id: str, index: int) -> Opened:
    """A leaf, and what it commits to. Raises NotFound beyond the end of the log."""
    leaf: dict[str, Any] = json.loads(core.log.entry(tenant_id, index).leaf)
    act, salt = leaf.get("act"), quick.get(models.AuditSalt, tenant_id=tenant_id, seq=index)
    row = quick.get(models.ActPayload, id=act, tenant_id=tenant_id) if act else None
    if row is None or salt is None:
        return Opened(leaf, None, None)
    changed: dict[str, Any] = json.loads(
        core.keys.unseal(tenant_id, bytes(row.payload_sealed), **_place(str(act)))
    )
    return Opened(leaf, changed, leaves.commit(bytes(salt.salt), changed) == leaf.get("commitment"))


def _place(act: str) -> dict[str, str]:
    return {"table": "act_payloads", "column": "payload_sealed", "row_id": act}
