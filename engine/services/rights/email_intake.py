"""A rights request that came as an e-mail, handed on by whoever got it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ... import moments
from ...core import Core
from ...platforms.base import Person
from ...rights import emails
from ...rights.emails import Letter
from ...rights.suggesting import suggest
from ...store import models
from .arrivals import Arrival, record_once

SOURCE = "email"


@dataclass(frozen=True, slots=True)
class Taken:
    """``new`` is unset for a message that came before; ``suggested`` if its type is only what its words fit."""

    request: models.RightsRequest
    new: bool
    suggested: bool
    letter: Letter


def take(
    core: Core,
    tenant_id: str,
    actor: str,
    message: str,
    *,
    type: str | None = None,
    jurisdiction: str | None = None,
    received_at: datetime | None = None,
) -> Taken:
    """Record a message: raw (RFC 5322), or base64 of it. Its sender is whom it says it is from, unproven; it
    was received when it was sent, if it says a time that can be. Raises Invalid."""
    letter = emails.read(emails.raw_of(message), now=core.clock())
    guess = suggest(letter.subject, letter.text)
    arrival = Arrival(
        SOURCE,
        _name(letter),
        type or str(guess.type),
        Person(email=letter.email, name=letter.name or None),
        jurisdiction=jurisdiction,
        received_at=received_at or letter.sent_at,
        details=letter.details,
        language=guess.language,
    )
    request, new = record_once(core, tenant_id, actor, arrival)
    return Taken(request, new, type is None, letter)


def _name(letter: Letter) -> tuple[str, ...]:
    """Its Message-ID with its sender, because some programs give all their letters the same; else all that it
    says."""
    if letter.message_id:
        return ("message-id", letter.message_id, letter.email)
    sent = moments.to_text(letter.sent_at) if letter.sent_at else ""
    return ("letter", letter.email, sent, letter.subject, letter.text)
