"""The same person's requests for the same: found only among those whose senders have proven who they are.

An unproven request in somebody's name must neither lock them out nor pass for theirs (GHSA-qx5f-ghc2-7g5c): it
is nobody's duplicate, and has none.
"""

from __future__ import annotations

from ..core import Core
from ..rights import proof
from ..store import models


def find_duplicates(core: Core, request: models.RightsRequest) -> list[models.RightsRequest]:
    """Earlier open requests of the same person for the same thing, oldest first; none for a request whose
    sender isn't proven well enough, or of whom nothing is on file."""
    del core
    if request.subject_id is None or not _known(request):
        return []
    row = models.RightsRequest
    same = (
        (row.subject_id == request.subject_id) & (row.type == request.type) & (row.regime == request.regime)
    )
    earlier = (row.received_at < request.received_at) | (
        (row.received_at == request.received_at) & (row.id < request.id)
    )
    mine = (row.tenant_id == request.tenant_id) & (row.id != request.id)
    query = row.select().where(mine, same, earlier, row.closed_at.is_null(), row.verified_at.is_null(False))
    return [one for one in query.order_by(row.received_at, row.id) if _known(one)]


def _known(request: models.RightsRequest) -> bool:
    """Proven to be the person on file, and well enough for what they ask."""
    return proof.personal(request) and proof.enough(request)
