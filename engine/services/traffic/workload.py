"""How busy the data controllers are that one person belongs to, and what is about to be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...access import members
from ...core import Core
from ...store import models, quick, scope
from . import backlog
from .backlog import Backlog


@dataclass(frozen=True, slots=True)
class Load:
    """One data controller's unfinished events: to be worked on now or later, and given up. ``oldest`` is when
    the oldest of those due was received."""

    tenant_id: str
    name: str
    waiting: int
    failed: int
    oldest: datetime | None
    paused_at: datetime | None


@scope.everyone("how busy the data controllers are that somebody belongs to is their own affair")
def elsewhere(core: Core, user_id: str, here: str) -> list[Load]:
    """Each data controller that this user may go to but the one where they are: the busiest first, and of
    equally busy ones the one with the oldest event. Three statements, however many there are."""
    names = {place.tenant_id: place.name for place in members.places(user_id) if place.tenant_id != here}
    if not names:
        return []
    reading = backlog.of_tenants(core, list(names))
    rows = quick.by_ids(models.DataController, names)
    sums = dict.fromkeys(names, Backlog())
    for (tenant_id, _), found in reading.queues.items():
        sums[tenant_id] += found
    loads = [
        Load(one, names[one], found.active, found.failed, found.oldest, rows[one].paused_at)
        for one, found in sums.items()
    ]
    return sorted(loads, key=lambda load: (-load.waiting, load.oldest or reading.at, load.name))


def retrying(tenant_id: str, limit: int) -> list[models.Event]:
    """Events between two attempts, the next one due first, without their bodies."""
    event = models.Event
    columns = (event.id, event.source, event.topic, event.workflow, event.step, event.attempts)
    query = event.select(*columns, event.error, event.due_at, event.received_at)
    query = query.where(event.tenant_id == tenant_id, event.state == "retrying", event.due_at.is_null(False))
    return list(query.order_by(event.due_at).limit(limit))
