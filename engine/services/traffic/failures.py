"""What failed, by its cause: the same step of the same workflow with the same words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL, fn

from ...store import models
from . import decisions

CAUSES = 50
"""Causes that are told apart, those with most events first."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why events failed; None where it doesn't matter."""

    workflow: str | None
    step: str | None
    error: str | None


ANY = Cause(None, None, None)


@dataclass(frozen=True, slots=True)
class Failure:
    """A cause and its events: how many there are, when the first was received and the last failed, and the
    newest of them."""

    cause: Cause
    count: int
    first: datetime
    last: datetime
    example: models.Event


@dataclass(frozen=True, slots=True)
class Failures:
    """``whole`` unless there are more causes than are told apart."""

    causes: list[Failure]
    whole: bool


def by_cause(tenant_id: str) -> Failures:
    """A data controller's failed events; costs one look into the index of failed events."""
    event: Any = models.Event
    named = (event.workflow, event.step, event.error)
    figures = (fn.COUNT(event.seq), fn.MIN(event.received_at), fn.MAX(event.updated_at), fn.MAX(event.seq))
    query = (
        event.select(*named, *figures)
        .where(event.tenant_id == tenant_id, event.state == SQL("'failed'"))  # as its partial index says it
        .group_by(*named)
        .order_by(fn.COUNT(event.seq).desc(), fn.MAX(event.seq).desc())
        .limit(CAUSES + 1)
    )
    rows = list(query.tuples())
    moment = event.received_at.python_value
    newest = [row[-1] for row in rows[:CAUSES]]
    examples = {one.seq: one for one in event.select(*decisions.COLUMNS).where(event.seq.in_(newest))}
    causes = [
        Failure(Cause(*row[:3]), row[3], moment(row[4]), moment(row[5]), examples[row[6]])
        for row in rows
        if row[6] in examples
    ]
    return Failures(causes, len(rows) <= CAUSES)
