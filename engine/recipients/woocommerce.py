"""WooCommerce's REST API v3. Customers are deleted; orders stay with what was typed in, because books of
account hang on them: a person takes that out (bulk action "Remove personal data"), once they needn't be kept.

https://woocommerce.github.io/woocommerce-rest-api-docs/#delete-a-customer
https://woocommerce.com/document/marketplace-privacy/ (retention of orders)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from ..calling import Reply
from ..errors import PermanentError, TransientError
from .base import Api, Receipt, Recipient, Target, basic, named, whole

_KEY, _SECRET = "consumer_key", "consumer_secret"
_INVALID = "woocommerce_rest_invalid_id"
_PAGE = 100
_REMAINS = "orders with names and addresses"
_WHY = "invoices must be kept; WooCommerce's own action “Remove personal data” takes the rest out of them"


def check(api: Api) -> None:
    """Whether the shop takes the key. Raises PermanentError, TransientError."""
    _listed(api, "/customers", {"per_page": 1, "_fields": "id"})


def erase(api: Api, target: Target) -> Receipt:
    """Delete each customer, also those that the shop knows by the address alone; count the orders that stay."""
    ids = list(dict.fromkeys([*target.ids, *_by_email(api, target.emails)]))
    orders = _orders(api, ids, target.emails)
    statuses = [_delete(api, one) for one in ids] or _nobody(target)
    kept = {"remains": _REMAINS, "why": _WHY} if orders else {}
    receipt = whole(api, statuses, **kept)
    return replace(receipt, counts={**receipt.counts, **orders})


def rectify(api: Api, target: Target) -> Receipt:
    """Give each customer the new address, number or name, also who is known by the address alone."""
    wish: dict[str, Any] = {}
    billing: dict[str, str] = {}
    if "email" in target.changes:
        wish["email"] = billing["email"] = target.changes["email"]
    if "phone" in target.changes:
        billing["phone"] = target.changes["phone"]
    if "name" in target.changes:
        wish["first_name"], wish["last_name"] = named(target.changes["name"])
        billing |= {name: wish[name] for name in ("first_name", "last_name")}
    wish = wish | ({"billing": billing} if billing else {})
    ids = target.ids or _by_email(api, target.emails)
    statuses = [_done_or_gone(api, _ask(api, "PUT", f"/customers/{_id(one)}", wish)) for one in ids]
    return whole(api, statuses or _nobody(target))


def _nobody(target: Target) -> list[str]:
    """The shop has no customer with these addresses; without any it wasn't asked."""
    return ["gone" for _ in target.emails]


def _by_email(api: Api, emails: Sequence[str]) -> list[str]:
    found = list[str]()
    for email in emails:
        query = {"email": email, "role": "all", "_fields": "id,role"}
        rows = _listed(api, "/customers", query)
        # Whoever runs the shop has an account there too: that isn't one of a customer.
        found += [str(row["id"]) for row in rows if row.get("role", "customer") in ("customer", "subscriber")]
    return found


def _orders(api: Api, ids: Sequence[str], emails: Sequence[str]) -> dict[str, int]:
    """How many orders there are, up to a page for each id and address; none is said as nothing."""
    found = set[str]()
    for query in [*({"customer": one} for one in ids), *({"search": email} for email in emails)]:
        rows = _listed(api, "/orders", {**query, "per_page": _PAGE, "_fields": "id"})
        found |= {str(row["id"]) for row in rows}
    return {"orders": len(found)} if found else {}


def _delete(api: Api, customer: str) -> str:
    return _done_or_gone(api, _ask(api, "DELETE", f"/customers/{_id(customer)}?force=true"))


def _done_or_gone(api: Api, reply: Reply) -> str:
    """Nobody with this id is 400 for a deletion (404 from some hosts), and said by the code."""
    code = reply.document.get("code")
    if reply.status in (400, 404) and code == _INVALID:
        return "gone"
    if reply.status != 200:
        raise api.unexpected(reply, code)
    api.json(reply)
    return "done"


def _listed(api: Api, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    reply = _ask(api, "GET", f"{path}?{urlencode(query)}")
    if reply.status != 200:
        raise api.unexpected(reply, reply.document.get("code"))
    rows = api.rows(reply)
    if any("id" not in row for row in rows):
        raise TransientError("woocommerce's API answers with rows that have no id")
    return rows


def _id(customer: str) -> str:
    if not customer.isdecimal():
        raise PermanentError("woocommerce: a customer's id is a number")
    return quote(customer, safe="")


def _ask(api: Api, method: str, path: str, wish: Mapping[str, Any] | None = None) -> Reply:
    headers = basic(api.secret(_KEY), api.secret(_SECRET))
    return api.ask(method, "/wp-json/wc/v3" + path, headers, wish=wish, credential=_KEY)


RECIPIENT = Recipient(
    name="woocommerce",
    needs=(_KEY, _SECRET),
    check=check,
    erase=erase,
    rectify=rectify,
    restrict=None,
    set_consent=None,
    channels=frozenset(),
    delay="at once",
    keeps="orders with names and addresses",
)
