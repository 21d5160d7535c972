"""What people were told, or should have been: for the officers at the desk.

What is sent is forgotten; what couldn't be sent can be read here, sent after all once there is a mail server,
or withdrawn. A code is its receiver's alone, and shown to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..core import Core
from ..errors import Conflict
from ..lookups import there
from ..mail import catalogue
from ..mail.catalogue import Written
from ..mail.letter import Letter
from ..mail.queue import PENDING, UNSENT, WITHDRAWN, close, drafts, letter
from ..rights import deadlines
from ..services import acts
from ..store import models, quick

_YET_TO_SAY: Mapping[str, Mapping[str, object]] = {
    "extension": {"reason": "…"},
    "clarification": {"question": "…"},
    "denial": {"reason": "other", "explanation": "…"},
    "fulfilled": {"decision": "fulfilled", "message": "…"},
    "cancelled": {},
}
"""What officers send, with what they have yet to say."""


def listing(tenant_id: str, request_id: str) -> list[models.Message]:
    """The messages about a request, oldest first; each says its kind and state, and nothing else."""
    row = models.Message
    query = row.select().where(row.tenant_id == tenant_id, row.request_id == request_id)
    return list(query.order_by(row.created_at, row.id))


def get(tenant_id: str, message_id: str) -> models.Message:
    """One message. Raises NotFound."""
    return there(quick.get(models.Message, id=message_id, tenant_id=tenant_id), "no such message")


def read(core: Core, tenant_id: str, message_id: str, actor: str) -> Letter | None:
    """What a message says and to whom, written down before it is shown; None where nothing is kept of it, and
    for what is its receiver's alone. Raises NotFound."""
    message = get(tenant_id, message_id)
    if message.to_sealed is None or catalogue.KINDS[message.kind].private:
        return None
    about = {"message": message.id, "request": message.request_id}
    acts.people_read(core, tenant_id, actor, "message", [message.subject_id], **about)
    return letter(core, message)


def previews(core: Core, request: models.RightsRequest, kinds: Iterable[str]) -> dict[str, Written]:
    """What the person would read, in their language, by the kind of message; where an officer's own words will
    stand there is an ellipsis."""
    wanted = {kind: dict(_YET_TO_SAY[kind]) for kind in kinds if kind in _YET_TO_SAY}
    if "extension" in wanted:
        zone, waits = deadlines.zone_of(request.tenant_id), deadlines.waits_of(request.id)
        extended = deadlines.computed(request, zone, core.clock(), waits, extended=True)
        wanted["extension"]["due"] = extended.due
    return drafts(core, request.tenant_id, request.id, request.language, wanted)


def send_after_all(core: Core, tenant_id: str, message_id: str, actor: str) -> models.Message:
    """Put one that couldn't be sent on its way again. Raises NotFound, Conflict."""
    return _decide(core, tenant_id, message_id, actor, (UNSENT,), PENDING)


def withdraw(core: Core, tenant_id: str, message_id: str, actor: str) -> models.Message:
    """Don't send it any more, and forget it. Raises NotFound, Conflict for one that was sent or is
    withdrawn."""
    return _decide(core, tenant_id, message_id, actor, (UNSENT, PENDING), WITHDRAWN)


def _decide(
    core: Core, tenant_id: str, message_id: str, actor: str, from_: tuple[str, ...], state: str
) -> models.Message:
    with core.store.transaction():
        message = quick.lock(models.Message, id=get(tenant_id, message_id).id)
        if message is None or message.state not in from_ or message.sent_at is not None:
            raise Conflict(f"this message is {'gone' if message is None else message.state}")
        if message.to_sealed is None:
            raise Conflict("nothing is kept of this message any more")
        before = message.state
        if state == WITHDRAWN:
            close(message, state, core.clock())
        else:
            quick.update(models.Message, {"id": message.id}, {"state": state})
        facts = {"message": message.id, "request": message.request_id, "before": before, "state": state}
        acts.record(core, tenant_id, "message.decided", actor, None, [message.subject_id], **facts)
    core.bell.set()
    return get(tenant_id, message_id)
