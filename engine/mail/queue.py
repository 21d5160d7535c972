"""A message is written down in the transaction that it speaks of; a workflow of its own sends it afterwards.

Whom it goes to and what it says stay sealed until it is sent, and are gone then: the fact stays. States:
pending, sent, unsent (there is no mail server; it can be read at the desk, and sent later), withdrawn (nobody
to send it to any more).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .. import moments
from ..core import Core
from ..store import models, quick, scope
from . import catalogue
from .letter import Letter

PENDING, SENT, UNSENT, WITHDRAWN = "pending", "sent", "unsent", "withdrawn"
KEPT = timedelta(days=90)
"""How long what couldn't be sent is kept for people to read."""

_FORGOTTEN: Mapping[str, None] = {"to_sealed": None, "text_sealed": None, "claimed_until": None}


def queue(
    core: Core,
    tenant_id: str,
    kind: str,
    to: str | None,
    *,
    language: str = "en",
    values: Mapping[str, object] | None = None,
    request_id: str | None = None,
    subject_id: str | None = None,
    valid_until: datetime | None = None,
) -> models.Message:
    """Put a message on its way, in the caller's transaction. ``kind`` names its text in the catalogue,
    ``values`` fill it in, and what it says of the request, the data controller and the authority is known here.
    Not sent after ``valid_until``. To nobody (None) it is withdrawn from the start: written all the same, so
    that whoever asked for it can't tell by the time it took. Raises LookupError for an unknown kind and for a
    value that is missing."""
    known = _known(core, tenant_id, request_id)
    said = catalogue.write(kind, language, {**known, **(values or {})})
    message_id = core.new_id()
    sealed = _sealed(core, tenant_id, message_id, to or "", said, valid_until)
    return models.Message.create(
        id=message_id,
        tenant_id=tenant_id,
        request_id=request_id,
        subject_id=subject_id,
        kind=kind,
        language=said.language,
        state=WITHDRAWN if to is None else PENDING,
        created_at=core.clock(),
        force_insert=True,
        **dict.fromkeys(sealed) if to is None else sealed,
    )


def drafts(
    core: Core, tenant_id: str, request_id: str, language: str, kinds: Mapping[str, Mapping[str, object]]
) -> dict[str, catalogue.Written]:
    """What messages of these kinds would say of a request, with these values; nothing is written down."""
    known = _known(core, tenant_id, request_id)
    return {kind: catalogue.write(kind, language, {**known, **values}) for kind, values in kinds.items()}


def _sealed(
    core: Core,
    tenant_id: str,
    message_id: str,
    to: str,
    said: catalogue.Written,
    valid_until: datetime | None,
) -> dict[str, bytes]:
    """The columns that say whom a message goes to, and what it says."""
    until = {} if valid_until is None else {"valid_until": moments.to_text(valid_until)}
    content = json.dumps({"subject": said.subject, "text": said.text, **until}, ensure_ascii=False)

    def seal(column: str, text: str) -> bytes:
        place = {"table": "messages", "column": column, "row_id": message_id}
        return core.keys.seal(tenant_id, text.encode(), **place)

    return {"to_sealed": seal("to_sealed", to), "text_sealed": seal("text_sealed", content)}


def letter(core: Core, message: models.Message) -> Letter | None:
    """What a message says and to whom, in the clear; None once that is forgotten."""
    if message.to_sealed is None or message.text_sealed is None:
        return None
    content = _content(core, message)
    return Letter(_unsealed(core, message, "to_sealed"), content["subject"], content["text"])


def too_late(core: Core, message: models.Message, now: datetime) -> bool:
    """Whether what it says holds no longer."""
    until = None if message.text_sealed is None else _content(core, message).get("valid_until")
    return until is not None and moments.from_text(until) <= now


def close(message: models.Message, state: str, now: datetime) -> None:
    """It is sent, or never will be: whom it went to and what it said are forgotten."""
    sent = {"sent_at": message.sent_at or now} if state == SENT else {}
    quick.update(models.Message, {"id": message.id}, {"state": state, **sent, **_FORGOTTEN})


def withdraw_all(tenant_id: str, subjects: Sequence[str], requests: Sequence[str] = ()) -> int:
    """Forget what was on its way to people who are erased, and about requests of theirs, but for what tells
    them of the erasure; how many. In the caller's transaction."""
    row = models.Message
    theirs = row.subject_id.in_(list(subjects)) | row.request_id.in_(list(requests))
    stays = [kind for kind, one in catalogue.KINDS.items() if one.afterwards or kind.startswith("team_")]
    query = row.update(state=WITHDRAWN, **_FORGOTTEN).where(row.tenant_id == tenant_id, theirs)
    return int(query.where(row.state.in_([PENDING, UNSENT]), row.kind.not_in(stays)).execute())


@scope.everyone("what nobody could send is forgotten for all alike")
def forget(core: Core) -> int:
    """Withdraw what has been unsent for ``KEPT``; how many. For a periodic caller."""
    row = models.Message
    old = (row.state == UNSENT) & (row.created_at <= core.clock() - KEPT)
    if not row.select().where(old).exists():
        return 0
    with core.store.transaction():
        return int(row.update(state=WITHDRAWN, **_FORGOTTEN).where(old).execute())


def _known(core: Core, tenant_id: str, request_id: str | None) -> dict[str, object]:
    """What messages say without being told."""
    tenant = quick.get(models.DataController, id=tenant_id)
    desk = quick.get(models.RightsDesk, tenant_id=tenant_id)
    request = quick.get(models.RightsRequest, id=request_id) if request_id else None
    known: dict[str, object] = {
        "controller": "" if tenant is None else str(tenant.name),
        "authority": (desk.authority if desk else None) or "",
        "desk": f"{core.post.public_url}/dashboard/requests",
    }
    if request is None:
        return known
    zone = ZoneInfo(desk.zone) if desk else ZoneInfo("UTC")
    return known | {
        "reference": str(request.id),
        "type": request.type,
        "regime": request.regime,
        "received": request.received_at.astimezone(zone).date(),
        "due": request.due or "",
        "desk": f"{core.post.public_url}/dashboard/requests/{request.id}",
    }


def _content(core: Core, message: models.Message) -> dict[str, str]:
    found: dict[str, str] = json.loads(_unsealed(core, message, "text_sealed"))
    return found


def _unsealed(core: Core, message: models.Message, column: str) -> str:
    place = {"table": "messages", "column": column, "row_id": message.id}
    return core.keys.unseal(message.tenant_id, bytes(getattr(message, column)), **place).decode()
