"""One member: what they have open here, and how somebody who looks after people ends it."""

from __future__ import annotations

from datetime import datetime

from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Conflict, Forbidden
from ....engine.services import acts
from ....engine.services.people import member_access, membership, password_resets, users
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import people


def screens(shared: Desk) -> dict[str, Screen]:
    """The member's page, and what may be ended or made there."""
    manage, one = Permission.MANAGE_USERS, "/people/{user_id}"
    return {
        one: Screen(shared, get=Way(show, manage)),
        f"{one}/end-sessions": Screen(shared, post=Way(end_sessions, manage)),
        f"{one}/keys/{{key_id}}/revoke": Screen(shared, post=Way(revoke_key, manage)),
        f"{one}/reset-link": Screen(shared, post=Way(reset_link, manage)),
    }


def show(visit: Visit) -> Page:
    """Who they are here, their sessions and their keys."""
    return _page(visit)


def end_sessions(visit: Visit) -> Redirect:
    """All of theirs, at this data controller."""
    member_access.end_sessions(
        visit.core, visit.tenant_id, visit.path["user_id"], actor=visit.signed.actor, reach=visit.signed.reach
    )
    return _back(visit, "member.sessions_ended")


def revoke_key(visit: Visit) -> Redirect:
    """One of their keys, at once and for good."""
    member_access.revoke_key(
        visit.core,
        visit.tenant_id,
        visit.path["user_id"],
        visit.path["key_id"],
        actor=visit.signed.actor,
        reach=visit.signed.reach,
    )
    return _back(visit, "key.revoked")


def reset_link(visit: Visit) -> Page:
    """A way to a new password; it is on the page that follows, and nowhere else."""
    try:
        link = password_resets.make(
            visit.core,
            visit.tenant_id,
            visit.path["user_id"],
            actor=visit.signed.actor,
            reach=visit.signed.reach,
        )
    except (Conflict, Forbidden) as error:
        return _page(visit, error)
    values = {
        "link": link,
        "address": password_resets.address(visit.public_url, link.token),
        "own": link.user_id == visit.signed.user_id,
    }
    return Page("people/reset_link.html", values)


def _back(visit: Visit, note: str) -> Redirect:
    return Redirect(f"{visit.base}/people/{visit.path['user_id']}", note=note)


def _page(visit: Visit, error: CallerError | None = None) -> Page:
    core, tenant_id = visit.core, visit.tenant_id
    member = membership.get(tenant_id, visit.path["user_id"])
    acts.people_read(core, tenant_id, visit.signed.actor, "member", [], users=1)
    keys = member_access.keys_of(tenant_id, member)
    values = {
        "member": member,
        "email": users.email_of(core, models.User.get_by_id(member.user_id)),
        "sessions": member_access.open_sessions(core, tenant_id, member),
        "keys": [(key, _in_force(key, visit.now)) for key in keys],
        "reaches": member.role in people.grantable(visit),
        "roles": people.grantable(visit),
        "sends_mail": password_resets.can_mail(core),
        "refusal": words.sentence(str(error)) if error else "",
    }
    return Page("people/member.html", values, error.status if error else 200)


def _in_force(key: models.ApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
