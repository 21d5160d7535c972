"""``audit watch``: a memory outside, for somebody else's machine."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

from ...config import options
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
    stop, alarmed, wait = threading.Event(), False, every
    while True:
        try:
            seen = watcher.look()
            wait = every
            if once or seen.grown != 0 or seen.adopted:
                run.show(_row(seen, cosigner.vkey), SEEN)
        except Alarm as alarm:
            alarmed = True
            run.console.say(f"ALARM {to_text(system_clock())} {url}: {alarm}")
        except Unavailable as fault:
            wait = min(max(wait, every) * 2, LONGEST_WAIT_S)
            run.console.say(f"{to_text(system_clock())} nothing seen: {fault}")
            if once:
                return 1
        if once or _interrupted(stop, wait):
            return int(alarmed)


def _interrupted(stop: threading.Event, seconds: float) -> bool:
    try:
        return stop.wait(seconds)
    except KeyboardInterrupt:
        return True


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
