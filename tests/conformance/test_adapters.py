"""The adapters against signatures and bodies that nobody of this project made.

They live beside the repository, in ``../shared``; where that isn't there, these tests skip.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic
from dxflow.engine.platforms import PLATFORMS, get
from dxflow.engine.platforms.base import Change, Delivery, Endpoint, Trust

SHARED = Path(__file__).parents[3] / "shared"
VECTORS = SHARED / "vectors" / "webhook_signatures.json"
SAMPLES = SHARED / "samples" / "webhooks"

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason=f"no foreign vectors at {SHARED}")


def signature_cases():
    cases = json.loads(VECTORS.read_text()) if VECTORS.exists() else []
    return [
        pytest.param(case, id=f"{case['platform']}-{case['name']}")
        for case in cases
        if case["platform"] in PLATFORMS and case.get("method", "POST") == "POST"
    ]


def samples(platform, pattern):
    return [pytest.param(path, id=path.name) for path in sorted((SAMPLES / platform).glob(pattern))]


def delivery_of(case):
    url = case.get("url", "https://edge.example/webhook")
    headers = {name.lower(): value for name, value in case["headers"].items()}
    return Delivery("POST", url, urlsplit(url).query, headers, base64.b64decode(case["raw_body"]))


def endpoint_of(case):
    secrets = case["secret"] if isinstance(case["secret"], list) else [case["secret"]]
    options = {"secret_header": case["secret_header"]} if "secret_header" in case else {}
    if "tolerance" in case:
        options["tolerance"] = "none" if case["tolerance"] is None else str(case["tolerance"])
    return Endpoint("c7", tuple(secrets), options)


@pytest.mark.parametrize("case", signature_cases())
def test_each_foreign_signature_is_judged_as_its_source_judges_it(case):
    adapter, delivery, endpoint = get(case["platform"]), delivery_of(case), endpoint_of(case)
    now = datetime.fromtimestamp(case["now"] or 0, UTC)
    if case["valid"]:
        assert adapter.verify(delivery, endpoint, now) in Trust
    else:
        with pytest.raises(NotAuthentic):
            adapter.verify(delivery, endpoint, now)
    then = case.get("then")
    assert adapter.is_probe(delivery) is (then == "answer_200_no_effect")
    if then == "reject_thin_event":
        with pytest.raises(Malformed):
            adapter.identify(delivery, endpoint)
    elif case["valid"]:
        assert adapter.identify(delivery, endpoint).key


def test_a_real_mandrill_capture_of_2013_verifies():
    """Key, address and signature: evendis/mandrill-rails, click_with_signature.json."""
    body = (SAMPLES / "mandrill" / "click__real_capture.form").read_bytes()
    headers = {"x-mandrill-signature": "7rUa4lNJitlb178MgGOcHO6T4Bg="}
    delivery = Delivery("POST", "http://requestb.in/q9a918q9", "", headers, body)
    endpoint = Endpoint("c7", ("ntynTMaFpM_octE5R1DKAw",))
    for platform in ("mandrill", "mailchimp"):
        assert get(platform).verify(delivery, endpoint, datetime.now(UTC)) is Trust.SIGNED
        assert get(platform).identify(delivery, endpoint).topic == "mandrill.click"


SHOPIFY_TOPICS = {
    "customers_create": "customers/create",
    "customers_update": "customers/update",
    "customers_enable": "customers/enable",
    "customers_disable": "customers/disable",
    "customers_delete": "customers/delete",
    "customers_merge": "customers/merge",
    "customers_email_marketing_consent_update": "customers_email_marketing_consent/update",
    "customers_marketing_consent_update": "customers_marketing_consent/update",
    "customers_data_request": "customers/data_request",
    "customers_redact": "customers/redact",
    "shop_redact": "shop/redact",
    "orders_create": "orders/create",
    "orders_cancelled": "orders/cancelled",
    "products_update": "products/update",
}
NOBODY = {"shop/redact", "customers/merge"}  # the published merge is a failed one


@pytest.mark.parametrize(
    "path", [*samples("shopify", "customers_*.json"), *samples("shopify", "[ops][rh]*.json")]
)
def test_each_shopify_sample_is_read_under_its_topic(path):
    topic = SHOPIFY_TOPICS[path.stem.split("__")[0]]
    body = path.read_bytes()
    headers = {"x-shopify-topic": topic, "x-shopify-shop-domain": "one.myshopify.com"}
    identity = get("shopify").identify(Delivery("POST", "", "", headers, body), Endpoint("c7", ("s",)))
    assert identity.handled is (topic not in {"orders/cancelled", "products/update"})
    if identity.handled:
        found = get("shopify").extract(topic, body, identity.meta, Endpoint("c7", ("s",)))
        assert (found.person is None) is (topic in NOBODY) is (found.change is Change.NOBODY)


@pytest.mark.parametrize("path", samples("stripe", "customer.*.json"))
def test_each_stripe_sample_is_read_under_its_type(path):
    topic = path.name.split("__")[0]
    identity = get("stripe").identify(Delivery("POST", "", "", {}, path.read_bytes()), Endpoint("c7", ("s",)))
    assert (identity.topic, identity.handled) == (topic, True)
    found = get("stripe").extract(topic, path.read_bytes(), identity.meta, Endpoint("c7", ("s",)))
    assert found.person.external_ids[0][1].startswith("cus_")


def test_stripes_own_checkout_session_is_read():
    session = json.loads(
        (SAMPLES / "stripe" / "resource_checkout.session__openapi_fixtures3.json").read_text()
    )
    event = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": 1}
    body = json.dumps({**event, "data": {"object": session}}).encode()
    found = get("stripe").extract("checkout.session.completed", body, {}, Endpoint("c7", ("s",)))
    assert (found.person.email, found.consents) == ("example@example.com", ())


@pytest.mark.parametrize("path", samples("mailchimp", "*.form"))
def test_each_mailchimp_sample_is_read_under_its_type(path):
    topic = path.stem.split("__")[0]
    identity = get("mailchimp").identify(
        Delivery("POST", "", "", {}, path.read_bytes()), Endpoint("c7", ("s",))
    )
    assert (identity.topic, identity.handled) == (topic, True)
    found = get("mailchimp").extract(topic, path.read_bytes(), identity.meta, Endpoint("c7", ("s",)))
    assert "@" in found.person.email
    assert [signal.state for signal in found.consents] == {
        "subscribe": ["granted"],
        "unsubscribe": ["withdrawn"],
    }.get(topic, [])


@pytest.mark.parametrize("path", [*samples("woocommerce", "customer.*"), *samples("woocommerce", "order.*")])
def test_each_woocommerce_sample_is_read_under_its_topic(path):
    headers = {"x-wc-webhook-topic": path.stem}
    delivery = Delivery("POST", "", "", headers, path.read_bytes())
    identity = get("woocommerce").identify(delivery, Endpoint("c7", ("s",)))
    assert identity.handled
    found = get("woocommerce").extract(path.stem, delivery.body, identity.meta, Endpoint("c7", ("s",)))
    assert not found.person.nameless


def test_woocommerces_ping_is_a_probe():
    body = (SAMPLES / "woocommerce" / "ping.form").read_bytes()
    assert get("woocommerce").is_probe(Delivery("POST", "", "", {}, body))


@pytest.mark.parametrize("path", samples("hasura", "*.json"))
def test_each_hasura_sample_is_read_once_its_table_is_mapped(path):
    payload = json.loads(path.read_text())
    options = {f"table.{payload['table']['name']}": "data_subject"}
    endpoint = Endpoint("c7", ("s",), options)
    delivery = Delivery("POST", "", "", {}, path.read_bytes())
    identity = get("hasura").identify(delivery, endpoint)
    assert identity.handled
    assert identity.key == (payload["id"],)
    found = get("hasura").extract(identity.topic, delivery.body, identity.meta, endpoint)
    data = payload["event"]["data"]
    assert found.record == (data["new"] or data["old"])
