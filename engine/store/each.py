"""One query about several people, each looked up by themselves.

Every query carries its tenant. For ``subject_id IN (…)`` beside it SQLite, which has no statistics here,
prefers an index on the tenant and reads all the tenant's rows; for ``subject_id = …`` it takes the one on the
person. So several people are asked about as a UNION of single ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any


def of_each(ids: Iterable[str], one: Callable[[str], Any]) -> Any:
    """The rows that ``one`` selects for each id, which must differ; to be ordered and limited by the caller, by
    names of columns (``peewee.SQL``). ``ids`` must not be empty."""
    return reduce(lambda several, another: several.union_all(another), map(one, ids))
