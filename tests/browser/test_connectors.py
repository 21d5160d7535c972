"""Connectors from the choice of a platform to the first delivery, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from flow import Sender, customer
from playwright.sync_api import Page, expect
from reading import fits, usable

from dxflow.engine.core import Core
from dxflow.engine.edge import Edge
from dxflow.engine.inbox import Inbox
from dxflow.engine.platforms import signing
from dxflow.engine.platforms.base import Delivery
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

SECRET = "whsec_made_by_stripe"


def deliver(core: Core, connector_id: str) -> None:
    """What Stripe sends."""
    body = (
        b'{"object": "event", "id": "evt_1", "type": "customer.created", "data": {"object": {"id": "cus_1"}}}'
    )
    url, now = "http://edge.example", core.clock()
    headers, _ = signing.signed_request("stripe", "", body, SECRET, url=url, now=now, delivery_id="1")
    lower = {name.lower(): value for name, value in headers.items()}
    edge = Edge(core, Inbox(core), connectors.Endpoints(core))
    edge.receive("stripe", connector_id, Delivery("POST", url, "", lower, body))


def test_a_connector_is_added_step_by_step_and_turns_green_by_itself(
    enter: Callable[..., Page], core: Core, scripts: bool
) -> None:
    page = enter()
    page.get_by_role("link", name="Connectors", exact=True).click()
    page.get_by_role("link", name="Add the first connector").click()
    page.get_by_role("link", name="Stripe").click()
    address = page.get_by_label("Address").input_value()
    page.get_by_label("Signing secret of the endpoint").fill(SECRET)
    page.get_by_label("What to call it").fill("Stripe, live")
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="Make the connector").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stripe, live")
    expect(page.get_by_text("Waiting for the first delivery")).to_be_visible()
    assert address.endswith(page.url.rpartition("/")[2])
    deliver(core, page.url.rpartition("/")[2])
    if not scripts:
        page.reload()
    expect(page.locator(".verdict").get_by_text("Working")).to_be_visible(timeout=20_000)


def test_a_connector_is_looked_after(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    sender = Sender(core, tenant.controller.id)
    sender.send("customers/create", customer(1))
    page = enter()
    page.goto(f"/dashboard/connectors/{sender.connector.id}")
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="Send a test delivery").click()
    expect(page.get_by_text("The connector works; its public address")).to_be_visible()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("link", name="Back to the connector").click()
    page.get_by_text("Put another secret in force …").click()
    page.get_by_label("New secret").fill("a newer secret")
    page.get_by_label("The older ones go on holding").select_option("for an hour")
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_text("The new secret is in force")).to_be_visible()
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_role("button", name="End it now")).to_have_count(0)
    assert connectors.secrets_of(core, models.Connector.get()) == ("a newer secret",)


def test_a_secret_that_dxflow_chooses_is_shown_once(
    enter: Callable[..., Page], core: Core, scripts: bool
) -> None:
    page = enter()
    page.goto("/dashboard/connectors/new")
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("link", name="WooCommerce").click()
    page.get_by_role("button", name="Make the connector").click()
    secret = page.get_by_label("Secret", exact=True).input_value()
    assert connectors.secrets_of(core, models.Connector.get()) == (secret,)
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("link", name="Done: wait for the first delivery").click()
    expect(page.get_by_text("Waiting for the first delivery")).to_be_visible()
    assert secret not in page.content()
