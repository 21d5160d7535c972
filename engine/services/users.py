"""People who sign in: who they are, their role at each data controller, their password.

A user has one way in at any time: a password they chose, or a one-time password that hasn't been used. The
e-mail address is sealed and found again by a keyed index; no audit leaf and no error text names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import peewee

from ..core import Core
from ..errors import Conflict, Invalid, NotFound
from ..identity import accounts, did, normalise
from ..store import models
from . import acts, passwords
from .roles import Role, known


@dataclass(frozen=True, slots=True)
class Member:
    """A user as a member of one data controller."""

    user_id: str
    did: str | None
    role: Role
    active: bool
    has_password: bool
    created_at: datetime


def create(
    core: Core,
    tenant_id: str,
    email: str,
    role: str,
    *,
    password: str | None = None,
    actor: str = acts.SYSTEM,
) -> tuple[models.User, str | None]:
    """Bring a person in; returns the user and the one-time password, which can't be shown again.

    There is none when ``password`` is given, and none for somebody who already signs in elsewhere on this
    installation: they become a member here too. Raises Invalid (email, role, password) and Conflict for
    somebody who is a member already.
    """
    address, wanted = _address(email), known(role)
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
            _join(core, user.id, tenant_id, wanted)
            kind = "user.created" if fresh else "user.joined"
            acts.record(core, tenant_id, kind, actor, user=user.id, role=wanted.value)
    except peewee.IntegrityError as error:
        raise Conflict("this person is a member of this data controller already") from error
    return user, secret if fresh else None


def renew_one_time(core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM) -> str:
    """A new one-time password in place of whatever the user had; ends all their sessions.

    Only the data controller that first brought the user in can do it: any other could take over what the user
    may do elsewhere. Raises NotFound.
    """
    user = models.User.get_or_none(id=_identifier(user_id), tenant_id=tenant_id)
    if user is None:
        raise NotFound("no such user")
    secret = passwords.one_time()
    with core.store.transaction():
        user.password_hash, user.one_time_hash = None, passwords.hash_one_time(secret)
        user.save(only=["password_hash", "one_time_hash"])
        models.Session.delete().where(models.Session.user_id == user.id).execute()
        acts.record(core, tenant_id, "user.one_time_password_renewed", actor, user=user.id)
    return secret


def set_password(
    core: Core, tenant_id: str, user_id: str, password: str, *, current: str | None, keep: str | None = None
) -> None:
    """Put a chosen password in force and end every other session; ``keep`` is the hash of the one to spare.

    ``current`` is needed once a password has been chosen. Raises NotFound, Invalid (current, password).
    """
    user = _of(tenant_id, user_id)
    proof = user.password_hash is not None
    if proof and not passwords.matches(current or "", chosen=user.password_hash, one_time=None):
        raise Invalid("current", "is not your present password")
    passwords.check(password, email_of(core, user))
    session = models.Session
    with core.store.transaction():
        user.password_hash, user.one_time_hash = passwords.hash_chosen(password), None
        user.save(only=["password_hash", "one_time_hash"])
        session.delete().where(session.user_id == user.id, session.token_hash != (keep or "")).execute()
        acts.record(core, tenant_id, "user.password_chosen", f"user:{user.id}", user=user.id)


def listing(tenant_id: str) -> list[Member]:
    """A tenant's members, oldest membership first; ``email_of`` opens an address."""
    user, membership = models.User, models.Membership
    query: Any = (  # rows as dictionaries, which peewee's types don't tell
        membership.select(membership, user.did, user.active, user.password_hash)
        .join(user, on=(user.id == membership.user_id))
        .where(membership.tenant_id == tenant_id)
        .order_by(membership.created_at, membership.id)
        .dicts()
    )
    return [
        Member(
            user_id=row["user_id"],
            did=row["did"],
            role=known(row["role"]),
            active=row["active"],
            has_password=row["password_hash"] is not None,
            created_at=row["created_at"],
        )
        for row in query
    ]


def set_role(
    core: Core, tenant_id: str, user_id: str, role: str, *, actor: str = acts.SYSTEM
) -> models.Membership:
    """Give a member another role, in force at once. Raises NotFound, Invalid, Conflict for the last owner."""
    wanted, membership = known(role), models.Membership
    identifier = _identifier(user_id)
    with core.store.transaction():
        everyone = core.store.for_update(membership.select().where(membership.tenant_id == tenant_id))
        rows = {row.user_id: row for row in everyone}
        row = rows.get(identifier)
        if row is None:
            raise NotFound("no such user at this data controller")
        owners = [one.user_id for one in rows.values() if one.role == Role.OWNER]
        if owners == [identifier] and wanted != Role.OWNER:
            raise Conflict("the last owner keeps that role; make somebody else an owner first")
        changed, row.role = {"from": row.role, "to": wanted.value}, wanted.value
        row.save(only=["role"])
        acts.record(core, tenant_id, "user.role_set", actor, changed, user=identifier, role=wanted.value)
    found: models.Membership = row
    return found


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


def _join(core: Core, user_id: str, tenant_id: str, role: Role) -> None:
    models.Membership.create(
        id=core.new_id(),
        user_id=user_id,
        tenant_id=tenant_id,
        role=role.value,
        created_at=core.clock(),
        force_insert=True,
    )


def _of(tenant_id: str, user_id: str) -> models.User:
    identifier = _identifier(user_id)
    if models.Membership.get_or_none(user_id=identifier, tenant_id=tenant_id) is None:
        raise NotFound("no such user at this data controller")
    user: models.User = models.User.get_by_id(identifier)
    return user


def _address(email: str) -> str:
    address = normalise.email(email)
    if address is None:
        raise Invalid("email", "is not an e-mail address")
    return address


def _identifier(text: str) -> str:
    try:
        return did.canonical(text)
    except Invalid:
        raise NotFound("no such user") from None
