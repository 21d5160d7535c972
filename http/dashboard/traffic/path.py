"""An event's history as the stops of a path, for drawing: what was done, what it came to, where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ....engine import moments
from ....engine.store import models
from .. import words

_WAITING = {
    "received": ("live", "Waits for a worker."),
    "running": ("live", "On its way through."),
    "retrying": ("warn", "Waits for its next attempt."),
}
_ACTS = {"event.replayed": "Replayed", "event.discarded": "Discarded"}


@dataclass(slots=True)
class Stop:
    """One stop: a heading, how it went (good, bad, warn, live or quiet), and what was noted."""

    title: str
    tone: str
    at: datetime | None
    notes: list[str] = field(default_factory=list)
    step: str = ""
    following: datetime | None = None
    """When the next attempt is due, for the stop where the event waits."""
    attempts: list[tuple[int, str]] = field(default_factory=list)
    """(number, error) of the attempts that its last note tells of: those that ended alike."""


def of(event: models.Event, reader: str) -> list[Stop]:
    """The stops from receipt to now. ``reader`` is the actor name of the person who looks."""
    stops = [Stop("Received", "good", event.received_at, [f"From {words.source(event.source)}."])]
    for entry in event.history:
        _take(stops, event.workflow, entry, reader)
    _stand(stops, event)
    return stops


def _take(stops: list[Stop], workflow: str, entry: dict[str, Any], reader: str) -> None:
    at, step = moments.from_text(entry["at"]), str(entry["step"])
    if "act" in entry:
        act, by = str(entry["act"]), words.actor(str(entry["actor"]), reader)
        notes = [f"By {by}."] + ([f"Reason: {entry['reason']}"] if "reason" in entry else [])
        stops.append(Stop(_ACTS.get(act, words.plain(act)), "quiet", at, notes))
        return
    last = stops[-1]
    if last.step != step or last.tone == "good":
        last = Stop(words.step(workflow, step), "good", at, step=step)
        stops.append(last)
    last.at = at
    if "error" in entry:
        last.tone = "bad"
        _failed(last, int(entry["attempt"]), str(entry["error"]))
    else:
        last.tone = "good"
        last.notes.append(words.outcome(str(entry["outcome"])))


def _failed(stop: Stop, attempt: int, error: str) -> None:
    """One note for all attempts in a row that ended alike."""
    if stop.attempts and stop.attempts[-1] == (attempt - 1, error):
        stop.notes.pop()
    else:
        stop.attempts.clear()
    stop.attempts.append((attempt, error))
    first = stop.attempts[0][0]
    which = f"Attempt {attempt}" if first == attempt else f"Attempts {first} to {attempt}"
    stop.notes.append(f"{which}: {words.sentence(error)}")


def _stand(stops: list[Stop], event: models.Event) -> None:
    """The present, where it isn't history yet."""
    if event.state == "done":
        stops.append(Stop("Done", "good", event.updated_at))
    if event.state not in _WAITING:
        return
    tone, note = _WAITING[event.state]
    last = stops[-1]
    if last.step != event.step or last.tone == "good":
        last = Stop(words.step(event.workflow, event.step), tone, None, step=event.step)
        stops.append(last)
    last.tone = tone
    last.notes.append(note)
    if event.state == "retrying":
        last.following = event.due_at
