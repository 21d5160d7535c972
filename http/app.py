"""The Falcon application: routes and nothing else. Every dependency comes in as a parameter."""

from __future__ import annotations

from typing import Any

import falcon

from ..engine.core import Core
from ..engine.edge import Edge
from ..engine.errors import DxflowError, Unavailable
from ..engine.inbox import Inbox
from ..engine.services.connectors.connectors import Endpoints
from . import api, dashboard, drp, form, log, problems, scim
from .api.middleware import SafeHeaders
from .client import ClientAddress
from .gate import SIGNED, Door, Gate, key_door, open_to_all
from .health import Healthz
from .outside import HttpSettings, Outside
from .prefix import Prefix
from .problems import Faces
from .webhooks import WebhookResource


def build(core: Core, outside: Outside, settings: HttpSettings) -> falcon.App[Any, Any]:
    """The whole WSGI application."""
    return assemble(core, outside, settings)[0]


def assemble(core: Core, outside: Outside, settings: HttpSettings) -> tuple[falcon.App[Any, Any], Gate]:
    """The application, and the gate that knows the rule of each of its routes."""
    app, desk = falcon.App(), dashboard.make(core, outside, settings)
    asked = form.make(core, settings.public_url)
    doors = {Door.SESSION: dashboard.session_door(desk), Door.AUDITOR: dashboard.auditor_door(desk)}
    gate = Gate({Door.KEY: key_door(core), **doors})
    outsiders = {dashboard.AUDITORS: dashboard.auditor_face(desk)}
    faces = {**outsiders, "/dashboard": dashboard.face(desk), scim.BASE: scim.face, drp.BASE: drp.face}
    Faces(core, {**faces, form.BASE: form.face(asked)}).install(app)
    webhooks = WebhookResource(Edge(core, Inbox(core), Endpoints(core)), settings.max_body_bytes)
    probed = {"GET": open_to_all("validators ask before there is a secret"), "POST": SIGNED}
    gate.add(app, "/webhooks/{platform}/{connector_id}", webhooks, probed)
    gate.add(app, "/events/hasura/{connector_id}", webhooks, probed)
    api.install(app, gate, core, outside, settings)
    scim.install(app, gate, core, settings)
    log.install(app, core, log.TenantNames(core, key_door(core)), gate)
    form.install(app, gate, asked)
    drp.install(app, gate, core, settings.max_body_bytes)
    prefix, client = Prefix(settings.public_url), ClientAddress(settings.trusted_proxies)
    app.add_middleware([prefix, client, *api.middleware(core, outside, settings), gate])
    dashboard.install(app, gate, desk)
    return app, gate


def waiting() -> falcon.App[Any, Any]:
    """What answers while the database can't be opened: the process is up, and everything else is 503."""
    app = falcon.App()
    app.add_error_handler(DxflowError, problems.on_own)
    app.add_middleware(SafeHeaders(""))
    app.add_route("/healthz", Healthz())
    app.add_sink(_refuse, "/")
    return app


def _refuse(*_: object, **__: object) -> None:
    raise Unavailable("dxflow can't reach its database; try again later")


__all__ = ["HttpSettings", "Outside", "build", "waiting"]
