"""Adding a connector, step by step.

Some platforms make the secret once they know the address (Stripe, Mandrill), or have it ready (Shopify): their
page begins with the address, under an id that the connector gets when its secret is entered. For the others
people choose the secret: there the connector comes first, and secret and address are shown on the page after.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....engine.access.roles import Permission
from ....engine.errors import Conflict, Invalid, NotFound
from ....engine.identity import did
from ....engine.platforms import PLATFORMS
from ....engine.services.connectors import connector_care, connectors
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from .connector_words import COMPLIANCE, OPTIONS, OURS_TO_CHOOSE, READS

_ABOUT: Mapping[str, str] = {
    "shopify": "Customers, orders, marketing consent, and the three mandatory privacy requests.",
    "stripe": "Customers, subscriptions, and consent given at the checkout.",
    "mailchimp": "An audience: who subscribes, unsubscribes or changes their address.",
    "woocommerce": "Customers and orders, guests included.",
    "hasura": "Your own application’s tables, row by row.",
    "mandrill": "Mailchimp’s transactional mail. Its events are kept; none is worked on yet.",
}
"""What each platform brings, in the order in which they are offered."""


def screens(shared: Desk) -> dict[str, Screen]:
    """Which platform, then its steps."""
    manage = Permission.MANAGE_CONNECTORS
    return {
        "/connectors/new": Screen(shared, get=Way(choose, manage)),
        "/connectors/new/{platform}": Screen(shared, get=Way(steps, manage), post=Way(add, manage)),
    }


def choose(visit: Visit) -> Page:
    """Which platform."""
    del visit
    return Page("connectors/connector_choose.html", {"about": _ABOUT})


def steps(visit: Visit) -> Page | Redirect:
    """What to do at the platform, and the form. ``?id=`` keeps the address the same when the page is loaded
    anew; without it one is made."""
    platform, reserved = _platform(visit), visit.query.get("id", "")
    if platform in OURS_TO_CHOOSE or _is_id(reserved):
        return _page(visit, reserved)
    return Redirect(f"{visit.base}/connectors/new/{platform}?id={visit.core.new_id()}")


def add(visit: Visit) -> Page | Redirect:
    """Make it. What has to be copied now is on the page that follows, and nowhere else."""
    platform, form = _platform(visit), visit.form
    reserved = None if platform in OURS_TO_CHOOSE else form.get("id", "")
    given = form.get("secret", "").strip()
    secret = given or (connector_care.new_secret() if platform in OURS_TO_CHOOSE else "")
    try:
        row = connectors.add(
            visit.core,
            visit.tenant_id,
            platform,
            [secret],
            name=connector_care.checked_name(form.get("name", "") or words.source(platform)),
            options=_options(visit, platform, reserved),
            connector_id=reserved,
            actor=visit.signed.actor,
        )
    except (Invalid, Conflict) as error:
        return _page(visit, form.get("id", ""), error)
    if reserved is not None:
        return Redirect(f"{visit.base}/connectors/{row.id}", note="connector.added")
    values = {
        "connector": row,
        "platform": platform,
        "address": connectors.address(visit.core, row, visit.public_url),
        "secret": secret,
        "chosen": not given,
        "reads": READS[platform],
    }
    return Page("connectors/connector_made.html", values)


def _platform(visit: Visit) -> str:
    platform = visit.path["platform"]
    if platform not in PLATFORMS:
        raise NotFound("dxflow knows no such platform")
    return platform


def _is_id(text: str) -> bool:
    try:
        return did.canonical(text) == text
    except Invalid:
        return False


def _options(visit: Visit, platform: str, reserved: str | None) -> dict[str, str]:
    name = OPTIONS.get(platform, "")
    value = visit.form.get("option", "").strip()[:200]
    found = {name: value} if name and value else {}
    if platform == "mandrill" and reserved is not None:  # it signs the address as it was entered there
        found["address"] = connectors.address_of(platform, reserved, visit.public_url)
    return found


def _page(visit: Visit, connector_id: str, error: Invalid | Conflict | None = None) -> Page:
    platform = _platform(visit)
    errors: dict[str, str] = {}
    if isinstance(error, Invalid):
        errors[error.field] = words.sentence(f"it {error.detail}")
    elif error is not None:
        errors["connector"] = words.sentence(str(error))
    values = {
        "platform": platform,
        "connector_id": connector_id,
        "address": connectors.address_of(platform, connector_id, visit.public_url),
        "ours": platform in OURS_TO_CHOOSE,
        "reads": READS[platform],
        "compliance": COMPLIANCE,
        "option": OPTIONS.get(platform, ""),
        "errors": errors,
        "given": visit.form,
    }
    return Page("connectors/connector_steps.html", values, error.status if error else 200)
