"""A proposal that nobody stands behind: made with a key that belongs to no person and that, as far as the log
knows, no person made (a data controller's first key, and whatever the command line made).

Whoever has such a key may be the very person who approves, so one yes wouldn't be two people. The rule: the
first person who approves it takes it up, as if they had proposed it then; another one approves it after them.
"""

from __future__ import annotations

from datetime import datetime

from ..core import Core
from ..errors import Conflict
from ..services import acts
from ..store import models
from . import persons

KIND = "erasure.adopted"


def needed(order: models.ErasureOrder) -> bool:
    """Whether the next yes is the first of two."""
    by_key = str(order.proposed_by).startswith("key:") and order.adopted_by is None
    return by_key and persons.person_of(order.tenant_id, order.proposed_by) is None


def proposer(order: models.ErasureOrder) -> tuple[str, datetime]:
    """Who stands behind the proposal, and since when."""
    return order.adopted_by or order.proposed_by, order.adopted_at or order.proposed_at


def behind(order: models.ErasureOrder) -> dict[str, str]:
    """Who proposed it and who took it up, as entries of the log say it."""
    proposed = {"proposed_by": str(order.proposed_by)}
    return {**proposed, "adopted_by": str(order.adopted_by)} if order.adopted_by else proposed


def adopt(
    core: Core, order: models.ErasureOrder, actor: str, *, by_command_line: bool
) -> models.ErasureOrder:
    """The first yes; the order as it is then. Raises Conflict where somebody else was faster."""
    row = models.ErasureOrder
    stands = (row.id == order.id) & (row.state == "proposed") & row.adopted_by.is_null()
    adopted = {"adopted_by": actor, "adopted_at": core.clock(), "by_command_line": by_command_line}
    with core.store.transaction():
        if not row.update(**adopted).where(stands).execute():
            raise Conflict("somebody has just decided about this order; look at it again")
        body = {"order": order.id, "request": order.request_id, "proposed_by": order.proposed_by}
        acts.record(core, order.tenant_id, KIND, actor, None, [order.subject_id], **body)
    found: models.ErasureOrder = row.get_by_id(order.id)
    return found
