"""Shopify's Admin GraphQL API as its reference has it: one address, HTTP 200 for nearly everything, errors in
``errors`` (the whole query) or in a payload's ``userErrors``.

https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerRequestDataErasure
https://shopify.dev/docs/api/usage/limits (THROTTLED)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from recipients_servers import Called, Fault, Playing, Response, document

TOKEN = "shpat_0123456789abcdef"
_NAME = re.compile(r"\b(customer[A-Za-z]*|shop)\s*[({]")


def gid(number: int | str) -> str:
    return f"gid://shopify/Customer/{number}"


def shopper(**changes: Any) -> dict[str, Any]:
    """A customer as the shop keeps them."""
    row = {"email": "ada@shop.example", "phone": None, "first": "Ada", "last": "Byron", "last_order": None}
    return {**row, "email_state": "SUBSCRIBED", "sms_state": None, "stated_at": None, **changes}


def throttled(available: float = 10, restore: float = 50, wanted: float = 110) -> Fault:
    """Too many points asked for: 200, and told in ``errors``."""
    cost = {
        "requestedQueryCost": wanted,
        "throttleStatus": {
            "maximumAvailable": 1000,
            "currentlyAvailable": available,
            "restoreRate": restore,
        },
    }
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    return Fault(lambda: document(200, {"errors": [error], "extensions": {"cost": cost}}))


def denied() -> Fault:
    """The app lacks a scope: 200 again."""
    error = {"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}
    return Fault(lambda: document(200, {"data": None, "errors": [error]}))


@dataclass
class Shopify(Playing):
    """``customers`` by number; ``erasing`` are those whose erasure was asked for."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    erasing: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    """Customers for whom every mutation ends with a userError."""

    def redact(self, number: int | str) -> None:
        """What Shopify does by itself, days later: the customer stays, and nothing that names them."""
        gone = shopper(email=None, first=None, last=None, email_state="REDACTED")
        self.customers[str(number)] = {**gone, "last_order": self.customers[str(number)]["last_order"]}

    def answer(self, call: Called) -> Response:
        if call.headers.get("x-shopify-access-token") != TOKEN:
            return document(401, {"errors": "[API] Invalid API key or access token"})
        if call.method != "POST" or not re.fullmatch(r"/admin/api/\d{4}-\d\d/graphql\.json", call.path):
            return document(404, {"errors": "Not Found"})
        asked = call.json
        found = _NAME.search(asked["query"].partition("{")[2])
        if found is None:
            return document(200, {"errors": [{"message": "syntax error"}]})
        data = getattr(self, f"_{found[1]}")(asked.get("variables") or {})
        return document(200, {"data": {found[1]: data}})

    def _shop(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"id": "gid://shopify/Shop/1"}

    def _customer(self, given: dict[str, Any]) -> dict[str, Any] | None:
        number = given["id"].rpartition("/")[2]
        row = self.customers.get(number)
        return None if row is None else _told(number, row)

    def _customerRequestDataErasure(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # the API's name
        number = given["customerId"].rpartition("/")[2]
        if number not in self.customers:
            return _failed("DOES_NOT_EXIST", "customerId")
        if number in self.refuses:
            return _failed("FAILED_TO_REQUEST", "customerId")
        self.erasing.add(number)
        return {"customerId": given["customerId"], "userErrors": []}

    def _customerUpdate(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # the API's name
        wish = dict(given["input"])
        number = wish.pop("id").rpartition("/")[2]
        if number not in self.customers or number in self.refuses:
            return _failed(None, "id", "Customer does not exist")
        names = {"firstName": "first", "lastName": "last", "email": "email", "phone": "phone"}
        self.customers[number].update({names[name]: value for name, value in wish.items()})
        return {"customer": {"id": given["input"]["id"]}, "userErrors": []}

    def _customerEmailMarketingConsentUpdate(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # as above
        return self._consent(given["input"], "emailMarketingConsent", "email", "email_state")

    def _customerSmsMarketingConsentUpdate(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # as above
        return self._consent(given["input"], "smsMarketingConsent", "phone", "sms_state")

    def _consent(self, wish: dict[str, Any], name: str, needs: str, kept: str) -> dict[str, Any]:
        number = wish["customerId"].rpartition("/")[2]
        row = self.customers.get(number)
        if row is None or number in self.refuses:
            return _failed(None, "customerId", "Customer does not exist")
        if not row[needs]:
            return _failed("INVALID", name, f"Customer must have a {needs}")
        said = wish[name]
        if said["marketingState"] not in ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING"):
            return _failed("INVALID", name, "cannot be set")
        row.update({kept: said["marketingState"], "stated_at": said.get("consentUpdatedAt")})
        return {"customer": {"id": wish["customerId"]}, "userErrors": []}


def _told(number: str, row: dict[str, Any]) -> dict[str, Any]:
    email = {"emailAddress": row["email"], "marketingState": row["email_state"]}
    phone = {"phoneNumber": row["phone"], "marketingState": row["sms_state"]}
    return {
        "id": gid(number),
        "firstName": row["first"],
        "lastName": row["last"],
        "defaultEmailAddress": email if row["email"] or row["email_state"] == "REDACTED" else None,
        "defaultPhoneNumber": phone if row["phone"] else None,
        "lastOrder": {"processedAt": row["last_order"]} if row["last_order"] else None,
    }


def _failed(code: str | None, name: str, message: str = "no") -> dict[str, Any]:
    error = {"field": [name], "message": message, **({"code": code} if code else {})}
    return {"customerId": None, "customer": None, "userErrors": [error]}
