"""What a limit ends: by the law's own distinctions, whatever a purpose is spelled like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dxflow.engine.errors import Invalid
from dxflow.engine.rights import limits
from dxflow.engine.rights.limits import Limits
from dxflow.engine.store import models

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _limit(kind: str, purpose: str = "") -> Limits:
    return Limits((models.SubjectLimit(kind=kind, purpose=purpose, began_at=BEGAN),))


@pytest.mark.parametrize("basis", ["consent", "contract", "legitimate_interests", "unspecified"])
def test_an_objection_ends_direct_marketing_whatever_it_rests_on(basis: str) -> None:
    for held in (_limit("objection"), _limit("objection", "Direct_Marketing")):
        assert held.forbids("direct marketing", basis) is not None


@pytest.mark.parametrize(
    ("basis", "ended"),
    [("legitimate_interests", True), ("public_task", True), ("contract", False), ("legal_obligation", False)],
)
def test_an_objection_to_everything_ends_what_may_be_objected_to(basis: str, ended: bool) -> None:
    assert (_limit("objection").forbids("customer research", basis) is not None) is ended


def test_an_objection_to_one_purpose_leaves_the_others() -> None:
    held = _limit("objection", "customer research")
    assert held.forbids("Customer  Research", "legitimate_interests")
    assert not held.forbids("fraud prevention", "legitimate_interests")
    assert not held.forbids("direct marketing", "consent")


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("sale_opt_out", "sale of personal information"),
        ("sale_opt_out", "cross-context behavioral advertising"),
        ("sale_opt_out", "data_sharing"),
        ("tracking_opt_out", "web analytics"),
        ("tracking_opt_out", "tracking"),
        ("sensitive_limit", "use of sensitive data"),
        ("sensitive_limit", "precise geolocation"),
        ("automated_decision_opt_out", "profiling"),
        ("automated_decision_opt_out", "automated decision-making"),
    ],
)
def test_an_opt_out_ends_purposes_of_its_kind(kind: str, purpose: str) -> None:
    found = _limit(kind).forbids(purpose, "consent")
    assert found is not None
    assert found.kind == kind
    assert not _limit("restriction").forbids(purpose, "consent")


@pytest.mark.parametrize("kind", [kind for kind in limits.KINDS if kind != "objection"])
@pytest.mark.parametrize(
    "purpose", ["order fulfilment", "customer account", "wholesale", "subscription billing"]
)
def test_an_opt_out_leaves_what_a_shop_needs_and_words_that_only_look_alike(kind: str, purpose: str) -> None:
    assert _limit(kind).forbids(purpose, "contract") is None


def test_a_consent_from_before_the_limit_or_without_a_time_brings_nothing_back() -> None:
    held = _limit("objection", "direct marketing")
    assert not held.lets_back("direct marketing", None)
    assert not held.lets_back("direct marketing", BEGAN)
    assert held.lets_back("direct marketing", BEGAN + timedelta(seconds=1))
    assert held.lets_back("terms_of_service", None)


def test_only_a_restriction_restricts() -> None:
    assert [kind for kind in limits.KINDS if _limit(kind).restricted] == ["restriction"]
    with pytest.raises(Invalid, match="allowed are restriction, objection"):
        limits.require_kind("no such")
