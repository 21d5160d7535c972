"""The dashboard: server-rendered pages for the people who watch over an installation.

``screens`` is the frame around every page (session, form check, errors), ``answers`` how it answers; one module
per page; ``words`` is what things are called; ``templates`` and ``static`` are what a browser gets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from ...engine.core import Core
from . import account, desk, events, notices, overview, requests
from .account import SignIn
from .answers import Redirect, guarded, send_problem, send_redirect
from .assets import Assets
from .desk import DashboardSettings, Desk
from .screens import Screen


def install(app: falcon.App[Any, Any], core: Core, settings: DashboardSettings) -> None:
    """Add every page to the application, and a page for every address under ``/dashboard`` that has none."""
    shared = desk.make(core, settings)
    app.add_route("/dashboard/sign-in", SignIn(shared))
    app.add_route("/dashboard/static/{name}", Assets(shared))
    for path, screen in _screens(shared).items():
        app.add_route(f"/dashboard{path}", screen)
    app.add_sink(_nowhere(shared), r"/dashboard(?:/|$)")


def _screens(shared: Desk) -> dict[str, Screen]:
    """Every page that needs a session."""
    return {
        "/": Screen(shared, get=overview.show),
        "/events": Screen(shared, get=events.listing),
        "/events/{event_id}": Screen(shared, get=events.show),
        "/events/{event_id}/replay": Screen(shared, post=events.replay),
        "/events/{event_id}/discard": Screen(shared, post=events.discard),
        "/requests": Screen(shared, get=requests.listing),
        "/requests/{request_id}": Screen(shared, get=requests.show, post=requests.reveal),
        "/notices": Screen(shared, get=notices.listing, post=notices.read_all),
        "/notices/{notice_id}/read": Screen(shared, post=notices.read),
        "/password": Screen(shared, get=account.password, post=account.choose_password),
        "/sign-out": Screen(shared, post=account.sign_out),
    }


def _nowhere(shared: Desk) -> Callable[..., None]:
    """Answers what no page answers; ``/dashboard`` itself goes on to the overview."""

    def answer(req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        seen = shared.at(req)

        def act() -> None:
            if req.path == "/dashboard":
                send_redirect(seen, resp, Redirect(f"{seen.base}/"))
            else:
                send_problem(seen, resp, 404, "")

        guarded(seen, req, resp, act)

    return answer


__all__ = ["install"]
