"""The append-only log of one tenant: append, and read what was appended.

The order of writes is the safety argument. Inside one database transaction, under a lock on the head row:
leaves first, then the tiles that cover them, then the head (size, root, signed checkpoint), moved by a
compare-and-set on the size and, where a lock holder appends, on its fence. Nobody sees a checkpoint whose
leaves aren't committed; nobody who outlived a lock moves the head; and two writers can't both have index n,
because (tenant, seq) is the primary key.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .. import moments
from ..errors import LogBroken, NotFound, StaleFence
from ..identity.keys import INSTALLATION
from ..moments import Clock
from ..store import Store, models, quick
from . import leaves, merkle, tiles

# Stands where a tenant's id does, for the log whose leaves commit to the checkpoints of all tenants.
__all__ = ["INSTALLATION", "Appended", "Leaf", "StoredTiles", "TenantLog"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is to be logged. ``body`` goes into the leaf as it is (no personal data), but for members so long
    that their hash stands there (``leaves.bounded``). ``payload`` doesn't: the leaf carries a commitment to it
    under a fresh salt, which is kept apart and can be erased: with any of the data subjects it concerns. Where
    one of them is erased already, the salt isn't kept at all."""

    kind: str
    body: Mapping[str, object]
    payload: Mapping[str, object] | None = None
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """The index of the first leaf of a batch and the size of the tree after it."""

    first: int
    size: int


@dataclass(frozen=True, slots=True)
class StoredTiles:
    """Reads one tenant's tiles from the store (``tiles.TileReader``)."""

    tenant_id: str

    def read(self, level: int, index: int) -> bytes:
        """Concatenated hashes of a tile. Raises LogBroken for one that should be there and isn't."""
        row = quick.get(models.AuditTile, tenant_id=self.tenant_id, level=level, idx=index)
        if row is None:
            raise LogBroken(f"tile {level}/{index} of tenant {self.tenant_id} is missing")
        return bytes(row.hashes)


@dataclass(frozen=True, slots=True)
class TenantLog:
    """All logs of one installation: one per tenant, and the one that speaks of them all (``INSTALLATION``).
    ``sign`` makes the signed checkpoint of (origin, size, root)."""

    store: Store
    clock: Clock
    sign: Callable[[str, int, bytes], str]
    host: str
    random: Callable[[int], bytes] = secrets.token_bytes

    def open(self, tenant_id: str, did: str) -> None:
        """Start a tenant's log at size 0, inside the transaction that makes the tenant."""
        self._open(tenant_id, f"{self.host}/log/{did}")

    def open_installation(self) -> None:
        """Start the installation's own log unless it is there, and lock it; inside a transaction."""
        if quick.lock(models.AuditHead, tenant_id=INSTALLATION) is None:
            self._open(INSTALLATION, f"{self.host}/log", unless_there=True)
            quick.lock(models.AuditHead, tenant_id=INSTALLATION)

    def _open(self, tenant_id: str, origin: str, *, unless_there: bool = False) -> None:
        row = {
            "tenant_id": tenant_id,
            "origin": origin,
            "size": 0,
            "root": merkle.EMPTY_ROOT.hex(),
            "frontier": merkle.Frontier().to_bytes(),
            "fence": 0,
            "checkpoint": self.sign(origin, 0, merkle.EMPTY_ROOT),
            "updated_at": self.clock(),
            "covered_size": 0,
        }
        quick.insert(models.AuditHead, row, ignore=unless_there)

    def fence(self, tenant_id: str) -> int:
        """A fencing token: larger than every one handed out before for this tenant."""
        with self.store.transaction():
            fence = int(self._head(tenant_id).fence) + 1
            quick.update(models.AuditHead, {"tenant_id": tenant_id}, {"fence": fence})
            return fence

    def hold(self, tenant_id: str, fence: int) -> models.AuditHead:
        """The head as it stays until the caller's transaction ends. Raises StaleFence unless ``fence`` is the
        newest that was handed out."""
        head = self._head(tenant_id)
        if head.fence != fence:
            raise StaleFence(f"fence {fence} is stale: {head.fence} was handed out since")
        return head

    def admit(self, tenant_id: str, fence: int) -> bool:
        """Take a fencing token that somebody else handed out, inside the caller's transaction: it is the newest
        from now on. False for one that is older than the newest."""
        head = self._head(tenant_id)
        if fence > head.fence:
            quick.update(models.AuditHead, {"tenant_id": tenant_id}, {"fence": fence})
        return bool(fence >= head.fence)

    def append(self, tenant_id: str, batch: Sequence[Leaf], fence: int | None = None) -> Appended:
        """Append a batch inside the caller's transaction. Raises StaleFence when ``fence`` isn't the newest."""
        head = self._head(tenant_id) if fence is None else self.hold(tenant_id, fence)
        now = moments.to_text(self.clock())
        written, salts = self._encode(head, batch, now)
        entries = [
            (tenant_id, seq, leaf.kind, data.decode(), now)
            for seq, (leaf, data) in enumerate(zip(batch, written, strict=True), head.size)
        ]
        quick.insert_rows(models.AuditEntry, ("tenant_id", "seq", "kind", "leaf", "recorded_at"), entries)
        concerned = _concerned(tenant_id, batch, head.size)
        if concerned:  # whoever erases holds the head meanwhile, so nobody's erasure is overlooked
            erased = quick.by_ids(models.Erasure, (subject for subject, *_ in concerned), key="subject_id")
            closed = {seq for subject, _, seq in concerned if subject in erased}
            salts = [row for row in salts if row[1] not in closed]
            concerned = [row for row in concerned if row[2] not in closed]
        quick.insert_rows(models.AuditSalt, ("tenant_id", "seq", "salt"), salts)
        quick.insert_rows(models.AuditSaltSubject, ("subject_id", "tenant_id", "seq"), concerned)
        self._advance(head, [merkle.leaf_hash(data) for data in written], fence)
        return Appended(head.size, head.size + len(written))

    def head(self, tenant_id: str) -> models.AuditHead:
        """Size, root and signed checkpoint as committed. Raises NotFound for a tenant without a log."""
        head = models.AuditHead.get_or_none(tenant_id=tenant_id)
        if head is None:
            raise NotFound("this tenant has no log")
        return head

    def entry(self, tenant_id: str, index: int) -> models.AuditEntry:
        """One leaf. Raises NotFound beyond the end."""
        entry = models.AuditEntry.get_or_none(tenant_id=tenant_id, seq=index)
        if entry is None:
            raise NotFound(f"the log has no entry {index}")
        return entry

    def inclusion(self, tenant_id: str, index: int, size: int) -> list[bytes]:
        """Proof that leaf ``index`` is in the tree of ``size`` leaves (RFC 9162 section 2.1.3)."""
        return tiles.inclusion_proof(StoredTiles(tenant_id), index, size)

    def consistency(self, tenant_id: str, old: int, new: int) -> list[bytes]:
        """Proof that the tree of ``new`` leaves extends the one of ``old`` (RFC 9162 section 2.1.4)."""
        return tiles.consistency_proof(StoredTiles(tenant_id), old, new)

    def _head(self, tenant_id: str) -> models.AuditHead:
        head = quick.lock(models.AuditHead, tenant_id=tenant_id)
        if head is None:
            raise LogBroken(f"tenant {tenant_id} has no log head")
        return head

    def _encode(
        self, head: models.AuditHead, batch: Sequence[Leaf], now: str
    ) -> tuple[list[bytes], list[tuple[str, int, bytes]]]:
        """The leaves' canonical bytes, and (tenant, index, salt) of each that commits to something."""
        written, salts = list[bytes](), list[tuple[str, int, bytes]]()
        random = self.random(leaves.SALT_BYTES * len(batch))
        for number, leaf in enumerate(batch):
            seq = head.size + number
            content = {"v": leaves.LEAF_VERSION, "seq": seq, "ts": now, "kind": leaf.kind, **leaf.body}
            if leaf.payload is not None:
                salt = random[leaves.SALT_BYTES * number : leaves.SALT_BYTES * (number + 1)]
                salts.append((head.tenant_id, seq, salt))
                content["commitment"] = leaves.commit(salt, leaf.payload)
            written.append(leaves.encode_bounded(content))
        return written, salts

    def _advance(self, head: models.AuditHead, hashes: Sequence[bytes], fence: int | None) -> None:
        tree = merkle.Frontier.from_bytes(bytes(head.frontier))
        if tree.size != head.size:
            raise LogBroken(f"the head counts {head.size} entries, its frontier {tree.size}")
        for (level, index), content in tiles.extend(StoredTiles(head.tenant_id), tree, hashes).items():
            self._put_tile(head.tenant_id, level, index, content)
        root = tree.root()
        stands = {
            "tenant_id": head.tenant_id,
            "size": head.size,
            "fence": head.fence if fence is None else fence,
        }
        changes = {
            "size": tree.size,
            "root": root.hex(),
            "frontier": tree.to_bytes(),
            "checkpoint": self.sign(head.origin, tree.size, root),
            "updated_at": self.clock(),
        }
        if quick.update(models.AuditHead, stands, changes) != 1:
            raise StaleFence(f"the log moved on from size {head.size} while this batch was prepared")

    def _put_tile(self, tenant_id: str, level: int, index: int, content: bytes) -> None:
        row = {"tenant_id": tenant_id, "level": level, "idx": index, "hashes": content}
        quick.put(models.AuditTile, row, "tenant_id", "level", "idx")


def _concerned(tenant_id: str, batch: Sequence[Leaf], first: int) -> list[tuple[str, str, int]]:
    """(subject, tenant, index) of each leaf that commits to something about somebody."""
    return [
        (subject, tenant_id, seq)
        for seq, leaf in enumerate(batch, first)
        if leaf.payload is not None
        for subject in leaf.subjects
    ]
