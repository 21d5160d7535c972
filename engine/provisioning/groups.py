"""A directory's groups. Who is in one lies in rows of its own: so a group of ten thousand people is changed by
what changes, and read only when somebody asks for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from scim2_models import Context

from ..errors import Refused, Taken
from ..lookups import there
from ..services import acts
from ..store import models, quick
from . import group_patch, shapes, standing
from .directory import Directory, Held, Wanted, in_one_go, row_id
from .documents import folded
from .group_patch import Members
from .shapes import Group

ANY = Wanted()
LONGEST = 500
"""Characters in a group's name and external id: an index holds them."""
_MISSING = "there is no such group in this directory"


def create(directory: Directory, body: object) -> Held[models.ScimGroup]:
    """A new group. Raises Refused, Taken, Forbidden."""
    fresh = _read(body, Context.RESOURCE_CREATION_REQUEST)
    wanted = Members(cleared=True, added=group_patch.ids_of(fresh.members or []))
    return in_one_go(directory, lambda: _create(directory, fresh, wanted))


def replace(
    directory: Directory, group_id: str, body: object, wanted: Wanted = ANY
) -> Held[models.ScimGroup]:
    """All of it anew. Raises NotFound, Stale, Refused, Taken, Forbidden."""
    fresh = _read(body, Context.RESOURCE_REPLACEMENT_REQUEST)
    members = Members(cleared=True, added=group_patch.ids_of(fresh.members or []))
    return in_one_go(directory, lambda: _change(directory, group_id, wanted, lambda _: (fresh, members)))


def patch(directory: Directory, group_id: str, body: object, wanted: Wanted = ANY) -> Held[models.ScimGroup]:
    """Some of it. Raises NotFound, Stale, Refused, Taken, Forbidden."""
    operations = shapes.read_patch(shapes.GroupPatch, body)

    def become(row: models.ScimGroup) -> tuple[Group, Members]:
        group = Group(id=row.id, display_name=row.display_name, external_id=row.external_id)
        members = group_patch.apply(group, operations)
        _require_names(group)
        return group, members

    return in_one_go(directory, lambda: _change(directory, group_id, wanted, become))


def remove(directory: Directory, group_id: str, wanted: Wanted = ANY) -> None:
    """Its members stay, without the role it gave. Raises NotFound, Stale."""

    def gone() -> None:
        row = _locked(directory, group_id, wanted)
        ids = member_ids(row.id)
        _touch(directory, row.id)
        member = models.ScimGroupMember
        member.delete().where(member.group_id == row.id).execute()
        models.ScimGroup.delete().where(models.ScimGroup.id == row.id).execute()
        if row.role is not None:
            standing.settle(directory, ids)
        _record(directory, "scim.group_removed", row, {"display_name": row.display_name})

    in_one_go(directory, gone)


def get(directory: Directory, group_id: str) -> models.ScimGroup:
    """A row of this directory. Raises NotFound."""
    return there(quick.get(models.ScimGroup, id=row_id(group_id), tenant_id=directory.tenant_id), _MISSING)


def member_ids(group_id: str) -> list[str]:
    """Who is in a group."""
    member = models.ScimGroupMember
    query: Any = member.select(member.scim_user_id).where(member.group_id == group_id)
    return [str(one) for (one,) in query.order_by(member.scim_user_id).tuples()]


def _locked(directory: Directory, group_id: str, wanted: Wanted) -> models.ScimGroup:
    row = there(quick.lock(models.ScimGroup, id=row_id(group_id), tenant_id=directory.tenant_id), _MISSING)
    wanted.require(row.version)
    return row


def _read(body: object, context: Context) -> Group:
    group = shapes.read(Group, body, context)
    _require_names(group)
    return group


def _require_names(group: Group) -> None:
    """What PostgreSQL's text and its index can hold."""
    for name, value in (("displayName", group.display_name), ("externalId", group.external_id)):
        if value is not None and not (shapes.is_storable(value) and len(value) <= LONGEST):
            raise Refused("invalidValue", f"{name}: at most {LONGEST} characters, none of them NUL")
    if not (group.display_name or "").strip():
        raise Refused("invalidValue", "displayName: must not be blank")


def _create(directory: Directory, fresh: Group, wanted: Members) -> Held[models.ScimGroup]:
    row = models.ScimGroup(id=directory.core.new_id(), tenant_id=directory.tenant_id)
    row.created_at = row.updated_at = directory.core.clock()
    _fill(directory, row, fresh)
    row.save(force_insert=True)
    added, _ = _move(directory, row.id, wanted)
    if row.role is not None:
        standing.settle(directory, added)
    said = {"display_name": row.display_name, "added": added}
    _record(directory, "scim.group_created", row, said, people=len(added))
    return Held(row, ("displayName", "members"))


def _change(
    directory: Directory,
    group_id: str,
    wanted: Wanted,
    become: Callable[[models.ScimGroup], tuple[Group, Members]],
) -> Held[models.ScimGroup]:
    row = _locked(directory, group_id, wanted)
    fresh, members = become(row)
    before = (row.display_name, row.external_id, row.role)
    added, removed = _move(directory, row.id, members)
    renamed, renumbered = before[0] != fresh.display_name, before[1] != (fresh.external_id or None)
    told = {"displayName": renamed, "externalId": renumbered, "members": bool(added or removed)}
    names = [name for name, is_so in told.items() if is_so]
    if not names:
        return Held(row)
    _fill(directory, row, fresh)
    row.version, row.updated_at = row.version + 1, directory.core.clock()
    row.save()
    if renamed:
        _touch(directory, row.id)
    if row.role != before[2]:
        standing.settle(directory, {*member_ids(row.id), *removed})
    elif row.role is not None:
        standing.settle(directory, {*added, *removed})
    said = {"from": before[0], "to": row.display_name, "added": added, "removed": removed}
    _record(directory, "scim.group_changed", row, said, attributes=names)
    return Held(row, tuple(names))


def _fill(directory: Directory, row: models.ScimGroup, group: Group) -> None:
    name = str(group.display_name)
    role = standing.named(name)
    row.display_name, row.name_key, row.external_id = name, folded(name), group.external_id or None
    row.role = role.value if role else None
    same = quick.get(models.ScimGroup, tenant_id=directory.tenant_id, name_key=row.name_key)
    if same is not None and same.id != row.id:
        raise Taken("displayName: another group of this directory has it")


def _move(directory: Directory, group_id: str, wanted: Members) -> tuple[list[str], list[str]]:
    """Bring who is in the group in step; who came, and who went. Raises Refused for a member who isn't here."""
    present = set(member_ids(group_id)) if wanted.cleared else _present(group_id, wanted)
    added = sorted(wanted.added - present)
    removed = sorted(present - wanted.added if wanted.cleared else wanted.removed & present)
    for page in standing.pages(added):
        if len(quick.by_ids(models.ScimUser, page, tenant_id=directory.tenant_id)) < len(page):
            raise Refused(
                "invalidValue", "members.value: one of them isn't the id of a user of this directory"
            )
    here = {"group_id": group_id, "tenant_id": directory.tenant_id}
    quick.insert_all(models.ScimGroupMember, [{**here, "scim_user_id": one} for one in added])
    member = models.ScimGroupMember
    for page in standing.pages(removed):
        member.delete().where(member.group_id == group_id, member.scim_user_id.in_(page)).execute()
    _touch_users(directory, [*added, *removed])
    return added, removed


def _present(group_id: str, wanted: Members) -> set[str]:
    member, found = models.ScimGroupMember, set[str]()
    for page in standing.pages(sorted(wanted.added | wanted.removed)):
        found |= set(quick.by_ids(member, page, key="scim_user_id", group_id=group_id))
    return found


def _touch(directory: Directory, group_id: str) -> None:
    """Its members' ``groups`` say something else now."""
    _touch_users(directory, member_ids(group_id))


def _touch_users(directory: Directory, ids: Iterable[str]) -> None:
    user = models.ScimUser
    for page in standing.pages(sorted(ids)):
        changed = user.update(version=user.version + 1, updated_at=directory.core.clock())
        changed.where(user.id.in_(page)).execute()


def _record(
    directory: Directory, kind: str, row: models.ScimGroup, said: dict[str, Any], **body: Any
) -> None:
    acts.record(
        directory.core,
        directory.tenant_id,
        kind,
        directory.actor,
        said,
        group=row.id,
        role=row.role,
        **body,
    )
