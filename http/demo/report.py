"""What became of a demo's traffic: counted from the answers and the event table, held against the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .client import Answer, Event
from .traffic import Expected, Planned

COLUMNS = {"what": "What", "count": "Count", "note": ""}

_ANSWERS = (
    (Expected.ACCEPTED, "Accepted", "committed before the 200"),
    (Expected.DUPLICATE, "Duplicates", "known by their delivery id, processed once"),
    (Expected.IGNORED, "Ignored", "stored; no workflow handles their topic"),
    (Expected.REFUSED, "Refused", "wrong signature: 401"),
    (Expected.PROBED, "Probes", "platforms trying an address"),
)
_OUTCOMES = (
    ("subjects", "New data subjects", "each with a DID"),
    ("activities", "Activities logged", "registered, and provable in the tenant's log"),
    ("consents", "Consent changes", "with the platform's own evidence"),
    ("rights_requests", "Rights requests", "their legal clocks run"),
)
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Report:
    """``outcomes`` counts what the workflows made; ``failed`` are events with their error and address."""

    seed: int
    base: str
    answers: Counter[str]
    outcomes: dict[str, int]
    failed: list[dict[str, str]] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything, as one document."""
        return {
            "seed": self.seed,
            "sent": self.answers.total(),
            "answers": {kind.value: self.answers[kind] for kind in Expected},
            **self.outcomes,
            "failed": self.failed,
            "unexpected": self.unexpected,
        }

    def lines(self) -> list[dict[str, object]]:
        """The same for people, in the order in which things happened."""
        note = f"an hour of traffic; --seed {self.seed} repeats it"
        told: list[dict[str, object]] = [_line("Sent", self.answers.total(), note)]
        told += [_line(f"  {title}", self.answers[kind], why) for kind, title, why in _ANSWERS]
        told += [_line(title, self.outcomes[name], why) for name, title, why in _OUTCOMES]
        told.append(_line("Failed events", len(self.failed), "one is poisoned on purpose"))
        told += [_line("", None, f"{one['topic']}: {one['error']}") for one in self.failed]
        told.append(_line("", None, f"{self.base}/dashboard/events/failed"))
        told.append(_line("Unexpected", len(self.unexpected), "" if self.unexpected else "all as planned"))
        return told + [_line("", None, text) for text in self.unexpected]


def make(
    seed: int, base: str, planned: Sequence[Planned], answers: Sequence[Answer], events: Sequence[Event]
) -> Report:
    """Hold answers (one per planned delivery) and the events since then against the plan."""
    sent = list(zip(planned, answers, strict=True))
    poisoned = {answer.event_id for delivery, answer in sent if delivery.poison}
    failed = [event for event in events if event["state"] == "failed"]
    surprises = [*_wrong_answers(sent), *_wrong_ends(sent, events, poisoned)]
    return Report(
        seed=seed,
        base=base,
        answers=Counter(answer.verdict for answer in answers),
        outcomes=_outcomes(events),
        failed=[_failure(base, event) for event in failed],
        unexpected=surprises[:_MOST_TOLD],
    )


def _outcomes(events: Sequence[Event]) -> dict[str, int]:
    return {
        "subjects": sum(event["topic"] == "data_subjects.INSERT" for event in events),
        "activities": sum(_passed(event, "register", "registered") for event in events),
        "consents": sum(_passed(event, "consent", "synced") for event in events),
        "rights_requests": sum(event["topic"] == "rights_requests.INSERT" for event in events),
    }


def _passed(event: Event, step: str, outcome: str) -> bool:
    return any(entry.get("step") == step and entry.get("outcome") == outcome for entry in event["history"])


def _wrong_answers(sent: Sequence[tuple[Planned, Answer]]) -> Iterator[str]:
    wrong = Counter(
        f"{delivery.platform} {delivery.topic}: expected {delivery.expected}, got {answer.verdict}"
        for delivery, answer in sent
        if answer.verdict != delivery.expected
    )
    return (f"{count} × {text}" for text, count in wrong.items())


def _wrong_ends(
    sent: Sequence[tuple[Planned, Answer]], events: Sequence[Event], poisoned: set[str]
) -> Iterator[str]:
    """Accepted deliveries end done and poison fails; so do, or don't, the workflows that they start."""
    states = {event["id"]: event["state"] for event in events}
    stuck = Counter(
        f"{event['workflow']} at step {event['step']}: expected done, is {event['state']}"
        for event in events
        if event["id"] not in poisoned and event["state"] != "done"
    )
    yield from (f"{count} × {text}" for text, count in stuck.items())
    for delivery, answer in sent:
        if delivery.poison and states.get(answer.event_id) != "failed":
            yield f"the poisoned event {answer.event_id} did not fail"
        if answer.verdict == Expected.ACCEPTED and answer.event_id not in states:
            yield f"event {answer.event_id} was accepted and is nowhere"


def _failure(base: str, event: Event) -> dict[str, str]:
    return {
        "id": event["id"],
        "topic": f"{event['source']} {event['topic']}",
        "error": str(event["error"]),
        "url": f"{base}/dashboard/events/{event['id']}",
    }


def _line(what: str, count: int | None, note: str) -> dict[str, object]:
    return {"what": what, "count": "" if count is None else count, "note": note}
