"""``subject``: data subjects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..access.roles import Permission
from ..core import Core
from ..erasing import erasure, orders, residue
from ..errors import Conflict, Forbidden
from ..services import acts
from ..services.acts import SYSTEM
from ..services.subjects import consent_receipts, consents, subjects
from ..store import models
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
_PROPOSED = {"subject_id": "Data subject", "order": "Order", "next": "To execute it"}
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

_CONSENTS = {
    "purpose": "Purpose",
    "channel": "Channel",
    "state": "State",
    "source": "Stated through",
    "occurred_at": "When",
}
_RECEIPT = {"purpose": "Purpose", "channel": "Channel", "consent_state": "State", "statements": "Statements"}


@command(commands, "erase", takes=Permission.ERASE, tenant=True)
def subject_erase(
    run: Run,
    subject: str,
    reason: Annotated[erasure.AnyReason, options.GdprReason] = "request",
    yes: options.Yes = False,
    alone: options.Alone = False,
    with_account: options.WithAccount = False,
    receipt: options.ReceiptFile = None,
) -> int:
    """Forget a person for good: keys, links, salts and bodies go. Without --yes, only what that would touch;
    with it, it is proposed, and another person approves it (`erasure approve`).

    SUBJECT is an id or a DID. What a restored backup brought back is erased at once, by one person, and so is
    anybody --alone: only for who runs this machine. The receipt is for the person, and kept nowhere else.
    """
    core, tenant_id = one_tenant(run)
    found = subjects.named(tenant_id, subject)
    if not yes:
        counts = erasure.preview(tenant_id, found.id)
        run.show({"subject_id": found.id, **counts, "next": "the same command with --yes"}, _PREVIEW)
        return 0
    if alone or reason == erasure.RESTORED:
        return _at_once(run, core, (tenant_id, found.id), reason, with_account=with_account, receipt=receipt)
    if receipt is not None:
        raise options.wrong_usage("--receipt: there is none before another approved; see `erasure receipt`")
    order = orders.propose(
        core,
        tenant_id,
        run.actor,
        subject_id=found.id,
        reason=reason,
        with_account=with_account,
        by_command_line=True,
    )
    approving = f"{run.spelled('erasure')} approve {order.id} --as ANOTHER-PERSON"
    run.show({"subject_id": found.id, "order": order.id, "next": approving}, _PROPOSED)
    return 0


def _at_once(
    run: Run, core: Core, whom: tuple[str, str], reason: str, *, with_account: bool, receipt: Path | None
) -> int:
    """Without a second person: by who runs the machine, who could do anything here anyway."""
    if run.actor != SYSTEM:
        raise Forbidden(
            "this is for who runs this machine, without --as; others propose, and another approves"
        )
    if receipt is not None and receipt.exists():
        raise Conflict(f"{receipt} is there already; give another name")
    done = erasure.erase(core, *whom, run.actor, reason=reason, with_account=with_account, suppress=True)
    if receipt is not None:
        receipt.write_text(json.dumps(done.receipt, indent=1), encoding="utf-8")
    row = {"subject_id": done.subject_id, "log_index": done.log_index, "already": done.already, **done.counts}
    later = None if done.clean else f"{run.spelled('subject')} scrub, at a quiet moment"
    run.show(row | {"clean": done.clean, "next": later, "receipt": done.receipt or None}, _ERASED)
    return 0


@command(commands, "consents", takes=Permission.READ_PEOPLE, tenant=True)
def subject_consents(run: Run, subject: str, receipt: options.ReceiptFile = None) -> None:
    """What a person agreed to, and with --receipt every statement in a signed document for them."""
    core, tenant_id = one_tenant(run)
    found = subjects.named(tenant_id, subject)
    if receipt is not None and receipt.exists():
        raise Conflict(f"{receipt} is there already; give another name")
    if receipt is None:
        acts.people_read(core, tenant_id, run.actor, "consents", [found.id])
    else:
        made = consent_receipts.issue(core, tenant_id, found.id, run.actor)
        receipt.write_text(made.note, encoding="utf-8")
    rows = [_consent(row) for row in consents.current_of(tenant_id, found.id)]
    run.show(rows, _CONSENTS)


@command(commands, "check-receipt", takes=OPERATOR)
def subject_check_receipt(run: Run, file: Path, key: options.Keys = None) -> int:
    """Whether one of these keys signed a consent receipt, and what it says; needs no database."""
    if not key:
        raise options.wrong_usage("give --key VKEY, as the log's checkpoint names it")
    document = consent_receipts.opened(file.read_text(encoding="utf-8"), key)
    rows = [{**record["processing"], "statements": len(record["events"])} for record in document["records"]]
    run.show({"receipt": document} if run.as_json else rows, _RECEIPT)
    return 0


def _consent(row: models.ConsentCurrent) -> dict[str, object]:
    names = ("purpose", "channel", "state", "source", "occurred_at")
    return {name: getattr(row, name) for name in names}


@command(commands, "scrub", takes=OPERATOR)
def subject_scrub(run: Run) -> int:
    """Write the tables anew that held erased people: no byte of theirs is left in the database's files.

    Nobody writes meanwhile; on PostgreSQL, where erasing alone leaves such bytes, nobody reads either. Exit
    code 1 where PostgreSQL's own log may still hold some (docs/erasure.md).
    """
    clean = residue.rewrite(core_for(run.settings).store)
    run.show({"clean": clean}, {"clean": _ERASED["clean"]})
    return 0 if clean else 1
