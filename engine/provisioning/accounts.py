"""From a directory's user to an account and a membership of the directory's own data controller.

An account is a person of the whole installation and may be at work for others too. So a directory makes and
switches memberships of its own, and touches an account in one case alone: it changes the address of one that it
brought in itself and that has no place anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..access import invitations, members
from ..access.members import FIRST_ROLE
from ..access.roles import Role, known
from ..errors import Conflict, Taken
from ..identity import accounts
from ..store import models, quick, scope
from .directory import Directory

_LAST_OWNER = "the last owner of this data controller stays; a person must make somebody else an owner first"


@dataclass(frozen=True, slots=True)
class Told:
    """What the directory says of somebody: where they sign in and whether they may; and what it said before."""

    address: str | None
    active: bool
    address_before: str | None = None
    active_before: bool | None = None


def follow(directory: Directory, user: models.ScimUser, told: Told) -> None:
    """Bring account and membership in step with a SCIM user; sets its columns ``user_id`` and ``shut_out``.

    Raises Taken for an address of somebody else in this directory, Conflict for the last owner.
    """
    known = user.user_id
    if known is None:
        _find_account(directory, user, told)
    elif told.address is not None and told.address != told.address_before:
        _readdress(directory, user, told.address, told)
    if user.user_id is None or (user.user_id == known and told.active == told.active_before):
        return
    if told.active:
        _bring_in(directory, user, told.address)
    else:
        leave(directory, user)


def leave(directory: Directory, user: models.ScimUser) -> None:
    """Switch the membership off and end what it opened: sessions here, the person's keys. Raises Conflict, and
    Forbidden for a person's key whose owner may do less."""
    membership = _membership(directory, user)
    if membership is not None and membership.active:
        directory.require_reach_of(known(membership.role))
        if membership.role == Role.OWNER:
            _require_another_owner(directory, membership)
        quick.update(models.Membership, {"id": membership.id}, {"active": False})
        user.shut_out = membership.source != "scim"
    session, key = models.Session, models.ApiKey
    session.delete().where(
        session.user_id == user.user_id, session.tenant_id == directory.tenant_id
    ).execute()
    ended = key.update(revoked_at=directory.core.clock())
    ended.where(
        key.user_id == user.user_id, key.tenant_id == directory.tenant_id, key.revoked_at.is_null()
    ).execute()


def _find_account(directory: Directory, user: models.ScimUser, told: Told) -> None:
    """Nobody gets an account as long as they are switched off."""
    if told.address is None:
        return
    found = accounts.find(directory.core.keys, told.address)
    if found is not None:
        if not told.active and members.find(directory.tenant_id, found.id) is None:
            return
        _require_free(directory, user, found.id)
    elif not told.active:
        return
    user.user_id = found.id if found else _make(directory, told.address)


def _readdress(directory: Directory, user: models.ScimUser, address: str, told: Told) -> None:
    """The account gets the new address where it is the directory's alone; elsewhere the membership moves."""
    core = directory.core
    account = models.User.get_by_id(user.user_id)
    if account.email_link in core.keys.links_own(accounts.EMAIL, address):
        return
    found = accounts.find(core.keys, address)
    if found is None and _is_ours_alone(directory, user, account):
        place = {"table": "users", "column": "email_sealed", "row_id": account.id}
        sealed = core.keys.seal_own(address.encode(), **place)
        changes = {"email_sealed": sealed, "email_link": accounts.link(core.keys, address)}
        quick.update(models.User, {"id": account.id}, changes)
        return
    if found is not None:
        _require_free(directory, user, found.id)
        membership = members.find(directory.tenant_id, found.id)
        if membership is not None and membership.active:
            raise Taken("this address is that of another member of this data controller")
    leave(directory, user)
    user.user_id, user.shut_out = None, False
    _find_account(directory, user, told)


def _is_ours_alone(directory: Directory, user: models.ScimUser, account: models.User) -> bool:
    """Whether the directory brought this account in, and nobody else relies on it: no other data controller,
    and none of our people, who may have given it more than a directory can."""
    membership = _membership(directory, user)
    if membership is None or membership.source != "scim" or membership.role == Role.OWNER:
        return False
    row = models.Membership
    elsewhere = (row.user_id == account.id) & (row.tenant_id != directory.tenant_id)
    with scope.everyone("whether somebody belongs elsewhere is all that is asked"):
        found = row.select().where(elsewhere).exists()
    return account.tenant_id == directory.tenant_id and not found


def _bring_in(directory: Directory, user: models.ScimUser, address: str | None) -> None:
    """A place here: by an invitation of our people, or else by the directory. Whoever our people shut out stays
    out; whom the directory shut out comes back as they were."""
    core, tenant_id, account_id = directory.core, directory.tenant_id, str(user.user_id)
    membership = _membership(directory, user)
    if membership is None:
        vouched = members.is_foreign(tenant_id, models.User.get_by_id(account_id))
        pending = invitations.pending_for(core, tenant_id, address) if address else None
        if pending is None or not invitations.use(core, pending, account_id, vouched=vouched):
            members.join(core, tenant_id, account_id, FIRST_ROLE, "scim", vouched=vouched)
    elif not membership.active and (membership.source == "scim" or user.shut_out):
        quick.update(models.Membership, {"id": membership.id}, {"active": True})
    user.shut_out = False


def _membership(directory: Directory, user: models.ScimUser) -> models.Membership | None:
    return quick.lock(models.Membership, user_id=user.user_id, tenant_id=directory.tenant_id)


def _make(directory: Directory, address: str) -> str:
    core = directory.core
    made = accounts.insert(core.keys, core.clock, core.new_id(), directory.tenant_id, address)
    return str(made.id)


def _require_free(directory: Directory, user: models.ScimUser, account_id: str) -> None:
    other = quick.get(models.ScimUser, tenant_id=directory.tenant_id, user_id=account_id)
    if other is not None and other.id != user.id:
        raise Taken("this address is that of another user of this directory")


def _require_another_owner(directory: Directory, leaving: models.Membership) -> None:
    """Two owners that leave at once would each see the other: so all are held meanwhile."""
    row, user = models.Membership, models.User
    owners = row.select().where(row.tenant_id == directory.tenant_id, row.role == Role.OWNER, row.active)
    held = [one.user_id for one in directory.core.store.for_update(owners.order_by(row.id))]
    others = user.select().where(user.id.in_(held), user.id != leaving.user_id, user.active)
    if not others.exists():
        raise Conflict(_LAST_OWNER)
