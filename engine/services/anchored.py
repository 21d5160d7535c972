"""Which anchor on the chain covers an entry of a tenant's log: the installation's root commits to the tenants'
checkpoints (``covering.py``), and the chain holds that root (``engine/anchoring``)."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Core
from ..ledger import covers
from ..ledger.log import INSTALLATION
from ..store import models, quick

MINED = ("anchored", "confirmed")


@dataclass(frozen=True, slots=True)
class Anchored:
    """``state``: logged (no block has it yet), anchored or confirmed. What isn't known yet is None."""

    state: str
    chain_id: int | None = None
    tx: str | None = None
    block: int | None = None
    confirmations: int | None = None


def of_activity(row: models.ProcessingActivity) -> Anchored | None:
    """How far the chain has an activity; None where nothing is anchored, or another log has it."""
    anchor = models.Anchor
    if row.log_index is None or not anchor.select().where(anchor.state != "lost").exists():
        return None
    receipt = quick.get(models.Registration, activity_id=row.id)
    if receipt is None or receipt.origin:
        return None
    return of_entry(row.tenant_id, row.log_index)


def of_entry(tenant_id: str, index: int) -> Anchored:
    """How far the chain has an entry: the oldest anchor that covers it."""
    covered, anchor = models.CoveredCheckpoint, models.Anchor
    first = (
        covered.select()
        .where(covered.tenant_id == tenant_id, covered.size > index)
        .order_by(covered.size)
        .first()
    )
    found = first and (
        anchor.select().where(anchor.size > first.seq, anchor.state.in_(MINED)).order_by(anchor.size).first()
    )
    if not found:
        return Anchored("logged")
    return Anchored(found.state, found.chain_id, found.tx_hash, found.block_number, found.confirmations)


def evidence(core: Core, tenant_id: str) -> dict[str, object] | None:
    """The newest anchor that covers a tenant's log, with all it takes to check that; None without one.

    ``{"chain_id", "tx", "block", "block_hash", "root", "state", "installation": {…}}``: what
    ``installation`` holds stands in docs/bundle.md.
    """
    covered, anchor = models.CoveredCheckpoint, models.Anchor
    for found in anchor.select().where(anchor.state.in_(MINED)).order_by(anchor.size.desc()).limit(8):
        row = (
            covered.select()
            .where(covered.tenant_id == tenant_id, covered.seq < found.size)
            .order_by(covered.size.desc())
            .first()
        )
        salt = row and quick.get(models.AuditSalt, tenant_id=INSTALLATION, seq=row.seq)
        if row is not None and salt is not None:
            return _told(found) | {"installation": _inclusion(core, found, row, bytes(salt.salt))}
    return None


def _told(found: models.Anchor) -> dict[str, object]:
    return {
        "chain_id": found.chain_id,
        "tx": found.tx_hash,
        "block": found.block_number,
        "block_hash": found.block_hash,
        "root": found.root,
        "state": found.state,
    }


def _inclusion(
    core: Core, found: models.Anchor, row: models.CoveredCheckpoint, salt: bytes
) -> dict[str, object]:
    proof = core.log.inclusion(INSTALLATION, row.seq, found.size)
    return {
        "checkpoint": found.checkpoint,
        "index": row.seq,
        "leaf": core.log.entry(INSTALLATION, row.seq).leaf,
        "salt": salt.hex(),
        "payload": covers.payload(row.checkpoint),
        "inclusion": [node.hex() for node in proof],
    }
