"""Link conflicts: two data subjects that one identifier points at, until a person decides whether they are one.

The link stays where it is meanwhile. Who decides that they are two is asked no more about these two and this
kind of identifier. Where one of the two was merged into a third since, that one stands for them.
"""

from __future__ import annotations

from ..core import Core
from ..errors import Conflict, NotFound
from ..fulfilment import people
from ..lookups import there
from ..services import acts
from ..services.pages import Page, newest
from ..store import models, quick
from . import merges, obstacles

OPEN, MERGED, KEPT_APART = "open", "merged", "kept_apart"
STATES = (OPEN, MERGED, KEPT_APART)
KIND = "data_subject.kept_apart"
MOST = 1000


def listing(
    tenant_id: str, *, state: str = OPEN, limit: int = 50, cursor: str | None = None
) -> Page[models.LinkConflict]:
    """Newest first, in one state."""
    return newest(tenant_id, models.LinkConflict.created_at, limit=limit, cursor=cursor, state=state)


def get(tenant_id: str, conflict_id: str) -> models.LinkConflict:
    """One conflict. Raises NotFound."""
    return there(quick.get(models.LinkConflict, id=conflict_id, tenant_id=tenant_id), "no such link conflict")


def waiting(tenant_id: str) -> int:
    """How many are open; more than ``MOST`` aren't counted on."""
    row = models.LinkConflict
    return int(row.select(row.id).where(row.tenant_id == tenant_id, row.state == OPEN).limit(MOST).count())


def of(subject_id: str, *, limit: int = 20) -> list[models.LinkConflict]:
    """The open ones of one data subject, newest first."""
    row = models.LinkConflict
    mine = (row.subject_id == subject_id) | (row.other_subject_id == subject_id)
    query = row.select().where(mine, row.state == OPEN)
    return list(query.order_by(row.created_at.desc(), row.id).limit(limit))


def sides(tenant_id: str, row: models.LinkConflict) -> list[models.DataSubject]:
    """The two it is about, as they stand today; one where they became one meanwhile. Raises NotFound."""
    found = [people.standing(tenant_id, one) for one in (row.subject_id, row.other_subject_id)]
    return list({one.id: one for one in found}.values())


def merge(
    core: Core, tenant_id: str, conflict_id: str, kept_id: str, reason: str, actor: str
) -> models.SubjectMerge:
    """They are one person, and ``kept_id`` is the one that stays. Raises what ``merges.merge`` raises,
    NotFound, and Conflict for a conflict that was decided."""
    with core.store.transaction():
        pair = {one.id for one in sides(tenant_id, _undecided(tenant_id, conflict_id))}
        if kept_id not in pair or len(pair) != 2:
            raise NotFound("this conflict isn't about that data subject")
        (gone_id,) = pair - {kept_id}
        return merges.merge(core, tenant_id, kept_id, gone_id, reason, actor)


def keep_apart(core: Core, tenant_id: str, conflict_id: str, reason: str, actor: str) -> models.LinkConflict:
    """They are two people. Raises NotFound, Invalid for a reason of the wrong length, and Conflict for a
    conflict that was decided."""
    clean = obstacles.reason(reason)
    with core.store.transaction():
        row = _undecided(tenant_id, conflict_id)
        decided = {
            "state": KEPT_APART,
            "decided_by": actor,
            "decided_at": core.clock(),
            "reason_sealed": core.keys.seal(tenant_id, clean.encode(), **_place(row.id)),
        }
        quick.update(models.LinkConflict, {"id": row.id, "tenant_id": tenant_id}, decided)
        pair = [row.subject_id, row.other_subject_id]
        changed = {"subjects": sorted(pair), "reason": clean}
        acts.record(core, tenant_id, KIND, actor, changed, pair, conflict=row.id, field=row.field)
    return get(tenant_id, conflict_id)


def reason_of(core: Core, row: models.LinkConflict) -> str:
    """Why they were kept apart, in the clear; empty for a conflict that ended otherwise."""
    if row.reason_sealed is None:
        return ""
    return core.keys.unseal(row.tenant_id, bytes(row.reason_sealed), **_place(row.id)).decode()


def _undecided(tenant_id: str, conflict_id: str) -> models.LinkConflict:
    row = there(quick.lock(models.LinkConflict, id=conflict_id, tenant_id=tenant_id), "no such link conflict")
    if row.state != OPEN:
        raise Conflict("this conflict was decided before")
    return row


def _place(conflict_id: str) -> dict[str, str]:
    return {"table": "link_conflicts", "column": "reason_sealed", "row_id": conflict_id}
