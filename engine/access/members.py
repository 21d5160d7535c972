"""Who belongs to which data controller. One person may belong to many, in a role of its own at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core import Core
from ..store import models, quick, scope
from .roles import Role, known

FIRST_ROLE = "member"
"""What somebody becomes of whom nobody said more."""


def find(tenant_id: str, user_id: str) -> models.Membership | None:
    """A user's membership at a data controller, whether or not it is active."""
    return quick.get(models.Membership, user_id=user_id, tenant_id=tenant_id)


def join(core: Core, tenant_id: str, user_id: str, role: str, source: str, *, vouched: bool = False) -> bool:
    """Make a membership; False, and no change, for somebody who has or had one (switched off, let go or not).

    ``vouched``: see ``models.Membership``.
    """
    row = {"id": core.new_id(), "user_id": user_id, "tenant_id": tenant_id, "role": role}
    more = {"created_at": core.clock(), "active": True, "source": source, "vouched": vouched}
    return bool(quick.insert(models.Membership, {**row, **more}, ignore=True))


def is_foreign(tenant_id: str, user: models.User) -> bool:
    """Whether another data controller made this account. Whoever makes one may choose its password and name
    anybody's address: so it proves by itself whose it is, or our own provider vouches for it, here alone."""
    return str(user.tenant_id) != tenant_id


@dataclass(frozen=True, slots=True)
class Place:
    """A data controller that somebody belongs to, and their role there."""

    tenant_id: str
    name: str
    role: Role


@scope.everyone("where somebody belongs is their own affair")
def places(user_id: str) -> list[Place]:
    """Where a user may go, the oldest membership first."""
    membership, tenant = models.Membership, models.DataController
    query: Any = (  # rows as dictionaries, which peewee's types don't tell
        membership.select(membership.tenant_id, membership.role, tenant.name)
        .join(tenant, on=(tenant.id == membership.tenant_id))
        .where(membership.user_id == user_id, membership.active, ~membership.vouched)
        .order_by(membership.created_at, membership.id)
        .dicts()
    )
    return [Place(row["tenant_id"], row["name"], known(row["role"])) for row in query]
