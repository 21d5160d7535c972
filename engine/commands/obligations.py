"""``obligation`` and ``suppression``: what recipients have to be told, and who is kept out."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..platforms.base import Person
from ..recipients.obligations import State
from ..services.rights import obligations, suppressions
from ..services.rights import recipient_rows as rows
from .owner import one_tenant

commands = group("obligation", "What recipients of personal data have to be told (GDPR Art. 19).")
marks = group("suppression", "Marks that keep who was erased from coming back.")


@command(commands, "list", takes=Permission.LOOK, tenant=True)
def obligation_list(
    run: Run,
    state: State | None = None,
    request: options.OfRequest = None,
    order: options.OfOrder = None,
    limit: options.Limit = 50,
) -> None:
    """Obligations, newest first."""
    _, tenant_id = one_tenant(run)
    page = obligations.listing(tenant_id, state=state, request_id=request, order_id=order, limit=limit)
    run.show([rows.obligation(row) for row in page.rows], rows.OBLIGATION)


@command(commands, "show", takes=Permission.READ_PEOPLE, tenant=True)
def obligation_show(run: Run, obligation: str) -> None:
    """One, and as whom the person is known there; the log says that it was read."""
    core, tenant_id = one_tenant(run)
    row = obligations.get(tenant_id, obligation)
    whom = obligations.whom(core, row, run.actor)
    known = {name: list(getattr(whom, name)) for name in ("ids", "emails", "phones", "lists")}
    run.show(rows.obligation(row) | known, rows.KNOWN_AS)


@command(commands, "close", takes=Permission.ERASE, tenant=True)
def obligation_close(run: Run, obligation: str, reason: options.Why, remains: options.Kept = None) -> None:
    """Say that a person did it, or that nothing is to be done."""
    core, tenant_id = one_tenant(run)
    row = obligations.close(core, tenant_id, obligation, run.actor, reason, remains)
    run.show(rows.obligation(row), rows.OBLIGATION)


@command(commands, "retry", takes=Permission.ACT, tenant=True)
def obligation_retry(run: Run, obligation: str) -> None:
    """Ask the recipient again, now."""
    core, tenant_id = one_tenant(run)
    run.show(rows.obligation(obligations.retry(core, tenant_id, obligation, run.actor)), rows.OBLIGATION)


@command(marks, "list", takes=Permission.LOOK, tenant=True)
def suppression_list(run: Run, order: options.OfOrder = None, limit: options.Limit = 50) -> None:
    """Marks, newest first, lifted ones too."""
    _, tenant_id = one_tenant(run)
    page = suppressions.listing(tenant_id, order_id=order, limit=limit)
    run.show([rows.suppression(row) for row in page.rows], rows.SUPPRESSION)


@command(marks, "lift", takes=Permission.ERASE, tenant=True)
def suppression_lift(
    run: Run,
    reason: options.Why,
    suppression: options.Id = None,
    email: str | None = None,
    phone: str | None = None,
    external_id: options.Pairs = None,
) -> None:
    """Let somebody in again who came back on their own: by a mark's id, or by what they are known by (external
    ids as SCOPE=ID), which lifts every mark of that erasure."""
    core, tenant_id = one_tenant(run)
    person = Person(email, phone, None, tuple(options.pairs(external_id).items()))
    count = suppressions.lift(core, tenant_id, run.actor, reason, suppression_id=suppression, person=person)
    run.show({"lifted": count}, {"lifted": "Marks lifted"})
