"""Forgetting a person for good: what could open or confirm anything about them is deleted, and the log says so.

GDPR Art. 17; EDPB Guidelines 02/2025 on what an append-only record may keep. Their key, links, salts and bodies
go (``engine/erasing``); leaves stay, and nobody can open them any more, not even who knows what they said: each
commits under 32 random bytes that are gone. docs/erasure.md says what stays and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .. import moments
from ..core import Core
from ..erasing import acts as their_acts
from ..erasing import people, residue, rows, strangers
from ..errors import Conflict, Invalid, NotFound
from ..identity import did
from ..ledger import leaves
from ..ledger.log import Leaf
from ..ledger.proofs import Proof
from ..store import models, quick

KIND = "data_subject.erased"
REASONS = (
    "request",
    "no_longer_necessary",
    "consent_withdrawn",
    "objection",
    "unlawful_processing",
    "legal_obligation",
    "retention_period",
    "restored_backup",
)
"""Why: GDPR Art. 17(1), the end of a retention period, or an erasure that a restored backup had undone."""

REDELIVERIES = timedelta(days=30)
"""How long a delivery that a platform sends again is still known, so that it doesn't bring the person back."""

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """What went. ``receipt`` is for the person, and kept nowhere else: with it, and only with it, the leaf at
    ``log_index`` can be shown to be about them. ``clean`` is False when stale bytes may still lie in the
    database's own log of changes."""

    subject_id: str
    log_index: int | None
    counts: dict[str, int]
    receipt: dict[str, object] = field(default_factory=dict, repr=False)
    already: bool = False
    clean: bool = True


def erase(
    core: Core, tenant_id: str, subject_id: str, actor: str, *, reason: str, with_account: bool = False
) -> Erased:
    """Forget a data subject, and everybody merged into them.

    Raises Invalid for an unknown reason, NotFound, Conflict for one that was merged into another and for
    somebody who signs in here, unless ``with_account``. Erased before, nothing changes.
    """
    if reason not in REASONS:
        raise Invalid("reason", f"{reason[:40]!r}; allowed are {', '.join(REASONS)}")
    with core.store.transaction():
        subject = quick.lock(models.DataSubject, id=subject_id, tenant_id=tenant_id)
        if subject is None:
            raise NotFound("no such data subject")
        if subject.state == "erased":
            return _before(subject_id)
        if subject.state == "merged":
            raise Conflict(f"this data subject was merged into {subject.merged_into}; erase that one")
        erased = _erase(core, subject, actor, reason, with_account=with_account)
    cleaned = residue.clean(core.store)
    core.bell.set()
    return Erased(
        subject_id, erased.log_index, erased.counts, _with_proof(core, tenant_id, erased), clean=cleaned
    )


def sweep(core: Core) -> int:
    """What was still under way about people erased meanwhile goes too; how many rows. For a periodic caller."""
    row, total, last = models.Erasure, 0, ""
    lately = row.erased_at >= core.clock() - REDELIVERIES - timedelta(days=1)
    while True:
        query = row.select().where(lately & (row.subject_id > last) if last else lately)
        page = list(query.order_by(row.subject_id).limit(_PAGE))
        if not page:
            return total
        last = page[-1].subject_id
        ids = [one.subject_id for one in page]
        if _left_behind(ids):
            with core.store.transaction():
                total += _sweep(core, page)


def _erase(core: Core, subject: models.DataSubject, actor: str, reason: str, *, with_account: bool) -> Erased:
    tenant_id, gone = subject.tenant_id, people.family(subject)
    ids = [one.id for one in gone]
    _let_go_of_accounts(ids, with_account=with_account)
    known = people.identifiers(core, gone)
    if core.shred_list is not None:  # on the disk first: no crash may let a later restore bring them back
        for one in ids:
            core.shred_list.add(tenant_id, one, core.clock())
    counts = {
        "acts": their_acts.shred_acts(core, tenant_id, ids),
        "links": rows.shred_links(ids),
        "salts": rows.shred_salts(ids),
        "bodies": rows.shred_events(core, ids) + strangers.shred_events(core, tenant_id, known),
        "requests": rows.shred_requests(ids) + strangers.shred_requests(core, tenant_id, known),
        "answers": strangers.shred_answers(core, tenant_id, ids, known),
    }
    rows.shred_subjects(core, ids)
    for one in ids:
        core.subjects.deactivate(one, tenant_id)
    return _log(core, subject, ids, actor, reason, counts)


def _log(
    core: Core,
    subject: models.DataSubject,
    ids: Sequence[str],
    actor: str,
    reason: str,
    counts: dict[str, int],
) -> Erased:
    """The leaf commits to whom, under a salt that nobody keeps."""
    now, salt = core.clock(), core.log.random(leaves.SALT_BYTES)
    name = did.derive(subject.id, core.did_method)
    payload = {"subject": name, "erased_at": moments.to_text(now), "reason": reason}
    body = {"actor": actor, "reason": reason, **counts, "commitment": leaves.commit(salt, payload)}
    index = core.log.append(subject.tenant_id, [Leaf(KIND, body)]).first
    for one in ids:
        row = {"subject_id": one, "tenant_id": subject.tenant_id, "log_index": index, "erased_at": now}
        quick.insert(models.Erasure, row, ignore=True)
    return Erased(subject.id, index, counts, {"index": index, "salt": salt.hex(), "payload": payload})


def _with_proof(core: Core, tenant_id: str, erased: Erased) -> dict[str, object]:
    """The receipt, and the C2SP tlog-proof that the leaf is in the log."""
    head, index = core.log.head(tenant_id), int(str(erased.receipt["index"]))
    hashes = tuple(core.log.inclusion(tenant_id, index, head.size))
    leaf = core.log.entry(tenant_id, index).leaf.encode()
    return {**erased.receipt, "proof": Proof(leaf, index, hashes, head.checkpoint).text()}


def _before(subject_id: str) -> Erased:
    row = quick.get(models.Erasure, subject_id=subject_id)
    return Erased(subject_id, None if row is None else row.log_index, {}, already=True)


def _let_go_of_accounts(ids: Sequence[str], *, with_account: bool) -> None:
    row, session = models.User, models.Session
    found = list(row.select().where(row.subject_id.in_(list(ids))))
    active = [user for user in found if user.active]
    if active and not with_account:
        raise Conflict(
            f"this person signs in here as user {active[0].id}; erase them with their account (--with-account)"
        )
    users = [user.id for user in found]
    session.delete().where(session.user_id.in_(users)).execute()
    gone = {"email_sealed": None, "email_link": None, "password_hash": None, "one_time_hash": None}
    row.update(active=False, subject_id=None, **gone).where(row.id.in_(users)).execute()


def _left_behind(ids: Sequence[str]) -> bool:
    concerned, link, event = models.AuditSaltSubject, models.DataSubjectLink, models.Event
    activity, salt = models.ProcessingActivity, models.ActivitySalt
    wanted = list(ids)
    return any(
        query.exists()
        for query in (
            concerned.select().where(concerned.subject_id.in_(wanted)),
            link.select().where(link.subject_id.in_(wanted)),
            event.select().where(
                event.subject_id.in_(wanted),
                event.payload_sealed.is_null(False) | event.dedup_key.is_null(False),
            ),
            activity.select()
            .join(salt, on=salt.activity_id == activity.id)
            .where(activity.subject_id.in_(wanted)),
        )
    )


def _sweep(core: Core, page: Sequence[models.Erasure]) -> int:
    done = 0
    for tenant_id in {one.tenant_id for one in page}:
        mine = [one.subject_id for one in page if one.tenant_id == tenant_id]
        done += their_acts.shred_acts(core, tenant_id, mine)
        done += rows.shred_links(mine) + rows.shred_salts(mine) + rows.shred_events(core, mine)
    old = [one.subject_id for one in page if one.erased_at + REDELIVERIES <= core.clock()]
    event = models.Event
    known = event.update(dedup_key=None).where(event.subject_id.in_(old), event.dedup_key.is_null(False))
    return done + int(known.execute())


def preview(tenant_id: str, subject_id: str) -> dict[str, int]:
    """What erasing would touch: people, links, activities, events, requests. Raises NotFound."""
    subject = quick.get(models.DataSubject, id=subject_id, tenant_id=tenant_id)
    if subject is None:
        raise NotFound("no such data subject")
    ids = [one.id for one in people.family(subject)]
    tables: dict[str, Any] = {
        "links": models.DataSubjectLink,
        "activities": models.ProcessingActivity,
        "events": models.Event,
        "requests": models.RightsRequest,
    }
    counts = {
        name: int(model.select().where(model.subject_id.in_(ids)).count()) for name, model in tables.items()
    }
    return {"people": len(ids), **counts}
