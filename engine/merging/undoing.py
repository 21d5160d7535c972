"""Taking a merge back.

The rule: what was there before the merge goes back to whom it belonged; what came after stays with the
survivor, because nobody can know of whom it spoke, but a no, which then holds for both (``refusals``). A link
that moved on or was retired since, and a name that was said anew, came after. The DID of the one who was gone
names them again. What was packed up of both while they were one is nobody's any more, and what proved who asks
meanwhile proves nothing of either.
"""

from __future__ import annotations

from ..announcing import announce
from ..core import Core
from ..desk import matching
from ..erasing.people import family
from ..errors import Conflict, NotFound
from ..fulfilment import forgetting
from ..identity.subjects import Origin
from ..rights import consent_carry, consent_sync, limits
from ..services import acts
from ..store import models, quick
from . import merges, obstacles, refusals
from . import moved as movement
from .moved import Moved
from .speakers import Speakers

KIND = "data_subject.unmerged"

Key = tuple[str, str]


def unmerge(core: Core, tenant_id: str, merge_id: str, reason: str, actor: str) -> models.SubjectMerge:
    """Take a merge back that a person made.

    Raises NotFound, Invalid for a reason of the wrong length, and Conflict where it was taken back before, the
    survivor was merged into another since, is under a legal hold, or about to be erased.
    """
    clean = obstacles.reason(reason)
    with core.store.transaction():
        row = merges.get(tenant_id, merge_id)
        requests = _requests(core, tenant_id, row.kept_id)
        kept, gone = merges.hold(tenant_id, row.kept_id, row.gone_id)
        row = _standing(tenant_id, merge_id, kept, gone)
        obstacles.require_movable((kept,))
        what, before = movement.unseal(core, gone, row), _consents(kept.id)
        _give_back(core, kept, gone, what)
        forgetting.end_packages(core, kept.id, row.merged_at)
        matching.apart(core, requests, row.merged_at, actor)
        consent_carry.undo(core, tenant_id, row.id, what.consents)
        given = refusals.share(Speakers(core, kept, gone, row, what), actor)
        _tell(core, kept, before)
        for one in (kept, gone):
            consent_sync.retell(core, tenant_id, one.id)
        undone = {"undone_by": actor, "undone_at": core.clock()}
        quick.update(models.SubjectMerge, {"id": row.id, "tenant_id": tenant_id}, undone)
        changed = {"kept": kept.id, "gone": gone.id, "reason": clean}
        acts.record(core, tenant_id, KIND, actor, changed, [kept.id, gone.id], merge=row.id, **given)
    core.bell.set()
    return merges.get(tenant_id, merge_id)


def _requests(core: Core, tenant_id: str, kept_id: str) -> list[models.RightsRequest]:
    """The requests of everybody who is one with the survivor, held before the people themselves: whoever works
    on a request takes it first."""
    row, kept = models.RightsRequest, quick.get(models.DataSubject, id=kept_id, tenant_id=tenant_id)
    ids = [] if kept is None else [one.id for one in family(kept)]
    theirs = row.select().where(row.tenant_id == tenant_id, row.subject_id.in_(ids)).order_by(row.id)
    return list(core.store.for_update(theirs))


def _standing(
    tenant_id: str, merge_id: str, kept: models.DataSubject, gone: models.DataSubject
) -> models.SubjectMerge:
    """The merge as it stands, now that nobody else changes these two."""
    row = quick.lock(models.SubjectMerge, id=merge_id, tenant_id=tenant_id)
    if row is None or "erased" in (kept.state, gone.state):
        raise NotFound("no such merge")
    if row.undone_at is not None:
        raise Conflict("this merge was taken back before")
    if kept.state == "merged":
        raise Conflict(f"{kept.did} was itself merged into another data subject since: take that back first")
    return row


def _give_back(core: Core, kept: models.DataSubject, gone: models.DataSubject, what: Moved) -> None:
    origin, profiles = Origin(kept.tenant_id, merges.SOURCE, None, None), core.subjects.profiles
    giver, taker = (kept.id, profiles.key(kept)), (gone.id, profiles.key(gone))
    core.subjects.links.move(origin, giver, taker, "taken apart by a person", frozenset(what.links))
    profiles.replace(kept, movement.without(profiles.read(kept), what, profiles.read(gone)))
    gone.state, gone.merged_into, gone.updated_at = what.state, None, core.clock()
    gone.save(only=["state", "merged_into", "updated_at"])
    conflict, name = models.LinkConflict, models.Did
    limits.give_back(what.limits, kept.id, gone.id)
    again = {"state": "open", "decided_by": None, "decided_at": None, "merge_id": None}
    conflict.update(**again).where(conflict.id.in_(list(what.conflicts))).execute()
    name.update(deactivated_at=None).where(
        name.entity_id == gone.id, name.tenant_id == gone.tenant_id
    ).execute()


def _consents(subject_id: str) -> dict[Key, models.ConsentCurrent]:
    row = models.ConsentCurrent
    return {(one.purpose, one.channel): one for one in row.select().where(row.subject_id == subject_id)}


def _tell(core: Core, kept: models.DataSubject, before: dict[Key, models.ConsentCurrent]) -> None:
    """Whoever listens hears of consents of the survivor that hold no more, or hold again."""
    after = _consents(kept.id)
    for key, was in before.items():
        now = after.get(key)
        state = now.state if now is not None else "unknown"
        if state != was.state:
            body = {"subject_id": kept.id, "purpose": key[0], "channel": key[1], "state": state}
            source = now.source if now is not None else consent_carry.SOURCE
            announce(core, kept.tenant_id, consent_sync.CHANGED, {**body, "was": was.state, "source": source})
