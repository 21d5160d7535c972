"""Packages that are over: by their time, because the person is forgotten, or is two people after all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..core import Core
from ..store import models

_PAGE = 100


def expire(core: Core) -> int:
    """Content and passphrase of packages whose time is over go; how many. For a periodic caller, who looks at
    everyone's."""
    row, total = models.Package, 0
    due = row.gone_at.is_null() & (row.expires_at <= core.clock())
    while True:
        ids = [one.id for one in row.select(row.id).where(due).order_by(row.expires_at).limit(_PAGE)]
        if not ids:
            return total
        with core.store.transaction():
            gone = row.update(content=None, passphrase_sealed=None, gone_at=core.clock())
            total += int(gone.where(row.id.in_(ids), row.gone_at.is_null()).execute())


def end_packages(core: Core, subject_id: str, since: datetime) -> int:
    """What was packed up about somebody since then can't be fetched any more; how many packages. Inside the
    transaction that takes a merge back: they hold what is another's."""
    row = models.Package
    gone = row.update(content=None, passphrase_sealed=None, gone_at=core.clock())
    made = (row.subject_id == subject_id) & (row.made_at >= since)
    return int(gone.where(made, row.gone_at.is_null()).execute())


def shred_packages(core: Core, subject_ids: Sequence[str]) -> int:
    """What was packed up about these people, and the digests of its files, by which somebody who knows the
    exact words could confirm them; how many packages. Inside the transaction that erases them."""
    row, request, now = models.Package, models.RightsRequest, core.clock()
    ids = list(subject_ids)
    theirs = row.subject_id.in_(ids) | row.request_id.in_(
        request.select(request.id).where(request.subject_id.in_(ids))
    )
    gone = row.update(content=None, passphrase_sealed=None, manifest={}, expires_at=now, gone_at=now)
    return int(gone.where(theirs).execute())
