"""Which regime governs a request, by its jurisdiction and its type."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dxflow.engine.errors import Invalid
from dxflow.engine.rights import (
    REGIMES,
    DenialReason,
    RequestState,
    RequestType,
    compute,
    country_for,
    regime_for,
)
from dxflow.engine.rights.regimes import EEA

CHOICES = {"automated_decision_opt_out", "sale_opt_out", "sale_opt_in", "sensitive_limit", "tracking_opt_out"}
JURISDICTIONS = [
    "EU",
    "EEA",
    "GDPR",
    "UK",
    "GB",
    "UK_GDPR",
    "GB-SCT",
    "DE-BY",
    "CCPA",
    "CPRA",
    "US-CA",
    "CA-US",
]


@pytest.mark.parametrize(
    ("jurisdiction", "regime"),
    [
        *[(code, "gdpr") for code in ("EU", "EEA", "GDPR", "DE-BY", " de ", *sorted(EEA))],
        *[(code, "uk_gdpr") for code in ("UK", "GB", "uk", "GB-SCT", "UK_GDPR")],
        *[(code, "ccpa") for code in ("CCPA", "CPRA", "US-CA", "CA-US", "ccpa")],
    ],
)
def test_each_jurisdiction_has_its_regime(jurisdiction: str, regime: str) -> None:
    assert regime_for(jurisdiction, "access") == regime


@pytest.mark.parametrize("type", list(RequestType))
def test_in_california_choices_about_ones_data_have_the_shorter_clock(type: RequestType) -> None:
    assert regime_for("US-CA", type) == ("ccpa_opt_out" if type in CHOICES else "ccpa")


@pytest.mark.parametrize("type", list(RequestType))
def test_in_europe_every_type_has_the_same_clock(type: RequestType) -> None:
    assert (regime_for("EU", type), regime_for("UK", type)) == ("gdpr", "uk_gdpr")


@pytest.mark.parametrize("jurisdiction", ["", "CA", "US", "US-NV", "BR", "CH", "EU-DE", "shopify", "DEU"])
def test_an_unknown_jurisdiction_is_refused_with_what_is_allowed(jurisdiction: str) -> None:
    refusal = r"jurisdiction: unknown; allowed are EU, EEA or .* US-CA or CCPA"
    with pytest.raises(Invalid, match=refusal):
        regime_for(jurisdiction, "access")
    with pytest.raises(Invalid, match=refusal):
        country_for(jurisdiction)


@pytest.mark.parametrize("type", ["", "Access", "delete", "sale-opt-out"])
def test_an_unknown_type_is_refused_with_what_is_allowed(type: str) -> None:
    with pytest.raises(Invalid, match="type: unknown; allowed are access, access_categories, "):
        regime_for("EU", type)


@pytest.mark.parametrize("jurisdiction", [*JURISDICTIONS, *sorted(EEA)])
def test_the_regime_and_the_country_of_a_jurisdiction_fit_each_other(jurisdiction: str) -> None:
    received = datetime(2026, 5, 12, tzinfo=UTC)
    for type in RequestType:
        regime = regime_for(jurisdiction, type)
        assert compute(regime, received, country=country_for(jurisdiction)).due > received.date()


@pytest.mark.parametrize(
    ("jurisdiction", "country"),
    [
        ("EU", None),
        ("de", "DE"),
        ("DE-BY", "DE-BY"),
        ("CCPA", None),
        ("US-CA", "US-CA"),
        ("GB-SCT", "GB-SCT"),
    ],
)
def test_a_jurisdiction_tells_its_country_where_it_names_one(jurisdiction: str, country: str | None) -> None:
    assert country_for(jurisdiction) == country


def test_the_closed_lists_are_those_of_the_queue() -> None:
    assert len(RequestType) == 15
    assert [str(state) for state in RequestState] == [
        "received",
        "identity_verified",
        "data_collection",
        "review",
        "response_sent",
        "completed",
        "rejected",
        "cancelled",
        "on_hold",
        "duplicate",
    ]
    assert [str(reason) for reason in DenialReason] == [
        "suspected_fraud",
        "insuf_verification",
        "no_match",
        "claim_not_covered",
        "outside_jurisdiction",
        "too_many_requests",
        "other",
    ]


def test_the_regimes_are_the_five_that_the_command_line_names() -> None:
    assert list(REGIMES) == ["gdpr", "uk_gdpr", "ccpa", "ccpa_opt_out", "shopify"]
