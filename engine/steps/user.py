"""A user appeared: they are a person too, and a member of the data controller that brought them in.

identify → invitation → join → done. An invitation of this data controller for the user's address is accepted by
their appearing, and says which role they have; without one they become a member. Who was erased here may work
here, and no record is made of them again, unless they came back on their own.
"""

from __future__ import annotations

from ..access import invitations, members
from ..access.members import FIRST_ROLE
from ..core import Core
from ..errors import TransientError
from ..identity.linkage import identifiers
from ..identity.subjects import Match, Origin
from ..platforms.base import Person
from ..rights import limits, suppression
from ..store import models
from .base import Outcome, Prepared, Step

_BY_THEMSELVES = ("invitation", "oidc")
"""Sources of a membership that take an act of the person's own."""


def identify(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Match or create the user's data subject by e-mail; anonymous users have none and stop here."""
    user = models.User.get_or_none(id=event.entity_id)
    if user is None:
        ended = core.subjects.deactivate(event.entity_id, event.tenant_id)
        return Outcome("gone", {"change": event.topic, **ended})
    if not event.topic.endswith(".INSERT") and members.find(event.tenant_id, user.id) is None:
        # Their row changes (a rotation seals it anew) and they belong here no longer: they stay forgotten.
        return Outcome("gone", {"change": event.topic})
    if kept_out(core, user, event):
        return Outcome("suppressed", {"user": user.id})
    found = person_of(core, user, event)
    if found is None or found.subject is None:
        return Outcome("anonymous", {"user": user.id})
    user.subject_id = found.subject.id
    user.did = core.subjects.claim(user.id, "user", user.tenant_id)
    user.save(only=["subject_id", "did"])
    outcome = "created" if found.outcome == "created" else "matched"
    return Outcome(outcome, {"user": user.id}, {"subject_id": found.subject.id})


def accept(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Match a pending invitation by e-mail, and use it up. Only a new user accepts one by this."""
    user = models.User.get_or_none(id=event.entity_id)
    if user is None or user.email_sealed is None or not event.topic.endswith(".INSERT"):
        return Outcome("none")
    pending = invitations.pending_for(core, event.tenant_id, address_of(core, user))
    if pending is None or not invitations.use(core, pending, user.id):
        return Outcome("none")
    return Outcome("accepted", {"user": user.id, "invitation": pending.id, "role": pending.role})


def join(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Make the membership unless somebody (the command line, an invitation) has made it already.

    Only a new user becomes a member by this: whoever was taken out stays out when their row changes.
    """
    membership = members.find(event.tenant_id, str(event.entity_id))
    if membership is not None:
        return Outcome("unchanged", {"user": event.entity_id, "role": membership.role})
    if not event.topic.endswith(".INSERT"):
        return Outcome("unchanged", {"user": event.entity_id})
    members.join(core, event.tenant_id, str(event.entity_id), FIRST_ROLE, "dxflow")
    return Outcome("joined", {"user": event.entity_id, "role": FIRST_ROLE})


def kept_out(core: Core, user: models.User, event: models.Event) -> bool:
    """Whether a program, or a colleague, brings back somebody who was erased here."""
    if not _may_be_kept_out(core, user, event):
        return False
    marks = suppression.suppressed(core, event.tenant_id, {user.id: identifiers(_person(core, user))})
    suppression.hit(marks.get(user.id, ()))
    return user.id in marks


def person_of(core: Core, user: models.User, event: models.Event) -> Match | None:
    """The user as a data subject of the event's data controller; None for one without an address. Raises
    TransientError for somebody who was erased since ``kept_out`` looked."""
    if user.email_sealed is None:
        return None
    origin, person = Origin(event.tenant_id, "users", event.id, None), _person(core, user)
    found = core.subjects.match(origin, person, create=True, held=limits.restricts)
    new = found.outcome == "created" and _may_be_kept_out(core, user, event)
    if new and suppression.holds(core, event.tenant_id, identifiers(person)):
        raise TransientError("this person was erased meanwhile")
    return found


def _may_be_kept_out(core: Core, user: models.User, event: models.Event) -> bool:
    """Whether marks say anything of this user: who accepted an invitation, or came in through the sign-in
    provider, did that themselves."""
    if user.email_sealed is None or not suppression.in_force(core, event.tenant_id):
        return False
    membership = members.find(event.tenant_id, user.id)
    return membership is None or membership.source not in _BY_THEMSELVES


def _person(core: Core, user: models.User) -> Person:
    return Person(email=address_of(core, user), external_ids=(("dxflow-user", user.id),))


def address_of(core: Core, user: models.User) -> str:
    """The user's address in the clear."""
    place = {"table": "users", "column": "email_sealed", "row_id": user.id}
    return core.keys.unseal_own(bytes(user.email_sealed or b""), **place).decode()


STEPS = {"identify": Step(identify), "invitation": Step(accept), "join": Step(join)}
