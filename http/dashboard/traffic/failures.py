"""Failed events by their cause, all of a cause replayed or discarded together, and how far that came."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from ....engine.access.roles import Permission
from ....engine.errors import Conflict, Invalid
from ....engine.services.traffic import bulk_replays, events, failures
from ....engine.services.traffic.bulk_replays import Wish
from ....engine.services.traffic.failures import Cause, Failure
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import advice, event_filters


def screens(shared: Desk) -> dict[str, Screen]:
    """What failed, and what was decided about many."""
    look, act = Permission.LOOK, Permission.ACT
    return {
        "/events/failed": Screen(shared, get=Way(show, look), post=Way(ask, act)),
        "/replays/{replay_id}": Screen(shared, get=Way(progress, look)),
    }


@dataclass(frozen=True, slots=True)
class Group:
    """A cause as it is shown. ``fields`` name it in a form, ``query`` in the address of the list."""

    failure: Failure
    advice: advice.Advice
    fields: dict[str, str]
    query: str


def show(visit: Visit) -> Page:
    """What failed, by cause."""
    return _page(visit)


def ask(visit: Visit) -> Page | Redirect:
    """Replay or discard all of a cause, or replay all since a time; then to where its progress is shown."""
    try:
        wish = _wish(visit)
        row = bulk_replays.ask(visit.core, visit.tenant_id, wish, visit.signed.actor)
    except Invalid as error:
        return _page(visit, wrong=error.field, refusal=error.detail, status=422)
    except Conflict as error:
        return _page(visit, wrong=visit.form.get("act", ""), refusal=str(error), status=409)
    return Redirect(f"{visit.base}/replays/{row.id}")


def progress(visit: Visit) -> Page:
    """How far it came, and what came of it."""
    found = bulk_replays.show(visit.tenant_id, visit.path["replay_id"])
    row = found.row
    values = {
        "row": row,
        "progress": found,
        "discards": row.discard_reason is not None,
        "most": bulk_replays.MOST,
        "asked_by": words.actor(row.actor, visit.signed.actor),
        "stopped": found.run is not None and found.run.state in ("failed", "discarded"),
        "again": _query({"state": "failed", **({"workflow": row.workflow} if row.workflow else {})}),
    }
    return Page("traffic/replay.html", values)


def _page(visit: Visit, *, wrong: str = "", refusal: str = "", status: int = 200) -> Page:
    found = failures.by_cause(visit.tenant_id)
    values = {
        "groups": [_group(one) for one in found.causes],
        "whole": found.whole,
        "recent": bulk_replays.recent(visit.tenant_id),
        "reason_length": events.REASON_LENGTH,
        "form": visit.form,
        "wrong": wrong,
        "refusal": refusal,
    }
    return Page("traffic/failed.html", values, status)


def _group(failure: Failure) -> Group:
    cause = failure.cause
    given = {"workflow": cause.workflow, "step": cause.step, "error": cause.error}
    fields = {name: value for name, value in given.items() if value}
    told = advice.of(cause.workflow or "", cause.step or "", cause.error)
    return Group(failure, told, fields, _query({"state": "failed", **fields}))


def _wish(visit: Visit) -> Wish:
    """What a form asks for. Raises Invalid."""
    form, act = visit.form, visit.form.get("act")
    if act == "since":
        try:
            return Wish(since=event_filters.moment(form.get("since", "").strip()))
        except ValueError as error:
            raise Invalid("since", str(error)) from None
    named = [form.get(name, "").replace("\r\n", "\n") for name in ("workflow", "step", "error")]
    if act not in ("replay", "discard") or not all(named):
        raise Invalid("act", "must be replay or discard, with a cause, or since")
    return Wish(Cause(*named), discard_reason=form.get("reason", "") if act == "discard" else None)


def _query(values: dict[str, str]) -> str:
    return f"?{urlencode(values)}"
