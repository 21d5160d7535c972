"""The Data Rights Protocol 1.0 for authorised agents, below ``/drp/{tenant}``: that is the ``api_base`` which a
data controller has in the network's directory.

Agents show themselves by a bearer token and sign what they ask for; ``engine/rights/drp.py`` reads it.
"""

from __future__ import annotations

from typing import Any

import falcon

from ...engine.core import Core
from ..gate import Gate, open_to_all
from .answers import face
from .resources import Agents, Exercises, Requests

BASE = "/drp"


def install(app: falcon.App[Any, Any], gate: Gate, core: Core, max_body_bytes: int) -> None:
    """Add the protocol's paths."""
    token = open_to_all("its own bearer token says which agent it is, and a signature that it meant it")
    signed = open_to_all("a message signed by the agent's key, or the agent's own token")
    gate.add(app, f"{BASE}/{{tenant}}/v1/data-rights-request", Exercises(core, max_body_bytes), token)
    gate.add(app, f"{BASE}/{{tenant}}/v1/data-rights-request/{{id}}", Requests(core, max_body_bytes), token)
    gate.add(app, f"{BASE}/{{tenant}}/v1/agent/{{agent}}", Agents(core, max_body_bytes), signed)


__all__ = ["BASE", "face", "install"]
