"""``audit rotate-key`` and ``audit retire-key``: the key that signs the logs changes while they are written."""

from __future__ import annotations

from ...config.commands import OPERATOR, Run, command
from ..core import Core
from ..services.audit import log_keys
from ..wiring import core_for
from .audit import commands

_ROTATED = {"added": "New key", "logs": "Logs"}
_RETIRED = {"retired": "Retired", "logs": "Logs"}


@command(commands, "rotate-key", takes=OPERATOR)
def rotate_key(run: Run) -> None:
    """Make a new log key beside the present one, and say so in every log. Interrupted, it goes on."""
    rotated(run, core_for(run.settings))


@command(commands, "retire-key", takes=OPERATOR)
def retire_key(run: Run) -> None:
    """The older log key signs no more; once outsiders have had time to learn the new one."""
    retired(run, core_for(run.settings))


def rotated(run: Run, core: Core) -> None:
    """Make a new key for the logs of this core, and show it."""
    run.show(log_keys.rotate(core, run.counter("Telling the logs", log_keys.log_count())), _ROTATED)


def retired(run: Run, core: Core) -> None:
    """End the older key of these logs, and show which that was."""
    run.show(log_keys.retire(core, run.counter("Telling the logs", log_keys.log_count())), _RETIRED)
