"""Keeping the shred list whole where several machines share one database: each has a data directory of its own,
and whoever was erased through one of them must stand on the lists of all."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..core import Core
from ..shred_list import Shredded
from ..store import models

_SKEW = timedelta(hours=1)
"""By how much the clocks of machines may differ, and how long an erasure may take to commit."""


def list_erased(core: Core, since: datetime | None) -> datetime:
    """Put everybody on this machine's shred list whom any machine erased (after ``since``, where it was looked
    before); returns what to pass the next time."""
    row, now = models.Erasure, core.clock()
    query = row.select()
    if since is not None:
        query = query.where(row.erased_at >= since - _SKEW)
    if core.shred_list is not None:
        rows = query.iterator()
        core.shred_list.merge(Shredded(one.tenant_id, one.subject_id, one.erased_at) for one in rows)
    return now
