"""A platform speaks of somebody who was erased: nothing of it is kept but that it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeGuard

from ..core import Core
from ..errors import TransientError
from ..identity.linkage import Identifier, identifiers
from ..platforms.base import Change, Extraction
from ..rights import suppression
from ..rights.types import RequestType
from ..store import models
from .base import Outcome


class Looked(NamedTuple):
    """Whom of a batch's people nobody may bring back: under the event's id the marks that say so; and
    everybody's identifiers, where they had to be looked at."""

    marks: Mapping[str, Sequence[str]]
    people: Mapping[str, Sequence[Identifier]]


def look(
    core: Core, tenant_id: str, found: Mapping[str, Extraction | Exception], region: str | None
) -> Looked:
    """One query for all of these bodies, and another where anybody is kept out here at all."""
    if not suppression.in_force(core, tenant_id):
        return Looked({}, {})
    people = {name: _identifiers(one, region) for name, one in found.items() if _brings(one)}
    return Looked(suppression.suppressed(core, tenant_id, people), people)


def _brings(found: Extraction | Exception) -> TypeGuard[Extraction]:
    """Not with a person's own request: anybody may ask, also whoever was erased. One for erasure is answered by
    their being erased."""
    if isinstance(found, Exception):
        return False
    return found.request is None or found.request.type == RequestType.ERASURE


def keep_out(marks: Sequence[str]) -> Outcome:
    """The delivery ends here, without its body and without that by which it would be known again."""
    suppression.hit(marks)
    return Outcome("suppressed", changes={"payload_sealed": None, "body_mac": None, "dedup_key": None})


def require_new(core: Core, event: models.Event, found: Extraction, region: str | None) -> None:
    """Raises TransientError for somebody just created who was erased since the delivery was looked at."""
    if not suppression.in_force(core, event.tenant_id):
        return
    if suppression.holds(core, event.tenant_id, _identifiers(found, region)):
        raise TransientError("this person was erased meanwhile")


def _identifiers(found: Extraction, region: str | None) -> list[Identifier]:
    """Strongest first; of somebody who changed their address, by what they were known before."""
    said = [found.person, found.previous]
    if found.change is Change.MOVE:
        said.reverse()
    return [one for person in said if person is not None for one in identifiers(person, region)]
