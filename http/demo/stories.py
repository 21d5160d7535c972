"""What people do at a shop in an hour: stories that repeat until the hour is full, and incidents.

``incidents`` are what a good hour also has, each once: what must be refused, what must fail, what must be
ignored, and the rare events that change who somebody is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import bodies, shopify_bodies
from .people import Person
from .planning import Expected, Hour


def _new_shopper(hour: Hour) -> None:
    """An account, perhaps the newsletter, an order, and its payment."""
    person = hour.crowd.somebody()
    hour.add("shopify", "customers/create", shopify_bodies.customer(person, hour.now))
    if hour.chance.random() < 0.5:
        consent = shopify_bodies.email_consent(person, "subscribed", hour.later(0.3))
        hour.add("shopify", "customers_email_marketing_consent/update", consent)
    _order(hour, person)
    hour.shoppers.append((person, hour.minute))


def _regular(hour: Hour) -> None:
    """Somebody the shop knows comes back; first the shop must know somebody."""
    if not hour.shoppers:
        return _new_shopper(hour)
    person = hour.meet(hour.shoppers)
    hour.add("shopify", "customers/update", shopify_bodies.customer(person, hour.now))
    return _order(hour, person)


def _order(hour: Hour, person: Person) -> None:
    order_id, total = hour.number(), f"{hour.chance.randrange(9, 140)}.90"
    hour.add("shopify", "orders/create", shopify_bodies.order(person, order_id, hour.later(2), total=total))
    if hour.chance.random() < 0.5:
        body = shopify_bodies.order(person, order_id, hour.later(4), total=total)
        hour.add("shopify", "orders/updated", body)


def _subscriber(hour: Hour) -> None:
    """Somebody pays for a subscription, and is asked for consent at the checkout."""
    person = hour.crowd.somebody()
    hour.add(
        "stripe",
        "customer.created",
        bodies.stripe_customer("customer.created", hour.event_id(), person, hour.now),
    )
    promotions = hour.chance.choice(("opt_in", "opt_in", "opt_out", None))
    body = bodies.stripe_checkout(hour.event_id(), person, hour.later(1), promotions=promotions)
    hour.add("stripe", "checkout.session.completed", body)
    for kind in ("customer.subscription.created", "customer.subscription.updated"):
        hour.add("stripe", kind, bodies.stripe_subscription(kind, hour.event_id(), person, hour.later(1)))


def _reader(hour: Hour) -> None:
    """A newsletter's reader, now and then one of the shop's customers; nobody subscribes twice."""
    known = [one for one in hour.shoppers if one[0] not in hour.asked]
    person = hour.meet(known) if known and hour.chance.random() < 0.3 else hour.crowd.somebody()
    hour.asked.add(person)
    hour.add("mailchimp", "subscribe", bodies.mailchimp_member("subscribe", person, hour.now))
    if hour.chance.random() < 0.5:
        hour.add("mailchimp", "profile", bodies.mailchimp_member("profile", person, hour.later(3)))
    hour.readers.append((person, hour.minute))


def _leaver(hour: Hour) -> None:
    """Somebody withdraws consent, where the newsletter or where the shop asks."""
    if hour.readers and hour.chance.random() < 0.6:
        person = hour.meet(hour.readers)
        hour.readers = [known for known in hour.readers if known[0] is not person]
        hour.add("mailchimp", "unsubscribe", bodies.mailchimp_member("unsubscribe", person, hour.later(3)))
    elif hour.shoppers:
        person = hour.meet(hour.shoppers)
        body = shopify_bodies.email_consent(person, "unsubscribed", hour.later(3))
        hour.add("shopify", "customers_email_marketing_consent/update", body)


def _second_shop(hour: Hour) -> None:
    """The WooCommerce shop: an account and an order that is sent out."""
    person, order_id = hour.crowd.somebody(), hour.number()
    hour.add("woocommerce", "customer.created", bodies.woocommerce_customer(person, hour.now))
    for topic, status in (("order.created", "processing"), ("order.updated", "completed")):
        body = bodies.woocommerce_order(person, order_id, hour.later(3), status=status)
        hour.add("woocommerce", topic, body)


def _guest(hour: Hour) -> None:
    """An order without an account."""
    person = hour.crowd.somebody()
    body = bodies.woocommerce_order(person, hour.number(), hour.now, status="processing", guest=True)
    hour.add("woocommerce", "order.created", body)


def _application(hour: Hour) -> None:
    """An application of the shop's own writes to its database, which Hasura watches."""
    person = hour.crowd.somebody()
    for operation in ("INSERT", "UPDATE"):
        row = bodies.hasura_person(person, hour.later(1))
        body = bodies.hasura_row(hour.uuid(), "data_subjects", operation, row, hour.now)
        hour.add("hasura", f"data_subjects.{operation}", body)


def _mailing(hour: Hour) -> None:
    """A message is sent: stored, and nobody's workflow."""
    body = bodies.mandrill_batch("send", hour.uuid(), hour.crowd.somebody(), hour.now)
    hour.add("mandrill", "mandrill.send", body, Expected.IGNORED)


_TABLE: tuple[tuple[Callable[[Hour], None], int], ...] = (
    (_new_shopper, 26),
    (_regular, 22),
    (_subscriber, 12),
    (_reader, 12),
    (_leaver, 8),
    (_second_shop, 10),
    (_guest, 4),
    (_application, 4),
    (_mailing, 2),
)
STORIES, WEIGHTS = [story for story, _ in _TABLE], [weight for _, weight in _TABLE]


def incidents(hour: Hour) -> None:
    """What happens once: each is planned whole, whatever else is cut."""
    stories = (_setting_up, _changed_mind, _moved_address, _merged, _asks_for_data, _bounces)
    for story in (*stories, _forged, _poisoned):
        hour.tell(story)


def _setting_up(hour: Hour) -> None:
    """Platforms try an address before they use it; and a topic arrives that nobody handles."""
    hour.add("woocommerce", "ping", b"webhook_id=7", Expected.PROBED)
    hour.add("mailchimp", "validation", b"", Expected.PROBED)
    body = shopify_bodies.product(hour.number(), hour.now)
    hour.add("shopify", "products/update", body, Expected.IGNORED)


def _changed_mind(hour: Hour) -> None:
    """A shopper and a reader consent, and withdraw it."""
    shopper, reader = hour.crowd.somebody(), hour.crowd.somebody()
    topic = "customers_email_marketing_consent/update"
    for state, kind in (("subscribed", "subscribe"), ("unsubscribed", "unsubscribe")):
        hour.add("shopify", topic, shopify_bodies.email_consent(shopper, state, hour.now))
        hour.add("mailchimp", kind, bodies.mailchimp_member(kind, reader, hour.later(3)))


def _moved_address(hour: Hour) -> None:
    """A reader's e-mail address changes: the same person from then on."""
    person = hour.crowd.somebody()
    hour.add("mailchimp", "subscribe", bodies.mailchimp_member("subscribe", person, hour.now))
    new_email = person.email.replace("@", ".new@")
    hour.add("mailchimp", "upemail", bodies.mailchimp_email_change(person, new_email, hour.later(8)))


def _merged(hour: Hour) -> None:
    """The merchant finds out that two accounts are one person's."""
    kept, gone = hour.crowd.somebody(), hour.crowd.somebody()
    for person in (kept, gone):
        hour.add("shopify", "customers/create", shopify_bodies.customer(person, hour.now))
    hour.later(8)
    hour.add("shopify", "customers/merge", shopify_bodies.merge(kept, gone))


def _asks_for_data(hour: Hour) -> None:
    """A customer asks for their data, another to be forgotten: the legal clock starts."""
    asks, leaves = hour.crowd.somebody(), hour.crowd.somebody()
    for person in (asks, leaves):
        hour.add("shopify", "customers/create", shopify_bodies.customer(person, hour.now))
    hour.later(8)
    hour.add("shopify", "customers/data_request", shopify_bodies.data_request(asks, hour.number()))
    hour.add("shopify", "customers/redact", shopify_bodies.redact(leaves))


def _bounces(hour: Hour) -> None:
    """A newsletter can't be delivered; that is no withdrawal."""
    person = hour.crowd.somebody()
    hour.add("mailchimp", "subscribe", bodies.mailchimp_member("subscribe", person, hour.now))
    hour.later(8)
    hour.add("mailchimp", "cleaned", bodies.mailchimp_bounce(person, hour.now))


def _forged(hour: Hour) -> None:
    """An order signed by somebody who hasn't the secret."""
    body = shopify_bodies.order(hour.crowd.somebody(), hour.number(), hour.now, total="0.00")
    hour.add("shopify", "orders/create", body, Expected.REFUSED)


def _poisoned(hour: Hour) -> None:
    """An order under a customer's topic, with a true signature: accepted, and impossible to process."""
    body = shopify_bodies.order(hour.crowd.somebody(), hour.number(), hour.now, total="19.90")
    hour.add("shopify", "customers/create", body)
    hour.planned[-1] = replace(hour.planned[-1], poison=True)
