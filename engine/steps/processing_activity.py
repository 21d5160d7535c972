"""A processing activity was logged: register it with the dx-agent, then write down what the agent answered.

publish → [tenant's queue] register, under the tenant's lock → [results queue] record → done
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from .. import notices
from ..agent import Item, NotBelieved, Receipt
from ..core import Core
from ..errors import PermanentError, StaleFence
from ..ledger import activity_leaf, leaves
from ..store import models, quick
from .base import Outcome, Prepared, Step


def publish(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Hand the activity to its tenant's registration queue.

    Raises PermanentError for a row that can't be registered as it stands, and Conflict when its DID is another
    record's: what is in the log can't be taken back.
    """
    activity = _load(event)
    if activity is None:
        ended = core.subjects.deactivate(event.entity_id, event.tenant_id)
        return Outcome("gone", {"change": event.topic, **ended})
    if activity.registration_state == "registered":
        return Outcome("unchanged", {"activity": activity.did, "change": event.topic})
    _commit(core, activity)
    core.subjects.claim(activity.id, "processing_activity", activity.tenant_id)
    quick.update(models.ProcessingActivity, {"id": activity.id}, {"registration_state": "queued"})
    return Outcome("published", changes={"subject_id": activity.subject_id})


def call_agent(core: Core, events: Sequence[models.Event], fence: int | None) -> Prepared:
    """Register a whole batch in one call; the agent answers with a receipt per activity."""
    if fence is None:
        raise StaleFence("registration needs the tenant's lock")
    with core.store.reachable():
        commitments = _commitments(core, _load_all(events))
    items = [
        Item(event.entity_id, event.id, commitments[event.entity_id])
        for event in events
        if event.entity_id in commitments
    ]
    receipts = _ask(core, events[0].tenant_id, items, fence) if items else []
    return {receipt.activity_id: receipt for receipt in receipts}


def _ask(core: Core, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
    """The agent's receipts; where it isn't believed, people hear of it at once."""
    try:
        return core.agent.register(tenant_id, items, fence)
    except NotBelieved as error:
        with core.store.transaction():
            notices.agent_not_believed(core, tenant_id, str(error))
        raise


def _load_all(events: Sequence[models.Event]) -> dict[str, models.ProcessingActivity]:
    """The events' activities by id, without those that somebody removed or spoiled since they were published:
    their neighbours go on without."""
    ids, tenant_id = [event.entity_id for event in events], events[0].tenant_id
    try:
        return quick.by_ids(models.ProcessingActivity, ids, tenant_id=tenant_id)
    except ValueError:  # one of them can't be read: which?
        return {event.entity_id: found for event in events if (found := _load_unspoiled(event)) is not None}


def _load_unspoiled(event: models.Event) -> models.ProcessingActivity | None:
    try:
        return _load(event)
    except PermanentError:
        return None


def _commitments(core: Core, activities: Mapping[str, models.ProcessingActivity]) -> dict[str, str]:
    """What each activity's leaf will say of its content, by id: made when it was published."""
    found = quick.by_ids(models.ActivitySalt, activities, key="activity_id")
    missing = [activity for key, activity in activities.items() if key not in found]
    if missing:  # published by a version that made salts later
        with core.store.transaction():
            for activity in missing:
                with suppress(PermanentError):  # spoiled since: its event will say so
                    _commit(core, activity)
        found = quick.by_ids(models.ActivitySalt, activities, key="activity_id")
    return {key: row.commitment for key, row in found.items()}


def _commit(core: Core, activity: models.ProcessingActivity) -> None:
    """Commit to the activity as it stands, unless that was done before: a dx-agent that was asked already, and
    whose answer was lost, must hear the same again. Raises PermanentError for one that no leaf can hold.

    Of an activity about somebody erased the salt isn't kept: it is registered, and nobody can open it."""
    salt, subject_id = core.log.random(leaves.SALT_BYTES), activity.subject_id
    erased = subject_id is not None and quick.get(models.Erasure, subject_id=subject_id) is not None
    row = {
        "activity_id": activity.id,
        "tenant_id": activity.tenant_id,
        "salt": b"" if erased else salt,
        "commitment": leaves.commit(salt, activity_leaf.payload(activity)),
    }
    quick.insert(models.ActivitySalt, row, ignore=True)


def register(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Keep the receipt with the event until the results handler writes it down."""
    del core
    receipt: Receipt | None = prepared.get(event.entity_id)
    if receipt is None and quick.get(models.ProcessingActivity, id=event.entity_id) is None:
        return Outcome("gone")
    if receipt is None:
        raise PermanentError("the activity can't be read: there is nothing to register")
    result = {"did": receipt.did, "log_index": receipt.log_index, "tree_size": receipt.tree_size}
    return Outcome(
        "registered", {"activity": receipt.did, "log_index": receipt.log_index}, {"result": result}
    )


def record(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Write DID, place in the log and state to the activity."""
    name = core.subjects.claim(event.entity_id, "processing_activity", event.tenant_id)
    results = {
        "did": name,
        "log_index": event.result["log_index"],
        "tree_size": event.result["tree_size"],
        "registration_state": "registered",
        "registered_at": core.clock(),
    }
    row = {"id": event.entity_id, "tenant_id": event.tenant_id}
    found = quick.update(models.ProcessingActivity, row, results)
    ended = {} if found else core.subjects.deactivate(event.entity_id, event.tenant_id)
    return Outcome("recorded" if found else "gone", {"activity": name, **ended})


def mark_failed(core: Core, event: models.Event) -> None:
    """Show on the activity itself that its registration failed."""
    del core
    models.ProcessingActivity.update(registration_state="failed").where(
        models.ProcessingActivity.id == event.entity_id,
        models.ProcessingActivity.registration_state != "registered",
    ).execute()


def _load(event: models.Event) -> models.ProcessingActivity | None:
    """The event's activity. Raises PermanentError for one that plain SQL wrote and nobody can read."""
    try:
        return quick.get(models.ProcessingActivity, id=event.entity_id, tenant_id=event.tenant_id)
    except ValueError:
        raise PermanentError(
            "the activity can't be read: fields must be a JSON list, and times RFC 3339 with an offset"
        ) from None


STEPS = {
    "publish": Step(publish, on_failure=mark_failed),
    "register": Step(register, prepare=call_agent, on_failure=mark_failed),
    "record": Step(record, on_failure=mark_failed),
}
