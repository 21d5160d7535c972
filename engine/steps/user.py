"""A user appeared: they are a person too, and a member of the data controller that brought them in.

identify → join → done
"""

from __future__ import annotations

from ..core import Core
from ..identity.subjects import Origin
from ..platforms.base import Person
from ..store import models
from .base import Outcome, Prepared, Step

FIRST_ROLE = "member"


def identify(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Match or create the user's data subject by e-mail; anonymous users have none and stop here."""
    user = models.User.get_or_none(id=event.entity_id)
    if user is None:
        ended = core.subjects.deactivate(event.entity_id, event.tenant_id)
        return Outcome("gone", {"change": event.topic, **ended})
    if user.email_sealed is None:
        return Outcome("anonymous", {"user": user.id})
    email = core.keys.unseal_own(user.email_sealed, table="users", column="email_sealed", row_id=user.id)
    origin = Origin(event.tenant_id, "users", event.id, None)
    person = Person(email=email.decode(), external_ids=(("dxflow-user", user.id),))
    found = core.subjects.match(origin, person, create=True)
    if found.subject is None:
        return Outcome("anonymous", {"user": user.id})
    user.subject_id = found.subject.id
    user.did = core.subjects.claim(user.id, "user", user.tenant_id)
    user.save(only=["subject_id", "did"])
    outcome = "created" if found.outcome == "created" else "matched"
    return Outcome(outcome, {"user": user.id}, {"subject_id": found.subject.id})


def join(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Make the membership unless somebody (the command line, an invitation) has made it already.

    Only a new user becomes a member by this: whoever was taken out stays out when their row changes.
    """
    membership = models.Membership.get_or_none(user_id=event.entity_id, tenant_id=event.tenant_id)
    if membership is not None:
        return Outcome("unchanged", {"user": event.entity_id, "role": membership.role})
    if not event.topic.endswith(".INSERT"):
        return Outcome("unchanged", {"user": event.entity_id})
    models.Membership.create(
        id=core.new_id(),
        user_id=event.entity_id,
        tenant_id=event.tenant_id,
        role=FIRST_ROLE,
        created_at=core.clock(),
        force_insert=True,
    )
    return Outcome("joined", {"user": event.entity_id, "role": FIRST_ROLE})


STEPS = {"identify": Step(identify), "join": Step(join)}
