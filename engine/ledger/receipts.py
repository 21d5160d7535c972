"""Receipts of registered activities, held against the leaves they point at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import peewee

from ..store import models

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
