"""A message leaves the house. send → done

A message is handed over outside the transaction that moves its event. So two workers never send one: who sends
holds a claim on its row, which ends by itself, and notes at once, whatever becomes of the event, that it was
handed over. Only a worker that dies between the server's yes and that note leaves one that is sent again, under
the same Message-ID.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage

from .. import moments
from ..core import Core
from ..errors import PermanentError, TransientError, Unavailable
from ..mail import catalogue, letter
from ..mail.queue import PENDING, UNSENT, WITHDRAWN, close, too_late
from ..mail.queue import SENT as HANDED_OVER
from ..mail.queue import letter as read
from ..post import Session
from ..rights import following, team
from ..store import models, quick
from .base import Outcome, Prepared, Step

CLAIM_S = 180.0
"""How long a message is one worker's: longer than an actor may run."""
ACKNOWLEDGES = "acknowledged"
"""The kind that confirms receipt."""
FIRST_PAUSE_S = 30.0
"""The wait after the first failure, doubled with each further one: servers that put strangers off at first
(greylisting) take them after minutes, and one that is down is so for longer than a step's usual retries."""


def hand_over(core: Core, events: Sequence[models.Event], _: int | None) -> Prepared:
    """Send what can be sent. Under each event's id how that ended: a state of the message, or the error."""
    with core.store.reachable():
        rows = quick.by_ids(models.Message, (event.entity_id for event in events))
    found: dict[str, object] = {}
    now = core.clock()
    if core.post.transport is None:
        return {event.id: _without_server(core, rows.get(event.entity_id), now) for event in events}
    with core.post.transport.session() as session:
        for event in events:
            row = rows.get(event.entity_id)
            found[event.id] = None if row is None else _tried(core, session, event, row)
    return found


def _without_server(core: Core, message: models.Message | None, now: datetime) -> str | None:
    if message is None or message.state != PENDING:
        return None
    gone = _nobody_left(core, message, now) or catalogue.KINDS[message.kind].private
    return WITHDRAWN if gone else UNSENT


def _tried(
    core: Core, session: Session, event: models.Event, message: models.Message
) -> str | Exception | None:
    """The state of the message now, or the error; None where there is nothing to do."""
    try:
        with core.store.reachable():
            return _sent(core, session, message)
    except Unavailable:
        raise
    except TransientError as error:
        pause = FIRST_PAUSE_S * 2.0 ** min(event.attempts, 20)
        return TransientError(str(error), retry_after=max(pause, error.retry_after or 0.0))
    except Exception as error:  # noqa: BLE001  # it is the event's own, and raised where its step runs
        return error


def _sent(core: Core, session: Session, message: models.Message) -> str | None:
    if message.state != PENDING:
        return None
    if message.sent_at is not None:  # by a worker whose event had moved on meanwhile
        return HANDED_OVER
    if not _claim(core, message):
        fresh = quick.get(models.Message, id=message.id)
        if fresh is None or fresh.state != PENDING:
            return None
        if fresh.sent_at is not None:
            return HANDED_OVER
        raise TransientError("another worker is sending this message")
    try:
        if _nobody_left(core, message, core.clock()):
            return WITHDRAWN
        session.send(_letter(core, message))
    except BaseException:
        _note(core, message, {"claimed_until": None})
        raise
    _note(core, message, {"sent_at": core.clock()})
    return HANDED_OVER


def _claim(core: Core, message: models.Message) -> bool:
    """Whether the message is this worker's to send now."""
    row, now = models.Message, core.clock()
    free = row.claimed_until.is_null() | (row.claimed_until <= now)
    query = row.update(claimed_until=moments.after(now, CLAIM_S))
    with core.store.transaction():
        mine = query.where(row.id == message.id, row.state == PENDING, row.sent_at.is_null(), free)
        return bool(mine.execute())


def _note(core: Core, message: models.Message, changes: Mapping[str, object]) -> None:
    with core.store.transaction():
        quick.update(models.Message, {"id": message.id}, changes)


def _nobody_left(core: Core, message: models.Message, now: datetime) -> bool:
    """Whether it would come too late, or to somebody who was erased and isn't being told of just that."""
    if too_late(core, message, now):
        return True
    if message.subject_id is None or catalogue.KINDS[message.kind].afterwards:
        return False
    subject = quick.get(models.DataSubject, id=message.subject_id)
    return subject is not None and subject.state == "erased"


def _letter(core: Core, message: models.Message) -> EmailMessage:
    content = read(core, message)
    if content is None:
        raise PermanentError("this message was forgotten before it was sent")
    tenant = quick.get(models.DataController, id=message.tenant_id)
    to_team = message.kind.startswith("team_")
    envelope = letter.Envelope(
        id=message.id,
        sender=core.post.sender,
        name="" if tenant is None else str(tenant.name),
        date=core.clock(),
        language=message.language,
        reply_to=None if to_team else team.address(core, message.tenant_id),
        about=message.request_id,
    )
    return letter.written(content, envelope)


def send(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Write down how it ended. What was handed over was sent, whatever became of the row meanwhile."""
    message = quick.get(models.Message, id=event.entity_id)
    if message is None:
        return Outcome("gone", {"change": event.topic})
    ended = prepared[event.id]
    leaf = {"message": message.kind, "request": message.request_id}
    if isinstance(ended, Exception):
        if message.state != PENDING:
            return Outcome("unchanged", {**leaf, "state": message.state})
        raise ended
    if ended is None or message.state == HANDED_OVER:
        return Outcome("unchanged", {**leaf, "state": message.state})
    if ended == UNSENT:
        quick.update(models.Message, {"id": message.id}, {"state": UNSENT})
    else:
        close(message, str(ended), core.clock())
    if ended == HANDED_OVER and message.kind == ACKNOWLEDGES:
        _acknowledged(core, message)
    return Outcome(str(ended), leaf)


def _acknowledged(core: Core, message: models.Message) -> None:
    """Receipt is confirmed when that was sent, not when somebody meant to; an agent hears of it."""
    request = quick.lock(models.RightsRequest, id=message.request_id, tenant_id=message.tenant_id)
    if request is None or request.acknowledged_at is not None:
        return
    request.acknowledged_at = message.sent_at or core.clock()
    confirmed = {"acknowledged_at": request.acknowledged_at}
    quick.update(models.RightsRequest, {"id": request.id}, confirmed)
    following.changed(core, request)


STEPS = {"send": Step(send, hand_over)}
