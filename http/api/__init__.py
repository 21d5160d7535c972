"""The HTTP API: what ``http/app.py`` adds to the application.

``table.py`` lists the operations, ``endpoint.py`` serves every one of them the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from importlib import metadata
from typing import Any

import falcon

from ...engine.core import Core
from .. import prefix
from ..gate import Gate, Rule, open_to_all
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

    def __init__(self, make: Callable[[], Mapping[str, object]]) -> None:
        """Made when it is asked for the first time: it takes a second, and most processes never need it."""
        self._make = lru_cache(maxsize=1)(make)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The document; its server is where it was asked for (OpenAPI 3.1, 4.8.5: relative to the document)."""
        resp.text = json.dumps({**self._make(), "servers": [{"url": prefix.of(req) or "/"}]})

    on_head = on_get


def install(
    app: falcon.App[Any, Any], gate: Gate, core: Core, outside: Outside, settings: HttpSettings
) -> None:
    """Add every path of the API with its rules."""
    grouped: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        grouped.setdefault(operation.path, []).append(operation)
    for path, operations in grouped.items():
        rules: dict[str, Rule] = {operation.method: operation.rule for operation in operations}
        gate.add(app, path, Endpoint(operations, core, outside.depths, settings), rules)
    resolver = Resolver(core, settings.public_url)
    gate.add(app, "/1.0/identifiers/{identifier:path}", resolver, open_to_all("DIDs are for everybody"))
    state = open_to_all("monitors have no key; it names nobody")
    gate.add(app, "/healthz", Healthz(), state)
    gate.add(app, "/readyz", Readyz(outside.checks), state)
    gate.add(app, "/metrics", Metrics(outside.registry, QueueGauges(core, outside.depths)), state)
    document = partial(openapi.document, OPERATIONS, metadata.version("dxflow"), core.did_method)
    gate.add(app, "/openapi.json", OpenApi(document), open_to_all("how to call, not whom"))


def middleware(
    core: Core, outside: Outside, settings: HttpSettings
) -> list[RequestId | Measuring | SafeHeaders]:
    """What surrounds every request, webhooks included."""
    return [RequestId(core.new_id), Measuring(outside.registry), SafeHeaders(settings.public_url)]


__all__ = ["install", "middleware"]
