"""Whose log a path names, and whether the caller may read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import falcon

from ...engine.access.roles import Permission
from ...engine.core import Core
from ...engine.errors import Invalid, NotFound
from ...engine.identity import did
from ...engine.store import models
from ..gate import Known


class Opened(NamedTuple):
    """A log that the caller may read. What a ``public`` one answers may be kept by any cache on the way."""

    log_id: str
    public: bool


Names = Callable[[falcon.Request, str], Opened]
"""From a request and the name in its path. Raises NotFound, NotAuthentic or Forbidden."""


class TenantNames:
    """Tenants' logs are named by their DIDs. A tenant decides who may read: anybody, or its API keys alone."""

    def __init__(self, core: Core, known: Known) -> None:
        self._method = core.did_method
        self._known = known

    def __call__(self, req: falcon.Request, name: str) -> Opened:
        """See ``Names``. Another tenant's key finds as little as one would for a DID that was never issued."""
        tenant = models.DataController.get_or_none(did=self._canonical(name))
        if tenant is None:
            raise NotFound("there is no log of this name")
        if tenant.log_access == "public":
            return Opened(tenant.id, public=True)
        caller = self._known(req)
        if caller.tenant_id != tenant.id:
            raise NotFound("there is no log of this name")
        caller.require(Permission.LOOK)
        return Opened(tenant.id, public=False)

    def _canonical(self, name: str) -> str:
        try:
            method, identifier = did.parse(name, self._method)
        except Invalid:
            raise NotFound("there is no log of this name; a log is named by its tenant's DID") from None
        return f"did:{method}:{identifier}"
