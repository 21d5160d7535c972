"""Where a person who asked is reached: at the address that is theirs by proof, not at any that somebody typed.

The rule: what was on file before the request came is the person's own. Once they are proven by it, or by more
than the address they typed, they are written to there; only where nothing is on file the typed one is taken.
"""

from __future__ import annotations

from ..core import Core
from ..platforms.base import Person
from ..store import models, quick
from . import intake, proof
from .proof import Level

_MERGES = 20


def reach(core: Core, request: models.RightsRequest) -> str | None:
    """The e-mail address of whoever sent this request, None where there is none."""
    typed = intake.requester(core, request).get("email")
    given = typed if isinstance(typed, str) and typed else None
    level = proof.proven(request)
    if proof.rank(level, request.regime) < proof.rank(Level.CHANNEL, request.regime):
        return given
    subject = subject_of(request)
    if subject is not None:
        for address in _once_theirs(core, subject, given if level == Level.CHANNEL else None):
            if known_before(core, request, subject, address):
                return address
    return None if level == Level.CHANNEL else given


def subject_of(request: models.RightsRequest) -> models.DataSubject | None:
    """Whom the request is about, followed through merges; None for nobody, and for somebody erased."""
    wanted = request.subject_id
    for _ in range(_MERGES):
        if wanted is None:
            return None
        subject = quick.get(models.DataSubject, id=wanted)
        if subject is None or subject.state == "erased":
            return None
        if subject.merged_into is None:
            return subject
        wanted = subject.merged_into
    return None


def on_file(core: Core, request: models.RightsRequest, subject: models.DataSubject) -> str | None:
    """The subject's e-mail address, if it was theirs before the request came."""
    address = core.subjects.profile(subject).get("email")
    if not isinstance(address, str) or not known_before(core, request, subject, address):
        return None
    return address


def known_before(
    core: Core, request: models.RightsRequest, subject: models.DataSubject, address: str
) -> bool:
    """Whether an address was the subject's before the request came: one that came with it, or after it, proves
    nothing."""
    row, before = models.DataSubjectLink, min(request.received_at, request.created_at)
    for link in core.subjects.links.of(request.tenant_id, Person(email=address)):
        known = row.select().where(
            row.subject_id == subject.id,
            row.field == "email",
            row.link.in_([digits for _, digits in link.every]),
            row.created_at < before,
        )
        if known.exists():
            return True
    return False


def _once_theirs(core: Core, subject: models.DataSubject, typed: str | None) -> list[str]:
    """What may be on file, the present address first."""
    present = core.subjects.profile(subject).get("email")
    found = [present if isinstance(present, str) else None, typed]
    return [one for one in dict.fromkeys(found) if one]
