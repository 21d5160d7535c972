"""``connector``: addresses are shown, secrets go in and never come out."""

from __future__ import annotations

from typing import get_args

import pytest
from commands import Failure, Home

from dxflow.config import options
from dxflow.engine.platforms import PLATFORMS
from dxflow.engine.rights import REGIMES
from dxflow.engine.services.connectors import connectors

SECRET = "canary-of-a-secret"


@pytest.mark.parametrize(
    ("platform", "path"),
    [("shopify", "/webhooks/shopify/"), ("stripe", "/webhooks/stripe/"), ("hasura", "/events/hasura/")],
)
def test_a_connector_is_made_with_the_address_to_deliver_to(shop: Home, platform: str, path: str) -> None:
    made = shop.ask("connector", "add", "--platform", platform, "--secret", SECRET)
    assert made["platform"] == platform
    assert made["url"] == f"http://127.0.0.1:8000{path}{made['id']}"
    assert SECRET not in str(made)


def test_addresses_begin_with_the_public_address(shop: Home) -> None:
    words = ("connector", "add", "--platform", "stripe", "--secret", SECRET, "--json")
    made = shop.run(*words, public_url="https://edge.example/dx/").document
    assert made["url"].startswith("https://edge.example/dx/webhooks/stripe/")


def test_the_mailchimp_address_carries_its_secret_once_and_never_again(shop: Home) -> None:
    made = shop.ask("connector", "add", "--platform", "mailchimp", "--secret", SECRET)
    assert made["url"].endswith(f"?key={SECRET}")
    for words in (("connector", "list"), ("connector", "check", made["id"])):
        assert SECRET not in str(shop.ask(*words))
        assert SECRET not in shop.run(*words).out


@pytest.mark.parametrize("secret", ["", " ", "\t"])
def test_an_empty_or_blank_secret_is_refused(shop: Home, secret: str) -> None:
    shop.run("connector", "add", "--platform", "shopify", "--secret", secret).refused("secret")
    assert shop.ask("connector", "list") == []


def test_a_blank_secret_beside_a_good_one_is_refused_too(shop: Home) -> None:
    words = ("connector", "add", "--platform", "shopify", "--secret", SECRET, "--secret", " ")
    shop.run(*words).refused("secret")


def test_secrets_come_from_stdin_so_that_they_stay_out_of_the_shells_history(shop: Home) -> None:
    words = ("connector", "add", "--platform", "shopify", "--secret", "-", "--secret", "third")
    made = shop.ask(*words, stdin=f"{SECRET}\nsecond\n")
    core = shop.core()
    kept = connectors.secrets_of(core, connectors.every()[0])
    core.store.close()
    assert sorted(kept) == sorted([SECRET, "second", "third"])
    assert made["secrets"] == 3


def test_nothing_on_stdin_is_refused(shop: Home) -> None:
    shop.run("connector", "add", "--platform", "shopify", "--secret", "-").refused("at least one")


def test_without_a_secret_the_usage_says_how_to_give_one(shop: Home) -> None:
    shop.run("connector", "add", "--platform", "shopify").misused("--secret -")


def test_options_and_mandrills_address_are_kept(shop: Home) -> None:
    shop.ask(
        *("connector", "add", "--platform", "mandrill", "--secret", SECRET, "--name", "Post"),
        *("--option", "a=b=c", "--address", "https://edge.example/post?x=1"),
    )
    [row] = shop.ask("connector", "list")
    assert row["name"] == "Post"
    assert row["options"] == {"a": "b=c", "address": "https://edge.example/post?x=1"}


def test_an_option_without_a_value_and_an_unknown_platform_are_wrong_usage(shop: Home) -> None:
    words = ("connector", "add", "--secret", SECRET)
    shop.run(*words, "--platform", "shopify", "--option", "shop").misused("is not KEY=VALUE")
    shop.run(*words, "--platform", "ebay").misused("'woocommerce'")


def test_a_rotation_puts_a_new_secret_beside_the_old_one(shop: Home) -> None:
    made = shop.ask("connector", "add", "--platform", "shopify", "--secret", SECRET)
    assert shop.ask("connector", "rotate", made["id"], "--secret", "-", stdin="newer\n")["secrets"] == 2
    shop.run("connector", "rotate", made["id"], "--secret", " ").refused("secret")
    shop.run("connector", "rotate", "nobody", "--secret", "x").refused("no such connector")


def test_a_check_tells_whether_anything_arrives(shop: Home) -> None:
    made = shop.ask("connector", "add", "--platform", "shopify", "--secret", SECRET)
    found = shop.ask("connector", "check", made["id"])
    assert (found["deliveries"], found["last_delivery_at"], found["failed"]) == (0, None, 0)
    assert found["verdict"].startswith("nothing arrived yet")


def test_a_check_tells_of_failures(failure: Failure) -> None:
    found = failure.home.ask("connector", "check", failure.connector_id)
    assert (found["deliveries"], found["failed"]) == (1, 1)
    assert found["last_delivery_at"] is not None
    assert "shape" in found["last_error"]


def test_the_command_line_knows_every_platform_and_regime() -> None:
    assert set(get_args(get_args(options.Platform)[0])) == set(PLATFORMS)
    assert set(get_args(get_args(options.Regime)[0])) == set(REGIMES)
