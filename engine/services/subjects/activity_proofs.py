"""A registered activity, its leaf and how that leads to a signed checkpoint, verified as an outsider would."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass

from ...core import Core
from ...errors import DxflowError, LogBroken
from ...ledger import activity_leaf, leaves, merkle, note, proofs
from ...store import models, quick
from ..audit import exports


@dataclass(frozen=True, slots=True)
class Proven:
    """``origin`` names the log, the tenant's own where ``own``. Hashes are hex. ``fault`` says what doesn't
    hold, and is empty where everything does. ``same``: the record says what the leaf commits to; None where
    nobody can know any more, because its salt was erased."""

    origin: str
    own: bool
    index: int
    size: int
    leaf: str
    leaf_hash: str
    hashes: tuple[str, ...]
    root: str
    checkpoint: str
    fault: str
    same: bool | None


def of(core: Core, tenant_id: str, activity: models.ProcessingActivity) -> Proven | None:
    """The proof of a registered activity as the log stands now; None for one that isn't registered."""
    receipt = quick.get(models.Registration, activity_id=activity.id, tenant_id=tenant_id)
    if receipt is None:
        return None
    proof = proofs.parse(exports.activity_proof(core, tenant_id, activity.id))
    origin = receipt.origin or core.log.head(tenant_id).origin
    size, root, fault = _verified(core, tenant_id, origin, proof, own=not receipt.origin)
    leaf = proof.leaf.decode("utf-8", "replace")
    return Proven(
        origin=origin,
        own=not receipt.origin,
        index=proof.index,
        size=size,
        leaf=leaf,
        leaf_hash=merkle.leaf_hash(proof.leaf).hex(),
        hashes=tuple(one.hex() for one in proof.hashes),
        root=root,
        checkpoint=proof.checkpoint,
        fault=fault or _mismatch(leaf, activity),
        same=_same(activity, leaf),
    )


def _verified(
    core: Core, tenant_id: str, origin: str, proof: proofs.Proof, *, own: bool
) -> tuple[int, str, str]:
    """Size and root that the checkpoint's signature vouches for, and what doesn't hold."""
    vkeys = exports.keys_of(core, tenant_id, origin, own=own)
    try:
        checkpoint = proof.verify([note.Verifier.from_vkey(vkey) for vkey in vkeys])
    except DxflowError as fault:
        return 0, "", str(fault) or type(fault).__name__
    return checkpoint.size, checkpoint.root.hex(), ""


def _mismatch(leaf: str, activity: models.ProcessingActivity) -> str:
    said = _said(leaf).get("activity")
    return "" if said == activity.did else "the leaf at this place speaks of another activity"


def _same(activity: models.ProcessingActivity, leaf: str) -> bool | None:
    salt = quick.get(models.ActivitySalt, activity_id=activity.id)
    if salt is None or not salt.salt:
        return None
    try:
        made = leaves.commit(bytes(salt.salt), activity_leaf.payload(activity))
    except DxflowError:
        return False
    return hmac.compare_digest(made, str(_said(leaf).get("commitment")))


def _said(leaf: str) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads(leaf)
    except ValueError:
        raise LogBroken("a leaf holds no JSON") from None
    return found
