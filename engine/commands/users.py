"""``user``: people who sign in."""

from __future__ import annotations

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..access.roles import Permission
from ..core import Core
from ..services import acts
from ..services.people import invitations, membership, password_resets, second_factor, user_rows, users
from ..store import scope
from ..wiring import core_for
from .owner import one_tenant, reach_of

commands = group("user", "People who sign in.")


@command(commands, "create", takes=Permission.MANAGE_USERS, tenant=True)
def user_create(
    run: Run, email: options.Required, role: str = "member", known: options.Known = False
) -> None:
    """Bring a person in; their one-time password is shown only now.

    Somebody who has an account here already must be invited, or be --known to you: whoever made that account
    could sign in with it.
    """
    core, owner = one_tenant(run)
    if not known and users.by_email(core, email) is not None:
        raise options.wrong_usage("this address has an account here already; invite it, or say --known")
    row, password = users.create(core, owner, email, role, actor=run.actor, reach=reach_of(run))
    run.show(user_rows.new_user(core, row, role, password), user_rows.USER | user_rows.NEW_PASSWORD)


@command(commands, "invite", takes=Permission.MANAGE_USERS, tenant=True)
def user_invite(run: Run, email: options.Required, role: str = "member") -> None:
    """Invite a person for seven days. The token is shown only now: hand it to them, with the address."""
    core, owner = one_tenant(run)
    row, token = invitations.invite(core, owner, email, role, actor=run.actor, reach=reach_of(run))
    run.show(user_rows.new_invitation(core, row, token, run.settings.base_url), user_rows.NEW_INVITATION)


@command(commands, "list", takes=Permission.READ_USERS, tenant=True)
def user_list(run: Run) -> None:
    """A tenant's members, oldest first."""
    core, owner = one_tenant(run)
    found = membership.every(owner)
    acts.people_read(core, owner, run.actor, "users", [], users=len(found))
    run.show([user_rows.user(core, member) for member in found], user_rows.USER)


@command(commands, "role", takes=Permission.MANAGE_USERS, tenant=True)
def user_role(
    run: Run, user: options.Id = None, role: options.Id = None, matrix: options.Matrix = False
) -> None:
    """Give a member (id or e-mail address) another role; with --matrix, show what each role may do."""
    if matrix == (user is not None) or (user is None) != (role is None):
        raise options.wrong_usage("name a user and a role, or say --matrix")
    if user is None or role is None:
        return run.show(user_rows.matrix(), user_rows.MATRIX)
    core, owner, member = _member(run, user)
    row = membership.set_role(core, owner, member, role, actor=run.actor, reach=reach_of(run))
    return run.show({"id": row.user_id, "role": row.role}, user_rows.ROLE)


@command(commands, "shut-out", takes=Permission.MANAGE_USERS, tenant=True)
def user_shut_out(run: Run, user: str) -> None:
    """Close the tenant to a member, at once: their sessions end, their keys are revoked."""
    core, owner, member = _member(run, user)
    membership.shut_out(core, owner, member, actor=run.actor, reach=reach_of(run))
    run.show(user_rows.user(core, membership.get(owner, member)), user_rows.USER)


@command(commands, "bring-back", takes=Permission.MANAGE_USERS, tenant=True)
def user_bring_back(run: Run, user: str) -> None:
    """Open the tenant again to a member who was shut out."""
    core, owner, member = _member(run, user)
    membership.bring_back(core, owner, member, actor=run.actor, reach=reach_of(run))
    run.show(user_rows.user(core, membership.get(owner, member)), user_rows.USER)


@command(commands, "remove", takes=Permission.MANAGE_USERS, tenant=True)
def user_remove(run: Run, user: str) -> None:
    """End a membership for good; the account itself stays."""
    core, owner, member = _member(run, user)
    row = membership.remove(core, owner, member, actor=run.actor, reach=reach_of(run))
    run.show({"id": row.user_id, "role": row.role}, user_rows.ROLE)


@command(commands, "one-time-password", takes=Permission.MANAGE_USERS, tenant=True)
def user_one_time_password(run: Run, user: str) -> None:
    """Give a member (id or e-mail address) a new one-time password; what they had ends, their sessions too."""
    core, owner = one_tenant(run)
    row = users.find(core, owner, user)
    if run.actor == acts.SYSTEM:
        with scope.everyone("the operator's, wherever the account began"):
            password = users.renew_one_time(core, row.tenant_id, row.id)
    else:
        password = users.renew_one_time(core, owner, row.id, actor=run.actor, reach=reach_of(run))
    run.show({"id": row.id, "one_time_password": password}, user_rows.NEW_PASSWORD)


@command(commands, "reset-password", takes=OPERATOR)
def user_reset_password(run: Run, email: options.Required) -> None:
    """Make a link by which whoever has this address chooses another password: once, within an hour.

    It is shown only now. What they have works until it is used; a second factor stays.
    """
    link = password_resets.make_for_operator(core_for(run.settings), email)
    address = password_resets.address(run.settings.base_url, link.token)
    run.show({"id": link.user_id, "link": address, "expires_at": link.expires_at}, user_rows.RESET_LINK)


@command(commands, "reset-second-factor", takes=OPERATOR, tenant=True)
def user_reset_second_factor(run: Run, user: str) -> None:
    """Take away the second factor of a member (id or e-mail address) who lost their app and recovery codes."""
    core, owner, member = _member(run, user)
    run.show({"id": member, "removed": second_factor.reset(core, owner, member)}, user_rows.SECOND_FACTOR)


def _member(run: Run, user: str) -> tuple[Core, str, str]:
    core, owner = one_tenant(run)
    return core, owner, users.find(core, owner, user).id
