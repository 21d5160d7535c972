"""How agents follow the requests of somebody who is erased stays, because they have to hear of it; but not
where the agent's own id or its URL names the person."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from ..core import Core
from ..errors import DxflowError
from ..rights import following
from ..store import models
from .mentions import Identifiers


def shred(core: Core, tenant_id: str, ids: Sequence[str], asked: Sequence[str], known: Identifiers) -> int:
    """Let go of those that name the person, among the requests of these people and these requests; how many."""
    row, gone = models.RightsRequest, 0
    theirs = row.subject_id.in_(list(ids)) | row.id.in_(list(asked))
    query = row.select().where(row.tenant_id == tenant_id, row.agent_sealed.is_null(False), theirs)
    for request in list(query):
        if _names(core, request, known):
            following.let_go(request.id)
            gone += 1
    return gone


def _names(core: Core, request: models.RightsRequest, known: Identifiers) -> bool:
    """What nobody can open is taken for theirs."""
    try:
        how = following.followed(core, request)
    except DxflowError:
        return True
    said = "\n".join([*how, unquote(how.callback)])
    return known.named_in(said.encode(), request.source)


__all__ = ["shred"]
