"""How a connector's platform is called: address and credentials, sealed under the tenant's key, shown never.

What changes them with an audit entry is in ``services/connector_apis.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..core import Core
from ..errors import Invalid
from ..outgoing import checked
from ..store import models, quick
from . import RECIPIENTS
from .base import Api

_LONGEST = 2048
_OPTIONAL = ("version",)
"""Of the platform's API, where it has versions (Shopify, Stripe)."""
ADDRESSES = {
    "shopify": "https://YOUR-SHOP.myshopify.com",
    "stripe": "https://api.stripe.com",
    "mailchimp": "https://us21.api.mailchimp.com",
    "woocommerce": "https://your-shop.example",
}
"""What an address looks like; Stripe's is everybody's."""


def keep(
    core: Core, connector: models.Connector, base_url: str, credentials: Mapping[str, str]
) -> models.ConnectorApi:
    """Store them, in the caller's transaction. Raises Invalid for what can't be right."""
    given = _checked(str(connector.platform), credentials)
    row = {
        "connector_id": connector.id,
        "tenant_id": connector.tenant_id,
        "base_url": _address(base_url),
        "credentials_sealed": core.keys.seal(
            connector.tenant_id, json.dumps(given).encode(), **_place(connector.id)
        ),
        "created_at": core.clock(),
        "checked_at": None,
        "fault": None,
    }
    models.ConnectorApi.delete().where(models.ConnectorApi.connector_id == connector.id).execute()
    quick.insert(models.ConnectorApi, row)
    return models.ConnectorApi(**row)


def apis(core: Core, tenant_id: str, connector_ids: Iterable[str | None]) -> dict[str, Api]:
    """The APIs of those connectors that have credentials, by connector."""
    wanted = [one for one in connector_ids if one is not None]
    rows = quick.by_ids(models.ConnectorApi, wanted, key="connector_id", tenant_id=tenant_id)
    connectors = quick.by_ids(models.Connector, rows, tenant_id=tenant_id)
    return {name: _api(core, row, str(connectors[name].platform)) for name, row in rows.items()}


def _api(core: Core, row: models.ConnectorApi, platform: str) -> Api:
    raw = core.keys.unseal(row.tenant_id, bytes(row.credentials_sealed), **_place(row.connector_id))
    given: dict[str, str] = json.loads(raw)
    return Api(core.outgoing, core.clock, platform, row.base_url, given)


def _checked(platform: str, credentials: Mapping[str, Any]) -> dict[str, str]:
    recipient = RECIPIENTS.get(platform)
    if recipient is None:
        raise Invalid(
            "connector", f"{platform} has no API that dxflow calls; allowed are {', '.join(RECIPIENTS)}"
        )
    allowed = (*recipient.needs, *_OPTIONAL)
    missing = [one for one in recipient.needs if not str(credentials.get(one) or "").strip()]
    if missing:
        raise Invalid(
            "credentials", f"{', '.join(missing)} missing; {platform} needs {', '.join(recipient.needs)}"
        )
    if unknown := sorted(set(credentials) - set(allowed)):
        raise Invalid("credentials", f"{', '.join(unknown)[:80]} unknown; allowed are {', '.join(allowed)}")
    given = {name: str(value).strip() for name, value in credentials.items() if value}
    for name, value in given.items():
        if not value.isascii() or not value.isprintable() or len(value) > _LONGEST:
            raise Invalid("credentials", f"{name} must be printable ASCII, {_LONGEST} characters at most")
    return given


def _address(base_url: str) -> str:
    """Without a path: the platform's own is added. Raises Invalid."""
    try:
        url = checked(base_url.strip())
    except Invalid as error:
        raise Invalid("base_url", error.detail) from None
    if urlsplit(url).query or urlsplit(url).path.strip("/"):
        raise Invalid("base_url", f"must be scheme and host alone, as {ADDRESSES['shopify']}")
    return url.rstrip("/")


def _place(connector_id: str) -> dict[str, str]:
    return {"table": "connector_apis", "column": "credentials_sealed", "row_id": connector_id}
