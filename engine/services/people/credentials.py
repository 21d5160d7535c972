"""API keys: shown once, kept as hashes.

A key belongs to the data controller alone, or to one of its users: then it can do what its scopes and the
user's role both allow at that moment, and ends with the membership.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...access import roles
from ...access.roles import Permission, Scope
from ...core import Core
from ...errors import Forbidden, Invalid, NotAuthentic, NotFound, Unfit
from ...lookups import identifier, there
from ...store import models, scope
from .. import acts, pages
from ..pages import Page

NOBODY = "anybody"
"""The actor of calls that need no key."""
ALL_SCOPES = tuple(scope.value for scope in Scope)
LONGEST_NAME = 100
_MARK = "dxk_"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking by API key. ``user_id`` is the person it belongs to, None for the data controller's own."""

    tenant_id: str
    actor: str
    permissions: frozenset[Permission]
    user_id: str | None = None

    @property
    def reach(self) -> frozenset[Permission]:
        """The most that it can give to others."""
        return self.permissions

    def require(self, permission: Permission) -> None:
        """Raises Forbidden unless this key may do that."""
        if permission not in self.permissions:
            scopes = " or ".join(repr(scope.value) for scope in roles.scopes_with(permission))
            whose = ", or its owner's role doesn't allow it" if self.user_id else ""
            raise Forbidden(f"this API key lacks the scope {scopes}{whose}")


def create_key(
    core: Core,
    tenant_id: str,
    name: str,
    scopes: Sequence[str],
    actor: str,
    *,
    user_id: str | None = None,
    expires_at: datetime | None = None,
    reach: frozenset[Permission] | None = None,
) -> tuple[models.ApiKey, str]:
    """Make a key; returns its row and the secret, which can't be shown again. ``reach`` is what whoever makes
    it may do, None for the command line. Raises Invalid, Forbidden beyond the reach."""
    if expires_at is not None and expires_at <= core.clock():
        raise Unfit("expires_at", "must lie in the future")
    _require_scopes(tenant_id, scopes, user_id, reach)
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid("name", f"must have 1 to {LONGEST_NAME} characters")
    secret = _MARK + secrets.token_urlsafe(32)
    with core.store.transaction():
        row = models.ApiKey.create(
            id=core.new_id(),
            tenant_id=tenant_id,
            name=name.strip(),
            prefix=secret[:12],
            hash=_hash(secret),
            scopes=sorted(set(scopes)),
            created_at=core.clock(),
            user_id=user_id,
            expires_at=expires_at,
            force_insert=True,
        )
        changed = {"name": row.name, "prefix": row.prefix}
        acts.record(core, tenant_id, "api_key.created", actor, changed, key=row.id, scopes=list(row.scopes))
    return row, secret


def _require_scopes(
    tenant_id: str, scopes: Sequence[str], user_id: str | None, reach: frozenset[Permission] | None
) -> None:
    """Raises Invalid for scopes that there aren't, Forbidden for more than the reach."""
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown or not scopes:
        raise Invalid("scopes", f"{', '.join(unknown) or 'none given'}; allowed are {', '.join(ALL_SCOPES)}")
    given = roles.of_scopes(scopes)
    if user_id is not None:
        given &= _of_owner(tenant_id, user_id)
    if reach is not None and not given <= reach:
        raise Forbidden("nobody makes a key that may do more than they")


@scope.everyone("a key names its tenant")
def authenticate(core: Core, secret: str) -> Caller:
    """Who a presented key belongs to, asked anew each time. Raises NotAuthentic, and never says why."""
    row = models.ApiKey.get_or_none(hash=_hash(secret)) if secret.startswith(_MARK) else None
    over = row is None or (row.expires_at is not None and row.expires_at <= core.clock())
    if row is None or over or row.revoked_at is not None:
        raise _refused()
    permissions = roles.of_scopes(row.scopes)
    if row.user_id is not None:
        permissions &= _of_owner(row.tenant_id, row.user_id)
    return Caller(row.tenant_id, f"key:{row.id}", permissions, row.user_id)


def _of_owner(tenant_id: str, user_id: str) -> frozenset[Permission]:
    """What the owner of a key may do here. Raises NotAuthentic for one who has no place here any more."""
    membership, user = models.Membership, models.User
    row = (
        membership.select(membership.role)
        .join(user, on=(user.id == membership.user_id))
        .where(membership.tenant_id == tenant_id, membership.user_id == user_id)
        .where(membership.active, user.active)
        .first()
    )
    if row is None:
        raise _refused()
    return roles.MATRIX[roles.known(row.role)]


def _refused() -> NotAuthentic:
    return NotAuthentic("this API key is unknown, over or revoked")


def keys(tenant_id: str) -> list[models.ApiKey]:
    """A tenant's keys, oldest first."""
    return list(
        models.ApiKey.select().where(models.ApiKey.tenant_id == tenant_id).order_by(models.ApiKey.created_at)
    )


def listing(tenant_id: str, user_id: str | None, *, limit: int, cursor: str | None) -> Page[models.ApiKey]:
    """A user's keys, or all of a tenant's; newest first. Raises Invalid for a cursor of another list."""
    return pages.newest(tenant_id, models.ApiKey.created_at, limit=limit, cursor=cursor, user_id=user_id)


def revoke(
    core: Core, tenant_id: str, key_id: str, actor: str, *, user_id: str | None = None
) -> models.ApiKey:
    """Revoke a key, at once and for good; with ``user_id`` one of theirs. Raises NotFound."""
    missing = "no such API key"
    wanted = identifier(key_id, missing)
    row = there(models.ApiKey.get_or_none(id=wanted, tenant_id=tenant_id), missing)
    if user_id not in (None, row.user_id):
        raise NotFound(missing)
    if row.revoked_at is None:
        with core.store.transaction():
            row.revoked_at = core.clock()
            row.save(only=["revoked_at"])
            acts.record(core, tenant_id, "api_key.revoked", actor, key=row.id)
    return row


def revoke_all(core: Core, tenant_id: str, user_id: str, actor: str) -> None:
    """Revoke every key of a user at this data controller, inside a transaction."""
    row = models.ApiKey
    held = row.select().where(row.tenant_id == tenant_id, row.user_id == user_id, row.revoked_at.is_null())
    for key in list(held):
        key.revoked_at = core.clock()
        key.save(only=["revoked_at"])
        acts.record(core, tenant_id, "api_key.revoked", actor, key=key.id)


def _hash(secret: str) -> str:
    """A plain hash is enough: the secret has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
