"""``audit show``: one entry of a log, and what it commits to where that is at hand."""

from __future__ import annotations

from ...config.commands import Run, command
from ..access.roles import Permission
from ..services import acts
from .audit import commands
from .owner import one_tenant

ENTRY = {
    "index": "Entry",
    "ts": "Time",
    "kind": "Kind",
    "actor": "Actor",
    "says": "Says",
    "changed": "Commits to",
    "holds": "Commitment holds",
}
_FRAME = ("seq", "ts", "kind", "actor", "v", "commitment", "act")


@command(commands, "show", takes=Permission.READ_PEOPLE, tenant=True)
def audit_show(run: Run, index: int) -> int:
    """Show an entry; of an administrative act also what was changed. Exit code 1 if that isn't what it says."""
    core, tenant_id = one_tenant(run)
    found = acts.opened(core, tenant_id, index)
    row = {
        "index": index,
        "ts": found.leaf["ts"],
        "kind": found.leaf["kind"],
        "actor": found.leaf.get("actor"),
        "says": {name: value for name, value in found.leaf.items() if name not in _FRAME},
        "changed": found.changed,
        "holds": found.holds,
        "leaf": found.leaf,
    }
    run.show(row, ENTRY)
    return int(found.holds is False)
