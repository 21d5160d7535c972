"""Merging two data subjects by hand.

Links, limits and what only the profile of the one who is gone says go to the one who is kept; consents are
restated for them. Events, activities and requests stay where they are: whoever reads the survivor reads
everybody merged into them. All of it, the record by which it is taken back and the audit act commit together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core import Core
from ..erasing.people import family
from ..errors import Conflict, Invalid, NotFound
from ..identity.subjects import Origin
from ..lookups import there
from ..rights import consent_carry, consent_sync, limits
from ..services import acts
from ..store import models, quick
from . import moved as movement
from . import obstacles
from .moved import Moved

SOURCE, KIND = "desk", "data_subject.merged"


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge with its reason, in the clear."""

    row: models.SubjectMerge
    reason: str


def merge(
    core: Core, tenant_id: str, kept_id: str, gone_id: str, reason: str, actor: str
) -> models.SubjectMerge:
    """Make ``gone_id`` a part of ``kept_id``.

    Raises NotFound, Invalid for one and the same data subject or a reason of the wrong length, and Conflict for
    who was erased or merged before, is under a legal hold or a restriction, or about to be erased.
    """
    clean, merge_id = obstacles.reason(reason), core.new_id()
    with core.store.transaction():
        kept, gone = hold(tenant_id, kept_id, gone_id)
        for one in (kept, gone):
            _require_standing(one)
        obstacles.require_movable((kept, gone))
        obstacles.require_unrestricted((kept, gone))
        conflicts = _open_conflicts(kept, gone)
        what = _move(core, kept, gone, conflicts)
        row = {
            "id": merge_id,
            "tenant_id": tenant_id,
            "kept_id": kept.id,
            "gone_id": gone.id,
            "reason_sealed": core.keys.seal(tenant_id, clean.encode(), **_place(merge_id)),
            "moved_sealed": movement.seal(core, gone, merge_id, what),
            "merged_by": actor,
            "merged_at": core.clock(),
        }
        quick.insert(models.SubjectMerge, row)
        _decide(core, conflicts, merge_id, actor)
        changed = {"kept": kept.id, "gone": gone.id, "reason": clean}
        acts.record(core, tenant_id, KIND, actor, changed, [kept.id, gone.id], merge=merge_id)
    core.bell.set()
    return get(tenant_id, merge_id)


def get(tenant_id: str, merge_id: str) -> models.SubjectMerge:
    """One merge. Raises NotFound."""
    return there(quick.get(models.SubjectMerge, id=merge_id, tenant_id=tenant_id), "no such merge")


def of(core: Core, subject_id: str, *, limit: int = 50) -> list[Merge]:
    """The newest merges into or of somebody that people made, those taken back included."""
    row = models.SubjectMerge
    concerned = (row.kept_id == subject_id) | (row.gone_id == subject_id)
    rows = row.select().where(concerned).order_by(row.merged_at.desc(), row.id).limit(limit)
    return [Merge(one, reason_of(core, one)) for one in rows]


def standing(tenant_id: str, gone_id: str) -> models.SubjectMerge:
    """The merge by which somebody is gone now. Raises Conflict where no person made it."""
    row = models.SubjectMerge
    mine = row.select().where(row.tenant_id == tenant_id, row.gone_id == gone_id, row.undone_at.is_null())
    found = mine.first()
    if found is None:
        raise Conflict("no person merged this data subject: what a platform merged can't be taken back here")
    return get(tenant_id, found.id)


def reason_of(core: Core, row: models.SubjectMerge) -> str:
    """Why, in the clear."""
    return core.keys.unseal(row.tenant_id, bytes(row.reason_sealed), **_place(row.id)).decode()


def hold(tenant_id: str, *ids: str) -> list[models.DataSubject]:
    """These two, in this order; nobody else changes them until the transaction ends. Raises NotFound, and
    Invalid for one and the same."""
    if len(set(ids)) != len(ids):
        raise Invalid("with", "is this very data subject; name another one")
    # One order for all who take two of them: no deadlocks.
    found = {one: quick.lock(models.DataSubject, id=one, tenant_id=tenant_id) for one in sorted(ids)}
    if any(one is None for one in found.values()):
        raise NotFound("no such data subject")
    return [one for one in map(found.__getitem__, ids) if one is not None]


def _require_standing(subject: models.DataSubject) -> None:
    if subject.state == "erased":
        raise Conflict(f"{subject.did} was erased")
    if subject.state == "merged":
        raise Conflict(f"{subject.did} was merged into another data subject before; take that one")


def _move(core: Core, kept: models.DataSubject, gone: models.DataSubject, conflicts: Sequence[str]) -> Moved:
    """Everything that moves, in the order in which a platform's merge does it."""
    before, state, limit = core.subjects.profile(kept), str(gone.state), models.SubjectLimit
    held = limit.select(limit.id).where(limit.subject_id == gone.id, limit.lifted_at.is_null())
    limited, own = tuple(one.id for one in held), _own(kept)
    origin = Origin(kept.tenant_id, SOURCE, None, None)
    links = core.subjects.merge(origin, kept, gone, "merged by a person")
    limits.carry(gone.id, kept.id)
    restated = consent_carry.carry(core, gone.id, kept.id)
    consent_sync.retell(core, kept.tenant_id, kept.id)
    names, scopes = movement.gained(before, core.subjects.profile(models.DataSubject.get_by_id(kept.id)))
    newest = consent_carry.newest(kept.id)
    return Moved(tuple(links), names, scopes, limited, tuple(restated), tuple(conflicts), own, state, newest)


def _own(kept: models.DataSubject) -> tuple[str, ...]:
    """Ids of the limits and the requests of who is kept, and of those merged into them before."""
    ids = [one.id for one in family(kept)]
    return tuple(
        str(one.id)
        for row in (models.SubjectLimit, models.RightsRequest)
        for one in row.select(row.id).where(row.subject_id.in_(ids))
    )


def _open_conflicts(kept: models.DataSubject, gone: models.DataSubject) -> list[str]:
    """What this merge decides: whatever the two, or those merged into them before, both lay claim to."""
    row, ids = models.LinkConflict, [one.id for side in (kept, gone) for one in family(side)]
    mine = row.subject_id.in_(ids) & row.other_subject_id.in_(ids) & (row.state == "open")
    return [one.id for one in row.select(row.id).where(mine)]


def _decide(core: Core, conflicts: Sequence[str], merge_id: str, actor: str) -> None:
    row = models.LinkConflict
    changes = {"state": "merged", "merge_id": merge_id, "decided_by": actor, "decided_at": core.clock()}
    row.update(**changes).where(row.id.in_(list(conflicts))).execute()


def _place(merge_id: str) -> dict[str, str]:
    return {"table": "subject_merges", "column": "reason_sealed", "row_id": merge_id}
