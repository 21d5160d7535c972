"""What a delivery may still do when its person's data are under a limit (``engine/rights/limits.py``).

Under a restriction the body stays where it is, sealed, and nothing of it is used but the withdrawal of a
consent, which only takes away. The event carries a mark; who lifts the restriction sends every marked event
back to its matching. Under an objection or an opt-out nothing waits: what is ended is written down as refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ..platforms.activities import REFUSED, RESTRICTED_STORAGE
from ..platforms.base import ConsentSignal, Extraction
from ..rights import limits
from ..rights.limits import Limits
from ..store import models
from .base import Outcome, Prepared

LIMITS = "limits"
"""Where ``prepared`` keeps limits by data subject: those of events that were matched before this message came
from one query for all of them, those of subjects with limits that it matches are added."""
STORED = {"limited": limits.RESTRICTION}
"""The mark, in ``Event.result``."""
GRANTED, WITHDRAWN = "granted", "withdrawn"


class Done(NamedTuple):
    """What was done with the data, as it is written down."""

    activity_type: str
    purpose: str
    legal_basis: str
    fields: list[str]
    leaf: Mapping[str, object]


def known(events: Sequence[models.Event]) -> dict[str, Limits]:
    """The limits of those whom these events were matched with before."""
    return limits.of(event.subject_id for event in events if event.subject_id is not None)


def stored(event: models.Event) -> bool:
    """Whether nothing of this event is used, because a restriction was in force when it was matched."""
    return bool(event.result.get("limited") == limits.RESTRICTION)


def outcome(subject: models.DataSubject) -> Outcome:
    """Of a match with somebody about whom nothing may be changed."""
    return Outcome("limited", changes={"subject_id": subject.id, "result": STORED})


def released(event: models.Event) -> dict[str, object]:
    """The change that takes an earlier mark away."""
    return {"result": {}} if stored(event) else {}


def note(prepared: Prepared, subject: models.DataSubject | None) -> None:
    """Remember for the steps that follow what the subject's own row says, now that it is locked."""
    if subject is None:
        return
    found = limits.of_subject(subject)
    if found.rows:
        prepared[LIMITS][subject.id] = found
    else:
        prepared[LIMITS].pop(subject.id, None)


def done(event: models.Event, found: Extraction, prepared: Prepared) -> Done:
    """The activity: what the platform did, unless that was only stored, or refused."""
    said = Done(found.activity_type, found.purpose, found.legal_basis, list(found.fields), {})
    if stored(event):
        return Done(*RESTRICTED_STORAGE, said.fields, {"stored": found.activity_type})
    held = prepared[LIMITS].get(event.subject_id, limits.NONE)
    limit = held.forbids(found.purpose, found.legal_basis)
    if limit is None or _takes_back(found) or _agreed_since(event, found, held, limit.began_at):
        return said
    return Done(
        REFUSED, found.purpose, "legal_obligation", [], {"refused": found.activity_type, "limit": limit.kind}
    )


def signals(event: models.Event, found: Extraction, prepared: Prepared) -> list[ConsentSignal]:
    """The statements about consent that may be taken over."""
    if stored(event):
        return [signal for signal in found.consents if signal.state == WITHDRAWN]
    held = prepared[LIMITS].get(event.subject_id, limits.NONE)
    return [signal for signal in found.consents if _counts(held, signal)]


def _counts(held: Limits, signal: ConsentSignal) -> bool:
    return signal.state == WITHDRAWN or held.lets_back(signal.purpose, signal.occurred_at)


def _takes_back(found: Extraction) -> bool:
    """To hear that a consent is withdrawn is none of what the person objects to."""
    return bool(found.consents) and all(signal.state == WITHDRAWN for signal in found.consents)


def _agreed_since(event: models.Event, found: Extraction, held: Limits, began: datetime) -> bool:
    """Whether the person agreed to this very purpose after the limit began: the newer word of theirs."""
    if found.legal_basis != "consent":
        return False
    if any(signal.state == GRANTED and _counts(held, signal) for signal in found.consents):
        return True
    current = models.ConsentCurrent
    query = current.select().where(current.subject_id == event.subject_id, current.purpose == found.purpose)
    return any(row.state == GRANTED and row.occurred_at > began for row in query)
