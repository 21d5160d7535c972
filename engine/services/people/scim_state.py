"""What a data controller's directory did here so far, for whoever sets it up: names and counts, no person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...access.roles import Scope
from ...store import models

MOST = 1000
"""Users that are counted; more are told as so many and more."""
_MOST_GROUPS = 100


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """``last_at`` is the newest change of a user or a group, None before the first; ``groups`` are the first by
    name; ``keys`` those that may write to the directory, revoked ones left out."""

    users: int
    last_at: datetime | None
    groups: Sequence[models.ScimGroup]
    keys: Sequence[models.ApiKey]


def state(tenant_id: str, now: datetime) -> DirectoryState:
    """A fixed number of queries, whatever the directory's size."""
    user, group, key = models.ScimUser, models.ScimGroup, models.ApiKey
    people = user.select(user.id).where(user.tenant_id == tenant_id)
    newest = user.select(user.updated_at).where(user.tenant_id == tenant_id)
    last = newest.order_by(user.updated_at.desc()).first()
    groups = list(
        group.select().where(group.tenant_id == tenant_id).order_by(group.name_key).limit(_MOST_GROUPS)
    )
    held = key.select().where(key.tenant_id == tenant_id, key.revoked_at.is_null())
    held = held.where(key.expires_at.is_null() | (key.expires_at > now)).order_by(key.created_at.desc())
    moments = [row.updated_at for row in ([last] if last else []) + groups]
    return DirectoryState(
        users=people.limit(MOST).count(),
        last_at=max(moments, default=None),
        groups=groups,
        keys=[row for row in held.limit(_MOST_GROUPS) if Scope.SCIM in row.scopes],
    )
