"""Signing in through a data controller's own provider: the address that its people are given, and the way back.

The session's cookie is ``SameSite=Strict``, and a redirect that began on the provider's site wouldn't bring it
along. So both ways lead over a small page of ours, which goes on by itself without a script.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import falcon
import structlog

from ....engine.errors import CallerError, DxflowError, NotFound, TransientError
from ....engine.outgoing import Refused
from ....engine.services import tenants
from ....engine.services.people import sessions, sso, sso_entry
from ....engine.services.people.sso_entry import Arrival, Astray
from ....engine.services.people.sso_people import Unwelcome
from ....engine.sso.discovery import Busy, Directory
from ....engine.sso.faults import Unproven
from ....engine.store import models, scope
from ...gate import Gate, open_to_all
from .. import forms
from ..answers import Page, send_page
from ..desk import Desk

logger = structlog.get_logger(__name__)


def install(app: falcon.App[Any, Any], gate: Gate, shared: Desk) -> None:
    """Add both addresses."""
    directory = Directory(shared.core.outgoing)
    way_in = open_to_all("the way in through a data controller's own provider")
    gate.add(app, "/dashboard/sso/{tenant}", Departures(shared, directory), way_in)
    back = open_to_all("the way back from the provider, known by its state and the browser's cookie")
    gate.add(app, "/dashboard/sso/{tenant}/callback", Arrivals(shared, directory), back)


@dataclass(frozen=True, slots=True)
class Departures:
    """``/dashboard/sso/{tenant}``: one button. ``tenant`` is the data controller's id or DID."""

    shared: Desk
    directory: Directory

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """The page with the button."""
        desk, controller = self.shared.at(req), _with_provider(tenant)
        following = forms.safe_next(desk, req.get_param("next"))
        send_page(desk, resp, Page("people/sso.html", _values(desk, controller, next=following)))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """Off to the provider."""
        desk, controller = self.shared.at(req), _with_provider(tenant)
        forms.require_own_origin(desk, req)
        following = forms.safe_next(desk, forms.read(req).get("next"))
        callback = sso.addresses(desk.public_url, controller.id).callback
        with _calm(desk, resp, controller), scope.of(controller.id):
            departure = sso_entry.begin(desk.core, self.directory, controller.id, callback, following)
            _go_on(desk, resp, departure.to)
            seconds = int(sso_entry.LIFETIME.total_seconds())
            desk.set_cookie(resp, desk.sso_cookie, departure.browser, seconds)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """``/dashboard/sso/{tenant}/callback``: where the provider sends browsers back to."""

    shared: Desk
    directory: Directory

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """A session, or a page that says why there is none."""
        desk, controller = self.shared.at(req), _with_provider(tenant)
        with _calm(desk, resp, controller), scope.of(controller.id):
            arrival = self._arrive(desk, req, controller)
            desk.drop_cookie(resp, desk.sso_cookie)
            seconds = int(sessions.LIFETIME.total_seconds())
            desk.set_cookie(resp, desk.session_cookie, arrival.token, seconds)
            _go_on(desk, resp, forms.safe_next(desk, arrival.following))

    def _arrive(self, desk: Desk, req: falcon.Request, controller: models.DataController) -> Arrival:
        once = {name: value for name, value in req.params.items() if isinstance(value, str)}
        callback = sso.addresses(desk.public_url, controller.id).callback
        browser = req.cookies.get(desk.sso_cookie)
        return sso_entry.finish(
            desk.core, self.directory, controller.id, callback, once, browser, desk.client(req)
        )


def _with_provider(name: str) -> models.DataController:
    """The data controller, if people sign in there in this way: nothing else is told. Raises NotFound."""
    try:
        controller = tenants.find(name)
        with scope.of(controller.id):
            sso.in_force(controller.id)
    except NotFound:
        raise NotFound("nobody signs in here through a provider") from None
    return controller


@contextmanager
def _calm(desk: Desk, resp: falcon.Response, controller: models.DataController) -> Iterator[None]:
    """Whatever a provider does becomes a page that says what to do now."""
    try:
        yield
    except DxflowError as error:
        kind, status = _kind(error)
        if kind is None:
            raise
        reason = getattr(error, "reason", None) or str(error)
        logger.info("sso_refused", tenant=controller.id, kind=kind, reason=reason)
        values = _values(desk, controller, kind=kind, next=f"{desk.base}/")
        send_page(desk, resp, Page("people/sso_refused.html", values, status))


def _kind(error: DxflowError) -> tuple[str | None, int]:
    """What the page is about, and its status; None for what isn't the provider's doing."""
    if isinstance(error, Unwelcome):
        return "unwelcome", 403
    if isinstance(error, Astray):
        return "astray", 403
    if isinstance(error, Unproven | Refused | CallerError):
        declined = isinstance(error, Unproven) and error.reason.endswith("declined")
        return ("declined" if declined else "unproven"), 403
    return ("silent", 503) if isinstance(error, TransientError | Busy) else (None, 500)


def _go_on(desk: Desk, resp: falcon.Response, to: str) -> None:
    send_page(desk, resp, Page("onward.html", {"now": desk.core.clock(), "to": to}))


def _values(desk: Desk, controller: models.DataController, **more: object) -> dict[str, object]:
    return {"now": desk.core.clock(), "tenant_id": controller.id, "name": controller.name, **more}
