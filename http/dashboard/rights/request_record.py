"""What was done about a request, in words: each an entry of the log, with who did it and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ....engine.core import Core
from ....engine.desk import record
from ....engine.desk.record import Noted
from ....engine.services import acts
from .. import words

MOVES: Mapping[str, str] = {
    "verify": "Identity proven",
    "collect": "Gathering began",
    "review": "Handed over for review",
    "respond": "Answered",
    "complete": "Closed, all done",
    "hold": "Put on hold",
    "resume": "Went on",
    "reject": "Denied",
    "cancel": "Ended without an answer",
    "mark_duplicate": "Marked as a duplicate",
    "reopen": "Begun anew",
}
ENDS = ("respond", "reject", "cancel", "mark_duplicate")
"""Moves that say how a request was answered, or that it wasn't."""

KINDS: Mapping[str, str] = {
    "rights_request.created": "Recorded",
    "rights_request.acknowledged": "Receipt confirmed by other means",
    "rights_request.extended": "Deadline extended",
    "rights_request.matched": "Matched to a data subject",
    "rights_request.unproven": "Has to be proven anew: a merge was taken back",
    "rights_request.fulfilled": "Done what it asks for",
    "rights_request.proven": "Identity proven",
    "rights_request.acknowledgement_due": "Receipt had to be confirmed",
    "identity_check.sent": "Code asked for",
    "identity_check.passed": "The code was right",
    "identity_check.failed": "The code was guessed wrongly for the last time",
    "identity_check.disowned": "“That wasn’t me”",
    "message.decided": "Decided about a message",
    "package.made": "Package made",
    "package.opened": "Passphrase shown to the person",
    "package.fetched": "Package fetched",
    "limit.placed": "Limit put in force",
    "limit.lifted": "Limit lifted",
    "consent.withdrawn": "Consent withdrawn",
    "data_subject.rectified": "Put right",
    "erasure.proposed": "Erasure proposed",
    "erasure.adopted": "Erasure approved by the first of two",
    "erasure.refused": "Erasure refused",
    "erasure.approved": "Erasure approved, and carried out",
    "obligation.closed": "Obligation closed by hand",
    "obligation.retried": "Recipient asked again",
    "personal_data.read": "Looked at who asked",
}
_ACTORS: Mapping[str, str] = {
    "user": "a colleague",
    "key": "an API key",
    "system": "dxflow itself, or its command line",
    "requester": "the person",
    "agent": "an authorised agent",
}
_CLOSED_LISTS: Mapping[str, Mapping[str, str]] = {
    "decision": words.DECISIONS,
    "denial_reason": words.DENIALS,
    "verified_by": words.PROOFS,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record. ``move`` is empty for what moved nothing."""

    index: int
    title: str
    by: str
    at: datetime
    notes: tuple[str, ...]
    move: str


def of(core: Core, tenant_id: str, request_id: str, reader: str, now: datetime) -> list[Entry]:
    """The record of a request, oldest first. ``reader`` is the actor name of the person who looks, whose own
    look, written down since ``now``, isn't still to come."""
    found = record.of(core, tenant_id, request_id)
    return [_entry(one, reader, min(one.at, now)) for one in found]


def ending(entries: Sequence[Entry]) -> Entry | None:
    """How it was answered, or that it wasn't; None while it is open."""
    return next((one for one in reversed(entries) if one.move in ENDS), None)


def by(actor: str, reader: str) -> str:
    """Who did something."""
    kind = actor.partition(":")[0]
    return "you" if actor == reader else _ACTORS.get(kind, words.plain(kind))


def _entry(one: Noted, reader: str, at: datetime) -> Entry:
    move = str(one.facts.get("move", ""))
    return Entry(one.index, _title(one, move), by(one.actor, reader), at, tuple(_notes(one)), move)


def _title(one: Noted, move: str) -> str:
    if one.kind == "rights_request.moved":
        return MOVES.get(move, words.plain(move).capitalize())
    if one.kind == "rights_request.warned":
        return f"{one.facts.get('percent')} % of the time was over"
    if one.kind == acts.READ and one.facts.get("page") == "message":
        return "Read a message"
    return KINDS.get(one.kind, words.plain(one.kind.replace(".", " ")).capitalize())


def _notes(one: Noted) -> list[str]:
    """What the entry says of closed lists, in words."""
    found = [
        names.get(str(one.facts[name]), str(one.facts[name]))
        for name, names in _CLOSED_LISTS.items()
        if one.facts.get(name) is not None
    ]
    recipient = one.facts.get("recipient")
    return [*found, words.source(str(recipient))] if recipient else found
