"""Who a directory is here: one data controller's, through one key, and which roles it may give."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

import peewee

from ..access import members, roles
from ..access.roles import Permission, Role
from ..core import Core
from ..errors import Forbidden, Stale, Taken
from ..lookups import identifier
from ..services.people.credentials import Caller
from ..store import models

T = TypeVar("T")
Row = TypeVar("Row", models.ScimUser, models.ScimGroup)

GIVEN = frozenset(Role) - {Role.OWNER}
"""What a directory's key can make of somebody: a key with the scope ``scim`` is given to a program that decides
who works here. Who owns the place, people decide."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One data controller's directory. ``address`` is where its resources are found."""

    core: Core
    tenant_id: str
    actor: str
    address: str
    reach: Collection[Role] = GIVEN
    of_person: bool = False

    def require_reach_of(self, role: Role) -> None:
        """Raises Forbidden where a person's key would shut out somebody who may do more than they."""
        if self.of_person:
            self.require_reach(role)

    def require_reach(self, role: Role) -> None:
        """Raises Forbidden for a role that this key can't give."""
        if role not in self.reach:
            raise Forbidden(
                f"the role {role} may do more than the owner of this key; use one that is nobody's"
            )

    def place(self, resource_type: str, row_id: str = "") -> str:
        """The address of a resource, or of all of its type."""
        return "/".join(part for part in (self.address, f"{resource_type}s", row_id) if part)


def of(core: Core, caller: Caller, address: str) -> Directory:
    """The directory behind a key. Raises Forbidden unless the key may provision.

    The key of a person gives no role that may do more than they.
    """
    caller.require(Permission.PROVISION)
    reach = GIVEN
    if caller.user_id is not None:
        membership = members.find(caller.tenant_id, caller.user_id)
        mine = roles.MATRIX[roles.known(membership.role)] if membership else frozenset[Permission]()
        reach = frozenset(role for role in GIVEN if roles.MATRIX[role] <= mine)
    return Directory(core, caller.tenant_id, caller.actor, address, reach, caller.user_id is not None)


def in_one_go(directory: Directory, change: Callable[[], T]) -> T:
    """Run a change in a transaction. Of two at once that take the same name or address the later one runs
    again, and then sees what is taken. Raises Taken."""
    store = directory.core.store
    try:
        return store.in_one_go(change)
    except peewee.IntegrityError:
        try:
            return store.in_one_go(change)
        except peewee.IntegrityError as error:
            raise Taken("userName, address or displayName is taken here already") from error


@dataclass(frozen=True, slots=True)
class Held(Generic[Row]):
    """A row after a request, and the names of the attributes that changed by it."""

    row: Row
    changed: tuple[str, ...] = ()


def row_id(text: str) -> str:
    """The id of a row. Raises NotFound for what can't be one."""
    return identifier(text, "there is no such resource in this directory")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which versions a caller will have a change made to (RFC 7644 section 3.14): ``match`` are those of
    ``If-Match``, ``but`` those of ``If-None-Match``; ``*`` is every one, None says nothing."""

    match: Collection[str] | None = None
    but: Collection[str] | None = None

    def require(self, version: int) -> None:
        """Raises Stale."""
        if self.match is not None and not {"*", str(version)} & set(self.match):
            raise Stale("this resource has changed since; read it again")
        if self.has(version):
            raise Stale("this resource is one of those that If-None-Match rules out")

    def has(self, version: int) -> bool:
        """Whether ``If-None-Match`` names this version."""
        return self.but is not None and bool({"*", str(version)} & set(self.but))


def tag(version: int) -> str:
    """The ETag of a version."""
    return f'W/"{version}"'
