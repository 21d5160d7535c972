"""Webhook addresses: raw bytes in, one of the contract's answers out.

Always 200, 400, 401, 404, 413 or 503; never a redirect (WooCommerce takes 301 for delivered), never 202 or 204
(its ping and Mandrill's check want exactly 200), never 410 (Mailchimp would disable the webhook at once).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

import falcon
import structlog

from ..engine import runner
from ..engine.edge import Edge
from ..engine.errors import CallerError, Malformed, TooLarge, Unavailable
from ..engine.inbox import Accepted
from ..engine.platforms.base import Delivery
from . import prefix

logger = structlog.get_logger(__name__)


class SupportsRead(Protocol):
    """Where a body comes from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes."""


@dataclass(frozen=True, slots=True)
class WebhookResource:
    """``/webhooks/{platform}/{connector_id}`` and ``/events/hasura/{connector_id}``."""

    edge: Edge
    max_body_bytes: int

    def on_get(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Validators (Mailchimp GETs, Mandrill HEADs) get 200 and nothing else, whatever the secret."""
        del req
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = ""

    on_head = on_get

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, connector_id: str, platform: str = "hasura"
    ) -> None:
        """Verify, commit, answer."""
        delivery = Delivery(
            method="POST",
            url=_address(req),
            query=req.query_string or "",
            headers={name.lower(): value for name, value in req.headers.items()},
            body=read_body(req, self.max_body_bytes),
        )
        try:
            accepted = self.edge.receive(platform, connector_id, delivery)
        except CallerError:
            raise
        except Exception as error:  # whatever it was, the fault is ours: 503, and it comes again
            logger.error("delivery_not_stored", **runner.where(error))
            raise Unavailable("this delivery could not be stored; send it again later") from error
        resp.content_type = falcon.MEDIA_JSON
        resp.text = json.dumps(_answer(accepted))


def read_body(req: falcon.Request, limit: int) -> bytes:
    """The raw body, at most ``limit`` bytes. Raises TooLarge; Malformed for one cut short or badly chunked."""
    length = req.content_length
    if length is not None and length > limit:
        raise TooLarge(f"the body has {length} bytes; {limit} are allowed")
    body = _read(req.stream if length is None else req.bounded_stream, limit + 1)
    if len(body) > limit:
        raise TooLarge(f"the body has more than {limit} bytes")
    if length is not None and len(body) < length:
        raise Malformed("the body is shorter than its Content-Length")
    return body


def _read(stream: SupportsRead, most: int) -> bytes:
    try:
        return stream.read(most)
    except Exception:  # noqa: BLE001  # each server has errors of its own for chunks that it can't read
        raise Malformed("the body doesn't arrive as its Transfer-Encoding says") from None


def _address(req: falcon.Request) -> str:
    query = f"?{req.query_string}" if req.query_string else ""
    return f"{req.forwarded_scheme}://{req.forwarded_host}{prefix.path(req)}{query}"


def _answer(accepted: Accepted) -> dict[str, str]:
    if not accepted.event_id:
        return {"status": accepted.status}
    return {"status": accepted.status, "event_id": accepted.event_id}
