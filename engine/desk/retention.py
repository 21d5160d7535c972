"""Who asked, and in which words, is kept for two years after a request is over, and no longer.

California asks for records of requests for 24 months (11 CCR §7101(a)); after that nothing needs a name. That
somebody asked, for what, and when they were answered, stays: the register is made of that. How an agent follows
its request is kept for 60 days after the answer, as the Data Rights Protocol asks (1.0, section 3.02).
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from peewee import fn

from ..core import Core
from ..erasing import acts as their_acts
from ..rights.types import RequestState
from ..services import acts
from ..services.acts import SYSTEM
from ..store import models, scope

KEPT = timedelta(days=731)
"""24 months, leap day included."""
FOLLOWED = timedelta(days=60)
KIND = "rights_request.forgotten"
_PAGE = 200


def forget(core: Core) -> int:
    """Forget who made requests that ended before that time, but for people whose data a legal hold keeps; how
    many requests. For a periodic caller, who looks at everyone's; several at once do no harm."""
    total = 0
    while page := _due(core):
        for tenant_id, rows in groupby(page, key=attrgetter("tenant_id")):
            with scope.of(tenant_id), core.store.transaction():
                total += _forget(core, tenant_id, [row.id for row in rows])
    return total


@scope.everyone("how agents follow what was answered is forgotten for all alike")
def forget_agents(core: Core) -> int:
    """Forget how agents follow requests that were answered, or ended, that long ago; how many. For a periodic
    caller."""
    row, limit = models.RightsRequest, core.clock() - FOLLOWED
    final = row.state.in_([RequestState.RESPONSE_SENT, *RequestState.over()])
    old = row.agent_sealed.is_null(False) & final & (fn.COALESCE(row.responded_at, row.closed_at) <= limit)
    if not row.select().where(old).exists():
        return 0
    with core.store.transaction():
        return int(row.update(agent_sealed=None, agent_told=None).where(old).execute())


def _due(core: Core) -> list[models.RightsRequest]:
    row, hold = models.RightsRequest, models.LegalHold
    over = row.requester_sealed.is_null(False) & (row.closed_at <= core.clock() - KEPT)
    held = hold.select(hold.subject_id).where(hold.lifted_at.is_null())
    free = row.subject_id.is_null() | row.subject_id.not_in(held)
    query = row.select(row.id, row.tenant_id).where(over, free)
    return list(query.order_by(row.tenant_id, row.closed_at).limit(_PAGE))


def _forget(core: Core, tenant_id: str, ids: list[str]) -> int:
    row, check = models.RightsRequest, models.IdentityCheck
    check.delete().where(check.request_id.in_(ids)).execute()
    their_acts.shred_acts(core, tenant_id, ids)  # those of requests of nobody: nothing else leads there
    gone = row.update(requester_sealed=None, details_sealed=None)
    count = int(gone.where(row.id.in_(ids), row.requester_sealed.is_null(False)).execute())
    if count:
        acts.record(core, tenant_id, KIND, SYSTEM, requests=ids)
    return count
