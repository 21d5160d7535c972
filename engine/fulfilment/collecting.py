"""What a person is told who asks: everything, the categories alone, or what they gave (GDPR Art. 15 and 20,
Cal. Civ. Code 1798.110).

The result is one JSON document, described by ``schema.py``. The number of queries doesn't grow with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import moments
from ..core import Core
from ..desk import settings
from ..rights.types import RequestType
from ..store import models, quick
from . import lists, telling, words
from .people import family as family_of

FORMAT, VERSION = "dxflow-personal-data", 1
ACCESS, CATEGORIES, PORTABILITY = (
    str(RequestType.ACCESS),
    str(RequestType.ACCESS_CATEGORIES),
    str(RequestType.PORTABILITY),
)
TYPES = (ACCESS, CATEGORIES, PORTABILITY)
PROFILE_FIELDS = ("email", "phone", "name", "external_ids")

Data = dict[str, Any]


def collect(core: Core, request: models.RightsRequest, subject: models.DataSubject) -> Data:
    """The document for a request of one of ``TYPES``; ``subject`` is the one that stands, with everybody merged
    into them. Takes its rows as they are meanwhile; entries that the log gets later have no proof in it."""
    with core.store.reachable():
        family = family_of(subject)
        head = core.log.head(subject.tenant_id)
        data = _frame(core, request, subject)
        if request.type == PORTABILITY:
            return data | _provided(core, family)
        activities = lists.activities(subject.tenant_id, family, head.size)
        profiles = lists.profiles(core, family)
        recipients = _recipients(core, family, activities)
        data["information"] = _information(request, activities, profiles)
        if request.type == CATEGORIES:
            return data | {"recipients": recipients}
        return data | _everything(core, family, profiles, activities, recipients, head)


def _frame(core: Core, request: models.RightsRequest, subject: models.DataSubject) -> Data:
    """What every document says of itself."""
    tenant, desk = models.DataController.get_by_id(subject.tenant_id), settings.of(subject.tenant_id)
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": request.type,
        "language": words.known(request.language),
        "made_at": moments.to_text(core.clock()),
        "controller": {
            "name": tenant.name,
            "did": tenant.did,
            "jurisdiction": tenant.jurisdiction,
            "privacy_url": desk.privacy_url,
        },
        "request": {
            "id": request.id,
            "type": request.type,
            "regime": request.regime,
            "received_at": moments.to_text(request.received_at),
        },
        "subject": {"did": subject.did, "since": moments.to_text(subject.created_at)},
    }


def _provided(core: Core, family: Sequence[models.DataSubject]) -> Data:
    """What the person gave: who they are, and what they agreed to (Art. 20(1)). What was concluded or recorded
    about them isn't in it; an access request has that."""
    return {
        "profiles": lists.profiles(core, family),
        "identifiers": lists.identifiers(core, family),
        "consents": lists.consents(family),
    }


def _everything(
    core: Core,
    family: Sequence[models.DataSubject],
    profiles: lists.Rows,
    activities: lists.Rows,
    recipients: lists.Rows,
    head: models.AuditHead,
) -> Data:
    return {
        "profiles": profiles,
        "identifiers": lists.identifiers(core, family),
        "consents": lists.consents(family),
        "processing_activities": activities,
        "events": lists.events(family),
        "requests": lists.requests(core, family),
        "recipients": recipients,
        "limits": lists.limits(family),
        "log": {
            "origin": head.origin,
            "size": head.size,
            "checkpoint": head.checkpoint,
            "keys": core.signing.vkeys(head.origin),
        },
    }


def _information(request: models.RightsRequest, activities: lists.Rows, profiles: lists.Rows) -> Data:
    """Art. 15(1)(a) to (h), as far as dxflow can know it: retention and automated decisions it can't, and says
    who can."""
    desk, say = settings.of(request.tenant_id), words.of(request.language)
    stored = [name for name in PROFILE_FIELDS if any(one[name] for one in profiles)]
    return {
        "purposes": _purposes(activities),
        "categories": _sorted(stored, *(one["fields"] for one in activities)),
        "sources": _sorted(one["source"] for one in activities),
        "retention": say["retention_text"],
        "automated_decisions": say["automated_text"],
        "rights": [say[name] for name in words.rights(request.regime)],
        "authority": desk.authority or say["authority_text"],
    }


def _purposes(activities: lists.Rows) -> lists.Rows:
    """Each purpose with what it rests on, by its name."""
    found = []
    for purpose in _sorted(one["purpose"] for one in activities):
        mine = [one for one in activities if one["purpose"] == purpose]
        found.append(
            {
                "purpose": purpose,
                "legal_bases": _sorted(one["legal_basis"] for one in mine),
                "activity_types": _sorted(one["activity_type"] for one in mine),
                "fields": _sorted(*(one["fields"] for one in mine)),
                "sources": _sorted(one["source"] for one in mine),
            }
        )
    return found


def _recipients(core: Core, family: Sequence[models.DataSubject], activities: lists.Rows) -> lists.Rows:
    """Connectors whose platforms sent the person's data or hold them, with the kinds of fields; and dx-agents
    elsewhere, which get commitments and no data."""
    tenant_id = family[0].tenant_id
    holders = telling.holders(core, tenant_id, family)
    connectors = quick.by_ids(models.Connector, (one.connector_id for one in holders), tenant_id=tenant_id)
    found = [
        {
            "name": connectors[one.connector_id].name,
            "platform": one.platform,
            "fields": _sorted(*(each["fields"] for each in activities if each["source"] == one.platform)),
        }
        for one in holders
    ]
    proofs = (one["registration"]["proof"] for one in activities)
    elsewhere = _sorted(proof["origin"] for proof in proofs if proof and proof["origin"])
    return found + [{"name": origin, "platform": "dx-agent", "fields": []} for origin in elsewhere]


def _sorted(*texts: Iterable[str]) -> list[str]:
    return sorted({text for some in texts for text in some})
