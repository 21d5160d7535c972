"""One request: its page, and what its forms ask for."""

from __future__ import annotations

from ....engine.access.roles import Permission
from ....engine.desk import messages
from ....engine.errors import NotFound
from ....engine.rights import following, intake
from ....engine.services import acts
from ....engine.services.rights import requests
from ....engine.store import models
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way
from . import erasures, request_acts, request_page


def screens(shared: Desk) -> dict[str, Screen]:
    """One request, and what may be done with it."""
    look, read, handle = Permission.LOOK, Permission.READ_PEOPLE, Permission.HANDLE_REQUESTS
    return {
        "/requests/{request_id}": Screen(shared, get=Way(show, look), post=Way(reveal, read)),
        "/requests/{request_id}/act": Screen(shared, post=Way(act, handle)),
        "/requests/{request_id}/erasure": Screen(shared, post=Way(erase, Permission.ERASE)),
        "/requests/{request_id}/messages/{message_id}": Screen(shared, post=Way(read_message, read)),
        "/requests/{request_id}/messages/{message_id}/decide": Screen(shared, post=Way(decide, handle)),
    }


def show(visit: Visit) -> Page:
    """One request; who asked stays covered."""
    return request_page.page(visit, _get(visit))


def reveal(visit: Visit) -> Page:
    """The same page with who asked and what they wrote, in the clear: an audit entry before it is shown."""
    request = _get(visit)
    acts.people_read(
        visit.core,
        visit.tenant_id,
        visit.signed.actor,
        "rights_request",
        [request.subject_id],
        request=request.id,
    )
    own_id = following.followed(visit.core, request).agent_request_id
    who = {**intake.requester(visit.core, request), "agent-request-id": own_id}
    person = {name: value for name, value in who.items() if value}
    details = requests.details_of(visit.core, request)
    return request_page.page(visit, request, revealed={**person, "details": details} if details else person)


def act(visit: Visit) -> Page | Redirect:
    """Do what one of the page's forms asks for; what can't be done comes back with the reason."""
    return _after(visit, request_acts.perform(visit, _get(visit).id))


def erase(visit: Visit) -> Page | Redirect:
    """Propose, approve, refuse."""
    _get(visit)
    return _after(visit, erasures.perform(visit))


def read_message(visit: Visit) -> Page:
    """The same page with what one message says and to whom: an audit entry before it is shown."""
    request, message = _get(visit), _message(visit)
    letter = messages.read(visit.core, visit.tenant_id, message.id, visit.signed.actor)
    return request_page.page(visit, request, letter=(message.id, letter))


def decide(visit: Visit) -> Page | Redirect:
    """Send a message after all, or withdraw it."""
    _get(visit)
    return _after(visit, request_acts.decide(visit, _message(visit).id), "message.decided")


def _after(visit: Visit, refusal: str | None, note: str = "request.moved") -> Page | Redirect:
    """Back to the page, or the page with the reason why nothing was done."""
    request = _get(visit)
    if refusal is None:
        return Redirect(f"{visit.base}/requests/{request.id}", note=note)
    return request_page.page(visit, request, refusal=refusal)


def _message(visit: Visit) -> models.Message:
    """A message about this very request. Raises NotFound."""
    message = messages.get(visit.tenant_id, identifier(visit.path["message_id"], "message"))
    if message.request_id != identifier(visit.path["request_id"], "rights request"):
        raise NotFound("no such message")
    return message


def _get(visit: Visit) -> models.RightsRequest:
    return requests.get(visit.tenant_id, identifier(visit.path["request_id"], "rights request"))
