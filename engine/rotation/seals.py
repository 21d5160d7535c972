"""Rotating the key that seals: everything under an older version is sealed again under a new one."""

from __future__ import annotations

from ..core import Core
from ..identity.keys import INSTALLATION, SEAL
from . import sealed, versions
from .versions import Progress


def rotate_seal(core: Core, owner_id: str, progress: Progress = lambda _: None) -> dict[str, object]:
    """``{"owner", "version", "done": rows, "left": 0, "retired": [versions]}``. Interrupted, it goes on."""
    newest, older = versions.begin(core, owner_id, SEAL)
    done = sum(sealed.reseal(core, owner_id, place, newest, progress) for place in sealed.places(owner_id))
    with core.store.transaction():
        if owner_id == INSTALLATION:
            sealed.reseal_own_rows(core, newest)
        versions.retire(core, owner_id, SEAL, older)
    core.keys.refresh()
    return {"owner": owner_id, "version": newest, "done": done, "left": 0, "retired": older}
