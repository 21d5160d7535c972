"""What people agreed to: what holds now per purpose and channel, every statement that led there, and how one is
made at the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...core import Core
from ...errors import Conflict, Invalid, Unfit
from ...rights import consent_carry, consent_sync
from ...rights.consent_order import PRIVACY, Statement
from ...store import models
from .. import acts
from ..pages import Page, by_number
from . import subjects

_LOOKED = 200
"""Statements that are looked at together for those that hold."""
_ALL = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Standing:
    """``current`` holds; ``history`` has every statement of its purpose and channel, newest first."""

    current: models.ConsentCurrent
    history: list[models.Consent]


@dataclass(frozen=True, slots=True)
class Stated:
    """What became of a statement: ``recorded``, or ``stale`` where what holds prevails; and what holds now."""

    outcome: str
    current: models.ConsentCurrent | None


def state(
    core: Core,
    tenant_id: str,
    subject_id: str,
    purpose: str,
    channel: str,
    state: str,
    *,
    actor: str,
    source: str = "desk",
    occurred_at: datetime | None = None,
    request_id: str | None = None,
) -> Stated:
    """Somebody at the desk says what a person agreed to: it is taken like a platform's word, every platform
    that knows them is told, and the act is logged. Safe inside another transaction.

    Raises Invalid for a state that there isn't, Unfit for a time still to come, NotFound for a data subject
    that isn't this tenant's, Conflict for one that was erased or merged into another.
    """
    if state not in PRIVACY:
        raise Invalid("state", f"{state[:40]!r}; allowed are {', '.join(PRIVACY)}")
    at = occurred_at or core.clock()
    if at > core.clock():
        raise Unfit("occurred_at", "lies in the future")
    subject = subjects.get(tenant_id, subject_id)
    if subject.state in ("erased", "merged"):
        raise Conflict(f"this data subject was {subject.state}")
    evidence = {"request": request_id} if request_id else {}
    said = Statement(tenant_id, subject_id, purpose, channel, state, source, at, evidence=evidence)
    with core.store.transaction():
        outcome = consent_sync.take(core, said)
        changed = {"subject": subject_id, "purpose": purpose, "channel": channel, "state": state}
        acts.record(
            core, tenant_id, "consent.stated", actor, changed, [subject_id], outcome=outcome, **evidence
        )
        current = consent_sync.holding(tenant_id, subject_id, purpose, channel)
    core.bell.set()
    return Stated(outcome, current)


def listing(
    tenant_id: str, *, subject_id: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[Standing]:
    """What holds, newest statement first, of one data subject or of all. Raises NotFound for a foreign one."""
    current = models.ConsentCurrent
    mine = current.select().where(current.tenant_id == tenant_id, current.subject_id == subject_id)
    if subject_id is not None:
        subjects.get(tenant_id, subject_id)

    def fetch(count: int, before: int | None) -> list[models.ConsentCurrent]:
        if subject_id is None:
            return _of_all(tenant_id, count, before)
        query = mine if before is None else mine.where(current.seq < before)
        return list(query.order_by(current.seq.desc()).limit(count))

    page = by_number("consents", fetch, lambda row: int(row.seq), limit=limit, cursor=cursor)
    return Page(_with_history(tenant_id, page.rows), page.next_cursor)


def _of_all(tenant_id: str, count: int, before: int | None) -> list[models.ConsentCurrent]:
    """Statements from the newest down, and of these whichever hold: the view ranks all statements of whomever
    it is asked about, and of a tenant that takes seconds."""
    said, current, found = models.Consent, models.ConsentCurrent, list[models.ConsentCurrent]()
    below = _ALL if before is None else before
    while len(found) < count:
        query = said.select(said.seq, said.id, said.subject_id).where(
            said.tenant_id == tenant_id, said.seq < below
        )
        newest = list(query.order_by(said.seq.desc()).limit(_LOOKED))
        if not newest:
            break
        people = {one.subject_id for one in newest}
        holds = current.select().where(current.tenant_id == tenant_id, current.subject_id.in_(people))
        by_id = {one.id: one for one in holds}
        found += [by_id[one.id] for one in newest if one.id in by_id]
        below = newest[-1].seq
    return found[:count]


def current_of(tenant_id: str, subject_id: str) -> list[models.ConsentCurrent]:
    """What holds for one data subject, newest statement first."""
    current = models.ConsentCurrent
    return list(
        current.select()
        .where(current.tenant_id == tenant_id, current.subject_id == subject_id)
        .order_by(current.seq.desc())
    )


def _with_history(tenant_id: str, rows: Sequence[models.ConsentCurrent]) -> list[Standing]:
    statement = models.Consent
    query = (
        statement.select()
        .where(statement.tenant_id == tenant_id, statement.subject_id.in_([row.subject_id for row in rows]))
        .order_by(statement.occurred_at.desc(), statement.seq.desc())
    )
    histories: dict[tuple[str, str, str], list[models.Consent]] = {}
    undone = consent_carry.undone({row.subject_id for row in rows}) if rows else set()
    for row in [one for one in query if one.id not in undone] if rows else ():
        histories.setdefault((row.subject_id, row.purpose, row.channel), []).append(row)
    return [Standing(row, histories[row.subject_id, row.purpose, row.channel]) for row in rows]
