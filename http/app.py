"""The Falcon application: routes and nothing else. Every dependency comes in as a parameter."""

from __future__ import annotations

from typing import Any

import falcon

from ..engine.core import Core
from ..engine.edge import Edge
from ..engine.errors import DxflowError, Unavailable
from ..engine.inbox import Inbox
from ..engine.services.connectors import Endpoints
from . import api, log, problems
from .dashboard import install as install_dashboard
from .health import Healthz
from .outside import HttpSettings, Outside
from .prefix import Prefix
from .webhooks import WebhookResource


def build(core: Core, outside: Outside, settings: HttpSettings) -> falcon.App[Any, Any]:
    """The whole WSGI application."""
    app = falcon.App()
    app.add_error_handler(Exception, problems.on_any)
    app.add_error_handler(falcon.HTTPError, problems.on_http)
    app.add_error_handler(DxflowError, problems.on_own)
    webhooks = WebhookResource(Edge(core, Inbox(core), Endpoints(core)), settings.max_body_bytes)
    app.add_route("/webhooks/{platform}/{connector_id}", webhooks)
    app.add_route("/events/hasura/{connector_id}", webhooks)
    for path, resource in api.routes(core, outside, settings).items():
        app.add_route(path, resource)
    log.install(app, core, log.TenantNames(core))
    app.add_middleware([Prefix(settings.public_url), *api.middleware(core, outside)])
    install_dashboard(app, core, settings)
    return app


def waiting() -> falcon.App[Any, Any]:
    """What answers while the database can't be opened: the process is up, and everything else is 503."""
    app = falcon.App()
    app.add_error_handler(DxflowError, problems.on_own)
    app.add_route("/healthz", Healthz())
    app.add_sink(_refuse, "/")
    return app


def _refuse(*_: object, **__: object) -> None:
    raise Unavailable("dxflow can't reach its database; try again later")


__all__ = ["HttpSettings", "Outside", "build", "waiting"]
