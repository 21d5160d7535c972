"""Reports for the regulator: a page to choose one, and its file."""

from __future__ import annotations

import json
from dataclasses import dataclass

import falcon

from ....engine import reporting
from ....engine.access.roles import Permission
from ....engine.errors import NotFound
from ..answers import HEADERS, Page
from ..desk import Desk
from ..screens import Screen, Visit, Way

_ABOUT = {
    "register": (
        "Register of requests",
        "Every request with its dates, how it came, and what it was answered. The last 24 months when no days "
        "are given.",
    ),
    "metrics": (
        "Metrics",
        "How many requests of each kind came, what became of them, and how many days it took. The last "
        "calendar year when no days are given.",
    ),
    "processing": (
        "Records of processing activities",
        "What is done with data, why, and on which legal basis. All of it when no days are given.",
    ),
}


def screens(shared: Desk) -> dict[str, Screen]:
    """Where reports are chosen."""
    return {"/reports": Screen(shared, get=Way(choose, Permission.LOOK))}


def choose(visit: Visit) -> Page:
    """Which report, and of which days."""
    begin, end = visit.query.get("from", ""), visit.query.get("to", "")
    return Page(
        "rights/reports.html", {"reports": _ABOUT, "formats": reporting.FORMATS, "begin": begin, "end": end}
    )


@dataclass(frozen=True, slots=True)
class Download:
    """``/dashboard/reports/{name}``: ``metrics.csv``, as a file. It is never shown inside the dashboard, whose
    rules for what a page may contain it needn't meet."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """The file. Raises NotFound, and Invalid for days that there aren't."""
        kind, _, form = name.partition(".")
        if kind not in reporting.KINDS or form not in reporting.FORMATS:
            raise NotFound("there is no such report")
        begin, end = req.get_param("from") or None, req.get_param("to") or None
        made = reporting.make(self.desk.core, req.context.caller.tenant_id, kind, begin, end)
        resp.set_headers(HEADERS)
        resp.content_type = reporting.MEDIA_TYPES[form]
        resp.downloadable_as = f"{made.name}.{form}"
        resp.text = json.dumps(made.as_json(), ensure_ascii=False) if form == "json" else made.text(form)

    on_head = on_get
