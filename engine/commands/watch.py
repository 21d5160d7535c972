"""``audit watch``: a memory outside, for somebody else's machine."""

from __future__ import annotations

import os
import socket
from enum import Enum
from pathlib import Path

from ...config import options, stopping
from ...config.commands import OPERATOR, Run, command
from ..errors import Unavailable
from ..moments import system_clock, to_text
from ..watching import Alarm, RemoteLog, Seen, State, Watcher
from .audit import commands

SEEN = {
    "at": "Seen",
    "origin": "Log",
    "size": "Entries",
    "grown": "New",
    "adopted": "New keys",
    "trusted": "Trusted because first seen",
    "witness": "Cosigned by",
}
LONGEST_WAIT_S = 3600.0


@command(commands, "watch", takes=OPERATOR)
def audit_watch(
    run: Run,
    url: str,
    key: options.Keys = None,
    state: options.StateDir = None,
    every: options.Every = 60,
    once: options.Once = False,
    token_file: options.TokenFile = None,
    name: options.WitnessName = None,
) -> int:
    """Remember a log's checkpoints, demand that each extends the last, and cosign it. Needs no installation."""
    kept = State(state or _state_home())
    headers = {"Authorization": f"Bearer {token_file.read_text().strip()}"} if token_file else {}
    cosigner = kept.cosigner(name or f"{socket.gethostname()}/dxflow-watch")
    watcher = Watcher(RemoteLog(url.rstrip("/"), headers), kept, cosigner, system_clock, key or ())
    if once:
        return _look(run, watcher, cosigner.vkey, once=True).code
    with stopping.signals() as told:
        return _watch(run, watcher, cosigner.vkey, every, told)


def _watch(run: Run, watcher: Watcher, witness: str, every: float, told: stopping.Told) -> int:
    """Look again and again until somebody asks to stop; 1 where there was an alarm."""
    alarmed, wait = False, every
    while True:
        outcome = _look(run, watcher, witness)
        alarmed = alarmed or outcome is Outcome.ALARM
        wait = min(wait * 2, LONGEST_WAIT_S) if outcome is Outcome.NOTHING else every
        if told(wait):
            return int(alarmed)


class Outcome(Enum):
    """Of one look."""

    HOLDS, ALARM, NOTHING = "holds", "alarm", "nothing"

    @property
    def code(self) -> int:
        """The exit code of a program that looked once."""
        return int(self is not Outcome.HOLDS)


def _look(run: Run, watcher: Watcher, witness: str, once: bool = False) -> Outcome:
    """Look, and say what is new; whoever looks only once hears of it in any case."""
    try:
        seen = watcher.look()
    except Alarm as alarm:
        run.console.say(f"ALARM {to_text(system_clock())} {watcher.log.url}: {alarm}")
        return Outcome.ALARM
    except Unavailable as fault:
        run.console.say(f"{to_text(system_clock())} nothing seen: {fault}")
        return Outcome.NOTHING
    if once or seen.grown != 0 or seen.adopted:
        run.show(_row(seen, witness), SEEN)
    return Outcome.HOLDS


def _row(seen: Seen, witness: str) -> dict[str, object]:
    return {
        "at": system_clock(),
        "origin": seen.origin,
        "size": seen.size,
        "root": seen.root,
        "grown": "first look" if seen.grown is None else seen.grown,
        "adopted": seen.adopted,
        "trusted": seen.trusted,
        "checkpoint": seen.checkpoint,
        "witness": witness,
    }


def _state_home() -> Path:
    """Where programs of a user keep what they must remember (XDG Base Directory)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "dxflow-watch"
