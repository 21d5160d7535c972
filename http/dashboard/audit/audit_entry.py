"""One entry of the log: what it says, what it commits to for those who may see it, and its proof."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ....engine import moments
from ....engine.access.roles import Permission
from ....engine.ledger import leaves, merkle
from ....engine.services import acts
from ....engine.services.acts import Opened
from ....engine.services.audit import audit
from ....engine.store import models, quick
from .. import words
from ..answers import Page, Redirect
from ..screens import Visit
from . import audit_words
from .audit_reader import Reader, index_in, member

_READ_AS = "audit_entry"
"""The page's name in the entry about reading it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that an entry says. ``door`` leads to what it names, empty where no page shows it."""

    name: str
    value: str
    door: str = ""


def show(reader: Reader) -> Page:
    """What everybody may see who may look."""
    return _page(reader, None)


def reveal(visit: Visit) -> Page | Redirect:
    """The same with what the entry commits to: that may be somebody's, so the reading is an entry first."""
    index = index_in(visit.path)
    leaf = json.loads(visit.core.log.entry(visit.tenant_id, index).leaf)
    if not _openable(visit.tenant_id, index, leaf):
        return Redirect(f"{visit.base}/audit/entries/{index}")
    about = _subjects(visit.tenant_id, index)
    acts.people_read(visit.core, visit.tenant_id, visit.signed.actor, _READ_AS, about, entry=index)
    opened = acts.opened(visit.core, visit.tenant_id, index)
    return member(lambda reader: _page(reader, opened, about))(visit)


def _page(reader: Reader, opened: Opened | None, about: Iterable[str] = ()) -> Page:
    core, tenant_id, index = reader.core, reader.tenant_id, index_in(reader.path)
    row = core.log.entry(tenant_id, index)
    leaf, head = audit.leaf(row), core.log.head(tenant_id)
    size, hashes = audit.inclusion(core, tenant_id, index, int(head.size))
    openable = _openable(tenant_id, index, leaf) if reader.inside else False
    values = {
        "index": index,
        "leaf": leaf,
        "canonical": row.leaf,
        "heading": audit_words.title(leaf),
        "at": moments.from_text(str(leaf["ts"])),
        "by": audit_words.actor(str(leaf.get("actor", "")), reader.who.actor),
        "facts": _facts(reader, leaf),
        "opened": opened,
        "changed": _changed(opened, leaf),
        "about": [f"{reader.base}/subjects/{one}" for one in about],
        "openable": openable and reader.may(Permission.READ_PEOPLE),
        "closed": openable and not reader.may(Permission.READ_PEOPLE),
        "largest": leaves.MEMBER_BYTES,
        "head": head,
        "size": size,
        "hashes": hashes,
        "leaf_hash": merkle.leaf_hash(row.leaf.encode()).hex(),
        "check": audit_words.for_browser(),
    }
    return Page("audit/audit_entry.html", values)


def _openable(tenant_id: str, index: int, leaf: Mapping[str, Any]) -> bool:
    """Whether what the entry commits to is kept here: of acts, unless somebody it concerns was erased."""
    act = leaf.get("act")
    if not act or quick.get(models.ActPayload, id=act, tenant_id=tenant_id) is None:
        return False
    return quick.get(models.AuditSalt, tenant_id=tenant_id, seq=index) is not None


def _subjects(tenant_id: str, index: int) -> list[str]:
    """The data subjects whom what the entry commits to is about."""
    row = models.AuditSaltSubject
    found = row.select(row.subject_id).where(row.tenant_id == tenant_id, row.seq == index)
    return [str(one.subject_id) for one in found.order_by(row.subject_id)]


def _changed(opened: Opened | None, leaf: Mapping[str, Any]) -> list[Fact]:
    """What the payload says beyond the entry itself."""
    changed = (opened and opened.changed) or {}
    said = {name: value for name, value in changed.items() if leaf.get(name) != value}
    return [Fact(words.plain(name), _written(value)) for name, value in said.items()]


def _facts(reader: Reader, leaf: Mapping[str, Any]) -> list[Fact]:
    doors = _doors(reader, leaf) if reader.inside else {}
    facts = []
    for name, value in leaf.items():
        if name in audit_words.FRAME:
            continue
        ones = value if isinstance(value, list) else [value]
        if not any((name, str(one)) in doors for one in ones):
            facts.append(Fact(words.plain(name), ", ".join(_said(leaf, name, one) for one in ones)))
            continue
        facts += [
            Fact(words.plain(name), _said(leaf, name, one), doors.get((name, str(one)), "")) for one in ones
        ]
    return facts


def _said(leaf: Mapping[str, Any], name: str, value: object) -> str:
    """A member as people read it; the entry's own bytes stand below."""
    if name == "step":
        return words.step(str(leaf.get("workflow")), str(value))
    if name == "outcome":
        return words.outcome(str(value))
    if name == "source":
        return words.source(str(value))
    if name in ("workflow", "method", "role"):
        return words.sentence(words.plain(str(value))).removesuffix(".")
    return _written(value)


def _written(value: object) -> str:
    if isinstance(value, str):
        return value or "empty"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _doors(reader: Reader, leaf: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Where the pages are of what an entry names, for what is still there: three queries whatever it names."""
    named = [
        (name, str(one))
        for name, value in leaf.items()
        if name not in audit_words.FRAME
        for one in (value if isinstance(value, list) else [value])
    ]
    doors = {(name, one): f"{reader.place}/entries/{one}" for name, one in named if name in ("entry", "of")}
    ids = [one for _, one in named if len(one) == 36]
    dids = [one for _, one in named if one.startswith("did:")]
    here = {"tenant_id": reader.tenant_id}
    kept: list[tuple[str, Mapping[str, Any]]] = [
        ("events", quick.by_ids(models.Event, ids, **here)),
        ("requests", quick.by_ids(models.RightsRequest, ids, **here)),
        ("activities", quick.by_ids(models.ProcessingActivity, dids, key="did", **here)),
    ]
    for section, rows in kept:
        doors |= {
            (name, one): f"{reader.base}/{section}/{rows[one].id}" for name, one in named if one in rows
        }
    return doors
