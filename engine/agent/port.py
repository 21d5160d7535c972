"""The dx-agent: whoever registers processing activities so that outsiders can verify it.

``register`` must be idempotent by activity id and atomic per call: either every activity of the batch has its
receipt, or none was registered. It is called outside any transaction. ``fence`` is the fencing token of the
lock the caller holds; an agent must refuse one that isn't the newest (StaleFence).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """One activity to register. ``payload`` is committed to under a salt, never written in the clear."""

    activity_id: str
    event_id: str
    payload: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the activity stands in its tenant's log. Tree sizes and indexes count leaves."""

    activity_id: str
    did: str
    log_index: int
    tree_size: int


class DxAgent(Protocol):
    """What every agent, embedded or remote, can do."""

    def register(self, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
        """Register a batch for one tenant; receipts come in the order of the items.

        Raises StaleFence, or TransientError when the agent can't be reached or asks to wait.
        """
