"""What one event goes through within one message: step after step, and one move in the end.

The rule: while an event's next step can run where this one did, it does, in the same transaction. Each step
keeps its entry in the history and its leaf in the audit log; the event's row moves once, by a compare-and-set
from where it stood when it was loaded to where its chain ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from . import machine, moments
from .ledger.log import Leaf
from .steps import Outcome
from .store import models, quick

_STANDS = ("id", "state", "step", "version")


class Lost(Exception):
    """Somebody else moved the event first: whatever its chain wrote is rolled back with its savepoint."""


@dataclass(slots=True)
class Chain:
    """One event under way; ``event`` shows where it stands by now, the table where it stood before."""

    event: models.Event
    now: datetime
    ended: list[tuple[str, str]] = field(default_factory=list)
    """(step, how it ended): moved, retrying or failed"""
    alert: int | None = None
    """Which share of its attempts the last step used up, where somebody is to be told (``retry.alert``)."""
    _stood: dict[str, object] = field(init=False)
    _changes: dict[str, object] = field(default_factory=dict)
    _leaves: list[tuple[str, dict[str, object], dict[str, object]]] = field(default_factory=list)
    """(kind, body, payload)"""
    _subjects: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stood = {name: getattr(self.event, name) for name in _STANDS}
        self._concerns(self.event.subject_id)

    @property
    def leaves(self) -> list[Leaf]:
        """What is to be logged. Every leaf of a chain concerns everybody whom it found: also those of the steps
        before it found them."""
        subjects = tuple(self._subjects)
        return [Leaf(kind, body, payload, subjects) for kind, body, payload in self._leaves]

    def move(self, outcome: Outcome, following: str) -> None:
        """The step answered with an outcome: on to the one that follows."""
        details = {"outcome": outcome.name, "source": self.event.source, **outcome.leaf}
        self._leaves.append(("workflow.step", self._body(details), self._changed(outcome)))
        self._record("moved", {"outcome": outcome.name})
        over = following == machine.DONE
        step = {"state": "done" if over else "running", "step": following, "attempts": 0, "error": None}
        self._change({**outcome.changes, **step, "due_at": None, "message_id": None})

    def wait(self, text: str, retry_in: float) -> None:
        """The step failed and is tried again in so many seconds."""
        attempt = self.event.attempts + 1
        self._record("retrying", {"error": text, "attempt": attempt})
        due = moments.after(self.now, retry_in)
        self._change({"state": "retrying", "attempts": attempt, "error": text, "due_at": due})

    def fail(self, text: str) -> None:
        """The step failed for good."""
        attempt = self.event.attempts + 1
        changed = {"state": "failed", "attempts": attempt, "error": text}
        self._leaves.append(("workflow.failed", self._body({"attempts": attempt}), changed))
        self._record("failed", {"error": text, "attempt": attempt})
        self._change({"state": "failed", "attempts": attempt, "error": text, "due_at": None})

    def travel(self, message_id: str, until: datetime) -> None:
        """A message carries the event on; should it be lost, the event is due again at ``until``."""
        self._change({"due_at": until, "message_id": message_id})

    @property
    def travels(self) -> bool:
        """Whether another message has to take the event to its next step."""
        return bool(self.event.state == "running")

    def commit(self) -> None:
        """Write the event's row. Raises Lost unless it still stands where it was loaded."""
        moved = {"version": self.event.version + 1, "updated_at": self.now, "message_id": None}
        if quick.update(models.Event, self._stood, {**moved, **self._changes}) != 1:
            raise Lost

    def _record(self, how: str, entry: Mapping[str, object]) -> None:
        event = self.event
        self.ended.append((event.step, how))
        told = {"at": moments.to_text(self.now), "step": event.step, **entry}
        self._change({"history": [*event.history, told]})

    def _body(self, details: Mapping[str, object]) -> dict[str, object]:
        event = self.event
        named = {"event": event.id, "workflow": event.workflow, "step": event.step}
        return {"actor": f"workflow:{event.workflow}", **named, **details}

    def _changed(self, outcome: Outcome) -> dict[str, object]:
        """What the step's leaf commits to: whom and what it concerned, and what it wrote."""
        event = self.event
        subject = outcome.changes.get("subject_id", event.subject_id)
        entity = outcome.changes.get("entity_id", event.entity_id)
        self._concerns(subject)
        self._concerns(entity if event.workflow == "data_subject" else None)
        about = {"event": event.id, "step": event.step, "outcome": outcome.name}
        return {**about, "subject": subject, "entity": entity, **outcome.written}

    def _concerns(self, subject_id: str | None) -> None:
        if subject_id is not None:
            self._subjects[subject_id] = None

    def _change(self, changes: Mapping[str, object]) -> None:
        for name, value in changes.items():
            setattr(self.event, name, value)
        self._changes.update(changes)
