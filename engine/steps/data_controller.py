"""A data controller appeared or changed: its DID is derived and registered. derive → done"""

from __future__ import annotations

from ..core import Core
from ..store import models
from .base import Outcome, Prepared, Step


def derive(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Derive the DID from the row's UUID; one that stands already must be the same."""
    controller = models.DataController.get_or_none(id=event.entity_id)
    if controller is None:
        return Outcome("gone", {"change": event.topic})
    name = core.subjects.claim(controller.id, "data_controller", controller.id)
    if controller.did == name:
        return Outcome("unchanged", {"did": name, "change": event.topic})
    controller.did = name
    controller.save(only=["did"])
    return Outcome("derived", {"did": name, "change": event.topic})


STEPS = {"derive": Step(derive)}
