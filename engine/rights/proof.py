"""How sure it must be who asks, as data: for each type of request and regime the proof that is enough.

The rule: no more than the risk calls for (GDPR Art. 12(6), 11 CCR §7060(b)), and no less where data leaves or
is lost. A wrong opt-out is undone with a word; a wrong disclosure never is. What isn't known here takes the
stronger proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..store import models
from .types import RequestType


class Level(StrEnum):
    """What proves who asks; as ``rights_requests.verified_by`` keeps it."""

    NONE = "none"
    """Nothing was asked for."""
    ASSERTED = "asserted"
    """They control the address that they gave, and it wasn't on file."""
    CHANNEL = "channel"
    """They control a channel that was on file before the request came."""
    MANUAL = "manual"
    """An officer was satisfied, and said by what."""
    PLATFORM = "platform"
    """The platform that passed the request on says who it is about."""
    AGENT = "agent"
    """An authorised agent vouches for them (Data Rights Protocol 1.0; 11 CCR §7063)."""


@dataclass(frozen=True, slots=True)
class Need:
    """The proof that is enough, why, and the text that says so."""

    level: Level
    why: str
    citation: str


_T = RequestType
_RANK: Mapping[Level, int] = {
    Level.NONE: 0,
    Level.ASSERTED: 1,
    Level.AGENT: 1,
    Level.CHANNEL: 2,
    Level.MANUAL: 2,
    Level.PLATFORM: 2,
}
_CALIFORNIAN = ("ccpa", "ccpa_opt_out")
_AGENT_THERE = 2
"""In California an agent's signed permission is enough where the business doesn't ask for more (11 CCR
§7063(a)); under the GDPR the controller answers for knowing the person (EDPB Guidelines 01/2022, section
3.4)."""

_DISCLOSES = Need(
    Level.CHANNEL,
    "Data goes to whoever asks: they must control a channel that was known before.",
    "GDPR Art. 12(2), 12(6), 32; EDPB Guidelines 01/2022, section 3.3",
)
_CHANGES = Need(
    Level.CHANNEL,
    "Data is changed, lost or locked for the person it is about.",
    "GDPR Art. 5(1)(d), 5(1)(f), 12(2), 12(6)",
)
_OBJECTS = Need(
    Level.ASSERTED,
    "Nothing is disclosed, and it can be undone: that they reach the address they name is enough.",
    "GDPR Art. 11, 12(6), 21(1), 22(3)",
)
_WITHDRAWS = Need(
    Level.NONE,
    "As easy as it was to agree; an objection to direct marketing is simply followed.",
    "GDPR Art. 7(3), 21(2), 21(3)",
)
_COMPLAINS = Need(Level.NONE, "A complaint is heard whoever makes it.", "GDPR Art. 12(2), 77")
_UNKNOWN = Need(
    Level.CHANNEL, "What it leads to isn't known, so the stronger proof is taken.", "GDPR Art. 12(6)"
)

_GDPR: Mapping[str, Need] = {
    **dict.fromkeys((_T.ACCESS, _T.ACCESS_CATEGORIES, _T.PORTABILITY), _DISCLOSES),
    **dict.fromkeys((_T.RECTIFICATION, _T.ERASURE, _T.RESTRICTION), _CHANGES),
    **dict.fromkeys((_T.OBJECTION, _T.AUTOMATED_DECISION_OPT_OUT, _T.SALE_OPT_IN), _OBJECTS),
    **dict.fromkeys(
        (_T.CONSENT_WITHDRAWAL, _T.SALE_OPT_OUT, _T.TRACKING_OPT_OUT, _T.SENSITIVE_LIMIT), _WITHDRAWS
    ),
    _T.COMPLAINT: _COMPLAINS,
}

_KNOWS = Need(
    Level.CHANNEL,
    "Specific pieces take a reasonably high degree of certainty, categories a reasonable one.",
    "11 CCR §§7060(c), 7061, 7062(b), 7062(c)",
)
_DELETES = Need(
    Level.CHANNEL,
    "Deleting takes certainty that grows with how sensitive the data is; correcting is never proven by what is "
    "to be corrected.",
    "11 CCR §§7060(h), 7062(d)",
)
_OPTS_OUT = Need(
    Level.NONE, "An opt-out or limit need not be a verifiable request.", "11 CCR §§7026(d), 7027(e)"
)
_OPTS_IN = Need(
    Level.ASSERTED, "Opting in takes two steps: asking, and confirming apart from it.", "11 CCR §7028(a)"
)
_OTHER_THERE = Need(
    Level.CHANNEL, "What it leads to isn't known, so the stronger proof is taken.", "11 CCR §7060(c)"
)

_CCPA: Mapping[str, Need] = {
    **dict.fromkeys((_T.ACCESS, _T.ACCESS_CATEGORIES, _T.PORTABILITY), _KNOWS),
    **dict.fromkeys((_T.RECTIFICATION, _T.ERASURE), _DELETES),
    **dict.fromkeys(
        (
            _T.SALE_OPT_OUT,
            _T.SENSITIVE_LIMIT,
            _T.TRACKING_OPT_OUT,
            _T.AUTOMATED_DECISION_OPT_OUT,
            _T.CONSENT_WITHDRAWAL,
            _T.OBJECTION,
            _T.COMPLAINT,
        ),
        _OPTS_OUT,
    ),
    _T.SALE_OPT_IN: _OPTS_IN,
}

_SHOPIFY = Need(
    Level.PLATFORM,
    "The platform knows its customer, and signs what it passes on.",
    "Shopify, Privacy law compliance (mandatory compliance webhooks)",
)


def need(type: str, regime: str) -> Need:
    """The proof that a request of this type takes under this regime, with its reason."""
    if regime == "shopify":
        return _SHOPIFY
    if regime in _CALIFORNIAN:
        return _CCPA.get(type, _OTHER_THERE)
    return _GDPR.get(type, _UNKNOWN)


def needed(type: str, regime: str) -> Level:
    """The level of ``need``."""
    return need(type, regime).level


def proven(request: models.RightsRequest) -> Level:
    """What has been proven of whoever sent the request; nothing for words that aren't a level."""
    if request.verified_at is None or request.verified_by not in set(Level):
        return Level.NONE
    return Level(request.verified_by)


def enough(request: models.RightsRequest) -> bool:
    """Whether what has been proven is enough for what is asked."""
    return suffices(proven(request), request.type, request.regime)


def personal(request: models.RightsRequest) -> bool:
    """Whether whoever sent the request is proven to be the person on file, whatever their request takes: that
    somebody reaches an address which they gave, or an agent's word under the GDPR, says nothing of that."""
    return rank(proven(request), request.regime) >= rank(Level.CHANNEL, request.regime)


def suffices(level: Level, type: str, regime: str) -> bool:
    """Whether such a proof is enough for a request of this type under this regime."""
    return rank(level, regime) >= _RANK[needed(type, regime)]


def rank(level: Level, regime: str) -> int:
    """How strong a proof is under a regime; compare, nothing else."""
    return _AGENT_THERE if level == Level.AGENT and regime in _CALIFORNIAN else _RANK[level]
