from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms.base import Change, Person, RequestSignal

CUSTOMER_ID = 6940095564901234567
CUSTOMER = {
    "id": CUSTOMER_ID,
    "created_at": "2026-01-31T19:00:00-05:00",
    "updated_at": "2026-02-01T19:00:00-05:00",
    "first_name": "Ada",
    "last_name": "Byron",
    "state": "enabled",
    "verified_email": True,
    "tax_exempt": False,
    "email": "ada@example.com",
    "phone": None,
    "admin_graphql_api_id": f"gid://shopify/Customer/{CUSTOMER_ID}",
    "default_address": {"address1": "1 Main Street", "city": "Paris", "phone": "+33100000000"},
}
DELETED = {"id": CUSTOMER_ID, "tax_exemptions": [], "admin_graphql_api_id": CUSTOMER["admin_graphql_api_id"]}
MERGE = {
    "admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
    "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2",
    "admin_graphql_api_job_id": None,
    "status": "COMPLETED",
    "errors": [],
}
EMAIL_CONSENT = {
    "customer_id": CUSTOMER_ID,
    "email_address": "ada@example.com",
    "email_marketing_consent": {
        "state": "subscribed",
        "opt_in_level": "confirmed_opt_in",
        "consent_updated_at": "2026-03-01T10:00:00Z",
    },
}
SMS_CONSENT = {
    "id": CUSTOMER_ID,
    "phone": "+33612345678",
    "sms_marketing_consent": {
        "state": "UNSUBSCRIBED",
        "opt_in_level": "SINGLE_OPT_IN",
        "consent_updated_at": "2026-03-02T10:00:00+01:00",
        "consent_collected_from": "SHOPIFY",
    },
}
ORDER = {
    "id": 820982911946154508,
    "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
    "email": "orders@example.com",
    "contact_email": "orders@example.com",
    "phone": None,
    "buyer_accepts_marketing": True,
    "browser_ip": "192.0.2.1",
    "updated_at": "2026-02-02T00:00:00Z",
    "customer": {"id": CUSTOMER_ID, "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron"},
    "billing_address": {"first_name": "Ada", "last_name": "Byron", "city": "Paris", "phone": "+33100000000"},
    "line_items": [],
}
DATA_REQUEST = {
    "shop_id": 1,
    "shop_domain": "one.myshopify.com",
    "orders_requested": [1],
    "customer": {"id": 191167, "email": "ada@example.com", "phone": "555-625-1199"},
    "data_request": {"id": 9999},
}
REDACT = {
    "shop_id": 1,
    "shop_domain": "one.myshopify.com",
    "customer": {"id": 191167, "email": "ada@example.com", "phone": "555-625-1199"},
    "orders_to_redact": [1],
}
SHOP_REDACT = {"shop_id": 1, "shop_domain": "one.myshopify.com"}

BODIES = {
    "customers/create": CUSTOMER,
    "customers/update": CUSTOMER,
    "customers/enable": CUSTOMER,
    "customers/disable": CUSTOMER,
    "customers/delete": DELETED,
    "customers/merge": MERGE,
    "customers_email_marketing_consent/update": EMAIL_CONSENT,
    "customers_marketing_consent/update": SMS_CONSENT,
    "orders/create": ORDER,
    "orders/updated": ORDER,
    "customers/data_request": DATA_REQUEST,
    "customers/redact": REDACT,
    "shop/redact": SHOP_REDACT,
}
REPLAYS = [(topic, kind) for topic in BODIES for kind in BODIES if BODIES[kind] != BODIES[topic]]


@pytest.fixture
def shop(sender):
    return sender("shopify")


def test_a_customer_is_read_with_its_exact_id(shop):
    found = shop.extract("customers/update", CUSTOMER)
    assert found.change is Change.UPSERT
    assert found.person == Person(
        email="ada@example.com",
        name="Ada Byron",
        external_ids=(("shopify", "6940095564901234567"),),
        email_verified=True,
    )
    assert found.fields == ("address", "email", "name", "phone")
    assert found.occurred_at == datetime(2026, 2, 2, tzinfo=UTC)
    assert (found.purpose, found.legal_basis) == ("customer account", "contract")


@pytest.mark.parametrize("topic", ["customers/create", "customers/update", "orders/create", "orders/updated"])
def test_bodies_of_current_versions_carry_no_consent(topic, shop):
    assert shop.extract(topic, BODIES[topic]).consents == ()


@pytest.mark.parametrize(("topic", "kind"), REPLAYS)
def test_a_captured_body_is_refused_under_another_topic(topic, kind, shop):
    with pytest.raises(PermanentError):
        shop.extract(topic, BODIES[kind])


@pytest.mark.parametrize("topic", BODIES)
def test_every_topic_takes_its_own_body(topic, shop):
    assert shop.identify(topic, BODIES[topic]).handled
    assert shop.extract(topic, BODIES[topic]).activity_type


@pytest.mark.parametrize(("topic", "gid"), [("customers/delete", "Product"), ("customers/update", "Order")])
def test_the_kind_of_the_global_id_must_fit_the_topic(topic, gid, shop):
    with pytest.raises(PermanentError):
        shop.extract(topic, {**BODIES[topic], "admin_graphql_api_id": f"gid://shopify/{gid}/1"})


def test_null_protected_data_leaves_the_id(shop):
    hidden = dict.fromkeys(("email", "phone", "first_name", "last_name", "default_address"))
    found = shop.extract("customers/update", {**CUSTOMER, **hidden})
    assert found.person == Person(external_ids=(("shopify", str(CUSTOMER_ID)),), email_verified=True)
    assert found.fields == ()


def test_absent_protected_data_leaves_the_id(shop):
    kept = {key: CUSTOMER[key] for key in ("id", "state", "updated_at")}
    assert shop.extract("customers/update", kept).person.external_ids == (("shopify", str(CUSTOMER_ID)),)


def test_a_deletion_matches_and_asks_for_no_erasure(shop):
    found = shop.extract("customers/delete", DELETED)
    assert found.change is Change.MATCH_ONLY
    assert found.request is None


@pytest.mark.parametrize("bad", [None, True, "1", 0, -1, 1.5, 2**64])
def test_an_id_that_is_not_shopifys_is_refused(bad, shop):
    with pytest.raises(PermanentError):
        shop.extract("customers/delete", {"id": bad})


def test_a_completed_merge_names_who_stays_and_who_goes(shop):
    found = shop.extract("customers/merge", MERGE)
    assert found.change is Change.MERGE
    assert found.person.external_ids == (("shopify", "1"),)
    assert found.previous.external_ids == (("shopify", "2"),)


@pytest.mark.parametrize(
    ("status", "noted"),
    [("failed", "failed"), ("IN_PROGRESS", "in_progress"), ("John Doe", "unknown"), (None, "unknown")],
)
def test_a_merge_that_is_not_completed_moves_nobody(status, noted, shop):
    found = shop.extract("customers/merge", {**MERGE, "status": status})
    assert (found.change, found.person, found.previous) == (Change.NOBODY, None, None)
    assert found.activity_type == f"customer_merge_{noted}"


@pytest.mark.parametrize("gid", [None, 2, "2", "gid://shopify/Order/2", "gid://shopify/Customer/١"])
def test_a_merge_without_customer_ids_is_refused(gid, shop):
    with pytest.raises(PermanentError):
        shop.extract("customers/merge", {**MERGE, "admin_graphql_api_customer_deleted_id": gid})


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


def test_an_order_belongs_to_its_customer(shop):
    found = shop.extract("orders/create", ORDER)
    assert found.person.email == "ada@example.com"
    assert found.person.external_ids == (("shopify", str(CUSTOMER_ID)),)
    assert found.fields == ("address", "email", "ip_address", "name", "phone", "purchase_history")
    assert (found.purpose, found.legal_basis) == ("order fulfilment", "contract")


def test_a_guest_is_known_by_the_orders_address(shop):
    found = shop.extract("orders/create", {**ORDER, "customer": None})
    assert found.person == Person(email="orders@example.com", name="Ada Byron")


def test_a_sale_to_nobody_known_concerns_nobody(shop):
    unknown = {"customer": None, "email": "", "contact_email": None, "phone": None}
    found = shop.extract("orders/create", {**ORDER, **unknown})
    assert (found.change, found.person) == (Change.NOBODY, None)


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


def test_only_this_connectors_shop_is_believed(sender):
    mine, other = (
        sender("shopify", shop="https://Demo.myshopify.com/"),
        sender("shopify", shop="b.myshopify.com"),
    )
    assert mine.extract("customers/update", CUSTOMER).person
    with pytest.raises(PermanentError, match="another shop"):
        other.extract("customers/update", CUSTOMER)
    with pytest.raises(PermanentError, match="another shop"):
        mine.extract("customers/redact", REDACT)
    with pytest.raises(PermanentError, match="another shop"):
        mine.extract("customers/update", CUSTOMER, meta={})


def test_the_placeholder_of_test_deliveries_is_no_shop(sender):
    body = {**REDACT, "shop_domain": "{shop}.myshopify.com"}
    assert sender("shopify", shop="demo.myshopify.com").extract("customers/redact", body).request


def test_deliveries_are_told_apart_by_shop_topic_and_webhook_id(shop):
    first = shop.identify("customers/update", CUSTOMER, "d1")
    assert first.key == ("demo.myshopify.com", "customers/update", "d1")
    assert first.key == shop.identify("customers/update", CUSTOMER, "d1", x_shopify_event_id="e2").key
    others = [
        shop.identify("customers/update", CUSTOMER, "d2"),
        shop.identify("customers/create", CUSTOMER, "d1"),
    ]
    assert first.key not in [other.key for other in others]


def test_without_a_webhook_id_the_body_identifies(shop):
    one, same, other = (shop.identify("customers/delete", {"id": n}, "") for n in (1, 1, 2))
    assert one.key == same.key != other.key


def test_header_names_without_x_are_read_first(shop):
    delivery = shop.delivery("customers/update", CUSTOMER)
    plain = {name.removeprefix("x-"): value for name, value in delivery.headers.items()}
    assert shop.verify(dataclasses.replace(delivery, headers=plain))
    both = shop.identify("customers/update", CUSTOMER, shopify_topic="orders/create")
    assert both.topic == "orders/create"


def test_an_empty_body_is_not_authentic_even_when_signed(shop):
    with pytest.raises(NotAuthentic):
        shop.verify(shop.delivery("customers/update", b""))


def test_a_topic_nobody_handles_is_named_and_left_alone(shop):
    assert not shop.identify("products/update", {"id": 1}).handled
    assert shop.identify("", {"id": 1}).topic == "unknown"
    with pytest.raises(PermanentError):
        shop.extract("products/update", {"id": 1})


def test_a_body_that_is_no_object_is_malformed(shop):
    with pytest.raises(Malformed):
        shop.identify("customers/update", b"[]")


def test_meta_is_short_printable_and_nothing_of_the_body(shop):
    noisy = shop.identify("customers/update", CUSTOMER, x_shopify_name="é\n" + "n" * 500)
    assert noisy.meta["name"] == "n" * 200
    assert set(noisy.meta) == {"shop_domain", "api_version", "webhook_id", "triggered_at", "name"}
    assert "ada" not in str(dict(noisy.meta)).lower()
