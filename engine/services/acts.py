"""Administrative acts in the audit log: who did what, in the same transaction as the change itself."""

from __future__ import annotations

from ..core import Core
from ..ledger.log import Leaf

SYSTEM = "system"
"""The actor of what dxflow does by itself, and of the command line on its own machine."""


def record(core: Core, tenant_id: str, kind: str, actor: str, **body: object) -> None:
    """Append one leaf. ``actor`` is ``system``, ``key:<id>`` or ``user:<id>``; ``body`` holds ids and facts."""
    core.log.append(tenant_id, [Leaf(kind, {"actor": actor, **body})])
