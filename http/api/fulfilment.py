"""``/api/v1/rights-requests/{id}/package|fulfil|rectify``: what a request brings about."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from ...engine.access.roles import Permission
from ...engine.errors import Conflict
from ...engine.fulfilment import handover, limiting, package, rectifying
from ...engine.services.rights import requests as request_service
from ...engine.store import models
from .operation import Call, Operation, get, post
from .subjects import ExternalId
from .values import Email, Id, Line, Moment, Nothing, Optional, Phone, Shape, named_by_line

_GONE = {"type": "null"}


class Package(Shape):
    """A package that lies ready. ``address`` is where the person fetches it, after they proved who they are;
    what is in it, and its passphrase, nobody gets here. ``digest`` is the SHA-256 of the file."""

    id: Id
    request_id: Id
    size: int
    digest: str
    made_at: Moment
    expires_at: Moment
    fetches: int
    fetched_at: Moment | None
    address: str


class Wanted(Optional):
    """``purposes`` narrow an objection or a withdrawal of consent; none means all."""

    purposes: Annotated[list[Line], Field(max_length=20, default_factory=list)]


class Fulfilled(Shape):
    """``limits`` are those in force on the data subject now."""

    limits: list[str]


class Corrections(Shape):
    """What is right; null takes away what is wrong. What isn't named stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    email: Email | None = None
    phone: Phone | None = None
    name: Line | None = None
    external_ids: Annotated[
        dict[Line, ExternalId | None],
        Field(max_length=50, json_schema_extra=named_by_line, default_factory=dict),
    ]


class Told(Shape):
    """A recipient that has to put it right too; see its obligation."""

    id: Id
    recipient: str
    state: str


class Rectified(Shape):
    """``recipients`` is empty where the profile said so already."""

    recipients: list[Told]


def make_package(call: Call[Nothing, Nothing]) -> Package:
    """Make it."""
    return _shaped(call, package.make(call.core, call.tenant_id, call.id, call.caller.actor))


def show_package(call: Call[Nothing, Nothing]) -> Package:
    """The one that lies ready."""
    request_service.get(call.tenant_id, call.id)
    found = package.newest(call.tenant_id, call.id)
    if found is None:
        raise Conflict("no package of this request lies ready: make one")
    return _shaped(call, found)


def fulfil(call: Call[Nothing, Wanted]) -> Fulfilled:
    """Put the limit in force, or withdraw the consent."""
    kinds = limiting.fulfil(call.core, call.tenant_id, call.id, call.caller.actor, call.body.purposes)
    return Fulfilled(limits=kinds)


def rectify(call: Call[Nothing, Corrections]) -> Rectified:
    """Put it right."""
    changes = call.body.model_dump(exclude_unset=True)
    made = rectifying.rectify(call.core, call.tenant_id, call.id, call.caller.actor, changes)
    told = [Told(id=row.id, recipient=row.recipient, state=row.state) for row in made]
    return Rectified(recipients=told)


def _shaped(call: Call[Nothing, Nothing], row: models.Package) -> Package:
    names = (name for name in Package.model_fields if name != "address")
    address = call.public_url.rstrip("/") + handover.path_of(row)
    return Package.model_validate({**{name: getattr(row, name) for name in names}, "address": address})


_HANDLE = Permission.HANDLE_REQUESTS
OPERATIONS: tuple[Operation, ...] = (
    post(
        # Collecting takes long, and nobody should wait for it: the transaction comes at its end.
        "/rights-requests/{id}/package", _HANDLE, make_package, "Make the package that a request asks for",
        body=Nothing, answer=Package, atomic=False,
    ),
    get(
        "/rights-requests/{id}/package", _HANDLE, show_package, "Show the package that lies ready",
        query=Nothing, answer=Package,
    ),
    post(
        "/rights-requests/{id}/fulfil", _HANDLE, fulfil,
        "Put the limit in force that a request asks for, or withdraw consent", body=Wanted, answer=Fulfilled,
    ),
    post(
        "/rights-requests/{id}/rectify", _HANDLE, rectify, "Put right what is stored, and tell the recipients",
        body=Corrections, answer=Rectified,
    ),
)  # fmt: skip
