"""What a step is: a decision, the rows it writes, and an outcome from the table in ``engine.machine``.

``apply`` runs inside the transaction that also moves the event and appends the audit leaf: whatever it writes
commits with the move or not at all. ``prepare`` runs before, outside any transaction, once per message: it is
the place for calls that may take long (the dx-agent). Steps that name the same ``prepare`` share what it made;
one that names another begins in a message of its own. A step raises PermanentError when trying again can't
help.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core import Core
from ..retry import RetryPolicy
from ..store import models


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended. ``leaf`` goes into its audit entry (ids and DIDs, no personal data); ``changes`` are
    columns of the event row set with the move; ``written`` is what the step wrote, as plain JSON values, to
    which the entry commits without saying it."""

    name: str
    leaf: Mapping[str, object] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)


Prepared = Mapping[str, Any]
Apply = Callable[[Core, models.Event, Prepared], Outcome]
Prepare = Callable[[Core, Sequence[models.Event], int | None], Prepared]
OnFailure = Callable[[Core, models.Event], None]


def nothing(core: Core, events: Sequence[models.Event], fence: int | None) -> Prepared:
    """What most steps prepare."""
    del core, events, fence
    return {}


def _no_trace(core: Core, event: models.Event) -> None:
    del core, event


@dataclass(frozen=True, slots=True)
class Step:
    """A step's functions; ``on_failure`` runs in the transaction that marks the event failed. ``policy`` is for
    a step that waits for others longer, or less long, than the installation does."""

    apply: Apply
    prepare: Prepare = nothing
    on_failure: OnFailure = _no_trace
    policy: RetryPolicy | None = None
