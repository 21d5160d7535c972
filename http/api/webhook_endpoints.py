"""``/api/v1/webhook-endpoints``: who is told of what happens (Standard Webhooks 1.0), and with which secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from ...engine import announcing
from ...engine.access.roles import Permission
from ...engine.services.connectors import webhook_endpoints as service
from ...engine.services.pages import Order
from ...engine.store import models
from .operation import Call, Operation, get, post
from .values import Id, Listed, Moment, Nothing, Paging, Shape, place_in


def _topic(text: str) -> str:
    if text not in announcing.TOPICS:
        raise ValueError(f"allowed are {', '.join(announcing.TOPICS)}")
    return text


Topic = Annotated[
    str, AfterValidator(_topic), WithJsonSchema({"type": "string", "enum": list(announcing.TOPICS)})
]
_PORT = "6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}"
_URL = rf"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:({_PORT}))?([/?][!\x22$-\x5b\x5d-~]*)?$"
"""What ``outgoing.checked`` takes of hosts with a name or an IPv4 address."""
Url = Annotated[str, Field(min_length=1, max_length=2048, pattern=_URL)]


class EndpointQuery(Paging):
    """A page of them."""

    cursor: Annotated[str | None, place_in("webhook_endpoints", Order.TIME)] = None


class NewEndpoint(Shape):
    """No topics means all."""

    url: Url
    topics: list[Topic] = Field(default_factory=list, max_length=len(announcing.TOPICS))


class Endpoint(Shape):
    """``waiting`` is how many tellings it has still to get; ``disabled_because`` is null while it is in use."""

    id: Id
    url: str
    topics: list[str]
    created_at: Moment
    disabled_at: Moment | None
    disabled_because: str | None
    former_until: Moment | None
    waiting: int


class EndpointMade(Endpoint):
    """``secret`` is shown only now, and null in a repeated answer."""

    secret: str | None


class EndpointPage(Listed[Endpoint]):
    """Endpoints, newest first, disabled ones too."""


class Tested(Shape):
    """``webhook_id`` is the one in the telling's header."""

    webhook_id: Id


def create(call: Call[Nothing, NewEndpoint]) -> EndpointMade:
    """Show its secret once."""
    row, secret = service.add(call.core, call.tenant_id, call.body.url, call.body.topics, call.caller.actor)
    return _made(row, secret)


def listing(call: Call[EndpointQuery, Nothing]) -> EndpointPage:
    """Newest first."""
    page = service.listing(call.tenant_id, limit=call.query.limit, cursor=call.query.cursor)
    waiting = service.waiting(call.tenant_id)
    return EndpointPage(items=[_shape(row, waiting) for row in page.rows], next_cursor=page.next_cursor)


def rotate(call: Call[Nothing, Nothing]) -> EndpointMade:
    """Another secret; the one before signs beside it for a day."""
    return _made(*service.rotate(call.core, call.tenant_id, call.id, call.caller.actor))


def disable(call: Call[Nothing, Nothing]) -> Endpoint:
    """For good."""
    row = service.disable(call.core, call.tenant_id, call.id, call.caller.actor)
    return _shape(row, service.waiting(call.tenant_id))


def test(call: Call[Nothing, Nothing]) -> Tested:
    """Send it something."""
    return Tested(webhook_id=service.test(call.core, call.tenant_id, call.id, call.caller.actor).id)


def _made(row: models.WebhookEndpoint, secret: str) -> EndpointMade:
    return EndpointMade(**_shape(row, {}).model_dump(), secret=secret)


def _shape(row: models.WebhookEndpoint, waiting: Mapping[str, int]) -> Endpoint:
    names = [name for name in Endpoint.model_fields if name != "waiting"]
    values = {name: getattr(row, name) for name in names}
    return Endpoint.model_validate({**values, "waiting": waiting.get(str(row.id), 0)})


_MANAGE = Permission.MANAGE_TENANT
OPERATIONS: tuple[Operation, ...] = (
    get(
        "/webhook-endpoints", _MANAGE, listing, "List webhook endpoints",
        query=EndpointQuery, answer=EndpointPage,
    ),
    post(
        # The address is looked up, which may take seconds: nobody waits for that in a transaction.
        "/webhook-endpoints", _MANAGE, create, "Add a webhook endpoint",
        body=NewEndpoint, answer=EndpointMade, status=201, atomic=False,
        shown_once="secret",
    ),
    post(
        "/webhook-endpoints/{id}/rotate", _MANAGE, rotate,
        "Give a webhook endpoint another secret",
        body=Nothing, answer=EndpointMade, shown_once="secret",
    ),
    post(
        "/webhook-endpoints/{id}/disable", _MANAGE, disable,
        "Disable a webhook endpoint", body=Nothing, answer=Endpoint,
    ),
    post(
        "/webhook-endpoints/{id}/test", _MANAGE, test,
        "Send a webhook endpoint a test", body=Nothing, answer=Tested,
    ),
)  # fmt: skip
