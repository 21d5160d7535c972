"""A data controller appeared or changed: its DID, key and log are made where it has none. derive → done"""

from __future__ import annotations

from ..core import Core
from ..store import models, quick
from .base import Outcome, Prepared, Step


def derive(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Derive the DID from the row's UUID; one that stands already must be the same.

    A row that another program inserted becomes a whole tenant here: until it has a key and a log, nothing that
    concerns it could be sealed or written down.
    """
    controller = models.DataController.get_or_none(id=event.entity_id)
    if controller is None:
        return Outcome("gone", {"change": event.topic})
    name = core.subjects.claim(controller.id, "data_controller", controller.id)
    if quick.get(models.WrappedKey, owner_id=controller.id, purpose="seal", version=1) is None:
        core.keys.create(controller.id)
    if quick.get(models.AuditHead, tenant_id=controller.id) is None:
        core.log.open(controller.id, name)
    if controller.did == name:
        return Outcome("unchanged", {"did": name, "change": event.topic})
    controller.did = name
    controller.save(only=["did"])
    return Outcome("derived", {"did": name, "change": event.topic})


STEPS = {"derive": Step(derive)}
