"""The account of somebody who is forgotten: their place at this data controller goes, and with the last place
the account itself. What they are elsewhere is for the other data controllers to erase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..access.roles import Role
from ..core import Core
from ..errors import Conflict
from ..identity import normalise
from ..identity.accounts import EMAIL
from ..store import models, scope


def let_go(tenant_id: str, ids: Sequence[str], *, with_account: bool, again: bool = False) -> None:
    """End what these people are here, inside a transaction. Raises Conflict for somebody who signs in here,
    unless ``with_account``, and for the last owner, unless a restore erases them ``again``."""
    users = _users(tenant_id, ids)
    active = [user for user in users if user.active]
    if active and not with_account:
        raise Conflict(
            f"this person signs in here as user {active[0].id}; erase them with their account (--with-account)"
        )
    if active and not again:
        _require_owner_left(tenant_id, [user.id for user in users])
    _forget_in_directory(tenant_id, [user.id for user in users])
    for user in users:
        _leave(tenant_id, user.id)
        if not _belongs_anywhere(user.id):
            _shred(user.id)
        elif user.subject_id in ids:  # a data subject of this data controller alone
            user.subject_id = None
            user.save(only=["subject_id"])


def _require_owner_left(tenant_id: str, leaving: Sequence[str]) -> None:
    row = models.Membership
    owners = [
        one.user_id
        for one in row.select().where(row.tenant_id == tenant_id, row.role == Role.OWNER, row.active)
    ]
    if owners and not set(owners) - set(leaving):
        raise Conflict("this is the last owner here; make somebody else an owner first")


def withdraw_invitations(core: Core, tenant_id: str, emails: Iterable[str]) -> None:
    """Nobody is invited any more to these addresses, and none of them is kept."""
    row, normalised = models.Invitation, (normalise.email(one) for one in emails)
    links = [link for one in normalised if one for link in core.keys.links_own(EMAIL, one)]
    row.delete().where(row.tenant_id == tenant_id, row.email_link.in_(links)).execute()


def _users(tenant_id: str, ids: Sequence[str]) -> list[models.User]:
    user, membership = models.User, models.Membership
    here = membership.select(membership.user_id).where(
        membership.tenant_id == tenant_id, membership.subject_id.in_(list(ids))
    )
    return list(user.select().where(user.subject_id.in_(list(ids)) | user.id.in_(here)))


@scope.everyone("whether somebody belongs elsewhere is all that is asked")
def _belongs_anywhere(user_id: str) -> bool:
    row = models.Membership
    return row.select().where(row.user_id == user_id).exists()


def _leave(tenant_id: str, user_id: str) -> None:
    """Everything that this data controller keeps of a user."""
    session, key = models.Session, models.ApiKey
    session.delete().where(session.user_id == user_id, session.tenant_id == tenant_id).execute()
    key.delete().where(key.user_id == user_id, key.tenant_id == tenant_id).execute()
    for row in (models.SsoIdentity, models.Invitation, models.Membership):
        row.delete().where(row.user_id == user_id, row.tenant_id == tenant_id).execute()


def _forget_in_directory(tenant_id: str, users: Sequence[str]) -> None:
    """What the tenant's directory said of these users."""
    row, member = models.ScimUser, models.ScimGroupMember
    found = row.select(row.id).where(row.user_id.in_(list(users)), row.tenant_id == tenant_id)
    mine = [one.id for one in found]
    member.delete().where(member.scim_user_id.in_(mine)).execute()
    row.delete().where(row.id.in_(mine)).execute()


def _shred(user_id: str) -> None:
    """The account itself; its id stays, because the log names it."""
    row = models.User
    for kept in (models.Session, models.RecoveryCode, models.PasswordReset):
        kept.delete().where(kept.user_id == user_id).execute()
    gone = {"email_sealed": None, "email_link": None, "password_hash": None, "one_time_hash": None}
    more = {"totp_sealed": None, "totp_confirmed_at": None, "subject_id": None}
    row.update(active=False, **gone, **more).where(row.id == user_id).execute()
