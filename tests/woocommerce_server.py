"""WooCommerce's REST API v3: a consumer key and secret by HTTP Basic, customers that only ``force`` deletes,
and orders that keep what was typed in.

https://woocommerce.github.io/woocommerce-rest-api-docs/#delete-a-customer
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recipients_servers import Called, Playing, Response, document

KEY, SECRET = "ck_0123456789", "cs_9876543210"


@dataclass
class WooCommerce(Playing):
    """``customers`` by id; ``orders`` as (id, customer id or 0 for a guest, e-mail)."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: list[tuple[int, str, str]] = field(default_factory=list)
    missing_status: int = 400
    """What deleting nobody is answered with: 400 in the code since 2.6, 404 from some hosts."""

    def answer(self, call: Called) -> Response:
        if call.basic != (KEY, SECRET):
            return _error(401, "woocommerce_rest_cannot_view")
        parts = call.path.strip("/").split("/")
        if parts[:3] != ["wp-json", "wc", "v3"]:
            return _error(404, "rest_no_route")
        if parts[3:4] == ["orders"]:
            return self._orders(dict(call.query))
        if parts[3:4] == ["customers"]:
            return self._customer(call, parts[4] if len(parts) > 4 else "")
        return _error(404, "rest_no_route")

    def _orders(self, query: dict[str, str]) -> Response:
        wanted = [
            {"id": number}
            for number, customer, email in self.orders
            if query.get("customer", customer) == customer and query.get("search", email) == email
        ]
        return document(200, wanted[: int(query.get("per_page", 10))])

    def _customer(self, call: Called, customer: str) -> Response:
        if not customer:
            email = dict(call.query).get("email")
            found = [{"id": int(one)} for one, row in self.customers.items() if row["email"] == email]
            return document(200, found if email else [])
        row = self.customers.get(customer)
        if row is None:
            status = self.missing_status if call.method == "DELETE" else 404
            return _error(status, "woocommerce_rest_invalid_id")
        if call.method == "DELETE":
            if dict(call.query).get("force") != "true":
                return _error(501, "woocommerce_rest_trash_not_supported")
            del self.customers[customer]
        elif call.method == "PUT":
            row.update(call.json)
        return document(200, {"id": int(customer), **row})


def _error(status: int, code: str) -> Response:
    return document(status, {"code": code, "message": "Sorry.", "data": {"status": status}})
