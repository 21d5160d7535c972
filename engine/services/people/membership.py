"""Who works at a data controller: their roles, and how they are shut out, brought back and let go.

The rules: what is taken away is gone with the next request, sessions and keys included; nobody gives or takes a
role that may do more than they (``reach``); and there is always an owner who can come in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ... import lookups
from ...access import invitations
from ...access.roles import MATRIX, Permission, Role, known, require_reach
from ...core import Core
from ...errors import Conflict, NotFound
from ...store import models
from .. import acts, pages
from ..pages import Page, Place
from . import credentials

Reach = frozenset[Permission] | None
"""What whoever asks may do here; None for the command line on its own machine, which may do everything."""


@dataclass(frozen=True, slots=True)
class Member:
    """A user as a member of one data controller. ``active`` needs both the membership and the account."""

    id: str
    user_id: str
    did: str | None
    role: Role
    source: str
    active: bool
    has_password: bool
    has_second_factor: bool
    created_at: datetime

    @property
    def permissions(self) -> frozenset[Permission]:
        """What they may do here."""
        return MATRIX[self.role] if self.active else frozenset()


def listing(tenant_id: str, *, limit: int = pages.LARGEST, cursor: str | None = None) -> Page[Member]:
    """A tenant's members, newest first. Raises Invalid for a cursor of another list."""
    row, kind = models.Membership, models.Membership._meta.table_name
    after = None if cursor is None else pages.read_place(kind, cursor)
    query = pages.older(_here(tenant_id), row.created_at, row.id, after)
    members = _members(query.limit(limit + 1))
    return pages.cut(kind, members, limit, lambda member: Place(member.created_at, member.id))


def every(tenant_id: str) -> list[Member]:
    """All of a tenant's members, oldest first."""
    row = models.Membership
    return _members(_here(tenant_id).order_by(row.created_at, row.id))


def get(tenant_id: str, user_id: str) -> Member:
    """One member. Raises NotFound."""
    row = models.Membership
    found = _members(_here(tenant_id).where(row.user_id == identifier(user_id)))
    if not found:
        raise NotFound("no such user at this data controller")
    return found[0]


def set_role(
    core: Core, tenant_id: str, user_id: str, role: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> models.Membership:
    """Give a member another role. Raises NotFound, Invalid, Forbidden beyond the reach, Conflict for the last
    owner."""
    wanted = known(role)
    with core.store.transaction():
        row = _hold(core, tenant_id, user_id, reach, leaves=wanted != Role.OWNER)
        if reach is not None:
            require_reach(reach, wanted)
        changed, row.role = {"from": row.role, "to": wanted.value}, wanted.value
        row.source = "dxflow"  # whoever was given a role by people keeps it, whatever a directory says
        row.save(only=["role", "source"])
        acts.record(core, tenant_id, "user.role_set", actor, changed, user=row.user_id, role=wanted.value)
    return row


def shut_out(
    core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> models.Membership:
    """Close this data controller to a member: their sessions here end, their keys here are revoked."""
    with core.store.transaction():
        row = _hold(core, tenant_id, user_id, reach, leaves=True)
        row.active, row.source = False, "dxflow"  # whoever people shut out, no directory lets in again
        row.save(only=["active", "source"])
        end_access(core, tenant_id, row.user_id, actor)
        acts.record(core, tenant_id, "user.shut_out", actor, user=row.user_id)
    return row


def bring_back(
    core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> models.Membership:
    """Open it again, in the role they had. Keys stay revoked."""
    with core.store.transaction():
        row = _hold(core, tenant_id, user_id, reach, leaves=False)
        if not row.active:
            row.active = True
            row.save(only=["active"])
            acts.record(core, tenant_id, "user.brought_back", actor, user=row.user_id)
    return row


def remove(
    core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> models.Membership:
    """End a membership for good. The account stays: it may belong to others too."""
    with core.store.transaction():
        row = _hold(core, tenant_id, user_id, reach, leaves=True)
        end_access(core, tenant_id, row.user_id, actor)
        row.active, row.source, row.removed_at = False, "dxflow", core.clock()
        row.save(only=["active", "source", "removed_at"])
        named = models.SsoIdentity
        named.delete().where(named.user_id == row.user_id, named.tenant_id == tenant_id).execute()
        acts.record(core, tenant_id, "user.removed", actor, user=row.user_id, role=row.role)
    return row


def end_access(core: Core, tenant_id: str, user_id: str, actor: str) -> None:
    """End a user's sessions at this data controller, their keys of it and what would let them in again, inside
    a transaction."""
    session, said = models.Session, models.ScimUser
    session.delete().where(session.user_id == user_id, session.tenant_id == tenant_id).execute()
    credentials.revoke_all(core, tenant_id, user_id, actor)
    said.update(shut_out=False).where(said.tenant_id == tenant_id, said.user_id == user_id).execute()
    user = models.User.get_by_id(user_id)
    if user.email_sealed is not None:
        place = {"table": "users", "column": "email_sealed", "row_id": user.id}
        address = core.keys.unseal_own(bytes(user.email_sealed), **place).decode()
        invitations.end_for(core, tenant_id, address)


def require_owner_left(rows: Iterable[models.Membership], user_id: str) -> None:
    """Raises Conflict unless somebody else of these members is an owner who can come in."""
    if not any(one.role == Role.OWNER and one.active and one.user_id != user_id for one in rows):
        raise Conflict("the last owner stays; make somebody else an owner first")


def identifier(text: str) -> str:
    """A user's id in its canonical spelling. Raises NotFound for anything else."""
    return lookups.identifier(text, "no such user at this data controller")


def _hold(core: Core, tenant_id: str, user_id: str, reach: Reach, *, leaves: bool) -> models.Membership:
    """The member, with all others held until the transaction ends: two owners can't leave at once."""
    wanted = identifier(user_id)
    everyone = list(core.store.for_update(_here(tenant_id)))
    found: models.Membership | None = next((one for one in everyone if one.user_id == wanted), None)
    if found is None:
        raise NotFound("no such user at this data controller")
    if reach is not None:
        require_reach(reach, known(found.role))
    if leaves and found.role == Role.OWNER and found.active:
        require_owner_left(everyone, wanted)
    return found


def _here(tenant_id: str) -> Any:
    """Those who belong to a data controller, shut out or not."""
    row = models.Membership
    return row.select().where(row.tenant_id == tenant_id, row.removed_at.is_null())


def _members(query: Iterable[models.Membership]) -> list[Member]:
    rows = list(query)
    user = models.User
    found = {one.id: one for one in user.select().where(user.id.in_([row.user_id for row in rows]))}
    return [_member(row, found[row.user_id]) for row in rows]


def _member(row: models.Membership, user: models.User) -> Member:
    return Member(
        id=row.id,
        user_id=row.user_id,
        did=user.did,
        role=known(row.role),
        source=row.source,
        active=row.active and user.active,
        has_password=user.password_hash is not None,
        has_second_factor=user.totp_confirmed_at is not None,
        created_at=row.created_at,
    )
