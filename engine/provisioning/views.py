"""From rows to the resources that a directory reads (RFC 7643 section 3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from scim2_models import Meta, Reference, ResponseParameters

from ..errors import Refused
from ..store import models
from . import documents, shapes
from .directory import Directory, tag
from .groups import member_ids
from .shapes import Group, GroupMember, Person

MOST_MEMBERS = 20_000
"""Members that one answer names; a page of groups ends before it would name more."""


def users(directory: Directory, rows: Sequence[models.ScimUser]) -> list[Person]:
    """These users, with the groups they are in."""
    groups = _groups_of(directory, [row.id for row in rows])
    return [_user(directory, row, groups[row.id]) for row in rows]


def _user(directory: Directory, row: models.ScimUser, groups: list[dict[str, Any]]) -> Person:
    document = documents.read(directory.core, row)
    person = shapes.person_of(document | ({"groups": groups} if groups else {}))
    person.id, person.meta = row.id, _meta(directory, "User", row)
    return person


def _groups_of(directory: Directory, user_ids: Sequence[str]) -> defaultdict[str, list[dict[str, Any]]]:
    member, group = models.ScimGroupMember, models.ScimGroup
    query: Any = (
        member.select(member.scim_user_id, group.id, group.display_name)
        .join(group, on=(group.id == member.group_id))
        .where(member.scim_user_id.in_(list(user_ids)), group.tenant_id == directory.tenant_id)
        .order_by(group.name_key)
        .tuples()
    )
    found = defaultdict[str, list[dict[str, Any]]](list)
    for user_id, group_id, name in query:
        place = directory.place("Group", str(group_id))
        entry = {"value": str(group_id), "$ref": place, "display": name, "type": "direct"}
        found[str(user_id)].append(entry)
    return found


def groups(
    directory: Directory,
    rows: Sequence[models.ScimGroup],
    *,
    with_members: bool = True,
    all_of_them: bool = False,
) -> list[Group]:
    """These groups, with who is in them unless nobody asked; fewer where they would name too many people, or
    Refused where ``all_of_them`` are needed."""
    made: list[Group] = []
    named = 0
    for row in rows:
        ids = member_ids(row.id) if with_members else []
        named += len(ids)
        if made and named > MOST_MEMBERS:
            if all_of_them:
                raise Refused(
                    "tooMany", f"these groups have more than {MOST_MEMBERS} members; ask for one by eq"
                )
            break
        made.append(_group(directory, row, ids))
    return made


def _group(directory: Directory, row: models.ScimGroup, ids: Sequence[str]) -> Group:
    members = [_member(directory, one) for one in ids]
    group = Group(display_name=row.display_name, external_id=row.external_id)
    group.id, group.meta = row.id, _meta(directory, "Group", row)
    group.__dict__["members"] = members or None  # our own rows: validating thousands again would take seconds
    return group


def _member(directory: Directory, user_id: str) -> GroupMember:
    place: Any = Reference(directory.place("User", user_id))
    return GroupMember.model_construct(value=user_id, ref=place, type="User")


def names_members(asked: ResponseParameters[Any]) -> bool:
    """Whether an answer will name the members of groups."""
    without = {_short(path) for path in asked.excluded_attributes or ()}
    only = {_short(path).partition(".")[0] for path in asked.attributes or ()}
    return "members" not in without and (not only or "members" in only)


def _short(path: object) -> str:
    return str(path).rpartition(":")[2].lower()


def _meta(directory: Directory, resource_type: str, row: models.ScimUser | models.ScimGroup) -> Meta:
    return Meta(
        resource_type=resource_type,
        created=row.created_at,
        last_modified=row.updated_at,
        location=directory.place(resource_type, row.id),
        version=tag(row.version),
    )
