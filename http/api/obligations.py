"""``/api/v1/obligations``, ``/connectors/{id}/api``: what recipients have to be told, how they are asked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ...engine.access.roles import Permission
from ...engine.recipients.obligations import State
from ...engine.services.connectors import connector_apis
from ...engine.services.pages import Order
from ...engine.services.rights import obligations as service
from ...engine.store import models
from .operation import Call, Operation, get, post
from .values import Id, Line, Listed, Moment, Nothing, Paging, Shape, place_in


class ObligationQuery(Paging):
    """Of one request or order, in one state, or all."""

    cursor: Annotated[str | None, place_in("obligations", Order.TIME)] = None
    request_id: Id | None = None
    order_id: Id | None = None
    state: State | None = None


class Obligation(Shape):
    """``receipt`` is what the recipient answered, ``remains`` what it keeps and why. One that is ``waiting`` is
    asked again at ``not_before``; ``manual`` and ``failed`` ones take a person."""

    id: Id
    request_id: Id | None
    order_id: Id | None
    kind: str
    recipient: str
    connector_id: Id | None
    state: str
    not_before: Moment | None
    receipt: dict[str, Any]
    remains: str | None
    reason: str | None
    closed_by: str | None
    created_at: Moment
    finished_at: Moment | None


class KnownAs(Shape):
    """As whom the person is known to the recipient."""

    ids: list[str]
    emails: list[str]
    phones: list[str]
    lists: list[str]


class ObligationRecord(Obligation):
    """One obligation with the person in the clear; nobody once it is over."""

    known_as: KnownAs


class ObligationPage(Listed[Obligation]):
    """Obligations, newest first."""


class Closing(Shape):
    """What was done, or why nothing is; and what the recipient keeps. Texts without names."""

    reason: Line
    remains: Line | None = None


Secret = Annotated[str, Field(min_length=1, max_length=2048)]


class NewApi(Shape):
    """Where the platform is asked, and with what."""

    base_url: Annotated[str, Field(min_length=8, max_length=2048)]
    credentials: Annotated[dict[Line, Secret], Field(max_length=4)]


class ConnectorApi(Shape):
    """How a connector's platform is asked; its credentials are shown never."""

    connector_id: Id
    base_url: str
    created_at: Moment
    checked_at: Moment | None
    fault: str | None


class ApiChecked(ConnectorApi):
    """``fault`` says why the platform doesn't take the credentials."""

    ok: bool


class ApiRemoved(Shape):
    """Whose credentials are gone."""

    connector_id: Id


def listing(call: Call[ObligationQuery, Nothing]) -> ObligationPage:
    """Newest first."""
    wanted = call.query
    page = service.listing(
        call.tenant_id,
        state=wanted.state,
        request_id=wanted.request_id,
        order_id=wanted.order_id,
        limit=wanted.limit,
        cursor=wanted.cursor,
    )
    return ObligationPage.of(page, _shape)


def show(call: Call[Nothing, Nothing]) -> ObligationRecord:
    """One."""
    row = service.get(call.tenant_id, call.id)
    whom = service.whom(call.core, row, call.caller.actor)
    known = {name: list(getattr(whom, name)) for name in KnownAs.model_fields}
    return ObligationRecord.model_validate({**_shape(row).model_dump(), "known_as": known})


def close(call: Call[Nothing, Closing]) -> Obligation:
    """By hand."""
    said = call.body
    actor = call.caller.actor
    return _shape(service.close(call.core, call.tenant_id, call.id, actor, said.reason, said.remains))


def retry(call: Call[Nothing, Nothing]) -> Obligation:
    """Now."""
    return _shape(service.retry(call.core, call.tenant_id, call.id, call.caller.actor))


def set_api(call: Call[Nothing, NewApi]) -> ConnectorApi:
    """Set them."""
    wish = call.body
    row = connector_apis.put(
        call.core, call.tenant_id, call.id, wish.base_url, wish.credentials, call.caller.actor
    )
    return _api(row)


def show_api(call: Call[Nothing, Nothing]) -> ConnectorApi:
    """Without its credentials."""
    return _api(connector_apis.get(call.tenant_id, call.id))


def check_api(call: Call[Nothing, Nothing]) -> ApiChecked:
    """Try them."""
    found = connector_apis.check(call.core, call.tenant_id, call.id)
    return ApiChecked(**_api(found.api).model_dump(), ok=found.ok)


def remove_api(call: Call[Nothing, Nothing]) -> ApiRemoved:
    """Forget them."""
    connector_apis.remove(call.core, call.tenant_id, call.id, call.caller.actor)
    return ApiRemoved(connector_id=call.id)


def _shape(row: models.Obligation) -> Obligation:
    return Obligation.model_validate({name: getattr(row, name) for name in Obligation.model_fields})


def _api(row: models.ConnectorApi) -> ConnectorApi:
    return ConnectorApi.model_validate({name: getattr(row, name) for name in ConnectorApi.model_fields})


LOOK, READ_PEOPLE, ACT, ERASE, CONNECT = (
    Permission.LOOK,
    Permission.READ_PEOPLE,
    Permission.ACT,
    Permission.ERASE,
    Permission.MANAGE_CONNECTORS,
)

OPERATIONS: tuple[Operation, ...] = (
    get(
        "/obligations", LOOK, listing, "List what recipients have to be told",
        query=ObligationQuery, answer=ObligationPage,
    ),
    get(
        "/obligations/{id}", READ_PEOPLE, show, "Show an obligation, and whom it is about",
        query=Nothing, answer=ObligationRecord,
    ),
    post(
        "/obligations/{id}/close", ERASE, close, "Close an obligation by hand",
        body=Closing, answer=Obligation,
    ),
    post(
        "/obligations/{id}/retry", ACT, retry, "Ask a recipient again",
        body=Nothing, answer=Obligation,
    ),
    get(
        "/connectors/{id}/api", CONNECT, show_api, "Show how a connector's platform is asked",
        query=Nothing, answer=ConnectorApi,
    ),
    post(
        "/connectors/{id}/api", CONNECT, set_api, "Set the credentials of a connector's platform",
        body=NewApi, answer=ConnectorApi,
    ),
    post(
        "/connectors/{id}/api/check", CONNECT, check_api, "Try the credentials",
        body=Nothing, answer=ApiChecked, atomic=False,
    ),
    post(
        "/connectors/{id}/api/remove", CONNECT, remove_api, "Forget the credentials",
        body=Nothing, answer=ApiRemoved,
    ),
)  # fmt: skip
