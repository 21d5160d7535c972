"""What all rotations of a tenant's (or the installation's) key do to its versions."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Core
from ..identity import vault
from ..identity.keys import INSTALLATION
from ..ledger.log import Leaf
from ..services import acts
from ..store import models

Progress = Callable[[int], None]
"""Told the number of rows done since the last call."""

ROTATED = "key.rotated"
DESTROYED = "key.destroyed"


def begin(core: Core, owner_id: str, purpose: str) -> tuple[int, list[int]]:
    """``(newest, older)``: another version, unless a rotation was interrupted that this one goes on with."""
    core.keys.refresh()
    newest, *older = core.keys.versions(owner_id, purpose).active
    if older:
        return newest, older
    with core.store.transaction():
        if core.keys.store(owner_id, purpose, newest + 1, vault.new_key()):
            tell(core, owner_id, ROTATED, purpose, newest + 1)
    core.keys.refresh()
    newest, *older = core.keys.versions(owner_id, purpose).active
    return newest, older


def retire(core: Core, owner_id: str, purpose: str, versions: list[int]) -> None:
    """These versions make nothing new, and what they made is no longer looked for; inside a transaction."""
    row = models.WrappedKey
    row.update(retired_at=core.clock()).where(
        row.owner_id == owner_id, row.purpose == purpose, row.version.in_(versions), row.retired_at.is_null()
    ).execute()


def tell(core: Core, owner_id: str, kind: str, purpose: str, version: int) -> None:
    """A leaf in the owner's log: which key, and nothing of it."""
    body = {"actor": acts.SYSTEM, "purpose": purpose, "version": version}
    if owner_id == INSTALLATION:
        core.log.open_installation()
    core.log.append(owner_id, [Leaf(kind, body)])


def owners(tenant_id: str | None) -> list[str]:
    """One tenant, or every tenant and, last because it waits for all processes, the installation."""
    if tenant_id is not None:
        return [tenant_id]
    row = models.WrappedKey
    found = row.select(row.owner_id).distinct().order_by(row.owner_id.desc())
    return [str(one.owner_id) for one in found]
