"""What every platform adapter does, in the same few verbs, and the shapes they speak in.

An adapter is pure: bytes and headers in, values out. It opens no connection, reads no row and knows no
workflow. The edge calls ``is_probe``, ``verify`` and ``identify`` before it commits; the ``extract`` step
calls ``extract`` afterwards, from the stored body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Trust(StrEnum):
    """How far a stored event can be believed."""

    SIGNED_FRESH = "signed_fresh"
    """Body and time are authenticated (Stripe)."""
    SIGNED = "signed"
    """The body is authenticated; headers, address and time are not."""
    BEARER = "bearer"
    """A secret came along; the body itself is not authenticated (Mailchimp audiences, Hasura)."""
    INTERNAL = "internal"
    """The change was made in dxflow's own database (API, command line, plain SQL)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came off the wire.

    ``headers`` have lower-case names; ``query`` is the raw query string without ``?``; ``url`` is the whole
    address as the sender saw it, as well as we can tell; ``body`` is untouched.
    """

    method: str
    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A connector as its adapter needs it.

    ``secrets`` holds every secret in force (several during a rotation), never empty ones. ``options`` holds
    what the operator set for this connector; each adapter documents the names it reads.
    """

    connector_id: str
    secrets: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """What an authentic delivery is.

    ``topic`` as the platform names it. ``key`` identifies the delivery among all deliveries of this
    connector: equal keys are the same delivery come twice. ``meta`` keeps the headers a later step needs;
    no personal data and no secret may stand in it. ``handled`` is False for a topic nobody processes.
    """

    topic: str
    key: tuple[str | bytes, ...]
    meta: Mapping[str, str]
    handled: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Who a body speaks of. ``external_ids`` are ``(scope, id)``: ``("shopify", "706405506930370084")``."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    external_ids: tuple[tuple[str, str], ...] = ()
    email_verified: bool = False

    @property
    def nameless(self) -> bool:
        """True when nothing in here could ever match or create a data subject."""
        return not (self.email or self.phone or self.external_ids)


@dataclass(frozen=True, slots=True)
class ConsentSignal:
    """One statement about consent. ``occurred_at`` is the platform's own time for it, None where it has none.

    ``state`` is one of ``granted``, ``withdrawn``, ``pending``, ``unknown``; ``channel`` one of ``email``,
    ``sms``, ``all``; ``evidence`` holds the platform's own words (state, opt-in level), no personal data.
    """

    purpose: str
    channel: str
    state: str
    occurred_at: datetime | None
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestSignal:
    """A platform passes on a rights request. ``type`` and ``regime`` are names of ``engine.rights``; an empty
    regime leaves it to the tenant's jurisdiction."""

    type: str
    regime: str
    reference: str = ""


class Change(StrEnum):
    """What a body does to the links of a data subject."""

    UPSERT = "upsert"
    """Match or create the person, add what is new."""
    MATCH_ONLY = "match_only"
    """Match the person if known; never create one (deletions, bounces)."""
    MOVE = "move"
    """``person`` took over from ``previous``: its links move (Mailchimp upemail)."""
    MERGE = "merge"
    """``previous`` was merged into ``person`` at the platform (Shopify customers/merge)."""
    NOBODY = "nobody"
    """The body concerns no person (shop/redact)."""


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything a later step needs from one body."""

    change: Change
    activity_type: str
    purpose: str
    legal_basis: str
    fields: tuple[str, ...] = ()
    person: Person | None = None
    previous: Person | None = None
    consents: tuple[ConsentSignal, ...] = ()
    request: RequestSignal | None = None
    occurred_at: datetime | None = None
    """The platform's own time of the change (``updated_at``): an older one never overwrites a newer."""
    record: Mapping[str, object] | None = None
    """A whole row sent by Hasura for a table that maps to a workflow of its own."""


class Platform(Protocol):
    """One adapter. Implementations are stateless modules' singletons, safe for any thread."""

    name: str

    def is_probe(self, delivery: Delivery) -> bool:
        """True for requests a platform sends to try an address (WooCommerce's unsigned ping, Mandrill's
        empty ``test-webhook`` POST): answered 200 ``ignored``, without effect and without being stored."""

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Authenticate the raw bytes in constant time against every secret.

        Raises NotAuthentic for anything missing, malformed, wrong or stale; never any other error, whatever
        the headers hold.
        """

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """Name an authentic delivery. Raises Malformed when the body can't be parsed at all."""

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Read a stored body. Pure, and free to be called again on replay.

        Raises PermanentError when the body doesn't fit its topic (a captured body replayed under another
        topic, an error object instead of a customer).
        """


class NoProbe:
    """What platforms inherit that send nothing to try an address."""

    def is_probe(self, delivery: Delivery) -> bool:
        """False: every delivery has to authenticate itself."""
        del delivery
        return False
