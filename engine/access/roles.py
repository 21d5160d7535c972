"""What a user may be at a data controller, and what each role may do there: one table.

The rule: every route, page and command names one permission, and nothing else decides. A person has those of
their role, an API key those of its scopes; a person's own key has what both allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from ..errors import Forbidden, Invalid


class Role(StrEnum):
    """A user's role at one data controller; one person may have another role at the next."""

    OWNER = "owner"
    BUSINESS_OWNER = "business_owner"
    DPO = "dpo"
    DATA_CONTROLLER = "data_controller"
    ADMIN = "admin"
    AGENCY = "agency"
    DEVELOPER = "developer"
    MEMBER = "member"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What may be done at a data controller."""

    LOOK = "look"
    """See lists, states, counts and proofs, which name nobody."""
    OWN_ACCOUNT = "own_account"
    """Look after one's own password, second factor and sessions."""
    READ_PEOPLE = "read_people"
    """See in the clear who somebody is. Each such look is an audit entry."""
    READ_USERS = "read_users"
    """See who works here, with address and role. Each such look is an audit entry."""
    RECORD = "record"
    """Enter data subjects, processing activities and rights requests."""
    ACT = "act"
    """Replay and discard events, mark notices read."""
    HANDLE_REQUESTS = "handle_requests"
    """Work on rights requests: check who asks, extend, answer, deny."""
    OWN_KEYS = "own_keys"
    """Make and revoke API keys of one's own, which can do no more than oneself."""
    MANAGE_CONNECTORS = "manage_connectors"
    """Add connectors, change their secrets."""
    MANAGE_USERS = "manage_users"
    """Invite, change roles, shut out; end others' sessions and keys."""
    SHARE_LOG = "share_log"
    """Give an auditor or a regulator a link to the log, and take it back."""
    MANAGE_TENANT = "manage_tenant"
    """Keys without a person, single sign-on, who may read the log, the queues' weight and whether they rest,
    keys of the key ring."""
    PROVISION = "provision"
    """Keep users and groups in step with a directory (SCIM)."""
    ERASE = "erase"
    """Erase a person for good."""
    APPOINT_OWNERS = "appoint_owners"
    """Make others owners, and take that role from them."""


class Scope(StrEnum):
    """What an API key may do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    SCIM = "scim"


_P = Permission
_EVERYBODY = frozenset({_P.LOOK, _P.OWN_ACCOUNT})
_DESK = frozenset({_P.READ_PEOPLE, _P.READ_USERS, _P.RECORD, _P.ACT, _P.HANDLE_REQUESTS, _P.OWN_KEYS})
_OFFICE = _EVERYBODY | _DESK | {_P.SHARE_LOG}
_TECHNICAL = _EVERYBODY | {_P.RECORD, _P.ACT, _P.OWN_KEYS}
_MANAGEMENT = frozenset({_P.MANAGE_CONNECTORS, _P.MANAGE_USERS, _P.MANAGE_TENANT, _P.PROVISION, _P.ERASE})

MATRIX: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Permission),
        Role.BUSINESS_OWNER: _OFFICE | {_P.MANAGE_USERS, _P.MANAGE_CONNECTORS, _P.ERASE},
        Role.DPO: _OFFICE | {_P.ERASE},
        Role.DATA_CONTROLLER: _OFFICE | {_P.ERASE},
        Role.ADMIN: _OFFICE | _MANAGEMENT,
        Role.AGENCY: _TECHNICAL,
        Role.DEVELOPER: _TECHNICAL | {_P.MANAGE_CONNECTORS},
        Role.MEMBER: _EVERYBODY | {_P.RECORD},
        Role.AUDITOR: _EVERYBODY | {_P.READ_USERS},
    }
)

_SCOPES: Mapping[Scope, frozenset[Permission]] = MappingProxyType(
    {
        Scope.READ: frozenset({_P.LOOK, _P.READ_PEOPLE, _P.READ_USERS}),
        Scope.WRITE: frozenset({_P.RECORD, _P.ACT, _P.HANDLE_REQUESTS}),
        Scope.ADMIN: _MANAGEMENT | {_P.OWN_KEYS, _P.SHARE_LOG, _P.APPOINT_OWNERS},
        Scope.SCIM: frozenset({_P.PROVISION}),
    }
)


def known(text: str) -> Role:
    """The role of this name. Raises Invalid."""
    try:
        return Role(text)
    except ValueError:
        raise Invalid("role", f"{text[:40]!r}; allowed are {', '.join(Role)}") from None


def may(role: Role, permission: Permission) -> bool:
    """Whether this role includes this permission."""
    return permission in MATRIX[role]


def require(role: Role, permission: Permission) -> None:
    """Raises Forbidden unless the role includes the permission."""
    if not may(role, permission):
        named = ", ".join(one for one in Role if may(one, permission))
        raise Forbidden(f"your role here is {role}; this takes one of {named}")


def of_scopes(scopes: Iterable[str]) -> frozenset[Permission]:
    """What a key with these scopes may do; a scope that this version doesn't know adds nothing."""
    return frozenset().union(*(_SCOPES[Scope(one)] for one in scopes if one in set(Scope)))


def scopes_with(permission: Permission) -> tuple[Scope, ...]:
    """The scopes that include this permission, the narrowest first."""
    having = [scope for scope in Scope if permission in _SCOPES[scope]]
    return tuple(sorted(having, key=lambda scope: len(_SCOPES[scope])))


def require_reach(mine: frozenset[Permission], role: Role) -> None:
    """Nobody gives or takes a role that may do more than they. Raises Forbidden."""
    if not MATRIX[role] - {_P.OWN_ACCOUNT} <= mine:
        raise Forbidden(f"the role {role} may do more than you; somebody who has as much must do this")
