from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from dxflow.engine.platforms import get
from dxflow.engine.platforms.base import Delivery, Endpoint, Extraction, Identity, Trust
from dxflow.engine.platforms.signing import signed_request

SECRET = "a-secret-of-the-platform"
URL = "https://edge.example/webhooks/platform/7"
NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


@dataclass
class Sender:
    """A platform's side of the line, and the adapter's answers to it."""

    platform: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("c7", (SECRET,), self.options)

    def delivery(self, topic: str, body: object, delivery_id: str = "d1", **headers: str) -> Delivery:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent, url = signed_request(
            self.platform, topic, raw, SECRET, url=URL, now=NOW, delivery_id=delivery_id
        )
        merged = {name.lower(): value for name, value in sent.items()}
        merged |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Delivery("POST", url, urlsplit(url).query, merged, raw)

    def verify(self, delivery: Delivery, now: datetime = NOW) -> Trust:
        return get(self.platform).verify(delivery, self.endpoint, now)

    def identify(self, topic: str, body: object, delivery_id: str = "d1", **headers: str) -> Identity:
        delivery = self.delivery(topic, body, delivery_id, **headers)
        return get(self.platform).identify(delivery, self.endpoint)

    def extract(self, topic: str, body: object, meta: Mapping[str, str] | None = None) -> Extraction:
        """As the engine does it: identified at the edge, read later from the stored bytes."""
        delivery = self.delivery(topic, body)
        identity = get(self.platform).identify(delivery, self.endpoint)
        known = identity.meta if meta is None else meta
        return get(self.platform).extract(identity.topic, delivery.body, known, self.endpoint)


@pytest.fixture
def sender() -> Callable[..., Sender]:
    def make(platform: str, **options: str) -> Sender:
        return Sender(platform, dict(options))

    return make
