"""A consent in WooCommerce's customers, where a shop keeps one.

Core has none. The REST API lets anybody write a customer's ``meta_data``; under which key a plug-in keeps the
consent, and in which words, its operator says (options ``consent_meta_key``, ``consent_meta_yes``,
``consent_meta_no``). https://woocommerce.github.io/woocommerce-rest-api-docs/#update-a-customer
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from .base import Api, Receipt, Target, basic, whole


def set_consent(api: Api, target: Target, options: Mapping[str, str], state: str) -> Receipt:
    """Write it into the customers' meta data. Raises PermanentError, TransientError."""
    word = (
        options.get("consent_meta_yes", "yes") if state == "granted" else options.get("consent_meta_no", "no")
    )
    wish = {"meta_data": [{"key": options["consent_meta_key"].strip(), "value": word}]}
    return whole(api, [_tell(api, one, wish) for one in target.ids])


def _tell(api: Api, customer: str, wish: Mapping[str, object]) -> str:
    headers = basic(api.secret("consumer_key"), api.secret("consumer_secret"))
    path = f"/wp-json/wc/v3/customers/{quote(customer, safe='')}"
    reply = api.ask("PUT", path, headers, wish=wish, credential="consumer_key")
    if reply.status == 404 and reply.document.get("code") == "woocommerce_rest_invalid_id":
        return "gone"
    if reply.status != 200:
        raise api.unexpected(reply, reply.document.get("code"))
    api.json(reply)
    return "done"
