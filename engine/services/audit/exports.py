"""Bundles for auditors: one file with which somebody else, elsewhere, checks a whole log (docs/bundle.md).

A ZIP archive whose comment, a signed note over every byte before it, seals it: no bit of the file is without
somebody's word. It is written as it is read, so a log of any size fits in memory, and shows one committed head.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ... import moments
from ...core import Core
from ...errors import Conflict
from ...identity import did
from ...ledger import epochs
from ...ledger.proofs import Proof
from ...ledger.tiles import TILE_WIDTH, tile_path
from ...lookups import identifier, there
from ...store import models
from . import anchored, covering, log_keys, log_reads

FORMAT = "dxflow-audit-bundle"
SAMPLE = 100
"""Earlier checkpoints in a bundle, beside those that show a rotation of keys."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
COMMENT_LENGTH = 2
"""Bytes at the very end of an archive without a comment, that say how long one is."""
_BLOCK = 1 << 20
_MISSING = "no registered activity has this id or DID"

Progress = Callable[[int], None]
"""Told the number of entries written since the last call."""


@dataclass(slots=True)
class Writer:
    """Members and what the manifest says of them."""

    archive: zipfile.ZipFile
    members: dict[str, dict[str, object]] = field(default_factory=dict)

    def put(self, name: str, parts: Iterator[bytes] | Sequence[bytes]) -> Iterator[int]:
        """Write one member; yields after each part, 0 entries further."""
        digest, size, info = hashlib.sha256(), 0, zipfile.ZipInfo(name, _EPOCH)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        with self.archive.open(info, "w", force_zip64=True) as member:
            for part in parts:
                digest.update(part)
                size += len(part)
                member.write(part)
                yield 0
        self.members[name] = {"sha256": digest.hexdigest(), "bytes": size}


def export(
    core: Core, tenant_id: str, path: Path, *, replace: bool = False, progress: Progress = lambda _: None
) -> dict[str, object]:
    """Write the bundle of a tenant's log: ``{"path", "did", "origin", "size", "root", "bytes"}``.

    Raises Conflict for a file that is there, unless ``replace``; a bundle that wasn't finished leaves nothing.
    """
    if path.exists() and not replace:
        raise Conflict(f"{path} is there already; give another name, or --force to replace it")
    begun = begin(core, tenant_id)
    tenant, head, _ = begun
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w", compresslevel=1) as archive:
            for written in write(Writer(archive), core, begun):
                if written:
                    progress(written)
        _seal(core, head.origin, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    found = {
        "path": str(path),
        "did": tenant.did,
        "origin": head.origin,
        "size": head.size,
        "root": head.root,
    }
    return {**found, "bytes": path.stat().st_size}


def activity_proof(core: Core, tenant_id: str, name: str) -> str:
    """The C2SP tlog-proof of one registered activity, named by its id or DID. Raises NotFound."""
    row = registration(core, tenant_id, name)
    if row.origin:
        return str(row.proof)
    return entry_proof(core, tenant_id, int(row.log_index))


def entry_proof(core: Core, tenant_id: str, index: int) -> str:
    """The C2SP tlog-proof of one entry of a tenant's own log. Raises NotFound."""
    leaf, head = core.log.entry(tenant_id, index).leaf, core.log.head(tenant_id)
    return Proof(
        leaf.encode(), index, tuple(core.log.inclusion(tenant_id, index, head.size)), head.checkpoint
    ).text()


def keys_of(core: Core, tenant_id: str, origin: str, *, own: bool) -> list[str]:
    """The verifier keys of the log in which an activity is registered: this installation's, or an agent's."""
    if own:
        return core.signing.vkeys(origin)
    row = models.AgentCheckpoint.get_or_none(tenant_id=tenant_id, origin=origin)
    return [] if row is None else [str(vkey) for vkey in row.vkeys]


def write_proof(
    core: Core, tenant_id: str, row: models.Registration, path: Path | None, *, replace: bool = False
) -> Path:
    """Write the proof of one activity; where to. Raises Conflict for a file that is there."""
    file = path or Path(f"{row.did.rpartition(':')[2][:16]}.tlog-proof")
    if file.exists() and not replace:
        raise Conflict(f"{file} is there already; give another name, or --force to replace it")
    file.write_text(activity_proof(core, tenant_id, row.activity_id), encoding="utf-8")
    return file


def default_path(core: Core, tenant_id: str) -> Path:
    """``dxflow-audit-<beginning of the DID>-<entries>.zip`` in the working directory."""
    name = str(models.DataController.get_by_id(tenant_id).did).rpartition(":")[2]
    return Path(f"dxflow-audit-{name[:12]}-{core.log.head(tenant_id).size}.zip")


def registration(core: Core, tenant_id: str, name: str) -> models.Registration:
    """The receipt of an activity, named by its id or DID. Raises NotFound."""
    text, receipt = name.strip().lower(), models.Registration
    is_did = did.is_ours(text, core.did_method)
    where = receipt.did == text if is_did else receipt.activity_id == identifier(text, _MISSING)
    row = receipt.select().where(where, receipt.tenant_id == tenant_id).first()
    found: models.Registration = there(row, _MISSING)
    return found


class Begun(NamedTuple):
    """What a bundle shows: whose log, as it stood at one moment, and how the installation's covers it."""

    tenant: models.DataController
    head: models.AuditHead
    covered: covering.Covered | None


def begin(core: Core, tenant_id: str) -> Begun:
    """Cover the log once more, and take it as it stands."""
    tenant = models.DataController.get_by_id(tenant_id)
    covering.cover(core, tenant_id)
    # Before the head: it must not speak of more than the bundle has.
    covered = covering.newest(core, tenant_id)
    return Begun(tenant, core.log.head(tenant_id), covered)


def write(writer: Writer, core: Core, begun: Begun) -> Iterator[int]:
    """All members; yields often, the number of entries written since."""
    tenant, head, covered = begun
    keys = log_reads.keys(core, tenant.id, head.origin) | {
        "agents": _agents(tenant.id),
        "epochs": [epochs.body(row) for row in epochs.rows(tenant.id) if row.seq < head.size],
    }
    yield from writer.put("checkpoint", [head.checkpoint.encode()])
    yield from writer.put("keys.json", [_json(keys)])
    yield from writer.put("installation.json", [_json(None if covered is None else _installation(covered))])
    yield from writer.put("anchor.json", [_json(anchored.evidence(core, tenant.id))])
    yield from writer.put("checkpoints.jsonl", _checkpoints(core, head))
    yield from writer.put("receipts.jsonl", _receipts(tenant.id, head.size))
    for first in range(0, head.size, TILE_WIDTH):
        width = min(TILE_WIDTH, head.size - first)
        name = tile_path(0, first // TILE_WIDTH, width).replace("tile/0/", "tile/entries/", 1)
        yield from writer.put(name, [log_reads.bundle(tenant.id, first, width)])
        yield width
    manifest = {
        "format": FORMAT,
        "version": 1,
        "did": tenant.did,
        "origin": head.origin,
        "size": head.size,
        "root": head.root,
        "made_at": moments.to_text(core.clock()),
        "members": writer.members,
    }
    yield from writer.put("manifest.json", [json.dumps(manifest, indent=1).encode()])


def _seal(core: Core, origin: str, path: Path) -> None:
    """Make room for a comment as long as the seal, hash the file as it then is, and append the seal."""

    seal = seal_text(core, origin)
    with path.open("r+b") as file:
        length = len(seal("0" * 64))
        file.seek(-COMMENT_LENGTH, os.SEEK_END)
        file.write(length.to_bytes(COMMENT_LENGTH, "little"))
        file.seek(0)
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
        file.write(seal(digest.hexdigest()))
        file.flush()
        os.fsync(file.fileno())


def seal_text(core: Core, origin: str) -> Callable[[str], bytes]:
    """The seal over a digest; as long for every digest."""
    return lambda digest: core.signing.sign_text(origin, f"{FORMAT}/v1\n{origin}\n{digest}\n").encode()


def _checkpoints(core: Core, head: models.AuditHead) -> Iterator[bytes]:
    """Earlier checkpoints, oldest first, each with its proof of consistency with the newest."""
    row = models.CoveredCheckpoint
    earlier = row.select(row.size).where(row.tenant_id == head.tenant_id, row.size < head.size)
    sizes = [int(one.size) for one in earlier.order_by(row.size)]
    for size in _sampled(sizes, _turning_points(core, head)):
        found = row.get((row.tenant_id == head.tenant_id) & (row.size == size))
        proof = [node.hex() for node in core.log.consistency(head.tenant_id, size, head.size)]
        yield _json({"size": size, "checkpoint": found.checkpoint, "consistency": proof})


def _turning_points(core: Core, head: models.AuditHead) -> list[int]:
    """The leaves that added a key: a checkpoint soon after each shows that the older one vouched for it."""
    indexes = (log_keys.leaf_of(head.tenant_id, key.public_key) for key, _ in core.signing.every(head.origin))
    return [index for index in indexes if index is not None]


def _sampled(sizes: Sequence[int], turning_points: Sequence[int]) -> list[int]:
    """All sizes, or so many evenly apart with first and last, and the first after each turning point."""
    if len(sizes) > SAMPLE:
        chosen = {sizes[round(n * (len(sizes) - 1) / (SAMPLE - 1))] for n in range(SAMPLE)}
    else:
        chosen = set(sizes)
    for index in turning_points:
        chosen.update(next(([size] for size in sizes if size > index), []))
    return sorted(chosen)


def _receipts(tenant_id: str, size: int) -> Iterator[bytes]:
    """In the order of the log, those of the tenant's own log first."""
    receipt = models.Registration
    own = (receipt.origin != "") | (receipt.log_index < size)
    query = receipt.select().where((receipt.tenant_id == tenant_id) & own)
    for row in query.order_by(receipt.origin, receipt.log_index).iterator():
        told = {"activity_id": row.activity_id, "did": row.did, "index": row.log_index, "origin": row.origin}
        yield _json(told if not row.origin else told | {"proof": row.proof})


def _agents(tenant_id: str) -> list[dict[str, object]]:
    """The logs of dx-agents elsewhere that registered for this tenant, and the keys they are known by."""
    agent = models.AgentCheckpoint
    rows = agent.select().where(agent.tenant_id == tenant_id)
    return [{"origin": row.origin, "vkeys": list(row.vkeys)} for row in rows]


def _installation(covered: covering.Covered) -> dict[str, object]:
    return {
        "checkpoint": covered.installation.checkpoint,
        "index": covered.index,
        "leaf": covered.leaf,
        "salt": covered.salt.hex(),
        "payload": covered.payload,
        "inclusion": [node.hex() for node in covered.proof],
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
