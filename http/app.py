"""The Falcon application: routes and nothing else. Every dependency comes in as a parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import falcon
from prometheus_client import CollectorRegistry

from ..engine.core import Core
from ..engine.edge import Edge
from ..engine.errors import DxflowError
from ..engine.inbox import Inbox
from ..engine.services.connectors import Endpoints
from . import problems
from .webhooks import WebhookResource


class Depth(Protocol):
    """How full one tenant queue is; ages in milliseconds since 1970."""

    ready: int
    in_flight: int
    delayed: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Outside:
    """What the edge asks of the rest of the process, without importing it.

    ``depths`` reads tenant queues by public name and raises Unavailable without Redis; ``checks`` are the
    parts of ``/readyz``: each returns a sentence, or raises.
    """

    depths: Callable[[Sequence[str]], Mapping[str, Depth]]
    checks: Mapping[str, Callable[[], str]]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The few settings the edge needs. ``public_url`` is how people reach it."""

    max_body_bytes: int
    public_url: str


def build(core: Core, outside: Outside, settings: HttpSettings) -> falcon.App:
    """The whole WSGI application."""
    app = falcon.App()
    app.add_error_handler(Exception, problems.on_any)
    app.add_error_handler(falcon.HTTPError, problems.on_http)
    app.add_error_handler(DxflowError, problems.on_own)
    webhooks = WebhookResource(Edge(core, Inbox(core), Endpoints(core)), settings.max_body_bytes)
    app.add_route("/webhooks/{platform}/{connector_id}", webhooks)
    app.add_route("/events/hasura/{connector_id}", webhooks)
    return app
