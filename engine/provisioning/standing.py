"""Which role a directory gives: the strongest that a user's groups and own attribute ``roles`` name.

A group or value names a role by its name, whatever its case, with or without ``dxflow-`` before it, with spaces
or hyphens for underscores. ``owner`` is nobody's to give but a person's. Only memberships that the directory
made follow it: whoever was given a role by people keeps theirs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from ..access.members import FIRST_ROLE
from ..access.roles import MATRIX, Role
from ..services import acts
from ..store import models, quick
from .directory import GIVEN, Directory
from .documents import Document

PAGE = 500
_STRENGTH = sorted(Role, key=lambda role: (-len(MATRIX[role]), list(Role).index(role)))
_BETWEEN = re.compile(r"[\s_-]+")


def named(text: str) -> Role | None:
    """The role that a name stands for; None for every other name, and for the owner's."""
    folded = _BETWEEN.sub("_", text.strip().casefold()).removeprefix("dxflow_")
    return Role(folded) if folded in GIVEN else None


def strongest(roles: Iterable[str | None]) -> Role | None:
    """The role that may do most; of equals the one that is listed first."""
    found = {Role(role) for role in roles if role}
    return next((role for role in _STRENGTH if role in found), None)


def of_document(document: Document) -> Role | None:
    """What a user's own attribute ``roles`` gives."""
    return strongest(named(str(entry.get("value") or "")) for entry in document.get("roles", []))


def settle(directory: Directory, scim_user_ids: Iterable[str]) -> None:
    """Give each of these users the role they now have. Raises Forbidden for one beyond the key's reach."""
    moved: dict[str, dict[str, str]] = {}
    for page in pages(sorted(set(scim_user_ids))):
        for membership, role in _due(directory.tenant_id, page):
            directory.require_reach(role)
            quick.update(models.Membership, {"id": membership.id}, {"role": role.value})
            moved[membership.user_id] = {"from": membership.role, "to": role.value}
    if moved:
        changed = {"roles": moved}
        acts.record(
            directory.core,
            directory.tenant_id,
            "scim.roles_given",
            directory.actor,
            changed,
            people=len(moved),
        )


def _due(tenant_id: str, page: Sequence[str]) -> Iterator[tuple[models.Membership, Role]]:
    """Memberships whose role isn't what it should be, with what it should be."""
    row = models.Membership
    users = quick.by_ids(models.ScimUser, page, tenant_id=tenant_id)
    accounts = {user.user_id: user for user in users.values() if user.user_id is not None}
    given = _of_groups(list(users))
    found: Any = row.select().where(row.tenant_id == tenant_id, row.user_id.in_(list(accounts)))
    for membership in found.where(row.source == "scim", row.role != Role.OWNER).order_by(row.id):
        user = accounts[membership.user_id]
        role = strongest([user.role, *given[user.id]]) or Role(FIRST_ROLE)
        if role != membership.role:
            yield membership, role


def _of_groups(scim_user_ids: Sequence[str]) -> defaultdict[str, list[str]]:
    """The roles that users' groups give."""
    member, group = models.ScimGroupMember, models.ScimGroup
    query: Any = (
        member.select(member.scim_user_id, group.role)
        .join(group, on=(group.id == member.group_id))
        .where(member.scim_user_id.in_(list(scim_user_ids)), group.role.is_null(False))
        .tuples()
    )
    given = defaultdict[str, list[str]](list)
    for user_id, role in query:
        given[str(user_id)].append(role)
    return given


def pages(ids: Iterable[str]) -> Iterator[list[str]]:
    """In parts that a statement can name."""
    rest = iter(ids)
    while page := list(islice(rest, PAGE)):
        yield page
