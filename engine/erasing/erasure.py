"""Forgetting a person for good: what could open or confirm anything about them is deleted, and the log says so.

GDPR Art. 17; EDPB Guidelines 02/2025 on what an append-only record may keep. Their key, links, salts and bodies
go (``engine/erasing``); leaves stay, and nobody can open them any more, not even who knows what they said: each
commits under 32 random bytes that are gone. docs/erasure.md says what stays and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, get_args

from .. import moments
from ..core import Core
from ..errors import Conflict, Invalid, Unavailable
from ..fulfilment import legal_holds
from ..identity import did
from ..ledger import leaves
from ..ledger.log import Leaf
from ..ledger.proofs import Proof
from ..lookups import there
from ..rights import suppression
from ..store import models, quick
from . import accounts, followed, open_requests, people, residue, rows, strangers
from . import acts as their_acts
from .mentions import Identifiers

KIND = rows.KIND
Reason = Literal[
    "request",
    "no_longer_necessary",
    "consent_withdrawn",
    "objection",
    "unlawful_processing",
    "legal_obligation",
    "retention_period",
]
"""Why: GDPR Art. 17(1), or the end of a retention period."""
RESTORED = "restored_backup"
AnyReason = Literal[Reason, "restored_backup"]
"""The same, or an erasure that a restored backup had undone."""
REASONS: tuple[str, ...] = get_args(AnyReason)

REDELIVERIES = timedelta(days=30)
"""How long a delivery that a platform sends again is still known, so that it doesn't bring the person back."""

_PAGE = 500
_TRIES = 5


class Beside(Protocol):
    """What belongs to an erasure and commits with it: an order that two people gave."""

    order_id: str
    request_id: str | None
    """The request that the erasure answers."""

    def before(self, gone: Sequence[models.DataSubject], known: Identifiers) -> None:
        """Nothing is deleted yet, and nobody else changes these people. What it raises stops the erasure."""

    def after(self, erased: Erased) -> None:
        """Everything is deleted, and the log says so."""

    def leaf(self) -> dict[str, object]:
        """What the log's leaf says beside the rest: ids, no data subject's."""


@dataclass(frozen=True, slots=True)
class _Act:
    """One wish to forget somebody."""

    core: Core
    tenant_id: str
    subject_id: str
    actor: str
    reason: str
    with_account: bool
    suppress: bool
    beside: Beside | None


@dataclass(frozen=True, slots=True)
class Erased:
    """What went. ``receipt`` is for the person, and kept nowhere else: with it, and only with it, the leaf at
    ``log_index`` can be shown to be about them. ``clean`` is False when stale bytes may still lie in the
    database's files (``residue``)."""

    subject_id: str
    log_index: int | None
    counts: dict[str, int]
    receipt: dict[str, object] = field(default_factory=dict, repr=False)
    already: bool = False
    clean: bool = True


def erase(
    core: Core,
    tenant_id: str,
    subject_id: str,
    actor: str,
    *,
    reason: str,
    with_account: bool = False,
    at_once: int = residue.A_MOMENT,
    suppress: bool = False,
    beside: Beside | None = None,
) -> Erased:
    """Forget a data subject, and everybody merged into them. A database of up to ``at_once`` bytes is written
    anew (``residue``); who erases many does that once, after them. ``suppress`` keeps them from coming back.

    Raises Invalid for an unknown reason, NotFound, Conflict for one that was merged into another, for one under
    a legal hold, and for somebody who signs in here, unless ``with_account``. Erased before, nothing changes.
    """
    if reason not in REASONS:
        raise Invalid("reason", f"{reason[:40]!r}; allowed are {', '.join(REASONS)}")
    suppress = suppress or beside is not None or reason == RESTORED
    act = _Act(core, tenant_id, subject_id, actor, reason, with_account, suppress, beside)
    erased = _committed(act, _sighted(act))
    if erased.already:
        return erased
    cleaned = residue.clean(core.store, at_once=at_once)
    core.bell.set()
    return replace(erased, receipt=with_proof(core, tenant_id, erased), clean=cleaned)


def _sighted(act: _Act) -> strangers.Sighted | None:
    """What takes long, before anybody waits: which deliveries of nobody name the person."""
    with act.core.store.reachable():
        subject = quick.get(models.DataSubject, id=act.subject_id, tenant_id=act.tenant_id)
        if subject is None or subject.state in ("erased", "merged"):
            return None
        known = people.identifiers(act.core, people.family(subject))
        return strangers.sight(act.core, act.tenant_id, known)


def _committed(act: _Act, sighted: strangers.Sighted | None) -> Erased:
    """All of it in one transaction. Workers lock what they write in the order it comes: where one of them and
    this wait for each other, PostgreSQL ends either, and what was ended here begins again."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with act.core.store.transaction():
                return _erase(act, sighted)
        except Unavailable:
            if not tries_left or act.core.store.database.in_transaction():
                raise
    raise AssertionError("unreachable")


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
        if rows.left_behind([one.subject_id for one in page]):
            with core.store.transaction():
                total += _sweep(core, page)
            residue.clean(core.store, at_once=0)
        old = [one.subject_id for one in page if one.erased_at + REDELIVERIES <= core.clock()]
        if old:
            with core.store.transaction():
                total += rows.forget_deliveries(old)


def _erase(act: _Act, sighted: strangers.Sighted | None) -> Erased:
    core, tenant_id, now = act.core, act.tenant_id, act.core.clock()
    subject = _locked(tenant_id, act.subject_id)
    if subject.state == "erased":
        return _before(subject.id)
    if subject.state == "merged":
        raise Conflict(f"this data subject was merged into {subject.merged_into}; erase that one")
    gone = [_locked(tenant_id, one.id) for one in people.family(subject)]
    ids, known = [one.id for one in gone], people.identifiers(core, gone)
    _begin(act, gone, known)
    asked = act.beside.request_id if act.beside is not None else None
    still_open = open_requests.find(core, tenant_id, gone, known, asked)
    accounts.let_go(tenant_id, ids, with_account=act.with_account, again=act.reason == RESTORED)
    accounts.withdraw_invitations(core, tenant_id, known.emails)
    sighted = strangers.sight(core, tenant_id, known, sighted)
    if core.shred_list is not None:  # on the disk first: no crash may let a later restore bring them back
        for one in ids:
            core.shred_list.add(tenant_id, one, now)
    counts = _shred(act, subject.id, ids, known, sighted)
    for one in ids:
        core.subjects.deactivate(one, tenant_id)
    erased = _log(act, ids, counts, now)
    if act.beside is not None:
        act.beside.after(erased)
    open_requests.settle(core, tenant_id, still_open, act.actor, tell=act.reason != RESTORED)
    return erased


def _shred(
    act: _Act, subject_id: str, ids: Sequence[str], known: Identifiers, sighted: strangers.Sighted
) -> dict[str, int]:
    """What could open or confirm anything about them, and how much of it there was."""
    core, tenant_id = act.core, act.tenant_id
    asked = [one.id for one in strangers.requests(core, tenant_id, known)]
    concerned = [*ids, *asked]  # entries about a request of nobody known lie under its own id
    rows.shred_subjects(core, ids)
    bodies = rows.shred_events(core, ids) + strangers.shred_events(core, subject_id, sighted)
    rows.lock_log(tenant_id)  # after the events, as workers do
    followed.shred(core, tenant_id, ids, asked, known)
    return {
        "acts": their_acts.shred_acts(core, tenant_id, concerned),
        "links": rows.shred_links(ids),
        "salts": rows.shred_salts(concerned),
        "bodies": bodies,
        "requests": rows.shred_requests(core, tenant_id, ids) + strangers.shred_requests(tenant_id, asked),
        "answers": strangers.shred_answers(core, tenant_id, ids, known),
    }


def _begin(act: _Act, gone: Sequence[models.DataSubject], known: Identifiers) -> None:
    """What comes before anything goes: who objects, and by what the person will be known again."""
    core, tenant_id, ids = act.core, act.tenant_id, [one.id for one in gone]
    legal_holds.require_none(ids, act.reason)
    if act.beside is not None:
        act.beside.before(gone, known)
    rows.close_orders(core, ids, but=act.beside.order_id if act.beside is not None else None)
    rows.close_obligations(core, ids)
    if act.suppress:
        marks = people.marks(tenant_id, known)
        order_id = act.beside.order_id if act.beside is not None else None
        suppression.mark(core, tenant_id, marks, reason=act.reason, order_id=order_id)


def _locked(tenant_id: str, subject_id: str) -> models.DataSubject:
    """Nobody matches, merges or writes to them until the transaction ends."""
    return there(quick.lock(models.DataSubject, id=subject_id, tenant_id=tenant_id), "no such data subject")


def _log(act: _Act, ids: Sequence[str], counts: dict[str, int], now: datetime) -> Erased:
    """The leaf commits to whom, under a salt that nobody keeps."""
    core, salt = act.core, act.core.log.random(leaves.SALT_BYTES)
    name = did.derive(act.subject_id, core.did_method)
    payload = {"subject": name, "erased_at": moments.to_text(now), "reason": act.reason}
    whose = {"two_people": False} if act.beside is None else act.beside.leaf()
    said = {"actor": act.actor, "reason": act.reason, **whose, **counts}
    body = {**said, "commitment": leaves.commit(salt, payload)}
    index = core.log.append(act.tenant_id, [Leaf(KIND, body)]).first
    for one in ids:
        row = {"subject_id": one, "tenant_id": act.tenant_id, "log_index": index, "erased_at": now}
        quick.insert(models.Erasure, row, ignore=True)
    return Erased(act.subject_id, index, counts, {"index": index, "salt": salt.hex(), "payload": payload})


def with_proof(core: Core, tenant_id: str, erased: Erased) -> dict[str, object]:
    """The receipt, and the C2SP tlog-proof that the leaf is in the log."""
    return {**erased.receipt, "proof": proof(core, tenant_id, int(str(erased.receipt["index"]))).text()}


def proof(core: Core, tenant_id: str, index: int) -> Proof:
    """That a leaf is in the log as it stands now (C2SP tlog-proof)."""
    head = core.log.head(tenant_id)
    hashes = tuple(core.log.inclusion(tenant_id, index, head.size))
    return Proof(core.log.entry(tenant_id, index).leaf.encode(), index, hashes, head.checkpoint)


def _before(subject_id: str) -> Erased:
    row = quick.get(models.Erasure, subject_id=subject_id)
    return Erased(subject_id, None if row is None else row.log_index, {}, already=True)


def _sweep(core: Core, page: Sequence[models.Erasure]) -> int:
    done = 0
    for tenant_id in {one.tenant_id for one in page}:
        mine = [one.subject_id for one in page if one.tenant_id == tenant_id]
        done += rows.shred_events(core, mine)
        rows.lock_log(tenant_id)
        done += their_acts.shred_acts(core, tenant_id, mine) + rows.shred_salts(mine)
        done += rows.shred_links(mine) + rows.shred_requests(core, tenant_id, mine) + rows.shred_intake(mine)
    return done


def preview(tenant_id: str, subject_id: str) -> dict[str, int]:
    """What erasing would touch: people, links, activities, events, requests. Raises NotFound."""
    subject = there(quick.get(models.DataSubject, id=subject_id, tenant_id=tenant_id), "no such data subject")
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
