"""Verify the live logs: against themselves, and against what is remembered outside the database.

A run that was interrupted is gone on with: how far it came is kept beside the remembered checkpoints, sealed
under this installation's key, so that nobody can talk a verification out of looking.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from ... import moments
from ...core import Core
from ...errors import DxflowError
from ...ledger import epochs, merkle, verify
from ...ledger.log import INSTALLATION
from ...ledger.tiles import TILE_WIDTH
from ...ledger.verify import Expected, Progress, Verification, Verified
from ...store import models

KEEP_EVERY = 3.0
"""Seconds of work that an interruption may cost."""

GOOD_FOR = timedelta(hours=24)
"""How old the verified beginning may be that a run goes on from."""


_OWNERS: tuple[type[models.DataController] | type[models.AgentTenant], ...] = (
    models.DataController,
    models.AgentTenant,
)
"""Whose logs there are: an engine's tenants, or those that engines brought to a dx-agent; never both."""


def verify_logs(
    core: Core, tenant_id: str | None = None, progress: Progress = lambda _: None, *, fresh: bool = False
) -> Verification:
    """Check one tenant's log, or all and the installation's, entry by entry.

    A tenant without a log is a problem too, and so are a log without a tenant, a remembered log that is gone,
    and a signing key that isn't ours. ``fresh`` begins at the first entry whatever an earlier run came to.
    """
    found = Verification()
    for log_id, did in _logs(tenant_id):
        head = models.AuditHead.get_or_none(tenant_id=log_id)
        if head is None:
            found.tenants += log_id != INSTALLATION
            found.problems.append(f"{did}: has no log")
        else:
            _verify(core, found, head, f"/log/{did}" if did else "/log", progress, fresh=fresh)
    found.problems += [f"log key {vkey} was not made by this installation" for vkey in core.signing.foreign()]
    if tenant_id is None:
        found.problems += _missing(core)
    return found


def entry_count(tenant_id: str | None = None) -> int:
    """How many entries a verification will read."""
    query = models.AuditHead.select(models.AuditHead.size)
    if tenant_id is not None:
        query = query.where(models.AuditHead.tenant_id == tenant_id)
    return sum(int(head.size) for head in query)


def _logs(tenant_id: str | None) -> Iterator[tuple[str, str]]:
    """Ids of logs and the DIDs that name them; the installation's, which no DID names, last."""
    for owner in _OWNERS:
        tenants = owner.select(owner.id, owner.did)
        if tenant_id is not None:
            tenants = tenants.where(owner.id == tenant_id)
        yield from ((row.id, str(row.did)) for row in tenants.order_by(owner.created_at))
    if tenant_id is None and models.AuditHead.get_or_none(tenant_id=INSTALLATION) is not None:
        yield INSTALLATION, ""


def _missing(core: Core) -> list[str]:
    """Logs without a tenant, and remembered logs that are gone."""
    known, head = [owner.select(owner.id) for owner in _OWNERS], models.AuditHead
    orphans = head.select().where(
        *(head.tenant_id.not_in(ids) for ids in known), head.tenant_id != INSTALLATION
    )
    faults = [f"{row.origin}: the data controller of this log is gone" for row in orphans]
    there = {row.tenant_id for row in head.select(head.tenant_id)}
    tenants = {row.id for ids in known for row in ids}
    remembered = core.memory.logs() if core.memory else iter(())
    for log_id in remembered:
        if log_id not in there and log_id not in tenants:
            origin = str(core.memory and core.memory.recall(log_id)).partition("\n")[0]
            faults.append(
                f"{origin}: the whole log is gone, and its data controller; a checkpoint of it is remembered"
            )
    return faults


def _verify(
    core: Core, found: Verification, head: models.AuditHead, name: str, progress: Progress, *, fresh: bool
) -> None:
    faults = len(found.problems)
    verifiers = [one for origin in epochs.origins(head) for one in core.signing.verifiers(origin)]
    found.epochs += [f"{epochs.base(head.origin)}: {epochs.told(row)}" for row in epochs.rows(head.tenant_id)]
    expected = Expected(name, core.memory.recall(head.tenant_id) if core.memory else None)
    run = _Run(core, head, Verified() if fresh else _resumed(core, found, head))
    progress(run.verified.frontier.size)
    found.entries += run.verified.frontier.size
    try:
        verify.tenant(found, head, verifiers, progress, expected, run.verified, run.reached)
    except BaseException:
        run.keep()
        raise
    if core.memory is not None:
        core.memory.drop_progress(head.tenant_id)
        if len(found.problems) == faults:
            core.memory.remember(head.tenant_id, head.checkpoint)


@dataclass(slots=True)
class _Run:
    """The verification of one log, which may be interrupted."""

    core: Core
    head: models.AuditHead
    verified: Verified
    _kept_at: float = field(default_factory=time.monotonic)

    def reached(self, verified: Verified) -> None:
        """After each chunk: now and then, keep how far it came."""
        del verified
        if time.monotonic() - self._kept_at > KEEP_EVERY:
            self.keep()

    def keep(self) -> None:
        """Where a tile ends: the rest is made again from there."""
        size = self.verified.frontier.size
        if self.core.memory is None or not size or size % TILE_WIDTH:
            return
        state = {
            "at": moments.to_text(self.core.clock()),
            "frontier": self.verified.frontier.to_bytes().hex(),
            "faults": self.verified.faults,
        }
        plain, log_id = json.dumps(state).encode(), self.head.tenant_id
        self.core.memory.keep_progress(log_id, self.core.keys.seal_own(plain, **_place(log_id)))
        self._kept_at = time.monotonic()


def _resumed(core: Core, found: Verification, head: models.AuditHead) -> Verified:
    """What an interrupted run had verified of this log; nothing where it is too old or nobody's of ours."""
    sealed = core.memory.progress(head.tenant_id) if core.memory else None
    if sealed is None:
        return Verified()
    try:
        state = json.loads(core.keys.unseal_own(sealed, **_place(head.tenant_id)))
        at, frontier = (
            moments.from_text(state["at"]),
            merkle.Frontier.from_bytes(bytes.fromhex(state["frontier"])),
        )
    except (DxflowError, ValueError, KeyError):
        return Verified()
    if core.clock() - at > GOOD_FOR or frontier.size > head.size:
        return Verified()
    found.resumed.append(f"{head.origin}: went on at entry {frontier.size}, verified at {state['at']}")
    return Verified(frontier, list(state["faults"]))


def _place(log_id: str) -> dict[str, str]:
    return {"table": "log_memory", "column": "verifying", "row_id": log_id}
