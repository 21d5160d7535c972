"""Putting limits on what may be done with a person's data, and taking them away again.

What a limit means stands in ``engine/rights/limits.py``, what deliveries may still do in
``engine/steps/limited.py``. Each change commits with its audit act, under the lock of the person's row: a
delivery is matched before it or after it, never halfway.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..announcing import announce
from ..core import Core
from ..errors import Conflict, NotThere
from ..rights import limits
from ..rights.types import RequestType
from ..services import acts
from ..store import models, quick
from . import effects, people, stored, telling, withdrawing

TYPES = tuple(str(one) for one in (*effects.LIMITS, RequestType.SALE_OPT_IN, RequestType.CONSENT_WITHDRAWAL))
"""Requests that ``fulfil`` answers."""


def put(
    core: Core,
    tenant_id: str,
    subject_id: str,
    kind: str,
    purpose: str,
    request_id: str | None,
    actor: str,
) -> models.SubjectLimit:
    """Put a limit in force; one that is in force already stays as it is, and one that came along with a merge
    may end with it, so it doesn't stand for this one. ``purpose`` narrows an objection, and
    is empty otherwise. An objection withdraws the consents for its purpose; of a restriction and of an
    opt-out from sale the recipients have to be told.

    Raises Invalid for an unknown kind, NotThere for an unknown request, NotFound, and Conflict for somebody who
    is erased.
    """
    limits.require_kind(kind)
    narrow = " ".join(purpose.split()) if kind == limits.OBJECTION else ""
    if request_id is not None and quick.get(models.RightsRequest, id=request_id, tenant_id=tenant_id) is None:
        raise NotThere("request_id", "no such rights request")
    with core.store.transaction():
        subject = people.hold(tenant_id, subject_id)
        for row in limits.of_subject(subject).rows:
            own = row.carried_from is None
            if own and row.kind == kind and limits.same_purpose(row.purpose, narrow):
                return row
        made = _insert(core, subject, kind, narrow, request_id)
        changed = {"subject": subject.id, "purpose": narrow}
        acts.record(
            core, tenant_id, "limit.placed", actor, changed, [subject.id], limit=kind, request=request_id
        )
        _follow_up(core, subject, made)
        announce(core, tenant_id, "data_subject.limited", {"subject_id": subject.id, "limit": kind})
    core.bell.set()
    return made


def lift(
    core: Core,
    tenant_id: str,
    subject_id: str,
    kind: str,
    purpose: str,
    actor: str,
    *,
    request_id: str | None = None,
    informed: bool = False,
) -> int:
    """Take a limit out of force; how many deliveries go on that it had held. Recipients who were to keep to a
    restriction, or to an opt-out from sale, have to be told.

    Raises Conflict where there is none, and for a restriction unless the person was ``informed`` before
    (GDPR Art. 18(3)).
    """
    limits.require_kind(kind)
    if kind == limits.RESTRICTION and not informed:
        raise Conflict(
            "tell the person before a restriction is lifted (GDPR Art. 18(3)), and say that you did"
        )
    with core.store.transaction():
        subject = people.hold(tenant_id, subject_id)
        held = limits.of_subject(subject).rows
        ended = [row for row in held if row.kind == kind and limits.same_purpose(row.purpose, purpose)]
        if not ended:
            raise Conflict(
                f"no {kind} is in force for this data subject" + (" and purpose" if purpose else "")
            )
        _end(core, subject, ended, actor, more=len(held) > len(ended))
        changed = {"subject": subject.id, "purpose": purpose}
        acts.record(
            core, tenant_id, "limit.lifted", actor, changed, [subject.id], limit=kind, request=request_id
        )
        telling.lifted(core, subject, ended, actor, request_id)
        released = stored.release(core, subject, actor) if kind == limits.RESTRICTION else 0
        announce(core, tenant_id, "data_subject.limit_lifted", {"subject_id": subject.id, "limit": kind})
    core.bell.set()
    return released


def fulfil(
    core: Core, tenant_id: str, request_id: str, actor: str, purposes: Sequence[str] = ()
) -> list[str]:
    """Do what a request of one of ``TYPES`` asks for; doing it again changes nothing. Returns the kinds of the
    limits in force then. ``purposes`` are those that an objection or a withdrawal names: none means all.

    Raises NotFound, and Conflict for another type, for a request that isn't proven or isn't worked on.
    """
    with core.store.transaction():
        request, subject = people.of_request(tenant_id, request_id)
        people.ready(request, TYPES)
        if request.type == RequestType.CONSENT_WITHDRAWAL:
            withdrawing.withdraw(core, subject, purposes, request.id, actor)
        elif request.type == RequestType.SALE_OPT_IN:
            if any(row.kind == "sale_opt_out" for row in limits.of_subject(subject).rows):
                lift(core, tenant_id, subject.id, "sale_opt_out", "", actor, request_id=request.id)
        else:
            kind = effects.LIMITS[RequestType(request.type)]
            for purpose in purposes or ("",):
                put(core, tenant_id, subject.id, kind, purpose, request.id, actor)
        effects.note(core, request, actor)
        held = limits.of([subject.id]).get(subject.id, limits.NONE)
    core.bell.set()
    return [row.kind for row in held.rows]


def _insert(
    core: Core, subject: models.DataSubject, kind: str, purpose: str, request_id: str | None
) -> models.SubjectLimit:
    models.DataSubject.update(limited=True).where(models.DataSubject.id == subject.id).execute()
    return models.SubjectLimit.create(
        id=core.new_id(),
        tenant_id=subject.tenant_id,
        subject_id=subject.id,
        kind=kind,
        purpose=purpose,
        request_id=request_id,
        began_at=core.clock(),
        force_insert=True,
    )


def _follow_up(core: Core, subject: models.DataSubject, made: models.SubjectLimit) -> None:
    """An objection takes back what was agreed to for its purpose; a restriction and an opt-out from sale are
    told to those who have the data."""
    if made.kind == limits.OBJECTION:
        withdrawing.for_objection(core, subject, made)
    else:
        telling.placed(core, subject, made)


def _end(
    core: Core, subject: models.DataSubject, ended: Sequence[models.SubjectLimit], actor: str, *, more: bool
) -> None:
    row = models.SubjectLimit
    mine = row.id.in_([one.id for one in ended])
    row.update(lifted_at=core.clock(), lifted_by=actor).where(mine).execute()
    if not more:
        models.DataSubject.update(limited=False).where(models.DataSubject.id == subject.id).execute()
