"""The sweep that warns where receipt of a request isn't confirmed and the day to confirm it by has come.

California has receipt confirmed within ten business days (11 CCR §7021(a)). Mail does it by itself; what has no
address, or couldn't be sent, is for people to do. Each request is told of once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from .. import notices
from ..core import Core
from ..services import acts
from ..store import models, quick, scope
from . import moves, queue

KIND = "rights_request.acknowledgement_due"
PAGE = 500


@scope.everyone("every data controller's clocks run")
def sweep(core: Core) -> int:
    """Tell what is due to be told; of how many requests. For a periodic caller; several at once do no harm."""
    told, now = 0, core.clock()
    for tenant_id, rows in groupby(_due(now), key=attrgetter("tenant_id")):
        with scope.of(tenant_id):
            today = queue.today(tenant_id, now)
            told += sum(_tell(core, row) for row in rows if str(row.acknowledge_by) <= today)
    return told


def _due(now: datetime) -> list[models.RightsRequest]:
    """Those whose day has come somewhere on earth; the first due come first, so none waits for ever."""
    row = models.RightsRequest
    latest = (now + timedelta(hours=14)).date().isoformat()
    waits = row.acknowledged_at.is_null() & row.closed_at.is_null() & row.acknowledge_warned_at.is_null()
    query = row.select(row.id, row.tenant_id, row.acknowledge_by).where(waits, row.acknowledge_by <= latest)
    return sorted(query.order_by(row.acknowledge_by, row.id).limit(PAGE), key=attrgetter("tenant_id"))


def _tell(core: Core, found: models.RightsRequest) -> bool:
    """Once, and not where receipt was confirmed meanwhile, or the answer went out, which confirms it."""
    with core.store.transaction():
        request = moves.locked(core, found.tenant_id, found.id)
        if request.acknowledged_at or request.closed_at or request.acknowledge_warned_at:
            return False
        quick.update(models.RightsRequest, {"id": request.id}, {"acknowledge_warned_at": core.clock()})
        if request.responded_at is not None:
            return False
        notices.acknowledgement_due(core, request)
        facts = {"request": request.id, "type": request.type, "acknowledge_by": request.acknowledge_by}
        acts.record(core, request.tenant_id, KIND, acts.SYSTEM, None, [request.subject_id], **facts)
    return True
