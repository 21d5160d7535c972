"""Invitations: one address, one role at one data controller, seven days, once.

The token has 256 random bits, of which the hash is kept. Whatever uses an invitation up does so by a
compare-and-set in the transaction that makes the membership, so that of two at once one is too late. Only what
was invited by a data controller itself is ever matched by address alone: an address that turns up elsewhere in
the installation says nothing about who may come in here.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from ..core import Core
from ..identity import accounts
from ..store import models, quick
from . import members

LIFETIME = timedelta(days=7)
_MARK = "dxi_"


def token() -> str:
    """A fresh token; its hash is what is kept."""
    return _MARK + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """A plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(secret.strip().encode("utf-8", "surrogatepass")).hexdigest()


def pending_for(core: Core, tenant_id: str, address: str) -> models.Invitation | None:
    """The newest invitation that this normalised address can accept here."""
    row = models.Invitation
    links = core.keys.links_own(accounts.EMAIL, address)
    found: models.Invitation | None = (
        row.select()
        .where(row.tenant_id == tenant_id, row.email_link.in_(links))
        .where(row.accepted_at.is_null(), row.revoked_at.is_null(), row.expires_at > core.clock())
        .order_by(row.created_at.desc(), row.id)
        .first()
    )
    return found


def use(core: Core, invitation: models.Invitation, user_id: str, *, vouched: bool = False) -> bool:
    """Use an invitation up for this user and make them a member in its role; False when it was too late.

    Somebody who is a member already keeps their role: an invitation brings people in, and raises nobody.
    ``vouched``: see ``models.Membership``.
    """
    row = models.Invitation
    used = row.update(accepted_at=core.clock(), user_id=user_id).where(
        row.id == invitation.id,
        row.accepted_at.is_null(),
        row.revoked_at.is_null(),
        row.expires_at > core.clock(),
    )
    if used.execute() != 1:
        return False
    tenant_id, role = invitation.tenant_id, invitation.role
    if not members.join(core, tenant_id, user_id, role, "invitation", vouched=vouched):
        _return(invitation, user_id, vouched=vouched)
    return True


def _return(invitation: models.Invitation, user_id: str, *, vouched: bool) -> None:
    """Whoever was shut out or let go and invited again comes back, in the role of the invitation. Who shows the
    token with an account of their own has shown what others vouched for."""
    here = {"tenant_id": invitation.tenant_id, "user_id": user_id}
    back = {"active": True, "role": invitation.role, "source": "invitation", "removed_at": None}
    quick.update(models.Membership, {**here, "active": False}, {**back, "vouched": vouched})
    if not vouched:
        quick.update(models.Membership, here, {"vouched": False})


def end_for(core: Core, tenant_id: str, address: str) -> None:
    """Nobody comes in by an older invitation of this normalised address, inside a transaction."""
    row, links = models.Invitation, core.keys.links_own(accounts.EMAIL, address)
    open_ones = row.accepted_at.is_null() & row.revoked_at.is_null()
    mine = (row.tenant_id == tenant_id) & row.email_link.in_(links)
    row.update(revoked_at=core.clock()).where(mine, open_ones).execute()


def address_of(core: Core, invitation: models.Invitation) -> str:
    """Who was invited, in the clear."""
    place = {"table": "invitations", "column": "email_sealed", "row_id": invitation.id}
    return core.keys.unseal_own(bytes(invitation.email_sealed), **place).decode()
