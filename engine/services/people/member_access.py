"""What a member has open at a data controller, and how somebody else ends it: sessions, API keys.

Nobody ends what belongs to somebody who may do more than they. What a person has open elsewhere is not theirs
to see.
"""

from __future__ import annotations

from ...access.roles import require_reach
from ...core import Core
from ...store import models
from .. import acts
from . import credentials, membership, sessions
from .membership import Member, Reach

_MOST_KEYS = 100


def open_sessions(core: Core, tenant_id: str, member: Member) -> list[sessions.Open]:
    """Their open sessions here, the one that was used last first."""
    return sessions.listing(core, member.user_id, tenant_id)


def keys_of(tenant_id: str, member: Member) -> list[models.ApiKey]:
    """Their newest API keys here, revoked ones too."""
    return credentials.listing(tenant_id, member.user_id, limit=_MOST_KEYS, cursor=None).rows


def end_sessions(
    core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> int:
    """End all sessions that a member has here, the half-open ones too; returns how many. Raises NotFound,
    Forbidden beyond the reach."""
    member = _within(tenant_id, user_id, reach)
    return sessions.end_all(core, tenant_id, member.user_id, actor)


def revoke_key(
    core: Core, tenant_id: str, user_id: str, key_id: str, *, actor: str = acts.SYSTEM, reach: Reach = None
) -> models.ApiKey:
    """Revoke one of a member's keys, at once and for good. Raises NotFound, Forbidden beyond the reach."""
    member = _within(tenant_id, user_id, reach)
    return credentials.revoke(core, tenant_id, key_id, actor, user_id=member.user_id)


def _within(tenant_id: str, user_id: str, reach: Reach) -> Member:
    member = membership.get(tenant_id, user_id)
    if reach is not None:
        require_reach(reach, member.role)
    return member
