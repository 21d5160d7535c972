"""``keyring``: the keys that everything is sealed and linked under, and their rotation."""

from __future__ import annotations

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from .. import rotation
from ..rotation import versions
from ..services import tenants
from .owner import one_or_all

commands = group("keyring", "The keys that everything is sealed and linked under.")

_SHOWN = {
    "owner": "Whose",
    "key": "Key",
    "version": "Version",
    "made_at": "Made",
    "rotating": "Being rotated",
    "retired": "Retired",
}
_ROTATED = {"owner": "Whose", "key": "Key", "version": "Version", "done": "Done again", "left": "Left"}


@command(commands, "show", takes=OPERATOR, tenant=True)
def keyring_show(run: Run) -> None:
    """Every key, its version, and what a rotation left undone; never a key itself."""
    core, owner = one_or_all(run)
    found = rotation.overview(core, owner)
    if run.as_json:
        run.show(found.as_json(), {})
    else:
        run.show([found.root_row(), *found.keys], _SHOWN)


@command(commands, "rotate", takes=OPERATOR, tenant=True)
def keyring_rotate(run: Run, key: options.KeyKind) -> int:
    """Make a new root, tenant or link key and bring everything under it, while all runs.

    Interrupted, it goes on. Without --tenant the keys of all tenants and of the installation. Exit code 1 while
    links are left that only the older key knows.
    """
    core, owner = one_or_all(run)
    if key == "root":
        done = [rotation.rotate_root(core, run.counter("Wrapping keys", rotation.root_work(core)))]
    else:
        rotate = rotation.rotate_seal if key == "tenant" else rotation.rotate_links
        named = tenants.names()
        owners = versions.owners(owner)
        counter = run.counter("Rotating", rotation.work(core, key, owners))
        done = [rotate(core, one, counter) for one in owners]
        done = [row | {"owner": named.get(str(row["owner"]), "installation")} for row in done]
    run.show([row | {"key": key} for row in done], _ROTATED)
    return 1 if any(row["left"] for row in done) else 0
