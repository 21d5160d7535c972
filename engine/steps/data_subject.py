"""A data subject appeared or changed, by whatever program: derive its DID, seal and link its data.

derive → link → done
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import notices
from ..core import Core
from ..errors import Invalid, PermanentError
from ..identity import did
from ..identity.linkage import Identifier, identifiers
from ..identity.profiles import person_from
from ..identity.subjects import Origin
from ..rights import limits, suppression
from ..store import models, quick
from . import limited
from .base import Outcome, Prepared, Step

ENDED = ("erased", "merged")
"""States of a subject whose DID names nobody any more."""


def derive(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Derive the DID from the row's UUID, and deactivate that of a subject who ended. Subjects take version 4
    alone: other versions can be guessed."""
    subject = quick.get(models.DataSubject, id=event.entity_id, tenant_id=event.tenant_id)
    if subject is None:
        ended = core.subjects.deactivate(event.entity_id, event.tenant_id)
        return Outcome("gone", {"change": event.topic, **ended})
    try:
        identifier = did.require_v4(subject.id)
    except Invalid as error:
        raise PermanentError(str(error)) from error
    name = core.subjects.claim(identifier, "data_subject", subject.tenant_id)
    changes: dict[str, object] = {"subject_id": subject.id}
    facts: dict[str, object] = {"change": event.topic}
    if subject.state in ENDED and _still_ended(subject):
        facts |= core.subjects.deactivate(subject.id, subject.tenant_id)
    if subject.did == name:
        return Outcome("unchanged", facts, changes)
    subject.did = name
    subject.save(only=["did"])
    return Outcome("derived", facts, changes)


def link(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Seal what plain SQL left readable in ``intake``, and link it; nothing to do for rows sealed at birth."""
    subject = quick.lock(models.DataSubject, id=event.entity_id, tenant_id=event.tenant_id)
    if subject is None:
        return Outcome("gone")
    if subject.intake is None:
        return Outcome("unchanged")
    if subject.state == "erased":  # nobody becomes known again under the name of somebody forgotten
        models.DataSubject.update(intake=None).where(models.DataSubject.id == subject.id).execute()
        return Outcome("unchanged")
    if limits.restricts(subject):  # it stays where it is until the restriction is lifted
        return limited.outcome(subject)
    try:
        person = person_from(subject.intake)
    except Invalid as error:
        raise PermanentError(str(error)) from error
    origin = Origin(event.tenant_id, event.source, event.id, None)
    region = models.DataController.get_by_id(event.tenant_id).region
    if subject.key_wrapped is None and _kept_out(core, subject, identifiers(person, region)):
        return Outcome("suppressed", core.subjects.deactivate(subject.id, subject.tenant_id))
    conflicts = core.subjects.adopt(origin, subject, person, region)
    subject.intake = None
    subject.save(only=["intake"])
    if conflicts:
        notices.link_conflict(core, event.tenant_id, conflicts, ("event", event.id))
    return Outcome("conflict" if conflicts else "linked", changes=limited.released(event))


def _still_ended(subject: models.DataSubject) -> bool:
    """Under the lock of the row: a merge may be taken back at this moment, and with it the end of the DID."""
    found = quick.lock(models.DataSubject, id=subject.id, tenant_id=subject.tenant_id)
    return found is not None and found.state in ENDED


def _kept_out(core: Core, subject: models.DataSubject, found: Sequence[Identifier]) -> bool:
    """Whether this new row is of somebody who was erased: then it is, too."""
    marks = suppression.suppressed(core, subject.tenant_id, {subject.id: found})
    if not marks:
        return False
    suppression.hit(marks[subject.id])
    row = models.DataSubject
    row.update(state="erased", intake=None, updated_at=core.clock()).where(row.id == subject.id).execute()
    return True


STEPS = {"derive": Step(derive), "link": Step(link)}
