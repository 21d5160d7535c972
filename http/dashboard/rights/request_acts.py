"""Doing what the forms of a request ask for: an act of its table, an erasure's, or one about a message."""

from __future__ import annotations

from collections.abc import Callable

from ....engine.desk import messages
from ....engine.errors import CallerError
from .. import words
from ..screens import Visit
from . import request_offers


def perform(visit: Visit, request_id: str) -> str | None:
    """Do what the form says; None when it is done, else what was wrong with it, as a sentence."""
    chosen = request_offers.named(visit.form.get("act", ""))
    if chosen is None:
        return "Choose one of the acts on this page."
    try:
        given = request_offers.said(chosen, visit.form)
        chosen.do(visit.core, visit.tenant_id, request_id, visit.signed.actor, *given)
    except request_offers.Blank as error:
        return str(error)
    except CallerError as error:
        return words.sentence(str(error))
    return None


_OF_MESSAGES: dict[str, Callable[..., object]] = {
    "send": messages.send_after_all,
    "withdraw": messages.withdraw,
}


def decide(visit: Visit, message_id: str) -> str | None:
    """Send a message after all, or withdraw it; None when it is done, else what was wrong, as a sentence."""
    do = _OF_MESSAGES.get(visit.form.get("act", ""))
    if do is None:
        return "Choose one of the acts on this page."
    try:
        do(visit.core, visit.tenant_id, message_id, visit.signed.actor)
    except CallerError as error:
        return words.sentence(str(error))
    return None
