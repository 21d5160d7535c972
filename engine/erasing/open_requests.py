"""What becomes of the requests that a person still has open when they are erased.

Nothing that they asked for is left to do, so each ends, and whoever sent it hears so. Their addresses are gone
afterwards: who is told, and where, is found out before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core import Core
from ..desk import actions, by_erasure, moves
from ..identity import normalise
from ..mail import queue
from ..recipients.obligations import outstanding
from ..rights import intake, proof
from ..rights.reaching import known_before
from ..rights.types import RequestState, RequestType
from ..store import models
from . import strangers
from .mentions import Identifiers


@dataclass(frozen=True, slots=True)
class Open:
    """One request. ``proven``: its sender is the person on file."""

    request_id: str
    language: str
    proven: bool
    to: str | None = field(repr=False)


def of(ids: Sequence[str], but: str | None = None) -> list[models.RightsRequest]:
    """The open requests of these people, oldest first."""
    row = models.RightsRequest
    waiting = row.state.not_in(sorted(RequestState.over()))
    query = row.select().where(row.subject_id.in_(list(ids)), waiting).order_by(row.received_at, row.id)
    return [one for one in query if one.id != but]


def find(
    core: Core,
    tenant_id: str,
    gone: Sequence[models.DataSubject],
    known: Identifiers,
    but: str | None = None,
) -> list[Open]:
    """Theirs, and those of somebody unknown who turns out to be them; without the one that is answered by
    itself (``but``)."""
    over, ids = RequestState.over(), [one.id for one in gone]
    unknown = [one for one in strangers.requests(core, tenant_id, known) if one.state not in over]
    return [
        Open(one.id, one.language, proof.personal(one), _address(core, one, gone, known))
        for one in [*of(ids, but), *(one for one in unknown if one.id != but)]
    ]


def settle(core: Core, tenant_id: str, found: Sequence[Open], actor: str, *, tell: bool = True) -> None:
    """End each of them in the transaction that erases. Who isn't proven hears that the request ended, and not
    that somebody was erased; nor that they took it back, which they didn't."""
    for one in found:
        if _end(core, tenant_id, one, actor) and tell and one.to is not None:
            kind, values = ("erased", {"gone": "all"}) if one.proven else ("ended", {})
            queue.queue(
                core,
                tenant_id,
                kind,
                one.to,
                language=one.language,
                values=values,
                request_id=one.request_id,
            )


def on_file(
    core: Core, request: models.RightsRequest, gone: Sequence[models.DataSubject], known: Identifiers
) -> list[str]:
    """The addresses on file, each once however it is spelled: those that were before the request came, and only
    where none was the later ones. Who takes over somebody's account puts their own there."""
    found = dict[str, str]()
    for one in sorted(known.emails):
        found.setdefault(normalise.email(one) or one, one)
    every = list(found.values())
    before = [one for one in every if any(known_before(core, request, subject, one) for subject in gone)]
    return before or every


def _end(core: Core, tenant_id: str, one: Open, actor: str) -> bool:
    """Whether there was anything to tell: what was answered before is only completed."""
    request = moves.locked(core, tenant_id, one.request_id)
    if request.state in RequestState.over():
        return False
    if request.state == RequestState.RESPONSE_SENT:
        if not outstanding(tenant_id, request_id=request.id):
            moves.move(core, tenant_id, request.id, "complete", actor)
        return False
    if request.type == RequestType.ERASURE and one.proven:
        by_erasure.erased(core, tenant_id, request.id, actor)
        by_erasure.certified(core, tenant_id, request.id)
        return True
    if request.state == RequestState.ON_HOLD:
        request = actions.resume(core, tenant_id, request.id, actor)
    if "cancel" in moves.allowed(request):
        moves.move(core, tenant_id, request.id, "cancel", actor)
    return True


def _address(
    core: Core, request: models.RightsRequest, gone: Sequence[models.DataSubject], known: Identifiers
) -> str | None:
    """The address that came with it; for who is proven one on file, where there is any."""
    given = intake.requester(core, request).get("email")
    typed = given if isinstance(given, str) and given else None
    filed = on_file(core, request, gone, known)
    if not proof.personal(request) or not filed:
        return typed
    same = {normalise.email(one) for one in filed}
    return typed if typed is not None and normalise.email(typed) in same else filed[0]


__all__ = ["Open", "find", "of", "on_file", "settle"]
