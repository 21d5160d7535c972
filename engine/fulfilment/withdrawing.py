"""Withdrawing consents because the person says so here: the newest word about them, so it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core import Core
from ..platforms.activities import DIRECT_MARKETING
from ..rights import consent_carry, consent_sync, limits
from ..rights.consent_order import ALL, Statement
from ..services import acts
from ..store import models

SOURCE = "rights_request"
WITHDRAWN = "withdrawn"


def withdraw(
    core: Core, subject: models.DataSubject, purposes: Sequence[str], request_id: str | None, actor: str
) -> int:
    """Withdraw the consents for these purposes, or for all; for how many that took something. Inside a
    transaction that holds the subject. Direct marketing is always among all, known here yet or not."""
    held = _current(subject)
    known = {row.purpose for row in held} | {DIRECT_MARKETING}
    wanted = sorted(known if not purposes else {_spelled(one, known) for one in purposes})
    taken = _take_back(core, subject, held, wanted, request_id)
    if taken:
        changed = {"subject": subject.id, "purposes": taken}
        body = {"request": request_id, "purposes": len(taken)}
        acts.record(core, subject.tenant_id, "consent.withdrawn", actor, changed, [subject.id], **body)
    return len(taken)


def for_objection(core: Core, subject: models.DataSubject, objection: models.SubjectLimit) -> int:
    """Who objects agrees no longer: the consents for what the objection ends are withdrawn with it."""
    held = _current(subject)
    ended = limits.Limits((objection,))
    known = {row.purpose for row in held} | {DIRECT_MARKETING, objection.purpose or DIRECT_MARKETING}
    wanted = sorted(one for one in known if ended.forbids(one, "consent") is not None)
    return len(_take_back(core, subject, held, wanted, objection.request_id))


def _current(subject: models.DataSubject) -> list[models.ConsentCurrent]:
    row = models.ConsentCurrent
    return list(row.select().where(row.tenant_id == subject.tenant_id, row.subject_id == subject.id))


def _spelled(purpose: str, known: Iterable[str]) -> str:
    """A purpose as it is spelled already, where it is known."""
    return next((one for one in known if limits.same_purpose(one, purpose)), purpose)


def _take_back(
    core: Core,
    subject: models.DataSubject,
    held: Sequence[models.ConsentCurrent],
    purposes: Sequence[str],
    request_id: str | None,
) -> list[str]:
    """State that all channels of these purposes are withdrawn; those for which that was news. The platforms
    hear of it. A no that a merge brought holds for as long as the merge, so it doesn't stand for the person's
    own."""
    taken = []
    for purpose in purposes:
        mine = [row for row in held if row.purpose == purpose]
        own = all(row.state == WITHDRAWN and row.source != consent_carry.SOURCE for row in mine)
        if own and ALL in {row.channel for row in mine}:
            continue
        said = Statement(
            subject.tenant_id,
            subject.id,
            purpose,
            ALL,
            WITHDRAWN,
            SOURCE,
            max([core.clock(), *(row.occurred_at for row in mine)]),
            evidence={"request": request_id} if request_id else {},
        )
        consent_sync.take(core, said)
        taken.append(purpose)
    return taken
