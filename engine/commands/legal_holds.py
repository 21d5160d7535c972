"""``subject hold`` and ``subject release``: who can't be erased for now."""

from __future__ import annotations

import sys

from ...config import options
from ...config.commands import Run, command
from ..access.roles import Permission
from ..fulfilment import legal_holds
from ..services.subjects import subjects
from ..store import models
from .owner import one_tenant
from .subjects import commands

HOLD = {"id": "Legal hold", "subject_id": "Data subject", "placed_at": "Placed", "lifted_at": "Lifted"}


@command(commands, "hold", takes=Permission.ERASE, tenant=True)
def subject_hold(run: Run, subject: str, reason: options.Required) -> None:
    """Keep a person from being erased until it is lifted. The reason is kept sealed; - reads it from stdin."""
    core, tenant_id = one_tenant(run)
    found = subjects.named(tenant_id, subject)
    text = sys.stdin.read() if reason == "-" else reason
    run.show(_row(legal_holds.place(core, tenant_id, found.id, text, run.actor)), HOLD)


@command(commands, "release", takes=Permission.ERASE, tenant=True)
def subject_release(run: Run, subject: str, hold_id: str) -> None:
    """Lift a legal hold."""
    core, tenant_id = one_tenant(run)
    found = subjects.named(tenant_id, subject)
    run.show(_row(legal_holds.lift(core, tenant_id, found.id, hold_id.strip().lower(), run.actor)), HOLD)


def _row(hold: models.LegalHold) -> dict[str, object]:
    return {name: getattr(hold, name) for name in (*HOLD, "placed_by", "lifted_by")}
