"""An event's way through its workflow, laid out for an inline SVG: the table of ``engine.machine`` as stations
and tracks. What it shows stands in words beneath it (``path``), so it is drawn for the eye alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ....engine import machine, moments
from ....engine.store import models
from .. import words

COLUMN, ROW = 148, 118
"""Units from one station to the next, across and down."""

_ABOVE, _ARCS, _BELOW = 20, 60, 92
_BEND, _HIGHEST = 14, 96
_LINE, _LINES = 17, 3
_RECEIVED = "received"
_STANDS: Mapping[str, tuple[str, str]] = {
    "received": ("live", "waits for a worker"),
    "running": ("live", "under way"),
    "retrying": ("warn", "waits to be tried again"),
    "failed": ("bad", ""),
    "discarded": ("quiet", "given up"),
}
"""How the station looks where an event stands, and what is written there."""


@dataclass(frozen=True, slots=True)
class Station:
    """``tone`` is good, bad, warn, live or quiet where the event was or is; ``ahead`` where it may come yet,
    ``closed`` where it won't. ``notes`` are times and attempts."""

    x: int
    y: int
    tone: str
    title: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """``tone`` is taken, ahead or closed; ``line`` an SVG path."""

    tone: str
    line: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Tracks first: stations cover their ends."""

    tracks: tuple[Track, ...]
    stations: tuple[Station, ...]
    width: int
    height: int


def of(event: models.Event) -> Drawing | None:
    """The drawing; None for a workflow or a step that this version of dxflow doesn't know."""
    table = machine.WORKFLOWS.get(event.workflow)
    if table is None or event.step not in (*table, machine.DONE):
        return None
    trail = _trail(event)
    ahead = set() if event.state in ("done", "discarded") else _reachable(table, event.step)
    tones = {name: _tone(event, name, trail, ahead) for name in (_RECEIVED, *table, machine.DONE)}
    pairs = {(_RECEIVED, machine.first_step(event.workflow)): None}
    pairs |= {(one, other): None for one, ways in table.items() for other in ways.values() if one != other}
    pairs |= dict.fromkeys(pairwise(trail))
    places = _places(table, tones, any_arc=_skips(table, pairs))
    tracks = [Track(_track(pair, trail, tones), _line(places[pair[0]], places[pair[1]])) for pair in pairs]
    stations = tuple(_station(event, name, places[name], tones[name]) for name in tones)
    width, height = max(x for x, _ in places.values()), max(y for _, y in places.values())
    order = sorted(tracks, key=lambda track: ("closed", "ahead", "taken").index(track.tone))
    return Drawing(tuple(order), stations, width + COLUMN // 2, height + _BELOW)


def _trail(event: models.Event) -> list[str]:
    """The stations where the event was, in order, up to where it stands; a step that repeats itself once."""
    left = [str(entry["step"]) for entry in event.history if "outcome" in entry]
    return list(dict.fromkeys([_RECEIVED, *left, event.step]))


def _reachable(table: Mapping[str, Mapping[str, str]], start: str) -> set[str]:
    found, frontier = set[str](), [start]
    while frontier:
        step = frontier.pop()
        if step not in found:
            found.add(step)
            frontier += table.get(step, {}).values()
    return found


def _tone(event: models.Event, name: str, trail: list[str], ahead: Iterable[str]) -> str:
    if name == event.step and event.state != "done":
        return _STANDS[event.state][0]
    if name in trail:
        return "good"
    return "ahead" if name in ahead else "closed"


def _depths(table: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """The column of each station: as far as its longest way from the beginning."""
    depths = dict.fromkeys(table, 1)
    for _ in table:  # as many rounds as there are steps settle the longest way
        for step, ways in table.items():
            for other in ways.values():
                if other != step and other != machine.DONE:
                    depths[other] = max(depths[other], depths[step] + 1)
    return {_RECEIVED: 0, **depths, machine.DONE: max(depths.values()) + 1}


def _skips(table: Mapping[str, Mapping[str, str]], pairs: Iterable[tuple[str, str]]) -> bool:
    depths = _depths(table)
    return any(depths[other] - depths[one] > 1 for one, other in pairs)


def _places(
    table: Mapping[str, Mapping[str, str]], tones: Mapping[str, str], *, any_arc: bool
) -> dict[str, tuple[int, int]]:
    """Where each station stands: what was taken on the first row, what won't be below."""
    depths, used, places = _depths(table), dict[int, int](), dict[str, tuple[int, int]]()
    for name in sorted(tones, key=lambda one: {"ahead": 1, "closed": 2}.get(tones[one], 0)):
        row = used.get(depths[name], 0)
        used[depths[name]] = row + 1
        places[name] = (depths[name] * COLUMN + COLUMN // 2, _ABOVE + (_ARCS if any_arc else 0) + row * ROW)
    return places


def _track(pair: tuple[str, str], trail: list[str], tones: Mapping[str, str]) -> str:
    if pair in pairwise(trail):
        return "taken"
    passed = tones[pair[0]] in ("good", "quiet", "closed")  # what was left by another way stays closed
    return "closed" if passed or tones[pair[1]] != "ahead" else "ahead"


def _line(one: tuple[int, int], other: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = one, other
    if to_x - x > COLUMN:  # over the stations in between
        over = min(y, to_y) - min(26 * ((to_x - x) // COLUMN), _HIGHEST)
        return f"M{x} {y}C{x + 48} {over} {to_x - 48} {over} {to_x} {to_y}"
    if y == to_y:
        return f"M{x} {y}H{to_x}"
    half, bend = (
        to_x - COLUMN // 2,
        _BEND if to_y > y else -_BEND,
    )  # between two columns, clear of what is written
    down = f"Q{half} {y} {half} {y + bend}V{to_y - bend}Q{half} {to_y} {half + _BEND} {to_y}"
    return f"M{x} {y}H{half - _BEND}{down}H{to_x}"


def _station(event: models.Event, name: str, place: tuple[int, int], tone: str) -> Station:
    titles = {_RECEIVED: "Received", machine.DONE: "Done"}
    title = textwrap.wrap(titles.get(name) or words.step(event.workflow, name), _LINE)[:_LINES]
    return Station(*place, tone, tuple(title), tuple(_notes(event, name, tone)))


def _notes(event: models.Event, name: str, tone: str) -> list[str]:
    if name == _RECEIVED:
        return [f"{event.received_at:%d %b %H:%M:%S}"]
    if name == machine.DONE:
        return [f"{event.updated_at:%H:%M:%S}"] if tone == "good" else []
    entries = [entry for entry in event.history if entry["step"] == name and "act" not in entry]
    notes = [f"{moments.from_text(entries[-1]['at']):%H:%M:%S}"] if entries else []
    failed = sum("error" in entry for entry in entries)
    if failed:
        notes.append(f"{failed} attempt{'' if failed == 1 else 's'} failed")
    if name == event.step and event.state != "failed":
        notes.append(_STANDS[event.state][1])
    return [*notes, "not taken"] if tone == "closed" and event.state != "discarded" else notes
