"""Who is calling: ``Authorization: Bearer KEY``, and whether the key may do this."""

from __future__ import annotations

import falcon

from ..engine.errors import Forbidden, NotAuthentic
from ..engine.services import credentials
from ..engine.services.credentials import Caller


def authenticate(req: falcon.Request, scope: str) -> Caller:
    """The caller, whose tenant is the key's. Raises NotAuthentic without a key in force, Forbidden without
    ``scope``."""
    scheme, _, secret = (req.auth or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthentic("an API key is needed: Authorization: Bearer KEY")
    caller = credentials.authenticate(secret.strip())
    if scope not in caller.scopes:
        raise Forbidden(f"this API key lacks the scope {scope!r}")
    return caller
