"""Which engines each process has. A forked child finds none: its parent's don't run in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..config.errors import StartError

if TYPE_CHECKING:
    from .runtime import Engine

_engines: dict[int, list[Engine]] = {}


def running() -> Engine | None:
    """The engine of this process, for an application that shares it: it runs, or waits for its database."""
    return next(reversed(_engines.get(os.getpid(), [])), None)


def enter(engine: Engine) -> None:
    """From now on this process has it. Raises StartError when it has one on another database: the models know
    only one."""
    beside = _engines.setdefault(os.getpid(), [])
    if any(other.settings.database != engine.settings.database for other in beside):
        raise StartError("an engine on another database runs in this process; there can be one per process")
    if engine not in beside:
        beside.append(engine)


def leave(engine: Engine) -> None:
    """It has stopped."""
    beside = _engines.get(os.getpid(), [])
    beside[:] = [other for other in beside if other is not engine]
