"""``/api/v1/api-keys``: keys for programs. A key is shown once, and makes none that can do more than itself.

A key that belongs to a user sees and makes that user's alone; the data controller's own keys see all of them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ...engine.access.roles import Scope
from ...engine.services.pages import Order
from ...engine.services.people import credentials
from ...engine.store import models
from .operation import Call
from .values import ONE_LINE, Id, Listed, Moment, Nothing, Paging, Shape, one_line, place_in


class ApiKeyQuery(Paging):
    """A page of them."""

    cursor: Annotated[str | None, place_in("api_keys", Order.TIME)] = None


Name = Annotated[
    str,
    Field(min_length=1, max_length=credentials.LONGEST_NAME, json_schema_extra={"pattern": ONE_LINE}),
    AfterValidator(one_line),
]


class NewKey(Shape):
    """``expires_at`` is when the key ends by itself; without it, never."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Moment | None = None


class ApiKey(Shape):
    """``prefix`` is how the key begins; ``user_id`` is whose it is, null for the data controller's own."""

    id: Id
    name: str
    prefix: str
    scopes: list[str]
    user_id: Id | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None


class ApiKeyMade(ApiKey):
    """``api_key`` is shown only now, and null in a repeated answer."""

    api_key: str | None


class ApiKeyPage(Listed[ApiKey]):
    """Keys, newest first, revoked ones too."""


def create(call: Call[Nothing, NewKey]) -> ApiKeyMade:
    """Show it once."""
    wish, caller = call.body, call.caller
    row, secret = credentials.create_key(
        call.core,
        call.tenant_id,
        wish.name,
        wish.scopes,
        caller.actor,
        user_id=caller.user_id,
        expires_at=wish.expires_at,
        reach=caller.reach,
    )
    return ApiKeyMade(**_shape(row).model_dump(), api_key=secret)


def listing(call: Call[ApiKeyQuery, Nothing]) -> ApiKeyPage:
    """Newest first."""
    owner, query = call.caller.user_id, call.query
    page = credentials.listing(call.tenant_id, owner, limit=query.limit, cursor=query.cursor)
    return ApiKeyPage.of(page, _shape)


def revoke(call: Call[Nothing, Nothing]) -> ApiKey:
    """At once and for good."""
    caller = call.caller
    row = credentials.revoke(call.core, call.tenant_id, call.id, caller.actor, user_id=caller.user_id)
    return _shape(row)


def _shape(row: models.ApiKey) -> ApiKey:
    values: dict[str, Any] = {name: getattr(row, name) for name in ApiKey.model_fields}
    return ApiKey.model_validate(values)
