"""How sure it must be who asks: in proportion, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dxflow.engine.rights import REGIMES
from dxflow.engine.rights.proof import Level, enough, need, needed, proven, suffices
from dxflow.engine.rights.types import RequestType
from dxflow.engine.store import models

NOW = datetime(2099, 3, 2, tzinfo=UTC)


def a_request(type: str, regime: str, by: str | None) -> models.RightsRequest:
    return models.RightsRequest(
        type=type, regime=regime, verified_by=by, verified_at=None if by is None else NOW
    )


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("type", RequestType)
def test_every_type_under_every_regime_has_a_reason_and_a_citation(type: str, regime: str) -> None:
    found = need(type, regime)
    assert found.why.endswith(".")
    assert any(sign in found.citation for sign in ("GDPR", "11 CCR", "Shopify"))


@pytest.mark.parametrize(
    ("type", "regime", "level"),
    [
        ("access", "gdpr", Level.CHANNEL),
        ("portability", "uk_gdpr", Level.CHANNEL),
        ("erasure", "gdpr", Level.CHANNEL),
        ("rectification", "ccpa", Level.CHANNEL),
        ("access_categories", "ccpa", Level.CHANNEL),
        ("objection", "gdpr", Level.ASSERTED),
        ("consent_withdrawal", "gdpr", Level.NONE),
        ("sale_opt_out", "ccpa_opt_out", Level.NONE),
        ("sensitive_limit", "ccpa_opt_out", Level.NONE),
        ("tracking_opt_out", "ccpa_opt_out", Level.NONE),
        ("sale_opt_in", "ccpa_opt_out", Level.ASSERTED),
        ("access", "shopify", Level.PLATFORM),
        ("other", "gdpr", Level.CHANNEL),
        ("restriction", "ccpa", Level.CHANNEL),
        ("never heard of", "gdpr", Level.CHANNEL),
        ("never heard of", "ccpa", Level.CHANNEL),
        ("access", "a law to come", Level.CHANNEL),
    ],
)
def test_what_is_needed_grows_with_what_can_go_wrong(type: str, regime: str, level: Level) -> None:
    assert needed(type, regime) == level


@pytest.mark.parametrize("regime", REGIMES)
def test_nothing_is_ever_disclosed_or_erased_on_an_assertion(regime: str) -> None:
    for type in ("access", "access_categories", "portability", "erasure", "rectification"):
        for by in (None, "none", "asserted"):
            assert not enough(a_request(type, regime, by))


@pytest.mark.parametrize("by", ["channel", "manual", "platform"])
def test_any_strong_proof_is_enough_for_anything(by: str) -> None:
    assert all(enough(a_request(type, regime, by)) for type in RequestType for regime in REGIMES)


def test_an_agent_is_enough_in_california_alone() -> None:
    assert suffices(Level.AGENT, "access", "ccpa")
    assert not suffices(Level.AGENT, "access", "gdpr")
    assert suffices(Level.AGENT, "objection", "gdpr")
    assert not suffices(Level.AGENT, "access", "shopify")


@pytest.mark.parametrize("by", ["email", "CHANNEL", "", "channel "])
def test_words_that_are_no_level_prove_nothing(by: str) -> None:
    assert proven(a_request("access", "gdpr", by)) == Level.NONE


def test_without_a_time_nothing_is_proven() -> None:
    row = models.RightsRequest(type="access", regime="gdpr", verified_by="channel", verified_at=None)
    assert proven(row) == Level.NONE
    assert not enough(row)
