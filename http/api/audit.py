"""``/api/v1/audit``: the append-only log with what an outsider needs to verify it.

Hashes are lower-case hex; roots, leaf hashes and proofs are those of RFC 6962 section 2.1 over SHA-256.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ...engine.access.roles import Permission
from ...engine.errors import NotFound
from ...engine.ledger import merkle, tiles
from ...engine.ledger.log import StoredTiles
from ...engine.services import pages
from ...engine.services.audit import audit as service
from ...engine.services.audit import covering, exports
from ...engine.services.pages import Order
from ...engine.store import models
from .operation import Call, Operation, get
from .values import Id, Line, Listed, LogIndex, LogSize, Moment, Nothing, Paging, Shape, place_in

_HASHES = "hex, in the order RFC 9162 section 2.1 lists them"


class Entry(Shape):
    """A leaf. ``canonical`` is its RFC 8785 text, the bytes ``leaf_hash`` covers; ``leaf`` is what it says."""

    index: LogIndex
    kind: str
    recorded_at: Moment
    leaf: dict[str, Any]
    canonical: str
    leaf_hash: str


class EntryQuery(Paging):
    """A page of them."""

    cursor: Annotated[str | None, place_in("audit", Order.NUMBER)] = None


class EntryPage(Listed[Entry]):
    """Entries, newest first."""


class Checkpoint(Shape):
    """Where the log ends. ``checkpoint`` is the C2SP signed note; ``verifier_keys`` check it: the
    active ones, oldest first."""

    origin: str
    size: LogIndex
    root: str
    checkpoint: str
    verifier_keys: list[str]
    updated_at: Moment


class InclusionQuery(Shape):
    """Which leaf, in the tree of which size; the present one where ``size`` is left out."""

    index: LogIndex
    size: LogSize | None = None


class Inclusion(Shape):
    """``hashes`` prove that ``leaf_hash`` is leaf ``index`` of the tree with this ``root``."""

    index: LogIndex
    size: LogIndex
    leaf_hash: str
    root: str
    hashes: Annotated[list[str], Field(description=_HASHES)]


class ConsistencyQuery(Shape):
    """From which size to which; to the present one where ``to`` is left out."""

    old: Annotated[LogSize, Field(alias="from")]
    new: Annotated[LogSize | None, Field(alias="to")] = None


class Consistency(Shape):
    """``hashes`` prove that the tree of ``to`` leaves begins with the one of ``from`` leaves."""

    old: Annotated[LogIndex, Field(alias="from")]
    new: Annotated[LogIndex, Field(alias="to")]
    old_root: Annotated[str, Field(alias="from_root")]
    new_root: Annotated[str, Field(alias="to_root")]
    hashes: Annotated[list[str], Field(description=_HASHES)]


class ActivityQuery(Shape):
    """The activity's id or DID."""

    id: Line


class ActivityProof(Shape):
    """A registered activity. ``proof`` is a C2SP tlog-proof, which stands alone: leaf, hashes and checkpoint.

    ``origin`` names the log it is registered in: the tenant's own, or that of a dx-agent elsewhere.
    """

    activity_id: Id
    did: str
    origin: str
    index: LogIndex
    registered_at: Moment
    verifier_keys: list[str]
    proof: str


class Installation(Shape):
    """The newest checkpoint of this log that the installation's log covers.

    ``leaf`` (RFC 8785 text) commits to ``payload`` under ``salt``: HMAC-SHA256 of its canonical bytes.
    ``hashes`` prove that ``leaf`` is at ``index`` in the tree of the installation's ``checkpoint``.
    """

    covered_checkpoint: str
    payload: dict[str, Any]
    salt: str
    leaf: str
    index: LogIndex
    checkpoint: str
    verifier_keys: list[str]
    hashes: Annotated[list[str], Field(description=_HASHES)]


def activity(call: Call[ActivityQuery, Nothing]) -> ActivityProof:
    """One activity is registered."""
    row = exports.registration(call.core, call.tenant_id, call.query.id)
    origin = row.origin or call.core.log.head(call.tenant_id).origin
    return ActivityProof(
        activity_id=row.activity_id,
        did=row.did,
        origin=origin,
        index=row.log_index,
        registered_at=row.registered_at,
        verifier_keys=exports.keys_of(call.core, call.tenant_id, origin, own=not row.origin),
        proof=exports.activity_proof(call.core, call.tenant_id, row.activity_id),
    )


def installation(call: Call[Nothing, Nothing]) -> Installation:
    """One root over all tenants covers this log."""
    found = covering.newest(call.core, call.tenant_id)
    if found is None:
        raise NotFound("the installation's log doesn't cover this one yet; it does about once a minute")
    return Installation(
        covered_checkpoint=found.checkpoint,
        payload=found.payload,
        salt=found.salt.hex(),
        leaf=found.leaf,
        index=found.index,
        checkpoint=found.installation.checkpoint,
        verifier_keys=call.core.signing.vkeys(found.installation.origin),
        hashes=[node.hex() for node in found.proof],
    )


def entries(call: Call[EntryQuery, Nothing]) -> EntryPage:
    """Newest first."""

    def fetch(count: int, before: int | None) -> list[models.AuditEntry]:
        return service.entries(call.tenant_id, limit=count, before=before)

    page = pages.by_number(
        "audit", fetch, lambda row: int(row.seq), limit=call.query.limit, cursor=call.query.cursor
    )
    return EntryPage.of(page, _entry)


def checkpoint(call: Call[Nothing, Nothing]) -> Checkpoint:
    """The newest."""
    head = call.core.log.head(call.tenant_id)
    return Checkpoint(
        origin=head.origin,
        size=head.size,
        root=head.root,
        checkpoint=head.checkpoint,
        verifier_keys=call.core.signing.vkeys(head.origin),
        updated_at=head.updated_at,
    )


def inclusion(call: Call[InclusionQuery, Nothing]) -> Inclusion:
    """One leaf is in the tree."""
    index = call.query.index
    size, hashes = service.inclusion(call.core, call.tenant_id, index, call.query.size)
    return Inclusion(
        index=index,
        size=size,
        leaf_hash=_leaf_hash(call.core.log.entry(call.tenant_id, index)),
        root=_root(call.tenant_id, size),
        hashes=hashes,
    )


def consistency(call: Call[ConsistencyQuery, Nothing]) -> Consistency:
    """One tree extends another."""
    old = call.query.old
    new, hashes = service.consistency(call.core, call.tenant_id, old, call.query.new)
    values = {
        "from": old,
        "to": new,
        "from_root": _root(call.tenant_id, old),
        "to_root": _root(call.tenant_id, new),
        "hashes": hashes,
    }
    return Consistency.model_validate(values)


def _entry(row: models.AuditEntry) -> Entry:
    return Entry(
        index=row.seq,
        kind=row.kind,
        recorded_at=row.recorded_at,
        leaf=service.leaf(row),
        canonical=row.leaf,
        leaf_hash=_leaf_hash(row),
    )


def _leaf_hash(row: models.AuditEntry) -> str:
    return merkle.leaf_hash(row.leaf.encode()).hex()


def _root(tenant_id: str, size: int) -> str:
    return tiles.root(StoredTiles(tenant_id), size).hex()


OPERATIONS: tuple[Operation, ...] = (
    get(
        "/audit/entries", Permission.LOOK, entries, "List audit entries",
        query=EntryQuery, answer=EntryPage,
    ),
    get(
        "/audit/checkpoint", Permission.LOOK, checkpoint, "Show the signed checkpoint",
        query=Nothing, answer=Checkpoint,
    ),
    get(
        "/audit/proofs/inclusion", Permission.LOOK, inclusion, "Prove that an entry is in the log",
        query=InclusionQuery, answer=Inclusion,
    ),
    get(
        "/audit/proofs/consistency", Permission.LOOK, consistency, "Prove that the log only grew",
        query=ConsistencyQuery, answer=Consistency,
    ),
    get(
        "/audit/proofs/activity", Permission.LOOK, activity, "Prove that an activity was registered",
        query=ActivityQuery, answer=ActivityProof,
    ),
    get(
        "/audit/installation", Permission.LOOK, installation, "Show how the installation's root covers the log",
        query=Nothing, answer=Installation,
    ),
)  # fmt: skip
