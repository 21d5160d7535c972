"""The demo's hour: every sample body is what it claims to be, and the plan is repeatable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxflow.engine.errors import NotAuthentic, PermanentError
from dxflow.engine.identity import normalise
from dxflow.engine.platforms import PLATFORMS, get, signing
from dxflow.engine.platforms.base import Change, Delivery, Endpoint, Extraction
from dxflow.engine.services.welcome import Door
from dxflow.http.demo import traffic
from dxflow.http.demo.traffic import Expected, Planned

BEGIN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=1)
DOORS = {
    platform: Door(platform, f"https://edge.example/webhooks/{platform}/7", f"secret of {platform}")
    for platform in PLATFORMS
}


def hour(count: int = 400, seed: int = 1, begin: datetime = BEGIN) -> list[Planned]:
    return traffic.plan(count, seed, begin)


def delivery_of(planned: Planned, secret: str) -> Delivery:
    door = DOORS[planned.platform]
    headers, address = signing.signed_request(
        planned.platform,
        planned.topic,
        planned.body,
        secret,
        url=door.url,
        now=NOW,
        delivery_id=planned.delivery_id,
    )
    lower = {name.lower(): value for name, value in headers.items()}
    return Delivery("POST", address, address.partition("?")[2], lower, planned.body)


def endpoint_of(platform: str) -> Endpoint:
    return Endpoint("7", (DOORS[platform].secret,))


def extracted(planned: Planned) -> Extraction:
    """The body as the adapter reads it, once the signature has been checked."""
    adapter, endpoint = get(planned.platform), endpoint_of(planned.platform)
    delivery = delivery_of(planned, DOORS[planned.platform].secret)
    adapter.verify(delivery, endpoint, NOW)
    identity = adapter.identify(delivery, endpoint)
    assert identity.topic == planned.topic
    assert identity.handled
    return adapter.extract(identity.topic, planned.body, identity.meta, endpoint)


def expected(plan: Sequence[Planned], kind: Expected) -> list[Planned]:
    return [planned for planned in plan if planned.expected is kind and not planned.poison]


@pytest.mark.parametrize("seed", range(3))
def test_every_accepted_delivery_verifies_and_extracts(seed: int) -> None:
    for planned in expected(hour(seed=seed), Expected.ACCEPTED):
        assert extracted(planned).activity_type


def test_an_hour_has_every_platform_and_every_kind_of_event() -> None:
    topics = {(planned.platform, planned.topic) for planned in expected(hour(), Expected.ACCEPTED)}
    assert topics == {
        ("shopify", "customers/create"),
        ("shopify", "customers/update"),
        ("shopify", "customers/merge"),
        ("shopify", "customers/data_request"),
        ("shopify", "customers/redact"),
        ("shopify", "customers_email_marketing_consent/update"),
        ("shopify", "orders/create"),
        ("shopify", "orders/updated"),
        ("stripe", "customer.created"),
        ("stripe", "customer.subscription.created"),
        ("stripe", "customer.subscription.updated"),
        ("stripe", "checkout.session.completed"),
        ("mailchimp", "subscribe"),
        ("mailchimp", "unsubscribe"),
        ("mailchimp", "profile"),
        ("mailchimp", "upemail"),
        ("mailchimp", "cleaned"),
        ("woocommerce", "customer.created"),
        ("woocommerce", "order.created"),
        ("woocommerce", "order.updated"),
        ("hasura", "data_subjects.INSERT"),
        ("hasura", "data_subjects.UPDATE"),
    }


@pytest.mark.parametrize("count", [traffic.FEWEST, 400])
def test_consent_is_given_and_withdrawn_at_the_shop_and_at_the_newsletter(count: int) -> None:
    states = Counter(
        (planned.platform, signal.state)
        for planned in expected(hour(count), Expected.ACCEPTED)
        for signal in extracted(planned).consents
    )
    for platform in ("shopify", "mailchimp"):
        assert states[platform, "granted"]
        assert states[platform, "withdrawn"]


def test_nobody_withdraws_before_they_consent_at_the_newsletter() -> None:
    given: set[str | None] = set()
    for planned in expected(hour(1000), Expected.ACCEPTED):
        if planned.platform == "mailchimp":
            person = extracted(planned).person
            assert person is not None
            if planned.topic == "subscribe":
                given.add(person.email)
            elif planned.topic == "unsubscribe":
                assert person.email in given


def test_links_move_and_merge_and_rights_are_asked_for() -> None:
    found = [extracted(planned) for planned in expected(hour(), Expected.ACCEPTED)]
    changes = Counter(extraction.change for extraction in found)
    assert changes[Change.MOVE] == changes[Change.MERGE] == 1
    assert sorted(one.request.type for one in found if one.request) == ["access", "erasure"]


def test_ignored_deliveries_are_authentic_and_nobody_handles_them() -> None:
    ignored = expected(hour(), Expected.IGNORED)
    assert {planned.platform for planned in ignored} == {"shopify", "mandrill"}
    for planned in ignored:
        adapter, endpoint = get(planned.platform), endpoint_of(planned.platform)
        delivery = delivery_of(planned, DOORS[planned.platform].secret)
        adapter.verify(delivery, endpoint, NOW)
        identity = adapter.identify(delivery, endpoint)
        assert (identity.topic, identity.handled) == (planned.topic, False)


def test_exactly_one_delivery_is_forged() -> None:
    [forged] = expected(hour(), Expected.REFUSED)
    with pytest.raises(NotAuthentic):
        get(forged.platform).verify(delivery_of(forged, "not the secret"), endpoint_of(forged.platform), NOW)


def test_exactly_one_delivery_is_poison_well_signed_and_of_another_topics_shape() -> None:
    [poison] = [planned for planned in hour() if planned.poison]
    assert poison.expected is Expected.ACCEPTED
    with pytest.raises(PermanentError, match="shape"):
        extracted(poison)


def test_probes_are_those_that_platforms_send() -> None:
    ping, validation = sorted(expected(hour(), Expected.PROBED), key=lambda planned: planned.platform)[::-1]
    assert (ping.platform, validation.platform) == ("woocommerce", "mailchimp")
    assert get("woocommerce").is_probe(Delivery("POST", "https://edge.example", "", {}, ping.body))
    assert validation.body == b""


def test_a_duplicate_repeats_an_earlier_delivery_to_the_byte() -> None:
    plan = hour()
    repeats = expected(plan, Expected.DUPLICATE)
    assert len(repeats) > 10
    first_seen = {planned.delivery_id: planned for planned in expected(plan, Expected.ACCEPTED)}
    for repeat in repeats:
        original = first_seen[repeat.delivery_id]
        assert (repeat.topic, repeat.body) == (original.topic, original.body)
        assert repeat.at > original.at


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_all_other_deliveries_have_keys_of_their_own(seed: int) -> None:
    keys: Counter[tuple[str, tuple[str | bytes, ...]]] = Counter()
    for planned in expected(hour(700, seed), Expected.ACCEPTED):
        delivery = delivery_of(planned, DOORS[planned.platform].secret)
        identity = get(planned.platform).identify(delivery, endpoint_of(planned.platform))
        keys[planned.platform, identity.key] += 1
    assert [key for key, count in keys.items() if count > 1] == []


@settings(max_examples=30, deadline=None)
@given(count=st.integers(traffic.FEWEST, 1500), seed=st.integers(0, 10**9))
def test_an_hour_has_just_as_many_deliveries_as_asked_for_in_order(count: int, seed: int) -> None:
    plan = hour(count, seed)
    moments = [planned.at for planned in plan]
    assert len(plan) == count
    assert moments == sorted(moments)
    assert moments[0] >= BEGIN
    assert moments[-1] <= NOW + timedelta(minutes=2)  # a repeat may come after the hour
    assert len(expected(plan, Expected.REFUSED)) == sum(planned.poison for planned in plan) == 1


def test_the_same_seed_and_beginning_give_the_same_hour() -> None:
    assert hour(seed=7) == hour(seed=7)
    assert hour(seed=7) != hour(seed=8)


def test_the_same_seed_an_hour_later_brings_the_same_people_with_new_delivery_ids() -> None:
    early, late = hour(seed=7), hour(seed=7, begin=BEGIN + timedelta(hours=1))
    assert people(early) == people(late)
    assert not {planned.delivery_id for planned in early} & {planned.delivery_id for planned in late}


def people(plan: Sequence[Planned]) -> set[str]:
    found = (extracted(planned).person for planned in expected(plan, Expected.ACCEPTED))
    return {person.email for person in found if person and person.email}


def test_people_have_addresses_and_telephones_that_are_nobodys() -> None:
    reserved = ("+493023125", "+494066969", "+492214710", "+496990009", "+498999998")
    persons = [extracted(planned).person for planned in expected(hour(1000), Expected.ACCEPTED)]
    emails = {person.email for person in persons if person and person.email}
    phones = {person.phone for person in persons if person and person.phone}
    assert len(emails) > 100
    assert len(phones) > 50
    for email in emails:
        assert normalise.email(email) == email
        assert email.rpartition("@")[2] in ("example.com", "example.org", "example.net")
    for phone in phones:
        assert normalise.phone(phone, None) == phone
        assert phone.startswith(reserved)
