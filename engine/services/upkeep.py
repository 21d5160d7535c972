"""The operator's care of an installation: its database, and which tenant is meant."""

from __future__ import annotations

import peewee

from ...config.datadir import DataDir
from ...config.settings import Settings
from ..errors import DxflowError, Invalid, NotFound
from ..store import Store, models
from . import tenants

FAILURES: tuple[type[Exception], ...] = (DxflowError, peewee.PeeweeException)
"""What can go wrong without being a defect; all else shows where it happened."""


def migrate(settings: Settings) -> dict[str, object]:
    """Apply what is missing: ``{"applied": [names], "version"}``. Raises DataDirError, Unavailable."""
    DataDir(settings.data_dir).prepare()
    with Store(settings.database) as store:
        return {"applied": store.migrate(), "version": store.version()}


def tenant_or_only(name: str | None) -> models.DataController:
    """The tenant of this DID or id; the only one there is, where none is named. Raises NotFound, Invalid."""
    if name is not None:
        return tenants.find(name)
    every = tenants.every()
    if not every:
        raise NotFound("there is no tenant yet; `dxflow tenant create --name NAME` makes one")
    if len(every) > 1:
        raise Invalid("tenant", f"there are {len(every)}; say which with --tenant DID")
    return every[0]
