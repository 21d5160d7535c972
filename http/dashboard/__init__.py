"""The dashboard: server-rendered pages for the people who watch over an installation.

``screens`` is the frame around every page (form check, errors), ``answers`` how it answers; one module
per page; ``words`` is what things are called; ``templates`` and ``static`` are what a browser gets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from ...engine.access.roles import Permission
from ..frontend import Assets
from ..gate import Gate, open_to_all, signed_in
from .answers import HEADERS, Redirect, send_problem, send_redirect
from .audit import audit, audit_links, auditor
from .audit.auditor import BASE as AUDITORS
from .audit.auditor import auditor_door, auditor_face
from .connectors import connectors
from .desk import Desk, make
from .people import (
    account,
    invitation,
    keys,
    member,
    people,
    reset,
    scim_setup,
    second_factor,
    sso,
    sso_setup,
)
from .people.entrance import SecondFactor, SignIn
from .rights import (
    agents,
    endpoints,
    erasures,
    obligations,
    reports,
    request_bulk,
    request_entry,
    request_queue,
    requests,
    rights_desk,
    suppressions,
)
from .screens import Screen, face, session_door
from .subjects import activities, conflicts, subjects
from .traffic import events, failures
from .watch import notices, overview, queues

_ROOMS: tuple[Callable[[Desk], dict[str, Screen]], ...] = (
    overview.screens,
    events.screens,
    queues.screens,
    failures.screens,
    requests.screens,
    subjects.screens,
    conflicts.screens,
    activities.screens,
    request_queue.screens,
    request_entry.screens,
    request_bulk.screens,
    obligations.screens,
    rights_desk.screens,
    agents.screens,
    suppressions.screens,
    endpoints.screens,
    notices.screens,
    reports.screens,
    connectors.screens,
    people.screens,
    member.screens,
    sso_setup.screens,
    scim_setup.screens,
    keys.screens,
    audit.screens,
    audit_links.screens,
    account.screens,
    second_factor.screens,
)


def install(app: falcon.App[Any, Any], gate: Gate, shared: Desk) -> None:
    """Add every page to the application, and a page for every address under ``/dashboard`` that has none."""
    gate.add(app, "/dashboard/sign-in", SignIn(shared), open_to_all("the way in"))
    half_in = open_to_all("the second half of the way in: its own cookie says who")
    gate.add(app, "/dashboard/second-factor", SecondFactor(shared), half_in)
    invitation.install(app, gate, shared)
    reset.install(app, gate, shared)
    sso.install(app, gate, shared)
    assets = Assets(shared.renderer.assets, lambda resp: resp.set_headers(HEADERS))
    gate.add(app, "/dashboard/static/{name}", assets, open_to_all("the same for everybody"))
    gate.add(app, "/dashboard/reports/{name}", reports.Download(shared), signed_in(Permission.LOOK))
    certificate = erasures.Certificate(shared)
    gate.add(app, "/dashboard/requests/{request_id}/certificate", certificate, signed_in(Permission.LOOK))
    for path, screen in _screens(shared).items():
        gate.add(app, f"/dashboard{path}", screen, screen.rules)
    audit.install(app, gate, shared)
    app.add_sink(_nowhere(shared), r"/dashboard(?:/|$)")
    auditor.install(app, gate, shared)


def _screens(shared: Desk) -> dict[str, Screen]:
    """Every page that needs a session, with what it takes: each room says which are its own."""
    return {path: screen for room in _ROOMS for path, screen in room(shared).items()}


def _nowhere(shared: Desk) -> Callable[..., None]:
    """Answers what no page answers; ``/dashboard`` itself goes on to the overview."""

    def answer(req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        seen = shared.at(req)
        if req.path == "/dashboard":
            send_redirect(seen, resp, Redirect(f"{seen.base}/"))
        else:
            send_problem(seen, resp, 404, "")

    return answer


__all__ = ["AUDITORS", "auditor_door", "auditor_face", "face", "install", "make", "session_door"]
