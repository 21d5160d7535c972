"""The closed lists of the rights queue, and the choice of a regime from a jurisdiction.

Request types and states are the queue's own words; denial reasons are those of the Data Rights Protocol 1.0.
"""

from __future__ import annotations

from enum import StrEnum

from ..errors import Invalid
from .regimes import EEA, REGIMES
from .workdays import subdivisions


class RequestType(StrEnum):
    """What the person asks for."""

    ACCESS = "access"
    ACCESS_CATEGORIES = "access_categories"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    AUTOMATED_DECISION_OPT_OUT = "automated_decision_opt_out"
    SALE_OPT_OUT = "sale_opt_out"
    SALE_OPT_IN = "sale_opt_in"
    SENSITIVE_LIMIT = "sensitive_limit"
    TRACKING_OPT_OUT = "tracking_opt_out"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    COMPLAINT = "complaint"
    OTHER = "other"


class RequestState(StrEnum):
    """Where a request stands: the first six are the way through, the rest are beside it."""

    RECEIVED = "received"
    IDENTITY_VERIFIED = "identity_verified"
    DATA_COLLECTION = "data_collection"
    REVIEW = "review"
    RESPONSE_SENT = "response_sent"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    ON_HOLD = "on_hold"
    DUPLICATE = "duplicate"

    @classmethod
    def over(cls) -> frozenset[RequestState]:
        """States in which nothing more is owed."""
        return frozenset({cls.COMPLETED, cls.REJECTED, cls.CANCELLED, cls.DUPLICATE})


class DenialReason(StrEnum):
    """Why a request was denied (Data Rights Protocol 1.0); a denial also tells of the right to complain."""

    SUSPECTED_FRAUD = "suspected_fraud"
    INSUF_VERIFICATION = "insuf_verification"
    NO_MATCH = "no_match"
    CLAIM_NOT_COVERED = "claim_not_covered"
    OUTSIDE_JURISDICTION = "outside_jurisdiction"
    TOO_MANY_REQUESTS = "too_many_requests"
    OTHER = "other"


# California's clock for a choice about sale, sharing, sensitive data or automated decisions. Opting back in
# (11 CCR §7028) has no statutory date: it gets the shorter of the two clocks, which can't be too late.
_CALIFORNIAN_CHOICES = frozenset(
    {
        RequestType.AUTOMATED_DECISION_OPT_OUT,
        RequestType.SALE_OPT_OUT,
        RequestType.SALE_OPT_IN,
        RequestType.SENSITIVE_LIMIT,
        RequestType.TRACKING_OPT_OUT,
    }
)

# "CA" alone is left out on purpose: it is Canada's code.
_JURISDICTIONS: dict[str, str] = {
    **dict.fromkeys(("EU", "EEA", "GDPR", *EEA), "gdpr"),
    **dict.fromkeys(("UK", "GB", "UK_GDPR"), "uk_gdpr"),
    **dict.fromkeys(("CCPA", "CPRA", "US-CA", "CA-US"), "ccpa"),
}
_WITHOUT_COUNTRY = frozenset({"EU", "EEA", "GDPR", "UK_GDPR", "CCPA", "CPRA", "CA-US"})
_ALLOWED = "EU, EEA or a member's country code (DE, DE-BY), UK or GB, US-CA or CCPA"


def regime_for(jurisdiction: str, type: str) -> str:
    """The name of the regime that governs a request of this type in this jurisdiction.

    ``jurisdiction`` is EU, EEA, a member state's ISO 3166 code (a subdivision may follow: DE-BY), UK or GB,
    US-CA, CA-US or CCPA; case doesn't matter. Shopify's compliance topics have no jurisdiction: their caller
    names the regime ``shopify`` itself. Raises Invalid for an unknown jurisdiction or type.
    """
    regime = _JURISDICTIONS[_known(jurisdiction)]
    if type not in set(RequestType):
        raise Invalid("type", f"unknown; allowed are {', '.join(RequestType)}")
    return "ccpa_opt_out" if regime == "ccpa" and type in _CALIFORNIAN_CHOICES else regime


def jurisdictions() -> list[str]:
    """Every jurisdiction there is a regime for, in upper case."""
    within = {
        f"{country}-{part}"
        for regime in REGIMES.values()
        for country in regime.regions
        for part in subdivisions(country)
    }
    return [*sorted(_JURISDICTIONS), *sorted(name for name in within if name == name.upper())]


def country_for(jurisdiction: str) -> str | None:
    """The ``country`` that ``clock.compute`` takes for a jurisdiction; None where it names no country.

    Raises Invalid for an unknown jurisdiction.
    """
    known = _known(jurisdiction)
    return None if known in _WITHOUT_COUNTRY else _spelled(jurisdiction)


def _spelled(text: str) -> str:
    return text.strip().upper()


def _known(jurisdiction: str) -> str:
    """The key of ``_JURISDICTIONS``; a subdivision (DE-BY, GB-SCT) falls back to its country."""
    text = _spelled(jurisdiction)
    country = text.partition("-")[0]
    if text in _JURISDICTIONS:
        return text
    if country in EEA or country == "GB":
        return country
    raise Invalid("jurisdiction", f"unknown; allowed are {_ALLOWED}")
