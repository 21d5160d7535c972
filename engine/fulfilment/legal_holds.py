"""Legal holds: data that are needed for legal claims aren't erased, whoever asks (GDPR Art. 17(3)(e)).

Why somebody's data are held is itself about them: the reason is sealed, and no refusal says it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core import Core
from ..errors import Conflict, Invalid, NotFound
from ..services import acts
from ..store import models, quick
from . import people

REASON_LENGTH = 500
UNDONE = "restored_backup"
"""The one erasure that no hold stops: the person was erased already, before the backup was put back."""


def place(core: Core, tenant_id: str, subject_id: str, reason: str, actor: str) -> models.LegalHold:
    """Keep a data subject from being erased; several holds may stand beside each other. Raises NotFound,
    Invalid for a reason of the wrong length, Conflict for somebody who is erased already."""
    clean = reason.strip()
    if not clean or len(clean) > REASON_LENGTH:
        raise Invalid("reason", f"must have 1 to {REASON_LENGTH:,} characters")
    hold_id = core.new_id()
    with core.store.transaction():
        subject = people.hold(tenant_id, subject_id)
        hold = models.LegalHold.create(
            id=hold_id,
            tenant_id=tenant_id,
            subject_id=subject.id,
            reason_sealed=core.keys.seal(tenant_id, clean.encode(), **_place(hold_id)),
            placed_by=actor,
            placed_at=core.clock(),
            force_insert=True,
        )
        acts.record(
            core, tenant_id, "legal_hold.placed", actor, {"subject": subject.id}, [subject.id], hold=hold_id
        )
    return hold


def lift(core: Core, tenant_id: str, subject_id: str, hold_id: str, actor: str) -> models.LegalHold:
    """End a hold. Raises NotFound, and Conflict for one that is over."""
    with core.store.transaction():
        subject = people.hold(tenant_id, subject_id)
        hold = quick.lock(models.LegalHold, id=hold_id, tenant_id=tenant_id)
        if hold is None or hold.subject_id not in _ids(subject):
            raise NotFound("no such legal hold")
        if hold.lifted_at is not None:
            raise Conflict("this legal hold was lifted before")
        hold.lifted_at, hold.lifted_by = core.clock(), actor
        hold.save(only=["lifted_at", "lifted_by"])
        acts.record(
            core, tenant_id, "legal_hold.lifted", actor, {"subject": subject.id}, [subject.id], hold=hold_id
        )
    return hold


def of(subject_id: str) -> list[models.LegalHold]:
    """The holds in force on somebody and everybody merged into them, oldest first."""
    subject = quick.get(models.DataSubject, id=subject_id)
    return [hold for hold in _every(_ids(subject) if subject else []) if hold.lifted_at is None]


def listing(core: Core, tenant_id: str, subject_id: str, actor: str) -> list[tuple[models.LegalHold, str]]:
    """All holds that are or were on somebody, oldest first, each with its reason; that they are read is
    written down. Raises NotFound."""
    subject = people.standing(tenant_id, subject_id)
    acts.people_read(core, tenant_id, actor, "legal_holds", [subject.id])
    return [(hold, reason_of(core, hold)) for hold in _every(_ids(subject))]


def reason_of(core: Core, hold: models.LegalHold) -> str:
    """Why, in the clear."""
    return core.keys.unseal(hold.tenant_id, bytes(hold.reason_sealed), **_place(hold.id)).decode()


def require_none(subject_ids: Sequence[str], why: str) -> None:
    """What every erasure asks first, inside its transaction, holding these data subjects. Raises Conflict with
    the holds' ids, and never their reasons."""
    held = [hold.id for hold in _every(subject_ids) if hold.lifted_at is None]
    if held and why != UNDONE:
        named = ", ".join(held)
        raise Conflict(
            f"this data subject can't be erased: legal hold {named} is in force, and must be lifted first"
        )


def _every(subject_ids: Sequence[str]) -> list[models.LegalHold]:
    row = models.LegalHold
    return list(row.select().where(row.subject_id.in_(list(subject_ids))).order_by(row.placed_at, row.id))


def _ids(subject: models.DataSubject) -> list[str]:
    return [one.id for one in people.family(subject)]


def _place(hold_id: str) -> dict[str, str]:
    return {"table": "legal_holds", "column": "reason_sealed", "row_id": hold_id}
