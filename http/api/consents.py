"""``/api/v1/consents``: what holds, and every statement that led there."""

from __future__ import annotations

from typing import Any

from ...engine.services import consents as service
from ...engine.store import models
from .operation import Call
from .values import Id, Listed, Moment, Nothing, Paging, Shape


class Statement(Shape):
    """One statement; ``evidence`` holds the platform's own words."""

    id: Id
    state: str
    source: str
    evidence: Any
    event_id: Id | None
    occurred_at: Moment
    recorded_at: Moment


class Consent(Shape):
    """What holds for one purpose and channel. The first of ``history`` is the statement that made it so."""

    subject_id: Id
    purpose: str
    channel: str
    state: str
    source: str
    occurred_at: Moment
    history: list[Statement]


class ConsentPage(Listed[Consent]):
    """Consents, newest statement first."""


class ConsentQuery(Paging):
    """Of one data subject, or of all."""

    subject_id: Id | None = None


def listing(call: Call[ConsentQuery, Nothing]) -> ConsentPage:
    """Current state with history."""
    query = call.query
    page = service.listing(
        call.tenant_id, subject_id=query.subject_id, limit=query.limit, cursor=query.cursor
    )
    items = [
        Consent(
            subject_id=row.current.subject_id,
            purpose=row.current.purpose,
            channel=row.current.channel,
            state=row.current.state,
            source=row.current.source,
            occurred_at=row.current.occurred_at,
            history=[_statement(one) for one in row.history],
        )
        for row in page.rows
    ]
    return ConsentPage(items=items, next_cursor=page.next_cursor)


def _statement(row: models.Consent) -> Statement:
    return Statement(
        id=row.id,
        state=row.state,
        source=row.source,
        evidence=row.evidence,
        event_id=row.event_id,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
    )
