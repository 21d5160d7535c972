"""``/api/v1/invitations``: bringing people in, and accepting.

A token is shown once, stands in no address, and is worth one acceptance within seven days.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from ...engine.access.roles import Role
from ...engine.services import acts
from ...engine.services.pages import Order
from ...engine.services.people import invitations as service
from ...engine.services.people import passwords, user_rows
from ...engine.store import models
from .operation import Call
from .values import Email, Id, Line, Listed, Moment, Nothing, Paging, Shape, place_in

State = Literal["pending", "accepted", "revoked", "expired"]


class InvitationQuery(Paging):
    """A page of them."""

    cursor: Annotated[str | None, place_in("invitations", Order.TIME)] = None


class NewInvitation(Shape):
    """Whom to invite, and as what."""

    email: Email
    role: Role = Role.MEMBER


class Invitation(Shape):
    """``invited_by`` is an actor: ``user:<id>``, ``key:<id>`` or ``system``; ``user_id`` is who accepted."""

    id: Id
    email: str
    role: Role
    state: State
    invited_by: str
    user_id: Id | None
    created_at: Moment
    expires_at: Moment


class InvitationMade(Invitation):
    """``token`` is shown only now, and null in a repeated answer: hand it to the person, who shows it at
    ``address``, or to ``/api/v1/invitations/accept``."""

    token: str | None
    address: str


class InvitationPage(Listed[Invitation]):
    """Invitations, newest first."""


class Acceptance(Shape):
    """``email`` is checked where it is given. Without a ``password`` the answer has a one-time password."""

    token: Line
    email: Email | None = None
    password: Annotated[
        SecretStr | None, Field(min_length=passwords.MIN_LENGTH, max_length=passwords.MAX_LENGTH)
    ] = None


class Accepted(Shape):
    """The membership as made. ``one_time_password`` opens one session at the dashboard, and is shown once."""

    user_id: Id
    tenant: str
    tenant_name: str
    role: Role
    one_time_password: str | None


def invite(call: Call[Nothing, NewInvitation]) -> InvitationMade:
    """For seven days; an earlier one for the same address ends."""
    wish, caller = call.body, call.caller
    row, token = service.invite(
        call.core, call.tenant_id, wish.email, wish.role, actor=caller.actor, reach=caller.reach
    )
    return InvitationMade.model_validate(user_rows.new_invitation(call.core, row, token, call.public_url))


def listing(call: Call[InvitationQuery, Nothing]) -> InvitationPage:
    """Newest first."""
    page = service.listing(call.tenant_id, limit=call.query.limit, cursor=call.query.cursor)
    acts.people_read(call.core, call.tenant_id, call.caller.actor, "invitations", [], users=len(page.rows))
    return InvitationPage.of(page, partial(_shape, call))


def revoke(call: Call[Nothing, Nothing]) -> Invitation:
    """It opens nothing any more."""
    caller = call.caller
    row = service.revoke(call.core, call.tenant_id, call.id, actor=caller.actor, reach=caller.reach)
    acts.people_read(call.core, call.tenant_id, caller.actor, "invitations", [], users=1)
    return _shape(call, row)


def accept(call: Call[Nothing, Acceptance]) -> Accepted:
    """By somebody who has no account here yet; whoever has one signs in at the dashboard first."""
    given = call.body
    password = None if given.password is None else given.password.get_secret_value()
    made = service.accept_new(call.core, given.token, email=given.email, password=password)
    return Accepted(
        user_id=made.user.id,
        tenant=str(made.tenant.did),
        tenant_name=made.tenant.name,
        role=made.role,
        one_time_password=made.one_time_password,
    )


def _shape(call: Call[Any, Any], row: models.Invitation) -> Invitation:
    return Invitation.model_validate(user_rows.invitation(call.core, row))
