"""The logs as outsiders read them: C2SP tlog-tiles under ``/log/{did}/``; the installation's under ``/log/``.

``checkpoint`` is the signed note, ``tile/<L>/<N>[.p/<W>]`` hashes, ``tile/entries/<N>[.p/<W>]`` entry bundles;
``keys`` lists the verifier keys as JSON. Later epochs lie under ``epoch/<n>``. Any application with logs can
serve them: ``install`` is told how a name in the path becomes a log, and who may read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from ...engine.core import Core
from ...engine.ledger.log import INSTALLATION
from ..gate import Gate, open_to_all
from .names import Names, Opened, TenantNames
from .resources import CheckpointResource, IndexResource, KeysResource, TileResource

RESOURCES: dict[str, Callable[[Core, Names], object]] = {
    "": IndexResource,
    "/checkpoint": CheckpointResource,
    "/keys": KeysResource,
    "/tile/{rest:path}": TileResource,
}


_READERS = open_to_all("commitments for outsiders; a tenant that closed its log is asked for by its name")


def install(app: falcon.App[Any, Any], core: Core, names: Names, gate: Gate) -> None:
    """Add every path of every log. ``names`` turns the name in the path into a log, or raises a DxflowError."""

    def installation(req: falcon.Request, name: str) -> Opened:
        del req, name
        return Opened(INSTALLATION, public=True)

    for path, make in RESOURCES.items():
        for epoch in ("", "/epoch/{epoch:int(min=1)}"):
            gate.add(app, f"/log{epoch}{path}", make(core, installation), _READERS)
            gate.add(app, f"/log/{{name}}{epoch}{path}", make(core, names), _READERS)


__all__ = ["Names", "Opened", "TenantNames", "install"]
