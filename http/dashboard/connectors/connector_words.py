"""What is said of a connector: how it is, in a word and in a sentence, and what its platform is called for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ....engine.platforms import mailchimp_bodies, shopify_bodies, stripe_bodies, woocommerce_bodies
from ....engine.platforms.hasura import DEFAULT_TABLES
from ....engine.services.connectors.connector_care import InForce
from ....engine.services.connectors.connector_health import Day
from ....engine.services.connectors.silence import Rhythm
from ....engine.store import models

OVERLAPS: Mapping[str, int] = {"1": 1, "24": 24, "168": 168, "0": 0}
"""How long an older secret goes on holding, in hours, as the form names it."""

OURS_TO_CHOOSE = frozenset({"mailchimp", "woocommerce", "hasura"})
"""Where people choose the secret; everywhere else the platform does."""

READS: Mapping[str, tuple[str, ...]] = {
    "shopify": tuple(shopify_bodies.READERS),
    "stripe": tuple(stripe_bodies.READERS),
    "mailchimp": tuple(mailchimp_bodies.READERS),
    "woocommerce": tuple(woocommerce_bodies.READERS),
    "mandrill": (),
    "hasura": tuple(DEFAULT_TABLES),
}
"""The topics that are worked on, as the platform names them (Hasura: the tables)."""

COMPLIANCE = ("customers/data_request", "customers/redact", "shop/redact")
"""Shopify's three mandatory topics, which are entered apart from the others."""

OPTIONS: Mapping[str, str] = {
    "shopify": "shop",
    "mailchimp": "list_id",
    "woocommerce": "consent_meta_key",
    "hasura": "consent_column",
}
"""The one option of each platform that the form asks for; it may be left out."""

_TONES = {"disabled": "quiet", "refusing": "bad", "waiting": "live", "silent": "warn", "failing": "bad"}
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True)
class Seen:
    """A connector and how it is at this moment."""

    connector: models.Connector
    rhythm: Rhythm
    day: Day
    secrets: Sequence[InForce]
    api: models.ConnectorApi | None
    refused: models.RefusedDeliveries | None

    @property
    def tone(self) -> str:
        """The colour of its state."""
        return _TONES.get(self.state, "good")

    @property
    def state(self) -> str:
        """``disabled``, ``refusing`` (what came last wasn't authentic), ``waiting`` (for the first delivery),
        ``silent``, ``failing`` or ``working``: the first that holds."""
        if self.connector.disabled_at is not None:
            return "disabled"
        if self.refused is not None and (self.last_at is None or self.refused.last_at > self.last_at):
            return "refusing"
        if self.last_at is None:
            return "waiting"
        if self.rhythm.silent:
            return "silent"
        return "failing" if self.day.failed else "working"

    @property
    def last_at(self) -> datetime | None:
        """When the platform delivered last; a test of dxflow's own doesn't count."""
        return self.day.last_at or self.rhythm.last_at

    @property
    def usual(self) -> str:
        """How often deliveries come, in words; empty while nobody knows."""
        return span(self.rhythm.usual) if self.rhythm.usual is not None else ""

    @property
    def ending(self) -> Sequence[InForce]:
        """The secrets that end by themselves, the soonest first."""
        return sorted(
            (one for one in self.secrets if one.expires_at is not None), key=lambda one: str(one.expires_at)
        )


def span(length: timedelta) -> str:
    """A length of time in words, in its largest unit: ``3 minutes``."""
    seconds = max(1, int(length.total_seconds()))
    name, size = next((name, size) for name, size in _UNITS if seconds >= size)
    count = seconds // size
    return f"{count} {name}{'' if count == 1 else 's'}"
