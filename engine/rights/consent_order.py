"""Which of two statements about consent holds: the newer; of two made at one moment, the more private.

The rule makes a total order, so any set of statements ends in the same state, in whatever order it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

PRIVACY = ("granted", "pending", "unknown", "denied", "withdrawn")
"""The states from the least private to the most.

``granted`` lets somebody be written to, ``pending`` only be asked to confirm, ``unknown`` not even that.
``denied`` is a no to a question, ``withdrawn`` one that takes a yes back: it must take effect as easily as the
yes did (GDPR Art. 7(3)), so nothing of the same moment stands above it.
"""

ALL = "all"
"""The channel that stands for every channel of its purpose."""

_NO = frozenset({"denied", "withdrawn"})


@dataclass(frozen=True, slots=True)
class Statement:
    """Somebody says what a person agreed to. ``connector_id`` is None for what no platform said."""

    tenant_id: str
    subject_id: str
    purpose: str
    channel: str
    state: str
    source: str
    occurred_at: datetime
    event_id: str | None = None
    connector_id: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)


def answer(state: str) -> bool | None:
    """Yes or no, which other platforms are told; None for what is neither."""
    return True if state == "granted" else False if state in _NO else None


def moment(at: datetime) -> datetime:
    """A moment as rows keep it: UTC, and what is finer than a millisecond cut off."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def prevails(at: datetime, state: str, over_at: datetime, over_state: str) -> bool:
    """Whether a statement holds against the one that holds so far. A repeated one doesn't."""
    return (moment(at), _privacy(state)) > (moment(over_at), _privacy(over_state))


def _privacy(state: str) -> tuple[int, str]:
    """States that plain SQL made up count as unknown; their names keep the order total."""
    return PRIVACY.index(state if state in PRIVACY else "unknown"), state
