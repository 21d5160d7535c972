"""Entries verified per second, in the live store and from a bundle by the single-file verifier; and what an
entry takes on the disk."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ledger_appends
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from stage import Installation, StageFailed

from dxflow.engine.core import Core
from dxflow.engine.ledger import verifier, verify
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import exports

ENTRIES = 1_000_000
PER_SECOND = Goal(reach=100_000, aim=200_000)
PARTS = {
    "leaf text": "SELECT sum(length(CAST(leaf AS BLOB))) FROM audit_entries WHERE tenant_id = ?",
    "tiles": "SELECT sum(length(hashes)) FROM audit_tiles WHERE tenant_id = ?",
    "salts": "SELECT sum(length(salt)) FROM audit_salts WHERE tenant_id = ?",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A log, and the bytes that its entries added to the store."""

    core: Core
    tenant_id: str
    size: int
    added: int

    def live(self) -> Round:
        """As ``audit verify`` does it, every entry anew."""
        found, head = verify.Verification(), self.core.log.head(self.tenant_id)
        began = time.perf_counter()
        verify.tenant(found, head, self.core.signing.verifiers(head.origin), lambda _: None)
        spent = time.perf_counter() - began
        if not found.ok or found.entries != self.size:
            raise StageFailed(f"the log doesn't verify: {found.problems or found.entries}")
        return {"live": self.size / spent}

    def bundle(self, path: Path) -> Round:
        """By the single file, in a process of its own, its start included."""
        key = self.core.signing.vkeys(self.core.log.head(self.tenant_id).origin)[0]
        command = [sys.executable, str(verifier.__file__), str(path), "--key", key]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        spent = time.perf_counter() - began
        if done.returncode:
            raise StageFailed(f"the bundle doesn't verify: {done.stdout}{done.stderr}")
        return {"bundle": self.size / spent}


def figures(scale: Scale, home: Installation) -> Iterator[Figure]:
    """Both verifiers over one log, and the store that it is in."""
    kept = _write(home.core, scale.messages(ENTRIES))
    yield _bytes(kept)
    bundle = home.directory / "bundle.zip"
    exports.export(home.core, kept.tenant_id, bundle)
    yield _rates(take(scale, kept.live, lambda: kept.bundle(bundle)), kept)


def _write(core: Core, count: int) -> Kept:
    tenant_id, before = tenants.every()[0].id, _file_bytes(core)
    for first in range(0, count, ledger_appends.BATCH):
        made = [ledger_appends.leaf(n) for n in range(first, min(first + ledger_appends.BATCH, count))]
        with core.store.transaction():
            core.log.append(tenant_id, made)
    return Kept(core, tenant_id, core.log.head(tenant_id).size, _file_bytes(core) - before)


def _file_bytes(core: Core) -> int:
    """The database's file, with everything in it that was committed."""
    core.store.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return Path(core.store.database.database).stat().st_size


def _bytes(kept: Kept) -> Figure:
    figure = Figure(
        f"ledger: bytes of the store per entry, {kept.size:,} entries",
        ("what", "bytes", "share"),
        ("keys and pages: each row's tenant, index, kind and time, the primary keys, what pages leave free",),
    )
    database, rest = kept.core.store.database, float(kept.added)
    parts = {"all": float(kept.added)}
    for name, query in PARTS.items():
        parts[name] = float(database.execute_sql(query, (kept.tenant_id,)).fetchone()[0] or 0)
        rest -= parts[name]
    for name, value in {**parts, "keys and pages": rest}.items():
        figure.rows.append((name, f"{value / kept.size:,.0f}", f"{value / kept.added:.0%}"))
    return figure


def _rates(readings: Readings, kept: Kept) -> Figure:
    figure = Figure(
        f"ledger: entries verified per second, {kept.size:,} of them",
        ("by", "entries /s"),
        ("the store: leaves, tree, tiles, head, signatures, receipts; the bundle: what docs/bundle.md says",),
    )
    for name, title in (("live", "audit verify, in the store"), ("bundle", "the single-file verifier")):
        figure.rows.append((title, spread(readings.of(name))))
        ours, what = readings.median(name), f"entries verified/s by {title}"
        figure.verdicts.append(Verdict(what, PER_SECOND, ours, None, None, "/s", absolute=True))
    return figure
