"""What each platform's contract says of its own: delays, jobs, archives, orders that stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flow import HandClock
from mailchimp_server import hashed
from shopify_server import denied, shopper, throttled

from dxflow.engine.errors import PermanentError, TransientError
from dxflow.engine.moments import from_text
from dxflow.engine.recipients import Api, Later, Receipt, Target, mailchimp, shopify, stripe, woocommerce

ADA = "ada@shop.example"


def again(api: Api, receipt: dict[str, object]) -> Api:
    """The same wish, the next time."""
    return replace(api, before=receipt)


NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


# Shopify


def test_shopify_erases_ten_days_later_and_is_looked_at_until_it_has(api_of: Any, clock: HandClock) -> None:
    server, api = api_of("shopify")
    server.customers["1"] = shopper()
    first = shopify.erase(api, Target(("1",)))
    assert isinstance(first, Later)
    assert timedelta(0) <= first.not_before - (NOW + timedelta(days=10)) < timedelta(seconds=1)
    assert (first.receipt.status, first.receipt.remains) == ("asked", "the customer's personal data")
    assert server.erasing == {"1"}

    clock.forward(10 * 86_400 + 60)
    late = shopify.erase(again(api, first.receipt.as_json()), Target(("1",)))
    assert isinstance(late, Later), "not yet: looked at again the next day"
    assert late.not_before - clock.now <= timedelta(days=1)
    assert late.receipt.at - first.receipt.at < timedelta(seconds=1), "asked once"

    server.redact("1")
    done = shopify.erase(again(api, late.receipt.as_json()), Target(("1",)))
    assert isinstance(done, Receipt)
    assert done.status == "done"
    assert "orders" in str(done.remains)
    asked = [call for call in server.calls if b"customerRequestDataErasure" in call.body]
    assert len(asked) == 1


def test_shopify_waits_for_180_days_after_the_last_order(api_of: Any) -> None:
    server, api = api_of("shopify")
    server.customers["1"] = shopper(last_order="2026-05-01T00:00:00Z")
    found = shopify.erase(api, Target(("1",)))
    assert isinstance(found, Later)
    assert found.not_before == datetime(2026, 10, 28, tzinfo=UTC)


def test_shopify_is_asked_again_when_somebody_must_have_cancelled_it(api_of: Any, clock: HandClock) -> None:
    server, api = api_of("shopify")
    server.customers["1"] = shopper()
    first = shopify.erase(api, Target(("1",)))
    server.erasing.clear()
    clock.forward(18 * 86_400)
    assert isinstance(first, Later)
    second = shopify.erase(again(api, first.receipt.as_json()), Target(("1",)))
    assert isinstance(second, Later)
    assert server.erasing == {"1"}


def test_shopify_says_what_went_and_what_waits_of_several_customers(api_of: Any) -> None:
    server, api = api_of("shopify")
    server.customers |= {"1": shopper(), "2": shopper()}
    server.redact("2")
    found = shopify.erase(api, Target(("1", "2", "3")))
    assert isinstance(found, Later)
    assert found.receipt.counts == {"asked": 1, "done": 1, "gone": 1}


def test_shopifys_errors_come_with_http_200(api_of: Any) -> None:
    server, api = api_of("shopify")
    server.customers["1"] = shopper()
    server.faults = [throttled(available=10, restore=50, wanted=110)]
    with pytest.raises(TransientError) as caught:
        shopify.erase(api, Target(("1",)))
    assert caught.value.retry_after == 2.0
    server.faults = [denied()]
    with pytest.raises(PermanentError, match="write_customer_data_erasure"):
        shopify.erase(api, Target(("1",)))
    server.refuses = {"1"}
    with pytest.raises(PermanentError, match="FAILED_TO_REQUEST"):
        shopify.erase(api, Target(("1",)))


def test_shopify_is_told_of_a_consent_with_its_time(api_of: Any) -> None:
    server, api = api_of("shopify")
    server.customers["1"] = shopper(phone="+4930998877665")
    said = shopify.set_consent(api, Target(("1",)), "email", "withdrawn", NOW)
    assert said.status == "done"
    assert server.customers["1"]["email_state"] == "UNSUBSCRIBED"
    assert from_text(server.customers["1"]["stated_at"]) == NOW
    shopify.set_consent(api, Target(("1",)), "sms", "granted", NOW)
    assert server.customers["1"]["sms_state"] == "SUBSCRIBED"
    with pytest.raises(PermanentError, match="channel all"):
        shopify.set_consent(api, Target(("1",)), "all", "granted", NOW)
    server.customers["1"]["email"] = None
    with pytest.raises(PermanentError, match="INVALID"):
        shopify.set_consent(api, Target(("1",)), "email", "granted", NOW)


def test_shopify_takes_a_corrected_name(api_of: Any) -> None:
    server, api = api_of("shopify")
    server.customers["1"] = shopper()
    found = shopify.rectify(
        api, Target(("1", "9"), changes={"name": "Ada King Lovelace", "email": "a@b.example"})
    )
    assert found.counts == {"done": 1, "gone": 1}
    row = server.customers["1"]
    assert (row["first"], row["last"], row["email"]) == ("Ada King", "Lovelace", "a@b.example")


# Stripe


def _to_the_end(api: Any, target: Target, clock: HandClock, *, most: int = 6) -> Receipt | Later:
    found = stripe.erase(api, target)
    for _ in range(most):
        if isinstance(found, Receipt) or found.not_before - clock.now > timedelta(days=1):
            return found
        clock.forward(301)
        found = stripe.erase(again(api, found.receipt.as_json()), target)
    raise AssertionError("the jobs never end")


def test_stripe_redacts_in_jobs_of_ten(api_of: Any, clock: HandClock) -> None:
    server, api = api_of("stripe")
    ids = tuple(f"cus_{number:02}" for number in range(23))
    server.customers = {one: {"email": ADA} for one in ids}
    found = _to_the_end(api, Target(ids), clock)
    assert isinstance(found, Receipt)
    assert (found.status, found.references) == ("done", ("prj_1", "prj_2", "prj_3"))
    assert [len(job["ids"]) for job in server.jobs.values()] == [10, 10, 3]
    assert server.redacted == set(ids)


def test_stripe_waits_for_transactions_to_grow_old(api_of: Any, clock: HandClock) -> None:
    server, api = api_of("stripe")
    server.customers["cus_1"] = {"email": ADA}
    paid = NOW - timedelta(days=30)
    server.charges, server.now = [("cus_1", int(paid.timestamp()))], int(NOW.timestamp())
    waiting = _to_the_end(api, Target(("cus_1",)), clock)
    assert isinstance(waiting, Later)
    assert waiting.not_before == paid + timedelta(days=90)
    assert "90 days" in str(waiting.receipt.why)
    assert server.redacted == set()

    clock.now = waiting.not_before + timedelta(minutes=1)
    server.now = int(clock.now.timestamp())
    done = _to_the_end(again(api, waiting.receipt.as_json()), Target(("cus_1",)), clock)
    assert isinstance(done, Receipt)
    assert (done.status, server.redacted) == ("done", {"cus_1"})
    assert list(server.jobs) == ["prj_1"], "the same job, validated again"


def test_a_dispute_at_stripe_takes_a_person(
    api_of: Any, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, api = api_of("stripe")
    server.customers["cus_1"] = {"email": ADA}
    fault = {"code": "invalid_state", "message": f"{ADA} disputes"}
    monkeypatch.setattr(server, "_faults", lambda job: [fault])
    with pytest.raises(PermanentError, match="invalid_state") as caught:
        _to_the_end(api, Target(("cus_1",)), clock)
    assert ADA not in str(caught.value)


def test_without_redaction_jobs_stripes_customer_is_deleted_and_payments_remain(api_of: Any) -> None:
    server, api = api_of("stripe")
    server.previews, server.customers = False, {"cus_1": {}}
    found = stripe.erase(api, Target(("cus_1", "cus_2")))
    assert isinstance(found, Receipt)
    assert found.counts == {"done": 1, "gone": 1}
    assert "payments" in str(found.remains)
    assert server.customers == {}


def test_stripe_takes_a_corrected_address(api_of: Any) -> None:
    server, api = api_of("stripe")
    server.customers["cus_1"] = {"email": ADA}
    stripe.rectify(api, Target(("cus_1",), changes={"email": "new@shop.example"}))
    assert server.customers["cus_1"]["email"] == "new@shop.example"


# Mailchimp


def test_mailchimp_forgets_a_member_in_every_audience(api_of: Any) -> None:
    server, api = api_of("mailchimp")
    server.join("one", ADA.upper())
    server.join("two", ADA)
    found = mailchimp.erase(api, Target((), (ADA,), (), ("one", "two", "three")))
    assert found.counts == {"done": 2, "gone": 1}
    assert server.forgotten == {("one", hashed(ADA)), ("two", hashed(ADA))}


def test_mailchimp_without_an_audience_is_not_guessed_at(api_of: Any) -> None:
    _, api = api_of("mailchimp")
    with pytest.raises(PermanentError, match="list_id"):
        mailchimp.erase(api, Target((), (ADA,)))


def test_mailchimp_archives_whom_it_may_not_use(api_of: Any) -> None:
    server, api = api_of("mailchimp")
    server.join("one", ADA)
    for _ in range(2):
        assert mailchimp.restrict(api, Target((), (ADA,), (), ("one",))).status == "done"
    assert server.members["one", hashed(ADA)]["status"] == "archived"


def test_mailchimp_is_told_of_a_withdrawal_and_a_new_address(api_of: Any) -> None:
    server, api = api_of("mailchimp")
    server.join("one", ADA)
    target = Target((), (ADA,), (), ("one",), {"email": "new@shop.example", "name": "Ada Lovelace"})
    mailchimp.set_consent(api, target, "email", "withdrawn", NOW)
    assert server.members["one", hashed(ADA)]["status"] == "unsubscribed"
    mailchimp.rectify(api, target)
    row = server.members["one", hashed("new@shop.example")]
    assert row["merge_fields"] == {"FNAME": "Ada", "LNAME": "Lovelace"}
    with pytest.raises(PermanentError, match="sms"):
        mailchimp.set_consent(api, target, "sms", "withdrawn", NOW)


# WooCommerce


@pytest.mark.parametrize("missing", [400, 404])
def test_woocommerces_customers_go_and_their_orders_are_counted(missing: int, api_of: Any) -> None:
    server, api = api_of("woocommerce")
    server.missing_status = missing
    server.customers = {"42": {"email": ADA}, "43": {"email": ADA}}
    server.orders = [(1, "42", ADA), (2, "0", ADA), (3, "9", "ben@shop.example")]
    found = woocommerce.erase(api, Target(("42", "7"), (ADA,)))
    assert server.customers == {}
    assert found.counts == {"done": 2, "gone": 1, "orders": 2}
    assert "orders" in str(found.remains)


def test_woocommerce_without_orders_keeps_nothing(api_of: Any) -> None:
    server, api = api_of("woocommerce")
    server.customers = {"42": {"email": ADA}}
    found = woocommerce.erase(api, Target(("42",), (ADA,)))
    assert (found.status, found.remains) == ("done", None)


def test_woocommerce_takes_a_corrected_telephone(api_of: Any) -> None:
    server, api = api_of("woocommerce")
    server.customers = {"42": {"email": ADA}}
    woocommerce.rectify(api, Target(("42",), changes={"phone": "+4930998877665"}))
    assert server.customers["42"]["billing"] == {"phone": "+4930998877665"}
    with pytest.raises(PermanentError, match="number"):
        woocommerce.rectify(api, Target(("../1",), changes={"phone": "1"}))
