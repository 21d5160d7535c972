"""Consent and the compliance topics: the Shopify bodies with legal weight."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dxflow.engine.errors import PermanentError
from dxflow.engine.platforms.base import Change, RequestSignal

BODIES = json.loads((Path(__file__).parent / "shopify_bodies.json").read_text())
CUSTOMER_ID = BODIES["customers/delete"]["id"]
CUSTOMER = BODIES["customers/update"]
EMAIL_CONSENT = BODIES["customers_email_marketing_consent/update"]
SMS_CONSENT = BODIES["customers_marketing_consent/update"]
DATA_REQUEST = BODIES["customers/data_request"]
REDACT = BODIES["customers/redact"]
SHOP_REDACT = BODIES["shop/redact"]


@pytest.fixture
def shop(sender):
    return sender("shopify")


@pytest.mark.parametrize("topic", ["customers/create", "customers/update", "orders/create", "orders/updated"])
def test_bodies_of_current_versions_carry_no_consent(topic, shop):
    assert shop.extract(topic, BODIES[topic]).consents == ()


def test_email_consent_is_read_from_its_own_topic(shop):
    found = shop.extract("customers_email_marketing_consent/update", EMAIL_CONSENT)
    (signal,) = found.consents
    assert (signal.purpose, signal.channel, signal.state) == ("direct marketing", "email", "granted")
    assert signal.occurred_at == found.occurred_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert signal.evidence == {"state": "subscribed", "opt_in_level": "confirmed_opt_in"}
    assert found.person.external_ids == (("shopify", str(CUSTOMER_ID)),)


def test_sms_consent_is_read_whatever_its_case(shop):
    found = shop.extract("customers_marketing_consent/update", SMS_CONSENT)
    (signal,) = found.consents
    assert (signal.channel, signal.state) == ("sms", "withdrawn")
    assert signal.evidence["collected_from"] == "shopify"
    assert found.person.phone == "+33612345678"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("subscribed", "granted"),
        ("Unsubscribed", "withdrawn"),
        ("PENDING", "pending"),
        ("not_subscribed", "unknown"),
        ("redacted", "unknown"),
        ("invalid", "unknown"),
        ("a word to come", "unknown"),
    ],
)
def test_each_state_has_one_meaning(state, expected, shop):
    body = {**EMAIL_CONSENT, "email_marketing_consent": {"state": state, "consent_updated_at": None}}
    (signal,) = shop.extract("customers_email_marketing_consent/update", body).consents
    assert (signal.state, signal.occurred_at) == (expected, None)


@pytest.mark.parametrize("consent", [None, {}, {"state": None}, {"state": ""}])
def test_a_null_state_says_nothing(consent, shop):
    body = {**SMS_CONSENT, "phone": None, "sms_marketing_consent": consent}
    found = shop.extract("customers_marketing_consent/update", body)
    assert found.consents == ()
    assert found.person.external_ids


def test_an_empty_address_in_a_consent_is_none(shop):
    body = {**EMAIL_CONSENT, "email_address": ""}
    assert shop.extract("customers_email_marketing_consent/update", body).person.email is None


@pytest.mark.parametrize(
    ("legacy", "expected"),
    [
        ({"accepts_marketing": True, "accepts_marketing_updated_at": "2024-01-01T00:00:00Z"}, "granted"),
        ({"accepts_marketing": False, "accepts_marketing_updated_at": "2024-01-01T00:00:00Z"}, "withdrawn"),
        ({"accepts_marketing": False}, "unknown"),
        ({"accepts_marketing": True, "email_marketing_consent": {"state": "unsubscribed"}}, "withdrawn"),
    ],
)
def test_consent_inside_a_customer_is_read_where_old_versions_send_it(legacy, expected, shop):
    (signal,) = shop.extract("customers/create", {**CUSTOMER, **legacy}).consents
    assert (signal.channel, signal.state) == ("email", expected)


def test_old_versions_send_both_channels_at_once(shop):
    consent = {"state": "subscribed", "opt_in_level": None, "consent_updated_at": "2024-01-01T00:00:00Z"}
    body = {**CUSTOMER, "email_marketing_consent": consent, "sms_marketing_consent": consent}
    assert [signal.channel for signal in shop.extract("customers/update", body).consents] == ["email", "sms"]


def test_a_data_request_is_a_request_for_access(shop):
    found = shop.extract("customers/data_request", DATA_REQUEST)
    assert found.request == RequestSignal("access", "shopify", reference="9999")
    assert found.change is Change.MATCH_ONLY
    assert found.person.email == "ada@example.com"


@pytest.mark.parametrize("customer", [{"email": "ada@example.com"}, {"id": 191167}, REDACT["customer"]])
def test_a_redaction_is_a_request_for_erasure_by_id_or_address(customer, shop):
    found = shop.extract("customers/redact", {**REDACT, "customer": customer})
    assert found.request == RequestSignal("erasure", "shopify")
    assert not found.person.nameless


def test_a_redaction_of_nobody_is_refused(shop):
    with pytest.raises(PermanentError):
        shop.extract("customers/redact", {**REDACT, "customer": {}})


def test_a_shops_redaction_concerns_no_single_person(shop):
    found = shop.extract("shop/redact", SHOP_REDACT)
    assert (found.change, found.person) == (Change.NOBODY, None)
    assert found.request == RequestSignal("erasure", "shopify", reference="shop")
