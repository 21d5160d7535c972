"""The HTTP API: what ``http/app.py`` adds to the application.

``table.py`` lists the operations, ``endpoint.py`` serves every one of them the same way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata

import falcon

from ...engine.core import Core
from .. import prefix
from ..gauges import QueueGauges
from ..health import Healthz, Metrics, Readyz
from ..outside import HttpSettings, Outside
from ..resolver import Resolver
from . import openapi
from .endpoint import Endpoint
from .middleware import Measuring, RequestId, SafeHeaders
from .operation import Operation
from .table import OPERATIONS


class OpenApi:
    """``/openapi.json``."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self._document = document

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The document; its server is where it was asked for (OpenAPI 3.1, 4.8.5: relative to the document)."""
        resp.text = json.dumps({**self._document, "servers": [{"url": prefix.of(req) or "/"}]})

    on_head = on_get


def routes(core: Core, outside: Outside, settings: HttpSettings) -> dict[str, object]:
    """Every path of the API with its resource, for ``falcon.App.add_route``."""
    grouped: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        grouped.setdefault(operation.path, []).append(operation)
    endpoints = {
        path: Endpoint(operations, core, outside.depths, settings.max_body_bytes)
        for path, operations in grouped.items()
    }
    return {
        **endpoints,
        "/1.0/identifiers/{identifier:path}": Resolver(core, settings.public_url),
        "/healthz": Healthz(),
        "/readyz": Readyz(outside.checks),
        "/metrics": Metrics(outside.registry, QueueGauges(core, outside.depths)),
        "/openapi.json": OpenApi(openapi.document(OPERATIONS, metadata.version("dxflow"))),
    }


def middleware(core: Core, outside: Outside) -> list[RequestId | Measuring | SafeHeaders]:
    """What surrounds every request, webhooks included."""
    return [RequestId(core.new_id), Measuring(outside.registry), SafeHeaders()]


__all__ = ["middleware", "routes"]
