"""The log: where it stands, its entries newest first, and what somebody looks for in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

import falcon

from ....engine import moments
from ....engine.access.roles import Permission
from ....engine.errors import Invalid
from ....engine.services.audit import audit, audit_search
from ....engine.services.audit.audit_search import Wanted
from ....engine.store import models
from ...gate import Gate, by_link, signed_in
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Way
from . import audit_entry, audit_verify, audit_words
from .audit_files import FILES, verifier_text
from .audit_reader import AuditorScreen, Reader, index_of, member

_PER_PAGE = 50
_FIELDS = ("kind", "actor", "about", "from", "to")


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in the list."""

    index: int
    kind: str
    heading: str
    by: str
    said: str
    at: datetime


def screens(shared: Desk) -> dict[str, Screen]:
    """The log for people who are signed in."""
    look = Permission.LOOK
    opening = Way(audit_entry.reveal, Permission.READ_PEOPLE)
    checking = Way(member(audit_verify.check), look)
    return {
        "/audit": Screen(shared, get=Way(member(listing), look)),
        "/audit/entries/{index}": Screen(shared, get=Way(member(audit_entry.show), look), post=opening),
        "/audit/verify": Screen(shared, get=Way(member(audit_verify.ask), look), post=checking),
        "/audit/bundle": Screen(shared, get=Way(member(bundle), look)),
    }


def auditor_screens(shared: Desk) -> dict[str, AuditorScreen]:
    """The same for auditors; what takes more than looking isn't there."""
    return {
        "": AuditorScreen(shared, get=listing),
        "/entries/{index}": AuditorScreen(shared, get=audit_entry.show),
        "/verify": AuditorScreen(shared, get=audit_verify.ask, post=audit_verify.check),
        "/bundle": AuditorScreen(shared, get=bundle),
    }


def install(app: falcon.App[Any, Any], gate: Gate, shared: Desk) -> None:
    """The auditor's pages, and the files of both."""
    for path, screen in auditor_screens(shared).items():
        gate.add(app, f"/dashboard/auditor{path}", screen, screen.rules)
    for path, make in FILES.items():
        gate.add(app, f"/dashboard/audit{path}", make(shared), signed_in(Permission.LOOK))
        gate.add(app, f"/dashboard/auditor{path}", make(shared), by_link(Permission.LOOK))


def listing(reader: Reader) -> Page | Redirect:
    """``?kind=``, ``actor=``, ``about=``, ``from=``, ``to=`` narrow it; ``before=`` an index continues;
    ``entry=`` goes to one."""
    given = {name: reader.query.get(name, "").strip() for name in (*_FIELDS, "entry")}
    if (index := index_of(given["entry"])) is not None:
        return Redirect(f"{reader.place}/entries/{index}")
    wanted, errors = _wanted(given)
    before = index_of(reader.query.get("before"))
    values: dict[str, object] = {"given": given, "errors": errors, "paged": before is not None}
    if given["entry"]:
        errors["entry"] = "is the number of an entry, from 0 on"
    narrowed = {name: given[name] for name in _FIELDS if given[name]}
    values |= {"narrowed": bool(narrowed), "query": urlencode(narrowed), **_choices(reader, given)}
    values |= _head(reader) | _found(reader, wanted, before)
    return Page("audit/audit.html", values, 422 if errors else 200)


def bundle(reader: Reader) -> Page:
    """What an auditor takes away."""
    return Page("audit/audit_bundle.html", {"verifier": verifier_text()[1], **_head(reader)})


def _head(reader: Reader) -> dict[str, object]:
    head = reader.core.log.head(reader.tenant_id)
    return {"head": head, "vkeys": reader.core.signing.vkeys(head.origin)}


def _choices(reader: Reader, given: Mapping[str, str]) -> dict[str, object]:
    kinds = set(audit_search.kinds(reader.tenant_id)) | ({given["kind"]} if given["kind"] else set())
    named = sorted((audit_words.heading(kind), kind) for kind in kinds)
    return {"kinds": named, "actors": audit_words.actors()}


def _found(reader: Reader, wanted: Wanted | None, before: int | None) -> dict[str, object]:
    if wanted is None:
        return {"lines": [], "before": None, "reached": None}
    found = audit_search.search(reader.core, reader.tenant_id, wanted, before=before, limit=_PER_PAGE)
    lines = [_line(reader, row) for row in found.entries]
    return {"lines": lines, "before": found.before, "reached": found.reached}


def _line(reader: Reader, row: models.AuditEntry) -> Line:
    leaf = audit.leaf(row)
    return Line(
        index=int(row.seq),
        kind=row.kind,
        heading=audit_words.title(leaf),
        by=audit_words.actor(str(leaf.get("actor", "")), reader.who.actor),
        said=audit_words.summary(leaf),
        at=moments.from_text(str(leaf["ts"])),
    )


def _wanted(given: Mapping[str, str]) -> tuple[Wanted | None, dict[str, str]]:
    """What is looked for; without what can't be, and why it can't."""
    errors, days = dict[str, str](), dict[str, datetime | None]()
    for name in ("from", "to"):
        try:
            days[name] = _day(given[name])
        except ValueError:
            errors[name] = "is a day that there isn’t"
    try:
        until = days.get("to")
        wanted = Wanted(
            kind=given["kind"] or None,
            actor=given["actor"] or None,
            about=given["about"].lower() or None,
            since=days.get("from"),
            until=None if until is None else until + timedelta(days=1),
        )
    except Invalid as error:
        errors[error.field] = error.detail
    return (None if errors else wanted), errors


def _day(text: str) -> datetime | None:
    """The beginning of a day, in UTC as the log's times are."""
    if not text:
        return None
    day = datetime.fromisoformat(text).date()
    if day == date.max:
        raise ValueError("no day follows")
    return datetime.combine(day, time(), UTC)
