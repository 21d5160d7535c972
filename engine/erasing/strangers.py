"""What names a person without saying so in a column: deliveries nobody handles, failed or waiting ones,
requests by somebody unknown, and kept answers of the API. Each is opened, and goes if it names the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..core import Core
from ..errors import DxflowError
from ..identity.profiles import person_from
from ..inbox import open_payload
from ..rights import intake
from ..store import models
from . import rows
from .people import Identifiers

PAGE = 200


def shred_events(core: Core, tenant_id: str, known: Identifiers) -> int:
    """Bodies of events that belong to nobody and name the person; how many."""
    row, named = models.Event, list[models.Event]()
    for event in _unmatched(tenant_id):
        try:
            if known.named_in(open_payload(core, event), event.source):
                named.append(event)
        except DxflowError:
            continue  # what nobody can open names nobody
    ids = [event.id for event in named]
    rows.give_up(core, [event for event in named if event.state in rows.WAITING])
    row.update(payload_sealed=None, body_mac=None, error=None).where(row.id.in_(ids)).execute()
    return len(ids)


def shred_requests(core: Core, tenant_id: str, known: Identifiers) -> int:
    """Requests of somebody unknown who turns out to be the person; how many."""
    row, ids = models.RightsRequest, list[str]()
    query = row.select().where(
        row.tenant_id == tenant_id, row.subject_id.is_null(), row.requester_sealed.is_null(False)
    )
    for request in query:
        person = person_from(intake.requester(core, request))
        said = " ".join(filter(None, (person.email, person.phone)))
        if known.named_in(said.encode(), request.source):
            ids.append(request.id)
    gone = row.update(requester_sealed=None, details_sealed=None, reference="").where(row.id.in_(ids))
    return int(gone.execute())


def shred_answers(core: Core, tenant_id: str, subject_ids: Sequence[str], known: Identifiers) -> int:
    """Kept answers of the API that name the person or their ids; how many."""
    row, keys = models.IdempotencyKey, list[str]()
    for kept in row.select().where(row.tenant_id == tenant_id):
        place = {"table": "idempotency_keys", "column": "response_sealed", "row_id": kept.key}
        sealed = bytes(kept.response_sealed)
        body = core.keys.unseal(tenant_id, sealed, **place) if sealed else b""
        if any(one.encode() in body for one in subject_ids) or known.named_in(body, "api"):
            keys.append(kept.key)
    return int(row.delete().where(row.tenant_id == tenant_id, row.key.in_(keys)).execute())


def _unmatched(tenant_id: str) -> Iterator[models.Event]:
    row, last = models.Event, 0
    while True:
        query = row.select().where(
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
