"""A platform said something about a person: match, log the activity, sync consent, record requests.

extract → match → log → consent | request | provision → done
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import peewee

from .. import notices
from ..core import Core
from ..errors import PermanentError, Unavailable
from ..identity.keys import LINK
from ..identity.subjects import Match, Origin
from ..inbox import open_payload
from ..platforms import get as platform
from ..platforms.base import Change, ConsentSignal, Endpoint, Extraction, Person, Trust
from ..rights import consent_carry, consent_sync, intake, limits
from ..rights.consent_order import Statement
from ..rights.types import RequestState
from ..store import models, quick
from . import limited, provision, returning
from .base import Outcome, Prepared, Step


def surroundings(core: Core, events: Sequence[models.Event], _: int | None) -> Prepared:
    """The region that reads local telephones, the limits of people matched before, and under each event's id
    what its body says, or the error that reading it ended with: opening and parsing is done before anybody
    waits for the transaction."""
    tenant_id = events[0].tenant_id
    with core.store.reachable():
        wanted = (event.connector_id for event in events)
        connectors = quick.by_ids(models.Connector, wanted, tenant_id=tenant_id)
        tenant = quick.get(models.DataController, id=tenant_id)
        held = limited.known(events)
    region = tenant.region if tenant else None
    found = {event.id: opened(core, event, connectors.get(event.connector_id)) for event in events}
    with core.store.reachable():
        looked = returning.look(core, tenant_id, found, region)
    return {"region": region, "returning": looked, limited.LIMITS: held, **found}


def opened(core: Core, event: models.Event, connector: models.Connector | None) -> Extraction | Exception:
    """What a stored body says, or the error that reading it ended with. Raises Unavailable alone."""
    if connector is None:
        return PermanentError("the connector this came through is gone")
    endpoint = Endpoint(connector.id, (), connector.options)
    try:
        return platform(connector.platform).extract(
            event.topic, open_payload(core, event), event.meta, endpoint
        )
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001  # it is the event's own, and raised where its step runs
        return error


def read(event: models.Event, prepared: Prepared) -> Extraction:
    """The stored body, as its platform's adapter reads it. Raises what reading it ended with: PermanentError
    when it doesn't fit its topic."""
    found: Extraction | Exception = prepared[event.id]
    if isinstance(found, Exception):
        raise found
    return found


def extract(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Read the body once to know that it can be read, and whether it concerns anybody."""
    del core
    found = read(event, prepared)
    concerned = found.change is not Change.NOBODY and found.person is not None and not found.person.nameless
    return Outcome("person" if concerned else "nobody", {"trust": event.trust, "topic": event.topic})


def match(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Find or create the data subject; move or merge links where the platform says so; bring nobody back."""
    looked: returning.Looked = prepared["returning"]
    if event.id in looked.marks:
        return returning.keep_out(looked.marks[event.id])
    found = read(event, prepared)
    person = found.person or Person()
    if found.change is Change.MOVE:
        return _move(core, event, found, prepared)
    if found.change is Change.MERGE:
        return _merge(core, event, found, prepared)
    create = found.change is Change.UPSERT
    result = core.subjects.match(
        _origin(event, found),
        person,
        create=create,
        region=prepared["region"],
        subject_id=provision.own_id(core, event, found, "data_subject"),
        known=looked.people.get(event.id),
        held=limits.restricts,
    )
    if result.outcome == "created":
        returning.require_new(core, event, found, prepared["region"])
    return _matched(core, event, result, prepared)


def _move(core: Core, event: models.Event, found: Extraction, prepared: Prepared) -> Outcome:
    """One person changed their address: their links follow, unless the new address is somebody else's."""
    previous, person = found.previous or Person(), found.person or Person()
    origin, region = _origin(event, found), prepared["region"]
    moved = core.subjects.move(origin, previous, person, region, held=limits.restricts)
    return _matched(core, event, moved, prepared)


def _matched(core: Core, event: models.Event, result: Match, prepared: Prepared) -> Outcome:
    limited.note(prepared, result.subject)
    if result.outcome == "limited" and result.subject is not None:
        return limited.outcome(result.subject)
    if result.conflicts:
        notices.link_conflict(core, event.tenant_id, result.conflicts, ("event", event.id))
    outcome = "conflict" if result.conflicts else result.outcome
    subject_id = result.subject.id if result.subject else None
    return Outcome(outcome, changes={"subject_id": subject_id, **limited.released(event)})


def _merge(core: Core, event: models.Event, found: Extraction, prepared: Prepared) -> Outcome:
    """The platform merged two of its customers into one: the same person under one subject from now on."""
    origin, region = _origin(event, found), prepared["region"]
    person, restricts = found.person or Person(), limits.restricts
    kept = core.subjects.match(origin, person, create=True, region=region, held=restricts).subject
    gone = core.subjects.find(event.tenant_id, found.previous or Person(), region)
    if kept is None:
        raise PermanentError("a merge without the customer that was kept")
    for one in (kept, gone):
        if one is not None and restricts(one):
            return limited.outcome(one)
    if gone is not None and gone.id != kept.id:
        core.subjects.merge(origin, kept, gone)
        limits.carry(gone.id, kept.id)
        consent_carry.carry(core, gone.id, kept.id, event.id)
        consent_sync.retell(core, event.tenant_id, kept.id)
    return Outcome("merged", changes={"subject_id": kept.id, **limited.released(event)})


def log(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Write down what was done with whose data. One activity per event, whatever is repeated."""
    found = read(event, prepared)
    done = limited.done(event, found, prepared)
    activity = {
        "id": _activity_id(core, event, found),
        "tenant_id": event.tenant_id,
        "subject_id": event.subject_id,
        "activity_type": done.activity_type,
        "legal_basis": done.legal_basis,
        "purpose": done.purpose,
        "fields": done.fields,
        "source": event.source,
        "event_id": event.id,
        "occurred_at": found.occurred_at or event.received_at,
        "created_at": core.clock(),
    }
    if not quick.insert(models.ProcessingActivity, activity, ignore=True):  # a replayed event has its own
        activity = {"id": models.ProcessingActivity.get(event_id=event.id).id}
    return Outcome(
        _what_follows(event, found, prepared),
        {"activity_type": done.activity_type, **done.leaf},
        {"entity_id": activity["id"]},
        {"legal_basis": done.legal_basis, "purpose": done.purpose, "fields": done.fields},
    )


def consent(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Append what the platform says about consent; a statement older than what holds changes nothing, nor does
    the echo of what dxflow told the platform."""
    found = read(event, prepared)
    signals = limited.signals(event, found, prepared)
    verdicts = [(signal, _take_consent(core, event, signal)) for signal in signals]
    written = [signal for signal, verdict in verdicts if verdict == consent_sync.RECORDED]
    leaf = {"consents": [[signal.purpose, signal.channel, signal.state] for signal in written]}
    echoed = any(verdict == consent_sync.ECHO for _, verdict in verdicts)
    return Outcome("synced" if written else "echo" if echoed else "stale", leaf)


def request(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """A platform passes on a rights request: it joins the queue with its clock."""
    found = read(event, prepared)
    if found.request is None:
        raise PermanentError("a rights request was announced, and the body holds none")
    known = _open_request_like(core, event)
    if known is not None:
        return Outcome("repeated", {"request": known.id, "type": known.type})
    row = intake.from_platform(core, event, found.request, found.person)
    return Outcome("recorded", {"request": row.id, "type": row.type})


def provision_row(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """A row of an application's users or of the tenant itself is taken over into dxflow's own."""
    return provision.apply(core, event, read(event, prepared))


def _origin(event: models.Event, found: Extraction) -> Origin:
    """A time ahead of the receipt counts as the receipt: it would make all that follows look stale."""
    at = min(found.occurred_at, event.received_at) if found.occurred_at else None
    return Origin(event.tenant_id, event.source, event.id, at)


def _activity_id(core: Core, event: models.Event, found: Extraction) -> str:
    """The record's own where it has one and it is logged as what it is, not as merely stored."""
    own = None if limited.stored(event) else provision.own_id(core, event, found, "processing_activity")
    return own or core.new_id()


def _what_follows(event: models.Event, found: Extraction, prepared: Prepared) -> str:
    if found.request is not None:
        return "request_follows"
    if event.subject_id is not None and limited.signals(event, found, prepared):
        return "consent_follows"
    if limited.stored(event):
        return "logged"
    return "row_follows" if provision.concerns(event, found) else "logged"


def _open_request_like(core: Core, event: models.Event) -> models.RightsRequest | None:
    """The request that these very bytes made before, as long as somebody still owes an answer to it."""
    model = models.RightsRequest
    earlier = _same_body_before(core, event).select(models.Event.id)
    found: models.RightsRequest | None = (
        model.select()
        .where(model.tenant_id == event.tenant_id, model.event_id.in_(earlier))
        .where(model.state.not_in(sorted(RequestState.over())))
        .first()
    )
    return found


def _take_consent(core: Core, event: models.Event, signal: ConsentSignal) -> str:
    """``recorded``, ``echo`` or ``stale``: the last for one that is already there, is older than what holds, or
    repeats a timeless one."""
    at = _time_of(core, event, signal)
    if at is None:
        return consent_sync.STALE
    said = Statement(
        event.tenant_id,
        str(event.subject_id),
        signal.purpose,
        signal.channel,
        signal.state,
        event.source,
        at,
        event_id=event.id,
        connector_id=event.connector_id,
        evidence=signal.evidence,
    )
    return consent_sync.take(core, said)


def _time_of(core: Core, event: models.Event, signal: ConsentSignal) -> datetime | None:
    """When a statement was made, as the platform says.

    One without a time, or with a time still to come, holds from its receipt, unless these very bytes came
    before: who holds a captured body could otherwise undo a later withdrawal by sending it again.
    """
    received: datetime = event.received_at
    if signal.occurred_at is not None and signal.occurred_at <= received:
        return signal.occurred_at
    if event.trust != Trust.SIGNED_FRESH and _same_body_before(core, event).exists():
        return None
    return received


def _same_body_before(core: Core, event: models.Event) -> peewee.ModelSelect[models.Event]:
    """Earlier events of this tenant with the very same bytes, under whatever topic, connector or delivery id:
    most platforms sign the body alone."""
    model, same = models.Event, [event.body_mac]
    if len(core.keys.versions(event.tenant_id, LINK).keys) > 1:  # a rotation is under way, or not long ago
        same += core.keys.macs(event.tenant_id, "body", open_payload(core, event))
    return model.select().where(
        model.tenant_id == event.tenant_id, model.body_mac.in_(same), model.seq < event.seq
    )


STEPS = {
    "extract": Step(extract, surroundings),
    "match": Step(match, surroundings),
    "log": Step(log, surroundings),
    "consent": Step(consent, surroundings),
    "request": Step(request, surroundings),
    "provision": Step(provision_row, surroundings),
}
