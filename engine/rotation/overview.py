"""What keys there are, how old they are, and what still waits for a rotation to go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..core import Core
from ..identity.keys import INSTALLATION, LINK, SEAL
from ..services import tenants
from ..store import models
from . import roots, sealed

Row = dict[str, object]

NAMES = {SEAL: "tenant", LINK: "link"}
"""What a key is called on the command line."""


@dataclass(frozen=True, slots=True)
class Overview:
    """``root``: ``{"id", "kept_in", "rotating"}``; ``keys``: ``{"owner", "key", "version", "made_at",
    "rotating", "retired": [versions]}`` of each."""

    root: Row
    keys: list[Row]

    def as_json(self) -> Row:
        """One document."""
        return asdict(self)

    def root_row(self) -> Row:
        """The root key in the columns of the others."""
        row = {"owner": f"kept in {self.root['kept_in']}", "key": "root", "version": self.root["id"]}
        return row | {"made_at": None, "rotating": self.root["rotating"], "retired": []}


def overview(core: Core, tenant_id: str | None = None) -> Overview:
    """The keys of one tenant, or of all and the installation."""
    ring, grouped = core.keys.roots, defaultdict[tuple[str, str], list[models.WrappedKey]](list)
    row = models.WrappedKey
    query = row.select() if tenant_id is None else row.select().where(row.owner_id == tenant_id)
    for one in query.order_by(row.owner_id, row.purpose.desc(), row.version.desc()):
        grouped[one.owner_id, one.purpose].append(one)
    rotating = row.select().where(row.root_id != ring.ids[0]).exists()
    root: Row = {"id": ring.ids[0], "kept_in": ring.source.name, "rotating": rotating or len(ring.ids) > 1}
    named = tenants.names()
    keys = [
        _one(named.get(owner, "installation"), purpose, found) for (owner, purpose), found in grouped.items()
    ]
    return Overview(root, keys)


def root_work(core: Core) -> int:
    """How many keys a rotation of the root key has to go through."""
    return roots.waiting(core)


def work(core: Core, key: str, owners: Sequence[str]) -> int:
    """How many rows a rotation of these owners' tenant or link keys has to go through, about."""
    if key == NAMES[LINK]:
        link, user = models.DataSubjectLink, models.User
        mine = int(link.select().where(link.tenant_id.in_(list(owners))).count())
        return mine + (int(user.select().count()) if INSTALLATION in owners else 0)
    return sum(_rows(core, owner) for owner in owners)


def _rows(core: Core, owner_id: str) -> int:
    active = core.keys.versions(owner_id, SEAL).active
    return sealed.remaining(owner_id, active[0] if len(active) > 1 else active[0] + 1)


def _one(owner: str, purpose: str, found: list[models.WrappedKey]) -> Row:
    active = [one for one in found if one.retired_at is None]
    return {
        "owner": owner,
        "key": NAMES[purpose],
        "version": active[0].version,
        "made_at": active[0].created_at,
        "rotating": len(active) > 1,
        "retired": [one.version for one in found if one.retired_at is not None],
    }
