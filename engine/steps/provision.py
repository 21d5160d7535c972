"""Rows that Hasura sends about an application's own tables become rows here, under their own ids.

A row's id is taken over where it is a UUID of version 4 that is still free, so that the DID derived here is the
DID of the record itself. Users and memberships become users (whose own workflow makes the membership); a data
controller's row may only speak of the tenant whose connector it came through.
"""

from __future__ import annotations

from ..core import Core
from ..errors import Invalid, PermanentError
from ..identity import accounts, did, normalise
from ..platforms.base import Extraction
from ..store import models, quick
from .base import Outcome

_USERS = ("user", "membership")
_TABLES = {"data_subject": models.DataSubject, "processing_activity": models.ProcessingActivity}


def concerns(event: models.Event, found: Extraction) -> bool:
    """Whether the row has something to take over, beyond the activity that was logged."""
    workflow = event.meta.get("workflow")
    if found.record is None or event.meta.get("op") == "DELETE":
        return False
    return workflow == "data_controller" or (workflow in _USERS and found.person is not None)


def own_id(core: Core, event: models.Event, found: Extraction, workflow: str) -> str | None:
    """The id of a Hasura row of this workflow, if it can be that of our row too: version 4, and nobody's yet.

    Applications share ids between tables; here each has one DID, and a DID names one record.
    """
    if found.record is None or event.meta.get("workflow") != workflow:
        return None
    try:
        identifier = did.require_v4(str(found.record.get("id", "")))
    except Invalid:
        return None
    name = did.derive(identifier, core.did_method)
    taken = quick.get(_TABLES[workflow], id=identifier) or quick.get(models.Did, did=name)
    return None if taken is not None else identifier


def apply(core: Core, event: models.Event, found: Extraction) -> Outcome:
    """Write the row. Raises PermanentError for a data controller that isn't this connector's tenant."""
    if event.meta.get("workflow") == "data_controller":
        return _rename(event, found)
    return _user(core, event, found)


def _rename(event: models.Event, found: Extraction) -> Outcome:
    record = found.record or {}
    if str(record.get("id", "")).lower() != event.tenant_id:
        raise PermanentError("the row is another data controller's than the connector's")
    name = record.get("name")
    tenant = models.DataController.get_by_id(event.tenant_id)
    if not isinstance(name, str) or not name.strip() or name == tenant.name:
        return Outcome("unchanged")
    tenant.name = name.strip()[:200]
    tenant.save(only=["name"])
    return Outcome("provisioned", {"tenant": tenant.did})


def _user(core: Core, event: models.Event, found: Extraction) -> Outcome:
    email = normalise.email(found.person.email) if found.person and found.person.email else None
    if email is None:
        return Outcome("unchanged")
    if accounts.find(core.keys, email) is not None:
        # Anybody may sign up at an application with anybody's address: it brings nobody's account in here.
        return Outcome("unchanged")
    made = accounts.insert(core.keys, core.clock, core.new_id(), event.tenant_id, email)
    return Outcome("provisioned", {"user": made.id})
