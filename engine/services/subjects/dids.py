"""What anybody may know of a DID that was issued here: its document, and since when it stands as it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...core import Core
from ...identity import did
from ...ledger import epochs
from ...store import models, scope


@dataclass(frozen=True, slots=True)
class Resolved:
    """``metadata`` is that of the document: created, updated (once it was) and deactivated (once it is)."""

    document: dict[str, object]
    metadata: Mapping[str, bool | datetime]
    deactivated: bool


@scope.everyone("DIDs are for everybody")
def resolve(core: Core, name: str, public_url: str) -> Resolved | None:
    """The DID ``name`` in its normal form; None for one that was never issued here.

    ``public_url`` is where outsiders reach this installation. Raises Unavailable without the database.
    """
    with core.store.reachable():
        row = models.Did.get_or_none(did=name)
        if row is None:
            return None
        if row.kind == "data_controller":
            document, updated = _controller(core, row, public_url)
        else:
            document, updated = did.document(row.did, did.derive(row.tenant_id, core.did_method)), None
    metadata: dict[str, bool | datetime] = {"created": row.created_at}
    updated = row.deactivated_at or updated
    if updated is not None:
        metadata["updated"] = updated
    if row.deactivated_at is not None:
        metadata["deactivated"] = True
    return Resolved(document, metadata, row.deactivated_at is not None)


def _controller(core: Core, row: models.Did, public_url: str) -> tuple[dict[str, object], datetime | None]:
    """Its document, and when a key of its log last began or ended to sign: a key that no longer signs isn't in
    the document (DID Core section 9.8: that is how one is revoked), only at the log's own address."""
    keys = [key.public_key for key in core.signing.active()]
    document = did.document(row.did, None, keys, {"log": f"{public_url}/log/{row.did}{_epoch(row)}"})
    moments = [moment for key in models.LogKey.select() for moment in (key.created_at, key.retired_at)]
    return document, max((moment for moment in moments if moment and moment > row.created_at), default=None)


def _epoch(row: models.Did) -> str:
    """The end of the address of a log that came back from a backup."""
    head = models.AuditHead.get_or_none(tenant_id=row.tenant_id)
    return "" if head is None else str(head.origin).removeprefix(epochs.base(head.origin))
