"""The shape of each Shopify topic's body.

The topic stands in an unsigned header, so a captured body can be sent again under another: an order as a
deletion, a data request as an erasure. Keys tell them apart. Two pairs can't be told apart and needn't be:
create from update, and (both a bare id) a deleted customer from a deleted product, which matches nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """Keys that tell a body from every other: all of, one of, none of them; and the kind of its gid."""

    every: frozenset[str]
    some: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    gid: str = ""

    def fits(self, body: Mapping[str, object]) -> bool:
        """Whether the keys fit. Values may be null: an app without access to protected data gets null."""
        keys = body.keys()
        if not self.every <= keys or self.never & keys or (self.some and not self.some & keys):
            return False
        gid = body.get("admin_graphql_api_id")
        return not (self.gid and isinstance(gid, str)) or gid.startswith(f"gid://shopify/{self.gid}/")


_PROFILE_KEYS = frozenset(
    {"email", "first_name", "last_name", "state", "verified_email", "tax_exempt", "created_at", "updated_at"}
)
_ORDER_KEYS = frozenset(
    {"line_items", "order_number", "customer", "billing_address", "contact_email", "buyer_accepts_marketing"}
)
_SHOP_KEYS = frozenset({"shop_id", "data_request", "orders_requested", "orders_to_redact"})
_FOREIGN_KEYS = _SHOP_KEYS | {"variants", "title", "abandoned_checkout_url", "invoice_url"}

CUSTOMER = Shape(
    frozenset({"id"}), _PROFILE_KEYS, _FOREIGN_KEYS | _ORDER_KEYS | {"customer_id"}, gid="Customer"
)
DELETED_CUSTOMER = Shape(
    frozenset({"id"}),
    never=_PROFILE_KEYS | _ORDER_KEYS | _FOREIGN_KEYS | {"phone", "sms_marketing_consent", "customer_id"},
    gid="Customer",
)
MERGE = Shape(
    frozenset({"admin_graphql_api_customer_kept_id", "admin_graphql_api_customer_deleted_id", "status"})
)
EMAIL_CONSENT = Shape(frozenset({"customer_id", "email_marketing_consent"}), never=_ORDER_KEYS | {"id"})
SMS_CONSENT = Shape(frozenset({"id", "sms_marketing_consent"}), never=_PROFILE_KEYS | _ORDER_KEYS)
ORDER = Shape(frozenset({"id"}), _ORDER_KEYS, _FOREIGN_KEYS, gid="Order")
DATA_REQUEST = Shape(
    frozenset({"shop_id", "customer", "data_request"}), never=frozenset({"id", "orders_to_redact"})
)
CUSTOMER_REDACT = Shape(
    frozenset({"shop_id", "customer"}), never=frozenset({"id", "data_request", "orders_requested"})
)
SHOP_REDACT = Shape(
    frozenset({"shop_id", "shop_domain"}), never=(_SHOP_KEYS - {"shop_id"}) | {"id", "customer"}
)
