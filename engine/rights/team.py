"""What the privacy team is told by mail: a new request at once, all clocks that came due together in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core import Core
from ..mail.queue import queue
from ..store import models, quick
from . import deadlines


def address(core: Core, tenant_id: str) -> str | None:
    """Where the privacy team of this data controller is reached; None where nobody said."""
    desk = quick.get(models.RightsDesk, tenant_id=tenant_id)
    if desk is None or desk.team_email_sealed is None:
        return None
    place = {"table": "rights_desks", "column": "team_email_sealed", "row_id": str(tenant_id)}
    return core.keys.unseal(tenant_id, bytes(desk.team_email_sealed), **place).decode()


def tell_of_request(core: Core, request: models.RightsRequest) -> None:
    """Somebody asked for something."""
    _tell(core, request.tenant_id, "team_received", request.id)


def tell_of_clocks(core: Core, tenant_id: str, rows: Sequence[models.RightsRequest]) -> None:
    """One mail about all requests that reached a share of their time together, one about those overdue."""
    late = [row for row in rows if row.warned == deadlines.OVERDUE]
    soon = [row for row in rows if row.warned != deadlines.OVERDUE]
    for kind, these in (("team_overdue", late), ("team_warning", soon)):
        if these:
            first = min(these, key=lambda row: str(row.due))
            figures = {"count": str(len(these)), "percent": str(max(row.warned for row in these))}
            _tell(core, tenant_id, kind, first.id, figures)


def _tell(
    core: Core, tenant_id: str, kind: str, request_id: str, values: Mapping[str, object] | None = None
) -> None:
    """Put it on its way where the team has an address, in the first language of the desk."""
    to = address(core, tenant_id)
    if to is None:
        return
    desk = quick.get(models.RightsDesk, tenant_id=tenant_id)
    language = next(iter(desk.languages if desk else ()), "en")
    queue(core, tenant_id, kind, to, language=language, values=values, request_id=request_id)
