"""Rotating the key that links: every blind index is made again from the identifier it stands for.

Between the first and the last page people are found under both versions, and whoever is new is linked under
both: two processes that have read different versions still meet in one row (``KeyRing.require_current``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import peewee

from ..core import Core
from ..identity import accounts
from ..identity.keys import INSTALLATION, LINK, Versions
from ..identity.profiles import person_from
from ..provisioning import documents
from ..store import models, quick
from . import versions
from .sealed import PAGE
from .versions import Progress

_LOOK_S = 0.5


def rotate_links(
    core: Core,
    owner_id: str,
    progress: Progress = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, object]:
    """``{"owner", "version", "done": rows, "left": rows, "retired": [versions]}``.

    ``left`` counts links whose identifier is nowhere at hand (those of before 0.2 that the profile doesn't hold
    any more): they and the older version stay until the person is seen again, and the next call looks anew.
    """
    newest, older = versions.begin(core, owner_id, LINK)
    if owner_id == INSTALLATION:
        _wait_until_settled(core, newest, pause)
        done, left = _relink_own(core, progress), 0
    else:
        done, left = _relink(core, owner_id, newest, progress)
    if left:
        return {"owner": owner_id, "version": newest, "done": done, "left": left, "retired": []}
    with core.store.transaction():
        _hold_links(core)
        versions.retire(core, owner_id, LINK, older)
    core.keys.refresh()
    _delete(core, owner_id, older)
    return {"owner": owner_id, "version": newest, "done": done, "left": 0, "retired": older}


def _wait_until_settled(core: Core, newest: int, pause: Callable[[float], None]) -> None:
    """A process inserts users under the newest version that all know: before that time is come, one that goes
    through the users would miss whom another is about to insert under the older version."""
    while core.keys.versions(INSTALLATION, LINK).settled != newest:
        pause(_LOOK_S)
        core.keys.refresh()


def _relink(core: Core, tenant_id: str, newest: int, progress: Progress) -> tuple[int, int]:
    known, last, done, left = core.keys.versions(tenant_id, LINK), 0, 0, 0
    while True:
        page, made = core.store.in_one_go(partial(_relink_page, core, known, newest, tenant_id, last))
        if not page:
            return done, left
        last, done, left = page[-1].id, done + sum(made), left + made.count(False)
        progress(len(page))


def _relink_page(
    core: Core, known: Versions, newest: int, tenant_id: str, last: int
) -> tuple[list[models.DataSubjectLink], list[bool]]:
    """A page of links, and of each whether it is there under the newest version now."""
    row = models.DataSubjectLink
    query = row.select().where(row.tenant_id == tenant_id, row.key_version < newest, row.id > last)
    rows, subjects = _held(core, query.order_by(row.id).limit(PAGE))
    opened = Opened(subjects)
    return rows, [_again(core, known, newest, one, opened) for one in rows]


def _held(core: Core, page: Any) -> tuple[list[models.DataSubjectLink], dict[str, models.DataSubject]]:
    """These links and whose they are; nobody else changes them until the transaction ends.

    Subjects are held before their links, as by everybody who changes links: otherwise who is about to insert
    one waits for the one inserted here, and this for the subject that they hold.
    """
    row, held = models.DataSubject, dict[str, models.DataSubject]()
    while True:
        links = list(page.clone())  # asked anew: a query remembers its answer
        owners = {one.subject_id for one in links}
        if owners <= held.keys():
            return links, held
        query = row.select().where(row.id.in_(owners)).order_by(row.id)
        held = {one.id: one for one in core.store.for_update(query)}


def _again(core: Core, known: Versions, newest: int, row: models.DataSubjectLink, opened: Opened) -> bool:
    """The same link under the newest version; False when what it stands for isn't at hand."""
    subject = opened.subjects.get(row.subject_id)
    if row.key_version not in known.active or subject is None or subject.key_wrapped is None:
        return True  # left behind by an earlier rotation, or forgotten meanwhile: deleted with the rest
    key = opened.key(core, subject)
    value = core.subjects.links.value(row, key)
    text = value.decode("utf-8", "surrogatepass") if value else _in_profile(core, row, subject)
    if text is None:
        return _has_newest(row, newest)
    digits = core.keys.link_under(known, newest, row.tenant_id, row.field, text)
    core.subjects.links.insert_under(row, key, newest, digits, text)
    return True


@dataclass(frozen=True, slots=True)
class Opened:
    """The subjects of a page of links, and their data keys, each opened once."""

    subjects: dict[str, models.DataSubject]
    keys: dict[str, bytes] = field(default_factory=dict)

    def key(self, core: Core, subject: models.DataSubject) -> bytes:
        """A subject's data key."""
        if subject.id not in self.keys:
            self.keys[subject.id] = core.subjects.profiles.key(subject)
        return self.keys[subject.id]


def _in_profile(core: Core, row: models.DataSubjectLink, subject: models.DataSubject) -> str | None:
    """The identifier that a link stands for, found among those of the profile."""
    person = person_from(core.subjects.profile(subject))
    region = models.DataController.get_by_id(row.tenant_id).region
    made = core.subjects.links.of(row.tenant_id, person, region)
    return next((link.value for link in made if (row.key_version, row.link) in link.every), None)


def _has_newest(row: models.DataSubjectLink, newest: int) -> bool:
    """Whether everything of this subject and field is there under the newest version too: the person was seen
    since, and where they are known by one identifier of the kind it is this one."""
    link = models.DataSubjectLink
    of_kind = link.select().where(
        link.tenant_id == row.tenant_id,
        link.subject_id == row.subject_id,
        link.field == row.field,
        link.scope == row.scope,
    )
    return bool(
        of_kind.where(link.key_version == newest).count()
        >= of_kind.where(link.key_version == row.key_version).count()
    )


@dataclass(frozen=True, slots=True)
class Own:
    """A blind index of the installation itself, beside the sealed value that it stands for. Where that lies
    under a tenant's key, ``value`` finds in it what is indexed."""

    model: type[peewee.Model]
    sealed: str
    link: str
    field: str
    value: Callable[[str, bytes], str | None] | None = None


def _said(find: Callable[[str, documents.Document], str | None]) -> Callable[[str, bytes], str | None]:
    """A name in the document of a directory's user."""
    return lambda tenant_id, raw: find(tenant_id, json.loads(raw))


OWN = (
    Own(models.User, "email_sealed", "email_link", accounts.EMAIL),
    Own(models.Invitation, "email_sealed", "email_link", accounts.EMAIL),
    Own(models.SsoIdentity, "subject_sealed", "subject_link", accounts.SSO_SUBJECT),
    Own(
        models.ScimUser,
        "resource_sealed",
        "user_name_link",
        documents.USER_NAME,
        _said(documents.name_of),
    ),
    Own(
        models.ScimUser,
        "resource_sealed",
        "external_id_link",
        documents.EXTERNAL_ID,
        _said(documents.external_of),
    ),
)


def _relink_own(core: Core, progress: Progress) -> int:
    """Whoever signs in is found under any version meanwhile (``KeyRing.links_own``)."""
    total = 0
    for index in OWN:
        sealed, row_id = _field(index, index.sealed), _field(index, "id")
        query: Any = index.model.select(row_id).where(sealed.is_null(False)).tuples()
        for (one,) in list(query):
            with core.store.transaction():
                _relink_row(core, index, str(one))
            total += 1
            progress(1)
    return total


def _field(index: Own, name: str) -> Any:
    return index.model._meta.fields[name]


def _relink_row(core: Core, index: Own, row_id: str) -> None:
    row = quick.lock(index.model, id=row_id)
    held = None if row is None else getattr(row, index.sealed)
    if held is None:
        return
    value = _indexed(core, index, row_id, row, bytes(held))
    link = core.keys.link_own(index.field, value) if value else None
    quick.update(index.model, {"id": row_id}, {index.link: link})


def _indexed(core: Core, index: Own, row_id: str, row: Any, held: bytes) -> str | None:
    """What the index of a row stands for."""
    place = {"table": str(index.model._meta.table_name), "column": index.sealed, "row_id": row_id}
    if index.value is None:
        return core.keys.unseal_own(held, **place).decode()
    return index.value(row.tenant_id, core.keys.unseal(row.tenant_id, held, **place))


def _hold_links(core: Core) -> None:
    """Until this transaction ends nobody inserts a link; who waits to, looks at the versions afterwards."""
    if core.store.dialect == "postgresql":
        core.store.database.execute_sql("LOCK TABLE data_subject_links IN SHARE ROW EXCLUSIVE MODE")


def _delete(core: Core, tenant_id: str, older: list[int]) -> None:
    left = len(older)
    while left:
        left = core.store.in_one_go(partial(_delete_page, tenant_id, older))


def _delete_page(tenant_id: str, older: list[int]) -> int:
    row = models.DataSubjectLink
    page = row.select(row.id).where(row.tenant_id == tenant_id, row.key_version.in_(older)).limit(1024)
    return int(row.delete().where(row.id.in_([one.id for one in page])).execute())
