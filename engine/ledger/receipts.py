"""Receipts of registered activities, held against the leaves they point at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import peewee

from ..errors import LogBroken
from ..store import models
from . import merkle, note, proofs

KIND = "activity.registered"
NAMED = 20


def faults(log_id: str, contents: Sequence[Mapping[str, Any]], start: int) -> list[str]:
    """What is wrong with the receipts of these leaves: every registration has one, and it points here."""
    model = models.Registration
    rows = model.select().where(
        model.tenant_id == log_id,
        model.origin == "",
        model.log_index >= start,
        model.log_index < start + len(contents),
    )
    receipts = {row.log_index: row for row in rows}
    found = []
    for index, content in enumerate(contents, start):
        activity = content.get("activity") if content["kind"] == KIND else None
        receipt = receipts.get(index)
        if receipt is None:
            if activity is not None:
                found.append(f"the receipt of {activity}, registered by entry {index}, is missing")
        elif receipt.did != activity:
            found.append(f"the receipt of {receipt.did} points at entry {index}, which isn't its leaf")
        elif receipt.commitment not in (None, content.get("commitment")):
            found.append(f"the receipt of {receipt.did} commits to something else than entry {index}")
    return found


def faults_elsewhere(tenant_id: str) -> list[str]:
    """Receipts of a dx-agent elsewhere whose kept proof doesn't show what they say, under the keys its log is
    known by here."""
    model, agent = models.Registration, models.AgentCheckpoint
    known = {
        row.origin: [note.Verifier.from_vkey(str(vkey)) for vkey in row.vkeys]
        for row in agent.select().where(agent.tenant_id == tenant_id)
    }

    @lru_cache(maxsize=4096)  # receipts of one batch share it, and a signature costs more than all the rest
    def opened(checkpoint: str, origin: str) -> note.Checkpoint:
        return note.open_checkpoint(checkpoint, known.get(origin, []))

    found = []
    for row in model.select().where(model.tenant_id == tenant_id, model.origin != "").iterator():
        try:
            _check_elsewhere(row, opened)
        except (LogBroken, ValueError, KeyError, TypeError) as fault:
            found.append(f"the receipt of {row.did} at {row.origin} doesn't hold: {fault}")
            if len(found) == NAMED:
                break
    return found


def _check_elsewhere(row: models.Registration, opened: Callable[[str, str], note.Checkpoint]) -> None:
    proof = proofs.parse(str(row.proof))
    checkpoint = opened(proof.checkpoint, row.origin)
    leaf_hash = merkle.leaf_hash(proof.leaf)
    merkle.verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    leaf = json.loads(proof.leaf)
    said = (checkpoint.origin, proof.index, leaf["activity"], leaf["commitment"])
    if said != (row.origin, row.log_index, row.did, row.commitment):
        raise LogBroken("its proof is of something else")


def largest(log_id: str) -> int | None:
    """The largest index that a receipt names in this log."""
    model = models.Registration
    query = model.select(peewee.fn.MAX(model.log_index))
    found: int | None = query.where(model.tenant_id == log_id, model.origin == "").scalar()
    return found


def activity_faults(tenant_id: str) -> list[str]:
    """Activities that claim to be registered otherwise than their receipts say."""
    activity, receipt = models.ProcessingActivity, models.Registration
    same = (
        (receipt.did == activity.did)
        & (receipt.log_index == activity.log_index)
        & (receipt.tree_size == activity.tree_size)
    )
    rows = (
        activity.select(activity.id)
        .join(receipt, peewee.JOIN.LEFT_OUTER, on=(receipt.activity_id == activity.id) & same)
        .where(activity.tenant_id == tenant_id, activity.registration_state == "registered")
        .where(receipt.activity_id.is_null())
        .limit(NAMED)
    )
    return [f"activity {row.id} doesn't say what its receipt says" for row in rows]
