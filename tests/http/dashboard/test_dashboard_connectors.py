"""Connectors on the dashboard: the list, one of them, adding one, and what nobody else reaches."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests
from flow import SECRET, Sender, customer
from serving import served
from visitors import Visitor

from dxflow.engine import trial
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connector_apis, connectors
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

SignIn = Callable[[Role], Visitor]
LIST = "/dashboard/connectors"


@pytest.fixture
def shop(core: Core, tenant: NewTenant) -> Sender:
    return Sender(core, tenant.controller.id)


def at(sender: Sender) -> str:
    return f"{LIST}/{sender.connector.id}"


def test_without_any_the_list_says_what_to_do(owner: Visitor, sign_in_as: SignIn) -> None:
    owner.get(LIST)
    assert "Add the first connector" in owner.text
    member = sign_in_as(Role.MEMBER)
    member.get(LIST)
    assert "Somebody who may add connectors" in member.text
    assert member.get(f"{LIST}/new").status_code == 403


def test_the_list_says_how_each_is(
    core: Core, owner: Visitor, shop: Sender, drain: Callable[[], int]
) -> None:
    Sender(core, shop.tenant_id, "stripe")
    shop.send("customers/create", customer(1))
    shop.send("customers/update", {"error": "not a customer"})
    drain()
    owner.get(LIST)
    assert "waiting" in owner.text
    assert "failing" in owner.text
    assert "1 failed" in owner.text
    assert SECRET not in owner.page.text


def test_deliveries_that_were_refused_are_told_and_over_once_an_authentic_one_comes(
    core: Core, owner: Visitor, shop: Sender, site: str
) -> None:
    url = f"{site}/webhooks/shopify/{shop.connector.id}"
    headers = {"X-Shopify-Hmac-Sha256": "d3Jvbmc=", "X-Shopify-Topic": "customers/create"}
    assert requests.post(url, data=b"{}", headers=headers, timeout=30).status_code == 401
    owner.get(LIST)
    assert "refusing" in owner.text
    owner.get(at(shop))
    assert "What arrives is refused" in owner.text
    assert "matches none of the connector's secrets" in owner.text
    shop.send("customers/create", customer(1))
    owner.get(at(shop))
    assert "Working" in owner.text
    assert "1 earlier delivery was refused" in owner.text


def test_a_stripe_connector_is_made_at_the_address_that_was_shown_first(
    core: Core, owner: Visitor, tenant: NewTenant
) -> None:
    owner.get(f"{LIST}/new/stripe")
    reserved = re.search(r'name="id" value="([0-9a-f-]{36})"', owner.page.text)
    assert reserved is not None
    assert f"http://dxflow.example/webhooks/stripe/{reserved[1]}" in owner.page.text
    assert reserved[1] in owner.get(owner.page.url.removeprefix(owner.base)).text, "a reload keeps it"
    form = {"id": reserved[1], "secret": "whsec_made_by_stripe", "name": "Live"}
    answer = owner.post(f"{LIST}/new/stripe", form)
    assert answer.url.endswith(f"{LIST}/{reserved[1]}")
    assert "Waiting for the first delivery" in owner.text
    assert "whsec_made_by_stripe" not in owner.page.text
    row = connectors.get(tenant.controller.id, reserved[1])
    assert connectors.secrets_of(core, row) == ("whsec_made_by_stripe",)
    owner.post(f"{LIST}/new/stripe", form)
    assert owner.page.status_code == 409


@pytest.mark.parametrize("secret", ["", "   "])
def test_a_blank_secret_makes_nothing(owner: Visitor, tenant: NewTenant, secret: str) -> None:
    owner.get(f"{LIST}/new/shopify")
    owner.post(f"{LIST}/new/shopify", {"id": str(tenant.controller.id), "secret": secret})
    assert owner.page.status_code == 422
    assert "anybody could sign with it" in owner.text
    assert not models.Connector.select().exists()


def test_a_chosen_secret_is_shown_once(core: Core, owner: Visitor, tenant: NewTenant) -> None:
    owner.get(f"{LIST}/new/woocommerce")
    owner.post(f"{LIST}/new/woocommerce", {"name": "Shop", "option": "newsletter"})
    row = models.Connector.get()
    [secret] = connectors.secrets_of(core, row)
    assert secret in owner.page.text
    assert (row.name, row.options) == ("Shop", {"consent_meta_key": "newsletter"})
    assert secret not in owner.get(f"{LIST}/{row.id}").text


def test_mailchimps_address_holds_its_secret_and_is_shown_once(core: Core, owner: Visitor) -> None:
    owner.get(f"{LIST}/new/mailchimp")
    owner.post(f"{LIST}/new/mailchimp", {"name": "List"})
    row = models.Connector.get()
    [secret] = connectors.secrets_of(core, row)
    assert f"?key={secret}" in owner.page.text
    owner.get(f"{LIST}/{row.id}")
    assert secret not in owner.page.text
    assert "?key=***" in owner.page.text
    owner.post(f"{LIST}/{row.id}/secrets", {"overlap": "24"})
    newest = connectors.secrets_of(core, row)[0]
    assert newest != secret
    assert f"?key={newest}" in owner.page.text


@pytest.mark.parametrize("platform", ["shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura"])
def test_every_platform_has_its_steps(core: Core, owner: Visitor, tenant: NewTenant, platform: str) -> None:
    assert owner.get(f"{LIST}/new/{platform}").status_code == 200
    row = connectors.add(core, tenant.controller.id, platform, [SECRET])
    assert owner.get(f"{LIST}/{row.id}").status_code == 200
    assert "How it is set up there" in owner.text


def test_an_unknown_platform_is_no_page(owner: Visitor) -> None:
    assert owner.get(f"{LIST}/new/myspace").status_code == 404


def test_a_secret_is_replaced_with_an_overlap_and_ended_now(core: Core, owner: Visitor, shop: Sender) -> None:
    owner.get(at(shop))
    owner.post(f"{at(shop)}/secrets", {"secret": "a newer secret", "overlap": "1"})
    assert "The new secret is in force" in owner.text
    assert connectors.secrets_of(core, shop.connector) == ("a newer secret", SECRET)
    older = re.search(rf"{shop.connector.id}/secrets/([0-9a-f-]{{36}})/end", owner.page.text)
    assert older is not None
    owner.post(f"{at(shop)}/secrets/{older[1]}/end")
    assert connectors.secrets_of(core, shop.connector) == ("a newer secret",)
    owner.get(at(shop))
    owner.post(f"{at(shop)}/secrets", {"secret": "  "})
    assert owner.page.status_code == 422


def test_at_once_ends_the_older_secret(core: Core, owner: Visitor, shop: Sender) -> None:
    owner.get(at(shop))
    owner.post(f"{at(shop)}/secrets", {"secret": "a newer secret", "overlap": "0"})
    assert connectors.secrets_of(core, shop.connector) == ("a newer secret",)


def test_it_is_renamed_disabled_and_enabled(owner: Visitor, shop: Sender) -> None:
    owner.get(at(shop))
    owner.post(f"{at(shop)}/rename", {"name": " "})
    assert owner.page.status_code == 422
    owner.post(f"{at(shop)}/rename", {"name": "Acme Germany"})
    assert "Acme Germany" in owner.text
    owner.post(f"{at(shop)}/disable")
    assert "takes nothing" in owner.text
    owner.post(f"{at(shop)}/test")
    assert owner.page.status_code in (404, 409)
    owner.get(at(shop))
    owner.post(f"{at(shop)}/enable")
    assert "Waiting for the first delivery" in owner.text


def test_a_test_delivery_says_what_it_proved(owner: Visitor, shop: Sender) -> None:
    owner.get(at(shop))
    owner.post(f"{at(shop)}/test")
    assert "The connector works; its public address couldn’t be tried from here" in owner.text
    assert SECRET not in owner.page.text
    owner.get(at(shop))
    assert "Waiting for the first delivery" in owner.text


@pytest.fixture
def api(core: Core, shop: Sender) -> models.ConnectorApi:
    given = {"access_token": "shpat_hush"}
    return connector_apis.put(
        core, shop.tenant_id, shop.connector.id, "https://acme.myshopify.com", given, "x"
    )


def test_credentials_are_kept_tried_and_forgotten(
    owner: Visitor, shop: Sender, api: models.ConnectorApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = connector_apis.Checked(api, ok=False, fault="shopify refuses the credential")
    monkeypatch.setattr(connector_apis, "check", lambda *_: checked)
    owner.get(at(shop))
    assert "not tried yet" in owner.text
    assert "shpat_hush" not in owner.page.text
    owner.post(f"{at(shop)}/api", {"base_url": "https://acme.myshopify.com/path", "access_token": "x"})
    assert owner.page.status_code == 422
    assert "must be scheme and host alone" in owner.text
    owner.post(f"{at(shop)}/api", {"base_url": "https://acme.myshopify.com", "access_token": "shpat_2"})
    assert "doesn’t take the credentials" in owner.text
    owner.post(f"{at(shop)}/api/check")
    owner.post(f"{at(shop)}/api/remove")
    assert "are forgotten" in owner.text
    assert not models.ConnectorApi.select().exists()


def test_of_another_tenant_there_is_none(core: Core, owner: Visitor, shop: Sender) -> None:
    other = Sender(core, tenants.create(core, "Other Shop", "FR").controller.id)
    assert owner.get(at(other)).status_code == 404
    owner.get(at(shop))
    for path in ("rename", "disable", "enable", "secrets", "api", "api/check", "api/remove", "test"):
        token = owner.get(at(shop))
        assert token.status_code == 200
        assert owner.post(f"{at(other)}/{path}", {"name": "x", "secret": "x"}).status_code == 404
    assert models.Connector.get_by_id(other.connector.id).name == "shopify"


def test_whoever_may_only_look_changes_nothing(sign_in_as: SignIn, shop: Sender) -> None:
    dpo = sign_in_as(Role.DPO)
    assert dpo.get(at(shop)).status_code == 200
    assert "Put another secret in force" not in dpo.text
    assert dpo.post(f"{at(shop)}/disable").status_code == 403


def statements(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> int:
    """How many statements are run meanwhile, by whatever thread."""
    counted, kind = 0, type(models.database.obj)
    run = kind.execute_sql

    def execute_sql(self: object, *given: object, **named: object) -> object:
        nonlocal counted
        counted += 1
        return run(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "execute_sql", execute_sql)
        act()
    return counted


def test_the_list_asks_no_more_for_many_than_for_one(
    core: Core, owner: Visitor, shop: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send("customers/create", customer(1))
    owner.get(LIST)
    few = statements(monkeypatch, lambda: owner.get(LIST))
    for number in range(12):
        sender = Sender(core, shop.tenant_id)
        sender.send("customers/create", customer(number + 2))
    many = statements(monkeypatch, lambda: owner.get(LIST))
    assert few > 0
    assert many == few


def test_a_long_list_goes_on_page_by_page(core: Core, owner: Visitor, tenant: NewTenant) -> None:
    for number in range(26):
        connectors.add(core, tenant.controller.id, "shopify", [SECRET], name=f"Shop {number}")
    owner.get(LIST)
    assert "Shop 25" in owner.text
    assert ">Shop 0<" not in owner.page.text
    further = re.search(r'href="(/dashboard/connectors\?cursor=[^"]+)"', owner.page.text)
    assert further is not None
    assert ">Shop 0<" in owner.get(further[1]).text


def test_over_the_network_a_test_delivery_proves_the_whole_way(core: Core, site: str, shop: Sender) -> None:
    found = trial.run(core, shop.tenant_id, shop.connector.id, site, "user:1")
    assert (found.reached, found.fault, found.refusal) == (True, "", "")
    assert models.Event.get(id=found.event_id).connector_id == shop.connector.id


@pytest.mark.parametrize("says", [b"hello", b'{"event_id": "no id"}', b'{"event_id": "%s"}'])
def test_the_word_of_another_server_counts_for_nothing(core: Core, shop: Sender, says: bytes) -> None:
    other = Sender(core, shop.tenant_id, "stripe")
    taken = trial.run(core, shop.tenant_id, other.connector.id, "http://127.0.0.1:1", "user:1")
    body = says % taken.event_id.encode() if b"%s" in says else says

    def elsewhere(environ: dict[str, object], start: Callable[..., object]) -> list[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return [body]

    with served(elsewhere) as address:
        found = trial.run(core, shop.tenant_id, shop.connector.id, address, "user:1")
    assert not found.reached
    assert "didn't arrive here" in found.fault
    assert found.event_id != taken.event_id
