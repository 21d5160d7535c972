"""Authorised agents (Data Rights Protocol 1.0): who may ask for people, and since when."""

from __future__ import annotations

from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Invalid, NotFound
from ....engine.services.rights import privacy_agents
from ....engine.store import models, quick
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way

_FIELDS = ("agent", "name", "verify_key", "business")


def screens(shared: Desk) -> dict[str, Screen]:
    """The agents: who looks after the data controller lets them in."""
    manage = Permission.MANAGE_TENANT
    return {
        "/desk/agents": Screen(shared, get=Way(listing, manage), post=Way(add, manage)),
        "/desk/agents/{agent_id}/disable": Screen(shared, post=Way(disable, manage)),
    }


def listing(visit: Visit) -> Page:
    """All, the oldest first, disabled ones too."""
    return _page(visit, {})


def add(visit: Visit) -> Page | Redirect:
    """Let an agent ask for people."""
    given = {name: visit.form.get(name, "").strip() for name in _FIELDS}
    try:
        privacy_agents.add(visit.core, visit.tenant_id, by=visit.signed.actor, **given)
    except Invalid as error:
        return _page(visit, {error.field: words.sentence(error.detail)})
    except CallerError as error:
        return _page(visit, {"agent": words.sentence(str(error))})
    return Redirect(f"{visit.base}/desk/agents", note="agent.added")


def disable(visit: Visit) -> Redirect:
    """Let it ask for nothing more."""
    row = quick.get(
        models.PrivacyAgent, id=identifier(visit.path["agent_id"], "agent"), tenant_id=visit.tenant_id
    )
    if row is None:
        raise NotFound("no such agent")
    privacy_agents.disable(visit.core, visit.tenant_id, row.agent, visit.signed.actor)
    return Redirect(f"{visit.base}/desk/agents", note="agent.disabled")


def _page(visit: Visit, faults: dict[str, str]) -> Page:
    tenant = models.DataController.get_by_id(visit.tenant_id)
    values = {
        "agents": privacy_agents.every(visit.tenant_id),
        "api_base": f"{visit.public_url.rstrip('/')}/drp/{tenant.did or tenant.id}",
        "faults": faults,
        "given": visit.form if faults else {},
        "tab": "agents",
        "may_manage": True,
    }
    return Page("rights/agents.html", values, 422 if faults else 200)
