from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms import get
from dxflow.engine.platforms.base import Change, Delivery, Endpoint, Person, Trust
from dxflow.engine.platforms.signing import signed_request

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
CREATED = 1_790_000_000
CUSTOMER = {
    "id": "cus_1",
    "object": "customer",
    "email": "ada@example.com",
    "phone": "+33612345678",
    "name": "Ada Byron",
    "address": {"line1": "1 Main Street", "city": None},
    "shipping": None,
}
SUBSCRIPTION = {"id": "sub_1", "object": "subscription", "customer": "cus_1"}
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "customer": None,
    "customer_details": {"email": "ada@example.com", "phone": None, "name": "Ada", "address": None},
    "consent": {"promotions": "opt_in", "terms_of_service": "accepted"},
}
SUBSCRIPTION_TYPES = [
    f"customer.subscription.{change}"
    for change in (
        *("created", "updated", "deleted", "paused", "resumed"),
        *("pending_update_applied", "pending_update_expired", "trial_will_end"),
    )
]


def event(kind: str, resource: object, **more: object) -> dict[str, object]:
    envelope = {"id": "evt_1", "object": "event", "type": kind, "created": CREATED, "livemode": False}
    return {**envelope, "data": {"object": resource}, **more}


@pytest.fixture
def stripe(sender):
    return sender("stripe")


@pytest.mark.parametrize(("seconds", "fresh"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_the_signed_time_may_be_300_seconds_off_either_way(seconds, fresh, stripe):
    delivery = stripe.delivery("", event("customer.created", CUSTOMER))
    if fresh:
        assert stripe.verify(delivery, NOW + timedelta(seconds=seconds)) is Trust.SIGNED_FRESH
    else:
        with pytest.raises(NotAuthentic):
            stripe.verify(delivery, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("off", ["0", "00", "none", " None "])
def test_without_a_tolerance_an_old_event_is_signed_but_not_fresh(off, sender):
    side = sender("stripe", tolerance=off)
    delivery = side.delivery("", event("customer.created", CUSTOMER))
    assert side.verify(delivery, NOW + timedelta(days=9)) is Trust.SIGNED


@pytest.mark.parametrize("unreadable", ["", "-1", "five", "1e9", "٣٠٠", "9" * 40])
def test_a_tolerance_that_can_not_be_read_is_the_default_one(unreadable, sender):
    side = sender("stripe", tolerance=unreadable)
    delivery = side.delivery("", event("customer.created", CUSTOMER))
    assert side.verify(delivery, NOW + timedelta(seconds=300)) is Trust.SIGNED_FRESH
    with pytest.raises(NotAuthentic):
        side.verify(delivery, NOW + timedelta(seconds=301))


def resigned(delivery, change):
    header = change(delivery.headers["stripe-signature"])
    return dataclasses.replace(delivery, headers={"stripe-signature": header})


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header + ",v1=" + "0" * 64,
        lambda header: header.replace(",", ",v1=bad,"),
        lambda header: header + ",v0=" + "0" * 64 + ",v9=x",
        lambda header: header.replace(",", ", "),
    ],
)
def test_one_good_v1_among_others_is_enough(change, stripe):
    delivery = stripe.delivery("", event("customer.created", CUSTOMER))
    assert stripe.verify(resigned(delivery, change)) is Trust.SIGNED_FRESH


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace("v1=", "v0="),
        lambda header: header.replace("t=", "t=0"),
        lambda header: "t=1," + header,
        lambda header: header.upper(),
    ],
)
def test_other_schemes_and_other_spellings_of_the_time_do_not_count(change, stripe):
    delivery = stripe.delivery("", event("customer.created", CUSTOMER))
    with pytest.raises(NotAuthentic):
        stripe.verify(resigned(delivery, change))


def test_the_whole_secret_is_the_key_prefix_included():
    headers, url = signed_request("stripe", "", b"{}", "whsec_abc", url="u", now=NOW, delivery_id="")
    delivery = Delivery("POST", url, "", {k.lower(): v for k, v in headers.items()}, b"{}")
    assert get("stripe").verify(delivery, Endpoint("c7", ("whsec_abc",)), NOW)
    with pytest.raises(NotAuthentic):
        get("stripe").verify(delivery, Endpoint("c7", ("abc",)), NOW)


def test_an_event_is_named_by_its_id_and_its_account(stripe):
    identity = stripe.identify("", event("customer.created", CUSTOMER, account="acct_9"))
    assert (identity.topic, identity.key, identity.handled) == ("customer.created", ("evt_1",), True)
    assert identity.meta == {
        "event_id": "evt_1",
        "account": "acct_9",
        "created": str(CREATED),
        "livemode": "false",
    }


@pytest.mark.parametrize("kind", ["v2.core.event", "v2.core.event_notification", "customer", None, 1])
def test_what_is_no_snapshot_event_is_malformed(kind, stripe):
    with pytest.raises(Malformed):
        stripe.identify("", event("customer.created", CUSTOMER, object=kind))


def test_an_event_without_a_type_is_known_and_left_alone(stripe):
    identity = stripe.identify("", {"id": "evt_test_webhook", "object": "event"})
    assert (identity.topic, identity.handled) == ("unknown", False)


def test_a_customer_is_read_and_says_nothing_about_consent(stripe):
    found = stripe.extract("", event("customer.created", CUSTOMER))
    assert found.change is Change.UPSERT
    assert found.person == Person(
        "ada@example.com", "+33612345678", "Ada Byron", external_ids=(("stripe", "cus_1"),)
    )
    assert found.fields == ("address", "email", "name", "phone")
    assert found.consents == ()
    assert found.occurred_at == datetime.fromtimestamp(CREATED, UTC)


def test_a_deleted_customer_is_matched_and_never_created(stripe):
    found = stripe.extract("", event("customer.deleted", {"id": "cus_1", "object": "customer"}))
    assert found.change is Change.MATCH_ONLY
    assert found.request is None


@pytest.mark.parametrize("kind", SUBSCRIPTION_TYPES)
def test_a_subscription_links_by_its_customers_id(kind, stripe):
    identity = stripe.identify("", event(kind, SUBSCRIPTION))
    assert identity.handled
    assert stripe.extract("", event(kind, SUBSCRIPTION)).person == Person(external_ids=(("stripe", "cus_1"),))


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ({"customer": {"id": "cus_2", "object": "customer"}}, "cus_2"),
        ({"customer": None, "customer_account": "acct_3"}, "acct_3"),
    ],
)
def test_a_customer_may_be_expanded_or_an_account(reference, found, stripe):
    body = event("customer.subscription.created", {**SUBSCRIPTION, **reference})
    assert stripe.extract("", body).person.external_ids == (("stripe", found),)


def test_a_checkout_carries_both_consents(stripe):
    found = stripe.extract("", event("checkout.session.completed", SESSION))
    assert [(signal.purpose, signal.channel, signal.state) for signal in found.consents] == [
        ("direct marketing", "email", "granted"),
        ("terms_of_service", "all", "granted"),
    ]
    assert found.person == Person(email="ada@example.com", name="Ada")
    assert {signal.occurred_at for signal in found.consents} == {datetime.fromtimestamp(CREATED, UTC)}


@pytest.mark.parametrize(
    ("consent", "states"),
    [
        ({"promotions": "opt_out", "terms_of_service": None}, ["withdrawn"]),
        ({"promotions": None, "terms_of_service": None}, []),
        ({"promotions": "auto", "terms_of_service": "required"}, []),
        (None, []),
    ],
)
def test_null_in_a_checkout_means_nobody_was_asked(consent, states, stripe):
    found = stripe.extract("", event("checkout.session.completed", {**SESSION, "consent": consent}))
    assert [signal.state for signal in found.consents] == states


def test_a_checkout_of_nobody_concerns_nobody(stripe):
    session = {**SESSION, "customer_details": None}
    found = stripe.extract("", event("checkout.session.completed", session))
    assert (found.change, found.person, found.consents) == (Change.NOBODY, None, ())


@pytest.mark.parametrize(
    "body",
    [
        event("customer.created", SUBSCRIPTION),
        event("customer.subscription.created", CUSTOMER),
        event("checkout.session.completed", CUSTOMER),
        event("customer.created", {"object": "customer"}),
        event("customer.subscription.created", {"object": "subscription"}),
        event("customer.created", None),
        event("customer.created", CUSTOMER, created="now"),
        event("plan.created", {"object": "plan"}),
    ],
)
def test_an_object_that_does_not_fit_its_type_is_refused(body, stripe):
    with pytest.raises(PermanentError):
        stripe.extract("", body)
