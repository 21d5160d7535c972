"""The dx-agent's desk: which engines may register, and a batch registered for one of their tenants.

Each tenant of each engine has a log of its own here. It belongs to the engine that came with it first.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ... import moments
from ...agent import EmbeddedAgent, Item, Receipt, wire
from ...core import Core
from ...errors import Conflict, Forbidden, NotAuthentic
from ...identity import did
from ...ledger import tiles
from ...ledger.log import StoredTiles
from ...lookups import identifier, there
from ...store import models, quick, scope
from . import log_keys


class NotEnrolled(NotAuthentic):
    """Raised for a key that nobody enrolled."""

    kind = "not-enrolled"


class WrongToken(Forbidden):
    """Raised when a new engine doesn't show the token that is set here."""

    kind = "wrong-token"


class Revoked(Forbidden):
    """Raised for a key that was revoked; it is never enrolled again."""

    kind = "revoked"


class AnotherEngine(Forbidden):
    """Raised for a tenant that belongs to another engine."""

    kind = "another-engine"


class Overtaken(Conflict):
    """Raised for a fencing token that is older than the newest; ``extra`` tells which that is."""

    kind: ClassVar[str] = "stale-fence"

    def __init__(self, newest: int) -> None:
        super().__init__(f"the fence is stale: {newest} was seen since")
        self.extra = {"fence": newest}


class RolledBack(Conflict):
    """Raised when the engine has seen more of a log than there is: appending would make a fork."""

    kind: ClassVar[str] = "log-rolled-back"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"this log has {size} entries, fewer than the engine has seen; it was restored or cut"
        )
        self.extra = {"size": size}


def enrol(core: Core, key: str, wish: wire.Enrolment, token: str | None) -> tuple[models.AgentEngine, bool]:
    """Let the engine with this public key (hex) register; the row, and whether it is new.

    Raises Revoked, WrongToken.
    """
    expected = wire.token_mac(token, key) if token else None
    with core.store.transaction():
        row = quick.get(models.AgentEngine, public_key=key)
        if row is not None and row.revoked_at is not None:
            raise Revoked("this engine's key was revoked here")
        if row is not None:
            return row, False
        if expected is not None and not hmac.compare_digest(wish.token_mac or "", expected):
            raise WrongToken("a new engine must show the DXFLOW_AGENT_TOKEN that is set here")
        name = " ".join("".join(char if char.isprintable() else " " for char in wish.name).split())
        made = {"id": core.new_id(), "name": name or "?", "public_key": key, "created_at": core.clock()}
        quick.insert(models.AgentEngine, made, ignore=True)  # another thread may have been as quick
        return models.AgentEngine.get(public_key=key), True


def engine_of(key: str) -> models.AgentEngine:
    """The engine with this public key (hex). Raises NotEnrolled, Revoked."""
    row = quick.get(models.AgentEngine, public_key=key)
    if row is None:
        raise NotEnrolled(f"this key isn't known here; POST {wire.ENGINES} enrols it")
    if row.revoked_at is not None:
        raise Revoked("this engine's key was revoked here")
    return row


def engines() -> list[models.AgentEngine]:
    """All that ever enrolled, oldest first."""
    return list(models.AgentEngine.select().order_by(models.AgentEngine.created_at, models.AgentEngine.id))


def as_row(row: models.AgentEngine) -> dict[str, str | None]:
    """An engine as commands print it."""
    revoked = row.revoked_at and moments.to_text(row.revoked_at)
    made = moments.to_text(row.created_at)
    return {
        "id": row.id,
        "name": row.name,
        "public_key": row.public_key,
        "created_at": made,
        "revoked_at": revoked,
    }


def revoke(core: Core, engine_id: str) -> models.AgentEngine:
    """The engine registers nothing more, at once and for good; what it registered stays. Raises NotFound."""
    missing = "no such engine; `dxflow engine list` shows them"
    row = there(models.AgentEngine.get_or_none(id=identifier(engine_id, missing)), missing)
    if row.revoked_at is None:
        row.revoked_at = core.clock()
        row.save(only=[models.AgentEngine.revoked_at])
    return row


def register(core: Core, engine: models.AgentEngine, wish: wire.Registrations) -> wire.Answer:
    """Register a batch for one tenant in one transaction, and prove it.

    Raises AnotherEngine, Overtaken, RolledBack, and Conflict for an activity of another tenant.
    """
    items = [Item(one.activity_id, one.event_id, one.commitment) for one in wish.items]
    with core.store.transaction():
        tenant_id = _tenant(core, engine, wish.tenant)
        with scope.of(tenant_id):
            return _registered(core, engine, wish, tenant_id, items)


def _registered(
    core: Core, engine: models.AgentEngine, wish: wire.Registrations, tenant_id: str, items: list[Item]
) -> wire.Answer:
    fresh = core.log.admit(tenant_id, wish.fence)
    head = core.log.head(tenant_id)
    if not fresh:
        raise Overtaken(head.fence)
    seen = wish.seen.size if wish.seen and wish.seen.origin == head.origin else 0
    if seen > head.size:
        raise RolledBack(head.size)
    method = did.parse(wish.tenant)[0]
    agent = EmbeddedAgent(core.store, core.log, core.clock, method, f"engine:{engine.id}")
    receipts = agent.register(tenant_id, items, wish.fence)
    return _proved(core, core.log.head(tenant_id), receipts, seen)


def _tenant(core: Core, engine: models.AgentEngine, name: str) -> str:
    """The id of a tenant's log here; the first call for a tenant opens it. Raises AnotherEngine."""
    row = quick.get(models.AgentTenant, did=name)
    if row is None:
        made = {"id": core.new_id(), "did": name, "engine_id": engine.id, "created_at": core.clock()}
        if quick.insert(models.AgentTenant, made, ignore=True):
            with scope.of(made["id"]):
                core.log.open(made["id"], name)
        row = models.AgentTenant.get(did=name)
    if row.engine_id != engine.id:
        raise AnotherEngine("this tenant came with another engine, and its log belongs to that one")
    return str(row.id)


@dataclass(slots=True)
class _Tiles:
    """One log's tiles, each read once for all the proofs of an answer (``tiles.TileReader``)."""

    stored: StoredTiles
    known: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def read(self, level: int, index: int) -> bytes:
        if (level, index) not in self.known:
            self.known[level, index] = self.stored.read(level, index)
        return self.known[level, index]


def _proved(core: Core, head: models.AuditHead, receipts: Sequence[Receipt], seen: int) -> wire.Answer:
    reader = _Tiles(StoredTiles(head.tenant_id))
    keys = [key.public_key for key in core.signing.active()]
    added = [index for key in keys if (index := log_keys.leaf_of(head.tenant_id, key)) is not None]
    wanted = [*added, *(receipt.log_index for receipt in receipts)]
    entries = quick.by_ids(models.AuditEntry, wanted, key="seq", tenant_id=head.tenant_id).values()
    leaves = {int(row.seq): str(row.leaf) for row in entries}

    def prove(index: int) -> dict[str, object]:
        proof = tiles.inclusion_proof(reader, index, head.size)
        return {"log_index": index, "leaf": leaves[index], "proof": [node.hex() for node in proof]}

    consistency = tiles.consistency_proof(reader, seen, head.size) if seen else []
    return wire.Answer.model_validate(
        {
            "origin": head.origin,
            "checkpoint": head.checkpoint,
            "vkeys": core.signing.vkeys(head.origin),
            "added_keys": [prove(index) for index in added],
            "receipts": [
                {"activity_id": one.activity_id, "did": one.did, **prove(one.log_index)} for one in receipts
            ],
            "consistency": [node.hex() for node in consistency],
        }
    )
