"""Deleting what speaks of erased people. Ids come from tables, so any number of rows is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee

from .. import moments
from ..core import Core
from ..fulfilment import forgetting
from ..mail import queue
from ..recipients import obligations
from ..store import models, quick

WAITING = ("received", "running", "retrying", "failed")
KIND = "data_subject.erased"


def shred_subjects(core: Core, ids: Sequence[str]) -> None:
    """The keys of these people and all that they opened."""
    row = models.DataSubject
    gone: dict[str, object] = {"key_wrapped": None, "profile_sealed": None, "intake": None, "sources": {}}
    row.update(state="erased", updated_at=core.clock(), **gone).where(row.id.in_(list(ids))).execute()


def shred_links(ids: Sequence[str]) -> int:
    """By what they were found, who else laid claim to it, and what merges moved of it; how many links."""
    wanted, link, merge = list(ids), models.DataSubjectLink, models.SubjectMerge
    history, conflict = models.LinkHistory, models.LinkConflict
    gone = int(link.delete().where(link.subject_id.in_(wanted)).execute())
    history.delete().where(history.from_subject_id.in_(wanted) | history.to_subject_id.in_(wanted)).execute()
    conflict.delete().where(conflict.subject_id.in_(wanted) | conflict.other_subject_id.in_(wanted)).execute()
    merge.delete().where(merge.kept_id.in_(wanted) | merge.gone_id.in_(wanted)).execute()
    return gone


def shred_salts(ids: Sequence[str]) -> int:
    """The salts of every leaf that concerns them, and of their activities; how many.

    An activity that is still to be registered keeps its commitment: a dx-agent that was asked already must hear
    the same again.
    """
    salt, concerned = models.AuditSalt, models.AuditSaltSubject
    gone = 0
    for log in concerned.select(concerned.tenant_id).where(concerned.subject_id.in_(list(ids))).distinct():
        in_log = concerned.subject_id.in_(list(ids)) & (concerned.tenant_id == log.tenant_id)
        mine = concerned.select(concerned.seq).where(in_log)
        gone += salt.delete().where(salt.tenant_id == log.tenant_id, salt.seq.in_(mine)).execute()
    concerned.delete().where(concerned.subject_id.in_(list(ids))).execute()
    return gone + _shred_activity_salts(ids)


def _shred_activity_salts(ids: Sequence[str]) -> int:
    salt, activity = models.ActivitySalt, models.ProcessingActivity
    mine = activity.select(activity.id).where(activity.subject_id.in_(list(ids)))
    registered = mine.where(activity.registration_state == "registered")
    gone = int(salt.delete().where(salt.activity_id.in_(registered)).execute())
    # IN, and not on the salt itself: an index finds the activities, none the salts that are there.
    waiting = salt.update(salt=b"").where(salt.activity_id.in_(mine), salt.salt != b"")
    return gone + int(waiting.execute())


def shred_events(core: Core, ids: Sequence[str]) -> int:
    """The bodies of their deliveries; what still waits with one is given up. How many bodies."""
    return shred_bodies(core, models.Event.subject_id.in_(list(ids)))


def shred_bodies(core: Core, which: Any, **more: object) -> int:
    """The bodies of these events, and the MACs by which an equal body would be known; how many bodies. ``more``
    columns are set with them."""
    row = models.Event
    held = which & (row.payload_sealed.is_null(False) | row.body_mac.is_null(False))
    waiting = row.select(row.id, row.step, row.history).where(held, row.state.in_(WAITING))
    for event in core.store.for_update(waiting):
        _give_up(core, event)
    gone = {"payload_sealed": None, "body_mac": None, "error": None}
    return int(row.update(**gone, **more).where(held).execute())


def _give_up(core: Core, event: models.Event) -> None:
    """Discard an event; a worker that has it in hand loses it, because its version moves."""
    row, now = models.Event, core.clock()
    entry = {"at": moments.to_text(now), "step": event.step, "act": KIND, "actor": "system"}
    changes = {"state": "discarded", "due_at": None, "message_id": None, "updated_at": now}
    row.update(version=row.version + 1, history=[*event.history, entry], **changes).where(
        row.id == event.id
    ).execute()


def shred_requests(core: Core, tenant_id: str, ids: Sequence[str]) -> int:
    """Who asked, in which words, and what they were given; that somebody asked, and when they were answered,
    stays. Their requests are held first: whoever writes a package, a check or a message holds one too."""
    row = models.RightsRequest
    theirs = row.select(row.id).where(row.subject_id.in_(list(ids))).order_by(row.id)
    mine = [one.id for one in core.store.for_update(theirs)]
    check, hold = models.IdentityCheck, models.LegalHold
    count = forgetting.shred_packages(core, ids)
    check.delete().where(check.request_id.in_(mine)).execute()
    hold.delete().where(hold.subject_id.in_(list(ids))).execute()
    queue.withdraw_all(tenant_id, ids, mine)
    gone = row.update(requester_sealed=None, details_sealed=None, reference="")
    kept = row.requester_sealed.is_null(False) | row.details_sealed.is_null(False) | (row.reference != "")
    return count + int(gone.where(row.subject_id.in_(list(ids)), kept).execute())


def close_obligations(core: Core, ids: Sequence[str]) -> None:
    """What recipients were to put right or restrict is nothing any more; that they are to erase follows."""
    row = models.Obligation
    over = {"state": "closed", "reason": "the person was erased", "target_sealed": None}
    moot = row.subject_id.in_(list(ids)) & (row.kind != "erase") & row.state.in_(obligations.OPEN)
    row.update(closed_by="system", finished_at=core.clock(), **over).where(moot).execute()


def close_orders(core: Core, ids: Sequence[str], *, but: str | None) -> None:
    """Orders about people who are erased without them have nothing left to decide."""
    row = models.ErasureOrder
    over = row.update(state="refused", decided_by="system", decided_at=core.clock())
    waiting = (row.state == "proposed") & row.subject_id.in_(list(ids))
    over.where(waiting if but is None else waiting & (row.id != but)).execute()


def shred_intake(ids: Sequence[str]) -> int:
    """What plain SQL wrote to the row of somebody who was erased already; how many rows."""
    row = models.DataSubject
    gone = row.update(intake=None).where(row.id.in_(list(ids)), row.intake.is_null(False))
    return int(gone.execute())


def forget_deliveries(ids: Sequence[str]) -> int:
    """By what a delivery was known that is sent again; how many."""
    row = models.Event
    known = row.update(dedup_key=None).where(row.subject_id.in_(list(ids)), row.dedup_key.is_null(False))
    return int(known.execute())


def lock_log(tenant_id: str) -> None:
    """Nobody appends to this log until the transaction ends: no salt comes after those that go."""
    quick.lock(models.AuditHead, tenant_id=tenant_id)


def left_behind(ids: Sequence[str]) -> bool:
    """Whether something was written about these erased people since. Read only, so nobody waits for it."""
    wanted, concerned, link = list(ids), models.AuditSaltSubject, models.DataSubjectLink
    event, request, subject = models.Event, models.RightsRequest, models.DataSubject
    package = models.Package
    body = event.payload_sealed.is_null(False) | event.body_mac.is_null(False)
    queries = (
        concerned.select().where(concerned.subject_id.in_(wanted)),
        link.select().where(link.subject_id.in_(wanted)),
        event.select().where(event.subject_id.in_(wanted), body),
        request.select().where(request.subject_id.in_(wanted), request.requester_sealed.is_null(False)),
        subject.select().where(subject.id.in_(wanted), subject.intake.is_null(False)),
        package.select().where(package.subject_id.in_(wanted), package.content.is_null(False)),
        _salted(wanted),
    )
    return any(query.exists() for query in queries)


def _salted(ids: Sequence[str]) -> peewee.ModelSelect[models.ActivitySalt]:
    activity, salt = models.ProcessingActivity, models.ActivitySalt
    held = salt.select(activity.id).join(activity, on=(salt.activity_id == activity.id))
    return held.where(activity.subject_id.in_(list(ids)), salt.salt != b"")
