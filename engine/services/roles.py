"""What a user may be at a data controller, and what each role may do there."""

from __future__ import annotations

from collections.abc import Mapping
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
    """What not every role may do. Looking at lists, which name nobody, is open to all."""

    ACT = "act"
    """Replay and discard events, mark notices read."""
    READ_PEOPLE = "read_people"
    """See in the clear who somebody is. Each such look is an audit entry."""


_RESPONSIBLE = frozenset({Role.OWNER, Role.BUSINESS_OWNER, Role.DPO, Role.DATA_CONTROLLER, Role.ADMIN})

ALLOWED: Mapping[Permission, frozenset[Role]] = MappingProxyType(
    {
        Permission.ACT: _RESPONSIBLE | {Role.AGENCY, Role.DEVELOPER},
        Permission.READ_PEOPLE: _RESPONSIBLE,
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
    return role in ALLOWED[permission]


def require(role: Role, permission: Permission) -> None:
    """Raises Forbidden unless the role includes the permission."""
    if not may(role, permission):
        named = ", ".join(sorted(ALLOWED[permission]))
        raise Forbidden(f"your role here is {role}; this takes one of {named}")
