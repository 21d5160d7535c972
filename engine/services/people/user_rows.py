"""Users, invitations and roles as plain dictionaries, as the command line prints them; see ``rows``."""

from __future__ import annotations

from ...access.invitations import address_of
from ...access.roles import Permission, Role, may
from ...core import Core
from ...store import models
from ..rows import Row
from . import invitations, users
from .membership import Member

USER = {"id": "Id", "email": "E-mail", "role": "Role", "active": "Active", "created_at": "Joined"}
NEW_PASSWORD = {"one_time_password": "One-time password"}
ROLE = {"id": "Id", "role": "Role"}
RESET_LINK = {"id": "Id", "link": "Link", "expires_at": "Ends"}
SECOND_FACTOR = {"id": "Id", "removed": "Removed"}
MATRIX = {"permission": "Permission", **{role.value: role.value.replace("_", " ") for role in Role}}
NEW_INVITATION = {
    "email": "Invited",
    "role": "Role",
    "expires_at": "Until",
    "address": "Address",
    "token": "Token",
}


def user(core: Core, member: Member) -> Row:
    """``{"id", "did", "email", "role", "source", "active", "has_password", "has_second_factor",
    "created_at"}``"""
    return {
        "id": member.user_id,
        "did": member.did,
        "email": users.email_of(core, models.User.get_by_id(member.user_id)),
        "role": member.role.value,
        "source": member.source,
        "active": member.active,
        "has_password": member.has_password,
        "has_second_factor": member.has_second_factor,
        "created_at": member.created_at,
    }


def new_user(core: Core, row: models.User, role: str, password: str | None) -> Row:
    """``{"id", "email", "role", "active", "created_at", "one_time_password"}``"""
    return {
        "id": row.id,
        "email": users.email_of(core, row),
        "role": role,
        "active": row.active,
        "created_at": row.created_at,
        "one_time_password": password,
    }


def invitation(core: Core, row: models.Invitation) -> Row:
    """``{"id", "email", "role", "state", "invited_by", "user_id", "created_at", "expires_at"}``"""
    return {
        "id": row.id,
        "email": address_of(core, row),
        "role": row.role,
        "state": invitations.state(row, core.clock()),
        "invited_by": row.invited_by,
        "user_id": row.user_id,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }


def new_invitation(core: Core, row: models.Invitation, token: str, base: str) -> Row:
    """The same with ``token``, and the ``address`` where it is shown."""
    return invitation(core, row) | {"token": token, "address": invitations.address(base)}


def matrix() -> list[Row]:
    """``{"permission", "owner": bool, …}``: one row for each permission, one column for each role."""
    return [{"permission": one.value, **{role.value: may(role, one) for role in Role}} for one in Permission]
