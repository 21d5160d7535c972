"""The append-only log as its readers see it."""

from __future__ import annotations

import json

from ...core import Core
from ...errors import NotThere
from ...store import models


def entries(tenant_id: str, *, limit: int = 50, before: int | None = None) -> list[models.AuditEntry]:
    """Newest first; ``before`` is an index to continue from."""
    entry = models.AuditEntry
    query = entry.select().where(entry.tenant_id == tenant_id).order_by(entry.seq.desc()).limit(limit)
    return list(query if before is None else query.where(entry.seq < before))


def leaf(entry: models.AuditEntry) -> dict[str, object]:
    """What a leaf says."""
    content: dict[str, object] = json.loads(entry.leaf)
    return content


def inclusion(core: Core, tenant_id: str, index: int, size: int | None = None) -> tuple[int, list[str]]:
    """``(tree size, proof)`` with hex hashes, for the present tree or an earlier one. Raises NotThere."""
    present = core.log.head(tenant_id).size
    tree = present if size is None else size
    if not 0 < tree <= present:
        raise NotThere("size", f"must be 1 to {present}")
    if not 0 <= index < tree:
        raise NotThere("index", f"must be 0 to {tree - 1}")
    return tree, [node.hex() for node in core.log.inclusion(tenant_id, index, tree)]


def consistency(core: Core, tenant_id: str, old: int, new: int | None = None) -> tuple[int, list[str]]:
    """``(new size, proof)`` with hex hashes that the log only grew since ``old``. Raises NotThere."""
    present = core.log.head(tenant_id).size
    later = present if new is None else new
    if not 0 < later <= present:
        raise NotThere("to", f"must be 1 to {present}")
    if not 0 < old <= later:
        raise NotThere("from", f"must be 1 to {later}")
    return later, [node.hex() for node in core.log.consistency(tenant_id, old, later)]
