"""The first start of an installation: a demo tenant with everything needed to try dxflow at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...config.settings import Settings
from ..access.roles import Role
from ..core import Core
from ..errors import NotFound
from ..platforms import PLATFORMS
from ..store import models
from . import tenants
from .connectors import connectors
from .people import users

NAME, JURISDICTION, REGION = "Demo Shop", "EU", "DE"
OWNER = "owner@demo.example"
_FACT = "demo_tenant"
_WRITTEN: Mapping[str, str] = MappingProxyType({"woocommerce": "WooCommerce"})
"""Platforms that don't write themselves as a word with one capital."""

# As each platform spells its own secrets.
_SECRETS: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "shopify": lambda: secrets.token_hex(32),
        "stripe": lambda: f"whsec_{secrets.token_hex(16)}",
        "mailchimp": lambda: secrets.token_hex(16),
        "mandrill": lambda: secrets.token_hex(16),
        "woocommerce": lambda: secrets.token_hex(25),
        "hasura": lambda: secrets.token_hex(32),
    }
)


@dataclass(frozen=True, slots=True)
class Door:
    """One connector of the demo tenant: where its platform delivers, and with which secret."""

    platform: str
    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """What is printed once, on the first start. Passwords, keys and secrets are in the clear here."""

    dashboard: str
    email: str
    one_time_password: str
    api_key: str
    did: str
    doors: tuple[Door, ...]


def first_start(core: Core, settings: Settings) -> Welcome | None:
    """Make the demo tenant when there is no tenant at all; None on every later start."""
    with core.store.transaction():
        if models.DataController.select().exists():
            return None
        made = tenants.create(core, NAME, JURISDICTION, REGION)
        tenant_id = made.controller.id
        models.Installation.create(name=_FACT, value=tenant_id, force_insert=True)
        _, password = users.create(core, tenant_id, OWNER, Role.OWNER)
        doors = tuple(_open(core, tenant_id, platform, settings.base_url) for platform in PLATFORMS)
    return Welcome(
        dashboard=dashboard(settings),
        email=OWNER,
        one_time_password=password or "",
        api_key=made.api_key,
        did=str(made.controller.did),
        doors=doors,
    )


def told(made: Welcome | None, settings: Settings) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a start prints, as headings and their lines of name and value."""
    if made is None:
        return [("", [("Dashboard", dashboard(settings))])]
    first = [
        ("Dashboard", made.dashboard),
        ("Sign in as", made.email),
        ("One-time password", made.one_time_password),
        ("API key", made.api_key),
        ("Tenant", made.did),
    ]
    doors = [line for door in made.doors for line in ((door.platform, door.url), ("  secret", door.secret))]
    return [("", first), ("Webhook addresses and their secrets, shown only now", doors)]


def dashboard(settings: Settings) -> str:
    """Where people sign in."""
    return f"{settings.base_url}/dashboard/"


def demo_tenant() -> models.DataController:
    """The tenant that ``first_start`` made. Raises NotFound in an installation that began with a real one."""
    fact = models.Installation.get_or_none(name=_FACT)
    controller = None if fact is None else models.DataController.get_or_none(id=fact.value)
    if controller is None:
        raise NotFound("there is no demo tenant here; the first `serve` on an empty data directory makes one")
    return controller


def doors_of(core: Core, tenant_id: str, base: str) -> dict[str, Door]:
    """A tenant's connectors by platform, the oldest of each, with the newest secret in force."""
    doors: dict[str, Door] = {}
    for row in connectors.every(tenant_id):
        if row.disabled_at is None and row.platform not in doors:
            url = connectors.address(core, row, base).partition("?")[0]
            doors[row.platform] = Door(row.platform, url, connectors.secrets_of(core, row)[0])
    return doors


def _open(core: Core, tenant_id: str, platform: str, base: str) -> Door:
    secret = _SECRETS[platform]()
    name = f"{NAME} {_WRITTEN.get(platform, platform.title())}"
    row = connectors.add(core, tenant_id, platform, [secret], name=name)
    return Door(platform, connectors.address(core, row, base), secret)
