"""What anybody may call without a key, for the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_JSON = ("application/json",)


@dataclass(frozen=True, slots=True)
class Public:
    """``answers`` maps a status to its meaning; ``own_errors``: errors aren't problem documents."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: Mapping[int, str]
    media_types: tuple[str, ...] = _JSON
    own_errors: bool = False

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)


_DELIVERED = {
    200: "stored before this was answered; or a duplicate, or ignored",
    400: "well signed, and not readable",
    401: "the signature or secret is missing, wrong or stale",
    404: "no such connector",
    413: "too large",
    503: "our fault: deliver it again",
}

PUBLIC = (
    Public(
        "POST", "/webhooks/{platform}/{connector_id}", "webhook_deliver", "webhooks",
        "Deliver a platform's webhook", _DELIVERED,
    ),
    Public(
        "GET", "/webhooks/{platform}/{connector_id}", "webhook_probe", "webhooks",
        "Answer a platform's validator", {200: "empty"}, ("text/plain",),
    ),
    Public(
        "POST", "/events/hasura/{connector_id}", "hasura_deliver", "webhooks",
        "Deliver a Hasura event", _DELIVERED,
    ),
    Public(
        "GET", "/events/hasura/{connector_id}", "hasura_probe", "webhooks",
        "Answer a validator", {200: "empty"}, ("text/plain",),
    ),
    Public(
        "GET", "/1.0/identifiers/{did}", "identifiers_resolve", "identifiers", "Resolve a DID",
        {
            200: "the resolution result, or the document alone",
            400: "not a DID",
            404: "not issued here",
            406: "no such representation",
            410: "deactivated",
            501: "a DID of another method",
        },
        ("application/did-resolution", "application/did"), own_errors=True,
    ),
    Public("GET", "/healthz", "healthz", "operations", "Is the process up?", {200: "yes"}),
    Public(
        "GET", "/readyz", "readyz", "operations", "Can it work?",
        {200: "every check passed", 503: "which check failed"},
    ),
    Public(
        "GET", "/metrics", "metrics", "operations", "Metrics for Prometheus",
        {200: "what this process counted, and the queues of the whole installation"},
        ("text/plain",),
    ),
    Public("GET", "/openapi.json", "openapi", "operations", "This document", {200: "OpenAPI 3.1"}),
)  # fmt: skip
