"""Rotating the root key: every key that it wraps is wrapped again under a new one."""

from __future__ import annotations

from ..core import Core
from ..identity.keys import FIRST_ROOT, INSTALLATION, SEAL, key_place
from ..identity.roots import RootRing
from ..ledger.log import Leaf
from ..services import acts
from ..store import models, quick
from .versions import Progress

PAGE = 256
ROTATED = "root_key.rotated"


def rotate_root(core: Core, progress: Progress = lambda _: None) -> dict[str, object]:
    """A new root key, or the rest of a rotation that was interrupted: ``{"owner", "version": id, "done": keys,
    "left": 0, "retired": [ids]}``. Raises Conflict where only the operator can bring one, and says how."""
    ring = core.keys.roots
    core.keys.versions(INSTALLATION, SEAL)  # an installation of before 0.2 makes its own from the root key
    ring.reload()
    if len(ring.ids) == 1:
        ring.source.add()
        ring.reload()
    newest = ring.ids[0]
    quick.insert(models.RootKeyRecord, {"id": newest, "created_at": core.clock()}, ignore=True)
    done = sum(iter(lambda: _page(core, ring, newest, progress), 0))
    older = ring.ids[1:]
    _retire(core, newest, done)
    ring.source.drop(older)
    ring.reload()
    return {"owner": "installation", "version": newest, "done": done, "left": 0, "retired": older}


def waiting(core: Core) -> int:
    """How many keys a rotation that was interrupted has still to wrap again; all of them before one."""
    ring, row = core.keys.roots, models.WrappedKey
    query = row.select() if len(ring.ids) == 1 else row.select().where(row.root_id != ring.ids[0])
    return int(query.count())


def _page(core: Core, ring: RootRing, newest: str, progress: Progress) -> int:
    """Some keys that older root keys wrap; 0 when there are none left."""
    done = core.store.in_one_go(lambda: _wrap_again(core, ring, newest))
    progress(done)
    return done


def _wrap_again(core: Core, ring: RootRing, newest: str) -> int:
    row = models.WrappedKey
    page = list(core.store.for_update(row.select().where(row.root_id != newest).limit(PAGE)))
    for one in page:
        place = key_place(one.owner_id, one.purpose, one.version)
        key = ring.unwrap(one.root_id, bytes(one.wrapped), place)
        by, wrapped = ring.wrap_under(newest, key, place)
        same = {"owner_id": one.owner_id, "purpose": one.purpose, "version": one.version}
        quick.update(row, same, {"root_id": by, "wrapped": wrapped})
    return len(page)


def _retire(core: Core, newest: str, done: int) -> None:
    row = models.RootKeyRecord
    with core.store.transaction():
        changed = row.update(retired_at=core.clock()).where(row.id != newest, row.retired_at.is_null())
        if changed.execute() or done:
            core.log.open_installation()
            core.log.append(INSTALLATION, [Leaf(ROTATED, {"actor": acts.SYSTEM, "root": newest})])
        # Databases of before 0.2 knew their root key by this mark; it is another one now.
        models.Installation.delete().where(models.Installation.name == FIRST_ROOT).execute()
