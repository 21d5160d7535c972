"""``erasure``: one person proposes it, another approves it, and a certificate says what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..access.roles import Permission
from ..erasing import certificate, certified, erasure, orders, plans
from ..errors import Conflict, Invalid
from ..services.rights import recipient_rows as rows
from ..services.subjects import subjects
from .owner import one_tenant

commands = group("erasure", "Erasing people: proposed by one person, approved by another.")

_PLAN = {
    "subject_id": "Data subject",
    "what": "What goes",
    "recipients": "Who is told",
    "due": "Due",
    "blocked": "In the way",
    "warnings": "Ends with it",
    "remains": "What remains",
}
_VERIFIED = {
    "state": "Certificate",
    "order": "Order",
    "reason": "Reason",
    "erased_at": "Erased",
    "two_people": "By two people",
    "origin": "Log",
    "entry": "Entry",
    "about": "About",
}


@command(commands, "plan", takes=Permission.ERASE, tenant=True)
def erasure_plan(
    run: Run,
    subject: str,
    request: options.OfRequest = None,
    with_account: options.WithAccount = False,
) -> int:
    """What erasing a data subject (id or DID) would do; nothing is changed. Exit code 1 where something is in
    the way."""
    core, tenant_id = one_tenant(run)
    found = subjects.named(tenant_id, subject)
    made = plans.plan(core, tenant_id, found.id, request_id=request, with_account=with_account)
    where, due = made["where"]["recipients"], (made["deadline"] or {}).get("due")
    told = {
        "subject_id": made["subject_id"],
        "what": ", ".join(f"{count} {name}" for name, count in made["what"].items()),
        "recipients": "\n".join(f"{one['platform']} ({one['how']}): {one['when']}" for one in where) or None,
        "due": due,
        "blocked": "\n".join(one["why"] for one in made["blocked"]) or None,
        "warnings": "\n".join(one["why"] for one in made["warnings"]) or None,
        "remains": "\n".join(f"{one['what']}, until {one['until']}" for one in made["remains"]),
    }
    run.show(made if run.as_json else told, _PLAN)
    return 1 if made["blocked"] else 0


@command(commands, "propose", takes=Permission.ERASE, tenant=True)
def erasure_propose(
    run: Run,
    subject: options.Id = None,
    request: options.OfRequest = None,
    reason: Annotated[erasure.Reason, options.GdprReason] = "request",
    with_account: options.WithAccount = False,
) -> None:
    """Propose to erase a data subject (id or DID), or who made a request. Another person approves it."""
    core, tenant_id = one_tenant(run)
    whom = None if subject is None else subjects.named(tenant_id, subject).id
    row = orders.propose(
        core,
        tenant_id,
        run.actor,
        subject_id=whom,
        request_id=request,
        reason=reason,
        with_account=with_account,
        by_command_line=True,
    )
    run.show(rows.order(row), rows.ORDER)


@command(commands, "approve", takes=Permission.ERASE, tenant=True)
def erasure_approve(run: Run, order: str) -> None:
    """Approve an order that another person proposed, which executes it. Takes a person: --as USER. One that a
    key of nobody's proposed takes two: the first adopts it."""
    core, tenant_id = one_tenant(run)
    done = orders.approve(core, tenant_id, order, run.actor, by_command_line=True)
    run.show(rows.order(done), rows.ORDER)


@command(commands, "refuse", takes=Permission.ERASE, tenant=True)
def erasure_refuse(run: Run, order: str, reason: options.Why) -> None:
    """Refuse an order, or take one's own back."""
    core, tenant_id = one_tenant(run)
    run.show(rows.order(orders.refuse(core, tenant_id, order, run.actor, reason)), rows.ORDER)


@command(commands, "list", takes=Permission.LOOK, tenant=True)
def erasure_list(run: Run, state: orders.State | None = None, limit: options.Limit = 50) -> None:
    """Orders, newest first."""
    _, tenant_id = one_tenant(run)
    page = orders.listing(tenant_id, state=state, limit=limit)
    run.show([rows.order(row) for row in page.rows], rows.ORDER)


@command(commands, "certificate", takes=Permission.LOOK, tenant=True)
def erasure_certificate(run: Run, order: str, out: options.Out = None) -> None:
    """The certificate of an executed order, printed as it is: a signed note that `erasure verify` checks
    offline."""
    core, tenant_id = one_tenant(run)
    note = certificate.current(core, tenant_id, order)
    if out is None and not run.as_json:
        run.console.write(note)
        return
    state = orders.get(tenant_id, order).certified
    if out is not None:
        _write(out, note)
    shown = {"order": order, "state": state, "note": note, "path": str(out) if out else None}
    run.show(shown, {"order": "Order", "state": "State", "path": "File"})


@command(commands, "receipt", takes=Permission.ERASE, tenant=True)
def erasure_receipt(run: Run, order: str, out: options.Out = None) -> None:
    """The person's receipt, where it didn't go with their answer: once, and kept nowhere afterwards."""
    core, tenant_id = one_tenant(run)
    if out is not None and out.exists():
        raise Conflict(f"{out} is there already; give another name")
    found = orders.hand_over(core, tenant_id, order, run.actor)
    if out is not None:
        _write(out, json.dumps(found, indent=1))
    run.show({"order": order, "receipt": found}, {"order": "Order", "receipt": "Receipt"})


@command(commands, "verify", takes=OPERATOR)
def erasure_verify(
    run: Run, file: options.File, vkey: options.VerifierKeys, receipt: options.KeptReceipt = None
) -> None:
    """Check a certificate offline, with the log's verifier key (`audit checkpoint`) and no database; with the
    person's receipt, also that it is about them."""
    held = None if receipt is None else _document(receipt)
    run.show(certified.verify(file.read_text(encoding="utf-8"), vkey, held), _VERIFIED)


def _write(path: Path, text: str) -> None:
    if path.exists():
        raise Conflict(f"{path} is there already; give another name")
    path.write_text(text, encoding="utf-8")


def _document(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid("receipt", "is no JSON object")
    return found
