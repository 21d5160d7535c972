"""A person whom four platforms know, and the people of the privacy team."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import all_platforms
import pytest
from all_platforms import CREDENTIALS, LOOPBACK, afresh
from flow import HandClock, Sender, customer, drain
from recipients_servers import Playing
from shopify_server import shopper

from dxflow.engine import core as cores
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.outgoing import Limits
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connector_apis
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models

EMAIL, PHONE, NAME = "ada.kanarie@shop.example", "+4930998877665", "Ada Kanarie"
SHOPIFY_ID, STRIPE_ID, MEMBER_ID, WOO_ID = 7_064_055_069_303_999, "cus_kanarie01", "a1b2c3kana", 4242


servers = all_platforms.servers


@pytest.fixture
def core(store: Store, clock: HandClock) -> Core:
    """A core that reaches the platforms of tests."""
    made = cores.build(
        store, b"k" * 32, host="dxflow.example", clock=clock, spread=lambda: 1.0, allowed_networks=LOOPBACK
    )
    return replace(made, outgoing=replace(made.outgoing, limits=Limits(0.5, 1.0, 1 << 20)))


@pytest.fixture
def tenant(core: Core) -> NewTenant:
    return tenants.create(core, "Acme Shop", "DE")


@dataclass(frozen=True)
class Team:
    """Two who may erase; each as the log names them."""

    first: str
    second: str


@pytest.fixture
def team(core: Core, tenant: NewTenant) -> Team:
    made = [
        users.create(core, tenant.controller.id, f"officer{number}@acme.example", Role.DPO)[0]
        for number in (1, 2)
    ]
    return Team(*(f"user:{one.id}" for one in made))


@dataclass
class Everywhere:
    """Ada, at four platforms; how each speaks of her, and what it has of her."""

    core: Core
    tenant_id: str
    senders: Mapping[str, Sender]
    servers: Mapping[str, Any]

    @property
    def subject(self) -> models.DataSubject:
        found = self.core.subjects.find(self.tenant_id, Person(email=EMAIL))
        assert found is not None
        return found

    def known(self) -> bool:
        return self.core.subjects.find(self.tenant_id, Person(EMAIL, PHONE)) is not None

    def speak(self, platform: str, **more: str) -> str:
        """One delivery of a platform about her; its event's id."""
        topic, body = SAYS[platform]
        if isinstance(body, dict):
            body = {**body, **more}
        accepted = self.senders[platform].send(topic, body)
        drain(self.core)
        return accepted.event_id

    def connect(self, *platforms: str) -> None:
        """Give their APIs credentials."""
        for name in platforms:
            connector_apis.put(
                self.core,
                self.tenant_id,
                self.senders[name].connector.id,
                self.servers[name].url,
                CREDENTIALS[name],
                "system",
            )


SAYS: dict[str, tuple[str, Any]] = {
    "shopify": ("customers/update", customer(id=SHOPIFY_ID, email=EMAIL, phone=PHONE, last_name="Kanarie")),
    "stripe": (
        "customer.updated",
        {
            "id": "evt_1",
            "object": "event",
            "type": "customer.updated",
            "created": 1_772_000_000,
            "data": {"object": {"id": STRIPE_ID, "object": "customer", "email": EMAIL, "name": NAME}},
        },
    ),
    "mailchimp": (
        "profile",
        urlencode(
            {
                "type": "profile",
                "fired_at": "2026-03-01 10:00:00",
                "data[list_id]": "list1",
                "data[id]": MEMBER_ID,
                "data[email]": EMAIL,
                "data[merges][FNAME]": "Ada",
            }
        ).encode(),
    ),
    "woocommerce": (
        "customer.updated",
        {"id": WOO_ID, "email": EMAIL, "first_name": "Ada", "last_name": "Kanarie", "role": "customer"},
    ),
}


@pytest.fixture
def ada(core: Core, tenant: NewTenant, servers: dict[str, Playing]) -> Everywhere:
    """She came in through all of them."""
    fresh: dict[str, Any] = {name: afresh(server) for name, server in servers.items()}
    fresh["shopify"].customers[str(SHOPIFY_ID)] = shopper(email=EMAIL, last="Kanarie")
    fresh["stripe"].customers[STRIPE_ID] = {"email": EMAIL}
    fresh["mailchimp"].join("list1", EMAIL)
    fresh["woocommerce"].customers[str(WOO_ID)] = {"email": EMAIL}
    senders = {name: Sender(core, tenant.controller.id, name) for name in SAYS}
    found = Everywhere(core, tenant.controller.id, senders, fresh)
    for name in SAYS:
        found.speak(name)
    return found
