"""What a platform says because dxflow told it, and how it is told from what a person said there.

Only the time tells: an echo is dated with the moment of the call. Clocks differ by ``SKEW``, and some platforms
date the webhook instead of the change, up to ``LAG`` later. In doubt a yes is an echo, because a person who
meant it is asked again at worst; a no is one only within ``SKEW``, because a person's no must never be lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .. import moments
from ..store import models
from .consent_order import Statement, answer, moment

SKEW = timedelta(seconds=5)
LAG = timedelta(minutes=5)
RESTATING = frozenset({"woocommerce", "hasura"})
"""Platforms whose bodies show a whole record, its consent among the rest, with the time of its last change."""
CALL = timedelta(seconds=10)
"""How long a call may have taken whose end was never written down (``outgoing.LIMITS``)."""


def is_echo(said: Statement, held: models.Consent | None) -> bool:
    """Whether the platform only repeats what it was told."""
    if said.connector_id is None or answer(said.state) is None:
        return False
    at, late = moment(said.occurred_at), LAG if answer(said.state) else SKEW
    alike = [row for row in _pushes(said, said.connector_id) if answer(row.consent) == answer(said.state)]
    return any(
        began - SKEW <= at <= ended + late and not _taken_back(said, held, ended)
        for row in alike
        for began, ended in _calls(row)
    )


def repeats(said: Statement) -> bool:
    """Whether a platform that says how things stand, whatever it was that changed, only says once more the yes
    that it said or was told last. Its time is another change's: as a statement it would outdo a no that people
    said meanwhile. A no is never doubted: the one before it may still be on its way."""
    if said.source not in RESTATING or said.connector_id is None or answer(said.state) is not True:
        return False
    at = moment(said.occurred_at)
    row = models.Consent
    own = row.select().where(row.tenant_id == said.tenant_id, row.subject_id == said.subject_id)
    own = own.where(row.purpose == said.purpose, row.channel == said.channel, row.source == said.source)
    own = own.where(row.occurred_at <= at).order_by(row.occurred_at.desc(), row.seq.desc())
    words = [(one.occurred_at, one.state) for one in own if connector_of(one) == said.connector_id][:1]
    words += [
        (one.finished_at, one.consent)
        for one in _pushes(said, said.connector_id)
        if one.state == "done" and one.finished_at <= at
    ]
    return bool(words) and answer(max(words)[1]) == answer(said.state)


def overtaken(said: Statement, last: models.ConsentPush | None, *, wanted: bool | None) -> bool:
    """Whether the newest word to the platform that spoke contradicts what it said, and came to it later."""
    if last is None or answer(last.consent) == wanted:
        return False
    return last.finished_at is None or bool(last.finished_at + LAG >= moment(said.occurred_at))


def heard_since(said: Statement, last: models.ConsentPush | None, wanted: bool | None) -> bool:
    """Whether the platform that spoke was told otherwise after it spoke, or is about to be."""
    if last is None or answer(last.consent) != wanted:
        return False
    return last.finished_at is None or bool(last.finished_at - SKEW >= moment(said.occurred_at))


def last_push(said: Statement, connector_id: str) -> models.ConsentPush | None:
    """The newest word to a platform about this consent that went, or is on its way."""
    return next((row for row in _pushes(said, connector_id) if row.state != "dropped"), None)


def connector_of(statement: models.Consent) -> str | None:
    """The connector that a statement came through; None for what no platform said."""
    if statement.event_id is None:
        return None
    event = models.Event.get_or_none(id=statement.event_id, tenant_id=statement.tenant_id)
    return None if event is None else event.connector_id


def _taken_back(said: Statement, held: models.Consent | None, ended: datetime) -> bool:
    """Whether this no takes back a yes that people said at this platform after the call: then it is theirs."""
    if held is None or answer(said.state) or not answer(held.state) or held.occurred_at <= ended:
        return False
    return held.occurred_at < moment(said.occurred_at) and connector_of(held) == said.connector_id


def _calls(row: models.ConsentPush) -> list[tuple[datetime, datetime]]:
    """When the platform was called, and by when it had taken it in at the latest. An attempt that failed may
    have come through all the same."""
    began = [moments.from_text(text) for text in row.calls]
    ended = [at + CALL for at in began]
    if row.state == "done" and row.finished_at is not None:
        ended[-1:] = [row.finished_at]
    return list(zip(began, ended, strict=False))


def _pushes(said: Statement, connector_id: str) -> list[models.ConsentPush]:
    """Newest first."""
    row = models.ConsentPush
    query = row.select().where(row.tenant_id == said.tenant_id, row.subject_id == said.subject_id)
    query = query.where(row.purpose == said.purpose, row.channel == said.channel)
    return list(query.where(row.connector_id == connector_id).order_by(row.created_at.desc(), row.id.desc()))
