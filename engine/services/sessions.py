"""Who is signed in. A session is 256 random bits in a browser; the database keeps their hash.

Membership, role and the account itself are looked up anew for each request, so what is taken away is gone at
once. A refusal never says which part was wrong, and takes the same time whoever was meant.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ..core import Core
from ..errors import NotAuthentic
from ..store import models
from . import acts, passwords, users
from .roles import Permission, Role, known, may

LIFETIME = timedelta(hours=12)

_REFUSAL = "this e-mail address and password don't fit together"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed-in person at one data controller. ``csrf`` is what each of their forms must bring back."""

    token_hash: str
    user_id: str
    tenant_id: str
    tenant_name: str
    role: Role
    csrf: str
    has_password: bool
    expires_at: datetime

    @property
    def actor(self) -> str:
        """How audit leaves name this person."""
        return f"user:{self.user_id}"

    def may(self, permission: Permission) -> bool:
        """Whether this person's role here includes ``permission``."""
        return may(self.role, permission)


def sign_in(core: Core, email: str, password: str) -> str:
    """Open a session at the user's first data controller; returns its token. Raises NotAuthentic.

    A one-time password opens one session, ever: using it up and opening are one transaction, and of two who
    bring it at once one is refused.
    """
    user = users.by_email(core, email)
    chosen, one_time = (user.password_hash, user.one_time_hash) if user else (None, None)
    right = passwords.matches(password, chosen=chosen, one_time=one_time)
    membership = _first_membership(user.id) if user and right else None
    if user is None or membership is None:
        logger.info("sign_in_refused", user=user.id if user else None)
        raise NotAuthentic(_REFUSAL)
    token = secrets.token_urlsafe(32)
    with core.store.transaction():
        _use(user)
        _open(core, user.id, membership.tenant_id, token)
        method = "password" if chosen else "one_time_password"
        acts.record(core, membership.tenant_id, "user.signed_in", f"user:{user.id}", method=method)
    return token


def find(core: Core, token: str) -> Signed | None:
    """Whose session this is; None when it is unknown, over, or its owner has no place here any more."""
    session, user = models.Session, models.User
    membership, tenant = models.Membership, models.DataController
    here = (membership.user_id == session.user_id) & (membership.tenant_id == session.tenant_id)
    row = (
        session.select(session, user.password_hash, membership.role, tenant.name)
        .join(user, on=(user.id == session.user_id))
        .join_from(session, membership, on=here)
        .join_from(session, tenant, on=(tenant.id == session.tenant_id))
        .where(session.token_hash == _hash(token), session.expires_at > core.clock(), user.active)
        .dicts()
        .first()
    )
    if row is None:
        return None
    return Signed(
        token_hash=row["token_hash"],
        user_id=row["user_id"],
        tenant_id=row["tenant_id"],
        tenant_name=row["name"],
        role=known(row["role"]),
        csrf=row["csrf"],
        has_password=row["password_hash"] is not None,
        expires_at=row["expires_at"],
    )


def sign_out(core: Core, signed: Signed) -> None:
    """End this session; once it is over, nothing happens."""
    session = models.Session
    with core.store.transaction():
        if session.delete().where(session.token_hash == signed.token_hash).execute():
            acts.record(core, signed.tenant_id, "user.signed_out", signed.actor)


def _first_membership(user_id: str) -> models.Membership | None:
    membership = models.Membership
    found: models.Membership | None = (
        membership.select()
        .where(membership.user_id == user_id)
        .order_by(membership.created_at, membership.id)
        .first()
    )
    return found


def _use(user: models.User) -> None:
    """Compare-and-set on what was just proven: uses a one-time password up, and refuses whoever was late."""
    model = models.User
    if user.password_hash is not None:
        proven = model.password_hash == user.password_hash
    else:
        proven = model.one_time_hash == user.one_time_hash
    if model.update(one_time_hash=None).where(model.id == user.id, model.active, proven).execute() != 1:
        raise NotAuthentic(_REFUSAL)


def _open(core: Core, user_id: str, tenant_id: str, token: str) -> None:
    session, now = models.Session, core.clock()
    session.delete().where(session.user_id == user_id, session.expires_at <= now).execute()
    session.create(
        token_hash=_hash(token),
        user_id=user_id,
        tenant_id=tenant_id,
        csrf=secrets.token_urlsafe(32),
        created_at=now,
        expires_at=now + LIFETIME,
        force_insert=True,
    )


def _hash(token: str) -> str:
    """A plain hash is enough: the token has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
