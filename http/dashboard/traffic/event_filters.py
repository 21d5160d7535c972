"""What the address of the list of events asks for: read, checked, and said in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from ....engine import machine, moments
from ....engine.errors import Invalid
from ....engine.identity import did
from ....engine.services.traffic.event_search import SOURCES, Filters
from ....engine.services.traffic.events import STATES
from .. import words

FIELDS = ("state", "source", "connector", "topic", "workflow", "step", "error", "from", "to", "q")
"""The filters, by the names that they have in the address."""

_LONGEST = 500
_LABELS: Mapping[str, str] = {
    "state": "State",
    "source": "Source",
    "connector": "Connector",
    "topic": "Topic",
    "workflow": "Workflow",
    "step": "Step",
    "error": "Error",
    "from": "Received from",
    "to": "Received before",
    "q": "Contains",
}
_GOING: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in FIELDS},
    "workflow": ("workflow", "step"),
}
"""What goes with a filter that is taken off: a step is one of a workflow."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force: what it says, and the address of the list without it."""

    label: str
    text: str
    without: str


@dataclass(frozen=True, slots=True)
class Asked:
    """``given`` is what the address says, by field; ``wrong`` what of it can't be used, and why. ``before`` is
    a page's mark."""

    filters: Filters
    given: Mapping[str, str]
    wrong: Mapping[str, str]
    before: int | None

    def query(self, **changes: object) -> str:
        """The query of this list with other values in it; None takes one out. Begins with ``?`` or is empty."""
        merged = {**self.given, **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        return f"?{urlencode(kept)}" if kept else ""

    def chips(self, connectors: Mapping[str, str]) -> list[Chip]:
        """The filters in force, with connectors by their name."""
        return [
            Chip(_LABELS[name], self._said(name, connectors), self.query(**dict.fromkeys(_GOING[name])))
            for name in FIELDS
            if name in self.given
        ]

    def _said(self, name: str, connectors: Mapping[str, str]) -> str:
        text = self.given[name]
        if name in self.wrong:
            return text
        if name == "step":
            return words.step(self.given["workflow"], text)
        if name in ("from", "to"):
            return text if text.endswith("Z") else f"{text.replace('T', ' ')} UTC"
        said = {"source": words.source(text), "workflow": words.plain(text)}
        return said.get(name) or connectors.get(text, text)


def read(query: Mapping[str, str], connectors: Mapping[str, str]) -> Asked:
    """What was asked for; ``connectors`` are those there are, id → name."""
    given = {name: text for name in FIELDS if (text := query.get(name, "").strip())}
    found: dict[str, object] = {}
    wrong: dict[str, str] = {}
    for name, text in given.items():
        try:
            found[name] = _READERS[name](text, given, connectors)
        except ValueError as error:
            wrong[name] = str(error)
    since, until = found.get("from"), found.get("to")
    if isinstance(since, datetime) and isinstance(until, datetime) and until <= since:
        wrong["to"] = "This is not after the beginning."
    renamed = {"connector": "connector_id", "from": "since", "to": "until"}
    values = {renamed.get(name, name): value for name, value in found.items()}
    return Asked(Filters(**values), given, wrong, whole(query.get("before")))  # type: ignore[arg-type]  # read above


def moment(text: str) -> datetime:
    """A time as a browser's field, a person or a program writes it; UTC unless it says otherwise. Raises
    ValueError."""
    try:
        return moments.from_text(text)
    except ValueError:
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            raise ValueError("This is not a time. Write it like 2026-11-30T14:05, in UTC.") from None


def whole(text: str | None) -> int | None:
    """A page mark from the address; anything that isn't one means the first page."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else None


def _one_of(what: str, allowed: tuple[str, ...]) -> _Reader:
    def read_it(text: str, *_: object) -> str:
        if text not in allowed:
            raise ValueError(f"There is no {what} “{text[:40]}”. There are {', '.join(allowed)}.")
        return text

    return read_it


def _connector(text: str, _: object, connectors: Mapping[str, str]) -> str:
    try:
        wanted = did.canonical(text)
    except Invalid:
        wanted = ""
    if wanted not in connectors:
        raise ValueError("There is no such connector here. Choose one from the list.")
    return wanted


def _step(text: str, given: Mapping[str, str], _: object) -> object:
    steps = machine.WORKFLOWS.get(given.get("workflow", ""))
    if steps is None:
        raise ValueError("A step is one of a workflow: choose the workflow too.")
    return _one_of("step", (*steps, machine.DONE))(text, given, {})


def _words(text: str, *_: object) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"This must be {_LONGEST} characters at most, on one line.")
    return text


def _error(text: str, *_: object) -> str:
    """An error as it stands in the event, whatever signs are in it; NUL is none that a database could hold."""
    if len(text) > _LONGEST or "\0" in text:
        raise ValueError(f"This must be {_LONGEST} characters at most.")
    return text


def _until(text: str, *_: object) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) + timedelta(days=1)
    except ValueError:
        return moment(text)


_Reader = Callable[[str, Mapping[str, str], Mapping[str, str]], object]
_READERS: Mapping[str, _Reader] = {
    "state": _one_of("state", STATES),
    "source": _one_of("source", SOURCES),
    "connector": _connector,
    "topic": _words,
    "workflow": _one_of("workflow", tuple(machine.WORKFLOWS)),
    "step": _step,
    "error": _error,
    "from": lambda text, *_: moment(text),
    "to": _until,
    "q": _words,
}
