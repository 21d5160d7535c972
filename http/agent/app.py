"""The dx-agent's Falcon application: routes and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import falcon
from prometheus_client import CollectorRegistry, Counter

from ...config.settings import Settings
from ...engine.agent import wire
from ...engine.core import Core
from ...engine.errors import DxflowError, NotFound
from ...engine.services.audit.agent_desk import Overtaken, RolledBack
from ...engine.store import models, quick
from .. import prefix, problems
from ..api.middleware import SafeHeaders
from ..app import waiting
from ..gate import SIGNED, Gate, open_to_all
from ..health import Healthz, Metrics, Readyz
from ..log import Opened
from ..log import install as install_log
from ..prefix import Prefix
from .gauges import Gauges
from .resources import EnginesResource, RegistrationsResource
from .signed import Signatures


def build(core: Core, token: str | None, settings: Settings) -> falcon.App[Any, Any]:
    """The whole WSGI application of one agent; ``token`` is what new engines must know."""
    app = falcon.App()
    app.add_error_handler(Exception, problems.on_any)
    app.add_error_handler(falcon.HTTPError, problems.on_http)
    app.add_error_handler(DxflowError, _on_own)
    app.add_middleware(Prefix(settings.base_url))
    registry = CollectorRegistry()
    registered = Counter("dxagent_registered", "Activities answered with a receipt", registry=registry)
    signed, gate = Signatures(core, settings.max_body_bytes), Gate({})
    gate.add(app, wire.REGISTRATIONS, RegistrationsResource(core, signed, registered.inc), SIGNED)
    gate.add(app, wire.ENGINES, EnginesResource(core, signed, token), SIGNED)
    state = open_to_all("monitors have no key; it names nobody")
    gate.add(app, "/healthz", Healthz(), state)
    gate.add(app, "/readyz", Readyz({"database": lambda: _check_database(core)}), state)
    gate.add(app, "/metrics", Metrics(registry, Gauges(core)), state)
    install_log(app, core, _log_of, gate)
    app.add_middleware([gate, SafeHeaders(settings.base_url)])
    return app


def _log_of(req: falcon.Request, name: str) -> Opened:
    """The log of a tenant's DID, which anybody may read: there is nothing in it but commitments."""
    del req
    row = quick.get(models.AgentTenant, did=name.lower())
    if row is None:
        raise NotFound("there is no log of this name; a log is named by its tenant's DID")
    return Opened(row.id, public=True)


def _check_database(core: Core) -> str:
    core.store.ping()
    return f"{core.store.dialect} answers"


def _on_own(
    req: falcon.Request, resp: falcon.Response, error: DxflowError, params: Mapping[str, object]
) -> None:
    """As at the edge; conflicts about a log say what stands there, and the credential is a signature."""
    if isinstance(error, Overtaken | RolledBack):
        problems.answer(resp, error.status, error.kind, str(error), prefix.path(req), **error.extra)
        return
    problems.on_own(req, resp, error, params)
    if error.status == 401:
        resp.set_header("WWW-Authenticate", "Signature")


__all__ = ["build", "waiting"]
