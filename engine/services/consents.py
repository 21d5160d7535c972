"""What people agreed to: what holds now per purpose and channel, and every statement that led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..store import models
from . import subjects
from .pages import Page, by_number


@dataclass(frozen=True, slots=True)
class Standing:
    """``current`` holds; ``history`` has every statement of its purpose and channel, newest first."""

    current: models.ConsentCurrent
    history: list[models.Consent]


def listing(
    tenant_id: str, *, subject_id: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[Standing]:
    """What holds, newest statement first, of one data subject or of all. Raises NotFound for a foreign one."""
    current = models.ConsentCurrent
    query = current.select().where(current.tenant_id == tenant_id).order_by(current.seq.desc())
    if subject_id is not None:
        subjects.get(tenant_id, subject_id)
        query = query.where(current.subject_id == subject_id)

    def fetch(count: int, before: int | None) -> list[models.ConsentCurrent]:
        return list((query if before is None else query.where(current.seq < before)).limit(count))

    page = by_number("consents", fetch, lambda row: int(row.seq), limit=limit, cursor=cursor)
    return Page(_with_history(tenant_id, page.rows), page.next_cursor)


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
    for row in query if rows else ():
        histories.setdefault((row.subject_id, row.purpose, row.channel), []).append(row)
    return [Standing(row, histories[row.subject_id, row.purpose, row.channel]) for row in rows]
