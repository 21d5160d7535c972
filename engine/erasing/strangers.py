"""What names a person without saying so in a column: deliveries nobody handles, failed or waiting ones,
requests by somebody unknown, and kept answers of the API. Each is opened, and goes if it names the person.

Opening a tenant's deliveries takes as long as there are many. That is done before anybody waits for the
transaction; in it only those are opened that came since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core import Core
from ..errors import DxflowError
from ..identity.profiles import person_from
from ..inbox import open_payload
from ..mail import queue
from ..rights import intake
from ..store import models, quick
from . import rows
from .mentions import Identifiers

PAGE = 200
_MARGIN = 1_000
"""Numbers that are looked at again: a delivery may have been given its own before others, and commit after."""


@dataclass(frozen=True, slots=True)
class Sighted:
    """Events that name ``whom``, among all up to ``seq``."""

    whom: Identifiers
    ids: tuple[str, ...]
    seq: int


def sight(core: Core, tenant_id: str, whom: Identifiers, before: Sighted | None = None) -> Sighted:
    """The events that belong to nobody and name the person; those that were looked at ``before`` are known,
    unless the person has come to be known by something else since."""
    known = before if before is not None and before.whom == whom else Sighted(whom, (), 0)
    found, seq = dict.fromkeys(known.ids), known.seq
    for event in _unmatched(tenant_id, max(0, known.seq - _MARGIN)):
        seq = max(seq, event.seq)
        try:
            if whom.named_in(open_payload(core, event), event.source, event.topic):
                found[event.id] = None
        except DxflowError:
            continue  # what nobody can open names nobody
    return Sighted(whom, tuple(found), seq)


def shred_events(core: Core, subject_id: str, sighted: Sighted) -> int:
    """The bodies of these events, which are the person's from now on; how many. One that was matched meanwhile
    is its data subject's, who may be somebody else."""
    gone, row = 0, models.Event
    for first in range(0, len(sighted.ids), PAGE):
        nobodys = row.id.in_(sighted.ids[first : first + PAGE]) & row.subject_id.is_null()
        gone += rows.shred_bodies(core, nobodys, subject_id=subject_id)
    return gone


def shred_requests(tenant_id: str, ids: Sequence[str]) -> int:
    """Requests of somebody unknown who turns out to be the person; how many."""
    for one in ids:
        gone = {"requester_sealed": None, "details_sealed": None, "reference": ""}
        quick.update(models.RightsRequest, {"id": one}, gone)
    queue.withdraw_all(tenant_id, (), ids)
    return len(ids)


def requests(core: Core, tenant_id: str, known: Identifiers) -> list[models.RightsRequest]:
    """Requests of nobody on file that name the person: by the address that came with one, or by the telephone
    where none did. Households share telephones, and an address that isn't the person's is somebody else's."""
    row, found = models.RightsRequest, list[models.RightsRequest]()
    query = row.select().where(
        row.tenant_id == tenant_id, row.subject_id.is_null(), row.requester_sealed.is_null(False)
    )
    for request in query.iterator():
        person = person_from(intake.requester(core, request))
        said = person.email or person.phone or ""
        if known.named_in(said.encode(), request.source):
            found.append(request)
    return found


def shred_answers(core: Core, tenant_id: str, subject_ids: Sequence[str], known: Identifiers) -> int:
    """Kept answers of the API that name the person or their ids; how many."""
    row, keys = models.IdempotencyKey, list[str]()
    for kept in row.select().where(row.tenant_id == tenant_id).iterator():
        place = {"table": "idempotency_keys", "column": "response_sealed", "row_id": kept.key}
        sealed = bytes(kept.response_sealed)
        body = core.keys.unseal(tenant_id, sealed, **place) if sealed else b""
        if any(one.encode() in body for one in subject_ids) or known.named_in(body, "api"):
            keys.append(kept.key)
    for first in range(0, len(keys), PAGE):
        part = row.key.in_(keys[first : first + PAGE])
        row.delete().where(row.tenant_id == tenant_id, part).execute()
    return len(keys)


def _unmatched(tenant_id: str, last: int) -> Iterator[models.Event]:
    row = models.Event
    while True:
        query = row.select(row.id, row.seq, row.tenant_id, row.source, row.topic, row.payload_sealed).where(
            row.tenant_id == tenant_id,
            row.seq > last,
            row.subject_id.is_null(),
            row.payload_sealed.is_null(False),
        )
        page = list(query.order_by(row.seq).limit(PAGE))
        yield from page
        if not page:
            return
        last = page[-1].seq
