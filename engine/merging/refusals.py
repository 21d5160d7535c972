"""What was said while two were one, once they are two again.

The rule: where it is known whose word it was, it is theirs alone. Where it isn't, a no (a consent withdrawn or
denied, an objection, an opt-out, a restriction) holds for both, whatever was said after it; anything else stays
with the one who stayed, because the other never has to have said it: so what was lifted of theirs is put again.
"""

from __future__ import annotations

from .. import moments
from ..fulfilment import limiting
from ..rights import consent_carry, consent_sync, limits
from ..rights.consent_order import ALL, Statement, answer
from ..store import models
from .speakers import Speakers

Key = tuple[str, str]


def share(two: Speakers, actor: str) -> dict[str, int]:
    """Give each of the two what holds for them; inside the transaction that takes the merge back. How many
    limits and statements the one who was gone got, as the audit act says it."""
    return {"limits": _share_limits(two, actor), "consents": _share_consents(two)}


def _share_limits(two: Speakers, actor: str) -> int:
    row, gone, given = models.SubjectLimit, two.gone, 0
    for one in _put_meanwhile(two):
        speaker = two.of(None, one.request_id)
        if speaker == two.kept.id:
            continue
        if speaker == gone.id:
            row.update(subject_id=gone.id).where(row.id == one.id).execute()
        else:
            _put(two, one, actor)
        given += 1
    lifted = row.id.in_(list(two.moved.limits)) & (row.subject_id == gone.id) & row.lifted_at.is_null(False)
    for one in list(row.select().where(lifted).order_by(row.began_at, row.id)):
        _put(two, one, actor)
        given += 1
    for subject in (two.kept, gone):
        limits.count(subject)
    return given


def _put_meanwhile(two: Speakers) -> list[models.SubjectLimit]:
    """The survivor's own limits that were put while the two were one, and are in force."""
    row = models.SubjectLimit
    query = row.select().where(row.subject_id == two.kept.id, row.lifted_at.is_null())
    new = query.where(row.carried_from.is_null(), row.id.not_in(list(two.moved.own)))
    return list(new.order_by(row.began_at, row.id))


def _put(two: Speakers, one: models.SubjectLimit, actor: str) -> None:
    """The same limit for the one who was gone, by the way every limit is put: recipients are told, and consents
    withdrawn."""
    limiting.put(two.core, one.tenant_id, two.gone.id, one.kind, one.purpose, one.request_id, actor)


def _share_consents(two: Speakers) -> int:
    refused, over, given = set[Key](), list[str](), 0
    for said in _said_meanwhile(two):
        no = answer(said.state) is False
        speaker = two.of(said.event_id, str(dict(said.evidence).get("request", "")))
        if speaker == two.kept.id:
            continue
        if speaker == two.gone.id:
            over.append(said.id)
            given += _restate(two, said)
        elif no:
            refused.add((said.purpose, said.channel))
            given += _restate(two, said)
        elif refused & {(said.purpose, said.channel), (said.purpose, ALL)}:
            over.append(said.id)
    consent_carry.undo(two.core, two.merge.tenant_id, two.merge.id, over)
    return given


def _said_meanwhile(two: Speakers) -> list[models.Consent]:
    """In the order in which it holds; without what a merge restated, whose that is being known, and without
    what was taken back with another."""
    row, undone = models.Consent, consent_carry.undone([two.kept.id])
    query = row.select().where(row.subject_id == two.kept.id, row.seq > two.moved.seq)
    new = query.where(row.source != consent_carry.SOURCE).order_by(row.occurred_at, row.seq)
    return [one for one in new if one.id not in undone]


def _restate(two: Speakers, said: models.Consent) -> int:
    """State it for the one who was gone, with its own time; 1 where it is news of them. A yes that a limit of
    theirs stands against brings nothing back."""
    gone, tenant_id = two.gone, two.merge.tenant_id
    held = limits.of([gone.id]).get(gone.id, limits.NONE)
    barred = held.restricted or not held.lets_back(said.purpose, said.occurred_at)
    if barred and answer(said.state) is not False:
        return 0
    evidence = {"merge": str(two.merge.id), "stated_at": moments.to_text(said.occurred_at)}
    again = Statement(
        tenant_id, gone.id, said.purpose, said.channel, said.state, consent_carry.AGAIN, said.occurred_at,
        evidence=evidence,
    )  # fmt: skip
    return int(consent_sync.take(two.core, again) == consent_sync.RECORDED)
