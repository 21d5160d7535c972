"""``sso``: set a provider, hand out its addresses, disable it."""

from __future__ import annotations

from collections.abc import Iterator

import oidc
import pytest
from commands import Home
from oidc import Provider

LOOPBACK = {"allowed_networks": "127.0.0.0/8"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with oidc.provider() as made:
        yield made


def test_a_provider_is_set_shown_and_disabled(shop: Home, provider: Provider) -> None:
    tenant = shop.ask("tenant", "list")[0]
    words = ("sso", "set", "--issuer", provider.issuer, "--client-id", "acme", "--role", "auditor", "--json")
    made = shop.run(
        *words, "--secret", "-", stdin="s3cret\n", **LOOPBACK, public_url="https://dx.example/privacy"
    )
    assert made.code == 0, made
    address = f"https://dx.example/privacy/dashboard/sso/{tenant['id']}"
    assert made.document == {
        "issuer": provider.issuer,
        "client_id": "acme",
        "newcomers": "auditor",
        "in_force": True,
        "callback": f"{address}/callback",
        "sign_in": address,
    }
    assert "s3cret" not in made.out
    assert shop.ask("sso", "show")["in_force"] is True
    assert shop.ask("sso", "disable")["in_force"] is False


def test_an_issuer_inside_takes_the_setting(shop: Home, provider: Provider) -> None:
    words = ("sso", "set", "--issuer", provider.issuer, "--client-id", "acme", "--secret", "s3cret")
    shop.run(*words).refused("DXFLOW_ALLOWED_NETWORKS may allow it")
    assert provider.seen == []
    shop.run("sso", "show").refused("this data controller has no provider")


def test_a_client_has_one_secret(shop: Home) -> None:
    words = ("sso", "set", "--issuer", "https://accounts.example", "--client-id", "acme")
    shop.run(*words, "--secret", "a", "--secret", "b").misused("exactly one")
