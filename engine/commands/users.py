"""``user``: people who sign in."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..services import rows, users
from .owner import one_tenant

commands = group("user", "People who sign in.")


@command(commands, "create", tenant=True)
def user_create(run: Run, email: options.Required, role: str = "member") -> None:
    """Bring a person in; their one-time password is shown only now."""
    core, owner = one_tenant(run)
    row, password = users.create(core, owner, email, role)
    run.show(rows.new_user(core, row, role, password), rows.USER | rows.NEW_PASSWORD)


@command(commands, "list", tenant=True)
def user_list(run: Run) -> None:
    """A tenant's members, oldest first."""
    core, owner = one_tenant(run)
    run.show([rows.user(core, member) for member in users.listing(owner)], rows.USER)


@command(commands, "role", tenant=True)
def user_role(run: Run, user: str, role: str) -> None:
    """Give a member (id or e-mail address) another role."""
    core, owner = one_tenant(run)
    row = users.set_role(core, owner, users.find(core, owner, user).id, role)
    run.show({"id": row.user_id, "role": row.role}, rows.ROLE)
