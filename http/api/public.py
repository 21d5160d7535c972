"""What anybody may call without a key, for the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

_JSON = ("application/json",)


@dataclass(frozen=True, slots=True)
class Public:
    """``answers`` maps a status to its meaning; ``own_errors``: errors aren't problem documents; ``schemas``
    are those of path parameters that aren't just any text."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: Mapping[int, str]
    media_types: tuple[str, ...] = _JSON
    own_errors: bool = False
    schemas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)


_SERVER = {
    400: "this is not HTTP",
    414: "the address is longer than 8190 bytes",
    431: "the headers are too large",
}
_DELIVERED = {
    **_SERVER,
    200: "stored before this was answered; or a duplicate, or ignored",
    400: "this is not HTTP; or well signed, and not readable",
    401: "the signature or secret is missing, wrong or stale",
    404: "no such connector",
    413: "too large",
    503: "our fault: deliver it again",
}


_PATHS = (
    Public(
        "POST",
        "/webhooks/{platform}/{connector_id}",
        "webhook_deliver",
        "webhooks",
        "Deliver a platform's webhook",
        _DELIVERED,
    ),
    Public(
        "GET",
        "/webhooks/{platform}/{connector_id}",
        "webhook_probe",
        "webhooks",
        "Answer a platform's validator",
        {**_SERVER, 200: "empty"},
        ("text/plain",),
    ),
    Public(
        "POST",
        "/events/hasura/{connector_id}",
        "hasura_deliver",
        "webhooks",
        "Deliver a Hasura event",
        _DELIVERED,
    ),
    Public(
        "GET",
        "/events/hasura/{connector_id}",
        "hasura_probe",
        "webhooks",
        "Answer a validator",
        {**_SERVER, 200: "empty"},
        ("text/plain",),
    ),
    Public(
        "GET",
        "/1.0/identifiers/{did}",
        "identifiers_resolve",
        "identifiers",
        "Resolve a DID",
        {
            **_SERVER,
            200: "the resolution result, or the document alone",
            400: "this is not HTTP, or not a DID",
            404: "not issued here",
            406: "no such representation",
            410: "deactivated",
            501: "a DID of another method",
        },
        ("application/did-resolution", "application/did"),
        own_errors=True,
    ),
    Public("GET", "/healthz", "healthz", "operations", "Is the process up?", {**_SERVER, 200: "yes"}),
    Public(
        "GET",
        "/readyz",
        "readyz",
        "operations",
        "Can it work?",
        {**_SERVER, 200: "every check passed", 503: "which check failed"},
    ),
    Public(
        "GET",
        "/metrics",
        "metrics",
        "operations",
        "Metrics for Prometheus",
        {**_SERVER, 200: "what this process counted, and the queues of the whole installation"},
        ("text/plain",),
    ),
    Public(
        "GET",
        "/openapi.json",
        "openapi",
        "operations",
        "This document",
        {**_SERVER, 200: "OpenAPI 3.1"},
    ),
)


def public_paths(did_method: str) -> Sequence[Public]:
    """All of it, in an installation whose DIDs are of this method."""
    dids = {"did": {"type": "string", "pattern": rf"^did:{did_method}:[0-9a-fA-F]{{64}}$"}}
    return [replace(public, schemas=dids) if "did" in public.parameters else public for public in _PATHS]
