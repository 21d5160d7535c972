"""What happens around every request, webhooks included: its id, safe headers, and the counts for /metrics."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import falcon
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from ...engine.platforms import PLATFORMS
from ..webhooks import WebhookResource

_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_NO_ROUTE = "unmatched"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestId:
    """``X-Request-Id``: the caller's own where it is sane, else a new one; on every log entry and answer."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Bind it for this thread, dropping what an earlier request left."""
        given = req.get_header("X-Request-Id") or ""
        request_id = given if _SANE_ID.fullmatch(given) else self._new_id()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        resp.set_header("X-Request-Id", request_id)


class SafeHeaders:
    """No sniffing, no framing, no storing, unless a page says otherwise for itself; and HTTPS for good where
    people reach the installation by it (RFC 6797)."""

    DEFAULTS = (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    )
    ALONE = "same-origin"
    """Cross-Origin-Resource-Policy of what isn't meant for pages of other origins."""
    A_YEAR = "max-age=31536000"

    def __init__(self, public_url: str) -> None:
        self._secure = urlsplit(public_url).scheme == "https"

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Set what the responder didn't."""
        del req, resource, req_succeeded
        shared = resp.get_header("Access-Control-Allow-Origin") == "*"
        resource_policy = ("Cross-Origin-Resource-Policy", "cross-origin" if shared else self.ALONE)
        framed = _may_be_framed(resp)
        for name, value in (*self.DEFAULTS, resource_policy):
            if resp.get_header(name) is None and not (framed and name == "X-Frame-Options"):
                resp.set_header(name, value)
        if self._secure:
            resp.set_header("Strict-Transport-Security", self.A_YEAR)


def _may_be_framed(resp: falcon.Response) -> bool:
    """Whether a page names origins that may show it in a frame: X-Frame-Options can name none (RFC 7034)."""
    policy = resp.get_header("Content-Security-Policy") or ""
    return "frame-ancestors" in policy and "frame-ancestors 'none'" not in policy


class Measuring:
    """Requests by route and status, their latency, and deliveries by platform and result.

    Labels come from closed lists (routes as declared, platforms known), never from what a caller sent.
    """

    def __init__(self, registry: CollectorRegistry, tick: Callable[[], float] = time.perf_counter) -> None:
        self._tick = tick
        self._requests = Counter(
            "dxflow_http_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "dxflow_http_request_seconds",
            "From the first byte read to the answer made",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._deliveries = Counter(
            "dxflow_deliveries", "Webhook deliveries answered", ["platform", "result"], registry=registry
        )

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Start the watch."""
        del resp
        req.context.started = self._tick()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Count."""
        del req_succeeded
        route = req.uri_template or _NO_ROUTE
        method = req.method if req.method in falcon.HTTP_METHODS else "other"
        self._requests.labels(method, route, str(resp.status_code)).inc()
        self._seconds.labels(method, route).observe(self._tick() - req.context.started)
        if isinstance(resource, WebhookResource) and req.method == "POST":
            self._deliveries.labels(_platform(req.path), _result(resp)).inc()


def _platform(path: str) -> str:
    name = path.split("/")[2]
    return name if name in PLATFORMS else "unknown"


def _result(resp: falcon.Response) -> str:
    """What the platform was told: accepted, duplicate, ignored, or the kind of refusal."""
    told = json.loads(resp.text or "{}")
    kind: str = told.get("type", "").rpartition(":")[2] or told.get("status", "unknown")
    return kind
