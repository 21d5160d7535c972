"""Data controllers: the tenants of an installation."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Core
from ..errors import Invalid, NotFound
from ..identity import did
from ..rights.types import RequestType, country_for, regime_for
from ..store import models
from . import acts
from .people import credentials

HEAVIEST = 100
"""The largest weight of a tenant's queues."""

LOG_ACCESS = ("public", "key")
"""Who may read a tenant's log: anybody, or whoever has one of its API keys."""


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant as made; ``api_key`` is shown once."""

    controller: models.DataController
    api_key: str


def create(core: Core, name: str, jurisdiction: str = "EU", region: str | None = None) -> NewTenant:
    """Make a tenant with its key, DID, log and first API key. ``region`` (ISO 3166) reads local telephones.

    Raises Invalid for a blank name or an unknown jurisdiction.
    """
    clean = " ".join(name.split())
    if not clean or len(clean) > 200:
        raise Invalid("name", "must have 1 to 200 characters")
    known = jurisdiction.strip().upper()
    regime_for(known, RequestType.ACCESS)
    tenant_id = core.new_id()
    with core.store.transaction():
        name_of = did.derive(tenant_id, core.did_method)
        controller = models.DataController.create(
            id=tenant_id,
            did=name_of,
            name=clean,
            jurisdiction=known,
            region=region or _region(known),
            created_at=core.clock(),
            force_insert=True,
        )
        core.keys.create(tenant_id)
        core.log.open(tenant_id, name_of)
        core.subjects.claim(tenant_id, "data_controller", tenant_id)
        acts.record(core, tenant_id, "tenant.created", acts.SYSTEM, did=controller.did, jurisdiction=known)
        _, secret = credentials.create_key(core, tenant_id, "first key", credentials.ALL_SCOPES, acts.SYSTEM)
    return NewTenant(controller, secret)


def set_queue_weight(core: Core, tenant_id: str, weight: int, actor: str) -> models.DataController:
    """Give the tenant's queues this many turns in a round of all tenants. Raises Invalid, NotFound."""
    if not 1 <= weight <= HEAVIEST:
        raise Invalid("weight", f"must be from 1 to {HEAVIEST}")
    controller = find(tenant_id)
    with core.store.transaction():
        changed, controller.queue_weight = {"from": controller.queue_weight, "to": weight}, weight
        controller.save(only=[models.DataController.queue_weight])
        acts.record(core, tenant_id, "tenant.queue_weighted", actor, changed, weight=weight)
    return controller


def set_log_access(core: Core, tenant_id: str, access: str, actor: str) -> models.DataController:
    """Let anybody read the tenant's log (``public``), or its API keys alone (``key``). Raises Invalid."""
    if access not in LOG_ACCESS:
        raise Invalid("log_access", f"{access[:40]!r}; allowed are {', '.join(LOG_ACCESS)}")
    controller = find(tenant_id)
    with core.store.transaction():
        before, controller.log_access = controller.log_access, access
        controller.save(only=[models.DataController.log_access])
        acts.record(core, tenant_id, "tenant.log_access_set", actor, {"from": before}, to=access)
    return controller


def every() -> list[models.DataController]:
    """All tenants, oldest first."""
    return list(models.DataController.select().order_by(models.DataController.created_at))


def names() -> dict[str, str]:
    """The DIDs of all tenants by their ids."""
    return {str(row.id): str(row.did) for row in every()}


def find(name: str) -> models.DataController:
    """The tenant with this DID (any case) or id. Raises NotFound."""
    text = name.strip().lower()
    if not text.startswith("did:"):
        try:
            controller = models.DataController.get_or_none(id=did.canonical(text))
        except Invalid:
            controller = None
    else:
        controller = models.DataController.get_or_none(did=text)
    if controller is None:
        raise NotFound(f"no tenant {text[:80]!r}; `dxflow tenant list` shows them")
    return controller


def _region(jurisdiction: str) -> str | None:
    """The ISO 3166 country of a jurisdiction, None where it names none. "UK" is how people spell GB."""
    country = (country_for(jurisdiction) or "").partition("-")[0]
    return {"UK": "GB"}.get(country, country) or None
