"""``backup`` and ``restore``: the data and what opens it, in two files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...config import options
from ...config.commands import Run
from ..backups import restoring, taking
from ..wiring import agent_core_for, core_for

MADE = {
    "data": "Data",
    "data_bytes": "Bytes",
    "keys": "Keys",
    "logs": "Logs",
    "seconds": "Seconds",
    "rate": "MB/s",
}
RESTORED = {
    "made_at": "Made",
    "schema": "Schema",
    "migrated": "Migrated",
    "logs": "Logs",
    "moved_aside": "The old one",
    "root_key_written": "Root key in",
    "erased_again": "Erased again",
}
_PIECE = 1 << 20


def backup(
    run: Run, to: options.BackupDir = None, keys_to: options.KeysDir = None, agent: options.OfAgent = False
) -> None:
    """Write the database, as it is at one moment, and its keys apart; also while dxflow runs."""
    settings = run.settings.for_agent() if agent else run.settings
    core = agent_core_for(settings) if agent else core_for(settings, migrate=False)
    place = (to or settings.data_dir / "backups").absolute()
    made = taking.take(core, place, keys_to and keys_to.absolute(), _in_pieces(run, "Backing up"))
    run.show(made.as_json(), MADE)
    if not run.as_json:
        _say_of_keys(run, made)


def restore(
    run: Run,
    data: Path,
    keys: options.KeyParts = None,
    published: options.Published = None,
    force: options.Replace = False,
    agent: options.OfAgent = False,
) -> None:
    """Put a backup back; nothing of this installation may run meanwhile."""
    settings = run.settings.for_agent() if agent else run.settings
    wish = restoring.Wish(data.absolute(), _absolute(keys), force, _absolute(published))
    found = restoring.restore(settings, wish, _in_pieces(run, "Restoring"))
    run.show(found.as_json(), RESTORED)
    if not run.as_json:
        if found.moved_aside:
            run.console.say(
                f"Delete {found.moved_aside} as soon as you don't need it: nobody is erased from it any more."
            )
        _say_of_logs(run, found.settled.epochs, found.settled.gone)


def _absolute(paths: list[Path] | None) -> list[Path]:
    return [path.absolute() for path in paths or ()]


def _in_pieces(run: Run, title: str) -> restoring.Progress:
    """A bar that counts megabytes."""
    tell = run.progress(title)
    return lambda done, total: tell(done // _PIECE, max(1, total // _PIECE))


def _say_of_keys(run: Run, made: taking.Made) -> None:
    if not made.root_keys:
        run.console.say(f"No root key is in {made.keys}: a key service keeps it.")
    elif not made.apart:
        run.console.say(
            f"Keep {made.keys} elsewhere (--keys-to DIR): whoever has both files reads everything, and a data "
            "part without any keys part opens nothing."
        )


def _say_of_logs(run: Run, epochs: list[dict[str, Any]], gone: list[str]) -> None:
    for one in epochs:
        run.console.say(
            f"The log {one['log']} came back without its {one['missing']:,} newest published entries (from "
            f"entry {one['first_missing']:,} on, after {one['since']:%Y-%m-%d %H:%M} UTC). It goes on as "
            f"{one['goes_on_as']}, and says so in its next entry."
        )
        if not one["verified"]:
            run.console.say("Its newest checkpoint was signed by a key that is younger than the backup.")
    for origin in gone:
        run.console.say(f"The log {origin} is younger than the backup: it is gone, with its data controller.")
