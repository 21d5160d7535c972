"""The dates of all open requests anew, when what a day is has changed."""

from __future__ import annotations

from ..core import Core
from ..errors import CallerError
from ..rights import deadlines, following
from ..store import models, quick

_PAGE = 500


def count_anew(core: Core, tenant_id: str) -> int:
    """Count the days of open requests in the desk's zone as it is now, in the caller's transaction; how many
    have other dates now. One whose clock can't be read (plain SQL) is passed over."""
    row, zone, last, moved = models.RightsRequest, deadlines.zone_of(tenant_id), "", 0
    still_open = (row.tenant_id == tenant_id) & row.closed_at.is_null() & row.due.is_null(False)
    while True:
        query = row.select().where(still_open, *([row.id > last] if last else [])).order_by(row.id)
        page = list(core.store.for_update(query.limit(_PAGE)))
        if not page:
            return moved
        moved += sum(_changed(core, one, zone) for one in page)
        last = page[-1].id


def _changed(core: Core, request: models.RightsRequest, zone: str) -> bool:
    try:
        found = deadlines.columns(request, zone, core.clock(), deadlines.waits_of(request.id))
    except (CallerError, ValueError):
        return False
    if all(getattr(request, name) == value for name, value in found.items()):
        return False
    quick.update(models.RightsRequest, {"id": request.id}, {**found, "version": request.version + 1})
    request.due = found["due"]
    following.changed(core, request)
    return True
