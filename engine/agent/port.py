"""The dx-agent: whoever registers processing activities so that outsiders can verify it.

``register`` must be idempotent by activity id and atomic per call: either every activity of the batch has its
receipt, or none was registered. It is called outside any transaction. ``fence`` is the fencing token of the
lock the caller holds; an agent must refuse one that isn't the newest (StaleFence), also for activities that it
knows already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import LogBroken


class NotBelieved(LogBroken):
    """Raised when what an agent elsewhere answers isn't proved: nothing of it was taken."""


@dataclass(frozen=True, slots=True)
class Item:
    """One activity to register. ``commitment`` (64 hex digits, ``leaves.commit``) is all that an agent learns
    of what was done: the content and the salt stay with the engine."""

    activity_id: str
    event_id: str
    commitment: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the activity stands in its tenant's log. Tree sizes and indexes count leaves.

    ``origin`` names the log of an agent elsewhere; it is empty for the tenant's own.
    """

    activity_id: str
    did: str
    log_index: int
    tree_size: int
    origin: str = ""


class DxAgent(Protocol):
    """What every agent, embedded or remote, can do."""

    def register(self, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
        """Register a batch for one tenant; receipts come in the order of the items.

        Raises StaleFence; TransientError when the agent can't be reached or asks to wait; NotBelieved.
        """
