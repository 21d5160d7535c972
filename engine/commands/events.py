"""``event``: what came in, and what became of it."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services import rows
from ..services.traffic import events
from ..services.traffic.events import State
from .owner import one_or_all

commands = group("event", "What came in, and what became of it.")


@command(commands, "list", takes=Permission.LOOK, tenant=True)
def event_list(
    run: Run,
    state: State | None = None,
    source: str | None = None,
    q: options.Query = None,
    limit: options.Limit = 50,
) -> None:
    """Events of one tenant or of all, newest first."""
    _, owner = one_or_all(run)
    found = events.listing(owner, state=state, source=source, q=q, limit=limit)
    run.show([rows.event(row) for row in found], rows.EVENT)


@command(commands, "show", takes=Permission.LOOK, tenant=True)
def event_show(run: Run, event_id: str) -> None:
    """One event and its history."""
    _, owner = one_or_all(run)
    run.show(rows.story(events.show(owner, event_id), as_json=run.as_json), rows.EVENT | rows.HISTORY)


@command(commands, "replay", takes=Permission.ACT, tenant=True)
def event_replay(
    run: Run,
    event_id: options.Id = None,
    every: options.All = False,
    state: options.Failed = "failed",
    error: str | None = None,
) -> None:
    """Try one event again from the step where it stopped, or all failed ones with this in their error."""
    if every == (event_id is not None):
        raise options.wrong_usage("name one event, or say --all")
    core, owner = one_or_all(run)
    if event_id is not None:
        return run.show(rows.event(events.replay(core, owner, event_id, run.actor)), rows.EVENT)
    progress = run.progress(f"Replaying {state} events")
    replayed = events.replay_many(core, owner, run.actor, error=error, progress=progress)
    return run.show({"replayed": replayed}, rows.REPLAYED)


@command(commands, "discard", takes=Permission.ACT, tenant=True)
def event_discard(run: Run, event_id: str, reason: str = events.NO_REASON) -> None:
    """Give an event up, for a reason that stays with it."""
    core, owner = one_or_all(run)
    row = events.discard(core, owner, event_id, reason, run.actor)
    run.show(rows.event(row), rows.EVENT)
