"""Deleting what speaks of erased people. Ids come from tables, so any number of rows is one statement."""

from __future__ import annotations

from collections.abc import Sequence

import peewee

from ..core import Core
from ..store import models

WAITING = ("received", "running", "retrying", "failed")


def shred_subjects(core: Core, ids: Sequence[str]) -> None:
    """The keys of these people and all that they opened."""
    row = models.DataSubject
    gone: dict[str, object] = {"key_wrapped": None, "profile_sealed": None, "intake": None, "sources": {}}
    row.update(state="erased", updated_at=core.clock(), **gone).where(row.id.in_(list(ids))).execute()


def shred_links(ids: Sequence[str]) -> int:
    """By what they were found, and who else laid claim to it; how many links."""
    wanted, link = list(ids), models.DataSubjectLink
    history, conflict = models.LinkHistory, models.LinkConflict
    gone = int(link.delete().where(link.subject_id.in_(wanted)).execute())
    history.delete().where(history.from_subject_id.in_(wanted) | history.to_subject_id.in_(wanted)).execute()
    conflict.delete().where(conflict.subject_id.in_(wanted) | conflict.other_subject_id.in_(wanted)).execute()
    return gone


def shred_salts(ids: Sequence[str]) -> int:
    """The salts of every leaf that concerns them, and of their activities; how many."""
    salt, concerned = models.AuditSalt, models.AuditSaltSubject
    mine = concerned.select(concerned.tenant_id, concerned.seq).where(concerned.subject_id.in_(list(ids)))
    gone = int(salt.delete().where(peewee.Tuple(salt.tenant_id, salt.seq).in_(mine)).execute())
    concerned.delete().where(concerned.subject_id.in_(list(ids))).execute()
    return gone + int(_of_activities(ids).execute())


def shred_activity_salts(ids: Sequence[str]) -> int:
    """Those of activities alone."""
    return int(_of_activities(ids).execute())


def _of_activities(ids: Sequence[str]) -> peewee.ModelDelete:
    salt, activity = models.ActivitySalt, models.ProcessingActivity
    theirs = activity.select(activity.id).where(activity.subject_id.in_(list(ids)))
    return salt.delete().where(salt.activity_id.in_(theirs))


def shred_events(core: Core, ids: Sequence[str]) -> int:
    """The bodies of their deliveries; what still waits with one is given up. How many bodies."""
    row = models.Event
    theirs = row.subject_id.in_(list(ids)) & row.payload_sealed.is_null(False)
    give_up(core, list(row.select(row.id).where(theirs & row.state.in_(WAITING))))
    return int(row.update(payload_sealed=None, body_mac=None, error=None).where(theirs).execute())


def give_up(core: Core, events: Sequence[models.Event]) -> None:
    """Discard events; a worker that has one in hand loses it, because its version moves."""
    row = models.Event
    changes = {"state": "discarded", "due_at": None, "message_id": None, "error": None}
    ids = [event.id for event in events]
    row.update(version=row.version + 1, updated_at=core.clock(), **changes).where(row.id.in_(ids)).execute()


def shred_requests(ids: Sequence[str]) -> int:
    """Who asked, and in which words; that somebody asked, and when they were answered, stays."""
    row = models.RightsRequest
    gone = row.update(requester_sealed=None, details_sealed=None, reference="")
    return int(gone.where(row.subject_id.in_(list(ids))).execute())
