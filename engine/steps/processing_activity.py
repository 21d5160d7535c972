"""A processing activity was logged: register it with the dx-agent, then write down what the agent answered.

publish → [tenant's queue] register, under the tenant's lock → [results queue] record → done
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import moments
from ..agent import Item, Receipt
from ..core import Core
from ..errors import PermanentError, StaleFence
from ..store import models, quick
from .base import Outcome, Prepared, Step


def publish(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Hand the activity to its tenant's registration queue. Raises Conflict when its DID is another record's:
    what is registered can't be taken back."""
    activity = quick.get(models.ProcessingActivity, id=event.entity_id, tenant_id=event.tenant_id)
    if activity is None:
        return Outcome("gone", {"change": event.topic})
    if activity.registration_state == "registered":
        return Outcome("unchanged", {"activity": activity.did, "change": event.topic})
    core.subjects.claim(activity.id, "processing_activity", activity.tenant_id)
    quick.update(models.ProcessingActivity, {"id": activity.id}, {"registration_state": "queued"})
    return Outcome("published", changes={"subject_id": activity.subject_id})


def call_agent(core: Core, events: Sequence[models.Event], fence: int | None) -> Prepared:
    """Register a whole batch in one call; the agent answers with a receipt per activity."""
    if fence is None:
        raise StaleFence("registration needs the tenant's lock")
    wanted = (event.entity_id for event in events)
    activities = quick.by_ids(models.ProcessingActivity, wanted, tenant_id=events[0].tenant_id)
    items = [
        Item(event.entity_id, event.id, payload(activities[event.entity_id]))
        for event in events
        if event.entity_id in activities
    ]
    receipts = core.agent.register(events[0].tenant_id, items, fence) if items else []
    return {receipt.activity_id: receipt for receipt in receipts}


def register(core: Core, event: models.Event, prepared: Prepared) -> Outcome:
    """Keep the receipt with the event until the results handler writes it down."""
    del core
    receipt: Receipt | None = prepared.get(event.entity_id)
    if receipt is None:
        raise PermanentError("the activity is gone, there is nothing to register")
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
    return Outcome("recorded" if found else "gone", {"activity": name})


def mark_failed(core: Core, event: models.Event) -> None:
    """Show on the activity itself that its registration failed."""
    del core
    models.ProcessingActivity.update(registration_state="failed").where(
        models.ProcessingActivity.id == event.entity_id,
        models.ProcessingActivity.registration_state != "registered",
    ).execute()


def payload(activity: models.ProcessingActivity) -> dict[str, object]:
    """What the leaf commits to: the activity as it stood when it was registered."""
    return {
        "id": activity.id,
        "subject_id": activity.subject_id,
        "activity_type": activity.activity_type,
        "legal_basis": activity.legal_basis,
        "purpose": activity.purpose,
        "fields": list(activity.fields),
        "occurred_at": moments.to_text(activity.occurred_at),
    }


STEPS = {
    "publish": Step(publish, on_failure=mark_failed),
    "register": Step(register, prepare=call_agent, on_failure=mark_failed),
    "record": Step(record, on_failure=mark_failed),
}
