"""Epochs of a log: what it is called after a backup was put back that is older than what was published.

A log under one origin only ever grows. Where a restore would make it shorter, it is never signed under that
origin again: its entries stay, its tree goes on, and its origin gets another ending. The first leaf of the new
epoch says which entries are missing. What was proved under the old origin stays proved: the leaves before it
are the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ..errors import DxflowError, LogBroken
from ..store import models, quick
from . import note, tiles
from .log import StoredTiles

KIND = "log.epoch_opened"
_WORD = "/epoch/"


def base(origin: str) -> str:
    """What all epochs of a log have in common: the origin of the first."""
    stem, _, last = origin.rpartition(_WORD)
    return stem if stem and last.isascii() and last.isdecimal() else origin


def number(origin: str) -> int:
    """Which epoch an origin names, from 1 on."""
    return 1 if base(origin) == origin else int(origin.rpartition(_WORD)[2])


def named(origin: str, epoch: int) -> str:
    """The origin of another epoch of the same log."""
    return base(origin) if epoch == 1 else f"{base(origin)}{_WORD}{epoch}"


def rank(checkpoint: str) -> tuple[int, int]:
    """By which the later of two checkpoints of a log is known: its epoch, then its size."""
    said = parts(checkpoint)
    return (number(said[0]), said[1])


def parts(checkpoint: str) -> tuple[str, int, str]:
    """Origin, size and base64 root of a checkpoint's text; size -1 for a text that is none."""
    lines = checkpoint.split("\n")
    good = len(lines) > 2 and lines[1].isascii() and lines[1].isdigit()
    return (lines[0], int(lines[1]), lines[2]) if good else (lines[0], -1, "")


def rows(log_id: str) -> list[models.LogEpoch]:
    """The epochs that were opened, oldest first."""
    row = models.LogEpoch
    return list(row.select().where(row.tenant_id == log_id).order_by(row.epoch))


def origins(head: models.AuditHead) -> list[str]:
    """Every origin under which this log was ever signed, newest first."""
    found = [origin for row in reversed(rows(head.tenant_id)) for origin in (row.origin, row.previous_origin)]
    return list(dict.fromkeys([head.origin, *found, base(head.origin)]))


def body(row: models.LogEpoch) -> dict[str, object]:
    """What the first leaf of an epoch says: where it goes on from, and what was published and is missing."""
    previous, published = parts(row.restored_checkpoint), parts(row.published_checkpoint)
    digest = hashlib.sha256(row.published_checkpoint.encode("utf-8")).hexdigest()
    return {
        "epoch": row.epoch,
        "origin": row.origin,
        "previous": {"origin": previous[0], "size": row.seq, "root": previous[2]},
        "published": {"origin": published[0], "size": published[1], "root": published[2], "sha256": digest},
    }


def told(row: models.LogEpoch) -> str:
    """The gap in words."""
    return (
        f"epoch {row.epoch} began at entry {row.seq}: a backup was put back, and entries {row.seq} to "
        f"{row.published_size - 1} of {row.previous_origin} are missing since"
    )


def faults(head: models.AuditHead, verifiers: Sequence[note.Verifier]) -> list[str]:
    """What is wrong with the epochs of a log: each must be what its leaf says, and begin where it says."""
    opened = rows(head.tenant_id)
    last = opened[-1].origin if opened else base(head.origin)
    found = [] if head.origin == last else [f"the origin is {head.origin}, and no epoch of it was opened"]
    for row in opened:
        try:
            _check(head, row, verifiers)
        except (DxflowError, ValueError, TypeError) as fault:
            found.append(f"epoch {row.epoch} doesn't hold: {fault}")
    said = models.AuditEntry
    leaves = said.select().where(said.tenant_id == head.tenant_id, said.kind == KIND, said.seq < head.size)
    if {int(one.seq) for one in leaves.select(said.seq)} != {int(row.seq) for row in opened}:
        found.append("the leaves that open epochs aren't those of the epochs that are listed")
    return found


def _check(head: models.AuditHead, row: models.LogEpoch, verifiers: Sequence[note.Verifier]) -> None:
    entry = quick.get(models.AuditEntry, tenant_id=head.tenant_id, seq=row.seq)
    leaf = {} if entry is None else json.loads(entry.leaf)
    if {name: leaf.get(name) for name in body(row)} != body(row) or leaf.get("kind") != KIND:
        raise LogBroken(f"entry {row.seq} says something else")
    restored = note.open_checkpoint(row.restored_checkpoint, verifiers)
    stored = tiles.root(StoredTiles(head.tenant_id), row.seq)
    if (restored.size, restored.root) != (row.seq, stored):
        raise LogBroken("it doesn't go on from the tree that was restored")
    if row.published_size != parts(row.published_checkpoint)[1] or named(row.origin, row.epoch) != row.origin:
        raise LogBroken("its row contradicts itself")
