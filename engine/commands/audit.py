"""``audit``: the append-only log."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services import rows
from ..services.audit import verifying
from .owner import one_or_all, one_tenant

commands = group("audit", "The append-only log.")


@command(commands, "verify", takes=Permission.LOOK, tenant=True)
def audit_verify(run: Run, fresh: options.Fresh = False) -> int:
    """Check the logs entry by entry; exit code 1 unless everything holds. Interrupted, it goes on."""
    core, owner = one_or_all(run)
    counter = run.counter("Verifying", verifying.entry_count(owner))
    found = verifying.verify_logs(core, owner, counter, fresh=fresh)
    run.show(rows.verification(found), rows.VERIFICATION)
    return 0 if found.ok else 1


@command(commands, "checkpoint", takes=Permission.LOOK, tenant=True)
def audit_checkpoint(run: Run) -> None:
    """The signed head of a tenant's log, for whoever wants to hold it against a later one."""
    core, owner = one_tenant(run)
    run.show(rows.checkpoint(core, owner), rows.CHECKPOINT)
