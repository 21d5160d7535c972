"""One adapter per platform, each with the verbs of ``base.Platform``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..errors import NotFound
from .base import Platform
from .hasura import Hasura
from .mailchimp import Mailchimp
from .mandrill import Mandrill
from .shopify import Shopify
from .stripe import Stripe
from .woocommerce import WooCommerce

_ADAPTERS: tuple[Platform, ...] = (Shopify(), Stripe(), Mailchimp(), Mandrill(), WooCommerce(), Hasura())

PLATFORMS: Mapping[str, Platform] = MappingProxyType({adapter.name: adapter for adapter in _ADAPTERS})
"""Every adapter by the name that stands in a webhook's path."""


def get(name: str) -> Platform:
    """The adapter of that name. Raises NotFound for a name that is none."""
    try:
        return PLATFORMS[name]
    except KeyError:
        raise NotFound(f"no such platform; known are {', '.join(PLATFORMS)}") from None
