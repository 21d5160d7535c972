from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms.base import Change, Person

BODIES = json.loads((Path(__file__).parent / "shopify_bodies.json").read_text())
CUSTOMER_ID = BODIES["customers/delete"]["id"]
CUSTOMER = BODIES["customers/update"]
DELETED = BODIES["customers/delete"]
MERGE = BODIES["customers/merge"]
ORDER = BODIES["orders/create"]
REDACT = BODIES["customers/redact"]
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
    assert "ada@" not in str(dict(noisy.meta)).lower()
