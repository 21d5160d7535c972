"""``subject``: data subjects."""

from __future__ import annotations

import json

from ...config import options
from ...config.commands import Run, command, group
from ..erasing import erasure, residue
from ..errors import Conflict
from ..services import acts, subjects
from ..wiring import core_for
from .owner import one_tenant

commands = group("subject", "Data subjects.")

_PREVIEW = {
    "people": "People (with those merged in)",
    "links": "Links",
    "activities": "Activities (they stay, unopenable)",
    "events": "Events",
    "requests": "Requests",
    "next": "To erase them",
}
_ERASED = {
    "subject_id": "Erased",
    "log_index": "Log entry",
    "links": "Links gone",
    "salts": "Salts gone",
    "bodies": "Bodies gone",
    "acts": "Acts gone",
    "clean": "No byte left in the database's files",
    "next": "If not",
}


@command(commands, "erase", tenant=True)
def subject_erase(
    run: Run,
    subject: str,
    reason: options.Reason = "request",
    yes: options.Yes = False,
    with_account: options.WithAccount = False,
    receipt: options.ReceiptFile = None,
) -> int:
    """Forget a person for good: keys, links, salts and bodies go. Without --yes, only what that would touch.

    SUBJECT is an id or a DID. The receipt is for the person: with it alone the log's entry can be shown to be
    about them, and it is kept nowhere else.
    """
    core, tenant_id = one_tenant(run)
    found = subjects.named(tenant_id, subject)
    if not yes:
        counts = erasure.preview(tenant_id, found.id)
        run.show({"subject_id": found.id, **counts, "next": "the same command with --yes"}, _PREVIEW)
        return 0
    if receipt is not None and receipt.exists():
        raise Conflict(f"{receipt} is there already; give another name")
    done = erasure.erase(core, tenant_id, found.id, acts.SYSTEM, reason=reason, with_account=with_account)
    if receipt is not None:
        receipt.write_text(json.dumps(done.receipt, indent=1), encoding="utf-8")
    row = {"subject_id": done.subject_id, "log_index": done.log_index, "already": done.already, **done.counts}
    later = None if done.clean else f"{run.spelled('subject')} scrub, at a quiet moment"
    run.show(row | {"clean": done.clean, "next": later, "receipt": done.receipt or None}, _ERASED)
    return 0


@command(commands, "scrub")
def subject_scrub(run: Run) -> int:
    """Write the tables anew that held erased people: no byte of theirs is left in the database's files.

    Nobody writes meanwhile; on PostgreSQL, where erasing alone leaves such bytes, nobody reads either. Exit
    code 1 where PostgreSQL's own log may still hold some (docs/erasure.md).
    """
    clean = residue.rewrite(core_for(run.settings).store)
    run.show({"clean": clean}, {"clean": _ERASED["clean"]})
    return 0 if clean else 1
