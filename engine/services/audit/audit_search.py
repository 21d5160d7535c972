"""Looking through a log of any length: newest first, by kind, by whom, about what, and when.

The rule: no look reads more than a bounded stretch of the log. A leaf is one text, and who did something or
what it names is found in it by reading; so a search for those goes through ``STRETCH`` entries and says where
it stopped. Kinds other than the two that fill every log are in an index, and found wherever they are. Times
ascend with the entries: where a time begins is found by halving.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import peewee

from ...core import Core
from ...errors import Invalid
from ...store import models

STRETCH = 20_000
"""Entries that one look reads."""

COMMON = ("workflow.step", "activity.registered")
"""Kinds that most entries are of; the index on kinds (migration 8) leaves them out."""

ACTORS = ("user", "key", "workflow", "system", "agent", "auditor", "requester")
"""Whom an entry may name as its actor, before the colon."""

_KIND = re.compile(r"[a-z_]+\.[a-z_]+")
_ABOUT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|did:[a-z0-9]+:[0-9a-z:._-]+")
_MARGIN = timedelta(minutes=5)
"""Between the clocks of those who write an event's row and its entries."""
_SKEW = timedelta(seconds=5)
"""Between the clocks of those who write entries: so much earlier than the one before it may one be."""

INDEXED = peewee.SQL("kind <> 'workflow.step' AND kind <> 'activity.registered'")
"""A query about other kinds says this too: databases use a partial index where they see its very condition."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Entries that are looked for; None where it doesn't matter. ``until`` is the first moment that is too
    late."""

    kind: str | None = None
    actor: str | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Raises Invalid for what no entry can have."""
        if self.kind is not None and not _KIND.fullmatch(self.kind):
            raise Invalid("kind", "is not a kind of entry")
        if self.actor is not None and self.actor not in ACTORS:
            raise Invalid("actor", f"must be one of {', '.join(ACTORS)}")
        if self.about is not None and not _ABOUT.fullmatch(self.about):
            raise Invalid("about", "must be an id or a DID in full")


@dataclass(frozen=True, slots=True)
class Found:
    """``before`` is the index to go on from, None at the end of what there is; ``reached`` is the oldest index
    that was looked at where the look ended before the page was full."""

    entries: list[models.AuditEntry]
    before: int | None
    reached: int | None


def search(core: Core, tenant_id: str, wanted: Wanted, *, before: int | None, limit: int) -> Found:
    """Entries below ``before`` that fit, newest first."""
    size = int(core.log.head(tenant_id).size)
    first, last = _bounds(tenant_id, wanted, size)
    last = last if before is None else min(last, before)
    floor = max(first, _floor(tenant_id, wanted, last))
    entry = models.AuditEntry
    query = entry.select().where(
        entry.tenant_id == tenant_id, entry.seq >= floor, entry.seq < last, *_conditions(wanted)
    )
    rows = list(query.order_by(entry.seq.desc()).limit(limit + 1))
    if len(rows) > limit:
        return Found(rows[:limit], int(rows[limit - 1].seq), None)
    return Found(rows, floor if floor > first else None, floor if floor > first else None)


def kinds(tenant_id: str) -> list[str]:
    """The kinds that occur in a log, the common two among them in any case: one seek for each kind."""
    entry = models.AuditEntry
    here = (entry.tenant_id == tenant_id) & INDEXED
    least = entry.select(peewee.fn.MIN(entry.kind).alias("kind")).where(here)
    found, after = list[str](), ""
    while len(found) < 1000:
        after = least.where(entry.kind > after).scalar() or ""
        if not after:
            break
        found.append(after)
    return sorted({*found, *COMMON})


def _conditions(wanted: Wanted) -> Iterable[Any]:
    entry = models.AuditEntry
    if wanted.kind is not None:
        yield entry.kind == wanted.kind
        if wanted.kind not in COMMON:
            yield INDEXED
    if wanted.actor is not None:  # a leaf is canonical JSON: its members have one spelling
        alone = wanted.actor in ("system", "requester")
        yield entry.leaf.contains(f'"actor":"{wanted.actor}{chr(34) if alone else ":"}')
    if wanted.about is not None:
        yield entry.leaf.contains(f'{wanted.about}"')
    if wanted.since is not None:
        yield entry.recorded_at >= wanted.since
    if wanted.until is not None:
        yield entry.recorded_at < wanted.until


def _floor(tenant_id: str, wanted: Wanted, last: int) -> int:
    """The oldest index that this look goes down to."""
    read = wanted.actor is not None or wanted.about is not None
    if wanted.kind is None or wanted.kind in COMMON:
        return max(0, last - STRETCH) if read or wanted.kind is not None else 0
    if not read:
        return 0
    entry = models.AuditEntry
    same = entry.select(entry.seq).where(
        entry.tenant_id == tenant_id, entry.kind == wanted.kind, entry.seq < last, INDEXED
    )
    # Skips a fixed number of the index's own rows: where that many entries of the kind end.
    found = same.order_by(entry.seq.desc()).offset(STRETCH - 1).limit(1).first()
    return 0 if found is None else int(found.seq)


def _bounds(tenant_id: str, wanted: Wanted, size: int) -> tuple[int, int]:
    """The indexes between which entries of these times lie."""
    since, until = _lived(wanted.about)
    since = max(filter(None, (since, wanted.since)), default=None)
    until = min(filter(None, (until, wanted.until)), default=None)
    first = 0 if since is None else _begins(tenant_id, since, size, _SKEW)
    last = size if until is None else _begins(tenant_id, until, size, -_SKEW)
    return first, last


def _begins(tenant_id: str, moment: datetime, size: int, skew: timedelta) -> int:
    """The first index at or after a moment, were every entry so much later than it says."""
    entry = models.AuditEntry

    def at(seq: int) -> datetime:
        row = entry.select(entry.recorded_at).where(entry.tenant_id == tenant_id, entry.seq == seq)
        return cast(datetime, row.scalar()) + skew

    return bisect_left(range(size), moment, key=at)


def _lived(about: str | None) -> tuple[datetime | None, datetime | None]:
    """Between which times entries about this can have been written, where a row says so: what an event did
    stands in the log between its receipt and its last move; nothing is logged of a request before it came."""
    if about is None or about.startswith("did:"):
        activity = models.ProcessingActivity
        row = activity.get_or_none(activity.did == about) if about else None
        return (None if row is None else row.created_at - _MARGIN), None
    event = models.Event.get_or_none(models.Event.id == about)
    if event is not None:
        over = event.state in ("done", "discarded")
        return event.received_at - _MARGIN, event.updated_at + _MARGIN if over else None
    request = models.RightsRequest.get_or_none(models.RightsRequest.id == about)
    return (None if request is None else request.created_at - _MARGIN), None
