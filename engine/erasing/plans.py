"""The dry run of an erasure: what goes, where, by when, what stands in the way, and what remains and why.

Plain JSON without personal data. What two people agree on is its ``digest``: of what can't change without
their noticing. A delivery more or less changes nothing about the decision; a recipient more does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .. import moments
from ..core import Core
from ..errors import Conflict
from ..lookups import there
from ..recipients import RECIPIENTS
from ..recipients.targets import BY_API, Addressed, Known, addressed
from ..rights import proof
from ..rights.types import RequestState, RequestType
from ..store import models, quick
from . import open_requests, people, residue
from .erasure import REDELIVERIES
from .mentions import Identifiers

FIRST = frozenset(
    {
        RequestType.ACCESS,
        RequestType.ACCESS_CATEGORIES,
        RequestType.PORTABILITY,
        RequestType.RESTRICTION,
        RequestType.COMPLAINT,
    }
)
"""Requests that can't be answered any more once the person is erased, or that ask for the opposite
(GDPR Art. 18(1)(b) and (c)): they come first."""

_COUNTED: Mapping[str, Any] = {
    "links": models.DataSubjectLink,
    "requests": models.RightsRequest,
    "packages": models.Package,
    "activities": models.ProcessingActivity,
    "consents": models.Consent,
    "limits": models.SubjectLimit,
}


def plan(
    core: Core,
    tenant_id: str,
    subject_id: str,
    *,
    request_id: str | None = None,
    reason: str = "request",
    with_account: bool = False,
) -> dict[str, Any]:
    """What erasing would do. Raises NotFound, and Conflict for who was erased before or merged away."""
    subject = there(quick.get(models.DataSubject, id=subject_id, tenant_id=tenant_id), "no such data subject")
    if subject.state in ("erased", "merged"):
        raise Conflict(f"this data subject is {subject.state} already")
    family = people.family(subject)
    return _plan(core, family, people.identifiers(core, family), request_id, reason, with_account)


def again(
    core: Core, family: Sequence[models.DataSubject], known: Identifiers, order: models.ErasureOrder
) -> dict[str, Any]:
    """The plan of an order as things stand now."""
    return _plan(core, family, known, order.request_id, order.reason, bool(order.with_account))


def recipients(tenant_id: str, family: Sequence[models.DataSubject], known: Identifiers) -> list[Addressed]:
    """Who has to be told."""
    ids = [one.id for one in family]
    return addressed(tenant_id, ids, Known(known.emails, known.phones, known.ids))


def digest(made: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of what was decided on."""
    asked = [[one["platform"], one["connector_id"], one["how"]] for one in made["where"]["recipients"]]
    what = {name: made["what"][name] for name in ("people", "links")}
    said = {"what": what, "recipients": asked, "reason": made["reason"], "with_account": made["with_account"]}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _plan(
    core: Core,
    family: Sequence[models.DataSubject],
    known: Identifiers,
    request_id: str | None,
    reason: str,
    with_account: bool,
) -> dict[str, Any]:
    tenant_id, ids = family[0].tenant_id, [one.id for one in family]
    request = _request(tenant_id, request_id)
    asked = [_asked(one) for one in recipients(tenant_id, family, known)]
    counts = {name: _count(model, ids) for name, model in _COUNTED.items()} | {"deliveries": _bodies(ids)}
    return {
        "subject_id": ids[0],
        "reason": reason,
        "with_account": with_account,
        "what": {"people": len(ids), **counts, "marks": len(set(people.marks(tenant_id, known)))},
        "where": {"tables": list(residue.TOUCHED), "recipients": asked},
        "deadline": {"request_id": request.id, "due": request.due} if request is not None else None,
        "blocked": blocked(tenant_id, ids, request, with_account=with_account),
        "warnings": _warnings(ids, request),
        "remains": [*_remaining(core, counts), *_followed(ids), *(_of_recipient(one) for one in asked)],
    }


def blocked(
    tenant_id: str, ids: Sequence[str], request: models.RightsRequest | None, *, with_account: bool
) -> list[dict[str, str]]:
    """What must be settled first."""
    found = []
    if people.held(ids):
        found.append({"code": "legal_hold", "why": "a legal hold is in force"})
    if _restricted(ids):
        found.append({"code": "restriction", "why": "the person wants the data kept (GDPR Art. 18(2))"})
    if not with_account and _signs_in(tenant_id, ids):
        found.append({"code": "signs_in_here", "why": "the person has an account here: --with-account"})
    if request is not None and request.state in RequestState.over():
        why = f"the request is over: {request.state}"
        found.append({"code": "request_over", "why": why, "request_id": request.id})
    if request is not None and request.subject_id not in ids:
        why = "the request is about somebody else by now, or about nobody known"
        found.append({"code": "request_of_another", "why": why, "request_id": request.id})
    if request is not None and request.verified_at is None:
        found.append({"code": "identity", "why": "nobody has proven who asks", "request_id": request.id})
    for one in _open_requests(ids, request):
        if one.type in FIRST and proof.personal(one):
            why = f"a request of type {one.type} must be answered first"
            found.append({"code": "open_request", "why": why, "request_id": one.id})
    return found


def _warnings(ids: Sequence[str], request: models.RightsRequest | None) -> list[dict[str, str]]:
    """Open requests that nothing waits for: they end with the erasure, and their senders are told. Anybody can
    ask in a person's name, so what nobody proved keeps nobody from being erased."""
    found = []
    for one in _open_requests(ids, request):
        proven = proof.personal(one)
        if not (proven and one.type in FIRST):
            whose = "" if proven else ", and nobody has proven who asks"
            why = f"a request of type {one.type} is open{whose}: it ends with the erasure"
            found.append({"code": "open_request", "why": why, "request_id": one.id})
    return found


def _request(tenant_id: str, request_id: str | None) -> models.RightsRequest | None:
    if request_id is None:
        return None
    return there(
        quick.get(models.RightsRequest, id=request_id, tenant_id=tenant_id), "no such rights request"
    )


def _asked(one: Addressed) -> dict[str, Any]:
    recipient = RECIPIENTS.get(one.platform)
    by_api = one.how == BY_API and recipient is not None
    return {
        "platform": one.platform,
        "connector_id": one.connector_id,
        "how": one.how,
        "ids": len(one.target.ids),
        "when": recipient.delay if recipient is not None and by_api else "when a person has told them",
        "keeps": recipient.keeps if recipient is not None else "as they say",
    }


def _of_recipient(one: Mapping[str, Any]) -> dict[str, str]:
    return {"what": f"{one['platform']}: {one['keeps']}", "why": "their own duties", "until": one["when"]}


def _remaining(core: Core, counts: Mapping[str, int]) -> list[dict[str, str]]:
    """What stays here (docs/erasure.md)."""
    seen = moments.to_text(core.clock() + REDELIVERIES)
    return [
        _stays("leaves of the log, which nobody can open", "proofs made before go on holding", "never"),
        _stays("keyed marks of the identifiers", "nobody brings the person back", "lifted"),
        _stays("that deliveries were seen", "a platform may send them again", seen),
        _stays(
            f"{counts['consents']} consents and {counts['activities']} activities, under an id of nobody's",
            "accountability (GDPR Art. 5(2), Art. 17(3))",
            "you delete them",
        ),
        _stays("that somebody asked, and when they were answered", "the register of requests", "24 months"),
        _stays(
            "older backups, with their keys", "a restore erases again whom the shred list names", "their end"
        ),
    ]


def _followed(ids: Sequence[str]) -> list[dict[str, str]]:
    row = models.RightsRequest
    if not row.select().where(row.subject_id.in_(list(ids)), row.agent_sealed.is_null(False)).exists():
        return []
    why = "it waits to hear of the erasure"
    return [_stays("how an agent calls their request, and where it is told", why, "60 days after the answer")]


def _stays(what: str, why: str, until: str) -> dict[str, str]:
    return {"what": what, "why": why, "until": until}


def _count(model: Any, ids: Sequence[str]) -> int:
    return int(model.select().where(model.subject_id.in_(list(ids))).count())


def _bodies(ids: Sequence[str]) -> int:
    row = models.Event
    return int(row.select().where(row.subject_id.in_(list(ids)), row.payload_sealed.is_null(False)).count())


def _restricted(ids: Sequence[str]) -> bool:
    row = models.SubjectLimit
    in_force = (row.kind == "restriction") & row.lifted_at.is_null()
    return row.select().where(in_force, row.subject_id.in_(list(ids))).exists()


def _signs_in(tenant_id: str, ids: Sequence[str]) -> bool:
    row = models.Membership
    here = (row.tenant_id == tenant_id) & row.active & row.subject_id.in_(list(ids))
    return row.select().where(here).exists()


def _open_requests(ids: Sequence[str], but: models.RightsRequest | None) -> list[models.RightsRequest]:
    return open_requests.of(ids, None if but is None else but.id)


__all__ = ["FIRST", "again", "blocked", "digest", "plan", "recipients"]
