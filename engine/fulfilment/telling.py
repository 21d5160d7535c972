"""Telling those who have the data: rectification and restriction concern every recipient (GDPR Art. 19), an
opt-out from sale those it was sold to or shared with (11 CCR 7026(f)), and so does that either is over.

This is the only place that makes obligations of the kinds ``rectify``, ``restrict``, ``opt_out`` and ``lift``;
a workflow of their own calls the platforms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ..core import Core
from ..erasing.people import family as everybody
from ..erasing.people import identifiers
from ..recipients import obligations, targets
from ..recipients.targets import Addressed, Known
from ..rights import limits
from ..store import models

_SALE = "sale_opt_out"
_ASKED_BY: Mapping[str, str] = {limits.RESTRICTION: "restrict", _SALE: "opt_out"}
"""The limits that recipients hear of, and the kind of obligation by which they do."""
_OVER: Mapping[str, str] = {
    limits.RESTRICTION: "the restriction was lifted",
    _SALE: "the opt-out was lifted",
}


def placed(core: Core, subject: models.DataSubject, made: models.SubjectLimit) -> list[models.Obligation]:
    """Write down who has to hear of this limit, inside the caller's transaction; nobody of most kinds."""
    kind = _ASKED_BY.get(made.kind)
    if kind is None:
        return []
    return tell(core, kind, subject, holders(core, subject.tenant_id, everybody(subject)), made.request_id)


def holders(core: Core, tenant_id: str, family: Sequence[models.DataSubject]) -> list[Addressed]:
    """Every recipient that has the data of these people, who are one person, as they are known there now."""
    found = identifiers(core, family)
    known = Known(found.emails, found.phones, found.ids)
    return targets.addressed(tenant_id, [one.id for one in family], known)


def tell(
    core: Core,
    kind: str,
    subject: models.DataSubject,
    told: Sequence[Addressed],
    request_id: str | None,
    changes: Mapping[str, str] | None = None,
) -> list[models.Obligation]:
    """Write down that each of them has to be told, inside the caller's transaction. ``changes`` are what a
    rectification says: email, phone, name."""
    return [
        obligations.oblige(
            core,
            subject.tenant_id,
            kind,
            replace(one, target=targets.changed(one.target, changes or {})),
            subject_id=subject.id,
            request_id=request_id,
        )
        for one in told
    ]


def lifted(
    core: Core,
    subject: models.DataSubject,
    ended: Sequence[models.SubjectLimit],
    actor: str,
    request_id: str | None,
) -> list[models.Obligation]:
    """Write down who has to hear that these limits are over, inside the caller's transaction: of a restriction
    those who were told to restrict, of an opt-out from sale whoever has the data; and nobody who was still to
    hear of the limit itself, which they won't now."""
    kinds, family = {row.kind for row in ended} & _ASKED_BY.keys(), everybody(subject)
    if not kinds:
        return []
    have, ids, told = holders(core, subject.tenant_id, family), [one.id for one in family], set[str]()
    for kind in kinds:
        began = min(row.began_at for row in ended if row.kind == kind)
        heard, spared = _end_telling(core, ids, kind, began, actor)
        told |= {one.connector_id for one in have} - spared if kind == _SALE else heard
    return tell(core, "lift", subject, [one for one in have if one.connector_id in told], request_id)


def _end_telling(
    core: Core, ids: Sequence[str], kind: str, began: datetime, actor: str
) -> tuple[set[str], set[str]]:
    """Close what recipients were still to hear of a limit. Connectors that heard, or may have; and those that
    waited for a person, who never told them."""
    row = models.Obligation
    mine = row.subject_id.in_(list(ids)) & (row.kind == _ASKED_BY[kind]) & (row.created_at >= began)
    heard, spared = set[str](), set[str]()
    for one in row.select(row.connector_id, row.state).where(mine):
        (spared if one.state == "manual" else heard).add(str(one.connector_id))
    over = {"state": "closed", "reason": _OVER[kind], "target_sealed": None}
    waiting = row.state.in_(obligations.OPEN)
    row.update(closed_by=actor, finished_at=core.clock(), **over).where(mine, waiting).execute()
    return heard, spared - heard
