"""All four platforms' servers at once, and what their APIs are called with."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import mailchimp_server
import pytest
import shopify_server
import stripe_server
import woocommerce_server
from recipients_servers import Playing, playing

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
CREDENTIALS = {
    "shopify": {"access_token": shopify_server.TOKEN},
    "stripe": {"secret_key": stripe_server.KEY},
    "mailchimp": {"api_key": mailchimp_server.KEY},
    "woocommerce": {"consumer_key": woocommerce_server.KEY, "consumer_secret": woocommerce_server.SECRET},
}
SERVERS: dict[str, type[Playing]] = {
    "shopify": shopify_server.Shopify,
    "stripe": stripe_server.Stripe,
    "mailchimp": mailchimp_server.Mailchimp,
    "woocommerce": woocommerce_server.WooCommerce,
}


@contextmanager
def all_playing() -> Iterator[dict[str, Playing]]:
    """Each platform's server by its name, on a socket of its own."""
    servers = {name: kind() for name, kind in SERVERS.items()}
    with ExitStack() as open_ones:
        for server in servers.values():
            open_ones.enter_context(playing(server))
        yield servers


def afresh(server: Playing) -> Playing:
    """The same socket, and nothing happened there yet."""
    url = server.url
    server.__init__()  # type: ignore[misc]  # what a test left there is gone
    server.url = url
    return server


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Playing]]:
    """One socket per platform for a whole module. A room's conftest names it ``servers``."""
    with all_playing() as playing:
        yield playing
