"""The installation's log speaks of its tenants' checkpoints: what its leaves commit to, and is it so?"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from ..store import models, quick
from . import leaves, tiles
from .log import INSTALLATION, StoredTiles
from .memory import size_of

KIND = "log.checkpoint"
NEWEST = 1000
"""Covered checkpoints of one log that a verification holds against its tree."""


def payload(checkpoint: str) -> dict[str, str | int]:
    """What a leaf commits to: ``{"origin", "size", "root"}`` of this signed checkpoint, the root in hex."""
    origin, size, root = checkpoint.split("\n", 3)[:3]
    return {"origin": origin, "size": int(size), "root": base64.b64decode(root).hex()}


def leaf_faults(contents: Sequence[Mapping[str, Any]], start: int) -> list[str]:
    """What is wrong with leaves of the installation's log from ``start`` on."""
    indexes = [index for index, content in enumerate(contents, start) if content["kind"] == KIND]
    found = quick.by_ids(models.CoveredCheckpoint, indexes, key="seq")
    rows = {row.seq: row for row in found.values()}
    kept = quick.by_ids(models.AuditSalt, indexes, key="seq", tenant_id=INSTALLATION)
    salts = {row.seq: row for row in kept.values()}
    faults = []
    for index in indexes:
        row, salt = rows.get(index), salts.get(index)
        if row is None or salt is None:
            faults.append(f"what entry {index} commits to is missing")
        elif (
            leaves.commit(bytes(salt.salt), payload(row.checkpoint)) != contents[index - start]["commitment"]
        ):
            faults.append(f"entry {index} commits to another checkpoint than the one kept for it")
    return faults


def tree_faults(head: models.AuditHead) -> list[str]:
    """Checkpoints of this log, covered by the installation's, that its tree doesn't begin with."""
    row = models.CoveredCheckpoint
    rows = row.select().where(row.tenant_id == head.tenant_id).order_by(row.size.desc()).limit(NEWEST)
    faults = []
    for known in rows:
        said, gone = payload(known.checkpoint), size_of(known.checkpoint) - head.size
        if gone > 0:
            faults.append(f"rolled back: {gone} entries are gone that the installation's log covers")
        elif known.size != said["size"] or said["root"] != _root(head, known.size):
            faults.append(f"forked: the installation's log covers other first {known.size} entries")
    return faults


def _root(head: models.AuditHead, size: int) -> str:
    return tiles.root(StoredTiles(head.tenant_id), size).hex()
