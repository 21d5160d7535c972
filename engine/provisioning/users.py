"""A directory's users: made, replaced, changed, removed; each with what follows for account and membership."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scim2_models import Context

from ..errors import Refused, Taken
from ..lookups import there
from ..services import acts
from ..store import models, quick
from . import accounts, documents, shapes, standing
from .accounts import Told
from .directory import Directory, Held, Wanted, in_one_go, row_id
from .documents import Document
from .shapes import Person

ANY = Wanted()
_MISSING = "there is no such user in this directory"


def create(directory: Directory, body: object) -> Held[models.ScimUser]:
    """A new user (RFC 7644 section 3.3), who may come in unless the directory says otherwise.

    Raises Refused, Taken, Conflict.
    """
    person = _read(body, Context.RESOURCE_CREATION_REQUEST)
    if person.active is None:
        person.active = True
    document = shapes.kept(person)
    return in_one_go(directory, lambda: _create(directory, document))


def replace(directory: Directory, user_id: str, body: object, wanted: Wanted = ANY) -> Held[models.ScimUser]:
    """What the directory says now, and nothing it said before (section 3.5.1); where it doesn't say whether
    somebody may come in, that stays. Raises NotFound, Stale, Refused, Taken, Conflict."""
    fresh = _read(body, Context.RESOURCE_REPLACEMENT_REQUEST)

    def become(row: models.ScimUser, _: Document) -> Document:
        if fresh.active is None:
            fresh.active = row.active
        return shapes.kept(fresh)

    return in_one_go(directory, lambda: _change(directory, user_id, wanted, become))


def patch(directory: Directory, user_id: str, body: object, wanted: Wanted = ANY) -> Held[models.ScimUser]:
    """Some attributes (section 3.5.2). Raises NotFound, Stale, Refused, Taken, Conflict."""
    operations = shapes.read_patch(shapes.UserPatch, body)

    def become(row: models.ScimUser, before: Document) -> Document:
        person = shapes.person_of(before)
        person.id = row.id  # so that a directory may say it, as Okta does, and not change it
        shapes.apply(shapes.UserPatch, operations, person)
        _require_name(person)
        return shapes.kept(person)

    return in_one_go(directory, lambda: _change(directory, user_id, wanted, become))


def remove(directory: Directory, user_id: str, wanted: Wanted = ANY) -> None:
    """Forget what the directory said, and switch the membership off. Raises NotFound, Stale, Conflict."""

    def gone() -> None:
        row = locked(directory, user_id, wanted)
        if row.user_id is not None:
            accounts.leave(directory, row)
        member = models.ScimGroupMember
        member.delete().where(member.scim_user_id == row.id).execute()
        models.ScimUser.delete().where(models.ScimUser.id == row.id).execute()
        _record(directory, "scim.user_removed", row, None)

    in_one_go(directory, gone)


def get(directory: Directory, user_id: str) -> models.ScimUser:
    """A row of this directory. Raises NotFound."""
    return there(quick.get(models.ScimUser, id=row_id(user_id), tenant_id=directory.tenant_id), _MISSING)


def locked(directory: Directory, user_id: str, wanted: Wanted) -> models.ScimUser:
    """The same, to be changed. Raises NotFound, Stale."""
    row = there(quick.lock(models.ScimUser, id=row_id(user_id), tenant_id=directory.tenant_id), _MISSING)
    wanted.require(row.version)
    return row


def _read(body: object, context: Context) -> Person:
    person: Person = shapes.read(Person, body, context)
    _require_name(person)
    person.password = None
    return person


def _require_name(person: Person) -> None:
    if not (person.user_name or "").strip():
        raise Refused("invalidValue", "userName: must not be blank")


def _create(directory: Directory, document: Document) -> Held[models.ScimUser]:
    core, now = directory.core, directory.core.clock()
    row = models.ScimUser(id=core.new_id(), tenant_id=directory.tenant_id, active=document["active"])
    row.created_at = row.updated_at = now
    _require_free_name(directory, row, document)
    _fill(directory, row, document)
    accounts.follow(directory, row, Told(documents.address_of(document), row.active))
    row.save(force_insert=True)
    standing.settle(directory, [row.id])
    _record(directory, "scim.user_created", row, None, attributes=sorted(document))
    return Held(row, tuple(document))


def _change(
    directory: Directory,
    user_id: str,
    wanted: Wanted,
    become: Callable[[models.ScimUser, Document], Document],
) -> Held[models.ScimUser]:
    row = locked(directory, user_id, wanted)
    before = documents.read(directory.core, row)
    after = become(row, before)
    names = documents.changed(before, after)
    if not names:
        return Held(row)
    if "userName" in names:
        _require_free_name(directory, row, after)
    was_active, row.active = row.active, after.get("active", row.active)
    told = Told(documents.address_of(after), row.active, documents.address_of(before), was_active)
    accounts.follow(directory, row, told)
    _fill(directory, row, after)
    row.version, row.updated_at = row.version + 1, directory.core.clock()
    row.save()
    standing.settle(directory, [row.id])
    said = {"from": _some(before, names), "to": _some(after, names)}
    _record(directory, "scim.user_changed", row, said, attributes=names)
    return Held(row, tuple(names))


def _fill(directory: Directory, row: models.ScimUser, document: Document) -> None:
    role = standing.of_document(document)
    row.role = role.value if role else None
    row.resource_sealed = documents.seal(directory.core, row.id, directory.tenant_id, document)
    for column, link in documents.links(directory.core, directory.tenant_id, document).items():
        setattr(row, column, link)


def _require_free_name(directory: Directory, row: models.ScimUser, document: Document) -> None:
    """While the index is made anew a name may stand under another version of its key: so all are asked."""
    name, user = documents.name_of(directory.tenant_id, document), models.ScimUser
    every = directory.core.keys.links_own(documents.USER_NAME, name)
    if user.select().where(user.user_name_link.in_(every), user.id != row.id).exists():
        raise Taken("userName: another user of this directory has it")


def _some(document: Document, names: list[str]) -> Document:
    return {name: document[name] for name in names if name in document}


def _record(
    directory: Directory,
    kind: str,
    row: models.ScimUser,
    said: Mapping[str, Any] | None,
    **body: object,
) -> None:
    """What was said is kept (sealed, and committed to) only where it can be forgotten with the person."""
    subject = subjects_of(directory.tenant_id, [row]).get(row.id)
    changed = said if subject is not None else None
    acts.record(
        directory.core,
        directory.tenant_id,
        kind,
        directory.actor,
        changed,
        [subject],
        scim_user=row.id,
        user=row.user_id,
        **body,
    )


def subjects_of(tenant_id: str, rows: Sequence[models.ScimUser]) -> dict[str, str]:
    """Which data subject of this data controller each user is, where that is known."""
    accounts_of = {row.user_id: row.id for row in rows if row.user_id is not None}
    found = quick.by_ids(models.Membership, accounts_of, key="user_id", tenant_id=tenant_id)
    return {accounts_of[user]: one.subject_id for user, one in found.items() if one.subject_id is not None}
