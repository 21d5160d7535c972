"""Many failed events are decided about, a batch at a time. decide → decide → … → done

How far it came stands in its row, which commits with the batch and with this event's move: whoever was killed
in between goes on behind the last batch that committed, and nothing is decided twice.
"""

from __future__ import annotations

from ..core import Core
from ..services.traffic import bulk_replays
from ..store import models, quick
from .base import Outcome, Prepared, Step


def decide(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """The next batch."""
    row = quick.lock(models.BulkReplay, id=event.entity_id, tenant_id=event.tenant_id)
    if row is None:
        return Outcome("gone", {"change": event.topic})
    decided = bulk_replays.go_on(core, row)
    return Outcome("finished" if row.finished_at else "more", {"replay": row.id, "decided": decided})


STEPS = {"decide": Step(decide)}
