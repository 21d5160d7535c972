"""Who works here: members with their roles, invitations, and what becomes of both."""

from __future__ import annotations

from ....engine.access.invitations import address_of
from ....engine.access.roles import MATRIX, Permission, Role
from ....engine.errors import Conflict, Forbidden, Invalid
from ....engine.services import acts
from ....engine.services.people import invitations, membership, users
from ....engine.store import models, quick
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way

_PER_PAGE = 50
_MOST_INVITATIONS = 100


def screens(shared: Desk) -> dict[str, Screen]:
    """Who works here."""
    manage = Permission.MANAGE_USERS
    return {
        "/people": Screen(shared, get=Way(listing, Permission.READ_USERS)),
        "/people/invite": Screen(shared, post=Way(invite, manage)),
        "/people/invitations/{invitation_id}/revoke": Screen(shared, post=Way(revoke, manage)),
        "/people/{user_id}/role": Screen(shared, post=Way(set_role, manage)),
        "/people/{user_id}/shut-out": Screen(shared, post=Way(shut_out, manage)),
        "/people/{user_id}/bring-back": Screen(shared, post=Way(bring_back, manage)),
        "/people/{user_id}/remove": Screen(shared, post=Way(remove, manage)),
    }


def listing(visit: Visit) -> Page:
    """Members, newest first, and the invitations that are still open; ``?cursor=`` continues."""
    return _page(visit)


def invite(visit: Visit) -> Page:
    """Invite somebody; their token is on the page that follows, and nowhere else."""
    email, role = visit.form.get("email", ""), visit.form.get("role", "")
    try:
        row, token = invitations.invite(
            visit.core, visit.tenant_id, email, role, actor=visit.signed.actor, reach=visit.signed.reach
        )
    except (Invalid, Conflict, Forbidden) as error:
        return _page(visit, refusal=words.sentence(str(error)), status=error.status, given=email)
    address = invitations.address(visit.public_url)
    return Page(
        "people/invited.html", {"invitation": row, "email": email, "token": token, "address": address}
    )


def revoke(visit: Visit) -> Redirect:
    """Take an invitation back."""
    invitations.revoke(
        visit.core,
        visit.tenant_id,
        visit.path["invitation_id"],
        actor=visit.signed.actor,
        reach=visit.signed.reach,
    )
    return Redirect(f"{visit.base}/people", note="invitation.revoked")


def set_role(visit: Visit) -> Redirect:
    """Give a member another role."""
    membership.set_role(
        visit.core,
        visit.tenant_id,
        visit.path["user_id"],
        visit.form.get("role", ""),
        actor=visit.signed.actor,
        reach=visit.signed.reach,
    )
    return Redirect(f"{visit.base}/people", note="role.set")


def shut_out(visit: Visit) -> Redirect:
    """Close this data controller to a member."""
    membership.shut_out(
        visit.core, visit.tenant_id, visit.path["user_id"], actor=visit.signed.actor, reach=visit.signed.reach
    )
    return Redirect(f"{visit.base}/people", note="shut.out")


def bring_back(visit: Visit) -> Redirect:
    """Open it to them again."""
    membership.bring_back(
        visit.core, visit.tenant_id, visit.path["user_id"], actor=visit.signed.actor, reach=visit.signed.reach
    )
    return Redirect(f"{visit.base}/people", note="brought.back")


def remove(visit: Visit) -> Page | Redirect:
    """End a membership for good, once that was said twice."""
    member = membership.get(visit.tenant_id, visit.path["user_id"])
    if visit.form.get("sure") != "yes":
        return Page("people/remove_member.html", {"member": member})
    membership.remove(
        visit.core, visit.tenant_id, member.user_id, actor=visit.signed.actor, reach=visit.signed.reach
    )
    return Redirect(f"{visit.base}/people", note="member.removed")


def _page(visit: Visit, *, refusal: str = "", given: str = "", status: int = 200) -> Page:
    core, tenant_id = visit.core, visit.tenant_id
    page = membership.listing(tenant_id, limit=_PER_PAGE, cursor=visit.query.get("cursor"))
    rows = invitations.listing(tenant_id, limit=_MOST_INVITATIONS).rows
    pending = [row for row in rows if invitations.state(row, visit.now) == "pending"]
    acts.people_read(core, tenant_id, visit.signed.actor, "users", [], users=len(page.rows) + len(pending))
    accounts = quick.by_ids(models.User, [member.user_id for member in page.rows])
    emails = {user_id: users.email_of(core, account) for user_id, account in accounts.items()}
    values = {
        "members": [(member, emails.get(member.user_id, "")) for member in page.rows],
        "cursor": page.next_cursor,
        "paged": "cursor" in visit.query,
        "invitations": [(row, address_of(core, row)) for row in pending],
        "roles": grantable(visit),
        "matrix": MATRIX,
        "permissions": list(Permission),
        "every_role": list(Role),
        "refusal": refusal,
        "given": given,
    }
    return Page("people/people.html", values, status)


def grantable(visit: Visit) -> list[Role]:
    """The roles that this person may give: those that may do no more than they."""
    if not visit.may(Permission.MANAGE_USERS):
        return []
    return [role for role in Role if MATRIX[role] <= visit.signed.reach]
