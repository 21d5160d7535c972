"""The links of identity checks: whose they are, what they would confirm, and "that wasn't me".

A link's token has 256 random bits: whoever holds one was sent it. Looking at a link changes nothing, for mail
programs follow links before people do.
"""

from __future__ import annotations

import hashlib

from .. import notices
from ..core import Core
from ..services import acts
from ..store import models, quick, scope
from . import moves

_VERIFY = "verify"


def hashed(token: str) -> str:
    """A plain hash is enough: there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@scope.everyone("a link names its request")
def check_of(token: str) -> models.IdentityCheck | None:
    """The check that a link belongs to, in whatever state."""
    found: models.IdentityCheck | None = models.IdentityCheck.get_or_none(link_hash=hashed(token))
    return found


def asked(core: Core, tenant_id: str, token: str) -> models.RightsRequest | None:
    """The request that this link would confirm; None where it confirms none of this data controller's now."""
    check = check_of(token)
    if check is None or check.tenant_id != tenant_id or not _open(core, check):
        return None
    with scope.of(tenant_id):
        request = quick.get(models.RightsRequest, id=check.request_id, tenant_id=tenant_id)
    return None if request is None or request.closed_at is not None else request


def disown(core: Core, tenant_id: str, token: str) -> bool:
    """Whoever the link was sent to didn't make the request: its codes and links end, and the privacy team is
    told. False for a link that holds no longer."""
    request = asked(core, tenant_id, token)
    if request is None:
        return False
    row = models.IdentityCheck
    with scope.of(tenant_id), core.store.transaction():
        request = moves.locked(core, tenant_id, request.id)
        mine = (row.request_id == request.id) & row.passed_at.is_null() & row.ended_at.is_null()
        if not row.update(ended_at=core.clock()).where(mine).execute():
            return False
        facts = {"request": request.id, "purpose": _VERIFY}
        acts.record(
            core, tenant_id, "identity_check.disowned", acts.SYSTEM, None, [request.subject_id], **facts
        )
        notices.request_disowned(core, request)
    core.bell.set()
    return True


def _open(core: Core, check: models.IdentityCheck) -> bool:
    unused = check.passed_at is None and check.ended_at is None
    return bool(check.purpose == _VERIFY and unused and check.expires_at > core.clock())
