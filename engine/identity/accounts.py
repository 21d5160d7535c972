"""The row of somebody who signs in: their address sealed, and found again by a keyed index."""

from __future__ import annotations

from ..moments import Clock
from ..store import models
from .keys import KeyRing

EMAIL = "user_email"
SSO_SUBJECT = "sso_subject"
"""Fields of the installation's own blind indexes."""


def insert(
    keys: KeyRing, clock: Clock, user_id: str, tenant_id: str, address: str, **hashes: str | None
) -> models.User:
    """A new user with a normalised e-mail address. Raises IntegrityError for one that is taken."""
    user: models.User = models.User.create(
        id=user_id,
        tenant_id=tenant_id,
        email_sealed=keys.seal_own(address.encode(), table="users", column="email_sealed", row_id=user_id),
        email_link=link(keys, address),
        active=True,
        created_at=clock(),
        force_insert=True,
        **hashes,
    )
    return user


def link(keys: KeyRing, address: str) -> str:
    """The index by which a normalised address is found."""
    return keys.link_own(EMAIL, address)


def find(keys: KeyRing, address: str) -> models.User | None:
    """Whose normalised address this is, under whatever version of the link key in use."""
    row = models.User
    found: models.User | None = row.select().where(row.email_link.in_(keys.links_own(EMAIL, address))).first()
    return found
