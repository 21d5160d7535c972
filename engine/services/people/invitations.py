"""Inviting people, and accepting: an address, a role, a token that is shown once.

Whoever accepts must own both ends. Somebody new shows the token, and chooses a password. Somebody who has an
account here already signs in with it as well: a token alone, which whoever invited knows too, opens no account
that other data controllers rely on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import peewee

from ...access import invitations, members
from ...access.roles import Role, known, require_reach
from ...core import Core
from ...errors import Conflict, Forbidden, Invalid, NotFound
from ...identity import accounts, normalise
from ...lookups import identifier, there
from ...store import models, scope
from .. import acts, pages
from ..pages import Page
from . import passwords
from .membership import Reach

UNKNOWN = "this invitation is unknown, used, revoked or over; ask for a new one"

_HAS_ACCOUNT = "this address has an account here already; sign in with it, then accept the invitation"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an invitation offers: to whom, at which data controller, as what. ``known`` tells that the address
    has an account here already."""

    invitation: models.Invitation
    tenant: models.DataController
    role: Role
    email: str
    known: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """A membership as made. ``one_time_password`` is for somebody new who chose no password, shown once."""

    user: models.User
    tenant: models.DataController
    role: Role
    one_time_password: str | None


def invite(
    core: Core, tenant_id: str, email: str, role: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> tuple[models.Invitation, str]:
    """Invite a person; returns the invitation and its token, which can't be shown again.

    An earlier one for the same address ends. Raises Invalid (email, role), Forbidden beyond the reach, Conflict
    for somebody who is a member already.
    """
    address, wanted = _address(email), known(role)
    if reach is not None:
        require_reach(reach, wanted)
    secret, row_id, now = invitations.token(), core.new_id(), core.clock()
    with core.store.transaction():
        user = accounts.find(core.keys, address)
        member = members.find(tenant_id, user.id) if user else None
        if member is not None and member.active and not member.vouched:
            raise Conflict("this person is a member of this data controller already")
        invitations.end_for(core, tenant_id, address)
        place = {"table": "invitations", "column": "email_sealed", "row_id": row_id}
        row = models.Invitation.create(
            id=row_id,
            tenant_id=tenant_id,
            email_link=accounts.link(core.keys, address),
            email_sealed=core.keys.seal_own(address.encode(), **place),
            role=wanted.value,
            token_hash=invitations.hash_of(secret),
            invited_by=actor,
            created_at=now,
            expires_at=now + invitations.LIFETIME,
            force_insert=True,
        )
        acts.record(core, tenant_id, "invitation.made", actor, invitation=row.id, role=wanted.value)
    return row, secret


def listing(
    tenant_id: str, *, limit: int = pages.LARGEST, cursor: str | None = None
) -> Page[models.Invitation]:
    """All of a tenant's invitations, newest first. Raises Invalid for a cursor of another list."""
    return pages.newest(tenant_id, models.Invitation.created_at, limit=limit, cursor=cursor)


def address(base: str) -> str:
    """Where people show their token; it never stands in an address itself."""
    return f"{base}/dashboard/invitation"


def state(row: models.Invitation, now: datetime) -> str:
    """``pending``, ``accepted``, ``revoked`` or ``expired``."""
    if row.accepted_at is not None:
        return "accepted"
    if row.revoked_at is not None:
        return "revoked"
    return "pending" if row.expires_at > now else "expired"


def revoke(
    core: Core, tenant_id: str, invitation_id: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> models.Invitation:
    """Take an invitation back. Raises NotFound, Forbidden beyond the reach, Conflict for one that was
    accepted."""
    row = models.Invitation
    with core.store.transaction():
        missing = "no such invitation"
        wanted = identifier(invitation_id, missing)
        found = there(row.get_or_none(id=wanted, tenant_id=tenant_id), missing)
        if reach is not None:
            require_reach(reach, known(found.role))
        pending = (row.id == found.id) & row.accepted_at.is_null()
        if row.update(revoked_at=core.clock()).where(pending, row.revoked_at.is_null()).execute():
            acts.record(core, tenant_id, "invitation.revoked", actor, invitation=found.id)
        elif found.accepted_at is not None:
            raise Conflict("this invitation was accepted already; shut the user out instead")
        fresh: models.Invitation = row.get_by_id(found.id)
    return fresh


@scope.everyone("an invitation names its tenant")
def offer(core: Core, token: str) -> Offer:
    """What the invitation with this token offers. Raises NotFound, which never says what was wrong."""
    row = models.Invitation.get_or_none(token_hash=invitations.hash_of(token))
    if row is None or state(row, core.clock()) != "pending":
        raise NotFound(UNKNOWN)
    email = invitations.address_of(core, row)
    tenant = models.DataController.get_by_id(row.tenant_id)
    return Offer(row, tenant, known(row.role), email, accounts.find(core.keys, email) is not None)


def accept_new(core: Core, token: str, *, email: str | None = None, password: str | None = None) -> Accepted:
    """Somebody without an account here accepts, and has one. ``email`` is checked where it is given.

    Raises NotFound, Forbidden for another address than the invited one, Conflict for somebody who has an
    account already, Invalid (password).
    """
    given = offer(core, token)
    _require_address(given, email)
    if given.known:
        raise Conflict(
            "this address has an account here already; sign in with it, then accept the invitation"
        )
    if password is not None:
        passwords.check(password, given.email)
    secret = passwords.one_time() if password is None else None
    try:
        with scope.of(given.tenant.id), core.store.transaction():
            user = accounts.insert(
                core.keys,
                core.clock,
                core.new_id(),
                given.tenant.id,
                given.email,
                password_hash=None if password is None else passwords.hash_chosen(password),
                one_time_hash=None if secret is None else passwords.hash_one_time(secret),
            )
            _use(core, given, user)
    except peewee.IntegrityError:
        raise Conflict(_HAS_ACCOUNT) from None
    return Accepted(user, given.tenant, given.role, secret)


def accept_as(core: Core, token: str, user: models.User) -> Accepted:
    """Somebody who has just shown that this account is theirs accepts. Raises NotFound, Forbidden for another
    address than the invited one."""
    given = offer(core, token)
    if user.email_link not in core.keys.links_own(accounts.EMAIL, given.email):
        raise Forbidden("this invitation is for another address than yours")
    # Whoever accepts is signed in at another data controller.
    with scope.everyone("the invitation's own tenant"), core.store.transaction():
        _use(core, given, user)
    return Accepted(user, given.tenant, given.role, None)


def _use(core: Core, given: Offer, user: models.User) -> None:
    if not invitations.use(core, given.invitation, user.id):
        raise NotFound(UNKNOWN)
    here = members.find(given.tenant.id, user.id)
    role = given.role.value if here is None else here.role
    told = {"invitation": given.invitation.id, "user": user.id, "role": role}
    acts.record(core, given.tenant.id, "invitation.accepted", f"user:{user.id}", **told)


def _require_address(given: Offer, email: str | None) -> None:
    if email is not None and normalise.email(email) != given.email:
        raise Forbidden("this invitation is for another address")


def _address(email: str) -> str:
    address = normalise.email(email)
    if address is None:
        raise Invalid("email", "is not an e-mail address")
    return address
