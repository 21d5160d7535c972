"""The demo itself: plan an hour, send it, wait until everything is processed, tell what became of it."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from ...config.console import Console
from ...config.settings import Settings
from ...engine.core import Core
from ...engine.services import acts, welcome
from ...engine.services.people import credentials
from ...engine.services.welcome import Door
from . import report, traffic
from .client import Answer, Client, Event, door_for
from .report import COLUMNS, Report
from .traffic import Expected, Planned

__all__ = ["COLUMNS", "Report", "Wish", "play"]

_GLANCE_S = 0.25
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # where to reach who listens there
_OVER = ("done", "failed", "discarded")


@dataclass(frozen=True, slots=True)
class Wish:
    """``rate`` in deliveries a second, 0 for no limit; ``timeout`` in seconds for the processing."""

    deliveries: int
    rate: float
    seed: int | None
    timeout: float


def play(core: Core, settings: Settings, wish: Wish, console: Console) -> Report:
    """Play an hour against the running server of the same installation.

    Raises NotFound without a demo tenant, Unavailable when no such server answers.
    """
    base = reachable(settings)
    tenant = welcome.demo_tenant()
    doors = welcome.doors_of(core, tenant.id, base)
    seed = secrets.randbelow(1_000_000) if wish.seed is None else wish.seed
    begin = (core.clock() - timedelta(hours=1)).replace(microsecond=0)
    planned = traffic.plan(wish.deliveries, seed, begin)
    with _client(core, tenant.id, base) as client:
        client.require_server()
        mark = client.newest()
        answers = _send(client, planned, doors, wish, console)
        accepted = {answer.event_id for answer in answers if answer.verdict == Expected.ACCEPTED}
        events = _settle(client, mark, accepted, wish, console)
    return report.make(seed, base, planned, answers, events)


def reachable(settings: Settings) -> str:
    """The server's address as a client on this machine can use it."""
    parts = urlsplit(settings.base_url)
    local = _EVERYWHERE.get(parts.hostname or "")
    return settings.base_url if local is None else f"{parts.scheme}://{local}:{settings.port}"


@contextmanager
def _client(core: Core, tenant_id: str, base: str) -> Iterator[Client]:
    """A client with an API key of its own, which is revoked afterwards."""
    row, key = credentials.create_key(core, tenant_id, "demo", ["read"], acts.SYSTEM)
    client = Client(base, key, core.clock)
    try:
        yield client
    finally:
        client.close()
        credentials.revoke(core, tenant_id, row.id, acts.SYSTEM)


def _send(
    client: Client, planned: Sequence[Planned], doors: dict[str, Door], wish: Wish, console: Console
) -> list[Answer]:
    answers, began = [], time.monotonic()
    with console.progress("Sending an hour of traffic", len(planned)) as advance:
        for number, delivery in enumerate(planned):
            if wish.rate:
                time.sleep(max(0.0, began + number / wish.rate - time.monotonic()))
            answers.append(client.deliver(delivery, door_for(doors, delivery.platform)))
            advance()
    return answers


def _settle(
    client: Client, mark: str | None, accepted: set[str], wish: Wish, console: Console
) -> list[Event]:
    """Wait until nothing that came after ``mark`` is under way, and return all of it."""
    deadline = time.monotonic() + wish.timeout
    with console.progress("Processing", len(accepted)) as advance:
        tell = _counter(advance)
        while True:
            waiting = client.unsettled()
            tell(len(accepted) - sum(event["id"] in accepted for event in waiting))
            if not waiting and (events := _all_over(client, mark)) is not None:
                return events
            if time.monotonic() > deadline:
                console.say(_under_way(waiting, wish.timeout))
                return client.since(mark)
            time.sleep(_GLANCE_S)


def _all_over(client: Client, mark: str | None) -> list[Event] | None:
    """Everything since ``mark`` if all of it has ended; None while an end may still start something new."""
    events = client.since(mark)
    newest = events[0]["id"] if events else mark
    ended = all(event["state"] in _OVER for event in events)
    return events if ended and client.newest() == newest else None


def _counter(advance: Callable[[], None]) -> Callable[[int], None]:
    shown = 0

    def tell(done: int) -> None:
        nonlocal shown
        while shown < done:
            advance()
            shown += 1

    return tell


def _under_way(waiting: Sequence[Event], timeout: float) -> str:
    places = Counter(f"{event['workflow']}.{event['step']} ({event['state']})" for event in waiting)
    told = ", ".join(f"{count} at {place}" for place, count in places.most_common(5))
    return f"After {timeout:g} s still under way: {told or 'nothing that can be seen'}."
