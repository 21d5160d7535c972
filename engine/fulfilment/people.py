"""Whom a request is about: the data subject that stands today, and everybody who was merged into them."""

from __future__ import annotations

from ..erasing.people import family
from ..errors import Conflict, NotFound
from ..lookups import there
from ..store import models, quick

__all__ = ["WORKED_ON", "family", "hold", "of_request", "ready", "standing"]

WORKED_ON = ("data_collection", "review")
"""States in which an answer is made."""


def standing(tenant_id: str, subject_id: str) -> models.DataSubject:
    """The data subject, or the one they were merged into since. Raises NotFound, and Conflict for somebody who
    is erased."""
    seen: set[str] = set()
    while True:
        subject = quick.get(models.DataSubject, id=subject_id, tenant_id=tenant_id)
        if subject is None or subject.id in seen:
            raise NotFound("no such data subject")
        if subject.state == "erased":
            raise Conflict("this data subject was erased")
        if subject.merged_into is None:
            return subject
        seen.add(subject.id)
        subject_id = subject.merged_into


def hold(tenant_id: str, subject_id: str) -> models.DataSubject:
    """The same inside a transaction; until its end nobody matches, merges or erases them."""
    found = standing(tenant_id, subject_id)
    subject = quick.lock(models.DataSubject, id=found.id, tenant_id=tenant_id)
    if subject is None or subject.state in ("erased", "merged"):
        raise Conflict("this data subject has just been erased or merged; look again")
    return subject


def of_request(
    tenant_id: str, request_id: str, *, locked: bool = True
) -> tuple[models.RightsRequest, models.DataSubject]:
    """A request and whom it is about; ``locked``, inside a transaction, nobody changes either until it ends.
    Raises NotFound, and Conflict for a request of somebody whom nobody knows."""
    read = quick.lock if locked else quick.get
    request = there(read(models.RightsRequest, id=request_id, tenant_id=tenant_id), "no such rights request")
    if request.subject_id is None:
        raise Conflict("this request belongs to no data subject yet: find out whom it is about first")
    find = hold if locked else standing
    return request, find(tenant_id, request.subject_id)


def ready(request: models.RightsRequest, types: tuple[str, ...]) -> None:
    """Raises Conflict unless the request is of one of these types, its sender has proven who they are, and it
    stands where it is worked on."""
    if request.type not in types:
        raise Conflict(f"this request asks for {request.type}; this answers {', '.join(types)}")
    if request.state not in WORKED_ON:
        raise Conflict(f"this request is {request.state}; it must be in {' or '.join(WORKED_ON)} for this")
    if request.verified_at is None:
        raise Conflict("nobody has proven yet that this request is the person's own")
