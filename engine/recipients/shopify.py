"""Shopify's Admin GraphQL API. HTTP 200 says little: errors stand in ``errors`` and in ``userErrors``.

An erasure is asked for, and Shopify carries it out later by itself: ten days after the request, and for who
ordered within 180 days not before those are over (chargebacks). Orders stay, without the person.
https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerRequestDataErasure
https://help.shopify.com/manual/privacy-and-security/privacy/processing-customer-data-requests
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .. import moments
from ..calling import Reply
from ..errors import PermanentError, TransientError
from .base import Api, Later, Receipt, Recipient, Target, named, tally, whole

VERSION = "2026-07"
"""Of the API, where the credentials name no other (``version``)."""
AFTER_REQUEST = timedelta(days=10)
AFTER_ORDER = timedelta(days=180)
LOOK_AGAIN = timedelta(days=1)
ASK_AGAIN = timedelta(days=7)
"""After Shopify should have erased: somebody may have cancelled the request there."""

_TOKEN = "access_token"  # noqa: S105  # its name
_KEEPS = "orders without the person: what was sold, when and for how much"
_WHY = "Shopify keeps a shop's order records for its accounts"
_HELD = "the customer's personal data"
_DAYS = f"{AFTER_REQUEST.days} days after the request, {AFTER_ORDER.days} days after the last order"
_HELD_WHY = f"Shopify erases {_DAYS} (chargebacks)"
_ERASE = (
    "mutation($customerId: ID!) { customerRequestDataErasure(customerId: $customerId) "
    "{ customerId userErrors { code field message } } }"
)
_LOOK = (
    "query($id: ID!) { customer(id: $id) { id firstName lastName lastOrder { processedAt } "
    "defaultEmailAddress { emailAddress marketingState } defaultPhoneNumber { phoneNumber } } }"
)
_UPDATE = (
    "mutation($input: CustomerInput!) { customerUpdate(input: $input) "
    "{ customer { id } userErrors { field message } } }"
)
_CONSENTS = {
    channel: (
        f"mutation($input: Customer{kind}MarketingConsentUpdateInput!) "
        f"{{ customer{kind}MarketingConsentUpdate(input: $input) "
        "{ customer { id } userErrors { code field message } } }",
        f"customer{kind}MarketingConsentUpdate",
        f"{kind.lower()}MarketingConsent",
    )
    for channel, kind in (("email", "Email"), ("sms", "Sms"))
}
_STATES = {"granted": "SUBSCRIBED", "withdrawn": "UNSUBSCRIBED", "pending": "PENDING"}
"""The only ones that may be set."""


def check(api: Api) -> None:
    """Whether the shop takes the token. Raises PermanentError, TransientError."""
    _ask(api, "{ shop { id } }", "shop", {})


def erase(api: Api, target: Target) -> Receipt | Later:
    """Ask Shopify to erase each customer, and look whether it has; ``Later`` until it has."""
    found = [(one, _look(api, one)) for one in target.ids]
    statuses = ["gone" if row is None else "done" if _redacted(row) else "asked" for _, row in found]
    left = [(one, row) for (one, row), status in zip(found, statuses, strict=True) if status == "asked"]
    if not left:
        kept = {"remains": _KEEPS, "why": _WHY} if "done" in statuses else {}
        return whole(api, statuses, **kept)
    first = _asked_at(api)
    if first is None:
        for one, _ in left:
            _request(api, one)
    asked = first or api.clock()
    until = _until(api, asked, [row for _, row in left if row is not None])
    counts = tally(statuses)
    return Later(Receipt("asked", asked, (), counts, _HELD, _HELD_WHY, until), until)


def rectify(api: Api, target: Target) -> Receipt:
    """Give each customer the new address, number or name."""
    changes = {name: target.changes[name] for name in ("email", "phone") if name in target.changes}
    if "name" in target.changes:
        changes["firstName"], changes["lastName"] = named(target.changes["name"])
    return whole(api, [_update(api, one, changes) for one in target.ids])


def set_consent(api: Api, target: Target, channel: str, state: str, stated_at: datetime) -> Receipt:
    """Say that each customer agreed to, or withdrew from, e-mails or text messages. ``stated_at`` orders it:
    Shopify keeps the newer statement."""
    if channel not in _CONSENTS or state not in _STATES:
        raise PermanentError(f"shopify keeps no consent of state {state} on channel {channel}")
    query, name, member = _CONSENTS[channel]
    said = {"marketingState": _STATES[state], "consentUpdatedAt": moments.to_text(stated_at)}
    if state != "withdrawn":
        said["marketingOptInLevel"] = "SINGLE_OPT_IN"
    statuses = []
    for one in target.ids:
        found = _ask(api, query, name, {"input": {"customerId": _gid(one), member: said}})
        statuses.append("done" if _fine(name, found) else "gone")
    return whole(api, statuses)


def _look(api: Api, customer: str) -> Mapping[str, Any] | None:
    found = _ask(api, _LOOK, "customer", {"id": _gid(customer)})
    return found if isinstance(found, dict) else None


def _redacted(row: Mapping[str, Any]) -> bool:
    """Nothing is left that names the customer."""
    email = row.get("defaultEmailAddress") or {}
    phone = row.get("defaultPhoneNumber") or {}
    named_by = (
        row.get("firstName"),
        row.get("lastName"),
        email.get("emailAddress"),
        phone.get("phoneNumber"),
    )
    return not any(named_by)


def _request(api: Api, customer: str) -> None:
    name = "customerRequestDataErasure"
    _fine(name, _ask(api, _ERASE, name, {"customerId": _gid(customer)}))


def _asked_at(api: Api) -> datetime | None:
    """When it was asked for; None for not yet, and for so long ago that it must have been cancelled since."""
    if api.before.get("status") != "asked":
        return None
    asked, until = moments.from_text(str(api.before["at"])), moments.from_text(str(api.before["until"]))
    return asked if api.clock() < max(until, asked + AFTER_REQUEST) + ASK_AGAIN else None


def _until(api: Api, asked: datetime, rows: Sequence[Mapping[str, Any]]) -> datetime:
    """When Shopify will have erased them. Once that is past, it is looked at day by day."""
    orders = [str(order["processedAt"]) for row in rows if (order := row.get("lastOrder"))]
    last = [moments.from_text(at) + AFTER_ORDER for at in orders]
    due = max(asked + AFTER_REQUEST, *last) if last else asked + AFTER_REQUEST
    return max(due, api.clock() + LOOK_AGAIN)


def _update(api: Api, customer: str, changes: Mapping[str, str]) -> str:
    if _look(api, customer) is None:  # its own error for that has no code
        return "gone"
    found = _ask(api, _UPDATE, "customerUpdate", {"input": {"id": _gid(customer), **changes}})
    return "done" if _fine("customerUpdate", found) else "gone"


def _ask(api: Api, query: str, name: str, variables: Mapping[str, Any]) -> Any:
    """The named part of the answer. Raises TransientError when throttled, PermanentError for other errors."""
    version = api.credentials.get("version") or VERSION
    path = f"/admin/api/{version}/graphql.json"
    headers = {"X-Shopify-Access-Token": api.secret(_TOKEN)}
    wish = {"query": query, "variables": dict(variables)}
    reply = api.ask("POST", path, headers, wish=wish, credential=_TOKEN)
    if reply.status != 200:
        raise api.unexpected(reply)
    found = api.json(reply)
    _require_no_errors(api, reply, found)
    data = found.get("data")
    if not isinstance(data, dict) or name not in data:
        raise TransientError("shopify's API answers HTTP 200 without data")
    return data[name]


def _require_no_errors(api: Api, reply: Reply, found: Mapping[str, Any]) -> None:
    errors = found.get("errors")
    if not errors:
        return
    listed = errors if isinstance(errors, list) else []
    codes = [str((one.get("extensions") or {}).get("code", "")) for one in listed if isinstance(one, dict)]
    if "THROTTLED" in codes:
        raise TransientError("shopify's API is throttled", _wait(found))
    if "INTERNAL_SERVER_ERROR" in codes:
        raise TransientError("shopify's API has an internal error")
    if "ACCESS_DENIED" in codes:
        raise PermanentError(
            f"shopify refuses the credential {_TOKEN} (ACCESS_DENIED): the app needs read_customers, "
            "write_customers and write_customer_data_erasure, and access to protected customer data"
        )
    raise api.unexpected(reply, next(iter(codes), None))


def _wait(found: Mapping[str, Any]) -> float | None:
    """Seconds until the bucket holds what the query costs (https://shopify.dev/docs/api/usage/limits)."""
    cost = (found.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    try:
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(0.0, missing / float(status["restoreRate"]))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _fine(name: str, payload: Any) -> bool:
    """False for a customer that doesn't exist. Raises PermanentError for other userErrors."""
    if not isinstance(payload, dict) or not isinstance(payload.get("userErrors"), list):
        raise TransientError(f"shopify's API answers {name} without its payload")
    errors = payload["userErrors"]
    codes = {str(one.get("code") or "") for one in errors if isinstance(one, dict)}
    if not errors:
        return True
    if codes == {"DOES_NOT_EXIST"}:
        return False
    told = ", ".join(sorted(one for one in codes if re.fullmatch(r"[A-Z_]{1,60}", one))) or "userErrors"
    raise PermanentError(f"shopify refuses {name} ({told})")


def _gid(customer: str) -> str:
    return customer if customer.startswith("gid://") else f"gid://shopify/Customer/{customer}"


RECIPIENT = Recipient(
    name="shopify",
    needs=(_TOKEN,),
    check=check,
    erase=erase,
    rectify=rectify,
    restrict=None,
    set_consent=set_consent,
    channels=frozenset(_CONSENTS),
    delay=_DAYS,
    keeps=_KEEPS,
)
