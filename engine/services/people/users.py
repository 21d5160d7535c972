"""People who sign in: their accounts and their passwords. What they are where, ``membership`` knows.

A user has one way in at any time: a password they chose, or a one-time password that hasn't been used. The
e-mail address is sealed and found again by a keyed index; no audit leaf and no error text names it.
"""

from __future__ import annotations

import peewee

from ...access import invitations, members
from ...access.roles import known, require_reach
from ...core import Core
from ...errors import Conflict, Invalid, NotFound
from ...identity import accounts, normalise
from ...store import models, quick, scope
from .. import acts
from . import attempts, membership, passwords
from .devices import NOWHERE, Client

_MEMBER = "this person is, or was, a member of this data controller already; invite them to come back"
_ELSEWHERE = (
    "this address has an account here already, which whoever made it could use: invite the person instead, so "
    "that they show that it is theirs"
)


def create(
    core: Core,
    tenant_id: str,
    email: str,
    role: str,
    *,
    password: str | None = None,
    actor: str = acts.SYSTEM,
    reach: membership.Reach = None,
) -> tuple[models.User, str | None]:
    """Bring a person in; returns the user and the one-time password, which can't be shown again.

    There is none when ``password`` is given, and none for somebody who already signs in elsewhere on this
    installation: they become a member here too, and whoever runs the installation vouches that it is they.
    Everybody else invites them. Raises Invalid (email, role, password) and Conflict for
    somebody who is a member already; Forbidden for a role beyond the reach.
    """
    address, wanted = _address(email), known(role)
    if reach is not None:
        require_reach(reach, wanted)
    if password is not None:
        passwords.check(password, address)
    secret = passwords.one_time() if password is None else None
    hashes = {
        "password_hash": None if password is None else passwords.hash_chosen(password),
        "one_time_hash": None if secret is None else passwords.hash_one_time(secret),
    }
    try:
        with core.store.transaction():
            user = by_email(core, address)
            fresh = user is None
            user = user or accounts.insert(core.keys, core.clock, core.new_id(), tenant_id, address, **hashes)
            if not fresh and actor != acts.SYSTEM:
                raise Conflict(_ELSEWHERE)
            if not members.join(core, tenant_id, user.id, wanted.value, "dxflow"):
                raise Conflict(_MEMBER)
            invitations.end_for(core, tenant_id, address)
            kind = "user.created" if fresh else "user.joined"
            acts.record(core, tenant_id, kind, actor, user=user.id, role=wanted.value)
    except peewee.IntegrityError as error:
        raise Conflict(_MEMBER) from error
    return user, secret if fresh else None


def renew_one_time(
    core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM, reach: membership.Reach = None
) -> str:
    """A new one-time password in place of whatever the user had; ends all their sessions.

    Only the data controller that first brought the user in can do it, and only while it is the only one they
    belong to: it could take over what they may do elsewhere. The command line, which has the machine, always
    can. A second factor stays. Raises NotFound, Conflict, Forbidden for somebody who may do more.
    """
    user = models.User.get_or_none(id=membership.identifier(user_id), tenant_id=tenant_id)
    if user is None:
        raise NotFound("no such user")
    secret = passwords.one_time()
    with core.store.transaction():
        # Whoever makes a membership refers to this row and waits for it, so none is overlooked.
        quick.lock(models.User, id=user.id)
        if actor != acts.SYSTEM:
            require_no_other(user.id, tenant_id)
        if reach is not None:
            require_reach(reach, membership.get(tenant_id, user.id).role)
        user.password_hash, user.one_time_hash = None, passwords.hash_one_time(secret)
        user.save(only=["password_hash", "one_time_hash"])
        models.Session.delete().where(models.Session.user_id == user.id).execute()
        acts.record(core, tenant_id, "user.one_time_password_renewed", actor, user=user.id)
    return secret


def set_password(
    core: Core,
    tenant_id: str,
    user_id: str,
    password: str,
    *,
    current: str | None,
    keep: str | None = None,
    client: Client = NOWHERE,
) -> None:
    """Put a chosen password in force and end every other session; ``keep`` is the hash of the one to spare.

    ``current`` is needed once a password has been chosen. Raises NotFound, Invalid (current, password),
    TooManyAttempts.
    """
    user = _of(tenant_id, user_id)
    passwords.check(password, email_of(core, user))
    require_present_password(core, user, current, client)
    session = models.Session
    with core.store.transaction():
        user.password_hash, user.one_time_hash = passwords.hash_chosen(password), None
        user.save(only=["password_hash", "one_time_hash"])
        session.delete().where(session.user_id == user.id, session.token_hash != (keep or "")).execute()
        acts.record(core, tenant_id, "user.password_chosen", f"user:{user.id}", user=user.id)


def require_present_password(core: Core, user: models.User, given: str | None, client: Client) -> None:
    """Whoever chose a password shows that they know it. Raises Invalid (current), TooManyAttempts."""
    if user.password_hash is None:
        return
    with attempts.guess(core, attempts.Kind.PRESENT_PASSWORD, user.id, client, user) as tried:
        if not passwords.matches(given or "", chosen=user.password_hash, one_time=None):
            raise Invalid("current", "is not your present password")
        attempts.forgive(core, tried)


def find(core: Core, tenant_id: str, name: str) -> models.User:
    """The tenant's member with this e-mail address or id. Raises NotFound, Invalid for neither."""
    user = by_email(core, _address(name)) if "@" in name else None
    return _of(tenant_id, user.id if user else name)


def by_email(core: Core, email: str) -> models.User | None:
    """The user with this address, whatever their data controllers; None for an unknown or impossible one."""
    address = normalise.email(email)
    if address is None:
        return None
    found: models.User | None = accounts.find(core.keys, address)
    return found


def email_of(core: Core, user: models.User) -> str:
    """The user's address in the clear, empty for an anonymous user; for themselves, and for who invites."""
    if user.email_sealed is None:
        return ""
    raw = core.keys.unseal_own(user.email_sealed, table="users", column="email_sealed", row_id=user.id)
    return raw.decode()


def _of(tenant_id: str, user_id: str) -> models.User:
    identifier = membership.identifier(user_id)
    if members.find(tenant_id, identifier) is None:
        raise NotFound("no such user at this data controller")
    user: models.User = models.User.get_by_id(identifier)
    return user


def require_no_other(user_id: str, tenant_id: str) -> None:
    """Raises Conflict for somebody who belongs to another data controller too, even where it shut them out."""
    membership = models.Membership
    elsewhere = (membership.user_id == user_id) & (membership.tenant_id != tenant_id)
    with scope.everyone("whether somebody belongs elsewhere is all that is asked"):
        found = membership.select().where(elsewhere).exists()
    if found:
        raise Conflict(
            "this person belongs to other data controllers too, where you would let yourself in; whoever runs "
            "this installation can help them: `dxflow user reset-password`"
        )


def _address(email: str) -> str:
    address = normalise.email(email)
    if address is None:
        raise Invalid("email", "is not an e-mail address")
    return address
