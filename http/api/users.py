"""``/api/v1/users``: who works at the data controller. Every look at the list is an audit entry."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from ...engine.access.roles import Role
from ...engine.services import acts
from ...engine.services.pages import Order
from ...engine.services.people import membership, user_rows
from .operation import Call
from .values import Id, Listed, Moment, Nothing, Paging, Shape, place_in


class User(Shape):
    """A member. ``source`` says who decides about the membership: ``dxflow`` (people), ``invitation``,
    ``hasura``, ``oidc`` or ``scim``. ``active`` is false for somebody who is shut out."""

    id: Id
    did: str | None
    email: str
    role: Role
    source: str
    active: bool
    has_password: bool
    has_second_factor: bool
    created_at: Moment


class UserPage(Listed[User]):
    """Members, newest first."""


class UserQuery(Paging):
    """A page of them."""

    cursor: Annotated[str | None, place_in("memberships", Order.TIME)] = None


class NewRole(Shape):
    """The role to give."""

    role: Role


class Removed(Shape):
    """Whose membership ended."""

    id: Id


def listing(call: Call[UserQuery, Nothing]) -> UserPage:
    """Newest first."""
    page = membership.listing(call.tenant_id, limit=call.query.limit, cursor=call.query.cursor)
    _note(call, len(page.rows))
    return UserPage.of(page, partial(_shape, call))


def show(call: Call[Nothing, Nothing]) -> User:
    """One."""
    member = membership.get(call.tenant_id, call.id)
    _note(call, 1)
    return _shape(call, member)


def set_role(call: Call[Nothing, NewRole]) -> User:
    """Another role, from the next request on."""
    membership.set_role(
        call.core, call.tenant_id, call.id, call.body.role, actor=call.caller.actor, reach=call.caller.reach
    )
    return _now(call)


def shut_out(call: Call[Nothing, Nothing]) -> User:
    """Sessions and keys end at once."""
    membership.shut_out(call.core, call.tenant_id, call.id, actor=call.caller.actor, reach=call.caller.reach)
    return _now(call)


def bring_back(call: Call[Nothing, Nothing]) -> User:
    """In the role they had."""
    membership.bring_back(
        call.core, call.tenant_id, call.id, actor=call.caller.actor, reach=call.caller.reach
    )
    return _now(call)


def remove(call: Call[Nothing, Nothing]) -> Removed:
    """For good."""
    row = membership.remove(
        call.core, call.tenant_id, call.id, actor=call.caller.actor, reach=call.caller.reach
    )
    return Removed(id=row.user_id)


def _now(call: Call[Any, Any]) -> User:
    _note(call, 1)
    return _shape(call, membership.get(call.tenant_id, call.id))


def _note(call: Call[Any, Any], count: int) -> None:
    acts.people_read(call.core, call.tenant_id, call.caller.actor, "users", [], users=count)


def _shape(call: Call[Any, Any], member: membership.Member) -> User:
    return User.model_validate(user_rows.user(call.core, member))
