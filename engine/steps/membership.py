"""Somebody belongs to a data controller, or belongs no longer: they are its data subject too.

identify → done
"""

from __future__ import annotations

from ..core import Core
from ..store import models
from . import user as users
from .base import Outcome, Prepared, Step


def identify(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Match or create the member's data subject by e-mail; at their first data controller that is done."""
    membership = models.Membership.get_or_none(id=event.entity_id, tenant_id=event.tenant_id)
    if membership is None:
        return Outcome("gone", {"change": event.topic})
    told = {"user": membership.user_id, "role": membership.role, "active": membership.active}
    if membership.subject_id is not None:
        return Outcome("unchanged", told, {"subject_id": membership.subject_id})
    user = models.User.get_or_none(id=membership.user_id)
    if user is not None and users.kept_out(core, user, event):
        return Outcome("suppressed", told)
    found = None if user is None else users.person_of(core, user, event)
    if found is None or found.subject is None:
        return Outcome("anonymous", told)
    membership.subject_id = found.subject.id
    membership.save(only=["subject_id"])
    outcome = "created" if found.outcome == "created" else "matched"
    return Outcome(outcome, told, {"subject_id": found.subject.id})


STEPS = {"identify": Step(identify)}
